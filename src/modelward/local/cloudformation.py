"""The SageMaker types that CloudFormation knows here: Ref, GetAtt and updates as its template reference tells them.

A property that nothing here would act on is refused by name: a template that deploys must not do less than it says.
"""

import json
from collections.abc import Mapping
from typing import Any

from modelward.local import ministack
from modelward.local.front import Front
from modelward.local.ministack.templates import Created, ResourceType
from modelward.local.sagemaker import ApiError, Caller

_GROUP = "AWS::SageMaker::ModelPackageGroup"
_GROUP_PROPERTIES = frozenset(
    {"ModelPackageGroupName", "ModelPackageGroupDescription", "ModelPackageGroupPolicy", "Tags"}
)


def resource_types(front: Front) -> Mapping[str, ResourceType]:
    """Return the types by name."""
    groups = _Groups(front)
    return {_GROUP: ResourceType(groups.create, groups.update, groups.delete)}


class _Groups:
    """AWS::SageMaker::ModelPackageGroup. Ref gives the ARN; a changed name or description means a new group."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def create(self, logical_id: str, properties: Mapping[str, Any]) -> Created:
        _refuse_unknown(_GROUP, logical_id, properties, _GROUP_PROPERTIES)
        request = {name: properties[name] for name in _GROUP_PROPERTIES & properties.keys() if "Policy" not in name}
        arn = self._call("CreateModelPackageGroup", request)["ModelPackageGroupArn"]
        self._put_policy(properties)
        return arn, self._attributes(arn)

    def update(self, physical_id: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Created:
        _refuse_unknown(_GROUP, physical_id, new, _GROUP_PROPERTIES)
        for name in ("ModelPackageGroupName", "ModelPackageGroupDescription"):
            if old.get(name) != new.get(name):
                # AWS creates the new group first; under the same name that cannot succeed.
                return self.create(physical_id, new)
        self._put_policy(new)
        self._retag(physical_id, old, new)
        return physical_id, self._attributes(physical_id)

    def delete(self, physical_id: str, properties: Mapping[str, Any]) -> None:
        name = properties.get("ModelPackageGroupName", physical_id)
        self._call("DeleteModelPackageGroup", {"ModelPackageGroupName": name})

    def _put_policy(self, properties: Mapping[str, Any]) -> None:
        policy = properties.get("ModelPackageGroupPolicy")
        if policy:
            text = policy if isinstance(policy, str) else json.dumps(policy)
            request = {"ModelPackageGroupName": properties["ModelPackageGroupName"], "ResourcePolicy": text}
            self._call("PutModelPackageGroupPolicy", request)

    def _retag(self, arn: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        kept = {tag["Key"] for tag in new.get("Tags") or ()}
        gone = [tag["Key"] for tag in old.get("Tags") or () if tag["Key"] not in kept]
        if gone:
            self._call("DeleteTags", {"ResourceArn": arn, "TagKeys": gone})
        if kept:
            self._call("AddTags", {"ResourceArn": arn, "Tags": new["Tags"]})

    def _attributes(self, arn: str) -> dict[str, Any]:
        group = self._call("DescribeModelPackageGroup", {"ModelPackageGroupName": arn})
        return {
            "ModelPackageGroupArn": arn,
            "ModelPackageGroupStatus": group["ModelPackageGroupStatus"],
            "CreationTime": group["CreationTime"].isoformat(),
        }

    def _call(self, operation: str, request: Mapping[str, Any]) -> Any:
        account, region = ministack.scope()
        caller = Caller(arn=f"arn:aws:iam::{account}:root", principal_id=account, account=account)
        try:
            return self._front.call(account, region, operation, request, caller)
        except ApiError as error:
            raise ValueError(f"{error.message} (Service: SageMaker, {error.code})") from error


def _refuse_unknown(kind: str, name: str, properties: Mapping[str, Any], known: frozenset[str]) -> None:
    extraneous = sorted(properties.keys() - known)
    if extraneous:
        raise ValueError(
            f"Properties validation failed for resource {name} of type {kind}: "
            f"extraneous key [{', '.join(extraneous)}] is not permitted"
        )
