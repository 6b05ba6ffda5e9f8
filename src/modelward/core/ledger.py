"""The history that SageMaker forgets: one entry for each thing that happened to a version.

Entries of a version form a chain, numbered from 1. Each carries what was seen of the version when it was written
(`Snapshot`), so the newest entry tells what is already recorded, and comparing it with the version as it is now tells
what is not. A number is taken by one writer only (conditional put), so a change is recorded once however many events
announce it and however many functions handle them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from modelward.core.arn import who as short
from modelward.core.gates import Verdict
from modelward.core.model_package import ModelPackage

BY_TIME = "by-time"
"""The index of the ledger's table that sorts a model's entries by time."""
SYSTEM = "modelward"
"""Who did what no person did."""


class EntryKind(StrEnum):
    """What happened."""

    ADOPTED = "adopted"
    """The group was there before Modelward looked at it; the entry is the group's, under version 0."""
    FOUND = "found"
    """The version was there when the group was adopted, and was left as it was."""
    REGISTERED = "registered"
    APPROVED = "approved"
    REJECTED = "rejected"
    PENDING = "pending"
    """The approval was taken back to PendingManualApproval."""
    STAGED = "staged"
    """It was put into a stage."""
    ROLLED_BACK = "rolled-back"
    """It was put back into a stage where it had been verified before."""
    REFUSED = "refused"
    """It was approved or promoted against its gates, and put back."""
    DEPLOYING = "deploying"
    """Its rollout to an environment was asked for."""
    TRYING = "trying"
    """It was put beside the live version, for a copy or a share of the calls; also when that share changes."""
    POSTPONED = "postponed"
    """Its rollout could not begin: something else was changing the endpoint. It is tried again."""
    WAITING = "waiting"
    """Its rollout waits for a quota; it is tried again until there is room."""
    VERIFIED = "verified"
    """The environment was seen to serve it."""
    ALARMED = "alarmed"
    """While it served, an alarm of the team's own went off; another version comes back, where there is one."""
    FAILED = "failed"
    """Its rollout failed; the environment serves what it served before."""
    ARCHIVED = "archived"
    """Another version took its place."""


class Failure(StrEnum):
    """What kind of failure a `failed` or `waiting` entry tells of, among its facts under `failure`."""

    SMOKE_TEST = "smoke-test"
    """The endpoint serves it, and did not answer its smoke test as expected."""
    WENT_BACK = "went-back"
    """SageMaker went back to the config before, for a reason that it does not tell or that nobody knows."""
    ALARM = "alarm"
    """An alarm ended it."""
    UNHEALTHY = "unhealthy"
    """Its containers did not become healthy."""
    TIMEOUT = "timeout"
    """It took longer than it may."""
    ARTIFACT = "artifact"
    """SageMaker cannot read its artifact."""
    IMAGE = "image"
    """SageMaker cannot pull its image."""
    KEY = "key"
    """A KMS key may not be used."""
    QUOTA = "quota"
    """The account may have no more instances, endpoints or configs."""
    CAPACITY = "capacity"
    """AWS has no such instances at the moment."""
    FIGURES = "figures"
    """Beside the live version its figures were worse, or there were none."""
    MIX = "mix"
    """Neither the way forward nor the way back worked: the endpoint serves both configs (UpdateRollbackFailed)."""
    REFUSED = "refused"
    """SageMaker refused it, for another reason."""
    FAILED = "failed"
    """The endpoint failed, for another reason."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an entry's writer saw of the version."""

    approval: str = ""
    approval_reason: str = ""
    stage: str = ""
    stage_status: str = ""
    entered: str = ""

    @classmethod
    def of(cls, package: ModelPackage) -> "Snapshot":
        """See a version."""
        cycle = package.life_cycle
        return cls(
            approval=package.approval_status.value,
            approval_reason=package.approval_description,
            stage=cycle.stage if cycle else "",
            stage_status=cycle.status if cycle else "",
            entered=str(package.entered or ""),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened to a version: what, when, who, why, on which figures.

    `token` ties entries to the decision or rollout they belong to: the `modelward:entered` stamp for entries of a
    stage, so that `verified` can be told to answer *this* promotion and not an earlier one.
    """

    model: str
    version: int
    seq: int
    at: datetime
    kind: EntryKind
    who: str
    why: str
    stage: str = ""
    environment: str = ""
    token: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    verdicts: Sequence[Verdict] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    seen: Snapshot = field(default_factory=Snapshot)

    @property
    def key(self) -> str:
        """Its place in the table's order: version, then number."""
        return f"{self.version:09d}#{self.seq:06d}"

    def to_json(self) -> dict[str, Any]:
        """Spell it for programs."""
        return {
            "model": self.model,
            "version": self.version,
            "entry": self.key,
            "at": self.at.isoformat(),
            "kind": self.kind.value,
            "who": self.who,
            "why": self.why,
            "stage": self.stage,
            "environment": self.environment,
            "figures": dict(self.figures),
            "verdicts": [v.to_json() for v in self.verdicts],
            "facts": dict(self.facts),
        }

    def __str__(self) -> str:
        """Say it in one line."""
        where = self.environment or self.stage
        place = f" ({where})" if where else ""
        return f"{self.at:%Y-%m-%d %H:%M:%S} v{self.version} {self.kind.value}{place} by {short(self.who)}: {self.why}"
