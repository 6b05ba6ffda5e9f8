"""What all stacks of a registry have in common."""

from dataclasses import dataclass

from aws_cdk import Environment, Stack, Tags
from constructs import Construct

from modelward.config import RegistrySpec
from modelward_infra.flags import pin_flags


@dataclass(frozen=True, slots=True)
class RegistryPartProps:
    """What is declared, what the stack is, where it goes (None: where the deployer's credentials point)."""

    spec: RegistrySpec
    description: str
    env: Environment | None = None
    is_protected: bool = False


class RegistryPart(Stack):
    """A stack of a registry: tagged with its name, free of surrounding flags, perhaps protected from termination."""

    def __init__(self, scope: Construct, construct_id: str, props: RegistryPartProps) -> None:
        """Make the stack, which is still empty."""
        super().__init__(
            scope,
            construct_id,
            analytics_reporting=False,
            description=f"Model registry {props.spec.name}: {props.description}",
            env=props.env,
            termination_protection=props.is_protected or None,
        )
        pin_flags(self)
        Tags.of(self).add("modelward:registry", props.spec.name)
