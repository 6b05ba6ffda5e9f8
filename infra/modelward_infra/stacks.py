"""The two stacks: what must never be lost, and what can be made again at any time."""

from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Environment, Stack, Tags
from constructs import Construct

from modelward.config import RegistrySpec, Settings
from modelward_infra.flags import pin_flags
from modelward_infra.functions import FunctionCode, FunctionCodeProps, FunctionRuntime
from modelward_infra.groups import ModelPackageGroups, ModelPackageGroupsProps
from modelward_infra.hosting import Endpoints, EndpointsProps, ModelExecutionRole, ModelExecutionRoleProps
from modelward_infra.messaging import (
    DeadLetters,
    DeadLettersProps,
    Inbox,
    InboxProps,
    Notifications,
    NotificationsProps,
)
from modelward_infra.parameters import DeploymentParameters, DeploymentParametersProps
from modelward_infra.storage import (
    ArtifactBucket,
    ArtifactBucketProps,
    Ledger,
    LedgerProps,
    RegistryKey,
    RegistryKeyProps,
)
from modelward_infra.workers import Notify, NotifyProps, Review, ReviewProps, Rollout, RolloutProps


@dataclass(frozen=True, slots=True)
class RegistryStackProps:
    """What is declared, and where it goes (None: where the deployer's credentials point)."""

    spec: RegistrySpec
    env: Environment | None = None


class RegistryStack(Stack):
    """What a registry is: groups, artifacts, ledger, key, and the role that running endpoints lean on."""

    def __init__(self, scope: Construct, construct_id: str, props: RegistryStackProps) -> None:
        """Make the stack, protected from termination."""
        super().__init__(
            scope,
            construct_id,
            analytics_reporting=False,
            description=f"Model registry {props.spec.name}: groups, artifacts, ledger",
            env=props.env,
            termination_protection=True,
        )
        pin_flags(self)
        Tags.of(self).add("modelward:registry", props.spec.name)
        self.key = RegistryKey(self, "Key", RegistryKeyProps(registry=props.spec.name))
        self.key.allow_alarms(self.account)
        self.bucket = ArtifactBucket(self, "Artifacts", ArtifactBucketProps(key=self.key))
        self.ledger = Ledger(self, "Ledger", LedgerProps(key=self.key))
        self.groups = ModelPackageGroups(self, "Groups", ModelPackageGroupsProps(spec=props.spec))
        self.execution_role = ModelExecutionRole(self, "ModelExecution", ModelExecutionRoleProps(bucket=self.bucket))


@dataclass(frozen=True, slots=True)
class WorkflowStackProps:
    """What is declared (and where), the registry it works on, and where it goes."""

    spec: RegistrySpec
    spec_path: Path
    registry: RegistryStack
    env: Environment | None = None


class WorkflowStack(Stack):
    """What a registry does: rules, queues, functions, notifications, and the parameters by which clients find it."""

    def __init__(self, scope: Construct, construct_id: str, props: WorkflowStackProps) -> None:
        """Make the stack."""
        super().__init__(
            scope,
            construct_id,
            analytics_reporting=False,
            description=f"Model registry {props.spec.name}: review, rollout, notification",
            env=props.env,
        )
        pin_flags(self)
        Tags.of(self).add("modelward:registry", props.spec.name)
        spec, registry = props.spec, props.registry
        self.notifications = Notifications(
            self, "Notifications", NotificationsProps(key=registry.key, spec=spec.notifications)
        )
        self.endpoints = Endpoints(self, "Endpoints", EndpointsProps(spec=spec, role=registry.execution_role))
        self.rollouts = self._inbox("Rollouts", Rollout.TIMEOUT_S, "Endpoints could not be brought to their version.")
        self.settings = _settings(spec, registry, self.notifications, self.rollouts)
        code = FunctionCode(self, "Code", FunctionCodeProps(spec_path=props.spec_path))
        self._work(props, FunctionRuntime(code, self.settings))
        self.parameters = DeploymentParameters(self, "Parameters", DeploymentParametersProps(settings=self.settings))

    def _work(self, props: WorkflowStackProps, runtime: FunctionRuntime) -> None:
        registry = props.registry
        reviews = self._inbox("Reviews", Review.TIMEOUT_S, "Changes of model versions could not be handled.")
        Review(
            self,
            "Review",
            ReviewProps(runtime, registry.groups, registry.ledger, inbox=reviews, rollouts=self.rollouts),
        )
        Rollout(
            self,
            "Rollout",
            RolloutProps(runtime, registry.groups, self.endpoints, registry.ledger, inbox=self.rollouts),
        )
        Notify(
            self,
            "Notify",
            NotifyProps(
                runtime,
                props.spec.notifications,
                registry.groups,
                registry.ledger,
                self.notifications,
                self._dead_letters("Untold", "People could not be told of ledger entries."),
            ),
        )

    def _inbox(self, name: str, timeout_s: int, meaning: str) -> Inbox:
        dead_letters = self._dead_letters(f"{name}Failed", meaning)
        return Inbox(self, name, InboxProps(function_timeout_s=timeout_s, dead_letters=dead_letters))

    def _dead_letters(self, name: str, meaning: str) -> DeadLetters:
        return DeadLetters(self, name, DeadLettersProps(meaning=meaning, notifications=self.notifications))


def _settings(spec: RegistrySpec, registry: RegistryStack, notifications: Notifications, rollouts: Inbox) -> Settings:
    return Settings(
        registry=spec.name,
        bucket=registry.bucket.bucket.bucket_name,
        key_arn=registry.key.key.key_arn,
        table=registry.ledger.table.table_name,
        table_arn=registry.ledger.table.table_arn,
        topic_arn=notifications.topic.topic_arn,
        role_arn=registry.execution_role.role.role_arn,
        reconcile_queue_url=rollouts.queue.queue_url,
    )
