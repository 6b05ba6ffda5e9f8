"""What serves models: the role that containers run as, and the endpoints that the reconciler makes at run time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from modelward.config import EndpointSpec, ExistingSpec, RegistrySpec
from modelward.core.names import endpoint_name, rollout_prefix
from modelward_infra.arns import sagemaker_arns
from modelward_infra.grants import accept_wildcards, acknowledge_wildcards, allow
from modelward_infra.placement import (
    allow_comparing,
    allow_letting_be,
    allow_making,
    allow_reading_alarms,
    allow_running,
    allow_scaling,
    allow_watching,
)

_EACH_CONFIG = "Configurations are made per rollout, so those of the declared endpoints are named by their beginning."
_SAGEMAKER = "sagemaker.amazonaws.com"
# By the type of resource on which SageMaker checks them: an endpoint that is made or updated is checked together with
# its configuration, and what is made with tags takes leave to tag it.
_OPERATIONS: Mapping[str, Sequence[str]] = {
    "endpoint": ("AddTags", "CreateEndpoint", "DeleteEndpoint", "DescribeEndpoint", "InvokeEndpoint", "UpdateEndpoint"),
    "endpoint-config": (
        "AddTags",
        "CreateEndpoint",
        "CreateEndpointConfig",
        "DeleteEndpointConfig",
        "DescribeEndpointConfig",
        "UpdateEndpoint",
    ),
    "model": ("AddTags", "CreateModel", "DeleteModel"),
}
# Lists know no resources.
_LISTS = ("ListEndpointConfigs", "ListModels")


class Readable(Protocol):
    """Where artifacts are."""

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Allow to read them."""

    def grant_capture(self, grantee: iam.IGrantable) -> None:
        """Allow to write what endpoints capture."""

    def grant_answer(self, grantee: iam.IGrantable) -> None:
        """Allow to write what asynchronous endpoints answer."""


class Answerable(Protocol):
    """Where batch transform may write."""

    def grant_transform(self, grantee: iam.IGrantable) -> None:
        """Allow to write what it answers."""


@dataclass(frozen=True, slots=True)
class ModelExecutionRoleProps:
    """Where the artifacts are: in the registry's bucket, and where versions keep theirs that others registered.

    Args:
        bucket: The registry's bucket, of this account or of another one.
        existing: Other places.
        name: The role's name, where another account must know it.
        endpoints: Those that run with the role: it may use their volume keys and VPCs, and write what they capture
            and answer.
        is_guarded: Whether alarms end rollouts of any of them.
    """

    bucket: Readable
    existing: ExistingSpec = field(default_factory=ExistingSpec)
    name: str | None = None
    endpoints: Sequence[EndpointSpec] = ()
    is_guarded: bool = False


