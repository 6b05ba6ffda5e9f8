from datetime import timedelta

import pytest

from modelward.local.sagemaker import AlarmState, Fault

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/digits-production"
CANARY = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "WaitIntervalInSeconds": 300,
            "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
        }
    },
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
}
ROLLING = {
    "RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1}, "WaitIntervalInSeconds": 1}
}
TAKEN = "Cannot update in-progress endpoint"


@pytest.fixture
def live(api):
    """An endpoint that serves v1."""
    api.endpoint()
    api.config("v2")
    api.watch.force("errors", AlarmState.OK)
    return api


def describe(api) -> dict:
    return api("DescribeEndpoint", EndpointName="digits-production")


def told(api) -> list[tuple[str, str]]:
    return [
        (event["detail"]["EndpointStatus"], event["detail"]["EndpointConfigName"])
        for event in api.events
        if event["detail-type"] == "SageMaker Endpoint State Change"
    ]


def test_an_endpoint_is_created_in_its_time(api) -> None:
    api.config("v1")
    assert api("CreateEndpoint", EndpointName="digits-production", EndpointConfigName="v1") == {"EndpointArn": ARN}
    assert api.core.next_due == api.clock() + timedelta(seconds=300)
    creating = describe(api)
    assert creating["EndpointStatus"] == "Creating"
    assert creating["ProductionVariants"][0]["CurrentInstanceCount"] == 0
    api.pass_s(299)
    assert api.state() == ("Creating", "v1")
    api.pass_s(1)
    serving = describe(api)
    assert (serving["EndpointStatus"], api.core.next_due) == ("InService", None)
    assert serving["LastModifiedTime"] - serving["CreationTime"] == timedelta(seconds=300)
    variant = serving["ProductionVariants"][0]
    assert (variant["VariantName"], variant["CurrentInstanceCount"], variant["CurrentWeight"]) == ("live", 2, 1.0)


@pytest.mark.fidelity("endpoint-gone-event")
def test_each_change_of_state_is_told_in_the_spelling_of_events(live) -> None:
    live.update("v2")
    live.pass_s(200)
    live("DeleteEndpoint", EndpointName="digits-production")
    live.pass_s(20)
    assert told(live) == [
        ("CREATING", "v1"),
        ("IN_SERVICE", "v1"),
        ("UPDATING", "v1"),
        ("IN_SERVICE", "v2"),
        ("DELETING", "v2"),
        ("DELETED", "v2"),
    ]
    event = next(each for each in live.events if each["detail"].get("EndpointStatus") == "IN_SERVICE")
    assert (event["detail-type"], event["resources"]) == ("SageMaker Endpoint State Change", [ARN])
    assert event["detail"]["LastModifiedTime"] - event["detail"]["CreationTime"] == 300_000
    assert event["detail"]["ProductionVariants"] == [
        {
            "VariantName": "live",
            "CurrentWeight": 1.0,
            "DesiredWeight": 1.0,
            "CurrentInstanceCount": 2,
            "DesiredInstanceCount": 2,
        }
    ]


def test_a_transition_counts_from_when_it_was_due_however_late_somebody_looks(api) -> None:
    api.config("v1")
    api("CreateEndpoint", EndpointName="digits-production", EndpointConfigName="v1")
    api.clock.advance(86_400)
    found = describe(api)
    assert found["LastModifiedTime"] - found["CreationTime"] == timedelta(seconds=300)
    assert api.events[-1]["time"] == found["LastModifiedTime"]


