"""What a SageMaker call needs leave for."""

from collections.abc import Mapping
from typing import Any

import pytest

from modelward.local.authorisation import RULES, Need, needs, resource_keys
from modelward.local.sagemaker import Look, ManualClock, MemoryHosting, SageMaker

ROOT = "arn:aws:sagemaker:eu-west-1:111122223333:"
VERSION = ROOT + "model-package/digits/3"


def asked(operation: str, request: Mapping[str, Any]) -> tuple[Need, ...]:
    return needs(operation, request, ROOT)


@pytest.mark.fidelity("asked-by-reference")
def test_there_is_a_rule_for_every_operation_of_the_core() -> None:
    core = SageMaker("111122223333", "eu-west-1", clock=ManualClock(), emit=print, hosting=MemoryHosting())
    assert core.operations | {"InvokeEndpoint", "InvokeEndpointAsync"} == RULES.keys()


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
        ("CreateAction", {"ActionName": "Approve"}, ["action/approve"]),
        ("DescribeContext", {"ContextName": "digits"}, ["context/digits"]),
        ("CreateArtifact", {"ArtifactName": "a", "Source": {"SourceUri": "s3://b/a"}}, ["artifact/*"]),
        ("DescribeArtifact", {"ArtifactArn": ROOT + "artifact/0a1b"}, ["artifact/0a1b"]),
        (
            "AddAssociation",
            {"SourceArn": ROOT + "artifact/0a1b", "DestinationArn": ROOT + "action/approve"},
            ["artifact/0a1b", "action/approve"],
        ),
        ("BatchDescribeModelPackage", {"ModelPackageArnList": [VERSION]}, ["model-package/digits/3"]),
        ("ListModelPackages", {"ModelPackageGroupName": "Digits"}, ["model-package/digits/*"]),
        ("CreateModelPackage", {"ModelPackageName": "alone"}, ["model-package/alone"]),
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


def test_registering_a_version_may_be_allowed_on_group_or_versions() -> None:
    (need,) = asked("CreateModelPackage", {"ModelPackageGroupName": "digits"})
    assert need.resources == (ROOT + "model-package-group/digits", ROOT + "model-package/digits/*")


def test_what_is_named_in_another_account_stays_there() -> None:
    group = "arn:aws:sagemaker:eu-west-1:444455556666:model-package-group/digits"
    versions = "arn:aws:sagemaker:eu-west-1:444455556666:model-package/digits/*"
    assert asked("CreateModelPackage", {"ModelPackageGroupName": group})[0].resources == (group, versions)
    assert asked("ListModelPackages", {"ModelPackageGroupName": group})[0].resources == (versions,)


def test_a_model_of_another_accounts_version_needs_leave_for_both() -> None:
    version = "arn:aws:sagemaker:eu-west-1:444455556666:model-package/digits/3"
    model, package = asked("CreateModel", {"ModelName": "m", "PrimaryContainer": {"ModelPackageName": version}})
    assert (model.action, model.resources) == ("sagemaker:CreateModel", (ROOT + "model/m",))
    assert (package.action, package.resources) == ("sagemaker:CreateModel", (version,))
    assert len(asked("CreateModel", {"ModelName": "m", "PrimaryContainer": {"ModelPackageName": VERSION}})) == 1


def test_a_copy_needs_leave_to_read_the_original() -> None:
    _, source = asked("CreateModelPackage", {"ModelPackageGroupName": "digits", "SourceUri": VERSION})
    assert source == Need("sagemaker:DescribeModelPackage", (VERSION,))


@pytest.mark.parametrize(
    "operation",
    ["Search", "ListEndpoints", "ListModelPackageGroups", "ListModelPackages", "QueryLineage", "ListAssociations"],
)
def test_what_names_no_resource_needs_leave_for_all(operation: str) -> None:
    assert [need.resources for need in asked(operation, {})] == [("*",)]


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
    assert found[-1].context == {
        "aws:RequestTag/k": "v",
        "aws:TagKeys": ["k"],
        "sagemaker:TaggingAction": "CreateEndpoint",
    }


