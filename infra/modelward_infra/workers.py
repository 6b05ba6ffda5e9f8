"""The three functions with what each needs, and no more: review of changes, rollout, notification."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from modelward.config import NotificationSpec, Slack
from modelward_infra.functions import FunctionRuntime, Handler, HandlerProps
from modelward_infra.grants import allow
from modelward_infra.groups import ModelPackageGroups
from modelward_infra.hosting import Endpoints
from modelward_infra.messaging import DeadLetters, Inbox, Notifications
from modelward_infra.rules import (
    AlarmRule,
    EndpointRule,
    EndpointRuleProps,
    ModelPackageRule,
    ModelPackageRuleProps,
    Sweep,
    SweepProps,
)
from modelward_infra.storage import Ledger

_EACH_ROLLOUT = "Configurations and models are made per rollout, so the policy names those of the declared endpoints."
_MINUTE = Duration.minutes(1)
_NO_RESOURCE = "X-Ray's PutTraceSegments and SageMaker's Search and List operations know no resources."


class Worker(Construct):
    """A function with what it could not handle: the base of the three."""

    handler: Handler
    dead_letters: DeadLetters

    def metric_function_errors(self, period: Duration | None = None) -> cloudwatch.Metric:
        """Give the number of runs that failed; what fails comes again, so a few are nobody's concern.

        Args:
            period: Over which CloudWatch counts; None for a minute.
        """
        return self.handler.function.metric_errors(period=period or _MINUTE, statistic="Sum")

    def metric_dead_letters(self, period: Duration | None = None) -> cloudwatch.Metric:
        """Give the number of messages that could not be handled and wait for somebody; the workflow has an alarm on it.

        Args:
            period: Over which CloudWatch takes the maximum; None for a minute.
        """
        return self.dead_letters.metric_messages(period or _MINUTE)


class QueueWorker(Worker):
    """A function with a queue in front of it."""

    inbox: Inbox

    def metric_oldest_message_age(self, period: Duration | None = None) -> cloudwatch.Metric:
        """Give how long the oldest message has waited, in seconds.

        Args:
            period: Over which CloudWatch takes the maximum; None for a minute.
        """
        return self.inbox.queue.metric_approximate_age_of_oldest_message(period=period or _MINUTE, statistic="Maximum")


@dataclass(frozen=True, slots=True)
class ReviewProps:
    """What the review reads, writes and wakes."""

    runtime: FunctionRuntime
    groups: ModelPackageGroups
    ledger: Ledger
    inbox: Inbox
    bus_arns: Sequence[str]


class Review(QueueWorker):
    """Looks at each change of a version: records it, puts back what the gates refuse, asks for the rollout."""

    TIMEOUT_S = 60
    _CONCURRENCY = 5

    def __init__(self, scope: Construct, construct_id: str, props: ReviewProps) -> None:
        """Make the function and its rule."""
        super().__init__(scope, construct_id)
        handler = self.handler = Handler(
            self, "Handler", HandlerProps("review", "model-package", props.runtime, self.TIMEOUT_S)
        )
        self.inbox, self.dead_letters = props.inbox, props.inbox.dead_letters
        props.groups.grant_find(handler.role)
        props.groups.grant_update(handler.role)
        props.ledger.grant_append(handler.role)
        allow(handler.role, ["events:PutEvents"], *props.bus_arns)
        handler.acknowledge_wildcards(["*"], _NO_RESOURCE)
        handler.consume(props.inbox, max_concurrency=self._CONCURRENCY)
        ModelPackageRule(self, "Changes", ModelPackageRuleProps(groups=props.groups, inbox=props.inbox))


@dataclass(frozen=True, slots=True)
class RolloutProps:
    """What the rollout operates, and what wakes it; the name of its role, where another account must know it."""

    runtime: FunctionRuntime
    endpoints: Endpoints
    inbox: Inbox
    role_name: str | None = None


class Rollout(QueueWorker):
    """Brings each endpoint to the version that its stage asks for, verifies it, and records what came of it.

    What it may do in the registry is granted to `handler.role` by whoever knows where the registry is.
    """

    TIMEOUT_S = 120
    # Few endpoints change at the same time, and SageMaker's control plane is throttled early. Two is Lambda's minimum.
    _CONCURRENCY = 2

    def __init__(self, scope: Construct, construct_id: str, props: RolloutProps) -> None:
        """Make the function, the rule of endpoint changes and the sweep."""
        super().__init__(scope, construct_id)
        handler = self.handler = Handler(
            self, "Handler", HandlerProps("rollout", "reconcile", props.runtime, self.TIMEOUT_S, props.role_name)
        )
        self.inbox, self.dead_letters = props.inbox, props.inbox.dead_letters
        props.endpoints.grant_operate(handler.role)
        props.inbox.grant_send(handler.role)
        handler.acknowledge_wildcards(props.endpoints.arns, _EACH_ROLLOUT)
        handler.acknowledge_wildcards(["*"], _NO_RESOURCE)
        handler.consume(props.inbox, max_concurrency=self._CONCURRENCY)
        EndpointRule(self, "States", EndpointRuleProps(endpoints=props.endpoints, inbox=props.inbox))
        AlarmRule(self, "Alarms", EndpointRuleProps(endpoints=props.endpoints, inbox=props.inbox))
        Sweep(self, "Sweep", SweepProps(inbox=props.inbox))


@dataclass(frozen=True, slots=True)
class NotifyProps:
    """Whom the notifier tells, and of what."""

    runtime: FunctionRuntime
    spec: NotificationSpec
    groups: ModelPackageGroups
    ledger: Ledger
    notifications: Notifications
    dead_letters: DeadLetters


class Notify(Worker):
    """Tells people of each ledger entry, by e-mail and in Slack."""

    TIMEOUT_S = 60

    def __init__(self, scope: Construct, construct_id: str, props: NotifyProps) -> None:
        """Make the function behind the ledger's stream."""
        super().__init__(scope, construct_id)
        handler = self.handler = Handler(
            self, "Handler", HandlerProps("notify", "notify", props.runtime, self.TIMEOUT_S)
        )
        self.dead_letters = props.dead_letters
        props.groups.grant_read(handler.role)
        if props.spec.email:
            props.notifications.grant_publish(handler.role)
        if props.spec.slack:
            self._grant_webhook(handler, props.spec.slack)
        handler.acknowledge_wildcards(["*"], _NO_RESOURCE)
        handler.follow(props.ledger, props.dead_letters)

    def metric_iterator_age(self, period: Duration | None = None) -> cloudwatch.Metric:
        """Give how old the last entry of a batch was when it was told, in milliseconds.

        Args:
            period: Over which CloudWatch takes the maximum; None for a minute.
        """
        return self.handler.function.metric("IteratorAge", period=period or _MINUTE, statistic="Maximum")

    def _grant_webhook(self, handler: Handler, slack: Slack) -> None:
        # Secrets Manager ends each ARN in six characters that nobody knows before the secret is made.
        secret = Stack.of(self).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{slack.webhook_secret}-??????",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(handler.role, ["secretsmanager:GetSecretValue"], secret)
