"""What an account holds besides what is declared, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from modelward.core.model_package import ModelPackage


@dataclass(frozen=True, slots=True)
class Group:
    """A Model Package Group, as ListModelPackageGroups tells of it."""

    name: str
    description: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Table:
    """A DynamoDB table, as DescribeTable tells of it.

    Args:
        key: Names of its partition key and sort key; those that are no texts with their type, as in `at (N)`.
        indexes: The same of each global index that holds whole items, by name.
        stream_arn: Its newest stream; empty when it never had one.
        stream_view: What records of the stream hold, such as NEW_IMAGE; empty when the stream is off.
        key_arn: The KMS key that encrypts it; empty for DynamoDB's own.
        is_protected: Whether DynamoDB refuses to delete it.
    """

    key: tuple[str, ...]
    indexes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stream_arn: str = ""
    stream_view: str = ""
    key_arn: str = ""
    is_protected: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A group with what people want to know before they adopt it.

    Args:
        group: The group.
        versions: How many versions it has, as far as the search index knows.
        last: The newest of them; None when there is none.
        endpoints: Names of the endpoints that serve any of them, sorted.
        is_declared: Whether registry.toml declares it.
    """

    group: Group
    versions: int
    last: ModelPackage | None
    endpoints: tuple[str, ...]
    is_declared: bool

    def to_json(self) -> dict[str, Any]:
        """Spell it for programs."""
        return {
            "group": self.group.name,
            "created_at": self.group.created_at.isoformat(),
            "versions": self.versions,
            "last": self.last and self.last.to_json(),
            "endpoints": list(self.endpoints),
            "is_declared": self.is_declared,
        }
