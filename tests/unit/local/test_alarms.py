from datetime import timedelta

import pytest

from modelward.local.sagemaker import Alarm, AlarmState, ApiError, Datum, ManualClock, MemoryWatch

NAME = {"EndpointName": "digits-production"}
VARIANT = {**NAME, "VariantName": "live"}
ERRORS = Alarm("errors", "Invocation5XXErrors", VARIANT, threshold=1, missing="notBreaching")


@pytest.fixture
def live(api):
    api.endpoint(count=4)
    api.config("v2", count=4)
    return api


def failing(config_name, status=500):
    """Let the containers of one config fail."""

    def answer(config, body, _content_type):
        ok = config.endpoint_config_name != config_name
        return (200, "application/json", b'{"config": "ok"}') if ok else (status, "text/plain", b"no")

    return answer


def invoke(api, times) -> int:
    """Invoke, and count what failed."""
    failed = 0
    for _ in range(times):
        try:
            api.invoke()
        except ApiError:
            failed += 1
    return failed


def canary(*names, wait_s=300):
    size = {"Type": "CAPACITY_PERCENT", "Value": 25}
    routing = {"Type": "CANARY", "WaitIntervalInSeconds": wait_s, "CanarySize": size}
    return {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 60},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in names]},
    }


def test_each_invocation_is_measured_by_variant_and_by_config(live) -> None:
    live.invoke()
    measured = {each.name: (each.value, each.unit) for each in live.watch.data if each.dimensions == VARIANT}
    assert measured == {
        "Invocations": (1, "None"),
        "InvocationsPerInstance": (0.25, "None"),
        "Invocation4XXErrors": (0.0, "None"),
        "Invocation5XXErrors": (0.0, "None"),
        "ModelLatency": (0.0, "Microseconds"),
        "OverheadLatency": (0.0, "Microseconds"),
    }
    assert live.watch.values("Invocations", **VARIANT, EndpointConfigName="v1") == [1]


@pytest.mark.parametrize(("status", "metric"), [(500, "Invocation5XXErrors"), (422, "Invocation4XXErrors")])
def test_a_container_that_fails_counts_as_an_error_of_its_kind(live, status, metric) -> None:
    live.hosting.answer = failing("v1", status)
    assert invoke(live, 3) == 3
    assert live.watch.values(metric, **VARIANT) == [1, 1, 1]
    assert live.watch.values("Invocations", **VARIANT) == [1, 1, 1]


def test_latency_is_the_containers_time_in_microseconds(live) -> None:
    def slow(config, body, content_type):
        live.clock.advance(0.25)
        return 200, "application/json", b'{"config": "v1"}'

    live.hosting.answer = slow
    live.invoke()
    assert live.watch.values("ModelLatency", **VARIANT) == [250_000]


def test_an_endpoint_that_does_not_serve_is_not_measured(api) -> None:
    with pytest.raises(ApiError):
        api.invoke()
    assert api.watch.data == []


def test_errors_of_the_canary_end_its_deployment(live) -> None:
    live.watch.add(ERRORS)
    live.hosting.answer = failing("v2")
    live.update("v2", DeploymentConfig=canary("errors"))
    live.pass_s(200)
    assert invoke(live, 8) == 2
    live.pass_s(10)
    assert live.state() == ("InService", "v1")
    assert invoke(live, 8) == 0


def test_a_sound_canary_goes_on_although_it_is_watched(live) -> None:
    live.watch.add(ERRORS)
    live.update("v2", DeploymentConfig=canary("errors"))
    live.pass_s(200)
    invoke(live, 8)
    live.pass_s(360)
    assert live.state() == ("InService", "v2")


def test_an_alarm_may_watch_the_new_config_alone(live) -> None:
    live.watch.add(Alarm("new", "Invocation5XXErrors", {**VARIANT, "EndpointConfigName": "v2"}, threshold=1))
    live.hosting.answer = failing("v1")
    live.update("v2", DeploymentConfig=canary("new"))
    live.pass_s(200)
    assert invoke(live, 8) == 6
    live.pass_s(360)
    assert live.state() == ("InService", "v2")


@pytest.mark.parametrize(
    ("changed", "values", "state"),
    [
        ({}, [1], "ALARM"),
        ({}, [0, 0], "OK"),
        ({"threshold": 2}, [1, 1], "ALARM"),
        ({"comparison": "GreaterThanThreshold"}, [1], "OK"),
        ({"comparison": "LessThanThreshold"}, [0], "ALARM"),
        ({"comparison": "LessThanOrEqualToThreshold"}, [2], "OK"),
        ({"statistic": "Average", "threshold": 0.5}, [1, 0], "ALARM"),
        ({"statistic": "Maximum", "threshold": 3}, [1, 3], "ALARM"),
        ({"statistic": "Minimum", "threshold": 3}, [1, 3], "OK"),
        ({"statistic": "SampleCount", "threshold": 3}, [0, 0, 0], "ALARM"),
        ({"statistic": "p90", "threshold": 9}, list(range(1, 11)), "ALARM"),
        ({"statistic": "p50", "threshold": 6}, list(range(1, 11)), "OK"),
        ({"missing": "missing"}, [], "INSUFFICIENT_DATA"),
        ({"missing": "breaching"}, [], "ALARM"),
        ({"missing": "notBreaching"}, [], "OK"),
    ],
)
def test_an_alarm_judges_a_period(changed, values, state) -> None:
    clock, watch = ManualClock(), MemoryWatch()
    watch.add(Alarm(**{"name": "a", "metric": "m", "dimensions": VARIANT, "threshold": 1, **changed}))
    for value in values:
        watch.put(Datum("m", value, "None", VARIANT, clock()))
    assert watch.state("a", clock()) == state


@pytest.mark.parametrize("before", list(AlarmState))
def test_an_alarm_that_ignores_missing_data_stays_what_it_was(before) -> None:
    assert Alarm("a", "m", VARIANT, 1, missing="ignore").judge([None], before) is before


def test_an_alarm_wants_enough_periods_and_forgets_old_ones() -> None:
    clock, watch = ManualClock(), MemoryWatch()
    watch.add(Alarm("errors", "Invocation5XXErrors", VARIANT, 1, periods=3, points_to_alarm=2))
    for minute in (0, 2):
        watch.put(Datum("Invocation5XXErrors", 1, "None", VARIANT, clock() + timedelta(minutes=minute)))
    assert watch.state("errors", clock()) is AlarmState.OK
    assert watch.state("errors", clock() + timedelta(minutes=2)) is AlarmState.ALARM
    assert watch.state("errors", clock() + timedelta(minutes=4)) is AlarmState.OK
    assert watch.state("errors", clock() + timedelta(minutes=9)) is AlarmState.INSUFFICIENT_DATA
    assert watch.state("absent", clock()) is None
