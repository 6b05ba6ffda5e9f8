"""What a SageMaker call needs leave for."""

from collections.abc import Mapping
from typing import Any

import pytest

from modelward.local.authorisation import Need, needs

ROOT = "arn:aws:sagemaker:eu-west-1:111122223333:"
VERSION = ROOT + "model-package/digits/3"


def asked(operation: str, request: Mapping[str, Any], current: Mapping[str, Any] | None = None) -> tuple[Need, ...]:
    return needs(operation, request, ROOT, lambda _arn: current or {})


@pytest.mark.parametrize(
    ("operation", "request_", "resources"),
    [
        ("CreateEndpointConfig", {"EndpointConfigName": "Digits-v1"}, ["endpoint-config/digits-v1"]),
        (
            "DescribeModelPackageGroup",
            {"ModelPackageGroupName": ROOT + "model-package-group/digits"},
            ["model-package-group/digits"],
        ),
        ("DescribeModelPackage", {"ModelPackageName": VERSION}, ["model-package/digits/3"]),
        ("UpdateModelPackage", {"ModelPackageArn": VERSION}, ["model-package/digits/3"]),
        ("AddTags", {"ResourceArn": ROOT + "endpoint/e", "Tags": []}, ["endpoint/e"]),
        ("InvokeEndpoint", {"EndpointName": "digits"}, ["endpoint/digits"]),
    ],
)
def test_a_call_needs_leave_for_the_resource_that_it_names(
    operation: str, request_: dict[str, Any], resources: list[str]
) -> None:
    found = asked(operation, request_)
    assert [(need.action, need.resources) for need in found] == [
        (f"sagemaker:{operation}", (ROOT + resource,)) for resource in resources
    ]


def test_an_update_of_an_endpoint_needs_leave_for_endpoint_and_config() -> None:
    found = asked("UpdateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"})
    assert [need.resources for need in found] == [(ROOT + "endpoint/e",), (ROOT + "endpoint-config/c",)]


def test_listing_and_registering_versions_may_be_allowed_on_group_or_versions() -> None:
    for operation in ("CreateModelPackage", "ListModelPackages"):
        (need,) = asked(operation, {"ModelPackageGroupName": "digits"})
        assert need.resources == (ROOT + "model-package-group/digits", ROOT + "model-package/digits/*")


def test_what_names_no_resource_needs_leave_for_all() -> None:
    assert asked("Search", {"Resource": "ModelPackage"})[0].resources == ("*",)
    assert asked("ListEndpoints", {})[0].resources == ("*",)


def test_a_model_needs_leave_to_pass_its_role() -> None:
    role = "arn:aws:iam::111122223333:role/execution"
    create, pass_role = asked("CreateModel", {"ModelName": "m", "ExecutionRoleArn": role})
    assert create.resources == (ROOT + "model/m",)
    assert pass_role == Need("iam:PassRole", (role,), {"iam:PassedToService": "sagemaker.amazonaws.com"})


def test_tags_on_something_new_need_leave_to_tag() -> None:
    found = asked(
        "CreateEndpoint", {"EndpointName": "e", "EndpointConfigName": "c", "Tags": [{"Key": "k", "Value": "v"}]}
    )
    assert found[-1].action == "sagemaker:AddTags"
    assert found[-1].resources == (ROOT + "endpoint/e",)


def test_conditions_see_what_a_version_is_to_become_and_what_it_is() -> None:
    current = {
        "ModelLifeCycle": {"Stage": "Staging", "StageStatus": "Approved"},
        "CustomerMetadataProperties": {"team": "vision"},
    }
    request = {
        "ModelPackageArn": VERSION,
        "ModelApprovalStatus": "Approved",
        "ModelLifeCycle": {"Stage": "Production", "StageStatus": "InProgress"},
        "CustomerMetadataProperties": {"team": "sound"},
    }
    assert asked("UpdateModelPackage", request, current)[0].context == {
        "sagemaker:ModelApprovalStatus": "Approved",
        "sagemaker:ModelLifeCycle:Stage": "Production",
        "sagemaker:ModelLifeCycle:StageStatus": "InProgress",
        "sagemaker:CustomerMetadataProperties/team": "sound",
        "sagemaker:CurrentModelLifeCycleStage": "Staging",
        "sagemaker:CurrentModelLifeCycleStageStatus": "Approved",
        "sagemaker:CurrentCustomerMetadataProperties/team": "vision",
    }


def test_a_request_of_the_wrong_shape_is_left_to_the_core_to_refuse() -> None:
    assert asked("DescribeEndpoint", {"EndpointName": 7})[0].resources == (ROOT + "endpoint/7",)
    assert asked("DescribeEndpoint", {})[0].resources == (ROOT + "endpoint/*",)
