"""From a declaration to the stacks of an app."""

from pathlib import Path
from typing import cast

from aws_cdk import App, Environment, Validations
from aws_cdk import aws_iam as iam
from cdk_nag import AwsSolutionsChecks
from constructs import Construct, IConstruct

from modelward.config import load
from modelward_infra.grants import acknowledge_wildcards, across
from modelward_infra.stacks import RegistryStack, RegistryStackProps, WorkflowStack, WorkflowStackProps


class Registry:
    """The stacks of one registry, and what people and jobs may be allowed to do with it."""

    def __init__(self, registry: RegistryStack, workflow: WorkflowStack) -> None:
        """Take the two stacks of a registry."""
        self.registry = registry
        self.workflow = workflow

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Allow to find the deployment, to look at versions and history, and to download artifacts."""
        self.workflow.parameters.grant_read(grantee)
        self.registry.groups.grant_read(grantee)
        self.registry.ledger.grant_read(grantee)
        self.registry.bucket.grant_read(grantee)
        self._acknowledge(grantee)

    def _acknowledge(self, grantee: iam.IGrantable) -> None:
        """Accept the wildcards of what is granted: `check` would refuse them, and they are meant.

        Of a principal that is no construct, such as a service, there is nothing to accept.
        """
        principal = cast("IConstruct", grantee.grant_principal)
        if not hasattr(principal, "node"):
            return
        bucket = self.registry.bucket.bucket
        objects = f"{across(principal, bucket.bucket_arn, bucket)}/*"
        versions = [arn for arn in self.registry.groups.arns if arn.endswith("*")]
        reason = "all versions of the declared models, all artifacts of the registry; Search knows no resources"
        acknowledge_wildcards(principal, ["*", objects, *versions], reason)

    def grant_register(self, grantee: iam.IGrantable) -> None:
        """Allow what `grant_read` does, and to register versions with their artifacts."""
        self.grant_read(grantee)
        self.registry.groups.grant_create(grantee)
        self.registry.bucket.grant_write(grantee)
        # Who registers does not approve, and a version can be registered as approved from birth.
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=["sagemaker:CreateModelPackage"],
                resources=["*"],
                conditions={"StringEquals": {"sagemaker:ModelApprovalStatus": "Approved"}},
            )
        )

    def grant_approve(self, grantee: iam.IGrantable) -> None:
        """Allow what `grant_read` does, and to approve, reject and promote versions."""
        self.grant_read(grantee)
        self.registry.groups.grant_update(grantee)

    def grant_deploy(self, grantee: iam.IGrantable) -> None:
        """Allow what `grant_read` does, and to ask for a rollout and watch it."""
        self.grant_read(grantee)
        self.workflow.rollouts.grant_send(grantee)
        self.workflow.endpoints.grant_read(grantee)


def build(scope: Construct, spec_path: str | Path, *, env: Environment | None = None) -> Registry:
    """Add the stacks of the registry that a `registry.toml` declares.

    Synthesis needs no credentials, no network and no Git, and the same files give the same bytes.

    Args:
        scope: The app, or a stage of it.
        spec_path: The declaration.
        env: Account and region. Without it the stacks go where the deployer's credentials point.

    Raises:
        ConfigError: the declaration is wrong.
        NotFoundError: the declaration, or a package that goes into the functions' code, is not there.
    """
    path = Path(spec_path)
    spec = load(path)
    registry = RegistryStack(scope, f"{spec.name}-registry", RegistryStackProps(spec=spec, env=env))
    workflow = WorkflowStack(
        scope,
        f"{spec.name}-workflow",
        WorkflowStackProps(spec=spec, spec_path=path, registry=registry, env=env),
    )
    return Registry(registry, workflow)


def check(app: App) -> None:
    """Let cdk-nag's AWS Solutions rules examine every stack of an app; synthesis then fails on any finding."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
