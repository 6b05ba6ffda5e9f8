"""The SageMaker types that CloudFormation knows here: Ref, GetAtt and updates as its template reference tells them."""

import json
from collections.abc import Mapping
from typing import Any

from modelward.local import ministack
from modelward.local.front import Front
from modelward.local.ministack.templates import Created, ResourceType
from modelward.local.sagemaker import ApiError, Caller

_GROUP = "AWS::SageMaker::ModelPackageGroup"
_AT_CREATION = ("ModelPackageGroupName", "ModelPackageGroupDescription", "Tags")
_REPLACING = ("ModelPackageGroupName", "ModelPackageGroupDescription")


def resource_types(front: Front) -> Mapping[str, ResourceType]:
    """Return the types by name."""
    groups = _Groups(front)
    return {_GROUP: ResourceType(groups.create, groups.update, groups.delete)}


class _Groups:
    """AWS::SageMaker::ModelPackageGroup. Ref gives the ARN; a changed name or description means a new group."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def create(self, _logical_id: str, properties: Mapping[str, Any]) -> Created:
        request = {name: properties[name] for name in _AT_CREATION if properties.get(name) is not None}
        arn = self._call("CreateModelPackageGroup", request)["ModelPackageGroupArn"]
        try:
            self._put_policy(arn, {}, properties)
        except ValueError:
            self.delete(arn, properties)
            raise
        return arn, self._attributes(arn)

    def update(self, physical_id: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Created:
        if any(old.get(name) != new.get(name) for name in _REPLACING):
            # AWS creates the new group first; under the same name that cannot succeed.
            return self.create(physical_id, new)
        self._put_policy(physical_id, old, new)
        self._retag(physical_id, old, new)
        return physical_id, self._attributes(physical_id)

    def delete(self, physical_id: str, _properties: Mapping[str, Any]) -> None:
        self._unless("does not exist", "DeleteModelPackageGroup", {"ModelPackageGroupName": _name(physical_id)})

    def _put_policy(self, arn: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        policy, name = new.get("ModelPackageGroupPolicy"), {"ModelPackageGroupName": _name(arn)}
        if policy:
            text = policy if isinstance(policy, str) else json.dumps(policy)
            self._call("PutModelPackageGroupPolicy", {**name, "ResourcePolicy": text})
        elif old.get("ModelPackageGroupPolicy"):
            self._unless("Cannot find resource policy", "DeleteModelPackageGroupPolicy", name)

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

    def _unless(self, refusal: str, operation: str, request: Mapping[str, Any]) -> None:
        """Take away what may be gone already."""
        try:
            self._call(operation, request)
        except ValueError as error:
            if refusal not in str(error):
                raise


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]
