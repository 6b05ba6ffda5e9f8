"""How SDK and CLI find a deployment."""

from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from modelward.config import Settings
from modelward_infra.grants import allow


@dataclass(frozen=True, slots=True)
class DeploymentParametersProps:
    """What is published."""

    settings: Settings


class DeploymentParameters(Construct):
    """SSM parameters under `/modelward/<registry>`, one per setting."""

    def __init__(self, scope: Construct, construct_id: str, props: DeploymentParametersProps) -> None:
        """Make the parameters."""
        super().__init__(scope, construct_id)
        self._names = list(props.settings.to_parameters())
        for name, value in props.settings.to_parameters().items():
            ssm.StringParameter(self, name.rpartition("/")[2], parameter_name=name, string_value=value)

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Allow to read the parameters."""
        stack = Stack.of(self)
        arns = [stack.format_arn(service="ssm", resource=f"parameter{name}") for name in self._names]
        allow(grantee, ["ssm:GetParameters"], *arns)
