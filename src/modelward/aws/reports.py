"""What servers report, as CloudWatch metrics.

A report says what is so now, and is of no use an hour later. CloudWatch forgets by itself, needs no table and no
cleaning up after servers that died, counts those that report the same, and lets teams set alarms on it. The ledger
would be wrong: it is history, and only functions may write to it.

Each server writes two data a minute, dated at the beginning of the minute, so that each counts once in it. One carries
the version as its value: its minimum and maximum tell which versions are run, without a list of the metrics there are
(`ListMetrics` may lag by a quarter of an hour). The other has the version as a dimension: it counts.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from modelward.aws.errors import translated
from modelward.core.fleet import Fleet

NAMESPACE = "Modelward/Serving"
"""Servers may write here and nowhere else (`cloudwatch:namespace`): functions tell their own metrics in `Modelward`."""
_METRIC = "ServedVersion"
_VERSION = "version"
_MINUTE = timedelta(minutes=1)
# A datum can be read some seconds after it was put: the minute before last is complete.
_SETTLED = _MINUTE
WITHIN = timedelta(minutes=15)
"""A server that has not reported for so long is gone."""


class Reports:
    """The reports of servers: written by them, read by `status`."""

    def __init__(self, client: Any) -> None:
        """Take a boto3 client."""
        self._client = client

    def put_served(self, of: Mapping[str, str], version: int, at: datetime) -> None:
        """Report which version a server runs (`PutMetricData`), at most once for each minute.

        Args:
            of: The dimensions: registry, model and stage.
            version: The version.
            at: The time; its minute counts.

        Raises:
            AwsError: a refusal.
        """
        at = _minute(at)
        plain = {"MetricName": _METRIC, "Dimensions": _dimensions(of), "Timestamp": at, "Value": float(version)}
        counted = {**plain, "Dimensions": _dimensions({**of, _VERSION: str(version)}), "Value": 1.0}
        data: Any = [plain, counted]
        with translated("PutMetricData"):
            self._client.put_metric_data(Namespace=NAMESPACE, MetricData=data)

    def served(self, of: Mapping[str, str], version: int | None, now: datetime) -> Fleet | None:
        """Read what servers said last (`GetMetricData`, two calls, one if there are none).

        Args:
            of: The dimensions: registry, model and stage.
            version: One that is looked for, beside the lowest and the highest that are run.
            now: The time.

        Returns:
            What they run; None when none has reported for a quarter of an hour.

        Raises:
            AwsError: a refusal.
        """
        until = _minute(now) - _SETTLED
        asked = {name: (of, name) for name in ("Minimum", "Maximum", "SampleCount")}
        found = self._read(asked, until - WITHIN, until)
        at = max(found["SampleCount"], default=None)
        if at is None:
            return None
        ends = {int(found["Minimum"][at]), int(found["Maximum"][at])}
        versions = ends | ({version} if version is not None else set())
        counted = {str(each): ({**of, _VERSION: str(each)}, "SampleCount") for each in versions}
        counts = self._read(counted, at, at + _MINUTE)
        servers = {int(name): round(values[at]) for name, values in counts.items() if at in values}
        return Fleet(at, servers)

    def _read(
        self, asked: Mapping[str, tuple[Mapping[str, str], str]], since: datetime, until: datetime
    ) -> dict[str, dict[datetime, float]]:
        """Read statistics of metrics by the minute."""
        queries: Any = [_query(f"q{number}", *each) for number, each in enumerate(asked.values())]
        with translated("GetMetricData"):
            answer = self._client.get_metric_data(MetricDataQueries=queries, StartTime=since, EndTime=until)
        values = {each["Id"]: _by_time(each) for each in answer["MetricDataResults"]}
        return {name: values.get(f"q{number}", {}) for number, name in enumerate(asked)}


def _query(name: str, of: Mapping[str, str], statistic: str) -> dict[str, Any]:
    metric = {"Namespace": NAMESPACE, "MetricName": _METRIC, "Dimensions": _dimensions(of)}
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic}}


def _by_time(result: Any) -> dict[datetime, float]:
    times: Iterable[datetime] = result["Timestamps"]
    return dict(zip((at.astimezone(UTC) for at in times), result["Values"], strict=True))


def _dimensions(of: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in of.items()]


def _minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)
