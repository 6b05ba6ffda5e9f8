"""Endpoints whose number of instances follows the calls, from the declaration to Application Auto Scaling."""

import pytest
from botocore.exceptions import ClientError
from tests.reliability.faults import FaultAtEveryCall

from modelward.local.moto import autoscaling
from modelward.local.sagemaker import Fault

SCALED = "autoscaling = { min = 2, max = 4, invocations_per_instance = 100, scale_in_cooldown_s = 600 }"
VARIANT = "endpoint/digits-production/variant/AllTraffic"


@pytest.fixture
def scaled(world):
    """A world in which production is scaled; nothing is live yet."""
    autoscaling.use()
    world.plain = world.declaration
    world.scaled = world.declaration.replace("instance_count = 2", SCALED)
    world.use(world.scaled)
    return world


def declare(world, *change):
    """Deploy another declaration and let the schedule strike."""
    world.use(world.scaled.replace(*change))
    world.sweep()
    world.finish()


def targets(world):
    found = world.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    return [(each["ResourceId"], each["MinCapacity"], each["MaxCapacity"]) for each in found["ScalableTargets"]]


def policies(world):
    found = world.client("application-autoscaling").describe_scaling_policies(ServiceNamespace="sagemaker")
    return [each["TargetTrackingScalingPolicyConfiguration"] for each in found["ScalingPolicies"]]


def count(world):
    return world.endpoint()["ProductionVariants"][0]["CurrentInstanceCount"]


def scale(world, instances):
    """Do what Application Auto Scaling does when calls come."""
    world.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="digits-production",
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": instances}],
    )
    world.finish()


def called(world, since):
    return [name for service, name in world.calls[since:] if service == "application-autoscaling"]


def test_a_verified_endpoint_is_scaled_as_declared(scaled):
    scaled.release(0.95)
    assert targets(scaled) == [(VARIANT, 2, 4)]
    assert policies(scaled) == [
        {
            "TargetValue": 100.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            "ScaleInCooldown": 600,
        }
    ]
    assert count(scaled) == 2
    assert scaled.dead == []


def test_the_number_of_instances_survives_a_new_version_and_new_limits(scaled):
    scaled.release(0.95)
    scale(scaled, 3)
    since = len(scaled.calls)
    scaled.release(0.97)
    assert (scaled.serving(), count(scaled)) == (2, 3)
    assert called(scaled, since) == ["RegisterScalableTarget", "PutScalingPolicy"]
    declare(scaled, "max = 4", "max = 8")
    assert (count(scaled), targets(scaled)) == (3, [(VARIANT, 2, 8)])


def test_another_instance_type_is_rolled_out_although_aws_refuses_it_while_the_endpoint_is_scaled(scaled):
    scaled.release(0.95)
    since = len(scaled.calls)
    declare(scaled, "ml.m5.large", "ml.c5.large")
    config = scaled.sagemaker.describe_endpoint_config(EndpointConfigName=scaled.endpoint()["EndpointConfigName"])
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.c5.large"
    assert called(scaled, since) == ["DeregisterScalableTarget", "RegisterScalableTarget", "PutScalingPolicy"]
    assert len(policies(scaled)) == 1
    assert scaled.kinds(1)[-2:] == ["deploying", "verified"]


def test_the_local_sagemaker_refuses_another_type_for_a_scaled_variant_as_aws_does(scaled):
    scaled.release(0.95)
    config = scaled.endpoint()["EndpointConfigName"]
    variant = scaled.sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]
    other = {**variant, "InstanceType": "ml.c5.large"}
    scaled.sagemaker.create_endpoint_config(EndpointConfigName="other", ProductionVariants=[other])
    with pytest.raises(ClientError, match=r'"\[AllTraffic\]" must be deregistered as scalable targets'):
        scaled.sagemaker.update_endpoint(EndpointName="digits-production", EndpointConfigName="other")


def test_scaling_ends_with_its_declaration(scaled):
    scaled.release(0.95)
    scale(scaled, 4)
    declare(scaled, SCALED, "instance_count = 1")
    assert (targets(scaled), policies(scaled), count(scaled)) == ([], [], 1)
    assert scaled.serving() == 1


def test_an_update_that_fails_leaves_the_endpoint_scaled(scaled):
    scaled.release(0.95)
    scaled.core.faults.add("UpdateEndpoint", kind=Fault.UNHEALTHY)
    declare(scaled, "ml.m5.large", "ml.c5.large")
    assert scaled.kinds(1)[-1] == "failed"
    assert targets(scaled) == [(VARIANT, 2, 4)]


def test_an_endpoint_that_is_deleted_is_scaled_no_more(scaled):
    scaled.release(0.95)
    scaled.sagemaker.delete_endpoint(EndpointName="digits-production")
    scaled.is_deaf = True
    scaled.finish()
    assert targets(scaled) == []


@pytest.mark.parametrize("kind", ["throttled", "timeout_before", "timeout_after", "crash_before", "crash_after"])
def test_another_type_for_a_scaled_endpoint_survives_a_fault_at_every_call(scaled, kind):
    scaled.release(0.95)
    scaled.use(scaled.scaled.replace("ml.m5.large", "ml.c5.large"))
    scaled.fault = FaultAtEveryCall(kind)
    scaled.sweep()
    scaled.finish()
    assert {"RegisterScalableTarget", "PutScalingPolicy"} <= set(scaled.fault.struck)
    assert (scaled.dead, targets(scaled)) == ([], [(VARIANT, 2, 4)])
    assert scaled.kinds(1)[-2:] == ["deploying", "verified"]
