"""The stack of what people may do.

It is a stack of its own, and refers to the registry alone. Policies that a platform team attaches to its own roles
cannot be deleted while they are attached, so they must not stand in the way of making the workflow anew; and who may
read and register goes on doing so while there is no workflow. Nothing here keeps state.
"""

from dataclasses import dataclass

from aws_cdk import Environment, Stack, Tags
from constructs import Construct

from modelward_infra.flags import pin_flags
from modelward_infra.messaging import Inbox
from modelward_infra.roles import Duties, DutiesProps, govern
from modelward_infra.stacks import RegistryStack


@dataclass(frozen=True, slots=True)
class AccessStackProps:
    """The registry that it is about, and where it goes."""

    registry: RegistryStack
    env: Environment | None = None


class AccessStack(Stack):
    """Policies and roles of contributors, validators, approvers and auditors."""

    def __init__(self, scope: Construct, construct_id: str, props: AccessStackProps) -> None:
        """Make the stack."""
        content = props.registry.content
        spec = content.spec
        super().__init__(
            scope,
            construct_id,
            analytics_reporting=False,
            description=f"Model registry {spec.name}: who may do what",
            env=props.env,
        )
        pin_flags(self)
        self.add_stack_dependency(props.registry)
        Tags.of(self).add("modelward:registry", spec.name)
        rollouts_arn = self.format_arn(service="sqs", resource=Inbox.name_of(spec.name, "Rollouts"))
        self.duties = Duties(
            self, "Duties", DutiesProps(spec, content.bucket, content.key, content.ledger, rollouts_arn)
        )
        govern(self, spec.access)
