"""Model Package Groups: the lines of versions, who may do what with them, and rules for what happens to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import CfnTag, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from modelward.config import RegistrySpec
from modelward.config.accounts import rollout_role_arn
from modelward.core.errors import InputError
from modelward.core.names import ENTITY_NAME_RULE, GROUP_DESCRIPTION, is_entity_name
from modelward_infra import patterns
from modelward_infra.arns import sagemaker_arns
from modelward_infra.grants import accept_wildcards, allow, deny, from_abroad

_GROUP, _VERSION = "model-package-group", "model-package"
_EACH_VERSION = "Each version has a number of its own, so the policy names the versions of the models."
_SEARCH = "SageMaker's Search knows no resources."


class ModelVersions(Construct):
    """The versions of some groups: the base of what grants rights to them and makes rules for their changes.

    Rules name the groups as they are declared and in lower case, since SageMaker may write either. Where the names are
    too many for one event pattern (2,048 characters), the rule matches the versions of all groups of the account, and
    its target has to look at `detail.ModelPackageGroupName`.
    """

    def __init__(self, scope: Construct, construct_id: str, names: Sequence[str]) -> None:
        """Take the names of the groups."""
        super().__init__(scope, construct_id)
        self.names = tuple(names)

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
        accept_wildcards(grantee, versions, _EACH_VERSION)
        accept_wildcards(grantee, ["*"], _SEARCH)

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Allow to describe, search and list versions (search knows no resources: it covers the account)."""
        self.grant_find(grantee)
        # AWS's reference names the group for this operation, its example of a group's own policy the versions.
        self._allow(grantee, "ListModelPackages")

    def grant_register(self, grantee: iam.IGrantable) -> None:
        """Allow what `grant_read` does, and to add versions, but none that is approved from birth."""
        self.grant_read(grantee)
        # SageMaker checks the right to tag together with that to register.
        self._allow(grantee, "AddTags", "CreateModelPackage")
        # A denial, because somebody else's policy may allow more: who registers does not approve.
        approved = {"StringEquals": {"sagemaker:ModelApprovalStatus": "Approved"}}
        deny(grantee, ["sagemaker:CreateModelPackage"], *self.arns, conditions=approved)

    def grant_approve(self, grantee: iam.IGrantable, stage: str | None = None) -> None:
        """Allow what `grant_read` does, and to decide: to approve, to reject, to put versions into stages.

        Args:
            grantee: Who.
            stage: Only calls that put a version into this stage (`ModelLifeCycle.Stage`) are allowed; one that names no
                stage, as a bare approval in the console, is not. None allows all decisions.

        Raises:
            InputError: the stage's name is none that SageMaker takes.
        """
        if stage is not None:
            _check_name("stage", stage)
        self.grant_read(grantee)
        # A request without the key does not match StringEquals, so it is not allowed.
        self._allow_update(grantee, {"StringEquals": {"sagemaker:ModelLifeCycle:Stage": stage}} if stage else None)

    def grant_update(self, grantee: iam.IGrantable) -> None:
        """Allow to change status, stage and metadata of versions, and to see none."""
        self._allow_update(grantee)

    def _allow_update(self, grantee: iam.IGrantable, conditions: Mapping[str, Any] | None = None) -> None:
        _groups, versions = self._arns()
        allow(grantee, ["sagemaker:UpdateModelPackage"], *versions, conditions=conditions)
        accept_wildcards(grantee, versions, _EACH_VERSION)

    def grant_deploy(self, grantee: iam.IGrantable) -> None:
        """Allow what `grant_read` does, and to make SageMaker models from versions.

        Endpoints are the grantee's own affair: what they may be called is not known here.
        """
        self.grant_read(grantee)
        _groups, versions = self._arns()
        allow(grantee, ["sagemaker:CreateModel"], *versions)

    def _allow(self, grantee: iam.IGrantable, *operations: str) -> None:
        allow(grantee, [f"sagemaker:{each}" for each in operations], *self.arns)
        accept_wildcards(grantee, self.arns, _EACH_VERSION)

    def on_registered(
        self, construct_id: str, *, target: events.IRuleTarget | None = None, scope: Construct | None = None
    ) -> events.Rule:
        """Make a rule for new versions.

        Args:
            construct_id: The rule's id.
            target: What gets the event. More can be added to the rule.
            scope: Where the rule goes. With a target of another stack, give a construct of that stack.
        """
        return self._rule(construct_id, "Versions are registered", patterns.registered(self.names), target, scope)

    def on_approved(
        self, construct_id: str, *, target: events.IRuleTarget | None = None, scope: Construct | None = None
    ) -> events.Rule:
        """Make a rule for approvals, versions that are registered as approved included.

        What is written on a version that is approved already (metadata, a stage) does not match. Arguments as for
        `on_registered`.
        """
        pattern = patterns.judged(self.names, "Approved")
        return self._rule(construct_id, "Versions are approved", pattern, target, scope)

    def on_rejected(
        self, construct_id: str, *, target: events.IRuleTarget | None = None, scope: Construct | None = None
    ) -> events.Rule:
        """Make a rule for rejections; arguments as for `on_registered`."""
        pattern = patterns.judged(self.names, "Rejected")
        return self._rule(construct_id, "Versions are rejected", pattern, target, scope)

    def on_stage_changed(
        self,
        construct_id: str,
        *,
        stage: str | None = None,
        stage_status: str | None = None,
        target: events.IRuleTarget | None = None,
        scope: Construct | None = None,
    ) -> events.Rule:
        """Make a rule for changes of the life cycle: of stage, of status in it, or of the reason.

        Versions that are registered with a stage are included. `stage="Production", stage_status="Approved"` is what
        the workflow writes when a rollout to production is verified.

        Args:
            construct_id: The rule's id.
            stage: The `ModelLifeCycle.Stage` that versions are in afterwards; None matches any.
            stage_status: Their `ModelLifeCycle.StageStatus`; None matches any.
            target: As for `on_registered`.
            scope: As for `on_registered`.

        Raises:
            InputError: a name is none that SageMaker takes.
        """
        for key, value in (("stage", stage), ("stage_status", stage_status)):
            if value is not None:
                _check_name(key, value)
        pattern = patterns.staged(self.names, stage, stage_status)
        return self._rule(construct_id, "Versions change their stage", pattern, target, scope)

    def on_changed(
        self, construct_id: str, *, target: events.IRuleTarget | None = None, scope: Construct | None = None
    ) -> events.Rule:
        """Make a rule for all changes, edits of metadata too; arguments as for `on_registered`.

        A target that writes on the version wakes itself: it must find nothing to do then.
        """
        return self._rule(construct_id, "Changes of model versions", patterns.changed(self.names), target, scope)

    def _rule(
        self,
        construct_id: str,
        description: str,
        pattern: events.EventPattern,
        target: events.IRuleTarget | None,
        scope: Construct | None,
    ) -> events.Rule:
        return events.Rule(
            scope or self,
            construct_id,
            description=description,
            event_pattern=pattern,
            targets=[target] if target else None,
        )


