"""From a declaration to the stacks of an app."""

from pathlib import Path

from aws_cdk import App, Environment, Validations
from aws_cdk import aws_iam as iam
from cdk_nag import AwsSolutionsChecks, ServerlessChecks
from constructs import Construct

from modelward.config import RegistrySpec, load
from modelward.core.errors import ConfigError
from modelward.core.names import registry_stack
from modelward_infra.access import AccessStack, AccessStackProps
from modelward_infra.environment import EnvironmentStack, EnvironmentStackProps
from modelward_infra.instances import check_instance_types
from modelward_infra.stacks import GroupsStack, RegistryStack, RegistryStackProps, WorkflowStack, WorkflowStackProps

# Beside groups, the registry stack holds a dozen resources, and there is room for what later versions add.
_GROUPS_PER_STACK = 450
_USUAL_GROUPS = 250  # digests spread unevenly: with this mean, none of a hundred stacks comes near the limit


class Registry:
    """The stacks of one registry, and what people and jobs may be allowed to do with it."""

    def __init__(self, registry: RegistryStack, workflow: WorkflowStack) -> None:
        """Take the two stacks of a registry."""
        self.registry = registry
        self.workflow = workflow

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Allow to find the deployment, to look at versions and history, and to download artifacts."""
        self.workflow.content.grant_find(grantee)
        self.registry.content.grant_read(grantee)

    def grant_register(self, grantee: iam.IGrantable) -> None:
        """Allow what `grant_read` does, and to register versions with their artifacts, but none that is approved."""
        self.workflow.content.grant_find(grantee)
        self.registry.content.grant_register(grantee)

    def grant_approve(self, grantee: iam.IGrantable, stage: str | None = None) -> None:
        """Allow what `grant_read` does, and to approve, reject and promote versions.

        Args:
            grantee: Who.
            stage: Only decisions that put a version into this stage; None for all.

        Raises:
            NotFoundError: no such stage is declared.
        """
        self.registry.content.grant_approve(grantee, stage)
        self.workflow.content.grant_find(grantee)

    def grant_deploy(self, grantee: iam.IGrantable) -> None:
        """Allow what `grant_read` does, and to ask for a rollout and watch it."""
        self.grant_read(grantee)
        self.workflow.content.grant_deploy(grantee)


def build(scope: Construct, spec_path: str | Path, *, env: Environment | None = None) -> Registry:
    """Add the stacks of the registry that a `registry.toml` declares.

    Synthesis needs no credentials, no network and no Git, and the same files give the same bytes.

    Args:
        scope: The app, or a stage of it.
        spec_path: The declaration.
        env: Account and region, where registry.toml names none. Without both, the stacks go where the deployer's
            credentials point.

    Raises:
        ConfigError: the declaration is wrong, or names an instance type that SageMaker does not have.
        NotFoundError: the declaration, or a package that goes into the functions' code, is not there.
    """
    path = Path(spec_path)
    spec = load(path)
    check_instance_types(spec, str(path))
    _check_sizes(spec, path)
    if spec.account:
        env = Environment(account=spec.account, region=spec.region)
    registry = RegistryStack(scope, registry_stack(spec.name), RegistryStackProps(spec=spec, env=env))
    for name in spec.owned():
        if name != registry_stack(spec.name):
            GroupsStack(scope, name, RegistryStackProps(spec=spec, env=env))
    workflow = WorkflowStack(
        scope, f"{spec.name}-workflow", WorkflowStackProps(registry=registry.content, spec_path=path, env=env)
    )
    AccessStack(scope, f"{spec.name}-access", AccessStackProps(registry=registry, env=env))
    for each in spec.foreign:
        EnvironmentStack(scope, f"{spec.name}-{each.name}", EnvironmentStackProps(spec, path, each.name))
    return Registry(registry, workflow)


def _check_sizes(spec: RegistrySpec, path: Path) -> None:
    fullest = max((len(names) for names in spec.owned().values()), default=0)
    if fullest > _GROUPS_PER_STACK:
        total = sum(map(len, spec.owned().values()))
        raise ConfigError(
            str(path),
            "registry.group_stacks",
            found=f"{spec.group_stacks}, which puts {fullest} groups into a stack; CloudFormation takes 500 resources",
            allowed=f"about {min(100, 1 + total // _USUAL_GROUPS)} for {total} groups (docs/registry-toml.md)",
        )


def check(app: App) -> None:
    """Let two packs of cdk-nag, AWS Solutions and Serverless, examine each stack; synthesis fails on any finding."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
