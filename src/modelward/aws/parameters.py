"""The SSM parameters by which clients find a deployment."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from modelward.aws.errors import translated

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient


class Parameters:
    """Systems Manager's Parameter Store."""

    def __init__(self, client: "SSMClient") -> None:
        """Take a boto3 client."""
        self._client = client

    def get(self, names: Iterable[str]) -> dict[str, str]:
        """Read up to ten parameters (`GetParameters`); those that do not exist are left out.

        Raises:
            AwsError: a refusal.
        """
        with translated("GetParameters", kind="parameter", name="of the deployment"):
            answer = self._client.get_parameters(Names=list(names))
        return {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}
