"""What a rollout needs of other services: images, roles, quotas. Looked at before a rollout, on behalf of a person."""

import json
from collections.abc import Mapping
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
