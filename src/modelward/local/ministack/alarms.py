"""CloudWatch for endpoints: MiniStack keeps metrics and alarms, and their state is judged here by CloudWatch's rules.

MiniStack 1.5.33 looks at an alarm only when somebody puts data, takes the data of all dimensions and periods of the
metric together, and knows neither DatapointsToAlarm nor TreatMissingData. All that its alarms do with a new state
(history, actions, composite alarms) is its own, and stays.
"""

# ruff: noqa: SLF001 - private names are what this package is for

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from ministack.services import cloudwatch, sns

from modelward.local.ministack import in_scope, policies, scope
from modelward.local.ministack.events import emit
from modelward.local.sagemaker import Alarm, AlarmState, Datum
from modelward.local.sagemaker.alarms import NAMESPACE

Clock = Callable[[], datetime]

_SERVICE = "cloudwatch.amazonaws.com"
_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
_KEPT = 100_000  # points of a metric
_LOOK_S = 5.0
# What SetAlarmState says holds until CloudWatch evaluates the alarm again, which it does every minute.
_HELD_S = 60.0
_OURS = ("Unchecked", "Threshold Crossed", "Insufficient Data")


class CloudWatch:
    """The metrics and alarms of an account and region, for the local SageMaker to fill and to ask."""

    def __init__(self, account: str, region: str) -> None:
        """Use what MiniStack keeps for an account and region."""
        self._account = account
        self._region = region

    def put(self, datum: Datum) -> None:
        """Keep a datum where GetMetricStatistics finds it."""
        dimensions = dict(datum.dimensions)
        point = {"Timestamp": datum.at.timestamp(), "Value": datum.value, "Unit": datum.unit, "Dimensions": dimensions}
        with in_scope(self._account, self._region):
            points = cloudwatch._metric_bucket((NAMESPACE, datum.name, cloudwatch._dims_key(dimensions)))
        points.append(point)
        del points[:-_KEPT]

    def state(self, name: str, at: datetime) -> AlarmState | None:
        """Return the state of a metric alarm or composite alarm, judged on the data up to a moment."""
        with in_scope(self._account, self._region):
            _judge_all(at)
            found = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)
        return None if found is None else AlarmState(found["StateValue"])


def tag_dashboards() -> None:
    """Let the tags of a dashboard be read and changed: MiniStack's operations on tags know alarms only."""
    original = cloudwatch._validate_alarm_tag_arn

    def validate(arn: str, **more: Any) -> Any:
        is_dashboard = any(each["DashboardArn"] == arn for each in cloudwatch._dashboards.values())
        return None if is_dashboard else original(arn, **more)

    cloudwatch._validate_alarm_tag_arn = validate


def notify_properly() -> None:
    """Let alarms publish to topics only if the topic's policy and its key let CloudWatch in."""
    original = cloudwatch._dispatch_alarm_actions

    def dispatch(alarm: dict[str, Any], *rest: Any) -> None:
        arn = alarm["AlarmArn"]
        permitted = {kind: [each for each in alarm.get(kind) or () if _may_notify(arn, each)] for kind in _ACTIONS}
        original({**alarm, **permitted}, *rest)

    cloudwatch._dispatch_alarm_actions = dispatch