class ModelExecutionRole(Construct):
    """The role of every model that is made from a version: reads its artifact and image, writes logs and metrics.

    It outlives the stacks, because SageMaker patches and scales a running endpoint with it.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ModelExecutionRoleProps) -> None:
        """Make the role."""
        super().__init__(scope, construct_id)
        account = Stack.of(self).account
        self.role = iam.Role(
            self,
            "Role",
            description="SageMaker models that are made from versions of the model registry",
            assumed_by=iam.ServicePrincipal(_SAGEMAKER, conditions={"StringEquals": {"aws:SourceAccount": account}}),
            role_name=props.name,
        )
        props.bucket.grant_read(self.role)
        self._allow_artifacts(props.existing)
        images, logs = self._image_arns(), self._log_arns()
        self._allow_images(images)
        self._allow_telemetry(logs)
        allow_running(self.role, props.endpoints)
        if any(each.data_capture for each in props.endpoints):
            props.bucket.grant_capture(self.role)
        if props.is_guarded:
            allow_watching(self.role)
        self._allow_answers(props)
        self._acknowledge(images, logs)
        # With a name of its own, one that a failed first deployment left behind would be in the way of the next.
        kept = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if props.name else RemovalPolicy.RETAIN
        self.role.apply_removal_policy(kept)
        cast("iam.Policy", self.role.node.find_child("DefaultPolicy")).apply_removal_policy(kept)

    def grant_pass(self, grantee: iam.IGrantable) -> None:
        """Allow to hand the role to SageMaker, and to no other service."""
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["iam:PassRole"],
            resource_arns=[self.role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": _SAGEMAKER}},
        )

    def _allow_artifacts(self, existing: ExistingSpec) -> None:
        places = [uri.removeprefix("s3://").partition("/") for uri in existing.artifacts]
        partition = Stack.of(self).partition
        objects = [f"arn:{partition}:s3:::{bucket}/{prefix}*" for bucket, _, prefix in places]
        buckets = sorted({f"arn:{partition}:s3:::{bucket}" for bucket, _, _ in places})
        allow(self.role, ["s3:GetObject"], *objects)
        allow(self.role, ["s3:ListBucket"], *buckets)
        allow(self.role, ["kms:Decrypt", "kms:DescribeKey"], *existing.artifact_key_arns)
        acknowledge_wildcards(self.role, objects, "Any version of an adopted group may be served.")

    def allow_transform(self, bucket: Answerable) -> None:
        """Allow what batch transform takes beside what an endpoint does, where people have versions answer so."""
        bucket.grant_transform(self.role)
        logs = self._log_arns("TransformJobs*")
        self._allow_logs(logs)
        acknowledge_wildcards(
            self.role, logs, "SageMaker makes the log group of transform jobs, and names its streams."
        )

    def _allow_answers(self, props: ModelExecutionRoleProps) -> None:
        """Allow to answer calls in S3 and to tell of it.

        Source: "Complete the prerequisites" of asynchronous inference in the SageMaker developer guide.
        """
        answering = [each.asynchronous for each in props.endpoints if each.asynchronous]
        if answering:
            props.bucket.grant_answer(self.role)
        topics = {arn for each in answering for arn in (each.success_topic_arn, each.error_topic_arn) if arn}
        allow(self.role, ["sns:Publish"], *sorted(topics))

    def _image_arns(self) -> list[str]:
        # AWS keeps its containers in accounts of its own, another one in each region.
        return [Stack.of(self).format_arn(service="ecr", account="*", resource="repository", resource_name="*")]

    def _log_arns(self, groups: str = "Endpoints/*") -> list[str]:
        return [Stack.of(self).format_arn(service="logs", resource=f"log-group:/aws/sagemaker/{groups}")]

    def _allow_images(self, repositories: list[str]) -> None:
        names = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
        allow(self.role, [f"ecr:{name}" for name in names], *repositories)
        allow(self.role, ["ecr:GetAuthorizationToken"], "*")

    def _allow_telemetry(self, log_groups: list[str]) -> None:
        self._allow_logs(log_groups)
        iam.Grant.add_to_principal(
            grantee=self.role,
            actions=["cloudwatch:PutMetricData"],
            resource_arns=["*"],
            conditions={"StringLike": {"cloudwatch:namespace": ["AWS/SageMaker*", "/aws/sagemaker/*"]}},
        )

    def _allow_logs(self, groups: list[str]) -> None:
        names = ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")
        allow(self.role, [f"logs:{name}" for name in names], *groups)

    def _acknowledge(self, images: list[str], logs: list[str]) -> None:
        reasons = {
            "Images come from repositories of the teams and of AWS, whose accounts differ by region.": images,
            "SageMaker makes one log group per endpoint.": logs,
            "GetAuthorizationToken, PutMetricData (bound to namespaces) and EC2's Describe calls know no resources.": [
                "*"
            ],
        }
        for reason, resources in reasons.items():
            acknowledge_wildcards(self.role, resources, reason)


@dataclass(frozen=True, slots=True)
class EndpointsProps:
    """Which models are served where, and as whom."""

    spec: RegistrySpec
    role: ModelExecutionRole


class Endpoints(Construct):
    """The endpoints of all declared models: no resources of a stack, but names, and the right to operate them.

    The reconciler creates and updates endpoints at run time. Were they in CloudFormation too, the next deployment would
    put back what an approval has changed.
    """

    def __init__(self, scope: Construct, construct_id: str, props: EndpointsProps) -> None:
        """Derive the names."""
        super().__init__(scope, construct_id)
        self._role, self._is_guarded = props.role, props.spec.is_guarded
        self._pairs = sorted((model.name, place) for model in props.spec.models.values() for place in model.endpoints)
        self._specs = [props.spec.models[name].endpoints[place] for name, place in self._pairs]
        self._scaled = [pair for pair, spec in zip(self._pairs, self._specs, strict=True) if spec.autoscaling]
        self._tried = [pair for pair in self._pairs if _is_tried(props.spec, *pair)]
        self.alarms: Sequence[str] = props.spec.alarms
        self.names: Sequence[str] = [endpoint_name(*pair) for pair in self._pairs]

    @property
    def arns(self) -> list[str]:
        """Give the ARNs of the endpoints, and patterns of those of their configurations and models."""
        return [arn for of_kind in self._arns().values() for arn in of_kind]

    def _arns(self, pairs: Sequence[tuple[str, str]] | None = None) -> Mapping[str, list[str]]:
        pairs = self._pairs if pairs is None else pairs
        names, patterns = [endpoint_name(*pair) for pair in pairs], [f"{rollout_prefix(*pair)}-v*" for pair in pairs]
        return sagemaker_arns(self, {"endpoint": names, "endpoint-config": patterns, "model": patterns})

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Allow to look at endpoints; the plan of a rollout may depend on what the config in use says."""
        allow(grantee, ["sagemaker:DescribeEndpoint"], *self._arns()["endpoint"])
        configs = self._arns([*self._scaled, *self._tried])["endpoint-config"]
        allow(grantee, ["sagemaker:DescribeEndpointConfig"], *configs)
        accept_wildcards(grantee, configs, _EACH_CONFIG)

    def grant_serve(self, grantee: iam.IGrantable, version_arns: Sequence[str]) -> None:
        """Allow to make the models of these endpoints from versions of another account.

        AWS's reference names the model for `CreateModel`, its guide to deployment across accounts the version.
        """
        allow(grantee, ["sagemaker:CreateModel"], *self._arns()["model"], *version_arns)

    def grant_operate(self, grantee: iam.IGrantable) -> None:
        """Allow to create, update, describe and delete endpoints and what they are made of, and to list the latter.

        To call endpoints, too: a version may have a smoke test. The wildcard of the lists is for the caller to
        acknowledge, with those of other calls.
        """
        arns = self._arns()
        allow(grantee, [f"sagemaker:{each}" for each in _LISTS], "*")
        for kind, operations in _OPERATIONS.items():
            allow(grantee, [f"sagemaker:{each}" for each in operations], *arns[kind])
        allow_making(grantee, self._specs)
        allow_letting_be(grantee, self._specs)
        allow_scaling(grantee, self._arns(self._scaled))
        if self._is_guarded:
            allow_watching(grantee)
        if self.alarms:
            allow_reading_alarms(grantee)
        allow_comparing(grantee, self._arns(self._tried)["endpoint"])
        self._role.grant_pass(grantee)


def _is_tried(spec: RegistrySpec, model: str, environment: str) -> bool:
    """Tell whether new versions of a model are tried beside the live one first."""
    rollout = spec.rollout(model, environment)
    return rollout is not None and rollout.strategy.is_trial