def test_an_endpoint_whose_container_is_unhealthy_fails_and_can_only_be_deleted(api) -> None:
    api.config("v1")
    api.config("v2")
    api.hosting.health = lambda _config: False
    api("CreateEndpoint", EndpointName="digits-production", EndpointConfigName="v1")
    api.pass_s(300)
    found = describe(api)
    assert found["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in found["FailureReason"]
    assert api.events[-1]["detail"]["FailureReason"] == found["FailureReason"]
    assert api.hosting.running == {}
    refusal = api.refusal("UpdateEndpoint", EndpointName="digits-production", EndpointConfigName="v2")
    assert refusal.code == "ValidationException"
    api("DeleteEndpoint", EndpointName="digits-production")
    api.pass_s(20)
    assert "Could not find endpoint" in api.refusal("DescribeEndpoint", EndpointName="digits-production").message


def test_an_update_serves_the_old_config_until_the_new_one_is_up(live) -> None:
    live.update("v2")
    pending = describe(live)
    assert (pending["EndpointStatus"], pending["EndpointConfigName"]) == ("Updating", "v1")
    summary = pending["PendingDeploymentSummary"]
    assert (summary["EndpointConfigName"], summary["StartTime"]) == ("v2", live.clock())
    assert summary["ProductionVariants"][0]["VariantStatus"][0]["Status"] == "Creating"
    assert len(live.hosting.running) == 2
    live.pass_s(200)
    assert live.state() == ("InService", "v2")
    assert "PendingDeploymentSummary" not in describe(live)
    assert [config.endpoint_config_name for config in live.hosting.running.values()] == ["v2"]


def test_an_update_whose_container_is_unhealthy_returns_to_the_old_config_without_a_word(live) -> None:
    live.hosting.health = lambda config: config.endpoint_config_name == "v1"
    live.update("v2")
    live.pass_s(200)
    found = describe(live)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "v1")
    assert not {"FailureReason", "PendingDeploymentSummary"} & found.keys()
    assert [config.endpoint_config_name for config in live.hosting.running.values()] == ["v1"]
    assert told(live)[-2:] == [("UPDATING", "v1"), ("IN_SERVICE", "v1")]


def test_a_fault_dooms_one_rollout_and_no_other(live) -> None:
    live.core.faults.add("UpdateEndpoint", kind=Fault.UNHEALTHY)
    live.update("v2")
    live.pass_s(200)
    assert live.state() == ("InService", "v1")
    live.update("v2")
    live.pass_s(200)
    assert live.state() == ("InService", "v2")


def test_a_doomed_call_that_is_refused_dooms_nothing_after_it(live) -> None:
    live.core.faults.add("UpdateEndpoint", kind=Fault.UNHEALTHY)
    live.refusal("UpdateEndpoint", EndpointName="digits-production", EndpointConfigName="absent")
    live.update("v2")
    live.pass_s(200)
    assert live.state() == ("InService", "v2")


def test_a_container_that_is_still_starting_is_waited_for(live) -> None:
    answers: list[bool | None] = [None, True]
    live.hosting.health = lambda config: answers.pop(0)
    live.update("v2")
    live.pass_s(200)
    assert live.state() == ("Updating", "v1")
    assert live.core.next_due == live.clock() + timedelta(seconds=0.5)
    live.pass_s(0.5)
    assert live.state() == ("InService", "v2")


def test_a_container_that_never_starts_is_given_up(live) -> None:
    live.hosting.health = lambda config: None
    live.update("v2")
    live.pass_s(10_000)
    assert live.state() == ("InService", "v1")


@pytest.mark.parametrize("under_way", ["creating", "updating", "resizing", "deleting"])
def test_an_endpoint_in_progress_refuses_every_change(live, under_way) -> None:
    name = {"EndpointName": "digits-production"}
    size = {"DesiredWeightsAndCapacities": [{"VariantName": "live", "DesiredInstanceCount": 3}]}
    if under_way == "creating":
        name = {"EndpointName": "other"}
        live("CreateEndpoint", **name, EndpointConfigName="v1")
    elif under_way == "updating":
        live.update("v2")
    elif under_way == "resizing":
        live("UpdateEndpointWeightsAndCapacities", **name, **size)
    else:
        live("DeleteEndpoint", **name)
    for refusal in (
        live.refusal("UpdateEndpoint", **name, EndpointConfigName="v2"),
        live.refusal("UpdateEndpointWeightsAndCapacities", **name, **size),
        live.refusal("DeleteEndpoint", **name),
    ):
        assert refusal.code == "ValidationException"
        assert refusal.message.startswith(TAKEN)


