"""An endpoint changed, an alarm went off, a version concerns an environment, or it is time to look at everything."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from modelward.core.measures import ENVIRONMENT, Measure
from modelward.core.names import ALARM_CHANGED, ROLLOUT_REQUESTED, endpoint_name, version_in
from modelward.handlers.shell import context, each, logger, measure
from modelward.services.reconcile import reconcile
from modelward.services.sweep import start_sweep, sweep


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Handle SQS records: events of endpoints and alarms, the scheduled sweep, and messages that name a model.

    Whoever wants a rollout puts a "Rollout Requested" event on the environment's bus; its detail is such a message.
    Messages read `{"sweep": true}` for all models, `{"model": …}` for all environments of one, and
    `{"model": …, "environment": …, "version": …}` for one environment, where the version is a hint. With
    `{"tidy": true}` it is looked for what rollouts have left behind, with `{"tidy": true, "model": …}` that is deleted.
    """
    return each(event["Records"], lambda record: str(record["messageId"]), _handle)


def _handle(record: Mapping[str, Any]) -> None:
    message = json.loads(record["body"])
    if message.get("detail-type") == ROLLOUT_REQUESTED:
        message = message["detail"]
    if message.get("sweep"):
        start_sweep(context())
        measure(Measure.SWEEPS, 1, "Count")
    elif message.get("tidy"):
        _tidy(message.get("model"))
    elif message.get("detail-type") == ALARM_CHANGED:
        for model, environment in _watched_by(str(message["detail"].get("alarmName", ""))):
            _reconcile(model, environment, None, looks_at_alarms=True)
    elif "detail" in message:
        served = version_in(str(message["detail"].get("EndpointConfigName", "")))  # the search index may not know it
        for model, environment in _served_by(str(message["detail"].get("EndpointName", ""))):
            _reconcile(model, environment, served)
    elif "environment" in message:
        _reconcile(message["model"], message["environment"], message.get("version"))
    else:
        _sweep(message["model"])


def _sweep(model: str) -> None:
    """Sweep a model, and tell of what no event told, and for how long environments have been out of step.

    Where neither is the case, telling costs nothing.
    """
    found = sweep(context(), model)
    if found.unheard:
        measure(Measure.UNHEARD, found.unheard, "Count")
        logger.warning("unheard", extra={"model": model, "versions": found.unheard})
    for environment, since in found.behind.items():
        age = context().clock() - since
        measure(Measure.OUT_OF_STEP, age.total_seconds(), "Seconds", **{ENVIRONMENT: environment})
        logger.warning("out of step", extra={"model": model, "environment": environment, "since": since.isoformat()})


def _tidy(model: str | None) -> None:
    # Only one message of a sweep needs it: no other pays for it at a cold start.
    from modelward.services.housekeeping import start_tidying, tidy

    if model is None:
        start_tidying(context())
        return
    plans = tidy(context(), model)
    logger.info("tidied", extra={"model": model, "did": [line for plan in plans for line in plan.lines()]})


def _served_by(endpoint: str) -> Iterator[tuple[str, str]]:
    """Find the model and environment of an endpoint; its name may come in any case."""
    for model in context().spec.models.values():
        for environment in model.endpoints:
            if endpoint_name(model.name, environment).lower() == endpoint.lower():
                yield model.name, environment


def _watched_by(alarm: str) -> list[tuple[str, str]]:
    """Find the models and environments that declare an alarm; many do not: the rule may be broader."""
    pairs = [(model, name) for model in context().spec.models.values() for name in model.endpoints]
    return [(model.name, name) for model, name in pairs if alarm in model.endpoints[name].roll_back_on]


def _reconcile(model: str, environment: str, hint: int | None, *, looks_at_alarms: bool = False) -> None:
    if not context().is_ours(model, environment):
        logger.warning("not ours", extra={"model": model, "environment": environment})  # it was, when that was asked
        return
    plans = reconcile(context(), model, environment, hint, looks_at_alarms=looks_at_alarms)
    logger.info("reconciled", extra={"model": model, "environment": environment, "did": [plan.why for plan in plans]})
