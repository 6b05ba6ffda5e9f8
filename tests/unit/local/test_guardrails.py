from collections import Counter

import pytest

from modelward.local.sagemaker import AlarmState, Fault

NAME = {"EndpointName": "digits-production"}
DEPLOYMENT = "SageMaker Endpoint Deployment State Change"
ALARMS = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}


def blue_green(kind="ALL_AT_ONCE", *, wait_s=0, end_s=0, limit_s=None, **sizes):
    routing = {"Type": kind, "WaitIntervalInSeconds": wait_s, **sizes}
    limit = {"MaximumExecutionTimeoutInSeconds": limit_s} if limit_s else {}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": end_s, **limit}
    return {"BlueGreenUpdatePolicy": policy, **ALARMS}


def instances(value):
    return {"Type": "INSTANCE_COUNT", "Value": value}


def percent(value):
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def rolling(size, *, wait_s=60, **more):
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": wait_s, **more}, **ALARMS}


CANARY = blue_green("CANARY", wait_s=300, end_s=120, CanarySize=instances(1))
LINEAR = blue_green("LINEAR", wait_s=100, end_s=50, LinearStepSize=percent(25))
ROLLING = rolling(instances(2))


@pytest.fixture
def live(api):
    """An endpoint that serves v1 on four instances; v2 waits."""
    api.endpoint(count=4)
    api.config("v2", count=4)
    api.watch.force("errors", AlarmState.OK)
    return api


def describe(api):
    return api("DescribeEndpoint", **NAME)


def pending(api):
    return describe(api)["PendingDeploymentSummary"]["ProductionVariants"][0]


def stage(api) -> tuple[str, str]:
    """VariantStatus and its message, wherever it stands."""
    found = describe(api)
    variants = [*found["PendingDeploymentSummary"]["ProductionVariants"], *found["ProductionVariants"]]
    [status] = [status for variant in variants for status in variant.get("VariantStatus", ())]
    return status["Status"], status["StatusMessage"]


def traffic(api, calls=40) -> Counter[str]:
    return Counter(api.invoke() for _ in range(calls))


def stages(api) -> list[str]:
    """What deployment events tell, in order."""
    told = []
    for event in api.events:
        if event["detail-type"] == DEPLOYMENT:
            detail = event["detail"]
            variants = [*detail.get("PendingDeploymentSummary", {}).get("ProductionVariants", ())]
            for variant in [*variants, *detail["ProductionVariants"]]:
                told += [status["Status"] for status in variant.get("VariantStatus", ())]
    return told


def states(api) -> list[tuple[str, str]]:
    return [
        (event["detail"]["EndpointStatus"], event["detail"]["EndpointConfigName"])
        for event in api.events
        if event["detail-type"] == "SageMaker Endpoint State Change"
    ]


# Traffic, step by step


@pytest.mark.fidelity("guardrails-performed", "pending-count-takes-traffic")
def test_a_canary_takes_its_part_then_all_and_the_old_fleet_ends_after_the_termination_wait(live) -> None:
    live.update("v2", DeploymentConfig=CANARY)
    assert stage(live) == ("Creating", "Launching 4 instance(s).")
    assert traffic(live) == {"v1": 40}
    live.pass_s(200)
    told = "Baking for 300 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 instance(s)."
    assert stage(live) == ("Baking", told)
    assert (pending(live)["CurrentInstanceCount"], pending(live)["DesiredInstanceCount"]) == (1, 4)
    assert traffic(live) == {"v1": 30, "v2": 10}
    live.pass_s(300)
    told = "Baking for 120 seconds (TerminationWaitInSeconds) with traffic enabled on full capacity of 4 instance(s)."
    assert stage(live) == ("Baking", told)
    assert traffic(live) == {"v2": 40}
    assert live.state() == ("Updating", "v1")
    assert len(live.hosting.running) == 2
    live.pass_s(120)
    assert live.state() == ("InService", "v2")
    assert len(live.hosting.running) == 1
    activating = ["ActivatingTraffic", "Baking"]
    assert stages(live) == ["Creating", *activating, *activating, "Deleting"]


