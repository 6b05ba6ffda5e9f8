"""What a SageMaker call needs leave for: the actions, the resources and the condition keys of its request.

After the Service Authorization Reference, "Actions, resources, and condition keys for Amazon SageMaker". Where it names
several optional resource types for an action, a policy may choose one of them (its introduction says so); all that it
marks as required must be allowed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_HOSTING_RESOURCES: Mapping[str, tuple[str, ...]] = {
    "CreateModel": ("model",),
    "DescribeModel": ("model",),
    "DeleteModel": ("model",),
    "CreateEndpointConfig": ("endpoint-config",),
    "DescribeEndpointConfig": ("endpoint-config",),
    "DeleteEndpointConfig": ("endpoint-config",),
    "CreateEndpoint": ("endpoint", "endpoint-config"),
    "UpdateEndpoint": ("endpoint", "endpoint-config"),
    "UpdateEndpointWeightsAndCapacities": ("endpoint",),
    "DescribeEndpoint": ("endpoint",),
    "DeleteEndpoint": ("endpoint",),
    "InvokeEndpoint": ("endpoint",),
}
_NAME_MEMBER = {"model": "ModelName", "endpoint-config": "EndpointConfigName", "endpoint": "EndpointName"}
_OF_A_VERSION = frozenset({"DescribeModelPackage", "UpdateModelPackage", "DeleteModelPackage"})


@dataclass(frozen=True, slots=True)
class Need:
    """An action that must be allowed on one, at least, of its resources."""

    action: str
    resources: tuple[str, ...]
    context: Mapping[str, Any] = field(default_factory=dict)


def needs(
    operation: str, request: Mapping[str, Any], root: str, current: Callable[[str], Mapping[str, Any]]
) -> tuple[Need, ...]:
    """List what a call needs; all of it must be allowed.

    Args:
        operation: the API's name of the call.
        request: its members.
        root: what ARNs of this account and region begin with, up to the colon before the kind of resource.
        current: describes the model package that an ARN names, as it is now; empty if there is none.
    """
    context = {**_request_keys(request), **_current_keys(operation, request, root, current)}
    resources = _required(operation, request, root)
    found = [Need(f"sagemaker:{operation}", (resource,), context) for resource in resources]
    if not found:
        found = [Need(f"sagemaker:{operation}", _optional(operation, request, root), context)]
    if operation.startswith("Create") and request.get("Tags"):
        found.append(Need("sagemaker:AddTags", found[0].resources, context))
    if operation == "CreateModel" and request.get("ExecutionRoleArn"):
        passed = {"iam:PassedToService": "sagemaker.amazonaws.com"}
        found.append(Need("iam:PassRole", (request["ExecutionRoleArn"],), passed))
    return tuple(found)


def _required(operation: str, request: Mapping[str, Any], root: str) -> list[str]:
    if operation in _HOSTING_RESOURCES:
        kinds = _HOSTING_RESOURCES[operation]
        return [f"{root}{kind}/{_name(request.get(_NAME_MEMBER[kind], '*'))}" for kind in kinds]
    if operation in _OF_A_VERSION:
        return [_version_arn(request, root)]
    if operation == "BatchDescribeModelPackage":
        return list(request.get("ModelPackageArnList") or ())
    if "ModelPackageGroup" in operation and not operation.startswith("List"):
        return [root + "model-package-group/" + _name(request.get("ModelPackageGroupName", "*"))]
    if operation in {"AddTags", "ListTags", "DeleteTags"}:
        return [request.get("ResourceArn", "*")]
    return []


def _optional(operation: str, request: Mapping[str, Any], root: str) -> tuple[str, ...]:
    group = request.get("ModelPackageGroupName")
    if operation in {"CreateModelPackage", "ListModelPackages"} and group:
        return (f"{root}model-package-group/{_name(group)}", f"{root}model-package/{_name(group)}/*")
    return ("*",)


def _version_arn(request: Mapping[str, Any], root: str) -> str:
    given = str(request.get("ModelPackageArn") or request.get("ModelPackageName") or "*")
    return given if given.startswith("arn:") else f"{root}model-package/{given.lower()}"


def _name(name_or_arn: object) -> str:
    """Return a name as it stands in the ARN: SageMaker writes it in lower case there."""
    return str(name_or_arn).rpartition("/")[2].lower()


def _request_keys(request: Mapping[str, Any]) -> dict[str, Any]:
    life_cycle = request.get("ModelLifeCycle") or {}
    keys = {
        "sagemaker:ModelApprovalStatus": request.get("ModelApprovalStatus"),
        "sagemaker:ModelLifeCycle:Stage": life_cycle.get("Stage"),
        "sagemaker:ModelLifeCycle:StageStatus": life_cycle.get("StageStatus"),
        "sagemaker:CustomerMetadataPropertiesToRemove": request.get("CustomerMetadataPropertiesToRemove"),
    }
    metadata = request.get("CustomerMetadataProperties") or {}
    keys.update({f"sagemaker:CustomerMetadataProperties/{key}": value for key, value in metadata.items()})
    return {key: value for key, value in keys.items() if value is not None}


def _current_keys(
    operation: str, request: Mapping[str, Any], root: str, current: Callable[[str], Mapping[str, Any]]
) -> dict[str, Any]:
    if operation not in _OF_A_VERSION:
        return {}
    version = current(_version_arn(request, root))
    life_cycle = version.get("ModelLifeCycle") or {}
    keys = {
        "sagemaker:CurrentModelLifeCycleStage": life_cycle.get("Stage"),
        "sagemaker:CurrentModelLifeCycleStageStatus": life_cycle.get("StageStatus"),
    }
    metadata = version.get("CustomerMetadataProperties") or {}
    keys.update({f"sagemaker:CurrentCustomerMetadataProperties/{key}": value for key, value in metadata.items()})
    return {key: value for key, value in keys.items() if value is not None}
