"""The one page that a person on call keeps open: what to do, what is red, and the figures behind it, top to bottom."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from modelward.config import RegistrySpec
from modelward.core.names import endpoint_name
from modelward_infra.guardrails import EndpointMetrics
from modelward_infra.machinery import OLDEST_MESSAGE_S, OUT_OF_STEP_S, Machinery, below
from modelward_infra.messaging import DeadLetters
from modelward_infra.workers import QueueWorker, Review

_WIDTH, _HALF, _HEIGHT, _TEXT_HEIGHT = 24, 12, 6, 5
_FIVE_MINUTES = Duration.minutes(5)
# CloudWatch shows so many alarms in a widget.
_ALARMS = 100
# More lines than this in a graph tell nothing; endpoints with alarms come first.
_ENDPOINTS = 50

_ADVICE = """\
## Model registry {registry}
**Red?** Open the alarm: its description says what it means and which command comes next. \
**Nothing red, yet a version is not live?** `modelward history <model>` tells what was decided, by whom, and what came \
of it; `modelward deploy <model> <environment> --plan` tells what the reconciler would do now.

| I want to | |
|---|---|
| go back to the version before | `modelward rollback <model> <environment> --reason "..."` |
| see what serves where, and what is wrong | `modelward status` |
| read a function's log | `aws logs tail /aws/lambda/{registry}-rollout --since 1h` (or `-review`, `-notify`) |
"""


@dataclass(frozen=True, slots=True)
class DashboardProps:
    """What is declared, and what its machinery is; alarms and dead letters are found below a construct."""

    spec: RegistrySpec
    machinery: Machinery
    watched: Construct


class Dashboard(Construct):
    """The CloudWatch dashboard `modelward-<registry>`."""

    def __init__(self, scope: Construct, construct_id: str, props: DashboardProps) -> None:
        """Lay the page out."""
        super().__init__(scope, construct_id)
        rows: list[list[cloudwatch.IWidget]] = [
            [cloudwatch.TextWidget(markdown=_advice(props.spec), width=_WIDTH, height=_TEXT_HEIGHT)],
            *_alarms(props.watched),
            [_ages(props), _dead_letters(props.watched)],
            [_failures(props.machinery), _durations(props.machinery)],
            [_sweeps(props.machinery), _steps(props)],
            *_endpoints(props.spec),
        ]
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"modelward-{props.spec.name}",
            default_interval=Duration.hours(3),
            widgets=rows,
        )


def _advice(spec: RegistrySpec) -> str:
    hidden = sum(len(model.endpoints) for model in spec.models.values()) - _ENDPOINTS
    more = f"\n{hidden} more endpoints are not shown here; those with alarms come first." if hidden > 0 else ""
    return _ADVICE.format(registry=spec.name) + more


def _alarms(watched: Construct) -> list[list[cloudwatch.IWidget]]:
    alarms = below(watched, cloudwatch.Alarm)
    ours = [each for each in alarms if "Guardrails" not in each.node.path]
    theirs = [each for each in alarms if "Guardrails" in each.node.path]
    return [[each] for each in (*_states("Machinery", ours), *_states("Endpoints", theirs))]


def _states(title: str, alarms: Sequence[cloudwatch.Alarm]) -> list[cloudwatch.AlarmStatusWidget]:
    return [
        cloudwatch.AlarmStatusWidget(
            alarms=list(alarms[start : start + _ALARMS]),
            height=2 + (len(alarms[start : start + _ALARMS]) - 1) // 6,
            sort_by=cloudwatch.AlarmStatusWidgetSortBy.STATE_UPDATED_TIMESTAMP,
            title=f"{title}: alarms",
            width=_WIDTH,
        )
        for start in range(0, len(alarms), _ALARMS)
    ]


def _ages(props: DashboardProps) -> cloudwatch.GraphWidget:
    ages = [
        each.metric_oldest_message_age(_FIVE_MINUTES).with_(label=each.inbox.node.id)
        for each in below(props.watched, QueueWorker)
    ]
    return _graph("Oldest message of each queue (s)", ages, alarm_at=OLDEST_MESSAGE_S)


def _dead_letters(watched: Construct) -> cloudwatch.GraphWidget:
    counts = [each.metric_messages(_FIVE_MINUTES).with_(label=each.node.id) for each in below(watched, DeadLetters)]
    return _graph("Dead letters", counts, alarm_at=1)


def _failures(machinery: Machinery) -> cloudwatch.GraphWidget:
    told = [
        metric
        for each in machinery.workers
        for metric in (
            each.metric_function_errors(_FIVE_MINUTES).with_(label=f"{each.node.id} errors"),
            each.handler.function.metric_throttles(
                period=_FIVE_MINUTES, statistic="Sum", label=f"{each.node.id} throttles"
            ),
        )
    ]
    return _graph("Functions: errors and throttles", told)


def _durations(machinery: Machinery) -> cloudwatch.GraphWidget:
    told = [
        each.handler.function.metric_duration(period=_FIVE_MINUTES, statistic="p90", label=each.node.id)
        for each in machinery.workers
    ]
    return _graph("Functions: duration, p90 (ms)", told)


def _sweeps(machinery: Machinery) -> cloudwatch.GraphWidget:
    told = [machinery.metrics.sweeps(Duration.minutes(15)).with_(label="begun in 15 minutes")]
    if any(isinstance(each, Review) for each in machinery.workers):
        told.append(machinery.metrics.unheard().with_(label="changes that no event told of"))
    return _graph("Sweeps", told)


def _steps(props: DashboardProps) -> cloudwatch.GraphWidget:
    told = [props.machinery.metrics.out_of_step_s(name).with_(label=name) for name in props.spec.environments]
    return _graph("Environments out of step (s)", told, alarm_at=OUT_OF_STEP_S)


def _endpoints(spec: RegistrySpec) -> list[list[cloudwatch.IWidget]]:
    """Graph what SageMaker publishes of endpoints: of asynchronous ones no calls, and what waits in their queues."""
    shown = _shown(spec)
    answering = [name for name, is_asynchronous in shown if not is_asynchronous]
    queueing = [name for name, is_asynchronous in shown if is_asynchronous]
    every = [name for name, _ in shown]
    graphs = [
        _of_endpoints("Endpoints: calls", answering, EndpointMetrics.invocations),
        _of_endpoints("Endpoints: model latency, p90 (µs)", every, EndpointMetrics.latency_us),
        _of_endpoints("Endpoints: 4xx, the caller's fault", every, EndpointMetrics.errors_4xx),
        _of_endpoints("Endpoints: 5xx, the endpoint's", every, EndpointMetrics.errors_5xx),
        _of_endpoints("Asynchronous endpoints: calls that wait", queueing, EndpointMetrics.backlog),
        _of_endpoints("Asynchronous endpoints: oldest call (s)", queueing, EndpointMetrics.oldest_s),
        _of_endpoints("Asynchronous endpoints: failed calls", queueing, EndpointMetrics.failures),
        _of_endpoints("Asynchronous endpoints: calls that waited too long", queueing, EndpointMetrics.expired),
    ]
    drawn: list[cloudwatch.IWidget] = [graph for graph in graphs if graph]
    return [drawn[start : start + 2] for start in range(0, len(drawn), 2)]


def _of_endpoints(
    title: str, names: Sequence[str], metric: Callable[[EndpointMetrics, Duration], cloudwatch.Metric]
) -> cloudwatch.GraphWidget | None:
    told = [metric(EndpointMetrics(name), _FIVE_MINUTES).with_(label=name) for name in names]
    return _graph(title, told) if told else None


def _shown(spec: RegistrySpec) -> list[tuple[str, bool]]:
    """Give the endpoints that have room, and whether they are asynchronous."""
    declared = [
        (endpoint.alarms is None, endpoint_name(model.name, environment), endpoint.asynchronous is not None)
        for model in spec.models.values()
        for environment, endpoint in model.endpoints.items()
    ]
    return [(name, is_asynchronous) for _, name, is_asynchronous in sorted(declared)[:_ENDPOINTS]]


def _graph(
    title: str, metrics: Sequence[cloudwatch.IMetric], *, alarm_at: float | None = None
) -> cloudwatch.GraphWidget:
    limits = [] if alarm_at is None else [cloudwatch.HorizontalAnnotation(value=alarm_at, label="alarm")]
    return cloudwatch.GraphWidget(
        height=_HEIGHT,
        left=list(metrics),
        left_annotations=limits,
        left_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
        title=title,
        width=_HALF,
    )
