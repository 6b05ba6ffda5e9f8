"""What rollouts leave behind goes, a day later; what anybody may need stays."""

import pytest

from modelward.core.errors import ConflictError
from modelward.handlers import reconcile
from modelward.planning.changes import DeleteEndpointConfig, Plan
from modelward.services.execution import apply

DAY = 90_000


def configs(world, environment="production"):
    """Give the versions that have an endpoint config, and check that just those have a model."""
    contains = {"NameContains": f"digits-{environment}-v", "MaxResults": 100}
    made = [each["EndpointConfigName"] for each in world.sagemaker.list_endpoint_configs(**contains)["EndpointConfigs"]]
    models = [each["ModelName"] for each in world.sagemaker.list_models(**contains)["Models"]]
    assert sorted(made) == sorted(models)
    return sorted(int(name.split("-v")[-1].split("-")[0]) for name in made)


def released(world, count):
    for number in range(count):
        world.release(0.95 + number / 1000)


def asked_of(world, since):
    return [name for handler, service, name, _ in world.asked[since:] if service == "sagemaker"]


def test_the_sweep_keeps_what_serves_and_three_to_go_back_to(world):
    released(world, 6)
    assert configs(world) == [1, 2, 3, 4, 5, 6]
    world.pause(DAY)
    world.sweep()
    world.finish()
    assert configs(world) == configs(world, "staging") == [3, 4, 5, 6]
    assert world.serving() == 6
    assert world.dead == []


def test_as_many_are_kept_as_are_declared(world):
    world.use(world.declaration.replace('stage = "Production"', 'stage = "Production"\nkept_for_rollback = 1'))
    released(world, 4)
    world.pause(DAY)
    world.sweep()
    world.finish()
    assert configs(world) == [3, 4]
    assert configs(world, "staging") == [1, 2, 3, 4]


def test_what_is_younger_than_a_day_stays(world):
    released(world, 6)
    world.pause(80_000)
    world.sweep()
    world.finish()
    assert configs(world) == [1, 2, 3, 4, 5, 6]


def test_after_a_rollback_what_serves_stays_however_old(world):
    released(world, 6)
    world.digits.roll_back("production", reason="errors", to=3)
    world.finish()
    world.pause(DAY)
    world.sweep()
    world.finish()
    assert world.serving() == 3
    assert configs(world) == [3, 4, 5, 6]
    world.release(0.99)
    assert world.serving() == 7


def test_a_version_that_is_about_to_be_served_again_keeps_what_it_has(world):
    released(world, 6)
    world.pause(DAY)
    world.is_deaf = True
    world.digits.version(1).promote("Production", reason="nobody hears of it yet")
    plan = next(plan for plan in world.registry.plan_tidy(["digits"]) if "production" in plan.why)
    assert {change.name.split("-v")[1].split("-")[0] for change in plan.changes} == {"2"}


def test_nothing_is_deleted_of_an_endpoint_that_is_being_changed(world):
    released(world, 6)
    world.pause(DAY)
    version = world.register(0.99)
    world.finish()
    version.approve(reason="good")
    world.finish()
    version.promote("Production", reason="released")
    world.settle()
    assert world.endpoint()["EndpointStatus"] == "Updating"
    world.deliver(reconcile.handler, {"tidy": True, "model": "digits"})
    assert configs(world) == [1, 2, 3, 4, 5, 6, 7]


def test_a_config_that_came_into_use_after_the_plan_is_not_deleted(world):
    released(world, 2)
    live = world.endpoint()["EndpointConfigName"]
    with pytest.raises(ConflictError, match="InService"):
        apply(world.context, Plan("too late", (DeleteEndpointConfig(live, "digits-production"),)))
    assert configs(world) == [1, 2]


