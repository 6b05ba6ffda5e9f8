import pytest

from modelward.local.sagemaker import ApiError, of

PACKAGE = "SageMaker Model Package State Change"
STATE = "SageMaker Endpoint State Change"


@pytest.fixture
def registry(api):
    api.group()
    return api


def versions(api) -> list[int]:
    return [event["detail"]["ModelPackageVersion"] for event in api.events]


@pytest.mark.fidelity("events-once-in-order")
def test_an_event_may_come_twice(registry) -> None:
    registry.core.deliveries.duplicate()
    registry.version()
    registry.version()
    assert versions(registry) == [1, 1, 2]
    assert registry.events[0] == registry.events[1]


@pytest.mark.fidelity("events-once-in-order")
def test_an_event_may_never_come(registry) -> None:
    registry.core.deliveries.lose(count=2)
    for _ in range(3):
        registry.version()
    assert versions(registry) == [3]
    assert len(registry.core.deliveries.lost) == 2


@pytest.mark.fidelity("events-once-in-order")
def test_two_events_may_change_places(registry) -> None:
    registry.core.deliveries.swap()
    for _ in range(3):
        registry.version()
    assert versions(registry) == [2, 1, 3]


def test_an_event_may_come_late(registry) -> None:
    registry.core.deliveries.delay(30)
    registry.version()
    registry.version()
    assert versions(registry) == [2]
    assert registry.core.next_due is not None
    registry.pass_s(29)
    assert versions(registry) == [2]
    registry.pass_s(1)
    assert versions(registry) == [2, 1]
    assert registry.core.next_due is None


def test_what_is_held_back_leaves_when_the_switches_are_cleared(registry) -> None:
    deliveries = registry.core.deliveries
    deliveries.delay(3600, of(PACKAGE, ModelPackageVersion=1))
    deliveries.swap()
    registry.version()
    registry.version()
    assert registry.events == []
    deliveries.clear()
    registry.core.advance()
    assert versions(registry) == [1, 2]


def test_a_switch_means_only_what_it_matches(registry) -> None:
    registry.core.deliveries.lose(of(STATE, EndpointStatus="IN_SERVICE"), count=None)
    registry.endpoint()
    registry.version()
    kinds = [event["detail-type"].removeprefix("SageMaker ").removesuffix(" State Change") for event in registry.events]
    assert kinds == ["Model", "Endpoint Config", "Endpoint", "Model Package"]
    assert registry.events[2]["detail"]["EndpointStatus"] == "CREATING"


# Reads that come too early


@pytest.mark.fidelity("seen-at-once")
def test_a_config_may_not_be_visible_at_once(api) -> None:
    api.core.veil.hide_next("endpoint-config", reads=2)
    api.config("v1")
    for _ in range(2):
        refusal = api.refusal("CreateEndpoint", EndpointName="e", EndpointConfigName="v1")
        assert refusal.message.startswith("Could not find endpoint configuration")
    api("CreateEndpoint", EndpointName="e", EndpointConfigName="v1")


def test_each_kind_of_resource_can_be_hidden_for_a_while(api) -> None:
    for kind in ("model-package-group", "model-package", "model", "endpoint"):
        api.core.veil.hide_next(kind, reads=1)
    api.group()
    with pytest.raises(ApiError, match="does not exist"):
        api.version()
    arn = api.version()
    with pytest.raises(ApiError, match="does not exist"):
        api.package(arn)
    api.package(arn)
    with pytest.raises(ApiError, match="Could not find model"):
        api.config("v1")
    assert api("DescribeModel", ModelName="v1")["ModelName"] == "v1"
    api.config("v2")
    api("CreateEndpoint", EndpointName="e", EndpointConfigName="v2")
    with pytest.raises(ApiError, match="Could not find endpoint"):
        api.state("e")
    assert api.state("e") == ("Creating", "v2")


def test_a_veil_covers_as_many_creations_as_it_is_told(api) -> None:
    api.core.veil.hide_next("model-package-group", reads=1, creations=2)
    for name in ("a", "b", "c"):
        api.group(name)
    for name in ("a", "b"):
        api.refusal("DescribeModelPackageGroup", ModelPackageGroupName=name)
    for name in ("a", "b", "c"):
        api("DescribeModelPackageGroup", ModelPackageGroupName=name)