def test_what_is_missing_or_taken_is_told_in_hostings_words(live) -> None:
    prefix = "arn:aws:sagemaker:eu-west-1:123456789012:"
    texts = {
        live.refusal("DescribeEndpoint", EndpointName="X").message: f'Could not find endpoint "{prefix}endpoint/x".',
        live.refusal("UpdateEndpoint", EndpointName="X", EndpointConfigName="v1").message: (
            f'Could not find endpoint "{prefix}endpoint/x".'
        ),
        live.refusal("UpdateEndpoint", EndpointName="digits-production", EndpointConfigName="X").message: (
            f'Could not find endpoint configuration "{prefix}endpoint-config/x".'
        ),
        live.refusal("CreateEndpoint", EndpointName="digits-production", EndpointConfigName="v1").message: (
            f'Cannot create already existing endpoint "{ARN}".'
        ),
        live.refusal("CreateEndpoint", EndpointName="X", EndpointConfigName="X").message: (
            f'Could not find endpoint configuration "{prefix}endpoint-config/x".'
        ),
    }
    assert {found: expected for found, expected in texts.items() if found != expected} == {}
    assert "X" not in live("ListEndpoints", NameContains="X")["Endpoints"]


def test_the_config_that_an_endpoint_already_has_is_refused(live) -> None:
    refusal = live.refusal("UpdateEndpoint", EndpointName="digits-production", EndpointConfigName="v1")
    assert refusal.code == "ValidationException"
    assert live.state() == ("InService", "v1")


def test_deleting_the_config_in_use_blocks_the_next_update(live) -> None:
    live("DeleteEndpointConfig", EndpointConfigName="v1")
    assert live.state() == ("InService", "v1")
    refusal = live.refusal("UpdateEndpoint", EndpointName="digits-production", EndpointConfigName="v2")
    assert refusal.message.startswith("Could not find endpoint configuration")


def test_an_endpoint_serves_on_when_its_model_is_deleted_but_none_can_be_made_from_it(live) -> None:
    live("DeleteModel", ModelName="v1")
    live("DeleteModel", ModelName="v2")
    assert live.state() == ("InService", "v1")
    refusal = live.refusal("UpdateEndpoint", EndpointName="digits-production", EndpointConfigName="v2")
    assert refusal.message.startswith("Could not find model")
    live.refusal("CreateEndpoint", EndpointName="other", EndpointConfigName="v2")
    assert live.state() == ("InService", "v1")
    live.refusal("DescribeEndpoint", EndpointName="other")


