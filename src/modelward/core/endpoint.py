"""An endpoint, as SageMaker tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

# One name for ever: guardrails refuse an update that renames a variant, and metrics and alarms go by it.
VARIANT = "AllTraffic"
# The version that is tried beside the live one.
CHALLENGER = "Challenger"

# DescribeEndpoint's words. In these an endpoint refuses every change; its own next event wakes the reconciler.
BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


@dataclass(frozen=True, slots=True)
class Update:
    """How far an update of an endpoint to another config has come (`PendingDeploymentSummary`).

    Args:
        began_at: When it began.
        step: What is done now, in SageMaker's word: Creating, ActivatingTraffic, Baking, Deleting.
        share: How much of the new capacity takes traffic, 0 to 1; None where SageMaker does not tell.
        waits_s: How long it waits in all, as declared, in seconds; containers take their time besides.
    """

    began_at: datetime
    step: str = ""
    share: float | None = None
    waits_s: float = 0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What DescribeEndpoint says: `config_name` is what serves now, also while an update to another is under way.

    `pending_config` is that other one, as `PendingDeploymentSummary` names it; empty when there is none. `weights` are
    the desired ones of its variants. `sizes` spells them with the size that each shall have: whatever the autoscaler or
    a shift of calls can alter.
    """

    name: str
    status: str
    config_name: str
    modified_at: datetime
    failure_reason: str = ""
    is_serverless: bool = False
    pending_config: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)
    sizes: str = ""
    update: Update | None = None
    """How far that update has come."""
    is_asynchronous: bool = False
    has_components: bool = False

    @property
    def is_busy(self) -> bool:
        """Whether it refuses changes for now."""
        return self.status in BUSY


@dataclass(frozen=True, slots=True)
class Serving:
    """What an endpoint config says of its first variant: the name of its model, the instances it runs on."""

    model: str = ""
    instance_type: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """What callers had from a variant over a time: calls, those that failed with a 5xx status, their mean time."""

    calls: int = 0
    errors: int = 0
    latency_ms: float = 0.0

    @property
    def error_rate(self) -> float:
        """Give the part of the calls that failed, 0 to 1."""
        return self.errors / self.calls if self.calls else 0.0


class Symptom(StrEnum):
    """What an alarm of an endpoint is about; its name ends in it."""

    ERRORS = "errors"
    LATENCY = "latency"
    SILENCE = "silence"


def alarm_name(endpoint: str, symptom: Symptom) -> str:
    """Name the CloudWatch alarm that watches an endpoint for a symptom.

    A rollout refers to alarms by name (`AutoRollbackConfiguration`), so the stack that makes them and the reconciler
    both ask here. Endpoint names have 63 characters at most, alarm names 255: nothing is cut.
    """
    return f"{endpoint}-{symptom}"