@dataclass(frozen=True, slots=True)
class ModelPackageGroupProps:
    """A group.

    Args:
        name: 1 to 63 letters, digits and hyphens. It cannot be changed: CloudFormation would make another group.
        owner: Who answers for the model, as the tag `modelward:owner`; None for no tag.
        existing: The group is there already. It is neither made, changed, tagged nor removed; grants and rules work.
        served_by: Roles of other accounts that may serve its versions there, by ARN (SageMaker `CreateModel`). An
            existing group's policy is its owner's.
    """

    name: str
    owner: str | None = None
    existing: bool = False
    served_by: Sequence[str] = ()


class ModelPackageGroup(ModelVersions):
    """A SageMaker Model Package Group, kept when its stack goes, with grants and rules for its versions.

    Raises:
        InputError: the name is none that SageMaker takes.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ModelPackageGroupProps) -> None:
        """Make the group, unless it is there already."""
        _check_name("name", props.name)
        super().__init__(scope, construct_id, [props.name])
        self.name = props.name
        if not props.existing:
            self._make(props)

    def _make(self, props: ModelPackageGroupProps) -> None:
        group = sagemaker.CfnModelPackageGroup(
            self,
            "Default",  # an id that is no part of the logical id
            model_package_group_name=props.name,
            model_package_group_description=GROUP_DESCRIPTION,
            model_package_group_policy=self._policy(props.served_by),
            tags=[CfnTag(key="modelward:owner", value=props.owner)] if props.owner else None,
        )
        group.apply_removal_policy(RemovalPolicy.RETAIN)

    def _policy(self, served_by: Sequence[str]) -> iam.PolicyDocument | None:
        # CreateModel reads the package with the caller's rights.
        names = ("sagemaker:CreateModel", "sagemaker:DescribeModelPackage")
        statements = [from_abroad(role_arn, names, *self._arns()[1]) for role_arn in served_by]
        return iam.PolicyDocument(statements=statements) if statements else None


@dataclass(frozen=True, slots=True)
class ModelPackageGroupsProps:
    """What is declared, and the names of those models whose groups are made here."""

    spec: RegistrySpec
    made: Sequence[str]


class ModelPackageGroups(ModelVersions):
    """A Model Package Group for each of some declared models; one that is no longer declared keeps its group.

    Grants and rules name all of them. Those that are not made here are there already, or are made in stacks of their
    own, because CloudFormation takes 500 resources in each.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ModelPackageGroupsProps) -> None:
        """Make the groups."""
        super().__init__(scope, construct_id, sorted(props.spec.models))
        self.by_name: Mapping[str, ModelPackageGroup] = {
            name: ModelPackageGroup(self, name, _group(props, name)) for name in self.names
        }


def _group(props: ModelPackageGroupsProps, name: str) -> ModelPackageGroupProps:
    spec, model = props.spec, props.spec.models[name]
    served_by = [rollout_role_arn(spec, each.name) for each in spec.foreign if each.name in model.endpoints]
    return ModelPackageGroupProps(name, model.owner, existing=name not in props.made, served_by=served_by)


def _check_name(key: str, name: str) -> None:
    if not is_entity_name(name):
        raise InputError(key, found=repr(name), rule=ENTITY_NAME_RULE)
