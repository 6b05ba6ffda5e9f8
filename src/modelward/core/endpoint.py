"""An endpoint, as SageMaker tells of it."""

from dataclasses import dataclass
from datetime import datetime

# DescribeEndpoint's words. In these an endpoint refuses every change; its own next event wakes the reconciler.
BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What DescribeEndpoint says: `config_name` is what serves now, also while an update to another is under way."""

    name: str
    status: str
    config_name: str
    modified_at: datetime
    failure_reason: str = ""
    is_serverless: bool = False

    @property
    def is_busy(self) -> bool:
        """Whether it refuses changes for now."""
        return self.status in BUSY
