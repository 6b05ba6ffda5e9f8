"""The stacks of the registry's account: what must never be lost, and what can be made again at any time."""

from dataclasses import dataclass, replace
from pathlib import Path

from aws_cdk import Environment
from constructs import Construct

from modelward.config import RegistrySpec
from modelward_infra.groups import ModelPackageGroups, ModelPackageGroupsProps
from modelward_infra.registry import ModelRegistry, ModelRegistryProps
from modelward_infra.roles import govern
from modelward_infra.stack import RegistryPart, RegistryPartProps
from modelward_infra.workflow import ApprovalWorkflow, ApprovalWorkflowProps

# An id that is no part of logical ids: what the constructs hold has the ids that it had when it lay in the stacks.
_CONTENT = "Default"


@dataclass(frozen=True, slots=True)
class RegistryStackProps:
    """What is declared, and where it goes (None: where the deployer's credentials point)."""

    spec: RegistrySpec
    env: Environment | None = None


class RegistryStack(RegistryPart):
    """What a registry is, protected from termination."""

    def __init__(self, scope: Construct, construct_id: str, props: RegistryStackProps) -> None:
        """Make the stack."""
        part = RegistryPartProps(props.spec, "groups, artifacts, ledger", props.env, is_protected=True)
        super().__init__(scope, construct_id, part)
        self.content = ModelRegistry(self, _CONTENT, ModelRegistryProps(spec=props.spec))
        govern(self, props.spec.access)


class GroupsStack(RegistryPart):
    """A share of the groups of a registry that has too many for one stack, protected from termination."""

    def __init__(self, scope: Construct, construct_id: str, props: RegistryStackProps) -> None:
        """Make the stack."""
        part = RegistryPartProps(props.spec, "a share of its groups", props.env, is_protected=True)
        super().__init__(scope, construct_id, part)
        names = props.spec.owned()[construct_id]
        held = replace(props.spec, models={name: props.spec.models[name] for name in names})
        ModelPackageGroups(self, "Groups", ModelPackageGroupsProps(held, names))


@dataclass(frozen=True, slots=True)
class WorkflowStackProps:
    """The registry it works on, the file that declares it, and where the stack goes."""

    registry: ModelRegistry
    spec_path: Path
    env: Environment | None = None


class WorkflowStack(RegistryPart):
    """What a registry does."""

    def __init__(self, scope: Construct, construct_id: str, props: WorkflowStackProps) -> None:
        """Make the stack."""
        spec = props.registry.spec
        super().__init__(scope, construct_id, RegistryPartProps(spec, "review, rollout, notification", props.env))
        self.content = ApprovalWorkflow(self, _CONTENT, ApprovalWorkflowProps(props.registry, props.spec_path))
        govern(self, spec.access)
