"""What watches the machinery itself: that events come, messages are handled, functions run, sweeps happen.

And that environments keep step with their stages. Each description tells a person who is woken by it what it means and
what to do next. Alarms on dead letters are made with their queues (`messaging.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from modelward.config import RegistrySpec
from modelward.core.measures import ENVIRONMENT, NAMESPACE, REGISTRY, SERVICE, TELLER, Measure
from modelward.core.names import fit_name
from modelward_infra.messaging import Notifications, named
from modelward_infra.workers import Notify, QueueWorker, Review, Worker

_AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
_MISSING = cloudwatch.TreatMissingData
_Kind = TypeVar("_Kind", bound=Construct)
_FIVE_MINUTES = Duration.minutes(5)
# A message that failed comes back after six times the function's time-out, 12 minutes at most, and moves to the dead
# letters after five tries: an hour, in which nobody would know.
OLDEST_MESSAGE_S = 30 * 60
# Three sweeps, which come every quarter of an hour.
SWEEP_WITHIN = Duration.minutes(45)
# An update of an endpoint takes minutes, one of a large model up to an hour.
OUT_OF_STEP_S = 60 * 60
# Sweeps tell of it every quarter of an hour, so that each period has a datum.
_OUT_OF_STEP_PERIOD = Duration.minutes(30)


@dataclass(frozen=True, slots=True)
class MachineryMetrics:
    """The figures that the functions tell of a registry (namespace `Modelward`)."""

    registry: str

    def sweeps(self, period: Duration = SWEEP_WITHIN) -> cloudwatch.Metric:
        """Count the sweeps that began."""
        return self._metric(Measure.SWEEPS, "Sum", period, {})

    def out_of_step_s(self, environment: str, period: Duration = _OUT_OF_STEP_PERIOD) -> cloudwatch.Metric:
        """Give for how many seconds an environment has not served a version that it should; no data when it does."""
        return self._metric(Measure.OUT_OF_STEP, "Maximum", period, {ENVIRONMENT: environment})

    def unheard(self, period: Duration = _FIVE_MINUTES) -> cloudwatch.Metric:
        """Count the changes of versions that a sweep found and no event had told of; no data when there are none."""
        return self._metric(Measure.UNHEARD, "Sum", period, {})

    def _metric(
        self, measure: Measure, statistic: str, period: Duration, dimensions: dict[str, str]
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=measure.value,
            dimensions_map={REGISTRY: self.registry, SERVICE: TELLER, **dimensions},
            period=period,
            statistic=statistic,
        )


@dataclass(frozen=True, slots=True)
class MachineryProps:
    """What is declared, what is watched (each worker below a construct), and who is told."""

    spec: RegistrySpec
    watched: Construct
    notifications: Notifications


class Machinery(Construct):
    """Alarms on the functions, the queues, the sweep and the environments of a registry."""

    def __init__(self, scope: Construct, construct_id: str, props: MachineryProps) -> None:
        """Find what there is to watch, so that nothing new goes unwatched, and make the alarms."""
        super().__init__(scope, construct_id)
        self._notifications = props.notifications
        self.metrics = MachineryMetrics(props.spec.name)
        self._log = f"/aws/lambda/{fit_name(props.spec.name, 'rollout')}"
        self.workers = below(props.watched, Worker)
        for worker in self.workers:
            self._watch_function(worker)
        for queue_worker in below(props.watched, QueueWorker):
            self._watch_queue(queue_worker)
        for reader in below(props.watched, Notify):
            self._watch_reader(reader)
        for review in below(props.watched, Review):
            self._watch_events(review)
        self._watch_sweeps(props.spec.name)
        for environment in props.spec.environments:
            self._watch_environment(environment)

    def _watch_function(self, worker: Worker) -> None:
        name, function = worker.node.id, worker.handler.function
        # What a handler refuses goes back to its queue and is no error here: this is a crash, a time-out, a bad import.
        log = f"aws logs tail {function.log_group.log_group_name} --since 1h"
        self._alarm(
            f"{name}Errors",
            f"Function {function.function_name} crashed or ran out of time. Its messages come again by themselves; if"
            f" this goes on, nothing of their kind is handled. Why: {log}",
            comparison_operator=_AT_LEAST,
            evaluation_periods=1,
            metric=worker.metric_function_errors(_FIVE_MINUTES),
            threshold=1,
        )
        self._alarm(
            f"{name}Throttles",
            f"Function {function.function_name} was not started for a quarter of an hour: the account has no free"
            " concurrency. Its messages wait. See: aws lambda get-account-settings; then find who uses it up, or ask"
            " AWS for more (quota Concurrent executions)",
            comparison_operator=_AT_LEAST,
            evaluation_periods=3,
            metric=function.metric_throttles(period=_FIVE_MINUTES, statistic="Sum"),
            threshold=1,
        )

    def _watch_queue(self, worker: QueueWorker) -> None:
        self._alarm(
            f"{worker.inbox.node.id}Age",
            f"A message has waited for {OLDEST_MESSAGE_S // 60} minutes: it fails again and again, or nobody takes it."
            " Look into the function's log, and whether it is switched on: aws lambda list-event-source-mappings"
            f" --event-source-arn {worker.inbox.queue.queue_arn}",
            comparison_operator=_AT_LEAST,
            evaluation_periods=1,
            metric=worker.metric_oldest_message_age(_FIVE_MINUTES),
            threshold=OLDEST_MESSAGE_S,
        )

    def _watch_reader(self, worker: Notify) -> None:
        self._alarm(
            f"{worker.node.id}Age",
            f"An entry of the ledger has waited for {OLDEST_MESSAGE_S // 60} minutes to be told: people do not learn"
            " what happens; versions and endpoints go on without. Often the Slack webhook is no longer valid. Why: aws"
            f" logs tail {worker.handler.function.log_group.log_group_name} --since 1h",
            comparison_operator=_AT_LEAST,
            evaluation_periods=1,
            metric=worker.metric_iterator_age(_FIVE_MINUTES),
            threshold=OLDEST_MESSAGE_S * 1000,
        )

    def _watch_events(self, review: Review) -> None:
        # A rule that is switched off, or that has lost its target, raises no error anywhere: CloudWatch counts what a
        # rule failed to deliver, and not what it never tried to.
        self._alarm(
            "Unheard",
            "A version was changed, and no event told of it for minutes: the sweep found it, and decisions take effect"
            " up to a quarter of an hour late. Once is a lost event, and nothing to do. If it goes on, see whether"
            " the rule of model packages still leads to its queue, and is on: aws events list-rule-names-by-target"
            f" --target-arn {review.inbox.queue.queue_arn}. A deployment of the stacks brings it back",
            comparison_operator=_AT_LEAST,
            evaluation_periods=1,
            metric=self.metrics.unheard(),
            threshold=1,
        )

    def _watch_sweeps(self, registry: str) -> None:
        self._alarm(
            "Sweep",
            f"No sweep of registry {registry} has begun for {SWEEP_WITHIN.to_minutes()} minutes: changes whose event"
            " was lost stay unseen. Is the rule on: aws events list-rules; does the function run: aws logs tail"
            f" {self._log} --since 1h. In the first quarter of an hour after a first deployment it means nothing",
            comparison_operator=_BELOW,
            evaluation_periods=1,
            metric=self.metrics.sweeps(),
            threshold=1,
            treat_missing_data=_MISSING.BREACHING,
        )

    def _watch_environment(self, environment: str) -> None:
        self._alarm(
            f"{environment}OutOfStep",
            f"Environment {environment} has not served what it should for {OUT_OF_STEP_S // 60} minutes. Which model:"
            f""" aws logs filter-log-events --log-group-name {self._log} --filter-pattern '"out of step"'. Why:"""
            f" modelward history <model>. Then try again: modelward deploy <model> {environment}; or go back: modelward"
            f" rollback <model> {environment} --reason <why>",
            comparison_operator=_AT_LEAST,
            evaluation_periods=1,
            metric=self.metrics.out_of_step_s(environment),
            threshold=OUT_OF_STEP_S,
        )

    def _alarm(self, construct_id: str, meaning: str, **rule: object) -> None:
        settings = {"treat_missing_data": _MISSING.NOT_BREACHING, **rule}
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            alarm_name=named(self, construct_id),
            alarm_description=f"{meaning}.",
            **settings,  # type: ignore[arg-type]  # the CDK's own keywords
        )
        self._notifications.alert(alarm)


def below(scope: Construct, kind: type[_Kind]) -> Sequence[_Kind]:
    """Find the constructs of a kind at and below a construct, in the order in which they were made."""
    return [each for each in scope.node.find_all() if isinstance(each, kind)]
