"""What an account holds, whoever made it: groups, endpoints, a table, and what the stacks own."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from modelward.aws.errors import translated
from modelward.aws.sagemaker import PAGE, package_of, pages
from modelward.core.account import Group, Table
from modelward.core.arn import VersionArn
from modelward.core.errors import NotFoundError
from modelward.core.model_package import ModelPackage

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_sagemaker import SageMakerClient


class Inventory:
    """The operations of SageMaker that look at a whole account and region."""

    def __init__(self, client: "SageMakerClient") -> None:
        """Take a boto3 client."""
        self._client = client

    def list_groups(self) -> Iterator[Group]:
        """List all groups by name (`ListModelPackageGroups`), 100 for each call.

        Raises:
            AwsError: a refusal.
        """
        with translated("ListModelPackageGroups"):
            for page in pages(
                lambda token: self._client.list_model_package_groups(
                    SortBy="Name", SortOrder="Ascending", MaxResults=PAGE, **token
                )
            ):
                yield from (_group(summary) for summary in page["ModelPackageGroupSummaryList"])

    def newest(self, group: str) -> tuple[int, ModelPackage | None]:
        """Count the versions of a group and read the newest one: one call (`Search`), whose index may lag.

        Raises:
            AwsError: a refusal.
        """
        named: Any = {"Filters": [{"Name": "ModelPackageGroupName", "Operator": "Equals", "Value": group}]}
        with translated("Search", kind="model package group", name=group):
            answer = self._client.search(
                Resource="ModelPackage",
                SearchExpression=named,
                SortBy="CreationTime",
                SortOrder="Descending",
                MaxResults=1,
            )
        found = [package_of(each["ModelPackage"]) for each in answer["Results"]]
        return answer.get("TotalHits", {}).get("Value", len(found)), found[0] if found else None

    def search_other_stages(self, stages: Sequence[str]) -> Iterator[ModelPackage]:
        """Search the account for versions that stand in none of some stages (`Search`, 100 for each call).

        Raises:
            AwsError: a refusal.
        """
        name = "ModelLifeCycle.Stage"
        filters = [{"Name": name, "Operator": "NotEquals", "Value": stage} for stage in stages]
        request: Any = {
            "Resource": "ModelPackage",
            "SearchExpression": {"Filters": [{"Name": name, "Operator": "Exists"}, *filters]},
            "MaxResults": PAGE,
        }
        with translated("Search"):
            for page in pages(lambda token: self._client.search(**request, **token)):
                yield from (package_of(each["ModelPackage"]) for each in page["Results"])

    def list_endpoints(self) -> Iterator[str]:
        """List the names of all endpoints (`ListEndpoints`), 100 for each call.

        Raises:
            AwsError: a refusal.
        """
        with translated("ListEndpoints"):
            for page in pages(lambda token: self._client.list_endpoints(MaxResults=PAGE, **token)):
                yield from (summary["EndpointName"] for summary in page["Endpoints"])

    def served_groups(self, config_name: str) -> set[str]:
        """Tell of which groups an endpoint config serves versions; in lower case, one call and one for each model.

        Raises:
            AwsError: a refusal. What is gone in the meantime serves nothing.
        """
        try:
            with translated("DescribeEndpointConfig", kind="endpoint config", name=config_name):
                config = self._client.describe_endpoint_config(EndpointConfigName=config_name)
        except NotFoundError:
            return set()
        names = {variant["ModelName"] for variant in config["ProductionVariants"] if "ModelName" in variant}
        return {group for name in sorted(names) for group in self._groups_of_model(name)}

    def _groups_of_model(self, name: str) -> set[str]:
        try:
            with translated("DescribeModel", kind="model", name=name):
                model: Any = self._client.describe_model(ModelName=name)
        except NotFoundError:
            return set()
        containers = [model.get("PrimaryContainer", {}), *model.get("Containers", [])]
        arns = (VersionArn.parse(container.get("ModelPackageName", "")) for container in containers)
        return {arn.group.lower() for arn in arns if arn}


class Stacks:
    """The operations of CloudFormation that tell what a stack owns."""

    def __init__(self, client: Any) -> None:
        """Take a boto3 client."""
        self._client = client

    def list_resources(self, stack: str, kind: str) -> list[str] | None:
        """List the physical ids of a stack's resources of a type (`ListStackResources`, 100 for each call).

        Returns:
            The ids; None when there is no such stack.

        Raises:
            AwsError: a refusal.
        """
        try:
            with translated("ListStackResources", kind="stack", name=stack):
                return [
                    str(each["PhysicalResourceId"]).rpartition("/")[2]
                    for page in pages(lambda token: self._client.list_stack_resources(StackName=stack, **token))
                    for each in page["StackResourceSummaries"]
                    if each["ResourceType"] == kind and each["ResourceStatus"] not in _GONE
                ]
        except NotFoundError:
            return None


class Tables:
    """The operations of DynamoDB that tell how a table is made."""

    def __init__(self, client: "DynamoDBClient") -> None:
        """Take a boto3 client."""
        self._client = client

    def describe(self, name: str) -> Table | None:
        """Describe a table (`DescribeTable`); None when there is none of that name.

        Raises:
            AwsError: a refusal.
        """
        try:
            with translated("DescribeTable", kind="existing table", name=name):
                return _table(self._client.describe_table(TableName=name)["Table"])
        except NotFoundError:
            return None


_GONE = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED", "CREATE_FAILED"})


def _table(told: Any) -> Table:
    types = {each["AttributeName"]: each["AttributeType"] for each in told["AttributeDefinitions"]}
    whole = [each for each in told.get("GlobalSecondaryIndexes", ()) if each["Projection"]["ProjectionType"] == "ALL"]
    stream = told.get("StreamSpecification", {})
    return Table(
        key=_key(told, types),
        indexes={each["IndexName"]: _key(each, types) for each in whole},
        stream_arn=told.get("LatestStreamArn", ""),
        stream_view=stream.get("StreamViewType", "") if stream.get("StreamEnabled") else "",
        key_arn=told.get("SSEDescription", {}).get("KMSMasterKeyArn", ""),
        is_protected=told.get("DeletionProtectionEnabled", False),
    )


def _key(told: Any, types: Mapping[str, str]) -> tuple[str, ...]:
    names = [each["AttributeName"] for each in sorted(told["KeySchema"], key=lambda each: str(each["KeyType"]))]
    return tuple(name if types[name] == "S" else f"{name} ({types[name]})" for name in names)


def _group(summary: Any) -> Group:
    return Group(
        summary["ModelPackageGroupName"],
        summary.get("ModelPackageGroupDescription", ""),
        summary["CreationTime"].astimezone(UTC),
    )
