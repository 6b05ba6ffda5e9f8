"""A version of a model, as SageMaker holds it."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from math import isfinite
from typing import Any


class ApprovalStatus(StrEnum):
    """The verdict of a review, in the API's strings (`ModelApprovalStatus`)."""

    APPROVED = "Approved"
    REJECTED = "Rejected"
    PENDING = "PendingManualApproval"


class StageStatus(StrEnum):
    """How far a version has come in its stage (`ModelLifeCycle.StageStatus`).

    The strings are among those that SageMaker's own templates use, so that Studio shows familiar words. Any other
    string may stand in the field too, since people write it: such a version is one whose entry nobody has reviewed.
    """

    IN_PROGRESS = "InProgress"
    """Decided; its rollout is not verified yet."""
    APPROVED = "Approved"
    """It holds the stage: verified on the endpoint, or the stage has none."""
    REJECTED = "Rejected"
    """Its rollout failed; it is not tried again without a new decision."""
    RETIRED = "Retired"
    """Replaced and archived."""


@dataclass(frozen=True, slots=True)
class LifeCycle:
    """Where a version stands (`ModelLifeCycle`)."""

    stage: str
    status: str
    description: str = ""

    def to_api(self) -> dict[str, str]:
        """Spell it as the API's `ModelLifeCycle`."""
        text = {"StageDescription": self.description} if self.description else {}
        return {"Stage": self.stage, "StageStatus": self.status, **text}


@dataclass(frozen=True, slots=True)
class Dataset:
    """The data that a version was trained on.

    Args:
        name: What people call it.
        version: Which state of it: a number, date or tag.
        uri: Where it lies, such as an `s3://` URI.
        sha256: 64 hexadecimal digits over its bytes.
    """

    name: str
    version: str = ""
    uri: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a version came from: code, data, run.

    `diff_sha256` is the SHA-256 of what `git diff HEAD` told of changes that were not committed. `parent` is the number
    of the version that training went on from; None when it began anew, or nobody has said.
    """

    commit: str = ""
    repository: str = ""
    branch: str = ""
    is_dirty: bool | None = None
    diff_sha256: str = ""
    dataset: Dataset | None = None
    run: str = ""
    trained_at: datetime | None = None
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class Entered:
    """The decision that put a version into a stage: which stage, and when.

    It is stamped on the version in the very call that moves it, so that of two versions in one stage the newer
    *decision* is known, whatever else was edited since (`LastModifiedTime` changes with every stamp).
    """

    stage: str
    at: datetime

    @classmethod
    def parse(cls, text: str) -> "Entered | None":
        """Read `<stage>@<ISO time>`, or return None for anything else."""
        stage, _, time = text.partition("@")
        try:
            at = datetime.fromisoformat(time)
        except ValueError:
            return None
        return cls(stage, at) if at.tzinfo else None

    def __str__(self) -> str:
        """Spell it for CustomerMetadataProperties."""
        return f"{self.stage}@{self.at.astimezone(UTC).isoformat(timespec='microseconds')}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who did something (`UserContext`): the ARN of an IAM identity or Studio profile, empty when unknown."""

    arn: str = ""


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """One registered version, read from `DescribeModelPackage` or `Search`.

    `metadata` holds all CustomerMetadataProperties, ours included; what we keep there has properties of its own.
    """

    arn: str
    group: str
    version: int
    status: str
    approval_status: ApprovalStatus
    created_at: datetime
    modified_at: datetime
    approval_description: str = ""
    life_cycle: LifeCycle | None = None
    notes: str = ""
    created_by: Caller = field(default_factory=Caller)
    modified_by: Caller = field(default_factory=Caller)
    image: str = ""
    artifact_uri: str = ""
    commit: str = ""
    repository: str = ""
    run: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, float]:
        """The declared figures of the version, by metric name; what others wrote there and is no number is none."""
        cut = len(METRIC_KEY)
        told = {k[cut:]: v for k, v in sorted(self.metadata.items()) if k.startswith(METRIC_KEY)}
        return {name: float(text) for name, text in told.items() if _is_number(text)}

    @property
    def sha256(self) -> str:
        """The digest of the artifact's bytes, 64 hexadecimal digits; empty when registered by other means."""
        return self.metadata.get(SHA256_KEY, "")

    @property
    def smoke(self) -> str:
        """The digest of its smoke test, 64 hexadecimal digits; empty when it has none."""
        return self.metadata.get(SMOKE_KEY, "")

    @property
    def record(self) -> str:
        """The digest of what is known of its run, 64 hexadecimal digits; empty when nothing was recorded."""
        return self.metadata.get(RECORD_KEY, "")

    @property
    def dvc(self) -> dict[str, str]:
        """What DVC told of the artifact and its inputs: `md5`, `path`, `url`, `rev`, `input-1`…; the record has all."""
        cut = len(DVC_KEY)
        return {k[cut:]: unpacked(v) for k, v in sorted(self.metadata.items()) if k.startswith(DVC_KEY)}

    @property
    def entered(self) -> Entered | None:
        """The decision that put it into its present stage; None when it carries no stamp for this stage."""
        stamp = Entered.parse(self.metadata.get(ENTERED_KEY, ""))
        return stamp if stamp and self.life_cycle and stamp.stage == self.life_cycle.stage else None

    @property
    def decided(self) -> Entered | None:
        """The last decision of a person about its stage; what stands for it in the life cycle may be overwritten."""
        return Entered.parse(self.metadata.get(DECIDED_KEY, ""))

    @property
    def because(self) -> str:
        """The reason of that decision, as far as it fitted."""
        return unpacked(self.metadata.get(BECAUSE_KEY, ""))

    @property
    def share(self) -> int | None:
        """How many calls of a hundred it shall take while it is tried beside the live version; None: nobody has said.

        What was said counts for the decision that put it into its stage, and for no later one.
        """
        percent, _, stamp = self.metadata.get(SHARE_KEY, "").partition(" ")
        return int(percent) if percent.isdecimal() and stamp == str(self.entered) else None

    @property
    def stage(self) -> str | None:
        """The stage it stands in; None when it was never given one."""
        return self.life_cycle.stage if self.life_cycle else None

    @property
    def stage_status(self) -> str | None:
        """How far it has come in its stage."""
        return self.life_cycle.status if self.life_cycle else None

    @property
    def is_usable(self) -> bool:
        """Whether SageMaker has finished making it (`ModelPackageStatus` Completed)."""
        return self.status == "Completed"

    @property
    def is_approved(self) -> bool:
        """Whether the review said yes."""
        return self.approval_status is ApprovalStatus.APPROVED

    @property
    def lineage(self) -> Lineage:
        """Code, data and run that it came from."""
        get = self.metadata.get
        name = get(DATASET_KEY + "name")
        dataset = (
            Dataset(name, *(get(DATASET_KEY + part, "") for part in ("version", "uri", "sha256"))) if name else None
        )
        dirty, trained, parent = get(DIRTY_KEY), get(TRAINED_KEY), get(PARENT_KEY, "")
        return Lineage(
            commit=self.commit,
            repository=self.repository,
            branch=get(BRANCH_KEY, ""),
            is_dirty=None if dirty is None else dirty == "true",
            diff_sha256=get(DIFF_KEY, ""),
            dataset=dataset,
            run=self.run,
            trained_at=datetime.fromisoformat(trained) if trained else None,
            parent=int(parent) if parent.isdecimal() else None,
        )

    def to_json(self) -> dict[str, Any]:
        """Spell it for programs: plain JSON values, times in ISO 8601."""
        lineage = self.lineage
        dataset = lineage.dataset
        return {
            "model": self.group,
            "version": self.version,
            "arn": self.arn,
            "status": self.status,
            "approval_status": self.approval_status.value,
            "approval_description": self.approval_description,
            "stage": self.stage,
            "stage_status": self.stage_status,
            "stage_description": self.life_cycle.description if self.life_cycle else "",
            "metrics": self.metrics,
            "notes": self.notes,
            "created_at": self.created_at.isoformat(),
            "created_by": self.created_by.arn,
            "modified_at": self.modified_at.isoformat(),
            "modified_by": self.modified_by.arn,
            "image": self.image,
            "artifact_uri": self.artifact_uri,
            "sha256": self.sha256,
            "smoke": self.smoke,
            "dvc": self.dvc,
            "lineage": {
                "commit": lineage.commit,
                "repository": lineage.repository,
                "branch": lineage.branch,
                "is_dirty": lineage.is_dirty,
                "diff_sha256": lineage.diff_sha256,
                "run": lineage.run,
                "parent": lineage.parent,
                "trained_at": lineage.trained_at.isoformat() if lineage.trained_at else None,
                "dataset": dataset
                and {"name": dataset.name, "version": dataset.version, "uri": dataset.uri, "sha256": dataset.sha256},
            },
            "metadata": {k: v for k, v in sorted(self.metadata.items()) if not k.startswith((METRIC_KEY, OUR_KEY))},
        }


