"""CloudWatch's alarms, and which of them are on."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from modelward.aws.errors import translated

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

# Without this, CloudWatch tells of metric alarms only.
_KINDS: Any = ["MetricAlarm", "CompositeAlarm"]


class Alarms:
    """The alarms of an account and region."""

    def __init__(self, client: "CloudWatchClient") -> None:
        """Take a boto3 client of the alarms' account and region."""
        self._client = client

    def on(self, names: Sequence[str]) -> dict[str, datetime]:
        """Give those of some alarms that are in ALARM, each with the time since when (`DescribeAlarms`).

        Args:
            names: At most 50 names, which is what one answer holds. An alarm that does not exist is not on.

        Raises:
            AwsError: a refusal.
        """
        with translated("DescribeAlarms", kind="alarms", name=", ".join(names)):
            found = self._client.describe_alarms(AlarmNames=[*names], AlarmTypes=_KINDS)
        return {
            alarm["AlarmName"]: alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]
            for alarm in (*found["MetricAlarms"], *found["CompositeAlarms"])
            if alarm["StateValue"] == "ALARM"
        }
