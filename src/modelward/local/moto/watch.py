"""CloudWatch for endpoints: moto keeps the metrics and the alarms, and their state is judged here, which moto does not.

An alarm that somebody has put into ALARM by SetAlarmState is in ALARM. Any other is judged on the metrics that
invocations produced, on the mock's clock; metric math and composite alarms are only what SetAlarmState says.
"""

from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from modelward.local.sagemaker import Alarm, AlarmState, Datum, MemoryWatch
from modelward.local.sagemaker.alarms import NAMESPACE


class MotoWatch(MemoryWatch):
    """The metrics of one account and region, and moto's alarms beside those of `add` and `force`."""

    def __init__(self, account: str, region: str) -> None:
        super().__init__()
        self._account = account
        self._region = region

    def put(self, datum: Datum) -> None:
        """Keep a datum, also where GetMetricStatistics finds it."""
        super().put(datum)
        dimensions = [{"Name": name, "Value": value} for name, value in datum.dimensions.items()]
        at = datum.at.astimezone(UTC).replace(tzinfo=None)  # moto keeps times so, and cannot compare others with them
        told = {"MetricName": datum.name, "Value": datum.value, "Unit": datum.unit, "Timestamp": at}
        self._cloudwatch.put_metric_data(NAMESPACE, [{**told, "Dimensions": dimensions}])

    def state(self, name: str, at: datetime) -> AlarmState | None:
        """Judge an alarm."""
        known = super().state(name, at)
        found = self._cloudwatch.alarms.get(name)
        if known is not None or found is None:
            return known
        if found.state_value == AlarmState.ALARM or found.namespace != NAMESPACE:
            return AlarmState(found.state_value)
        return self.judge(_read(found), at)

    @property
    def _cloudwatch(self) -> Any:
        return cloudwatch_backends[self._account][self._region]


def _read(found: Any) -> Alarm:
    return Alarm(
        name=found.name,
        metric=found.metric_name,
        dimensions={dimension.name: dimension.value for dimension in found.dimensions},
        threshold=float(found.threshold),
        statistic=found.statistic or found.extended_statistic,
        period_s=int(found.period),
        periods=int(found.evaluation_periods),
        points_to_alarm=int(found.datapoints_to_alarm) if found.datapoints_to_alarm else None,
        comparison=found.comparison_operator,
        missing=found.treat_missing_data or "missing",
    )
