"""What watches an endpoint: alarms on what its callers notice.

SageMaker tells CloudWatch of an endpoint only when somebody calls it, so a minute without calls has no data. Errors and
latency take that for being well; else an endpoint with little traffic would hang between states, and a rollout that
refers to its alarms would wait for nothing. Silence takes it for the symptom itself.

The alarms exist before the endpoint does, which the reconciler makes; silence goes off until somebody calls it.
"""

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from modelward.config import AlarmSpec, RegistrySpec
from modelward.core.endpoint import VARIANT, Symptom, alarm_name
from modelward.core.names import endpoint_name

_MINUTE = Duration.minutes(1)
_US_PER_MS = 1000
# One slow call of ten in one minute may be the only call there was: three of five minutes are a trend.
_SLOW_MINUTES, _OF_MINUTES = 3, 5
_ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
_BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD


@dataclass(frozen=True, slots=True)
class EndpointMetrics:
    """The metrics that SageMaker keeps of one variant of an endpoint (namespace `AWS/SageMaker`).

    Args:
        endpoint: Name of the endpoint.
        variant: Name of its variant; the reconciler calls it so on every endpoint.
    """

    endpoint: str
    variant: str = VARIANT

    def invocations(self, period: Duration = _MINUTE) -> cloudwatch.Metric:
        """Count the calls."""
        return self._metric("Invocations", "Sum", period)

    def errors_4xx(self, period: Duration = _MINUTE) -> cloudwatch.Metric:
        """Count the calls that failed by the caller's fault."""
        return self._metric("Invocation4XXErrors", "Sum", period)

    def errors_5xx(self, period: Duration = _MINUTE) -> cloudwatch.Metric:
        """Count the calls that failed by the endpoint's fault."""
        return self._metric("Invocation5XXErrors", "Sum", period)

    def latency_us(self, period: Duration = _MINUTE) -> cloudwatch.Metric:
        """Give the time within which the model answered nine calls of ten, in microseconds."""
        return self._metric("ModelLatency", "p90", period)

    # An asynchronous endpoint has no Invocations, and these instead ("Alarms and logs for tracking metrics from
    # asynchronous endpoints" of the SageMaker developer guide): two of its queue, told by endpoint, two by variant.

    def backlog(self, period: Duration = _MINUTE) -> cloudwatch.Metric:
        """Give how many calls of an asynchronous endpoint wait for their answer, or are being answered."""
        return self._metric("ApproximateBacklogSize", "Maximum", period, is_of_variant=False)

    def oldest_s(self, period: Duration = _MINUTE) -> cloudwatch.Metric:
        """Give for how long the oldest call of an asynchronous endpoint has waited, in seconds."""
        return self._metric("ApproximateAgeOfOldestRequest", "Maximum", period, is_of_variant=False)

    def failures(self, period: Duration = _MINUTE) -> cloudwatch.Metric:
        """Count the calls of an asynchronous endpoint that failed, for whatever reason."""
        return self._metric("InvocationFailures", "Sum", period)

    def expired(self, period: Duration = _MINUTE) -> cloudwatch.Metric:
        """Count the calls of an asynchronous endpoint that waited for longer than they may."""
        return self._metric("ExpiredRequests", "Sum", period)

    def _metric(self, name: str, statistic: str, period: Duration, *, is_of_variant: bool = True) -> cloudwatch.Metric:
        variant = {"VariantName": self.variant} if is_of_variant else {}
        return cloudwatch.Metric(
            namespace="AWS/SageMaker",
            metric_name=name,
            dimensions_map={"EndpointName": self.endpoint, **variant},
            period=period,
            statistic=statistic,
        )


@dataclass(frozen=True, slots=True)
class EndpointGuardrailsProps:
    """Which endpoint is watched, for what, and who is told.

    Args:
        endpoint: Name of the endpoint; it need not exist yet.
        alarms: The limits. What is None is not watched.
        topic: Learns when an alarm goes off and when it is over; it must let CloudWatch publish. None: nobody is told.
        variant: Name of the variant that serves.
    """

    endpoint: str
    alarms: AlarmSpec
    topic: sns.ITopic | None = None
    variant: str = VARIANT