def tell_of_states() -> None:
    """Let each change of an alarm's state be an event on the default bus, whatever its actions are.

    After CloudWatch's page "Alarm events and EventBridge": there the event tells the state that was, too.
    """
    original = cloudwatch._dispatch_alarm_actions

    def dispatch(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
        now = datetime.now(UTC)
        alarm["StateTransitionedTimestamp"] = now.timestamp()
        original(alarm, old_state, new_state, reason)
        emit(changed(alarm, (old_state, new_state), now, scope()))

    cloudwatch._dispatch_alarm_actions = dispatch


def changed(alarm: Mapping[str, Any], states: tuple[str, str], at: datetime, where: tuple[str, str]) -> dict[str, Any]:
    """Write the event of an alarm that went from one state to another, at a time, in an account and region."""
    account, region = where
    before, after = states
    state = {"value": after, "reason": alarm.get("StateReason", ""), "timestamp": _spelled(at)}
    if alarm.get("StateReasonData"):
        state["reasonData"] = alarm["StateReasonData"]
    detail = {
        "alarmName": alarm["AlarmName"],
        "state": state,
        "previousState": {"value": before},
        "configuration": _configuration(alarm),
    }
    return {
        "source": "aws.cloudwatch",
        "detail-type": "CloudWatch Alarm State Change",
        "account": account,
        "region": region,
        "resources": [alarm["AlarmArn"]],
        "detail": detail,
    }


def _spelled(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"


def _configuration(alarm: Mapping[str, Any]) -> dict[str, Any]:
    told = {"description": alarm["AlarmDescription"]} if alarm.get("AlarmDescription") else {}
    if "AlarmRule" in alarm:
        return {**told, "alarmRule": alarm["AlarmRule"]}
    if not alarm.get("MetricName"):
        return told
    dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions") or ()}
    metric = {"namespace": alarm["Namespace"], "name": alarm["MetricName"], "dimensions": dimensions}
    stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
    measured = {"metric": metric, "period": int(alarm["Period"]), "stat": stat}
    return {
        **told,
        "metrics": [{"id": str(uuid5(NAMESPACE_URL, alarm["AlarmArn"])), "metricStat": measured, "returnData": True}],
    }


def _may_notify(alarm: str, action: str) -> bool:
    topic = sns._topic_by_arn_any_scope(action) if ":sns:" in action else None
    if topic is None:
        return True  # of these MiniStack takes care
    key = topic["attributes"].get("KmsMasterKeyId")
    is_allowed = sns.topic_policy_allows(action, _SERVICE, alarm, scope()[0])
    return is_allowed and (not key or policies.service_may_encrypt(_SERVICE, key, alarm))


def judge_alarms(clock: Clock, stop: threading.Event) -> None:
    """Judge alarms as CloudWatch does: when data are put, and every few seconds until `stop` is set."""
    cloudwatch._evaluate_alarm = lambda alarm: _judge(alarm, clock())
    threading.Thread(target=_keep_judging, args=(clock, stop), daemon=True, name="modelward-alarms").start()


def _keep_judging(clock: Clock, stop: threading.Event) -> None:
    while not stop.wait(_LOOK_S):
        for account, region in {key[:2] for key in list(cloudwatch._alarms._data)}:
            with in_scope(account, region):
                _judge_all(clock())


def _judge_all(at: datetime) -> None:
    for alarm in list(cloudwatch._alarms.values()):
        _judge(alarm, at)


def _judge(alarm: Mapping[str, Any], at: datetime) -> None:
    if not alarm.get("MetricName") or _is_held(alarm):
        return  # an alarm on an expression is what SetAlarmState says
    rule = _read(alarm)
    before = AlarmState(alarm["StateValue"])
    after = rule.judge(_measured(alarm["Namespace"], rule, at), before)
    if after is not before:
        told = "Insufficient Data" if after is AlarmState.INSUFFICIENT_DATA else "Threshold Crossed"
        reason = f"{told}: {rule.statistic} of {rule.metric}, {rule.comparison} {rule.threshold}"
        cloudwatch._set_alarm_state({}, {"AlarmName": rule.name, "StateValue": after, "StateReason": reason}, True)  # noqa: FBT003


def _is_held(alarm: Mapping[str, Any]) -> bool:
    is_set_by_hand = not alarm["StateReason"].startswith(_OURS)
    return is_set_by_hand and time.time() - alarm["StateUpdatedTimestamp"] < _HELD_S


def _read(alarm: Mapping[str, Any]) -> Alarm:
    return Alarm(
        name=alarm["AlarmName"],
        metric=alarm["MetricName"],
        dimensions={each["Name"]: each["Value"] for each in alarm.get("Dimensions") or ()},
        threshold=float(alarm["Threshold"]),
        statistic=alarm.get("ExtendedStatistic") or alarm["Statistic"],
        period_s=int(alarm["Period"]),
        periods=int(alarm["EvaluationPeriods"]),
        points_to_alarm=int(alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]),
        comparison=alarm["ComparisonOperator"],
        missing=alarm.get("TreatMissingData") or "missing",
    )


def _measured(namespace: str, rule: Alarm, at: datetime) -> list[float | None]:
    points = cloudwatch._metrics.get((namespace, rule.metric, cloudwatch._dims_key(dict(rule.dimensions)))) or ()
    periods: list[list[dict[str, Any]]] = [[] for _ in range(rule.periods)]
    for point in list(points):
        number = int((at.timestamp() - point["Timestamp"]) // rule.period_s)
        if 0 <= number < rule.periods:
            periods[number].append(point)
    return [
        cloudwatch._stat_value(cloudwatch._calc_stats(some), rule.statistic, some) if some else None for some in periods
    ]