def test_names_that_no_declared_model_has_are_left_alone(world):
    released(world, 6)
    package = world.digits.version(6).arn
    for name in ("digits-production", "digits-production-2026", "letters-production-v1-0123abcd"):
        world.sagemaker.create_model(
            ModelName=name, PrimaryContainer={"ModelPackageName": package}, ExecutionRoleArn=world.settings.role_arn
        )
    world.pause(DAY)
    world.sweep()
    world.finish()
    names = {each["ModelName"] for each in world.sagemaker.list_models(MaxResults=100)["Models"]}
    assert {"digits-production", "digits-production-2026", "letters-production-v1-0123abcd"} <= names
    assert not any(name.startswith("digits-production-v1-") for name in names)
    assert world.dead == []


def test_a_model_that_a_needed_config_names_stays_whatever_it_is_called(world):
    released(world, 6)
    old = next(
        each["ModelName"] for each in world.sagemaker.list_models(NameContains="digits-production-v1-")["Models"]
    )
    live = world.sagemaker.describe_endpoint_config(EndpointConfigName=world.endpoint()["EndpointConfigName"])
    [variant] = live["ProductionVariants"]
    world.sagemaker.delete_endpoint_config(EndpointConfigName=live["EndpointConfigName"])
    world.sagemaker.create_endpoint_config(
        EndpointConfigName=live["EndpointConfigName"],
        ProductionVariants=[variant],
        ShadowProductionVariants=[{**variant, "VariantName": "Shadow", "ModelName": old}],
    )
    world.pause(DAY)
    world.sweep()
    world.finish()
    assert old in {each["ModelName"] for each in world.sagemaker.list_models(MaxResults=100)["Models"]}


def test_both_versions_of_a_trial_keep_what_they_are_served_from(world):
    released(world, 5)
    trial = 'instance_count = 2\nrollout = { strategy = "ab", percent = 20 }\n'
    world.use(world.declaration.replace("instance_count = 2", trial))
    version = world.release(0.99)
    serving = world.endpoint()["EndpointConfigName"]
    variants = world.sagemaker.describe_endpoint_config(EndpointConfigName=serving)["ProductionVariants"]
    assert len(variants) == 2
    world.pause(DAY)
    world.sweep()
    world.finish()
    models = {each["ModelName"] for each in world.sagemaker.list_models(MaxResults=100)["Models"]}
    assert {each["ModelName"] for each in variants} <= models
    assert not any(name.startswith("digits-production-v1-") for name in models)
    world.digits.finish("production", version.version, reason="better")
    world.finish()
    assert world.serving() == 6


def test_a_tidy_account_costs_two_lists_and_a_full_one_is_tidied_once(world):
    released(world, 6)
    world.pause(DAY)
    world.sweep()
    world.finish()
    since = len(world.asked)
    world.deliver(reconcile.handler, {"tidy": True})
    world.finish()
    assert asked_of(world, since) == ["ListEndpointConfigs", "ListModels"]


@pytest.mark.parametrize("kind", ["throttled", "timeout_before", "timeout_after", "crash_before", "crash_after"])
def test_tidying_that_is_interrupted_at_any_call_ends_the_same(world, marching_fault, kind):
    released(world, 6)
    world.pause(DAY)
    world.fault = marching_fault(kind)
    world.sweep()
    world.finish()
    world.fault = None
    world.sweep()
    world.finish()
    assert configs(world) == [3, 4, 5, 6]
    assert world.dead == []


def test_people_see_the_calls_first_and_then_make_them(world):
    released(world, 6)
    world.pause(DAY)
    planned = [line for plan in world.registry.plan_tidy() for line in plan.lines()]
    assert configs(world) == [1, 2, 3, 4, 5, 6]
    assert [line.split()[0] for line in planned] == ["DeleteEndpointConfig", "DeleteModel"] * 4
    assert [line for plan in world.registry.tidy() for line in plan.lines()] == planned
    assert configs(world) == [3, 4, 5, 6]
    assert [plan for plan in world.registry.plan_tidy() if not plan.is_empty] == []
