"""The two stacks: what must never be lost, and what can be made again at any time."""

from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Environment, Stack, Tags
from constructs import Construct

from modelward.config import RegistrySpec
from modelward_infra.flags import pin_flags
from modelward_infra.groups import ModelPackageGroups, ModelPackageGroupsProps
from modelward_infra.registry import ModelRegistry, ModelRegistryProps
from modelward_infra.roles import govern
from modelward_infra.workflow import ApprovalWorkflow, ApprovalWorkflowProps

# An id that is no part of logical ids: what the constructs hold has the ids that it had when it lay in the stacks.
_CONTENT = "Default"


@dataclass(frozen=True, slots=True)
class RegistryStackProps:
    """What is declared, and where it goes (None: where the deployer's credentials point)."""

    spec: RegistrySpec
    env: Environment | None = None


class RegistryStack(Stack):
    """What a registry is, protected from termination."""

    def __init__(self, scope: Construct, construct_id: str, props: RegistryStackProps) -> None:
        """Make the stack."""
        super().__init__(
            scope,
            construct_id,
            analytics_reporting=False,
            description=f"Model registry {props.spec.name}: groups, artifacts, ledger",
            env=props.env,
            termination_protection=True,
        )
        pin_flags(self)
        self.content = ModelRegistry(self, _CONTENT, ModelRegistryProps(spec=props.spec))
        govern(self, props.spec.access)


class GroupsStack(Stack):
    """A share of the groups of a registry that has too many for one stack."""

    def __init__(self, scope: Construct, construct_id: str, props: RegistryStackProps) -> None:
        """Make the stack, protected from termination."""
        super().__init__(
            scope,
            construct_id,
            analytics_reporting=False,
            description=f"Model registry {props.spec.name}: a share of its groups",
            env=props.env,
            termination_protection=True,
        )
        pin_flags(self)
        Tags.of(self).add("modelward:registry", props.spec.name)
        names = props.spec.owned()[construct_id]
        ModelPackageGroups(self, "Groups", ModelPackageGroupsProps([props.spec.models[name] for name in names], names))


@dataclass(frozen=True, slots=True)
class WorkflowStackProps:
    """The registry it works on, the file that declares it, and where the stack goes."""

    registry: ModelRegistry
    spec_path: Path
    env: Environment | None = None


class WorkflowStack(Stack):
    """What a registry does."""

    def __init__(self, scope: Construct, construct_id: str, props: WorkflowStackProps) -> None:
        """Make the stack."""
        super().__init__(
            scope,
            construct_id,
            analytics_reporting=False,
            description=f"Model registry {props.registry.spec.name}: review, rollout, notification",
            env=props.env,
        )
        pin_flags(self)
        self.content = ApprovalWorkflow(self, _CONTENT, ApprovalWorkflowProps(props.registry, props.spec_path))
        govern(self, props.registry.spec.access)
