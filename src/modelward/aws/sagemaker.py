"""The SageMaker API, in our values."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from modelward.aws.errors import translated
from modelward.core.arn import VersionArn
from modelward.core.endpoint import Endpoint, Serving, Update
from modelward.core.model_package import (
    BECAUSE_KEY,
    DECIDED_KEY,
    ENTERED_KEY,
    SHARE_KEY,
    ApprovalStatus,
    Caller,
    Entered,
    LifeCycle,
    ModelPackage,
    packed,
)
from modelward.core.transform import TransformJob

if TYPE_CHECKING:
    from types_boto3_sagemaker import SageMakerClient

PAGE = 100  # the most that ListModelPackages and Search give at once


class SageMaker:
    """The operations on versions and endpoints that Modelward uses."""

    def __init__(self, client: "SageMakerClient") -> None:
        """Take a boto3 client of the registry's account and region."""
        self._client = client

    # --- versions -----------------------------------------------------------------------------------------------

    def create_model_package(self, request: Mapping[str, Any]) -> str:
        """Register a version (`CreateModelPackage`) and return its ARN.

        Raises:
            NotFoundError: the group does not exist.
            AwsError: any other refusal.
        """
        with translated("CreateModelPackage", kind="model package group", name=str(request["ModelPackageGroupName"])):
            return self._client.create_model_package(**request)["ModelPackageArn"]

    def describe_model_package(self, arn: str) -> ModelPackage:
        """Read a version as it is now (`DescribeModelPackage`).

        Raises:
            NotFoundError: there is no such version.
            AwsError: any other refusal.
        """
        with translated("DescribeModelPackage", kind="version", name=_short(arn)):
            return package_of(self._client.describe_model_package(ModelPackageName=arn))

    def update_model_package(
        self,
        arn: str,
        *,
        approval: ApprovalStatus | None = None,
        reason: str = "",
        life_cycle: LifeCycle | None = None,
        entered: Entered | None = None,
        is_decision: bool = False,
        share: int | None = None,
    ) -> None:
        """Change verdict, stage or both in one call (`UpdateModelPackage`); what is not given stays as it is.

        Args:
            arn: The version.
            approval: The verdict.
            reason: Of the verdict.
            life_cycle: The stage, with its reason.
            entered: The decision that put it there.
            is_decision: Whether this is that decision, and not what follows from it.
            share: How many calls of a hundred it takes while it is tried there.

        Raises:
            NotFoundError: there is no such version.
            ConflictError: somebody else is changing it.
            AwsError: any other refusal.
        """
        request: dict[str, Any] = {"ModelPackageArn": arn}
        if approval:
            request |= {"ModelApprovalStatus": approval.value, "ApprovalDescription": reason}
        if life_cycle:
            request["ModelLifeCycle"] = life_cycle.to_api()
        if entered:
            request["CustomerMetadataProperties"] = {ENTERED_KEY: str(entered)}
        if entered and life_cycle and is_decision:
            decision = {DECIDED_KEY: str(entered), BECAUSE_KEY: packed(life_cycle.description)}
            request["CustomerMetadataProperties"] |= decision
        if entered and share is not None:
            request["CustomerMetadataProperties"] |= {SHARE_KEY: f"{share} {entered}"}
        with translated("UpdateModelPackage", kind="version", name=_short(arn)):
            self._client.update_model_package(**request)

    def list_model_packages(self, group: str) -> Iterator[ModelPackage]:
        """List all versions of a group, newest first (`ListModelPackages`), 100 for each call.

        The list is authoritative on which versions there are, on their approval and stage; it carries no metrics and
        no metadata, so those are empty here. Some of it may lack the stage: `life_cycle` None means "not told".

        Raises:
            AwsError: a refusal. A group that does not exist may also give an empty list.
        """
        found = pages(
            lambda token: self._client.list_model_packages(
                ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", MaxResults=PAGE, **token
            )
        )
        with translated("ListModelPackages", kind="model package group", name=group):
            for page in found:
                yield from (package_of(summary) for summary in page["ModelPackageSummaryList"])

    def search_model_packages(self, group: str, *, any_of: Sequence[tuple[str, str]] = ()) -> Iterator[ModelPackage]:
        """Search the versions of a group, newest first (`Search`), 100 for each call, with metrics and metadata.

        The index lags behind the registry, so what it says is a hint: describe a version before acting on it.

        Args:
            group: The group.
            any_of: Pairs of a property name and its value, of which one must hold; all versions when there are none.

        Raises:
            AwsError: a refusal.
        """
        alternatives = [{"Name": name, "Operator": "Equals", "Value": value} for name, value in any_of]
        expression: dict[str, Any] = {
            "Filters": [{"Name": "ModelPackageGroupName", "Operator": "Equals", "Value": group}]
        }
        if alternatives:
            expression["SubExpressions"] = [{"Filters": alternatives, "Operator": "Or"}]
        return self._searched(expression, kind="model package group", name=group)

    def find_model_packages(self, operator: str, any_of: Sequence[tuple[str, str]]) -> Iterator[ModelPackage]:
        """Search the versions of all groups, newest first (`Search`), 100 for each call.

        Args:
            operator: `Equals` or `Contains`.
            any_of: Pairs of a property name and its value, of which one must hold; at most 20.

        Raises:
            AwsError: a refusal.
        """
        filters = [{"Name": name, "Operator": operator, "Value": value} for name, value in any_of]
        return self._searched({"Filters": filters, "Operator": "Or"}, kind="model package", name=any_of[0][1])

    def _searched(self, expression: Any, *, kind: str, name: str) -> Iterator[ModelPackage]:
        request: Any = {"Resource": "ModelPackage", "SearchExpression": expression, "MaxResults": PAGE}
        found = pages(
            lambda token: self._client.search(SortBy="CreationTime", SortOrder="Descending", **request, **token)
        )
        with translated("Search", kind=kind, name=name):
            for page in found:
                yield from (package_of(each["ModelPackage"]) for each in page["Results"] if "ModelPackage" in each)

    # --- endpoints ----------------------------------------------------------------------------------------------

    def describe_endpoint(self, name: str) -> Endpoint | None:
        """Read an endpoint (`DescribeEndpoint`); None when there is none of that name.

        Raises:
            AwsError: a refusal.
        """
        from modelward.core.errors import NotFoundError

        try:
            with translated("DescribeEndpoint", kind="endpoint", name=name):
                answer = self._client.describe_endpoint(EndpointName=name)
        except NotFoundError:
            return None
        variants = answer.get("ProductionVariants", [])
        return Endpoint(
            name=answer["EndpointName"],
            status=answer["EndpointStatus"],
            config_name=answer.get("EndpointConfigName", ""),
            modified_at=answer["LastModifiedTime"].astimezone(UTC),
            failure_reason=answer.get("FailureReason", ""),
            is_serverless=any("CurrentServerlessConfig" in each for each in variants),
            pending_config=answer.get("PendingDeploymentSummary", {}).get("EndpointConfigName", ""),
            weights={each["VariantName"]: each.get("DesiredWeight", 0.0) for each in variants},
            sizes=", ".join(map(_size, [*variants, *answer.get("ShadowProductionVariants", [])])),
            update=_update(answer),
            is_asynchronous="AsyncInferenceConfig" in answer,
            has_components=answer["EndpointStatus"] == "InService" and any("DeployedImages" not in v for v in variants),
        )

    def create_model(
        self, *, name: str, package_arn: str, role_arn: str, network: Mapping[str, Any], tags: Mapping[str, str]
    ) -> None:
        """Make a deployable model of a version (`CreateModel`).

        Args:
            name: Of the model.
            package_arn: The version.
            role_arn: What its containers run as.
            network: Members of the request on the network of its containers: isolation, VPC.
            tags: Of the model.

        Raises:
            AlreadyExistsError: there is one of that name.
            AwsError: any other refusal.
        """
        with translated("CreateModel", kind="version", name=_short(package_arn)):
            self._client.create_model(
                ModelName=name,
                PrimaryContainer={"ModelPackageName": package_arn},
                ExecutionRoleArn=role_arn,
                Tags=_tags(tags),
                **network,
            )

    def create_endpoint_config(
        self, *, name: str, variants: Sequence[Mapping[str, Any]], settings: Mapping[str, Any], tags: Mapping[str, str]
    ) -> None:
        """Make an endpoint config (`CreateEndpointConfig`).

        Args:
            name: Of the config.
            variants: Its `ProductionVariants`.
            settings: Members of the request beside them, such as `KmsKeyId`.
            tags: Of the config.

        Raises:
            AlreadyExistsError: there is one of that name.
            AwsError: any other refusal.
        """
        with translated("CreateEndpointConfig", kind="model", name=str(variants[0]["ModelName"])):
            self._client.create_endpoint_config(
                EndpointConfigName=name,
                ProductionVariants=variants,  # type: ignore[arg-type]  # ProductionVariants of the API
                Tags=_tags(tags),
                **settings,
            )

    def create_endpoint(self, *, name: str, config_name: str, tags: Mapping[str, str]) -> None:
        """Start to make an endpoint (`CreateEndpoint`); it is ready when it is InService.

        Raises:
            AlreadyExistsError: there is one of that name.
            NotFoundError: the config is not (or not yet) to be seen.
            AwsError: any other refusal.
        """
        with translated("CreateEndpoint", kind="endpoint config", name=config_name):
            self._client.create_endpoint(EndpointName=name, EndpointConfigName=config_name, Tags=_tags(tags))

    def serving(self, config_name: str) -> Serving:
        """Read what an endpoint config serves, and on which instances (`DescribeEndpointConfig`).

        Returns:
            Its first variant; the instance type is empty if it is serverless.

        Raises:
            NotFoundError: there is no such config.
            AwsError: any other refusal.
        """
        with translated("DescribeEndpointConfig", kind="endpoint config", name=config_name):
            found = self._client.describe_endpoint_config(EndpointConfigName=config_name)
        variant = found["ProductionVariants"][0]
        return Serving(variant.get("ModelName", ""), variant.get("InstanceType", ""))

    def update_endpoint(
        self, *, name: str, config_name: str, deployment: Mapping[str, Any] | None = None, keeps_count: bool = False
    ) -> None:
        """Start to move an endpoint to another config (`UpdateEndpoint`).

        Args:
            name: The endpoint.
            config_name: The config.
            deployment: Its `DeploymentConfig`; without one, SageMaker moves all at once and watches no alarm.
            keeps_count: Go on with the weights and numbers of instances that it has now, not with the config's.

        Raises:
            ConflictError: it is being changed already.
            NotFoundError: the endpoint or the config is not (or not yet) to be seen.
            AwsError: any other refusal.
        """
        guarded: Any = {"DeploymentConfig": deployment} if deployment else {}
        with translated("UpdateEndpoint", kind="endpoint or config", name=f"{name} or {config_name}"):
            self._client.update_endpoint(
                EndpointName=name, EndpointConfigName=config_name, RetainAllVariantProperties=keeps_count, **guarded
            )

    def update_weights(self, endpoint: str, weights: Mapping[str, float]) -> None:
        """Shift calls between the variants of an endpoint (`UpdateEndpointWeightsAndCapacities`).

        Args:
            endpoint: Its name.
            weights: By variant; what counts is their proportion.

        Raises:
            ConflictError: it is being changed already.
            NotFoundError: there is none of that name.
            AwsError: any other refusal.
        """
        wanted = [{"VariantName": name, "DesiredWeight": weight} for name, weight in weights.items()]
        with translated("UpdateEndpointWeightsAndCapacities", kind="endpoint", name=endpoint):
            self._client.update_endpoint_weights_and_capacities(
                EndpointName=endpoint,
                DesiredWeightsAndCapacities=wanted,  # type: ignore[arg-type]  # DesiredWeightAndCapacities of the API
            )

    # --- batch transform ----------------------------------------------------------------------------------------

    def create_transform_job(self, request: Mapping[str, Any], *, tags: Mapping[str, str]) -> None:
        """Begin a batch transform (`CreateTransformJob`).

        Raises:
            NotFoundError: there is no such model.
            AlreadyExistsError: there is a job of that name.
            AwsError: any other refusal.
        """
        with translated("CreateTransformJob", kind="model", name=str(request["ModelName"])):
            self._client.create_transform_job(**request, Tags=_tags(tags))

    def describe_transform_job(self, job: TransformJob) -> TransformJob:
        """Read how a job stands (`DescribeTransformJob`).

        Raises:
            NotFoundError: there is no such job.
            AwsError: any other refusal.
        """
        with translated("DescribeTransformJob", kind="transform job", name=job.name):
            told = self._client.describe_transform_job(TransformJobName=job.name)
        return replace(job, status=told["TransformJobStatus"], reason=told.get("FailureReason", ""))

    def list_transform_jobs(self, *, containing: str, status: str) -> Iterator[str]:
        """List the names of jobs (`ListTransformJobs`), 100 for each call.

        Args:
            containing: A part of their names.
            status: Their `TransformJobStatus`.

        Raises:
            AwsError: a refusal.
        """
        wanted: Any = {"NameContains": containing, "StatusEquals": status, "MaxResults": PAGE}
        with translated("ListTransformJobs"):
            for page in pages(lambda token: self._client.list_transform_jobs(**wanted, **token)):
                yield from (each["TransformJobName"] for each in page["TransformJobSummaries"])

    def delete_endpoint(self, name: str) -> None:
        """Start to delete an endpoint (`DeleteEndpoint`); configs and models stay.

        Raises:
            ConflictError: it is being changed.
            NotFoundError: there is none of that name.
            AwsError: any other refusal.
        """
        with translated("DeleteEndpoint", kind="endpoint", name=name):
            self._client.delete_endpoint(EndpointName=name)

    # --- what rollouts leave behind -----------------------------------------------------------------------------

    def list_endpoint_configs(self, *, containing: str, before: datetime) -> Iterator[str]:
        """List the names of endpoint configs (`ListEndpointConfigs`), 100 for each call.

        Args:
            containing: A part of their names.
            before: They were made before this time.

        Raises:
            AwsError: a refusal.
        """
        wanted: Any = {"NameContains": containing, "CreationTimeBefore": before, "MaxResults": PAGE}
        with translated("ListEndpointConfigs"):
            for page in pages(lambda token: self._client.list_endpoint_configs(**wanted, **token)):
                yield from (each["EndpointConfigName"] for each in page["EndpointConfigs"])

    def list_models(self, *, containing: str, before: datetime) -> Iterator[str]:
        """List the names of models (`ListModels`), 100 for each call; arguments as for `list_endpoint_configs`.

        Raises:
            AwsError: a refusal.
        """
        wanted: Any = {"NameContains": containing, "CreationTimeBefore": before, "MaxResults": PAGE}
        with translated("ListModels"):
            for page in pages(lambda token: self._client.list_models(**wanted, **token)):
                yield from (each["ModelName"] for each in page["Models"])

    def models_of(self, config_name: str) -> frozenset[str]:
        """Read which models an endpoint config serves (`DescribeEndpointConfig`), those in the shadow included.

        Raises:
            NotFoundError: there is no such config.
            AwsError: any other refusal.
        """
        with translated("DescribeEndpointConfig", kind="endpoint config", name=config_name):
            found = self._client.describe_endpoint_config(EndpointConfigName=config_name)
        variants = [*found["ProductionVariants"], *found.get("ShadowProductionVariants", [])]
        return frozenset(each["ModelName"] for each in variants if "ModelName" in each)

    def delete_endpoint_config(self, name: str) -> None:
        """Delete an endpoint config (`DeleteEndpointConfig`); SageMaker does not look whether it is in use.

        Raises:
            NotFoundError: there is none of that name.
            AwsError: any other refusal.
        """
        with translated("DeleteEndpointConfig", kind="endpoint config", name=name):
            self._client.delete_endpoint_config(EndpointConfigName=name)

    def delete_model(self, name: str) -> None:
        """Delete a model (`DeleteModel`); version and artifact stay.

        Raises:
            NotFoundError: there is none of that name.
            AwsError: any other refusal.
        """
        with translated("DeleteModel", kind="model", name=name):
            self._client.delete_model(ModelName=name)


