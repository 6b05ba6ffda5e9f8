"""`status`: one look at all environments, at a known price."""

import pytest

from modelward.core.errors import NotFoundError


def told(world, environment="production"):
    return next(each for each in world.registry.status() if each.environment == environment)


def test_a_release_is_followed_from_its_decision_to_its_verification(world):
    world.live()
    second = world.register(0.96)
    second.approve(reason="better")
    world.run_for(10)
    second.promote("Production", reason="released")
    world.settle()
    during = told(world)
    assert (during.state, during.live, during.wanted) == ("rolling out", 1, 2)
    world.finish()
    after = told(world)
    assert (after.state, after.live, after.wanted, after.since) == ("serving", 2, 2, None)
    assert after.verified_at is not None


def test_a_look_at_two_environments_costs_one_search_and_two_reads_each(world):
    world.live()
    before = len(world.calls)
    world.registry.status(["digits"])
    names = [name for _, name in world.calls[before:]]
    assert sorted(names) == ["DescribeEndpoint", "DescribeEndpoint", "Query", "Query", "Search"]


def test_a_model_that_is_not_declared_is_named(world):
    with pytest.raises(NotFoundError, match="digit"):
        world.registry.status(["digit"])


CANARY = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "WaitIntervalInSeconds": 300,
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        },
        "TerminationWaitInSeconds": 120,
    }
}


def updated(world, deployment):
    """Begin an update in the declared way, past the product."""
    first = world.endpoint()["EndpointConfigName"]
    world.release(0.97)
    world.is_deaf = True
    world.sagemaker.update_endpoint(
        EndpointName="digits-production", EndpointConfigName=first, DeploymentConfig=deployment
    )


def test_a_rollout_shows_its_step_how_much_traffic_has_moved_and_the_time_left(world):
    world.release(0.95)
    updated(world, CANARY)
    began = told(world).progress
    assert (began.step, began.percent) == ("Creating", 0)
    assert 410 <= began.left_s <= 420
    world.run_for(60)
    baking = told(world).progress
    assert (baking.step, baking.percent, baking.began_at) == ("Baking", 50, began.began_at)
    assert 350 <= baking.left_s <= 360
    world.run_for(300)
    assert (told(world).progress.step, told(world).progress.percent) == ("Baking", 100)
    world.run_for(120)
    assert told(world).progress is None


@pytest.mark.parametrize(
    ("deployment", "waits_s"),
    [
        ({}, 0),
        (CANARY, 420),
        (
            {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {
                        "Type": "LINEAR",
                        "WaitIntervalInSeconds": 60,
                        "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                    }
                }
            },
            60,
        ),
        (
            {
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                    "WaitIntervalInSeconds": 30,
                }
            },
            60,
        ),
    ],
    ids=["all at once", "canary", "linear", "rolling"],
)
def test_what_a_strategy_waits_is_what_is_left_at_its_beginning(world, deployment, waits_s):
    world.release(0.95)
    updated(world, deployment)
    assert world.context.hosting.describe_endpoint("digits-production").update.waits_s == waits_s


def test_the_time_left_goes_by_the_rollout_before(world):
    world.core.timing = type(world.core.timing)(create_s=40, update_s=40, delete_s=1)
    world.release(0.95)
    second = world.register(0.97)
    world.finish()
    second.approve(reason="better")
    world.finish()
    second.promote("Production", reason="released")
    world.settle()
    assert 38 <= told(world).progress.left_s <= 42
    world.run_for(10)
    assert 28 <= told(world).progress.left_s <= 32


def test_an_endpoint_that_is_being_made_shows_that(world):
    first = world.register(0.95)
    world.finish()
    first.approve(reason="good")
    world.finish()
    first.promote("Production", reason="released")
    world.settle()
    assert (told(world).progress.step, told(world).progress.percent) == ("Creating", 0)


def test_a_watch_ends_when_all_is_served(world):
    world.live()
    second = world.register(0.96)
    second.approve(reason="better")
    world.run_for(10)
    second.promote("Production", reason="released")
    world.settle()
    looks = [{each.environment: each for each in found} for found in world.registry.watch(["digits"])]
    states = [found["production"].state for found in looks]
    assert states[0] == "rolling out"
    assert set(states[:-1]) == {"rolling out"}
    assert (states[-1], looks[-1]["production"].live) == ("serving", 2)
