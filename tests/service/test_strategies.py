"""How endpoints move: in parts behind alarms, back without them, and only when nothing else moves them."""

from datetime import timedelta

import pytest

from modelward.local.sagemaker import Timing

ALARMS = "alarms = { errors_5xx_at_most = 0 }\n"
CANARY = 'rollout = { strategy = "canary", percent = 50, wait_s = 120, termination_wait_s = 60, time_limit_s = 600 }\n'
LINEAR = 'rollout = { strategy = "linear", percent = 50, wait_s = 120 }\n'
ROLLING = 'rollout = { strategy = "rolling", percent = 50, wait_s = 120 }\n'
AT_ONCE = "rollout = { termination_wait_s = 60 }\n"
ALARM = "digits-production-errors"


def declared(world, rollout):
    """Deploy a declaration by which production moves so, with the alarm that its stack makes."""
    world.use(world.declaration.replace("instance_count = 2", f"instance_count = 2\n{ALARMS}{rollout}"))
    world.client("cloudwatch").put_metric_alarm(
        AlarmName=ALARM,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[
            {"Name": "EndpointName", "Value": "digits-production"},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    return world


@pytest.fixture
def guarded(world):
    """A world in which v1 serves production, which moves by a canary."""
    declared(world, CANARY)
    world.release(0.95)
    return world


def promoted(world, accuracy=0.97):
    """Take a version as far as the beginning of its rollout to production."""
    version = world.register(accuracy)
    world.finish()
    version.approve(reason="good figures")
    world.finish()
    version.promote("Production", reason="released")
    world.settle()
    return version


def asked(world):
    """Give the last update that was asked for."""
    return [params for _, _, name, params in world.asked if name == "UpdateEndpoint"][-1]


def alarm(world, state):
    world.client("cloudwatch").set_alarm_state(AlarmName=ALARM, StateValue=state, StateReason="tried")


def test_a_canary_asks_for_its_part_its_waits_its_limit_and_the_alarms_of_the_endpoint(guarded):
    promoted(guarded)
    assert asked(guarded)["DeploymentConfig"] == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 120,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
            },
            "TerminationWaitInSeconds": 60,
            "MaximumExecutionTimeoutInSeconds": 600,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": ALARM}]},
    }
    guarded.finish()
    assert guarded.serving() == 2
    assert guarded.kinds(2)[-1] == "verified"


@pytest.mark.parametrize(
    ("rollout", "policy"),
    [
        (
            LINEAR,
            {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {
                        "Type": "LINEAR",
                        "WaitIntervalInSeconds": 120,
                        "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                    },
                    "TerminationWaitInSeconds": 0,
                }
            },
        ),
        (
            ROLLING,
            {
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                    "WaitIntervalInSeconds": 120,
                }
            },
        ),
        (
            AT_ONCE,
            {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
                    "TerminationWaitInSeconds": 60,
                }
            },
        ),
    ],
)
def test_each_strategy_is_asked_for_in_the_words_of_the_api_and_ends_on_the_version(world, rollout, policy):
    declared(world, rollout).release(0.95)
    promoted(world)
    assert asked(world)["DeploymentConfig"] == {
        **policy,
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": ALARM}]},
    }
    world.finish()
    assert world.serving() == 2
    assert world.dead == []


def test_without_a_declared_rollout_nothing_is_asked_for(world):
    world.release(0.95)
    promoted(world)
    assert "DeploymentConfig" not in asked(world)


def test_an_alarm_during_the_canary_ends_it_and_the_version_has_failed(guarded):
    version = promoted(guarded)
    guarded.run_for(30)
    assert guarded.endpoint()["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"][0]["Status"] == (
        "Baking"
    )
    alarm(guarded, "ALARM")
    guarded.finish()
    assert guarded.serving() == 1
    assert version.refresh().stage_status == "Rejected"
    assert guarded.kinds(2)[-2:] == ["deploying", "failed"]


def test_a_way_back_is_made_of_what_is_there_and_heeds_no_alarm(guarded):
    promoted(guarded)
    guarded.finish()
    alarm(guarded, "ALARM")
    since = len(guarded.calls)
    guarded.digits.roll_back("production", reason="users complain")
    guarded.finish()
    made = {name for _, name in guarded.calls[since:] if name.startswith("Create")}
    assert made == set()
    assert "DeploymentConfig" not in asked(guarded)
    assert guarded.serving() == 1