# Keys of CustomerMetadataProperties. SageMaker allows letters, digits, separators and `_ . : / = + - @` in them.
OUR_KEY = "modelward:"
METRIC_KEY = "metric:"
SHA256_KEY = OUR_KEY + "sha256"
REQUEST_KEY = OUR_KEY + "request"
ENTERED_KEY = OUR_KEY + "entered"
DECIDED_KEY = OUR_KEY + "decided"
BECAUSE_KEY = OUR_KEY + "because"
SHARE_KEY = OUR_KEY + "share"
BRANCH_KEY = OUR_KEY + "branch"
DIRTY_KEY = OUR_KEY + "dirty"
DIFF_KEY = OUR_KEY + "diff-sha256"
PARENT_KEY = OUR_KEY + "parent"
TRAINED_KEY = OUR_KEY + "trained-at"
SMOKE_KEY = OUR_KEY + "smoke"
RECORD_KEY = OUR_KEY + "record"
DATASET_KEY = OUR_KEY + "dataset-"
DVC_KEY = OUR_KEY + "dvc-"

_VALUE_LIMIT = 256
_ESCAPED = re.compile(r"(?:=[0-9A-F]{2})+")


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def packed(text: str) -> str:
    """Spell any text as a metadata value: what SageMaker refuses there becomes `=` and two hexadecimal digits a byte.

    What does not fit into 256 characters is cut off. `unpacked` reads it back. No text at all becomes a single `=`, for
    SageMaker takes no empty value.
    """
    found = ""
    for char in text:
        is_plain = char in "_.:/+-@" or unicodedata.category(char)[0] in "LZN"
        found_next = found + (char if is_plain else "".join(f"={byte:02X}" for byte in char.encode()))
        if len(found_next) > _VALUE_LIMIT:
            break
        found = found_next
    return found or "="


def unpacked(value: str) -> str:
    """Read what `packed` spelled."""
    if value == "=":
        return ""
    return _ESCAPED.sub(lambda match: bytes.fromhex(match[0].replace("=", "")).decode(errors="replace"), value)
