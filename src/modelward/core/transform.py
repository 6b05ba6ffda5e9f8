"""Batch transform: what is asked for, and what SageMaker tells of a job."""

from dataclasses import asdict, dataclass
from typing import Any

RUNNING = frozenset({"InProgress", "Stopping"})


@dataclass(frozen=True, slots=True)
class Transform:
    """What a version is to answer in one go.

    Args:
        input_uri: What the objects to answer begin with (`s3://BUCKET/PREFIX`).
        output_uri: Below what the answers go; empty for a place of its own in the registry's bucket.
        instance_type: On instances of which type.
        instance_count: On how many of them.
        content_type: MIME type of the objects.
        split_type: `Line`, to ask with as many lines at a time as fit into a request, or `None`, with a whole object.
    """

    input_uri: str
    output_uri: str = ""
    instance_type: str = "ml.m5.large"
    instance_count: int = 1
    content_type: str = "text/csv"
    split_type: str = "Line"


@dataclass(frozen=True, slots=True)
class TransformJob:
    """A job as SageMaker tells of it (`DescribeTransformJob`), and the version that answers."""

    name: str
    model: str
    version: int
    status: str
    output_uri: str
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Spell it for programs."""
        return asdict(self)
