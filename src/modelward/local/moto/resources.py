"""The CloudFormation type that moto lacks."""

import json
import sys
from typing import Any

from moto.core.common_models import CloudFormationModel

from modelward.local.moto.models import core
from modelward.local.sagemaker import Caller

_AT_CREATION = ("ModelPackageGroupDescription", "ManagedConfiguration", "Tags")
_CACHES = ("get_model_list", "get_model_map", "get_name_type_map")


class ModelPackageGroup(CloudFormationModel):
    """AWS::SageMaker::ModelPackageGroup."""

    def __init__(self, name: str, arn: str, properties: dict[str, Any]) -> None:
        self.name = name
        self.arn = arn
        self.properties = properties

    @property
    def physical_resource_id(self) -> str:
        """Ref gives the ARN."""
        return self.arn

    def get_cfn_attribute(self, attribute: str) -> str:
        """Return what Fn::GetAtt asks for."""
        return {"ModelPackageGroupArn": self.arn}[attribute]

    @staticmethod
    def cloudformation_name_type() -> str:
        """Name the property that names the resource."""
        return "ModelPackageGroupName"

    @staticmethod
    def cloudformation_type() -> str:
        """Name the type."""
        return "AWS::SageMaker::ModelPackageGroup"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Tell which attributes there are."""
        return attr == "ModelPackageGroupArn"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_kwargs: Any
    ) -> "ModelPackageGroup":
        """Make the group."""
        properties = cloudformation_json.get("Properties", {})
        request = {name: properties[name] for name in _AT_CREATION if name in properties}
        request["ModelPackageGroupName"] = resource_name
        made = _call(account_id, region_name, "CreateModelPackageGroup", request)
        _set_policy(account_id, region_name, resource_name, properties)
        return cls(resource_name, made["ModelPackageGroupArn"], properties)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: "ModelPackageGroup",
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> "ModelPackageGroup":
        """Change tags and policy. Another name or description makes another group, which a taken name prevents."""
        properties = cloudformation_json.get("Properties", {})
        kept = original_resource.properties
        description = "ModelPackageGroupDescription"
        if new_resource_name != original_resource.name or properties.get(description) != kept.get(description):
            where = {"account_id": account_id, "region_name": region_name}
            return cls.create_from_cloudformation_json(new_resource_name, cloudformation_json, **where)
        arn = original_resource.arn
        gone = [tag["Key"] for tag in kept.get("Tags", ())]
        if gone:
            _call(account_id, region_name, "DeleteTags", {"ResourceArn": arn, "TagKeys": gone})
        _call(account_id, region_name, "AddTags", {"ResourceArn": arn, "Tags": properties.get("Tags", [])})
        if "ModelPackageGroupPolicy" in kept and "ModelPackageGroupPolicy" not in properties:
            name = {"ModelPackageGroupName": original_resource.name}
            _call(account_id, region_name, "DeleteModelPackageGroupPolicy", name)
        _set_policy(account_id, region_name, original_resource.name, properties)
        return cls(original_resource.name, arn, properties)

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        """Delete the group."""
        del cloudformation_json
        _call(account_id, region_name, "DeleteModelPackageGroup", {"ModelPackageGroupName": resource_name})


def make_known() -> None:
    """Let moto's CloudFormation list its types anew, if it has already done so."""
    parsing = sys.modules.get("moto.cloudformation.parsing")
    for name in _CACHES if parsing else ():
        cache_clear = getattr(getattr(parsing, name), "cache_clear", None)
        if cache_clear:
            cache_clear()


def _set_policy(account: str, region: str, name: str, properties: dict[str, Any]) -> None:
    policy = properties.get("ModelPackageGroupPolicy")
    if policy is not None:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        request = {"ModelPackageGroupName": name, "ResourcePolicy": text}
        _call(account, region, "PutModelPackageGroupPolicy", request)


def _call(account: str, region: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    caller = Caller(f"arn:aws:sts::{account}:assumed-role/cloudformation/moto", "AROACLOUDFORMATION:moto", account)
    return core(account, region).call(operation, request, caller)
