"""What watches an endpoint: the metrics that invocations produce, and the alarms that end a deployment.

The core takes a `Watch`: it gets each datum as CloudWatch would, and is asked by name for the state of an alarm at a
moment. `MemoryWatch` is one for tests: it keeps the data and judges alarms on them. A front may plug CloudWatch in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

NAMESPACE = "AWS/SageMaker"


class AlarmState(StrEnum):
    """StateValue of CloudWatch."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class Datum:
    """One value of a metric in AWS/SageMaker. Latencies are in microseconds."""

    name: str
    value: float
    unit: str
    dimensions: Mapping[str, str]
    at: datetime


class Watch(Protocol):
    """A CloudWatch."""

    def put(self, datum: Datum) -> None:
        """Take a datum."""

    def state(self, name: str, at: datetime) -> AlarmState | None:
        """Return the state of an alarm at a moment, or None if there is no such alarm."""


class Unwatched:
    """Keeps no data, and takes every alarm for one that exists and is well."""

    def put(self, datum: Datum) -> None:
        """Throw a datum away."""

    def state(self, name: str, at: datetime) -> AlarmState | None:  # noqa: ARG002 - the protocol's signature
        """Say that all is well."""
        return AlarmState.OK


_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def _average(values: Sequence[float]) -> float:
    return sum(values) / len(values)


_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum,
    "Average": _average,
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm on one metric, in the words of PutMetricAlarm. `statistic` may also be a percentile, as `p90`."""

    name: str
    metric: str
    dimensions: Mapping[str, str]
    threshold: float
    statistic: str = "Sum"
    period_s: int = 60
    periods: int = 1
    points_to_alarm: int | None = None
    comparison: str = "GreaterThanOrEqualToThreshold"
    missing: str = "missing"

    @property
    def needed(self) -> int:
        """How many periods must breach."""
        return self.points_to_alarm or self.periods

    def judge(self, measured: Sequence[float | None], before: AlarmState) -> AlarmState:
        """Return its state, given the statistic of each period that it looks at, None without data, and its last state.

        After "Configuring how CloudWatch alarms treat missing data".
        """
        points = [self._is_breaching(value) for value in measured]
        if all(point is None for point in points):
            return before if self.missing == "ignore" else AlarmState.INSUFFICIENT_DATA
        return AlarmState.ALARM if points.count(True) >= self.needed else AlarmState.OK

    def _is_breaching(self, value: float | None) -> bool | None:
        if value is None:
            return {"breaching": True, "notBreaching": False}.get(self.missing)
        return _COMPARISONS[self.comparison](value, self.threshold)


def _measure(statistic: str, values: Sequence[float]) -> float | None:
    if not values:
        return None
    if statistic in _STATISTICS:
        return _STATISTICS[statistic](values)
    ordered = sorted(values)
    rank = -(-len(ordered) * float(statistic.removeprefix("p")) // 100)
    return ordered[max(0, int(rank) - 1)]


@dataclass(slots=True)
class MemoryWatch:
    """Metrics and alarms in memory.

    Periods end at the moment of asking; CloudWatch's end on the minute.
    """

    data: list[Datum] = field(default_factory=list)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    forced: dict[str, AlarmState] = field(default_factory=dict)

    def put(self, datum: Datum) -> None:
        """Keep a datum."""
        self.data.append(datum)

    def add(self, alarm: Alarm) -> None:
        """Watch a metric."""
        self.alarms[alarm.name] = alarm

    def force(self, name: str, state: AlarmState | None) -> None:
        """Let an alarm, known or not, be in a state whatever the data say; None lets the data speak again."""
        if state is None:
            self.forced.pop(name, None)
        else:
            self.forced[name] = state

    def state(self, name: str, at: datetime) -> AlarmState | None:
        """Judge an alarm."""
        if name in self.forced:
            return self.forced[name]
        alarm = self.alarms.get(name)
        return None if alarm is None else self.judge(alarm, at)

    def judge(self, alarm: Alarm, at: datetime) -> AlarmState:
        """Judge any alarm on the data."""
        ends = [at - timedelta(seconds=alarm.period_s * back) for back in range(alarm.periods)]
        periods = [self._between(alarm, end - timedelta(seconds=alarm.period_s), end) for end in ends]
        return alarm.judge([_measure(alarm.statistic, values) for values in periods], AlarmState.OK)

    def values(self, metric: str, **dimensions: str) -> list[float]:
        """Return what a metric has got for exactly these dimensions, oldest first."""
        return [each.value for each in self.data if each.name == metric and each.dimensions == dimensions]

    def _between(self, alarm: Alarm, start: datetime, end: datetime) -> list[float]:
        return [each.value for each in self.data if start < each.at <= end and _is_of(each, alarm)]


def _is_of(datum: Datum, alarm: Alarm) -> bool:
    return datum.name == alarm.metric and datum.dimensions == alarm.dimensions
