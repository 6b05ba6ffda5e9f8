"""Scalable targets: what is registered, and what SageMaker makes of it."""

import pytest

from modelward.local.sagemaker import ApiError
from modelward.local.scaling import ScalableTargets

ENDPOINT = "digits-production"
RESOURCE = f"endpoint/{ENDPOINT}/variant/live"
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": RESOURCE,
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
POLICY = {
    "PolicyName": "calls",
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 100.0},
}


class Scaled:
    """A core whose endpoint may be scaled, and the scaling beside it."""

    def __init__(self, api) -> None:
        self.api = api
        self.targets = ScalableTargets("123456789012", "eu-west-1", api.clock, api.core.has_variant)
        api.core.scaling = self.targets
        api.endpoint()

    def __call__(self, operation, **more):
        return self.targets.call(operation, {**TARGET, **more})

    def refusal(self, operation, **more) -> ApiError:
        with pytest.raises(ApiError) as caught:
            self(operation, **more)
        return caught.value

    def told(self):
        found = self.targets.call("DescribeScalableTargets", {"ServiceNamespace": "sagemaker"})["ScalableTargets"]
        return [(each["ResourceId"], each["MinCapacity"], each["MaxCapacity"]) for each in found]

    def policies(self, **more):
        request = {"ServiceNamespace": "sagemaker", **more}
        return [each["PolicyName"] for each in self.targets.call("DescribeScalingPolicies", request)["ScalingPolicies"]]


@pytest.fixture
def scaled(api) -> Scaled:
    return Scaled(api)


@pytest.mark.fidelity("upserts-of-scaling")
def test_limits_and_policies_are_put_in_the_place_of_those_that_are_there(scaled) -> None:
    first = scaled("RegisterScalableTarget", MinCapacity=1, MaxCapacity=4)
    policy = scaled("PutScalingPolicy", **POLICY)
    assert scaled("RegisterScalableTarget", MaxCapacity=9) == first
    assert ":application-autoscaling:eu-west-1:123456789012:scalable-target/" in first["ScalableTargetARN"]
    assert scaled("PutScalingPolicy", **POLICY)["PolicyARN"] == policy["PolicyARN"]
    assert (scaled.told(), scaled.policies()) == ([(RESOURCE, 1, 9)], ["calls"])


def test_what_is_registered_is_found_by_its_names(scaled) -> None:
    scaled("RegisterScalableTarget", MinCapacity=1, MaxCapacity=4)
    scaled("PutScalingPolicy", **POLICY)
    look = {"ServiceNamespace": "sagemaker", "ResourceIds": ["endpoint/other/variant/live"]}
    assert scaled.targets.call("DescribeScalableTargets", look) == {"ScalableTargets": []}
    look["ResourceIds"].append(RESOURCE)
    [found] = scaled.targets.call("DescribeScalableTargets", look)["ScalableTargets"]
    assert found["CreationTime"] == scaled.api.clock()
    assert scaled.policies(PolicyNames=["calls"], ResourceId=RESOURCE) == ["calls"]
    assert scaled.policies(PolicyNames=["others"]) == scaled.policies(ResourceId="endpoint/other/variant/live") == []


@pytest.mark.fidelity("targets-with-their-policies")
def test_a_target_takes_its_policies_along_and_is_not_found_then(scaled) -> None:
    scaled("RegisterScalableTarget", MinCapacity=1, MaxCapacity=4)
    scaled("PutScalingPolicy", **POLICY)
    assert scaled("DeregisterScalableTarget") == {}
    assert (scaled.told(), scaled.policies()) == ([], [])
    for operation, more in (("DeregisterScalableTarget", {}), ("PutScalingPolicy", POLICY)):
        refused = scaled.refusal(operation, **more)
        assert refused.code == "ObjectNotFoundException"
        assert refused.message.startswith("No scalable target registered for service namespace: sagemaker, resource ID")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "MinCapacity and MaxCapacity must be given"),
        ({"MinCapacity": 3, "MaxCapacity": 2}, "Maximum capacity cannot be less than minimum capacity"),
        ({"MinCapacity": 0, "MaxCapacity": 2}, "at least 1"),
        ({"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "endpoint/other/variant/live"}, "no endpoint variant"),
        ({"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": f"endpoint/{ENDPOINT}/variant/x"}, "no endpoint variant"),
        ({"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "table/x"}, "no endpoint variant"),
        ({"MinCapacity": 1, "MaxCapacity": 2, "ServiceNamespace": "ecs"}, "instances of endpoint variants only"),
        ({"MinCapacity": 1, "MaxCapacity": 2, "ServiceNamespace": "cars"}, "failed to satisfy constraint"),
    ],
)
def test_what_cannot_be_registered_is_refused(scaled, more, words) -> None:
    refused = scaled.refusal("RegisterScalableTarget", **more)
    assert refused.code == "ValidationException"
    assert words in refused.message
    assert scaled.told() == []


def test_an_operation_that_is_not_there_is_refused_by_its_name(scaled) -> None:
    assert "PutScheduledAction" in scaled.refusal("PutScheduledAction").message


@pytest.mark.fidelity("scaled-type-fixed")
def test_an_update_may_neither_change_the_type_of_a_scaled_variant_nor_remove_it(scaled) -> None:
    api = scaled.api
    api.config("v2")
    model = api("DescribeEndpointConfig", EndpointConfigName="v2")["ProductionVariants"][0]["ModelName"]
    variant = {"VariantName": "live", "ModelName": model, "InitialInstanceCount": 1}
    for name, change in {"typed": {"InstanceType": "ml.c5.large"}, "renamed": {"VariantName": "other"}}.items():
        made = {"InstanceType": "ml.m5.large", **variant, **change}
        api("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=[made])
    scaled("RegisterScalableTarget", MinCapacity=1, MaxCapacity=4)
    for name in ("typed", "renamed"):
        refused = api.refusal("UpdateEndpoint", EndpointName=ENDPOINT, EndpointConfigName=name)
        assert '"[live]" must be deregistered as scalable targets with AWS Auto Scaling' in refused.message
    scaled("DeregisterScalableTarget")
    api("UpdateEndpoint", EndpointName=ENDPOINT, EndpointConfigName="typed")


@pytest.mark.fidelity("scaled-count-survives")
def test_a_scaled_number_of_instances_survives_an_update_that_asks_for_it(scaled) -> None:
    api = scaled.api
    for config, is_kept, count in (("v2", True, 5), ("v3", False, 2)):
        api.config(config)
        wanted = [{"VariantName": "live", "DesiredInstanceCount": 5}]
        api("UpdateEndpointWeightsAndCapacities", EndpointName=ENDPOINT, DesiredWeightsAndCapacities=wanted)
        api.pass_s(200)
        api(
            "UpdateEndpoint",
            EndpointName=ENDPOINT,
            EndpointConfigName=config,
            RetainAllVariantProperties=is_kept,
        )
        api.pass_s(3600)
        [variant] = api("DescribeEndpoint", EndpointName=ENDPOINT)["ProductionVariants"]
        assert variant["CurrentInstanceCount"] == count


@pytest.mark.fidelity("deleted-with-its-targets")
def test_an_endpoint_that_is_deleted_takes_its_targets_along(scaled) -> None:
    scaled("RegisterScalableTarget", MinCapacity=1, MaxCapacity=4)
    scaled.api("DeleteEndpoint", EndpointName=ENDPOINT)
    assert scaled.told() != []
    scaled.api.pass_s(20)
    assert scaled.told() == []
