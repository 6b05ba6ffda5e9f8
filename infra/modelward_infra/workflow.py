"""What follows from a decision: review, rollout, notification, and how clients find them."""

from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Tags
from aws_cdk import aws_iam as iam
from constructs import Construct

from modelward.config import Settings
from modelward.config.accounts import buses_abroad, look_role_arn
from modelward.core.names import bus_name
from modelward_infra.dashboard import Dashboard, DashboardProps
from modelward_infra.doors import EnvironmentDoor, EnvironmentDoorProps
from modelward_infra.flags import pin_flags
from modelward_infra.functions import FunctionCode, FunctionCodeProps, FunctionRuntime
from modelward_infra.grants import allow
from modelward_infra.guardrails import Guardrails, GuardrailsProps
from modelward_infra.hosting import Endpoints, EndpointsProps
from modelward_infra.machinery import Machinery, MachineryProps
from modelward_infra.messaging import (
    DeadLetters,
    DeadLettersProps,
    Inbox,
    InboxProps,
    Notifications,
    NotificationsProps,
)
from modelward_infra.parameters import DeploymentParameters, DeploymentParametersProps
from modelward_infra.registry import ModelRegistry
from modelward_infra.rules import RolloutBus, RolloutBusProps
from modelward_infra.workers import Notify, NotifyProps, Review, ReviewProps, Rollout, RolloutProps


@dataclass(frozen=True, slots=True)
class ApprovalWorkflowProps:
    """The registry it works on, and the file that declares it, which the functions read too."""

    registry: ModelRegistry
    spec_path: Path


class ApprovalWorkflow(Construct):
    """Rules, queues, functions, topic and parameters: all that can be made again at any time.

    Review and notification know the registry, the rollout knows the registry and the endpoints of its environments;
    between the two there is only an event bus. An environment in an account of its own has a rollout there
    (`environment.py`), and here a role by which it reads and records. `review`, `rollout` and `notify` each have
    metrics.

    Raises:
        NotFoundError: the declaration, or a package that goes into the functions' code, is not there.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ApprovalWorkflowProps) -> None:
        """Make queues, functions and what wakes them."""
        super().__init__(scope, construct_id)
        pin_flags(self)
        self._registry = registry = props.registry
        Tags.of(self).add("modelward:registry", registry.spec.name)
        spec = registry.spec
        self.notifications = Notifications(
            self, "Notifications", NotificationsProps(registry.key, spec.notifications, spec.existing.topic_arn)
        )
        self._at_home = spec.within("")
        self.endpoints = Endpoints(self, "Endpoints", EndpointsProps(self._at_home, registry.execution_role))
        self.rollouts = self._inbox("Rollouts", Rollout.TIMEOUT_S, "Endpoints could not be brought to their version.")
        self.settings = self._settings()
        self.bus = RolloutBus(self, "Asked", RolloutBusProps(bus_name(spec.name), self.rollouts))
        code = FunctionCode(self, "Code", FunctionCodeProps(props.spec_path))
        runtime = FunctionRuntime(code, spec.name, self.settings.to_env())
        self.reviews = self._inbox("Reviews", Review.TIMEOUT_S, "Changes of model versions could not be handled.")
        self.review = self._review(runtime)
        self.rollout = self._rollout(runtime)
        self.notify = self._notify(runtime)
        topic = self.notifications.topic
        self.guardrails = Guardrails(self, "Guardrails", GuardrailsProps(spec=self._at_home, topic=topic))
        machinery = Machinery(self, "Machinery", MachineryProps(self._at_home, self, self.notifications))
        Dashboard(self, "Dashboard", DashboardProps(self._at_home, machinery, self))
        self.parameters = DeploymentParameters(self, "Parameters", DeploymentParametersProps(settings=self.settings))
        for environment in spec.foreign:
            EnvironmentDoor(self, environment.name, EnvironmentDoorProps(registry, self.parameters, environment.name))

    def grant_find(self, grantee: iam.IGrantable) -> None:
        """Allow to find the deployment, as SDK and command line do."""
        self.parameters.grant_read(grantee)

    def grant_deploy(self, grantee: iam.IGrantable) -> None:
        """Allow to ask for a rollout and to watch its endpoint; nobody but the functions operates endpoints."""
        spec = self._registry.spec
        allow(grantee, ["events:PutEvents"], *self._bus_arns())
        allow(grantee, ["sts:AssumeRole"], *(look_role_arn(spec, each.name) for each in spec.foreign))
        self.endpoints.grant_read(grantee)

    def _bus_arns(self) -> list[str]:
        return [self.bus.bus.event_bus_arn, *buses_abroad(self._registry.spec)]

    def _review(self, runtime: FunctionRuntime) -> Review:
        registry = self._registry
        props = ReviewProps(runtime, registry.groups, registry.ledger, self.reviews, self._bus_arns())
        return Review(self, "Review", props)

    def _rollout(self, runtime: FunctionRuntime) -> Rollout:
        rollout = Rollout(self, "Rollout", RolloutProps(runtime, self.endpoints, self.rollouts))
        self._registry.grant_reconcile(rollout.handler.role)
        # It reviews what its sweep finds, and a review asks for rollouts wherever they are.
        allow(rollout.handler.role, ["events:PutEvents"], *self._bus_arns())
        return rollout

    def _notify(self, runtime: FunctionRuntime) -> Notify:
        registry = self._registry
        meaning = "People could not be told of ledger entries; `modelward history <model>` shows them."
        untold = self._failed("Untold", meaning)
        spec = registry.spec.notifications
        props = NotifyProps(runtime, spec, registry.groups, registry.ledger, self.notifications, untold)
        return Notify(self, "Notify", props)

    def _inbox(self, name: str, timeout_s: int, meaning: str) -> Inbox:
        queue = Inbox.name_of(self._registry.spec.name, name)
        return Inbox(self, name, InboxProps(queue, timeout_s, self._failed(f"{name}Failed", meaning)))

    def _failed(self, name: str, meaning: str) -> DeadLetters:
        return DeadLetters(self, name, DeadLettersProps(meaning=meaning, notifications=self.notifications))

    def _settings(self) -> Settings:
        registry = self._registry
        return Settings(
            registry=registry.spec.name,
            bucket=registry.bucket.bucket.bucket_name,
            key_arn=registry.key.key.key_arn,
            table=registry.ledger.table.table_name,
            table_arn=registry.ledger.table.table_arn,
            topic_arn=self.notifications.topic.topic_arn,
            role_arn=registry.execution_role.role.role_arn,
            reconcile_queue_url=self.rollouts.queue.queue_url,
        )
