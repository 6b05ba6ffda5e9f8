"""What a SageMaker call needs leave for: the actions, the resources and the condition keys of its request.

After the Service Authorization Reference, "Actions, resources, and condition keys for Amazon SageMaker". Where it names
several optional resource types for an action, a policy may choose one of them (its introduction says so); all that it
marks as required must be allowed. What a call names in another account keeps that account's ARN. Requests come here
before anybody has validated them: what has the wrong shape is left out, and the core refuses it later.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelward.local.sagemaker import Look

Request = Mapping[str, Any]
# Gives the resources of a request: all of them must be allowed, and of those in one tuple, any.
Rule = Callable[[Request, str], list[tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Need:
    """An action that must be allowed on one, at least, of its resources."""

    action: str
    resources: tuple[str, ...]
    context: Mapping[str, Any] = field(default_factory=dict)


def needs(operation: str, request: Request, root: str) -> tuple[Need, ...]:
    """List what a call needs; all of it must be allowed.

    Args:
        operation: the API's name of the call.
        request: its members.
        root: what ARNs of the caller's account and region begin with, up to the colon before the kind of resource.
    """
    wanted = RULES.get(operation, _everything)(request, root)
    own = (
        Need(f"sagemaker:{operation}", resources, context)
        for context in _contexts(operation, request, root)
        for resources in wanted
    )
    return (*own, *_tagging(operation, request, wanted[:1]), *_dependent(operation, request, root))


def resource_keys(look: Look) -> dict[str, Any]:
    """Return the condition keys that tell what a resource is now."""
    keys = {f"{prefix}:ResourceTag/{key}": value for key, value in look.tags.items() for prefix in ("aws", "sagemaker")}
    life_cycle = _record(look.version.get("ModelLifeCycle"))
    for member in ("Stage", "StageStatus"):
        if member in life_cycle:
            keys[f"sagemaker:CurrentModelLifeCycle{member}"] = life_cycle[member]
    metadata = _record(look.version.get("CustomerMetadataProperties"))
    return keys | {f"sagemaker:CurrentCustomerMetadataProperties/{key}": value for key, value in metadata.items()}


def is_foreign(need: Need, account: str) -> bool:
    """Tell whether something of SageMaker's is wanted that another account has."""
    owners = [resource.split(":", 5)[4:5] for resource in need.resources if need.action.startswith("sagemaker:")]
    return any(owner not in ([], [account]) for owner in owners)


# Resources


def _everything(_request: Request, _root: str) -> list[tuple[str, ...]]:
    return [("*",)]


def _named(kind: str, member: str) -> Rule:
    return lambda request, root: [(_arn(root, kind, request.get(member, "*")),)]


def _by_arn(*members: str) -> Rule:
    return lambda request, _root: [(str(request.get(member, "*")).lower(),) for member in members]


def _all_of(*rules: Rule) -> Rule:
    return lambda request, root: [resources for rule in rules for resources in rule(request, root)]


def _batch(request: Request, root: str) -> list[tuple[str, ...]]:
    given = request.get("ModelPackageArnList")
    return [(_arn(root, "model-package", arn),) for arn in given] if given and isinstance(given, list) else [("*",)]


def _registered(request: Request, root: str) -> list[tuple[str, ...]]:
    group = request.get("ModelPackageGroupName")
    if group:
        return [(_arn(root, "model-package-group", group), _versions(root, group))]
    return [(_arn(root, "model-package", request.get("ModelPackageName", "*")),)]


def _listed_versions(request: Request, root: str) -> list[tuple[str, ...]]:
    group = request.get("ModelPackageGroupName")
    return [(_versions(root, group),)] if group else [("*",)]


def _versions(root: str, group: object) -> str:
    arn = _arn(root, "model-package-group", group)
    return arn.replace(":model-package-group/", ":model-package/", 1) + "/*"


def _new_artifact(_request: Request, root: str) -> list[tuple[str, ...]]:
    return [(f"{root}artifact/*",)]  # its ARN, which is a digest, is not known yet


def _arn(root: str, kind: str, given: object) -> str:
    """Return the ARN of what a request names; SageMaker writes names in lower case there."""
    text = str(given).lower()
    return text if text.startswith("arn:") else f"{root}{kind}/{text}"


