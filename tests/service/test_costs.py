"""How many AWS calls each operation makes, once connected: the figures that the documentation promises."""

import json
from collections import Counter
from datetime import timedelta

import pytest
from tests.service.conftest import IMAGE

from modelward.core.names import rollout_name
from modelward.handlers import reconcile
from modelward.local import moto as local
from modelward.local.moto import autoscaling
from modelward.local.sagemaker.interface import Caller
from modelward.planning.scene import config_name


def called(world, operation):
    """Do something and give the calls that it made."""
    since = len(world.calls)
    operation()
    return [name for _, name in world.calls[since:]]


def reads(calls):
    return [call for call in calls if not call.startswith(("Create", "Update", "Put"))]


def test_registering_costs_one_create_one_put_for_each_file_and_one_read(world):
    calls = called(world, lambda: world.register(0.95))
    assert sorted(calls) == ["CreateModelPackage", "PutObject", "PutObject", "Search"]


def test_a_decision_costs_one_update_and_two_reads_at_most(world):
    world.release(0.95)
    second = world.register(0.97)
    world.finish()
    for decide in (
        lambda: second.approve(reason="good"),
        lambda: second.promote("Production", reason="go"),
        lambda: second.reject(reason="bad"),
    ):
        calls = called(world, decide)
        assert [call for call in calls if call not in reads(calls)] == ["UpdateModelPackage"]
        assert len(reads(calls)) <= 2


def filled(world, count):
    """Add versions that nobody does anything with, past the product."""
    for number in range(count):
        world.core.packages.create(
            {
                "ModelPackageGroupName": "digits",
                "InferenceSpecification": {"Containers": [{"Image": "i", "ModelDataUrl": "s3://b/k"}]},
                "CustomerMetadataProperties": {"metric:accuracy": f"0.{number}"},
            },
            WHO,
        )


class WHO:
    @staticmethod
    def user_context():
        return {}


@pytest.mark.parametrize("count", [10, 1000])
def test_the_holder_of_a_stage_costs_two_calls_however_many_versions_there_are(world, count):
    first = world.register(0.95)
    first.promote("Development", reason="the oldest of all")
    filled(world, count)

    calls = called(world, lambda: world.digits.current("Development"))

    assert world.digits.current("Development").version == 1
    assert sorted(calls) == ["DescribeModelPackage", "Search"]


@pytest.mark.parametrize(("count", "most"), [(1, 2), (100, 2), (101, 4), (350, 8)])
def test_all_versions_with_their_metrics_cost_two_calls_for_each_hundred(world, count, most):
    filled(world, count)
    found = []
    calls = called(world, lambda: found.extend(world.digits.versions()))

    assert len(calls) <= most
    assert [version.version for version in found] == list(range(count, 0, -1))
    assert all(version.metrics for version in found)


def test_a_comparison_costs_two_reads_at_most(world):
    filled(world, 150)
    calls = called(world, lambda: world.digits.compare(1, 140))
    assert len(calls) <= 2


def test_reconciling_with_nothing_to_do_costs_three_reads(world):
    world.release(0.95)
    calls = called(world, lambda: world.deliver(reconcile.handler, {"model": "digits", "environment": "production"}))
    assert len(calls) <= 3
    assert calls == reads(calls)


SCALED = "autoscaling = { min = 1, max = 4, invocations_per_instance = 100 }"


def rolled_out(world, accuracy):
    """Give all calls that functions make until a version is live in production, and how many there are of each."""
    since = len(world.asked)
    world.release(accuracy)
    return Counter(name for handler, _, name, _ in world.asked[since:])


def test_endpoints_that_are_not_scaled_cost_no_call_more_and_scaled_ones_three_for_a_version(world):
    rolled_out(world, 0.95)
    plain = rolled_out(world, 0.96)
    assert not {"DescribeEndpointConfig", "RegisterScalableTarget", "DeregisterScalableTarget"} & plain.keys()
    autoscaling.use()
    world.use(world.declaration.replace("instance_count = 2", SCALED))
    world.sweep()
    world.finish()
    more = rolled_out(world, 0.97) - plain
    assert more == Counter(["DescribeEndpointConfig", "RegisterScalableTarget", "PutScalingPolicy"])


def test_reconciling_a_scaled_endpoint_with_nothing_to_do_costs_three_reads(world):
    autoscaling.use()
    world.use(world.declaration.replace("instance_count = 2", SCALED))
    world.release(0.95)
    calls = called(world, lambda: world.deliver(reconcile.handler, {"model": "digits", "environment": "production"}))
    assert len(calls) <= 3
    assert calls == reads(calls)