def test_weights_and_capacities_change_without_new_containers(live) -> None:
    running = dict(live.hosting.running)
    wanted = [{"VariantName": "live", "DesiredInstanceCount": 5, "DesiredWeight": 0.5}]
    live("UpdateEndpointWeightsAndCapacities", EndpointName="digits-production", DesiredWeightsAndCapacities=wanted)
    changing = describe(live)["ProductionVariants"][0]
    assert (changing["CurrentInstanceCount"], changing["DesiredInstanceCount"]) == (2, 5)
    assert changing["VariantStatus"][0]["Status"] == "Updating"
    live.pass_s(200)
    changed = describe(live)["ProductionVariants"][0]
    assert (changed["CurrentInstanceCount"], changed["CurrentWeight"]) == (5, 0.5)
    assert live.hosting.running == running
    wanted = [{"VariantName": "absent", "DesiredWeight": 1}]
    request = {"EndpointName": "digits-production", "DesiredWeightsAndCapacities": wanted}
    assert "Could not find production variant" in live.refusal("UpdateEndpointWeightsAndCapacities", **request).message


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, (2, 1.0)),
        ({"RetainAllVariantProperties": True}, (5, 0.5)),
        (
            {
                "RetainAllVariantProperties": True,
                "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredInstanceCount"}],
            },
            (2, 0.5),
        ),
    ],
)
def test_sizes_fall_back_to_the_config_unless_they_are_retained(live, request_, expected) -> None:
    wanted = [{"VariantName": "live", "DesiredInstanceCount": 5, "DesiredWeight": 0.5}]
    live("UpdateEndpointWeightsAndCapacities", EndpointName="digits-production", DesiredWeightsAndCapacities=wanted)
    live.pass_s(200)
    live.update("v2", **request_)
    live.pass_s(200)
    variant = describe(live)["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == expected


def test_a_deployment_config_is_dropped_unless_it_is_given_or_retained(live) -> None:
    live.update("v2", DeploymentConfig=CANARY)
    live.pass_s(500)
    assert describe(live)["LastDeploymentConfig"] == CANARY
    live.config("v3")
    live.update("v3", RetainDeploymentConfig=True)
    live.pass_s(500)
    assert describe(live)["LastDeploymentConfig"] == CANARY
    live.update("v2")
    live.pass_s(200)
    assert "LastDeploymentConfig" not in describe(live)
    both = {"EndpointName": "digits-production", "EndpointConfigName": "v1", "DeploymentConfig": CANARY | ROLLING}
    assert "Only one of" in live.refusal("UpdateEndpoint", **both).message


def test_a_serverless_endpoint_shows_memory_instead_of_instances(api) -> None:
    limits = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    api.config("v1", variants=[{"VariantName": "live", "ModelName": "v1", "ServerlessConfig": limits}])
    api("CreateEndpoint", EndpointName="digits-production", EndpointConfigName="v1")
    api.pass_s(300)
    variant = describe(api)["ProductionVariants"][0]
    assert variant["CurrentServerlessConfig"] == variant["DesiredServerlessConfig"] == limits
    assert "CurrentInstanceCount" not in variant
    change = [{"VariantName": "live", "ServerlessUpdateConfig": {"MaxConcurrency": 9}}]
    api("UpdateEndpointWeightsAndCapacities", EndpointName="digits-production", DesiredWeightsAndCapacities=change)
    api.pass_s(200)
    assert describe(api)["ProductionVariants"][0]["CurrentServerlessConfig"] == limits | {"MaxConcurrency": 9}


def test_a_serverless_endpoint_has_no_instances_to_change(api) -> None:
    variant = {
        "VariantName": "live",
        "ModelName": "v1",
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
    }
    api.config("v1", variants=[variant])
    api("CreateEndpoint", EndpointName="e", EndpointConfigName="v1")
    api.pass_s(300)
    wanted = [{"VariantName": "live", "DesiredInstanceCount": 2}]
    refusal = api.refusal("UpdateEndpointWeightsAndCapacities", EndpointName="e", DesiredWeightsAndCapacities=wanted)
    assert "DesiredInstanceCount is not supported" in refusal.message


def test_instances_cannot_become_serverless_but_the_other_way_works(live) -> None:
    limits = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    live.config("light", variants=[{"VariantName": "live", "ModelName": "light", "ServerlessConfig": limits}])
    refusal = live.refusal("UpdateEndpoint", EndpointName="digits-production", EndpointConfigName="light")
    assert "serverless" in refusal.message
    live("CreateEndpoint", EndpointName="other", EndpointConfigName="light")
    live.pass_s(300)
    live("UpdateEndpoint", EndpointName="other", EndpointConfigName="v2")
    live.pass_s(200)
    assert live.state("other") == ("InService", "v2")


def test_endpoints_are_listed_newest_first_with_filters(live) -> None:
    live("CreateEndpoint", EndpointName="a-staging", EndpointConfigName="v2")

    def names(**request) -> list[str]:
        return [endpoint["EndpointName"] for endpoint in live("ListEndpoints", **request)["Endpoints"]]

    assert names() == ["a-staging", "digits-production"]
    assert names(SortBy="Name", SortOrder="Ascending") == ["a-staging", "digits-production"]
    assert names(SortBy="Status", SortOrder="Ascending") == ["a-staging", "digits-production"]
    assert names(StatusEquals="InService") == ["digits-production"]
    assert names(NameContains="STAGING") == ["a-staging"]
    assert names(LastModifiedTimeBefore=live.clock()) == []
    first = live("ListEndpoints", SortBy="Status", SortOrder="Ascending", MaxResults=1)
    assert names(SortBy="Status", SortOrder="Ascending", NextToken=first["NextToken"]) == ["digits-production"]


def test_a_name_can_be_used_again_once_the_endpoint_is_gone(live) -> None:
    live("AddTags", ResourceArn=ARN, Tags=[{"Key": "team", "Value": "vision"}])
    live("DeleteEndpoint", EndpointName="digits-production")
    live.refusal("CreateEndpoint", EndpointName="digits-production", EndpointConfigName="v1")
    live.pass_s(20)
    live("CreateEndpoint", EndpointName="digits-production", EndpointConfigName="v1")
    assert live("ListTags", ResourceArn=ARN)["Tags"] == []


def test_the_same_calls_at_the_same_times_tell_the_same_story(live) -> None:
    twin = type(live)()
    twin.endpoint()
    twin.config("v2")
    for each in (live, twin):
        each.update("v2")
        each.pass_s(200)
    assert live.events == twin.events