def test_conditions_see_what_a_version_is_to_become() -> None:
    request = {
        "ModelPackageArn": VERSION,
        "ModelApprovalStatus": "Approved",
        "ModelLifeCycle": {"Stage": "Production", "StageStatus": "InProgress"},
        "CustomerMetadataProperties": {"team": "sound"},
        "CustomerMetadataPropertiesToRemove": ["owner"],
    }
    assert asked("UpdateModelPackage", request)[0].context == {
        "sagemaker:ModelApprovalStatus": "Approved",
        "sagemaker:ModelLifeCycle:Stage": "Production",
        "sagemaker:ModelLifeCycle:StageStatus": "InProgress",
        "sagemaker:CustomerMetadataProperties/team": "sound",
        "sagemaker:CustomerMetadataPropertiesToRemove": ["owner"],
    }


def test_conditions_see_what_a_resource_is() -> None:
    version = {
        "ModelLifeCycle": {"Stage": "Staging", "StageStatus": "Approved"},
        "CustomerMetadataProperties": {"team": "vision"},
    }
    assert resource_keys(Look(tags={"cost": "7"}, version=version)) == {
        "aws:ResourceTag/cost": "7",
        "sagemaker:ResourceTag/cost": "7",
        "sagemaker:CurrentModelLifeCycleStage": "Staging",
        "sagemaker:CurrentModelLifeCycleStageStatus": "Approved",
        "sagemaker:CurrentCustomerMetadataProperties/team": "vision",
    }


@pytest.mark.parametrize(
    ("operation", "request_", "keys"),
    [
        (
            "CreateModel",
            {"VpcConfig": {"Subnets": ["s1"], "SecurityGroupIds": ["g1"]}, "EnableNetworkIsolation": True},
            {
                "sagemaker:NetworkIsolation": "true",
                "sagemaker:VpcSubnets": ["s1"],
                "sagemaker:VpcSecurityGroupIds": ["g1"],
            },
        ),
        (
            "CreateModelPackageGroup",
            {"Tags": [{"Key": "team", "Value": "sound"}]},
            {"aws:RequestTag/team": "sound", "aws:TagKeys": ["team"]},
        ),
        ("DeleteTags", {"TagKeys": ["team"]}, {"aws:TagKeys": ["team"]}),
        (
            "Search",
            {"VisibilityConditions": [{"Key": "Owner", "Value": "ann"}]},
            {"sagemaker:SearchVisibilityCondition/Owner": "ann"},
        ),
        ("InvokeEndpoint", {"TargetModel": "a.tar.gz"}, {"sagemaker:TargetModel": "a.tar.gz"}),
    ],
)
def test_conditions_see_the_request(operation: str, request_: dict[str, Any], keys: dict[str, Any]) -> None:
    assert asked(operation, request_)[0].context == keys


@pytest.mark.fidelity("each-variant-asked")
def test_each_variant_of_a_config_is_asked_for() -> None:
    variants = [
        {"VariantName": "a", "ModelName": "M1", "InstanceType": "ml.m5.large"},
        {"VariantName": "b", "ModelName": "m2", "ServerlessConfig": {"MaxConcurrency": 5, "MemorySizeInMB": 2048}},
    ]
    found = asked(
        "CreateEndpointConfig", {"EndpointConfigName": "c", "KmsKeyId": "key", "ProductionVariants": variants}
    )
    every = {"sagemaker:InstanceTypes": ["ml.m5.large"], "sagemaker:VolumeKmsKey": "key"}
    assert [need.context for need in found] == [
        {**every, "sagemaker:ModelArn": ROOT + "model/m1"},
        {
            **every,
            "sagemaker:ModelArn": ROOT + "model/m2",
            "sagemaker:ServerlessMaxConcurrency": 5,
            "sagemaker:ServerlessMemorySize": 2048,
        },
    ]


def test_a_request_of_the_wrong_shape_is_left_to_the_core_to_refuse() -> None:
    assert asked("DescribeEndpoint", {"EndpointName": 7})[0].resources == (ROOT + "endpoint/7",)
    assert asked("DescribeEndpoint", {})[0].resources == (ROOT + "endpoint/*",)
    assert asked("CreateModel", {"Tags": 7, "VpcConfig": "x", "Containers": {}})[0].context == {}
    assert asked("BatchDescribeModelPackage", {"ModelPackageArnList": "x"})[0].resources == ("*",)
    assert asked("CreateEndpointConfig", {"ProductionVariants": [7]})[0].context == {}