_GROUP = _named("model-package-group", "ModelPackageGroupName")
_PACKAGE = _named("model-package", "ModelPackageName")
_MODEL = _named("model", "ModelName")
_CONFIG = _named("endpoint-config", "EndpointConfigName")
_ENDPOINT = _named("endpoint", "EndpointName")
_TRANSFORM = _named("transform-job", "TransformJobName")
_TAGGED = _by_arn("ResourceArn")
_ENDS = _by_arn("SourceArn", "DestinationArn")

RULES: Mapping[str, Rule] = {
    "CreateModelPackageGroup": _GROUP,
    "DescribeModelPackageGroup": _GROUP,
    "ListModelPackageGroups": _everything,
    "DeleteModelPackageGroup": _GROUP,
    "PutModelPackageGroupPolicy": _GROUP,
    "GetModelPackageGroupPolicy": _GROUP,
    "DeleteModelPackageGroupPolicy": _GROUP,
    "CreateModelPackage": _registered,
    "DescribeModelPackage": _PACKAGE,
    "BatchDescribeModelPackage": _batch,
    "ListModelPackages": _listed_versions,
    "UpdateModelPackage": _named("model-package", "ModelPackageArn"),
    "DeleteModelPackage": _PACKAGE,
    "Search": _everything,
    "AddTags": _TAGGED,
    "ListTags": _TAGGED,
    "DeleteTags": _TAGGED,
    "CreateModel": _MODEL,
    "DescribeModel": _MODEL,
    "ListModels": _everything,
    "DeleteModel": _MODEL,
    "CreateEndpointConfig": _CONFIG,
    "DescribeEndpointConfig": _CONFIG,
    "ListEndpointConfigs": _everything,
    "DeleteEndpointConfig": _CONFIG,
    "CreateEndpoint": _all_of(_ENDPOINT, _CONFIG),
    "UpdateEndpoint": _all_of(_ENDPOINT, _CONFIG),
    "UpdateEndpointWeightsAndCapacities": _ENDPOINT,
    "DescribeEndpoint": _ENDPOINT,
    "ListEndpoints": _everything,
    "DeleteEndpoint": _ENDPOINT,
    "InvokeEndpoint": _ENDPOINT,
    "InvokeEndpointAsync": _ENDPOINT,
    "CreateTransformJob": _TRANSFORM,
    "DescribeTransformJob": _TRANSFORM,
    "ListTransformJobs": _everything,
    "StopTransformJob": _TRANSFORM,
    "CreateAction": _named("action", "ActionName"),
    "CreateArtifact": _new_artifact,
    "CreateContext": _named("context", "ContextName"),
    "DescribeAction": _named("action", "ActionName"),
    "DescribeArtifact": _by_arn("ArtifactArn"),
    "DescribeContext": _named("context", "ContextName"),
    "ListActions": _everything,
    "ListArtifacts": _everything,
    "ListContexts": _everything,
    "AddAssociation": _ENDS,
    "DeleteAssociation": _ENDS,
    "ListAssociations": _everything,
    "QueryLineage": _everything,
}


# Other actions that a call takes


def _tagging(operation: str, request: Request, wanted: list[tuple[str, ...]]) -> Iterator[Need]:
    """Creating something with tags is tagging, too."""
    if operation.startswith("Create") and request.get("Tags"):
        context = {**_tag_keys(request), "sagemaker:TaggingAction": operation}
        yield from (Need("sagemaker:AddTags", resources, context) for resources in wanted)


def _dependent(operation: str, request: Request, root: str) -> Iterator[Need]:
    if operation in {"CreateModel", "CreateEndpointConfig"} and request.get("ExecutionRoleArn"):
        passed = {"iam:PassedToService": "sagemaker.amazonaws.com"}
        yield Need("iam:PassRole", (str(request["ExecutionRoleArn"]),), passed)
    if operation == "CreateModel":
        foreign = [arn for arn in _deployed(request) if arn.startswith("arn:") and not arn.startswith(root)]
        yield from (Need("sagemaker:CreateModel", (arn,)) for arn in foreign)
    if operation == "UpdateEndpoint":
        yield from (Need("cloudwatch:DescribeAlarms", (arn,)) for arn in _watched(request, root))
    if operation == "CreateModelPackage" and ":model-package/" in str(request.get("SourceUri", "")):
        yield Need("sagemaker:DescribeModelPackage", (str(request["SourceUri"]).lower(),))


