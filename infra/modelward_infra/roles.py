"""Who may do what, said by IAM: one managed policy per duty, and roles for principals that registry.toml names.

==============  ======================================================================================
contributor     registers versions, as PendingManualApproval and in the first stage
validator       promotes to the stages between the first and the release
approver        approves and rejects, releases to the last serving stage, retires
auditor         reads versions, history and endpoints
==============  ======================================================================================

What a duty is for is allowed on the declared models; what it must not do is denied, on everything. A Deny holds
whatever else a person has been given, and where a request leaves a key out an Allow would say nothing: so "nothing but
pending" is a Deny of whatever is not pending, an absent status included. Names stand once in each policy, in its Allow,
because IAM takes 6,144 characters; Denies have the same size for one model and for thousands.

The keys are those of the Service Authorization Reference for SageMaker. None tells the fields of UpdateModelPackage
apart that have no key (InferenceSpecification among them); docs/access.md says what follows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from modelward.config import AccessSpec, Enter, RegistrySpec, Settings
from modelward.config.accounts import buses_abroad, look_role_arn
from modelward.core.errors import InputError
from modelward.core.ledger import BY_TIME
from modelward.core.model_package import ApprovalStatus
from modelward.core.names import bus_name, endpoint_name, rollout_prefix
from modelward_infra.arns import sagemaker_arns
from modelward_infra.grants import acknowledge_wildcards
from modelward_infra.storage import ArtifactBucket, Ledger, RegistryKey

_CREATE, _UPDATE = "sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"
_STATUS = "sagemaker:ModelApprovalStatus"
_STAGE, _STAGE_STATUS = "sagemaker:ModelLifeCycle:Stage", "sagemaker:ModelLifeCycle:StageStatus"
_CURRENT_STAGE = "sagemaker:CurrentModelLifeCycleStage"
# A managed policy has 6,144 characters, of which the longest of ours takes 2,900 for what names no model.
_VERSIONS_CHARS, _ENDPOINTS_CHARS, _OWN_CHARS = 1_800, 700, 700
_WILDCARDS = "All versions, rollouts and artifacts of the declared models; Search, GetMetricData know no resources."
# The reconciler makes endpoints with this tag, so that the Deny needs no names and holds for endpoints to come.
_MANAGED = {"StringEquals": {"aws:ResourceTag/modelward:managed": "true"}}
_OPERATING = ("AddTags", "DeleteEndpoint", "DeleteTags", "UpdateEndpoint", "UpdateEndpointWeightsAndCapacities")


def govern(scope: Construct, access: AccessSpec) -> None:
    """Give every role below a scope the declared path and permissions boundary."""
    if access.role_path == "/" and access.permissions_boundary is None:
        return
    for each in scope.node.find_all():
        if isinstance(each, iam.CfnRole):
            each.path = None if access.role_path == "/" else access.role_path
            each.permissions_boundary = _policy_arn(scope, access.permissions_boundary)


def _policy_arn(scope: Construct, reference: str | None) -> str | None:
    if reference is None or reference.startswith("arn:"):
        return reference
    return Stack.of(scope).format_arn(service="iam", region="", resource="policy", resource_name=reference)


@dataclass(frozen=True, slots=True)
class DutiesProps:
    """What is declared, what there is to read and to write."""

    spec: RegistrySpec
    bucket: ArtifactBucket
    key: RegistryKey
    ledger: Ledger


class Duties(Construct):
    """The managed policies of a registry, and a role for each duty that somebody is named for."""

    def __init__(self, scope: Construct, construct_id: str, props: DutiesProps) -> None:
        """Make policies, roles and the parameters by which both are found.

        Raises:
            InputError: so many models have approvers of their own that one policy cannot name them.
        """
        super().__init__(scope, construct_id)
        self._props, self._at_home = props, props.spec.within("")
        spec, access = props.spec, props.spec.access
        models = sorted(spec.models)
        own = {model.name: model.access.approvers for model in spec.models.values() if model.access}
        self._duty("Contributor", access.contributors, self._contributor(models))
        if spec.trial_stages:
            self._duty("Validator", access.validators, self._validator(models))
        self._duty("Approver", access.approvers, [*self._approver(models), *self._not_theirs(sorted(own))])
        self._duty("Auditor", access.auditors, self._auditor(models))
        for model, approvers in sorted(own.items()):
            self._duty(f"Approver-{model}", approvers, self._approver([model]))

    def _duty(self, name: str, principals: Sequence[str], statements: Sequence[iam.PolicyStatement]) -> None:
        policy = iam.ManagedPolicy(
            self,
            name,
            description=f"Model registry {self._props.spec.name}: {name}",
            document=iam.PolicyDocument(statements=list(statements)),
        )
        wild = {each for statement in statements for each in statement.resources if "*" in each}
        acknowledge_wildcards(policy, sorted(wild), _WILDCARDS)
        self._publish(name, "Policy", policy.managed_policy_arn)
        if principals:
            self._publish(name, "Role", self._role(f"{name}Role", principals, policy).role_arn)

    def _role(self, name: str, principals: Sequence[str], policy: iam.ManagedPolicy) -> iam.Role:
        trusted = [iam.ArnPrincipal(arn) for arn in principals]
        role = iam.Role(self, name, assumed_by=iam.CompositePrincipal(*trusted), managed_policies=[policy])
        # So that a company can have the person behind a role written into what the role does.
        identify = iam.PolicyStatement(actions=["sts:SetSourceIdentity"], principals=list(trusted))
        cast("iam.PolicyDocument", role.assume_role_policy).add_statements(identify)
        return role

    def _publish(self, duty: str, kind: str, arn: str) -> None:
        path = f"{Settings.parameter_path(self._props.spec.name)}/access/{duty[0].lower()}{duty[1:]}-{kind.lower()}"
        ssm.StringParameter(self, f"{duty}{kind}Arn", parameter_name=path, string_value=arn)

    # --- duties ---------------------------------------------------------------------------------------------------

    def _contributor(self, models: Sequence[str]) -> list[iam.PolicyStatement]:
        spec, objects = self._props.spec, self._objects
        status = spec.status_on_entry(spec.first_stage).value
        return [
            *self._reading(models, _CREATE),
            _allow(["s3:AbortMultipartUpload", "s3:PutObject"], objects),
            _allow(["kms:GenerateDataKey"], self._key_arn),
            _deny([_CREATE], _is_other({_STATUS: [ApprovalStatus.PENDING.value]})),
            _deny([_CREATE], _is_given(_STAGE) | _is_other({_STAGE: [spec.first_stage]})),
            _deny([_CREATE], _is_given(_STAGE_STATUS) | _is_other({_STAGE_STATUS: [status]})),
            _deny([_UPDATE], _is_given(_STATUS)),
            _deny([_UPDATE], {"StringEquals": {_STAGE: spec.release_stage}}),
            # Neither verdict nor stage: what is then changed has no key, and may be the image or the artifact.
            _deny([_UPDATE], _is_absent(_STATUS, _STAGE)),
            _hands_off(),
        ]

    def _validator(self, models: Sequence[str]) -> list[iam.PolicyStatement]:
        spec = self._props.spec
        return [
            *self._reading(models, _UPDATE),
            *self._asking(models),
            _deny([_UPDATE], _is_given(_STATUS)),
            _deny([_UPDATE], _is_other({_STAGE: list(spec.trial_stages)})),
            _deny([_UPDATE], _is_other({_STAGE_STATUS: self._statuses(spec.trial_stages)})),
            _deny([_UPDATE], {"StringEquals": {_CURRENT_STAGE: spec.release_stage}}),
            _hands_off(),
        ]

    def _approver(self, models: Sequence[str]) -> list[iam.PolicyStatement]:
        spec = self._props.spec
        stages = [spec.release_stage, spec.archive_stage]
        entered = [env.stage for env in spec.environments.values() if env.enter is Enter.ON_APPROVAL]
        moved = list(dict.fromkeys([*stages, *entered]))
        verdicts = [ApprovalStatus.APPROVED.value, ApprovalStatus.REJECTED.value]
        return [
            *self._reading(models, _UPDATE),
            *self._asking(models),
            _deny([_CREATE], {}),
            _deny([_UPDATE], _is_absent(_STATUS) | _is_other({_STAGE: stages})),
            _deny([_UPDATE], _is_given(_STATUS) | _is_other({_STATUS: verdicts})),
            _deny([_UPDATE], _is_given(_STAGE) | _is_other({_STAGE: moved})),
            _deny([_UPDATE], _is_given(_STAGE) | _is_other({_STAGE_STATUS: self._statuses(moved)})),
            _hands_off(),
        ]

    def _auditor(self, models: Sequence[str]) -> list[iam.PolicyStatement]:
        served = {"DescribeEndpoint": "endpoint", "DescribeEndpointConfig": "endpoint-config", "DescribeModel": "model"}
        arns = self._arns(models, *served.values(), budget_chars=_ENDPOINTS_CHARS)
        looks = [_allow([f"sagemaker:{call}"], *arns[kind]) for call, kind in served.items() if arns[kind]]
        looks += [_reports(), *self._looking_abroad()]
        return [*self._reading(models, "sagemaker:DescribeModelPackageGroup"), *looks]

    def _not_theirs(self, models: Sequence[str]) -> list[iam.PolicyStatement]:
        """Keep those who decide about all models from those that have approvers of their own."""
        if not models:
            return []
        names = [f"{model}/*" for model in models]
        arns = sagemaker_arns(self, {"model-package": names}, budget_chars=_OWN_CHARS)["model-package"]
        if len(arns) < len(names):
            raise InputError(
                "registry.toml",
                found=f"{len(models)} models with approvers of their own",
                rule="the policy of all other approvers must name them, and IAM takes 6,144 characters",
                next_step="Name approvers for fewer models, or keep those models in a registry of their own.",
            )
        return [_deny([_UPDATE], {}, *arns)]

    # --- what duties have in common -------------------------------------------------------------------------------

    def _reading(self, models: Sequence[str], *more: str) -> list[iam.PolicyStatement]:
        """Allow to find the deployment, to look at versions, history and artifacts, and more on the same models."""
        arns = self._arns(models, "model-package-group", "model-package", budget_chars=_VERSIONS_CHARS)
        versions = ["sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages", *more]
        path = Settings.parameter_path(self._props.spec.name)
        found = Stack.of(self).format_arn(service="ssm", resource=f"parameter{path}", resource_name="*")
        ledger, index = self._ledger_arns
        of_models = [*arns["model-package-group"], *arns["model-package"]]
        return [
            *([_allow(versions, *of_models)] if of_models else []),
            _allow(["sagemaker:Search"], "*"),
            _allow(["ssm:GetParameters"], found),
            _allow(["dynamodb:Query"], ledger, index),
            _allow(["s3:GetObject"], self._objects),
            _allow(["s3:ListBucket"], self._bucket_arn),
            _allow(["kms:Decrypt"], self._key_arn),
        ]

    def _asking(self, models: Sequence[str]) -> list[iam.PolicyStatement]:
        """Allow to ask for a rollout, and to watch it; where instances are scaled, its plan depends on their type."""
        looks = {"DescribeEndpoint": "endpoint"}
        if any(each.autoscaling for model in models for each in self._at_home.models[model].endpoints.values()):
            looks["DescribeEndpointConfig"] = "endpoint-config"
        arns = self._arns(models, *looks.values(), budget_chars=_ENDPOINTS_CHARS)
        watching = [_allow([f"sagemaker:{call}"], *arns[kind]) for call, kind in looks.items() if arns[kind]]
        return [_allow(["events:PutEvents"], *self._bus_arns()), *watching, _reports(), *self._looking_abroad()]

    def _bus_arns(self) -> list[str]:
        spec = self._props.spec
        here = Stack.of(self).format_arn(service="events", resource="event-bus", resource_name=bus_name(spec.name))
        return [here, *buses_abroad(spec)]

    def _looking_abroad(self) -> list[iam.PolicyStatement]:
        """Allow to take on the roles by which other accounts let their endpoints be seen."""
        spec = self._props.spec
        roles = [look_role_arn(spec, each.name) for each in spec.foreign]
        return [_allow(["sts:AssumeRole"], *roles)] if roles else []

    def _arns(self, models: Sequence[str], *kinds: str, budget_chars: int) -> Mapping[str, Sequence[str]]:
        """Give the ARNs of some kinds: by name if there is room for all of them, else one pattern for each kind."""
        pairs = [(model, place) for model in models for place in sorted(self._at_home.models[model].endpoints)]
        patterns = [f"{rollout_prefix(*pair)}-v*" for pair in pairs]
        names = {
            "model-package-group": models,
            "model-package": [f"{model}/*" for model in models],
            "endpoint": [endpoint_name(*pair) for pair in pairs],
            "endpoint-config": patterns,
            "model": patterns,
        }
        wanted = {kind: names[kind] for kind in kinds if names[kind]}
        return {**{kind: [] for kind in kinds}, **sagemaker_arns(self, wanted, budget_chars=budget_chars)}

    def _statuses(self, stages: Sequence[str]) -> list[str]:
        return sorted({self._props.spec.status_on_entry(stage).value for stage in stages})

    @property
    def _bucket_arn(self) -> str:
        return self._props.bucket.arn_for(self)

    @property
    def _objects(self) -> str:
        return f"{self._bucket_arn}/*"

    @property
    def _key_arn(self) -> str:
        return self._props.key.arn_for(self)

    @property
    def _ledger_arns(self) -> tuple[str, str]:
        table = self._props.ledger.arn_for(self)
        return table, f"{table}/index/{BY_TIME}"


# Conditions: each a block by operator; blocks of different operators are joined by `|`, and all must hold.


def _is_given(key: str) -> dict[str, Any]:
    return {"Null": {key: "false"}}


def _is_absent(*keys: str) -> dict[str, Any]:
    return {"Null": dict.fromkeys(keys, "true")}


def _is_other(values: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Hold for other values, and where the request has none."""
    return {"StringNotEquals": dict(values)}


def _reports() -> iam.PolicyStatement:
    """Allow to see what servers of the team's own report, where they serve a stage instead of an endpoint."""
    return _allow(["cloudwatch:GetMetricData"], "*")


def _allow(actions: Sequence[str], *resources: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=list(actions), resources=list(resources))


def _deny(actions: Sequence[str], conditions: Mapping[str, Any], *resources: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=list(actions),
        resources=list(resources) or ["*"],
        conditions=dict(conditions),
    )


def _hands_off() -> iam.PolicyStatement:
    return _deny([f"sagemaker:{each}" for each in _OPERATING], _MANAGED)
