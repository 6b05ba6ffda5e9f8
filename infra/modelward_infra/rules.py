"""EventBridge rules: what wakes the functions.

An event is a hint, so the rules are broad where that is safer. All changes of a declared model's versions pass, pure
metadata edits too: the event does not say who made them, and a figure that somebody corrects by hand may decide a gate.
The handler reads the version and finds nothing to do when it was our own stamp.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from modelward_infra.arns import both_cases
from modelward_infra.groups import ModelPackageGroups
from modelward_infra.hosting import Endpoints
from modelward_infra.messaging import Inbox

SWEEP = {"sweep": True}
SWEEP_EVERY = Duration.minutes(15)
# EventBridge's quota for a pattern is 2,048 characters. Beyond it the names are left out, and the handlers, which look
# every name up in registry.toml anyway, put aside what is not theirs.
_NAMES_CHARS = 1_800


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
        pattern = _Pattern("SageMaker Model Package State Change", "ModelPackageGroupName", props.groups.names)
        _rule(self, "Changes of model versions", pattern, props.inbox)


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
        pattern = _Pattern("SageMaker Endpoint State Change", "EndpointName", props.endpoints.names)
        _rule(self, "Changes of endpoints", pattern, props.inbox)


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


@dataclass(frozen=True, slots=True)
class _Pattern:
    detail_type: str
    key: str
    names: Sequence[str]

    def render(self) -> events.EventPattern:
        # The patterns tell capitals from small letters, and SageMaker may tell of a name in either.
        detail = {self.key: both_cases(self.names)}
        return events.EventPattern(
            source=["aws.sagemaker"],
            detail_type=[self.detail_type],
            detail=detail if len(json.dumps(detail)) <= _NAMES_CHARS else None,
        )


def _rule(scope: Construct, description: str, pattern: _Pattern, inbox: Inbox) -> None:
    # A pattern without a name would be refused, and one without names would match everybody's.
    if pattern.names:
        events.Rule(scope, "Rule", description=description, event_pattern=pattern.render(), targets=[_target(inbox)])


def _target(inbox: Inbox, message: events.RuleTargetInput | None = None) -> targets.SqsQueue:
    return targets.SqsQueue(inbox.queue, dead_letter_queue=inbox.dead_letters, message=message)
