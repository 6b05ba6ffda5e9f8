"""The stack of what people may do.

It is a stack of its own, and refers to the registry alone. Policies that a platform team attaches to its own roles
cannot be deleted while they are attached, so they must not stand in the way of making the workflow anew; and who may
read and register goes on doing so while there is no workflow. Nothing here keeps state.
"""

from dataclasses import dataclass

from aws_cdk import Environment
from constructs import Construct

from modelward_infra.roles import Duties, DutiesProps, govern
from modelward_infra.stack import RegistryPart, RegistryPartProps
from modelward_infra.stacks import RegistryStack


@dataclass(frozen=True, slots=True)
class AccessStackProps:
    """The registry that it is about, and where it goes."""

    registry: RegistryStack
    env: Environment | None = None


class AccessStack(RegistryPart):
    """Policies and roles of contributors, validators, approvers and auditors."""

    def __init__(self, scope: Construct, construct_id: str, props: AccessStackProps) -> None:
        """Make the stack."""
        content = props.registry.content
        spec = content.spec
        super().__init__(scope, construct_id, RegistryPartProps(spec, "who may do what", props.env))
        self.add_stack_dependency(props.registry)
        self.duties = Duties(self, "Duties", DutiesProps(spec, content.bucket, content.key, content.ledger))
        govern(self, spec.access)