def test_an_event_that_tells_nothing_new_costs_two_reads(world):
    from modelward.handlers import model_package

    version = world.release(0.95)
    event = {"detail": {"ModelPackageArn": version.arn}}
    calls = called(world, lambda: world.deliver(model_package.handler, event))
    assert sorted(calls) == ["DescribeModelPackage", "Query"]


def test_a_sweep_costs_little_more_than_a_look_at_each_environment(world):
    world.release(0.95)
    calls = called(world, lambda: world.deliver(reconcile.handler, {"model": "digits"}))
    assert calls == reads(calls)
    assert len(calls) <= 2 + 2 * 3


def test_a_sweep_asks_for_alarms_once_for_each_environment_that_declares_some(world):
    world.use(world.declaration.replace("instance_count = 2", 'instance_count = 2\nroll_back_on = ["odd", "slow"]'))
    world.release(0.95)
    calls = called(world, lambda: world.deliver(reconcile.handler, {"model": "digits"}))
    assert calls.count("DescribeAlarms") == 1
    assert len(calls) <= 2 + 2 * 3 + 1
    calls = called(world, lambda: world.deliver(reconcile.handler, {"model": "digits", "environment": "production"}))
    assert len(calls) <= 3
    assert "DescribeAlarms" not in calls


def test_connecting_costs_nothing_and_an_artifact_is_not_read_twice(world):
    world.use(world.declaration)
    assert world.calls == []
    version = world.register()
    assert called(world, lambda: version.package) == ["DescribeModelPackage"]
    assert called(world, lambda: (version.metrics, version.stage, version.lineage, version.notes)) == []


def _registry_of(count):
    """Declare models with an endpoint each."""
    models = "".join(
        f"[models.m{number:04d}]\nowner = 'team'\n[models.m{number:04d}.endpoints.production]\n"
        "instance_type = 'ml.m5.large'\n"
        for number in range(count)
    )
    head = "[registry]\nname = 'acme'\nstages = ['Development', 'Production', 'Archived']\n"
    return f"{head}[environments.production]\nstage = 'Production'\n{models}"


SOMEBODY = Caller("arn:aws:iam::123456789012:user/ana", "AIDA", "123456789012")


def _left_behind(world, model, count):
    """Make the models and configs of past rollouts, past the product."""
    for version in range(1, count + 1):
        name = rollout_name(model, "production", version, "0123abcd")
        container = {"Image": "i", "ModelDataUrl": "s3://b/k"}
        variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large"}
        model_of = {"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": world.settings.role_arn}
        world.core.call("CreateModel", model_of, SOMEBODY)
        config = {"EndpointConfigName": name, "ProductionVariants": [{**variant, "InitialInstanceCount": 1}]}
        world.core.call("CreateEndpointConfig", config, SOMEBODY)


def test_looking_for_leftovers_of_1000_endpoints_costs_a_call_for_each_hundred_names_and_describes_none(world):
    world.use(_registry_of(1000))
    for model in world.context.spec.models:
        _left_behind(world, model, count=4)
    world.pause(90_000)
    calls = called(world, lambda: world.deliver(reconcile.handler, {"tidy": True}))
    assert Counter(calls) == {"ListEndpointConfigs": 40, "ListModels": 40}


def test_of_models_with_too_many_leftovers_ten_are_tidied_with_a_sweep_the_fullest_first(world):
    world.use(_registry_of(12))
    for number, model in enumerate(world.context.spec.models):
        _left_behind(world, model, count=6 if number > 5 else 5)
    world.pause(90_000)
    world.deliver(reconcile.handler, {"tidy": True})
    inbox, asked = {"QueueUrl": world.settings.reconcile_queue_url, "MaxNumberOfMessages": 10}, []
    while messages := world.client("sqs").receive_message(**inbox).get("Messages", []):
        asked += [json.loads(message["Body"]) for message in messages]
    numbers = [6, 7, 8, 9, 10, 11, 0, 1, 2, 3]
    assert sorted(each["model"] for each in asked) == sorted(f"m{number:04d}" for number in numbers)
    assert all(each["tidy"] for each in asked)


def _released(world, name):
    """Take the first version of a model to production by the product."""
    sagemaker = world.sagemaker
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    container = {"Image": IMAGE, "ModelDataUrl": "s3://acme-models/m.tar.gz"}
    types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    inference = {"Containers": [container], **types}
    sagemaker.create_model_package(
        ModelPackageGroupName=name, InferenceSpecification=inference, ModelApprovalStatus="PendingManualApproval"
    )
    world.finish()
    version = world.registry.model(name).version(1)
    version.approve(reason="good figures")
    world.finish()
    version.promote("Production", reason="released")
    world.finish()
    return version.refresh()


