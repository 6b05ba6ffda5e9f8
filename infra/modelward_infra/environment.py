"""An environment in an account of its own: what serves there, what rolls out there, and who is told there."""

from dataclasses import dataclass, replace
from pathlib import Path

from aws_cdk import Environment
from constructs import Construct

from modelward.config import RegistrySpec, Settings
from modelward.config.accounts import home_of, place_of, registry_role_arn
from modelward.core.names import bus_name, models_role, part_name, rollout_role
from modelward_infra.arns import sagemaker_arns
from modelward_infra.dashboard import Dashboard, DashboardProps
from modelward_infra.doors import Looking, LookingProps
from modelward_infra.functions import FunctionCode, FunctionCodeProps, FunctionRuntime
from modelward_infra.grants import acknowledge_wildcards, allow
from modelward_infra.guardrails import Guardrails, GuardrailsProps
from modelward_infra.hosting import Endpoints, EndpointsProps, ModelExecutionRole, ModelExecutionRoleProps
from modelward_infra.machinery import Machinery, MachineryProps
from modelward_infra.messaging import (
    DeadLetters,
    DeadLettersProps,
    Inbox,
    InboxProps,
    Notifications,
    NotificationsProps,
)
from modelward_infra.roles import govern
from modelward_infra.rules import RolloutBus, RolloutBusProps
from modelward_infra.stack import RegistryPart, RegistryPartProps
from modelward_infra.storage import ArtifactsAbroad, ArtifactsAbroadProps, RegistryKey, RegistryKeyProps
from modelward_infra.workers import Rollout, RolloutProps


@dataclass(frozen=True, slots=True)
class EnvironmentStackProps:
    """What is declared, the file that says so, and the environment."""

    spec: RegistrySpec
    spec_path: Path
    environment: str


class EnvironmentStack(RegistryPart):
    """All that an environment has in its own account, protected from termination.

    It refers to nothing of the registry's stacks: names that follow from the declaration are all that the two sides
    know of each other, so either may be deployed first, and neither holds the other up.
    """

    def __init__(self, scope: Construct, construct_id: str, props: EnvironmentStackProps) -> None:
        """Make the stack."""
        spec, environment = props.spec, props.environment
        place = place_of(spec, environment)
        env = Environment(account=place.account, region=place.region)
        part = RegistryPartProps(spec, f"environment {environment}", env, is_protected=True)
        super().__init__(scope, construct_id, part)
        self._props = props
        self._here = replace(spec.within(environment), name=part_name(spec.name, environment))
        protects = RegistryKeyProps(self._here.name, protects="Notifications of an environment", is_kept=False)
        key = RegistryKey(self, "Key", protects)
        key.allow_alarms(self.account)
        self.notifications = Notifications(self, "Notifications", NotificationsProps(key, spec.notifications))
        self.endpoints = Endpoints(self, "Endpoints", EndpointsProps(self._here, self._execution_role()))
        self.rollouts = self._inbox()
        self.rollout = self._rollout()
        home = home_of(spec).account
        RolloutBus(self, "Asked", RolloutBusProps(bus_name(spec.name, environment), self.rollouts, home))
        Looking(self, "Looking", LookingProps(spec, environment, self.endpoints, home))
        self._watch()
        govern(self, spec.access)

    def _execution_role(self) -> ModelExecutionRole:
        spec = self._props.spec
        artifacts = ArtifactsAbroad(self, "Artifacts", ArtifactsAbroadProps(spec))
        name = models_role(spec.name, self._props.environment)
        hosting = ModelExecutionRoleProps(artifacts, spec.existing, name, self._here.endpoints, self._here.is_guarded)
        return ModelExecutionRole(self, "ModelExecution", hosting)

    def _inbox(self) -> Inbox:
        meaning = "Endpoints could not be brought to their version."
        failed = DeadLetters(self, "RolloutsFailed", DeadLettersProps(meaning, self.notifications))
        name = Inbox.name_of(self._here.name, "Rollouts")
        return Inbox(self, "Rollouts", InboxProps(name, Rollout.TIMEOUT_S, failed))

    def _rollout(self) -> Rollout:
        spec, environment = self._props.spec, self._props.environment
        code = FunctionCode(self, "Code", FunctionCodeProps(self._props.spec_path))
        variables = Settings.env_abroad(environment, self.rollouts.queue.queue_url)
        runtime = FunctionRuntime(code, self._here.name, variables)
        name = rollout_role(spec.name, environment)
        rollout = Rollout(self, "Rollout", RolloutProps(runtime, self.endpoints, self.rollouts, name))
        role = rollout.handler.role
        allow(role, ["sts:AssumeRole"], registry_role_arn(spec, environment))
        names = [f"{model}/*" for model in sorted(self._here.models)]
        versions = sagemaker_arns(self, {"model-package": names}, place=home_of(spec))["model-package"]
        allow(role, ["sagemaker:DescribeModelPackage"], *versions)
        self.endpoints.grant_serve(role, versions)
        acknowledge_wildcards(role, versions, "Each version has a number of its own; the policy names their models.")
        return rollout

    def _watch(self) -> None:
        spec, topic = self._here, self.notifications.topic
        Guardrails(self, "Guardrails", GuardrailsProps(spec=spec, topic=topic))
        machinery = Machinery(self, "Machinery", MachineryProps(spec, self, self.notifications))
        Dashboard(self, "Dashboard", DashboardProps(spec, machinery, self))
