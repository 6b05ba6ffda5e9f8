"""A model registry: what must never be lost, and who may do what with it."""

from dataclasses import dataclass

from aws_cdk import CrossStackReferences, ReferenceStrength, Stack, Tags
from aws_cdk import aws_iam as iam
from constructs import Construct

from modelward.config import RegistrySpec
from modelward.config.accounts import models_role_arn
from modelward.core.errors import NotFoundError
from modelward.core.names import endpoint_name, registry_stack
from modelward_infra.flags import pin_flags
from modelward_infra.groups import ModelPackageGroups, ModelPackageGroupsProps, ModelVersions
from modelward_infra.hosting import ModelExecutionRole, ModelExecutionRoleProps
from modelward_infra.images import ImageRepository, ImageRepositoryProps
from modelward_infra.storage import (
    ArtifactBucket,
    ArtifactBucketProps,
    Ledger,
    LedgerProps,
    RegistryKey,
    RegistryKeyProps,
)


@dataclass(frozen=True, slots=True)
class ModelRegistryProps:
    """What is declared: `modelward.config.load("registry.toml")` reads it."""

    spec: RegistrySpec


class ModelRegistry(ModelVersions):
    """Groups, artifacts, ledger, key, and the role that running endpoints lean on; all of it is kept when a stack goes.

    Rules (`on_approved` and the others) are for the versions of all declared models; `groups.by_name` has each.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ModelRegistryProps) -> None:
        """Make what is declared."""
        super().__init__(scope, construct_id, sorted(props.spec.models))
        pin_flags(self)
        Tags.of(self).add("modelward:registry", props.spec.name)
        self.spec = props.spec
        existing = props.spec.existing
        self.key = RegistryKey(self, "Key", RegistryKeyProps(props.spec.name, existing.key_arn))
        self.key.allow_alarms(Stack.of(self).account)
        self.bucket = ArtifactBucket(self, "Artifacts", ArtifactBucketProps(self.key, existing.bucket))
        self.ledger = Ledger(self, "Ledger", LedgerProps(self.key, existing.table_stream_arn))
        made = props.spec.owned().get(registry_stack(props.spec.name), ())
        self.groups = ModelPackageGroups(self, "Groups", ModelPackageGroupsProps(props.spec, made))
        here = props.spec.within("")
        hosting = ModelExecutionRoleProps(self.bucket, existing, endpoints=here.endpoints, is_guarded=here.is_guarded)
        self.execution_role = ModelExecutionRole(self, "ModelExecution", hosting)
        self.execution_role.allow_transform(self.bucket)
        for name in props.spec.images:
            guests = [models_role_arn(props.spec, each.name) for each in props.spec.foreign]
            ImageRepository(self, f"Images-{name}", ImageRepositoryProps(name, guests))
        for environment in props.spec.foreign:
            self._share(environment.name)
        self._refer_strongly()

    def _share(self, environment: str) -> None:
        """Let what serves in another account read its models' artifacts; groups say so themselves."""
        guest, served = models_role_arn(self.spec, environment), self.spec.within(environment).models
        self.bucket.share(guest, sorted(served))
        capturing = [name for name, model in served.items() if model.endpoints[environment].data_capture]
        if capturing:
            self.bucket.share_capture(guest, [endpoint_name(name, environment) for name in sorted(capturing)])
        answering = [name for name, model in served.items() if model.endpoints[environment].asynchronous]
        if answering:
            self.bucket.share_answers(guest, [endpoint_name(name, environment) for name in sorted(answering)])

    def _refer_strongly(self) -> None:
        # CloudFormation itself then refuses to remove what another stack uses, whatever the app's flag says.
        for each in (self.key.key, self.bucket.bucket, self.ledger.table, self.execution_role.role):
            if each.node.default_child:  # one that was there already is referred to by its name
                CrossStackReferences.of(each).produce(ReferenceStrength.STRONG)

    def grant_reconcile(self, grantee: iam.IGrantable) -> None:
        """Allow what a rollout does here: to read versions and mark how far they are, to serve them, to record it."""
        self.groups.grant_read(grantee)
        self.groups.grant_update(grantee)
        self.groups.grant_deploy(grantee)
        self.ledger.grant_append(grantee)
        self.bucket.grant_read_smoke(grantee, ["*"])

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Allow to look at versions and history, and to download artifacts."""
        super().grant_read(grantee)
        self.ledger.grant_read(grantee)
        self.bucket.grant_read(grantee)

    def grant_register(self, grantee: iam.IGrantable) -> None:
        """Allow what `grant_read` does, and to register versions with their artifacts, but none that is approved."""
        super().grant_register(grantee)
        self.bucket.grant_write(grantee)

    def grant_approve(self, grantee: iam.IGrantable, stage: str | None = None) -> None:
        """Allow what `grant_read` does, and to approve, reject and promote versions.

        Args:
            grantee: Who.
            stage: Only decisions that put a version into this stage; None for all.

        Raises:
            NotFoundError: no such stage is declared.
        """
        if stage is not None and stage not in self.spec.stages:
            raise NotFoundError("stage", stage, known=self.spec.stages)
        super().grant_approve(grantee, stage)
