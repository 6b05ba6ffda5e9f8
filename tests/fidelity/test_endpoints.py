"""Endpoints, serverless ones where that will do: they cost nothing while nobody asks them."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.fidelity.account import Ground

fidelity = pytest.mark.fidelity
endpoint = pytest.mark.endpoint


@endpoint(minutes=8)
@fidelity("busy-endpoint-refuses")
def test_an_endpoint_in_progress_refuses_changes_and_its_deletion(ground: Ground) -> None:
    name = ground.endpoint(ground.config())
    other = ground.config("good-2")
    refused = rf'Cannot update in-progress endpoint "{ground.account.arn("sagemaker", f"endpoint/{name}")}"'
    for ask in (lambda: ground.change(name, other), lambda: ground.sagemaker.delete_endpoint(EndpointName=name)):
        with pytest.raises(ClientError, match=refused) as caught:
            ask()
        assert caught.value.response["Error"]["Code"] == "ValidationException"
    ground.settled(name)
    ground.sagemaker.delete_endpoint(EndpointName=name)
    with pytest.raises(ClientError, match=f"{refused}|Could not find endpoint"):
        ground.sagemaker.delete_endpoint(EndpointName=name)


@endpoint(minutes=8)
@fidelity("same-config-refused", "config-in-use-can-go")
def test_the_config_that_an_endpoint_has_is_refused_and_is_needed_for_an_update(ground: Ground) -> None:
    config = ground.config()
    name = ground.endpoint(config)
    ground.settled(name)
    with pytest.raises(ClientError) as caught:
        ground.change(name, config)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    ground.sagemaker.delete_endpoint_config(EndpointConfigName=config)
    assert ground.ask(name) == "good"
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        ground.change(name, ground.config("good-2"))


@endpoint(minutes=20)
@fidelity("failed-only-deleted", "deployment-recorded-at-the-call")
def test_an_endpoint_that_failed_can_only_be_deleted(ground: Ground) -> None:
    name = ground.endpoint(ground.config("broken"))
    found = ground.settled(name)
    assert found["EndpointStatus"] == "Failed"
    assert found["FailureReason"]
    with pytest.raises(ClientError) as caught:
        ground.change(name, ground.config())
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    actions = ground.sagemaker.list_actions(SourceUri=found["EndpointArn"], ActionType="ModelDeployment")
    assert [each["Status"] for each in actions["ActionSummaries"]] == ["Completed"]
    ground.sagemaker.delete_endpoint(EndpointName=name)


@endpoint(minutes=20)
@fidelity("failed-update-is-silent")
def test_an_update_that_fails_is_in_service_on_the_old_config_without_a_reason(ground: Ground) -> None:
    config = ground.config()
    name = ground.endpoint(config)
    ground.settled(name)
    ground.change(name, ground.config("broken"))
    found = ground.settled(name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", config)
    assert "FailureReason" not in found
    assert ground.ask(name) == "good"


@endpoint(minutes=8)
@fidelity("model-keeps-its-version")
def test_a_model_is_what_its_version_was_when_it_was_made(ground: Ground) -> None:
    arn = ground.version(ground.group(), ModelApprovalStatus="Approved")
    model = ground.model("of-version", {"ModelPackageName": arn})
    ground.update(arn, InferenceSpecification=ground.specification("other"))
    size = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    variant = {"VariantName": "live", "ModelName": model, "ServerlessConfig": size}
    config = ground.name("of-version")
    ground.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant], Tags=ground.tags)
    name = ground.endpoint(config)
    ground.settled(name)
    assert ground.ask(name) == "good"


@endpoint(minutes=8)
@fidelity("endpoint-events")
def test_states_are_spelled_in_capitals_in_events(ground: Ground) -> None:
    ground.listen()
    config = ground.config()
    name = ground.endpoint(config)
    arn = ground.settled(name)["EndpointArn"]
    event = ground.event(arn, lambda detail: detail["EndpointStatus"] == "IN_SERVICE")
    assert event["detail-type"] == "SageMaker Endpoint State Change"
    assert (event["detail"]["EndpointName"], event["detail"]["EndpointConfigName"]) == (name, config)
    assert event["detail"]["Tags"] == ground.account.run.tags
    assert isinstance(event["detail"]["LastModifiedTime"], int)


@endpoint(minutes=12)
@fidelity("metrics-of-invocations", "metrics-come-late")
def test_each_invocation_is_measured_also_as_no_error(ground: Ground) -> None:
    name = ground.endpoint(ground.config())
    ground.settled(name)
    assert [ground.ask(name), ground.ask(name)] == ["good", "good"]
    with pytest.raises(ClientError) as caught:
        ground.ask(name, "fail")
    assert caught.value.response["Error"]["Code"] == "ModelError"
    errors = ground.eventually(lambda: _complete(ground, name, "Invocation5XXErrors"), limit_s=900)
    assert errors["Average"] == pytest.approx(1 / 3)
    assert ground.eventually(lambda: _complete(ground, name, "ModelLatency"))["Unit"] == "Microseconds"


def _complete(ground: Ground, name: str, metric: str) -> dict[str, Any] | None:
    """Return the figures of an hour, once there is one for each of three invocations."""
    answer = ground.account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": "live"}],
        StartTime=ground.now - timedelta(hours=1),
        EndTime=ground.now + timedelta(minutes=5),
        Period=7200,
        Statistics=["Average", "SampleCount"],
    )
    points: list[dict[str, Any]] = answer["Datapoints"]
    return next((point for point in points if point["SampleCount"] >= 3), None)


@endpoint(instances=1, minutes=12)
@fidelity("creating-shows-no-instance", "instances-not-to-serverless")
def test_an_endpoint_of_instances_has_none_at_first_and_never_becomes_serverless(ground: Ground) -> None:
    name = ground.endpoint(ground.config("good", instances=1))
    [variant] = ground.state(name)["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (0, 1)
    assert [each["Status"] for each in variant["VariantStatus"]] == ["Creating"]
    ground.settled(name)
    with pytest.raises(ClientError) as caught:
        ground.change(name, ground.config("good-2"))
    assert caught.value.response["Error"]["Code"] == "ValidationException"


@endpoint(instances=1, minutes=20)
@fidelity("serverless-to-instances")
def test_a_serverless_endpoint_can_become_one_of_instances(ground: Ground) -> None:
    name = ground.endpoint(ground.config())
    ground.settled(name)
    config = ground.config("good-2", instances=1)
    ground.change(name, config)
    found = ground.settled(name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", config)