def pages(call: Callable[[Any], Any]) -> Iterator[Any]:
    """Call with the token of the next page, none at first, until there is none.

    Boto3's paginators do the same, and take 0.13 ms for each use: half of what `compare` adds to its one call.
    """
    token: dict[str, str] = {}
    while True:
        page = call(token)
        yield page
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def _size(variant: Any) -> str:
    """Spell what `UpdateEndpointWeightsAndCapacities` may alter of a variant, as it is desired."""
    serverless = variant.get("DesiredServerlessConfig", {})
    calls = f"{serverless.get('MaxConcurrency', '')}/{serverless.get('ProvisionedConcurrency', '')}"
    size = variant.get("DesiredInstanceCount", calls)
    return f"{variant['VariantName']} {size} x {variant.get('DesiredWeight', 0.0)}"


def _update(answer: Any) -> Update | None:
    """Read how far an update has come; of a step that is about the old containers, the old variant tells."""
    pending = answer.get("PendingDeploymentSummary")
    if not pending or "StartTime" not in pending:
        return None
    new: Any = next(iter(pending.get("ProductionVariants", [])), {})
    old: Any = next(iter(answer.get("ProductionVariants", [])), {})
    steps = [*new.get("VariantStatus", []), *old.get("VariantStatus", [])]
    return Update(
        began_at=pending["StartTime"].astimezone(UTC),
        step=steps[0]["Status"] if steps else "",
        share=_share(new),
        waits_s=_waits_s(answer.get("LastDeploymentConfig", {})),
    )


