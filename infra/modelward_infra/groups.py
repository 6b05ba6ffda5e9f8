"""The Model Package Groups, one per declared model."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import CfnTag, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from modelward.config import ModelSpec, RegistrySpec
from modelward_infra.arns import sagemaker_arns
from modelward_infra.grants import allow

# CloudFormation replaces a group when its description changes, and a group with versions cannot be replaced. So this
# text is frozen, and what may change (the owner) is a tag.
DESCRIPTION = "Versions of one model, registered and approved through Modelward."
_GROUP, _VERSION = "model-package-group", "model-package"


@dataclass(frozen=True, slots=True)
class ModelPackageGroupsProps:
    """Which models there are."""

    spec: RegistrySpec


class ModelPackageGroups(Construct):
    """A SageMaker Model Package Group for each declared model; a model that is no longer declared keeps its group."""

    def __init__(self, scope: Construct, construct_id: str, props: ModelPackageGroupsProps) -> None:
        """Make the groups."""
        super().__init__(scope, construct_id)
        self.names: Sequence[str] = tuple(sorted(props.spec.models))
        for name in self.names:
            self._group(props.spec.models[name])

    def _group(self, model: ModelSpec) -> None:
        group = sagemaker.CfnModelPackageGroup(
            self,
            model.name,
            model_package_group_name=model.name,
            model_package_group_description=DESCRIPTION,
            tags=[CfnTag(key="modelward:owner", value=model.owner)],
        )
        group.apply_removal_policy(RemovalPolicy.RETAIN)

    @property
    def arns(self) -> list[str]:
        """Give the ARNs of the groups and of all their versions, some with `*`."""
        groups, versions = self._arns()
        return [*groups, *versions]

    def _arns(self) -> tuple[list[str], list[str]]:
        arns = sagemaker_arns(self, {_GROUP: self.names, _VERSION: [f"{name}/*" for name in self.names]})
        return arns[_GROUP], arns[_VERSION]

    def grant_find(self, grantee: iam.IGrantable) -> None:
        """Allow to describe and search versions (search knows no resources: it covers the account)."""
        _groups, versions = self._arns()
        allow(grantee, ["sagemaker:DescribeModelPackage"], *versions)
        allow(grantee, ["sagemaker:Search"], "*")

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Allow what `grant_find` does, and to list versions."""
        self.grant_find(grantee)
        # AWS's reference names the group for this operation, its example of a group's own policy the versions.
        allow(grantee, ["sagemaker:ListModelPackages"], *self.arns)

    def grant_update(self, grantee: iam.IGrantable) -> None:
        """Allow to change status, stage and metadata of versions."""
        _groups, versions = self._arns()
        allow(grantee, ["sagemaker:UpdateModelPackage"], *versions)

    def grant_create(self, grantee: iam.IGrantable) -> None:
        """Allow to add versions (SageMaker checks the right to tag with it)."""
        allow(grantee, ["sagemaker:AddTags", "sagemaker:CreateModelPackage"], *self.arns)

    def grant_deploy(self, grantee: iam.IGrantable) -> None:
        """Allow to make SageMaker models from versions."""
        _groups, versions = self._arns()
        allow(grantee, ["sagemaker:CreateModel"], *versions)
