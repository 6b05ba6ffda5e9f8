"""Deployments behind alarms, on one instance: the least on which they can be seen."""

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.fidelity.account import Ground

fidelity = pytest.mark.fidelity
endpoint = pytest.mark.endpoint


def deployment(*alarms: str, end_s: int = 10, limit_s: int = 3600, **routing: Any) -> dict[str, Any]:
    shifting = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0, **routing}
    policy = {
        "TrafficRoutingConfiguration": shifting,
        "TerminationWaitInSeconds": end_s,
        "MaximumExecutionTimeoutInSeconds": limit_s,
    }
    watched = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm} for alarm in alarms]}} if alarms else {}
    return {"BlueGreenUpdatePolicy": policy, **watched}


@pytest.fixture
def live(ground: Ground) -> tuple[Ground, str]:
    """An endpoint of one instance, in service."""
    name = ground.endpoint(ground.config("good", instances=1))
    assert ground.settled(name)["EndpointStatus"] == "InService"
    return ground, name


@endpoint(instances=1, minutes=12)
@fidelity("guardrails-want-the-same-variants", "time-limit-above-waits", "unknown-alarm-refused")
def test_a_deployment_that_cannot_be_followed_is_refused(live: tuple[Ground, str]) -> None:
    ground, name = live
    renamed = ground.config("good-2", instances=1, variant="other")
    same = ground.config("good-3", instances=1)
    for config, wanted in (
        (renamed, deployment()),
        (same, deployment(end_s=900, limit_s=600)),
        (same, deployment(ground.name("no-such-alarm"))),
    ):
        with pytest.raises(ClientError) as caught:
            ground.change(name, config, DeploymentConfig=wanted)
        assert caught.value.response["Error"]["Code"] == "ValidationException"


@endpoint(instances=2, minutes=30)
@fidelity("last-deployment-config", "deployment-events", "old-config-on-top", "one-instance-canary")
def test_a_deployment_shows_what_is_pending_and_is_forgotten_by_the_next(live: tuple[Ground, str]) -> None:
    ground, name = live
    ground.listen()
    old, new = ground.state(name)["EndpointConfigName"], ground.config("good-2", instances=1)
    one = {"Type": "INSTANCE_COUNT", "Value": 1}
    wanted = deployment(Type="CANARY", WaitIntervalInSeconds=5, CanarySize=one)
    ground.change(name, new, DeploymentConfig=wanted)
    found = ground.state(name)
    assert found["LastDeploymentConfig"]["BlueGreenUpdatePolicy"] == wanted["BlueGreenUpdatePolicy"]
    assert (found["EndpointConfigName"], found["PendingDeploymentSummary"]["EndpointConfigName"]) == (old, new)
    assert ground.settled(name)["EndpointConfigName"] == new
    told = ground.event(found["EndpointArn"], lambda detail: "PendingDeploymentSummary" in detail)
    assert told["detail-type"] == "SageMaker Endpoint Deployment State Change"
    assert told["detail"]["EndpointConfigName"] == old
    assert told["detail"]["PendingDeploymentSummary"]["EndpointConfigName"] == new
    ground.change(name, old)
    assert "LastDeploymentConfig" not in ground.state(name)
    ground.settled(name)
    about = lambda detail: detail.get("PendingDeploymentSummary", {}).get("EndpointConfigName") == old  # noqa: E731
    assert ground.events(found["EndpointArn"], about), "also without a DeploymentConfig"


@endpoint(instances=2, minutes=30)
@fidelity("alarm-trips-at-once", "rollback-is-silent", "rollback-keeps-sizes")
def test_an_alarm_that_rings_already_ends_a_deployment_without_a_reason(live: tuple[Ground, str]) -> None:
    ground, name = live
    variant = ground.state(name)["ProductionVariants"][0]["VariantName"]
    weights = [{"VariantName": variant, "DesiredWeight": 0.5}]  # not what the config declares
    ground.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=weights)
    before = ground.settled(name)
    alarm = _alarm(ground, "ringing", "breaching")
    ground.account.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="on purpose")
    ground.change(name, ground.config("good-2", instances=1), DeploymentConfig=deployment(alarm, end_s=300))
    found = ground.settled(name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", before["EndpointConfigName"])
    assert "FailureReason" not in found
    assert [_sizes(each) for each in found["ProductionVariants"]] == [
        _sizes(each) for each in before["ProductionVariants"]
    ]


@endpoint(instances=2, minutes=25)
@fidelity("alarm-without-data")
def test_an_alarm_that_lacks_data_ends_nothing(live: tuple[Ground, str]) -> None:
    ground, name = live
    new = ground.config("good-2", instances=1)
    ground.change(name, new, DeploymentConfig=deployment(_alarm(ground, "dumb", "missing")))
    assert ground.settled(name)["EndpointConfigName"] == new


def _sizes(variant: Mapping[str, Any]) -> list[Any]:
    return [variant["VariantName"], variant["DesiredInstanceCount"], variant["DesiredWeight"]]


def _alarm(ground: Ground, short: str, missing: str) -> str:
    name = ground.name(short)
    ground.account.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="Modelward/Live",
        MetricName=name,
        Statistic="Sum",
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        Threshold=1,
        Period=60,
        EvaluationPeriods=1,
        TreatMissingData=missing,
        Tags=ground.tags,
    )
    return name