class EndpointGuardrails(Construct):
    """Alarms on errors, latency and silence of one endpoint, under names that rollouts can refer to."""

    def __init__(self, scope: Construct, construct_id: str, props: EndpointGuardrailsProps) -> None:
        """Make the alarms that have a limit."""
        super().__init__(scope, construct_id)
        self._props = props
        self.metrics = EndpointMetrics(props.endpoint, props.variant)
        self.alarms: dict[Symptom, cloudwatch.Alarm] = {}
        limits = props.alarms
        if limits.errors_5xx_at_most is not None:
            self._watch_errors(limits.errors_5xx_at_most)
        if limits.latency_p90_ms_at_most is not None:
            self._watch_latency(limits.latency_p90_ms_at_most)
        if limits.silent_for_minutes is not None:
            self._watch_silence(limits.silent_for_minutes)

    def _watch_errors(self, at_most: int) -> None:
        log = f"aws logs tail /aws/sagemaker/Endpoints/{self._props.endpoint} --since 30m"
        self._alarm(
            Symptom.ERRORS,
            f"more than {at_most} calls in a minute failed with a 5xx status. Why: {log}",
            comparison_operator=_ABOVE,
            evaluation_periods=1,
            metric=self.metrics.errors_5xx(),
            threshold=at_most,
        )

    def _watch_latency(self, at_most_ms: int) -> None:
        self._alarm(
            Symptom.LATENCY,
            f"one call of ten takes the model longer than {at_most_ms} ms. Compare with the number of calls: more of"
            " them need more capacity (registry.toml); as many as before speak against the version",
            comparison_operator=_ABOVE,
            datapoints_to_alarm=_SLOW_MINUTES,
            evaluation_periods=_OF_MINUTES,
            metric=self.metrics.latency_us(),
            threshold=at_most_ms * _US_PER_MS,
        )

    def _watch_silence(self, minutes: int) -> None:
        self._alarm(
            Symptom.SILENCE,
            f"nobody has called it for {minutes} minutes. Is it there: aws sagemaker describe-endpoint --endpoint-name"
            f" {self._props.endpoint}. If so, look at the callers: they get no further than to an error, or have ended",
            comparison_operator=_BELOW,
            evaluation_periods=1,
            metric=self.metrics.invocations(Duration.minutes(minutes)),
            threshold=1,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )

    def _alarm(self, symptom: Symptom, what: str, **rule: object) -> None:
        settings = {"treat_missing_data": cloudwatch.TreatMissingData.NOT_BREACHING, **rule}
        alarm = cloudwatch.Alarm(
            self,
            symptom.capitalize(),
            alarm_name=alarm_name(self._props.endpoint, symptom),
            alarm_description=f"Endpoint {self._props.endpoint}: {what}.",
            **settings,  # type: ignore[arg-type]  # the CDK's own keywords
        )
        if self._props.topic is not None:
            action = actions.SnsAction(self._props.topic)
            alarm.add_alarm_action(action)
            alarm.add_ok_action(action)
        self.alarms[symptom] = alarm


@dataclass(frozen=True, slots=True)
class GuardrailsProps:
    """What is declared, and who is told."""

    spec: RegistrySpec
    topic: sns.ITopic


class Guardrails(Construct):
    """The guardrails of each endpoint that declares alarms."""

    def __init__(self, scope: Construct, construct_id: str, props: GuardrailsProps) -> None:
        """Make them."""
        super().__init__(scope, construct_id)
        self.of: dict[str, EndpointGuardrails] = {}
        for model in sorted(props.spec.models.values(), key=lambda each: each.name):
            for environment, endpoint in sorted(model.endpoints.items()):
                if endpoint.alarms:
                    name = endpoint_name(model.name, environment)
                    self.of[name] = EndpointGuardrails(
                        self, name, EndpointGuardrailsProps(name, endpoint.alarms, props.topic)
                    )