def _share(variant: Any) -> float | None:
    wanted = variant.get("DesiredInstanceCount")
    return variant.get("CurrentInstanceCount", 0) / wanted if wanted else None


def _waits_s(deployment: Any) -> float:
    """Sum up what a `DeploymentConfig` waits: after each part of the traffic, and before the old containers go."""
    rolling, policy = deployment.get("RollingUpdatePolicy"), deployment.get("BlueGreenUpdatePolicy", {})
    if rolling:
        size = rolling["MaximumBatchSize"]
        return float(rolling["WaitIntervalInSeconds"] * (math.ceil(100 / size["Value"]) if _is_percent(size) else 1))
    routing = policy.get("TrafficRoutingConfiguration", {})
    size = routing.get("LinearStepSize")
    parts = math.ceil(100 / size["Value"]) - 1 if size and _is_percent(size) else routing.get("Type") == "CANARY"
    return float(parts * routing.get("WaitIntervalInSeconds", 0) + policy.get("TerminationWaitInSeconds", 0))


def _is_percent(size: Any) -> bool:
    return bool(size["Type"] == "CAPACITY_PERCENT")


def package_of(answer: Any) -> ModelPackage:
    """Read a version from an answer of `DescribeModelPackage`, `Search` or `ListModelPackages`.

    botocore gives times in the zone of the machine; here they are in UTC, so that every machine spells them alike.
    """
    group, version = answer.get("ModelPackageGroupName"), answer.get("ModelPackageVersion")
    if not (group and version):
        group, version = _named_in(answer["ModelPackageArn"])
    container: Mapping[str, Any] = next(iter(answer.get("InferenceSpecification", {}).get("Containers", [])), {})
    properties = answer.get("MetadataProperties", {})
    cycle = answer.get("ModelLifeCycle")
    made_at, made_by = answer["CreationTime"].astimezone(UTC), _caller(answer.get("CreatedBy"))
    return ModelPackage(
        arn=answer["ModelPackageArn"],
        group=group,
        version=int(version),
        status=answer["ModelPackageStatus"],
        approval_status=ApprovalStatus(answer.get("ModelApprovalStatus", ApprovalStatus.PENDING)),
        created_at=made_at,
        modified_at=answer["LastModifiedTime"].astimezone(UTC) if "LastModifiedTime" in answer else made_at,
        approval_description=answer.get("ApprovalDescription", ""),
        life_cycle=_life_cycle(cycle) if cycle else None,
        notes=answer.get("ModelPackageDescription", ""),
        created_by=made_by,
        modified_by=_caller(answer["LastModifiedBy"]) if answer.get("LastModifiedBy") else made_by,
        image=container.get("Image", ""),
        artifact_uri=_artifact_uri(container),
        commit=properties.get("CommitId", ""),
        repository=properties.get("Repository", ""),
        run=properties.get("GeneratedBy", ""),
        metadata=dict(answer.get("CustomerMetadataProperties", {})),
    )


def _named_in(arn: str) -> tuple[str, int]:
    parsed = VersionArn.parse(arn)
    return (parsed.group, parsed.version) if parsed else ("", 0)


def _life_cycle(cycle: Mapping[str, str]) -> LifeCycle:
    return LifeCycle(cycle["Stage"], cycle["StageStatus"], cycle.get("StageDescription", ""))


def _artifact_uri(container: Mapping[str, Any]) -> str:
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    return str(container.get("ModelDataUrl") or source.get("S3Uri", ""))


def _caller(context: Mapping[str, Any] | None) -> Caller:
    """Take the IAM identity, or the Studio profile where SageMaker tells only that (`UserContext`)."""
    context = context or {}
    return Caller(context.get("IamIdentity", {}).get("Arn") or context.get("UserProfileArn", ""))


def _tags(tags: Mapping[str, str]) -> Any:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _short(arn: str) -> str:
    return arn.rsplit(":model-package/", 1)[-1]
