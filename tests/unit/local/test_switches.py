"""Each switch by its name and with text for values, as they come by HTTP."""

import inspect
from typing import Any

import pytest

from modelward.local.sagemaker import Fault
from modelward.local.switches import SwitchError, Switches, throw, usages


@pytest.fixture
def order(api: Any) -> Any:
    switches = Switches(api.core, api.pass_s)
    return lambda name, **arguments: throw(switches, name, arguments)


def test_an_unhealthy_config_never_serves(api: Any, order: Any) -> None:
    api.endpoint()
    api.config("v2")
    order("unhealthy", config="v2")
    api.update("v2")
    order("advance", seconds="900")
    assert api.state() == ("InService", "v1")


def test_a_quota_counts_instances(api: Any, order: Any) -> None:
    order("quota", instance_type="ml.m5.large", instances="1")
    api.config("v1", count=2)
    refusal = api.refusal("CreateEndpoint", EndpointName="e", EndpointConfigName="v1")
    assert refusal.code == "ResourceLimitExceeded"


def test_an_endpoint_is_maintained_for_a_while(api: Any, order: Any) -> None:
    api.endpoint()
    order("maintain", endpoint="digits-production", seconds="60")
    assert api.state()[0] == "SystemUpdating"
    order("advance", seconds="60")
    assert api.state()[0] == "InService"


def test_transitions_take_what_they_are_told_to(api: Any, order: Any) -> None:
    order("timing", of="create_s", seconds="7")
    api.config("v1")
    api("CreateEndpoint", EndpointName="digits-production", EndpointConfigName="v1")
    api.pass_s(7)
    assert api.state()[0] == "InService"


def test_calm_takes_all_back(api: Any, order: Any) -> None:
    order("fault", operation="CreateModelPackageGroup", kind="throttle", call="1")
    order("hide", kind="model-package-group", reads="1")
    order("quota", instance_type="ml.m5.large", instances="0")
    order("unhealthy", config="v1")
    order("swap")
    order("calm")
    api.group()
    api("DescribeModelPackageGroup", ModelPackageGroupName="digits")
    api.endpoint()
    assert api.state() == ("InService", "v1")
    assert len([event for event in api.events if event["detail-type"] == "SageMaker Endpoint State Change"]) == 2


def test_an_event_that_is_held_back_arrives_when_all_is_calm(api: Any, order: Any) -> None:
    order("delay", seconds="60", event="SageMaker Model Package State Change")
    api.group()
    api.version()
    assert api.events == []
    order("calm")
    assert len(api.events) == 1


def test_a_refused_switch_changes_nothing(api: Any, order: Any) -> None:
    with pytest.raises(SwitchError, match="call is 'x', not a number"):
        order("fault", operation="ListModels", kind="throttle", call="x")
    assert api.core.faults.pending == 0


def test_every_switch_is_told_and_every_kind_of_fault_named() -> None:
    assert len(usages()) == len([name for name in vars(Switches) if name[0] != "_"])
    assert all(usages().values())
    told = inspect.getdoc(Switches.fault) or ""
    assert [kind for kind in Fault if kind not in told] == []
