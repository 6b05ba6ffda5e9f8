"""What a rollout needs of other services: images, roles, quotas, money. Looked at before it, on behalf of a person."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from modelward.aws.errors import translated

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient


class Images:
    """The images of container registries."""

    def __init__(self, client: Any) -> None:
        """Take a boto3 client of their region."""
        self._client = client

    def describe(self, account: str, repository: str, image: Mapping[str, str]) -> None:
        """Make sure that an image is there (`DescribeImages`).

        Args:
            account: Whose registry.
            repository: Which repository.
            image: Its `imageTag` or `imageDigest`.

        Raises:
            NotFoundError: there is no such repository, tag or digest.
            AwsError: any other refusal; AWS's own registries show theirs to nobody.
        """
        with translated("DescribeImages", kind="image", name=f"{repository} {next(iter(image.values()))}"):
            self._client.describe_images(registryId=account, repositoryName=repository, imageIds=[dict(image)])


class Roles:
    """The roles of an account."""

    def __init__(self, client: "IAMClient") -> None:
        """Take a boto3 client of the account."""
        self._client = client

    def trusts(self, name: str, service: str) -> bool:
        """Tell whether the trust policy of a role names a service (`GetRole`).

        Raises:
            NotFoundError: there is no such role.
            AwsError: any other refusal.
        """
        with translated("GetRole", kind="role", name=name):
            document: Any = self._client.get_role(RoleName=name)["Role"].get("AssumeRolePolicyDocument", {})
        return f'"{service}"' in json.dumps(document)

    def may_pass(self, role_arn: str, passed_arn: str, service: str) -> bool:
        """Tell whether a role may hand another one to a service (`SimulatePrincipalPolicy` of `iam:PassRole`).

        AWS tries the policies of the role, its permissions boundary and, in an organization, service control policies.

        Raises:
            NotFoundError: there is no such role.
            AwsError: any other refusal.
        """
        context = {
            "ContextKeyName": "iam:PassedToService",
            "ContextKeyType": "string",
            "ContextKeyValues": [service],
        }
        with translated("SimulatePrincipalPolicy", kind="role", name=role_arn):
            told: Any = self._client.simulate_principal_policy(
                PolicySourceArn=role_arn,
                ActionNames=["iam:PassRole"],
                ResourceArns=[passed_arn],
                ContextEntries=[context],  # type: ignore[list-item]  # ContextEntry of the API
            )
        return all(each["EvalDecision"] == "allowed" for each in told["EvaluationResults"])


class Functions:
    """The functions of an account."""

    def __init__(self, client: Any) -> None:
        """Take a boto3 client of the account."""
        self._client = client

    def role_arn(self, name: str) -> str:
        """Read which role a function works as (`GetFunctionConfiguration`).

        Raises:
            NotFoundError: there is no such function.
            AwsError: any other refusal.
        """
        with translated("GetFunctionConfiguration", kind="function", name=name):
            return str(self._client.get_function_configuration(FunctionName=name)["Role"])


class Quotas:
    """The quotas of SageMaker."""

    def __init__(self, client: Any) -> None:
        """Take a boto3 client of the endpoints' account and region."""
        self._client = client

    def of_endpoints(self, instance_type: str) -> float | None:
        """Read how many instances of a type endpoints may have; None where AWS does not tell.

        Service Quotas names quotas by codes that follow from nothing, so the name is looked for: page by page
        (`ListServiceQuotas`), and where this account has no value of its own, in `ListAWSDefaultServiceQuotas`.

        Raises:
            AwsError: a refusal.
        """
        name = f"{instance_type} for endpoint usage"
        for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
            with translated("".join(part.title() for part in operation.split("_"))):
                pages = self._client.get_paginator(operation).paginate(ServiceCode="sagemaker")
                found = (each["Value"] for page in pages for each in page["Quotas"] if each["QuotaName"] == name)
                value = next(found, None)
            if value is not None:
                return float(value)
        return None


class Prices:
    """AWS's price list."""

    def __init__(self, client: Any) -> None:
        """Take a boto3 client of a region in which the list is told."""
        self._client = client

    def of_endpoints(self, instance_type: str, region: str) -> float | None:
        """Read what an instance of an endpoint costs on demand, in US dollars an hour (`GetProducts`).

        An instance has one price for endpoints, and others for notebooks, training and so on; they are told apart by
        the usage type, with which the bill names them, too: `EUW1-Host:ml.m5.large`.

        Returns:
            The price; None where the list has none, or another currency.

        Raises:
            AwsError: a refusal.
        """
        wanted = {"regionCode": region, "instanceName": instance_type}
        filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()]
        with translated("GetProducts"):
            pages = self._client.get_paginator("get_products").paginate(ServiceCode="AmazonSageMaker", Filters=filters)
            found = [json.loads(text) for page in pages for text in page["PriceList"]]
        usage = re.compile(rf"(.+-)?Host:{re.escape(instance_type)}")
        hosting = [each for each in found if usage.fullmatch(each["product"]["attributes"].get("usagetype", ""))]
        return max((price for each in hosting for price in _on_demand(each)), default=None)


def _on_demand(product: Any) -> Iterator[float]:
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            if "USD" in dimension["pricePerUnit"]:
                yield float(dimension["pricePerUnit"]["USD"])