def _watched(request: Request, root: str) -> list[str]:
    rollback = _record(_record(request.get("DeploymentConfig")).get("AutoRollbackConfiguration"))
    of_alarms = root.replace(":sagemaker:", ":cloudwatch:", 1)
    return [f"{of_alarms}alarm:{alarm.get('AlarmName')}" for alarm in _records(rollback.get("Alarms"))]


def _deployed(request: Request) -> list[str]:
    containers = [_record(request.get("PrimaryContainer")), *_records(request.get("Containers"))]
    return [str(each.get("ModelPackageName", "")).lower() for each in containers]


# Condition keys


def _contexts(operation: str, request: Request, root: str) -> list[dict[str, Any]]:
    """Return the keys of a request: once, or for an endpoint config once for each of its variants."""
    keys = {**_tag_keys(request), **_package_keys(request), **_network_keys(request)}
    if operation == "CreateEndpointConfig":
        keys |= _config_keys(request)
        return [keys | _variant_keys(each, root) for each in _variants(request)] or [keys]
    if operation == "Search":
        for condition in _records(request.get("VisibilityConditions")):
            keys[f"sagemaker:SearchVisibilityCondition/{condition.get('Key')}"] = str(condition.get("Value"))
    if operation == "InvokeEndpoint" and "TargetModel" in request:
        keys["sagemaker:TargetModel"] = request["TargetModel"]
    return [keys]


def _tag_keys(request: Request) -> dict[str, Any]:
    tags = {str(tag.get("Key")): str(tag.get("Value")) for tag in _records(request.get("Tags"))}
    named = list(tags) or request.get("TagKeys")
    keys: dict[str, Any] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    return keys | ({"aws:TagKeys": named} if named else {})


def _package_keys(request: Request) -> dict[str, Any]:
    life_cycle = _record(request.get("ModelLifeCycle"))
    keys = {
        "sagemaker:ModelApprovalStatus": request.get("ModelApprovalStatus"),
        "sagemaker:ModelLifeCycle:Stage": life_cycle.get("Stage"),
        "sagemaker:ModelLifeCycle:StageStatus": life_cycle.get("StageStatus"),
        "sagemaker:CustomerMetadataPropertiesToRemove": request.get("CustomerMetadataPropertiesToRemove"),
    }
    metadata = _record(request.get("CustomerMetadataProperties"))
    keys |= {f"sagemaker:CustomerMetadataProperties/{key}": value for key, value in metadata.items()}
    return _given(keys)


def _network_keys(request: Request) -> dict[str, Any]:
    vpc = _record(request.get("VpcConfig"))
    isolated = request.get("EnableNetworkIsolation")
    return _given(
        {
            "sagemaker:NetworkIsolation": None if isolated is None else str(isolated).lower(),
            "sagemaker:VpcSubnets": vpc.get("Subnets"),
            "sagemaker:VpcSecurityGroupIds": vpc.get("SecurityGroupIds"),
        }
    )


def _config_keys(request: Request) -> dict[str, Any]:
    variants = _variants(request)
    return _given(
        {
            "sagemaker:InstanceTypes": [each["InstanceType"] for each in variants if "InstanceType" in each] or None,
            "sagemaker:AcceleratorTypes": [each["AcceleratorType"] for each in variants if "AcceleratorType" in each]
            or None,
            "sagemaker:VolumeKmsKey": request.get("KmsKeyId"),
        }
    )


def _variant_keys(variant: Request, root: str) -> dict[str, Any]:
    serverless = _record(variant.get("ServerlessConfig"))
    return _given(
        {
            "sagemaker:ModelArn": _arn(root, "model", variant["ModelName"]) if "ModelName" in variant else None,
            "sagemaker:ServerlessMaxConcurrency": serverless.get("MaxConcurrency"),
            "sagemaker:ServerlessMemorySize": serverless.get("MemorySizeInMB"),
        }
    )


def _variants(request: Request) -> list[Request]:
    return [*_records(request.get("ProductionVariants")), *_records(request.get("ShadowProductionVariants"))]


def _given(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if value is not None}


def _record(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _records(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
