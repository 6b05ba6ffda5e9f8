"""EventBridge rules: what wakes the functions.

An event is a hint, so the rules are broad where that is safer. All changes of a declared model's versions pass, pure
metadata edits too: the event does not say who made them, and a figure that somebody corrects by hand may decide a gate.
The handler reads the version and finds nothing to do when it was our own stamp. Where the names are too many for a
pattern, it looks every name up in registry.toml and puts aside what is not ours.
"""

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from modelward.core.names import EVENT_SOURCE, ROLLOUT_REQUESTED
from modelward_infra import patterns
from modelward_infra.groups import ModelPackageGroups
from modelward_infra.hosting import Endpoints
from modelward_infra.messaging import Inbox

SWEEP = {"sweep": True}
SWEEP_EVERY = Duration.minutes(15)


@dataclass(frozen=True, slots=True)
class ModelPackageRuleProps:
    """Whose versions, and who is woken."""

    groups: ModelPackageGroups
    inbox: Inbox


class ModelPackageRule(Construct):
    """Each change of a version: registered (also as Approved), approved, rejected, moved to a stage, edited."""

    def __init__(self, scope: Construct, construct_id: str, props: ModelPackageRuleProps) -> None:
        """Make the rule, if there are models."""
        super().__init__(scope, construct_id)
        if props.groups.names:
            props.groups.on_changed("Rule", target=_target(props.inbox), scope=self)


@dataclass(frozen=True, slots=True)
class EndpointRuleProps:
    """Which endpoints, and who is woken."""

    endpoints: Endpoints
    inbox: Inbox


class EndpointRule(Construct):
    """Each change of state of an endpoint of ours: only then is it known whether a rollout holds."""

    def __init__(self, scope: Construct, construct_id: str, props: EndpointRuleProps) -> None:
        """Make the rule, if there are endpoints."""
        super().__init__(scope, construct_id)
        # A pattern without a name would be refused, and one without names would match everybody's.
        if props.endpoints.names:
            _wake(self, "Changes of endpoints", patterns.endpoints(props.endpoints.names), props.inbox)


class AlarmRule(Construct):
    """Each alarm of the teams' own that goes off and brings a version back."""

    def __init__(self, scope: Construct, construct_id: str, props: EndpointRuleProps) -> None:
        """Make the rule, if such alarms are declared."""
        super().__init__(scope, construct_id)
        if props.endpoints.alarms:
            _wake(self, "Alarms that bring versions back", patterns.alarms(props.endpoints.alarms), props.inbox)


@dataclass(frozen=True, slots=True)
class RolloutBusProps:
    """What the bus is called, who is woken, and the other account that may ask, if the registry is in one."""

    name: str
    inbox: Inbox
    registry_account: str | None = None


class RolloutBus(Construct):
    """The event bus on which rollouts of the endpoints of this account are asked for.

    A bus and not the queue itself: the account that asks needs to know a name only, and one more rule is enough for
    others to hear what is asked.
    """

    def __init__(self, scope: Construct, construct_id: str, props: RolloutBusProps) -> None:
        """Make the bus, its policy if others than this account may ask, and its rule."""
        super().__init__(scope, construct_id)
        self.bus = events.EventBus(self, "Bus", event_bus_name=props.name, description="Rollouts are asked for here")
        if props.registry_account:
            self.bus.add_to_resource_policy(self._invitation(props.registry_account))
        events.Rule(
            self,
            "Rule",
            description="Rollouts that are asked for",
            event_bus=self.bus,
            event_pattern=events.EventPattern(source=[EVENT_SOURCE], detail_type=[ROLLOUT_REQUESTED]),
            targets=[_target(props.inbox)],
        )

    def _invitation(self, account: str) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid="TheRegistryAsks",
            principals=[iam.AccountPrincipal(account)],
            actions=["events:PutEvents"],
            resources=[self.bus.event_bus_arn],
            conditions={"StringEquals": {"events:source": EVENT_SOURCE, "events:detail-type": ROLLOUT_REQUESTED}},
        )


@dataclass(frozen=True, slots=True)
class SweepProps:
    """Who is woken."""

    inbox: Inbox


class Sweep(Construct):
    """A look at everything, every quarter of an hour, for the events that never came."""

    def __init__(self, scope: Construct, construct_id: str, props: SweepProps) -> None:
        """Make the schedule."""
        super().__init__(scope, construct_id)
        events.Rule(
            self,
            "Rule",
            description="Compares every endpoint with the registry",
            schedule=events.Schedule.rate(SWEEP_EVERY),
            targets=[_target(props.inbox, events.RuleTargetInput.from_object(SWEEP))],
        )


def _wake(rule: Construct, description: str, pattern: events.EventPattern, inbox: Inbox) -> None:
    events.Rule(rule, "Rule", description=description, event_pattern=pattern, targets=[_target(inbox)])


def _target(inbox: Inbox, message: events.RuleTargetInput | None = None) -> targets.SqsQueue:
    return targets.SqsQueue(inbox.queue, dead_letter_queue=inbox.dead_letters.queue, message=message)