def test_a_way_back_whose_config_was_deleted_is_made_anew(guarded):
    promoted(guarded)
    guarded.finish()
    kept = next(e.facts["config"] for e in guarded.entries(1) if e.kind == "verified" and e.environment == "production")
    guarded.sagemaker.delete_endpoint_config(EndpointConfigName=kept)
    guarded.sagemaker.delete_model(ModelName=kept)
    guarded.digits.roll_back("production", reason="users complain")
    guarded.finish()
    assert guarded.serving() == 1
    assert guarded.kinds(1)[-1] == "verified"
    assert guarded.dead == []


def resized(world):
    # By a client of its own, which nobody watches: it is none of the functions' calls.
    world.session.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName="digits-production",
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 3}],
    )


@pytest.fixture
def meddled(guarded):
    """A world in which something resizes the endpoint just before each of the next updates of it."""
    client = guarded.sagemaker

    def meddle(params, **_more):
        if params["EndpointName"] != "digits-production":
            return
        client.meta.events.unregister("before-parameter-build.sagemaker.UpdateEndpoint", meddle)
        resized(guarded)

    guarded.core.timing = Timing(create_s=3, update_s=30, delete_s=1)
    client.meta.events.register("before-parameter-build.sagemaker.UpdateEndpoint", meddle)
    return guarded


def test_an_update_that_something_else_forestalled_is_postponed_and_not_taken_for_a_failure(meddled):
    version = promoted(meddled)
    assert meddled.kinds(2)[-2:] == ["deploying", "postponed"]
    meddled.finish()
    assert meddled.serving() == 2
    assert version.refresh().stage_status == "Approved"
    assert meddled.kinds(2)[-4:] == ["deploying", "postponed", "deploying", "verified"]
    assert meddled.dead == []


def test_nobody_is_told_of_a_rollout_that_waits(meddled):
    meddled.mails()
    promoted(meddled)
    assert [mail["Subject"] for mail in meddled.mails() if "waits for its turn" in mail["Subject"]] == []


def test_the_plan_of_a_rollout_says_how_the_endpoint_moves(guarded):
    guarded.use(guarded.declaration.replace("instance_count = 2", f"instance_count = 3\n{ALARMS}{CANARY}"))
    plan = guarded.digits.plan_deploy("production")
    assert plan.lines()[-1].endswith(f"(canary 50 %, 120 s each, back on {ALARM})")
    assert plan.to_json()["changes"][-1]["guard"]["rollout"]["percent"] == 50


def test_a_rollout_takes_the_time_that_it_is_given(guarded):
    since = guarded.context.clock()
    promoted(guarded)
    guarded.finish()
    verified = guarded.entries(2)[-1].at
    assert verified - since >= timedelta(seconds=120 + 60)


@pytest.fixture
def under_way(guarded):
    """A world in which the canary of v2 takes calls, and somebody has just decided to go back."""
    promoted(guarded)
    guarded.run_for(30)
    guarded.digits.roll_back("production", reason="users complain")
    guarded.settle()
    assert guarded.endpoint()["EndpointStatus"] == "Updating"
    return guarded


def test_a_decision_to_go_back_while_a_rollout_is_under_way_waits_its_turn(under_way):
    begun = len([entry for entry in under_way.entries(1) if entry.kind == "rolled-back"])
    under_way.finish()
    assert under_way.serving() == 1
    assert begun == 1
    assert under_way.kinds(1)[-2:] == ["deploying", "verified"]
    assert under_way.digits.version(2).stage == "Archived"
    assert under_way.dead == []


def test_an_alarm_set_by_hand_ends_it_at_once(under_way):
    alarm(under_way, "ALARM")
    under_way.run_for(20)
    assert under_way.endpoint()["EndpointStatus"] == "InService"
    assert under_way.serving() == 1
    assert under_way.digits.version(2).stage == "Archived"
    assert under_way.digits.current("Production").version == 1
    assert under_way.dead == []
