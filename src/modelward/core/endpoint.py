"""An endpoint, as SageMaker tells of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

# One name for ever: guardrails refuse an update that renames a variant, and metrics and alarms go by it.
VARIANT = "AllTraffic"

# DescribeEndpoint's words. In these an endpoint refuses every change; its own next event wakes the reconciler.
BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What DescribeEndpoint says: `config_name` is what serves now, also while an update to another is under way.

    `pending_config` is that other one, as `PendingDeploymentSummary` names it; empty when there is none.
    """

    name: str
    status: str
    config_name: str
    modified_at: datetime
    failure_reason: str = ""
    is_serverless: bool = False
    pending_config: str = ""

    @property
    def is_busy(self) -> bool:
        """Whether it refuses changes for now."""
        return self.status in BUSY


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