@pytest.mark.fidelity("guardrails-performed")
def test_linear_steps_shift_equal_parts_with_a_bake_after_each(live) -> None:
    live.update("v2", DeploymentConfig=LINEAR)
    live.pass_s(200)
    seen = []
    for _ in range(3):
        seen.append(traffic(live)["v2"])
        live.pass_s(100)
    assert [*seen, traffic(live)["v2"]] == [10, 20, 30, 40]
    assert live.state() == ("Updating", "v1")
    live.pass_s(50)
    assert live.state() == ("InService", "v2")


@pytest.mark.fidelity("waits-of-a-deployment")
def test_all_at_once_bakes_for_the_termination_wait_with_the_old_fleet_at_hand(live) -> None:
    live.update("v2", DeploymentConfig=blue_green(end_s=600))
    live.pass_s(799)
    assert (live.state(), traffic(live)) == (("Updating", "v1"), {"v2": 40})
    live.pass_s(1)
    assert live.state() == ("InService", "v2")


def test_an_update_without_guardrails_shifts_at_once_and_bakes_never(live) -> None:
    live.update("v2")
    live.pass_s(200)
    assert live.state() == ("InService", "v2")
    assert stages(live) == ["Creating", "ActivatingTraffic", "Deleting"]


@pytest.mark.fidelity("guardrails-performed")
def test_a_rolling_update_replaces_batch_after_batch(live) -> None:
    live.update("v2", DeploymentConfig=ROLLING)
    assert stage(live) == ("Creating", "Launching 2 instance(s).")
    live.pass_s(200)
    assert stage(live)[0] == "Baking"
    assert traffic(live) == {"v1": 20, "v2": 20}
    assert describe(live)["ProductionVariants"][0]["CurrentInstanceCount"] == 4
    live.pass_s(60)
    assert stage(live) == ("Creating", "Launching 2 instance(s).")
    assert describe(live)["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert traffic(live) == {"v1": 20, "v2": 20}
    live.pass_s(200)
    assert traffic(live) == {"v2": 40}
    live.pass_s(60)
    assert live.state() == ("InService", "v2")


@pytest.mark.fidelity("whole-instances")
def test_a_batch_that_does_not_divide_leaves_a_smaller_last_one(live) -> None:
    live.config("v3", count=5)
    live.update("v3", DeploymentConfig=rolling(percent(40), wait_s=0))
    live.pass_s(0)
    counts = []
    while live.state()[0] == "Updating":
        counts.append(stage(live)[1])
        live.pass_s(200)
    assert counts == [f"Launching {count} instance(s)." for count in (2, 2, 1)]


def test_both_variants_of_an_endpoint_shift_in_proportion(api) -> None:
    api.watch.force("errors", AlarmState.OK)
    for name in ("v1", "v2"):
        api.config(f"model-{name}")
        size = {"InstanceType": "ml.m5.large", "ModelName": f"model-{name}", "InitialInstanceCount": 4}
        variants = [
            {"VariantName": "most", "InitialVariantWeight": 3, **size},
            {"VariantName": "few", "InitialVariantWeight": 1, **size},
        ]
        api.config(name, variants=variants)
    api("CreateEndpoint", **NAME, EndpointConfigName="v1")
    api.pass_s(300)
    api.update("v2", DeploymentConfig=blue_green("CANARY", wait_s=60, CanarySize=percent(50)))
    api.pass_s(200)
    assert traffic(api) == {"v1": 20, "v2": 20}
    targeted = Counter(api.invoke(TargetVariant="few") for _ in range(10))
    assert targeted == {"v1": 5, "v2": 5}


def test_a_late_look_sees_the_same_story(live) -> None:
    twin = type(live)()
    twin.endpoint(count=4)
    twin.config("v2", count=4)
    twin.watch.force("errors", AlarmState.OK)
    live.update("v2", DeploymentConfig=LINEAR)
    twin.update("v2", DeploymentConfig=LINEAR)
    live.pass_s(10_000)
    for _ in range(1000):
        twin.pass_s(10)
    assert live.events == twin.events


# What is told


def test_a_deployment_event_has_the_documented_shape(live) -> None:
    live.update("v2", DeploymentConfig=CANARY)
    live.pass_s(200)
    event = live.events[-1]
    started = round((live.clock().timestamp() - 200) * 1000)
    assert (event["detail-type"], event["source"]) == (DEPLOYMENT, "aws.sagemaker")
    detail = event["detail"]
    assert (detail["EndpointConfigName"], detail["EndpointStatus"], detail["Tags"]) == ("v1", "UPDATING", {})
    sizes = {"CurrentWeight": 1.0, "DesiredWeight": 1.0, "CurrentInstanceCount": 4, "DesiredInstanceCount": 4}
    assert detail["ProductionVariants"] == [{"VariantName": "live", **sizes}]
    status = {
        "Status": "Baking",
        "StatusMessage": (
            "Baking for 300 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 instance(s)."
        ),
        "StartTime": started + 200_000,
    }
    assert detail["PendingDeploymentSummary"] == {
        "EndpointConfigName": "v2",
        "StartTime": started,
        "ProductionVariants": [{"VariantName": "live", **sizes, "CurrentInstanceCount": 1, "VariantStatus": [status]}],
    }


def test_new_sizes_are_told_in_the_variants_themselves(live) -> None:
    wanted = [{"VariantName": "live", "DesiredInstanceCount": 6}]
    live("UpdateEndpointWeightsAndCapacities", **NAME, DesiredWeightsAndCapacities=wanted)
    detail = live.events[-1]["detail"]
    assert "PendingDeploymentSummary" not in detail
    [status] = detail["ProductionVariants"][0]["VariantStatus"]
    assert (status["Status"], status["StatusMessage"]) == ("Updating", "Scaling out desired instance count to 6.")


# Exclusions, which are silent


@pytest.mark.parametrize(
    ("variant", "deployment"),
    [
        ({"InstanceType": "ml.inf1.xlarge", "InitialInstanceCount": 4}, CANARY),
        ({"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}, rolling(percent(50))),
        ({"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}, rolling(percent(50))),
    ],
)
@pytest.mark.fidelity("guardrails-excluded")
def test_what_guardrails_exclude_is_replaced_all_at_once_without_a_bake(api, variant, deployment) -> None:
    api.watch.force("errors", AlarmState.OK)
    for name in ("v1", "v2"):
        api.config(name, variants=[{"VariantName": "live", "ModelName": name, **variant}])
    api("CreateEndpoint", **NAME, EndpointConfigName="v1")
    api.pass_s(300)
    api.update("v2", DeploymentConfig=deployment)
    api.pass_s(200)
    assert api.state() == ("InService", "v2")


@pytest.mark.parametrize(
    "variant",
    [
        {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1},
        {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}},
    ],
)
@pytest.mark.fidelity("whole-instances")
def test_what_cannot_be_divided_shifts_at_once_and_still_bakes(api, variant) -> None:
    api.watch.force("errors", AlarmState.OK)
    for name in ("v1", "v2"):
        api.config(name, variants=[{"VariantName": "live", "ModelName": name, **variant}])
    api("CreateEndpoint", **NAME, EndpointConfigName="v1")
    api.pass_s(300)
    api.update("v2", DeploymentConfig=CANARY)
    api.pass_s(200)
    assert (api.state(), traffic(api)) == (("Updating", "v1"), {"v2": 40})
    api.pass_s(120)
    assert api.state() == ("InService", "v2")


# Refusals


@pytest.mark.parametrize(
    ("deployment", "text"),
    [
        (CANARY | ROLLING, "Only one of"),
        (blue_green("CANARY", wait_s=1), "CanarySize must be specified"),
        (blue_green("LINEAR", wait_s=1), "LinearStepSize must be specified"),
        (blue_green("CANARY", CanarySize=percent(51)), "CanarySize must be between 1% and 50%"),
        (blue_green("CANARY", CanarySize=instances(3)), "CanarySize must be between"),
        (blue_green("LINEAR", LinearStepSize=percent(9)), "LinearStepSize must be between 10% and 50%"),
        (rolling(percent(4)), "MaximumBatchSize must be between 5% and 50%"),
        (blue_green("LINEAR", wait_s=300, limit_s=900, LinearStepSize=percent(25)), "larger than the total waiting"),
        (rolling(instances(1), wait_s=300, MaximumExecutionTimeoutInSeconds=1200), "larger than the total waiting"),
    ],
)
def test_a_deployment_that_cannot_be_followed_is_refused(live, deployment, text) -> None:
    refusal = live.refusal("UpdateEndpoint", **NAME, EndpointConfigName="v2", DeploymentConfig=deployment)
    assert refusal.code == "ValidationException"
    assert text in refusal.message
    assert live.state() == ("InService", "v1")


def test_a_size_is_also_checked_when_the_endpoint_is_made(api) -> None:
    api.config("v1")
    too_large = blue_green("CANARY", CanarySize=percent(60))
    refusal = api.refusal("CreateEndpoint", **NAME, EndpointConfigName="v1", DeploymentConfig=too_large)
    assert "CanarySize" in refusal.message


def test_guardrails_want_the_same_variant_names(live) -> None:
    size = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 4}
    live.config("v3", variants=[{"VariantName": "other", "ModelName": "v2", **size}])
    refusal = live.refusal("UpdateEndpoint", **NAME, EndpointConfigName="v3", DeploymentConfig=CANARY)
    assert "same variant names" in refusal.message
    live.update("v3")
    live.pass_s(200)
    assert live.state() == ("InService", "v3")


def test_an_alarm_that_does_not_exist_is_refused(live) -> None:
    live.watch.force("errors", None)
    refusal = live.refusal("UpdateEndpoint", **NAME, EndpointConfigName="v2", DeploymentConfig=CANARY)
    assert "errors" in refusal.message
    assert live.state() == ("InService", "v1")


# Going back


@pytest.mark.fidelity("rollback-is-silent")
def test_an_alarm_during_the_bake_returns_to_the_old_config_without_a_word(live) -> None:
    live.update("v2", DeploymentConfig=CANARY)
    live.pass_s(250)
    live.watch.force("errors", AlarmState.ALARM)
    live.pass_s(10)
    found = describe(live)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "v1")
    assert not {"FailureReason", "PendingDeploymentSummary"} & found.keys()
    assert traffic(live) == {"v1": 40}
    assert [each.endpoint_config_name for each in live.hosting.running.values()] == ["v1"]
    assert states(live)[-2:] == [("UPDATING", "v1"), ("IN_SERVICE", "v1")]


@pytest.mark.fidelity("rollback-keeps-sizes")
@pytest.mark.parametrize("guard", [CANARY, ROLLING])
def test_an_update_that_is_taken_back_leaves_the_sizes_as_they_were_and_not_as_the_old_config_has_them(live, guard):
    resized = [{"VariantName": "live", "DesiredInstanceCount": 6, "DesiredWeight": 0.5}]
    live("UpdateEndpointWeightsAndCapacities", **NAME, DesiredWeightsAndCapacities=resized)
    live.pass_s(600)
    before = describe(live)
    live.update("v2", DeploymentConfig=guard)
    live.pass_s(250)
    live.watch.force("errors", AlarmState.ALARM)
    live.pass_s(900)
    found = describe(live)
    assert (live.state(), found["LastModifiedTime"] > before["LastModifiedTime"]) == (("InService", "v1"), True)
    sizes = [[each[name] for name in ("DesiredInstanceCount", "DesiredWeight")] for each in found["ProductionVariants"]]
    assert sizes == [[6, 0.5]]


def test_an_alarm_after_the_full_shift_still_returns_while_the_old_fleet_is_there(live) -> None:
    live.update("v2", DeploymentConfig=CANARY)
    live.pass_s(550)
    assert traffic(live) == {"v2": 40}
    live.watch.force("errors", AlarmState.ALARM)
    live.pass_s(10)
    assert (live.state(), traffic(live)) == (("InService", "v1"), {"v1": 40})


@pytest.mark.fidelity("alarms-asked-in-time")
def test_an_alarm_while_containers_start_is_seen_once_traffic_moves(live) -> None:
    live.watch.force("errors", AlarmState.ALARM)
    live.update("v2", DeploymentConfig=CANARY)
    live.pass_s(199)
    assert live.state() == ("Updating", "v1")
    live.pass_s(1)
    assert live.state() == ("InService", "v1")


def test_an_alarm_that_lacks_data_ends_nothing(live) -> None:
    live.watch.force("errors", AlarmState.INSUFFICIENT_DATA)
    live.update("v2", DeploymentConfig=CANARY)
    live.pass_s(620)
    assert live.state() == ("InService", "v2")


@pytest.mark.fidelity("rollback-is-silent")
def test_unhealthy_containers_end_a_guarded_update_too(live) -> None:
    live.core.faults.unhealthy_configs.add("v2")
    live.update("v2", DeploymentConfig=CANARY)
    live.pass_s(200)
    assert live.state() == ("InService", "v1")
    live.core.faults.unhealthy_configs.clear()
    live.update("v2", DeploymentConfig=CANARY)
    live.pass_s(620)
    assert live.state() == ("InService", "v2")


@pytest.mark.fidelity("rollback-is-silent")
def test_a_deployment_that_takes_too_long_returns(live) -> None:
    live.hosting.health = lambda config: None if config.endpoint_config_name == "v2" else True
    live.core.timing = type(live.core.timing)(update_s=500, health_timeout_s=9000)
    live.update("v2", DeploymentConfig=blue_green(end_s=10, limit_s=600))
    live.pass_s(599)
    assert live.state() == ("Updating", "v1")
    live.pass_s(1)
    assert live.state() == ("InService", "v1")


def test_a_rolling_update_brings_the_old_instances_back_before_it_is_over(live) -> None:
    live.update("v2", DeploymentConfig=ROLLING)
    live.pass_s(460)  # two batches are up, half of the old fleet is gone
    live.watch.force("errors", AlarmState.ALARM)
    live.pass_s(10)
    assert live.state() == ("Updating", "v1")
    assert stage(live) == ("Creating", "Launching 2 instance(s).")
    assert describe(live)["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    live.pass_s(200)
    assert (live.state(), traffic(live)) == (("InService", "v1"), {"v1": 40})


def test_a_rollback_may_go_in_batches_of_its_own(live) -> None:
    live.update("v2", DeploymentConfig=rolling(instances(2), RollbackMaximumBatchSize=instances(1)))
    live.pass_s(460)
    live.watch.force("errors", AlarmState.ALARM)
    live.pass_s(10)
    assert stage(live)[1] == "Launching 1 instance(s)."
    live.pass_s(200)
    assert traffic(live) == {"v1": 30, "v2": 10}
    live.pass_s(200)
    assert live.state() == ("InService", "v1")


@pytest.fixture
def mixed(live):
    """An endpoint whose rolling update failed when half was new, and whose rollback failed too."""
    live.core.faults.add("UpdateEndpoint", kind=Fault.ROLLBACK_FAILS)
    live.update("v2", DeploymentConfig=rolling(instances(1)))
    live.pass_s(460)
    live.watch.force("errors", AlarmState.ALARM)
    live.pass_s(210)
    live.watch.force("errors", AlarmState.OK)
    return live


@pytest.mark.fidelity("mix-after-failed-rollback")
def test_a_rollback_that_fails_leaves_a_mix_of_both_configs(mixed) -> None:
    found = describe(mixed)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("UpdateRollbackFailed", "v1")
    assert "FailureReason" in found
    assert states(mixed)[-1] == ("UPDATE_ROLLBACK_FAILED", "v1")
    assert traffic(mixed) == {"v1": 20, "v2": 20}
    assert len(mixed.hosting.running) == 2


@pytest.mark.parametrize("remedy", ["v1", "v2"])
@pytest.mark.fidelity("mix-after-failed-rollback")
def test_a_mix_is_remedied_by_an_update_to_either_config(mixed, remedy) -> None:
    mixed.update(remedy)
    mixed.pass_s(200)
    assert (mixed.state(), traffic(mixed)) == (("InService", remedy), {remedy: 40})
    assert len(mixed.hosting.running) == 1
    assert "FailureReason" not in describe(mixed)


def test_a_mix_stays_one_through_maintenance_and_an_update_that_fails(mixed) -> None:
    mixed.core.update_by_system("digits-production", 60)
    mixed.pass_s(60)
    assert mixed.state() == ("UpdateRollbackFailed", "v1")
    mixed.core.faults.unhealthy_configs.add("v2")
    mixed.update("v2")
    mixed.pass_s(200)
    assert mixed.state() == ("UpdateRollbackFailed", "v1")
    assert traffic(mixed) == {"v1": 20, "v2": 20}


@pytest.mark.fidelity("mix-after-failed-rollback")
def test_a_mix_can_be_deleted(mixed) -> None:
    mixed("DeleteEndpoint", **NAME)
    mixed.pass_s(20)
    assert mixed.hosting.running == {}


# Other states


@pytest.mark.fidelity("sizes-roll-back")
def test_new_sizes_that_cannot_be_had_roll_back(live) -> None:
    live.core.faults.add("UpdateEndpointWeightsAndCapacities", kind=Fault.UNHEALTHY)
    wanted = [{"VariantName": "live", "DesiredInstanceCount": 9}]
    live("UpdateEndpointWeightsAndCapacities", **NAME, DesiredWeightsAndCapacities=wanted)
    live.pass_s(200)
    assert live.state() == ("RollingBack", "v1")
    live.refusal("DeleteEndpoint", **NAME)
    live.pass_s(200)
    assert live.state() == ("InService", "v1")
    assert describe(live)["ProductionVariants"][0]["DesiredInstanceCount"] == 4
    assert [state for state, _ in states(live)][-3:] == ["UPDATING", "ROLLING_BACK", "IN_SERVICE"]


@pytest.mark.fidelity("maintenance-refuses")
def test_maintenance_by_aws_blocks_changes_while_the_endpoint_serves(live) -> None:
    live.core.update_by_system("digits-production", 600)
    assert live.state() == ("SystemUpdating", "v1")
    assert "in-progress" in live.refusal("UpdateEndpoint", **NAME, EndpointConfigName="v2").message
    assert "in-progress" in live.refusal("DeleteEndpoint", **NAME).message
    assert traffic(live) == {"v1": 40}
    live.pass_s(600)
    assert live.state() == ("InService", "v1")
    assert [state for state, _ in states(live)][-2:] == ["SYSTEM_UPDATING", "IN_SERVICE"]


@pytest.mark.fidelity("quota-counts-both")
def test_a_quota_counts_both_fleets_of_an_update(live) -> None:
    live.core.faults.quotas["ml.m5.large"] = 6
    refusal = live.refusal("UpdateEndpoint", **NAME, EndpointConfigName="v2")
    assert refusal.code == "ResourceLimitExceeded"
    assert "is 6 Instances, with current utilization of 4 Instances and a request delta of 4" in refusal.message
    wanted = [{"VariantName": "live", "DesiredInstanceCount": 7}]
    refusal = live.refusal("UpdateEndpointWeightsAndCapacities", **NAME, DesiredWeightsAndCapacities=wanted)
    assert "request delta of 3 Instances" in refusal.message
    assert live.state() == ("InService", "v1")
    live.core.faults.quotas["ml.m5.large"] = 8
    live.update("v2")