_VERSION = ("InferenceSpecification", "ModelApprovalStatus", "ModelLifeCycle", "CustomerMetadataProperties")
_MODEL = ("ModelName", "PrimaryContainer", "ExecutionRoleArn")


def _copied(world, version):
    """Put beside a released version as much for every other model, past the product, without a word of it."""
    sagemaker, table, model_name = world.sagemaker, world.settings.table, version.package.group
    endpoint = sagemaker.describe_endpoint(EndpointName=f"{model_name}-production")
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    package = sagemaker.describe_model_package(ModelPackageName=version.arn)
    entries = world.client("dynamodb").scan(TableName=table)["Items"]
    old, others = config["EndpointConfigName"], [each for each in world.context.spec.models if each != model_name]
    for name in others:
        world.core.call("CreateModelPackageGroup", {"ModelPackageGroupName": name}, SOMEBODY)
        copy = {"ModelPackageGroupName": name, **{each: package[each] for each in _VERSION}}
        world.core.call("CreateModelPackage", copy, SOMEBODY)
        twin = world.registry.model(name).version(1).package
        new = config_name(twin, world.context.model(name).endpoints["production"], world.settings.role_arn)
        world.core.call("CreateModel", {**{each: model[each] for each in _MODEL}, "ModelName": new}, SOMEBODY)
        variants = [{**each, "ModelName": new} for each in config["ProductionVariants"]]
        world.core.call("CreateEndpointConfig", {"EndpointConfigName": new, "ProductionVariants": variants}, SOMEBODY)
        world.core.call("CreateEndpoint", {"EndpointName": f"{name}-production", "EndpointConfigName": new}, SOMEBODY)
        items = json.loads(json.dumps(entries).replace(old, new).replace(model_name, name))
        puts = [{"PutRequest": {"Item": item}} for item in items]
        world.client("dynamodb").batch_write_item(RequestItems={table: puts})
    world.is_deaf = True
    world.finish()
    world.is_deaf = False


def test_a_sweep_with_nothing_to_do_describes_each_once_and_1000_of_them_in_900_s_at_5_calls_a_second(world):
    count = 250  # what it costs grows with them; 1,000 take this test a minute
    world.use(_registry_of(count))
    _copied(world, _released(world, "m0000"))
    world.pause(90_000)
    began = local.clock()

    def charge(**_):
        local.clock.advance(1 / 5)

    def sweep():
        world.sagemaker.meta.events.register("before-call", charge)
        world.sweep()
        world.finish()

    calls = Counter(called(world, sweep))
    assert calls["DescribeEndpoint"] <= 1.2 * count
    assert sum(made for name, made in calls.items() if name.startswith("Describe")) <= 1.2 * count
    assert not [call for call in calls if call.startswith(("Create", "Update", "Put"))]
    assert (calls["ListEndpointConfigs"], calls["ListModels"]) == (3, 3)
    assert local.clock() - began <= timedelta(seconds=900 * count / 1000)


def until_update(world, since):
    """Give the calls of functions until an endpoint is updated, with the function that made each."""
    made = [(handler.rpartition(".")[2], name) for handler, _, name, _ in world.asked[since:]]
    return made[: [name for _, name in made].index("UpdateEndpoint") + 1]


@pytest.mark.parametrize("count", [1, 300])
def test_an_approval_reaches_the_endpoint_with_fourteen_calls_however_many_versions_there_are(world, count):
    world.release(0.95)
    filled(world, count)
    second = world.register(0.97)
    world.finish()
    since = len(world.asked)
    second.approve(reason="good figures")
    world.finish()
    calls = until_update(world, since)
    assert len(calls) <= 14, "\n".join(" ".join(call) for call in calls)


@pytest.mark.parametrize("is_deaf", [False, True], ids=["reviewed first", "events lost"])
def test_a_rollback_reaches_the_endpoint_with_eight_calls_of_the_reconciler_whom_it_asks_itself(world, is_deaf):
    world.release(0.95)
    world.release(0.97)
    since, world.is_deaf = len(world.asked), is_deaf
    world.digits.roll_back("production", reason="users complain")
    world.finish()
    calls = [call for call in until_update(world, since) if call[0] == "reconcile"]
    assert len(calls) <= 8, "\n".join(" ".join(call) for call in calls)
