"""What all handlers share: context, the loop over records, and what becomes of a message that failed."""

import os
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any

from aws_lambda_powertools.logging import Logger

from modelward.bootstrap import for_function
from modelward.core.errors import (
    AccessError,
    AwsError,
    ConfigError,
    ConflictError,
    InputError,
    IntegrityError,
    JobError,
    ModelwardError,
    NotFoundError,
    PolicyError,
    QuotaError,
    RolloutError,
    ThrottledError,
)
from modelward.core.measures import NAMESPACE, REGISTRY, Measure
from modelward.core.names import part_name
from modelward.services.context import Context

logger = Logger()


class Outcome(Enum):
    """What becomes of a message whose handling raised an error."""

    RETRY = "retry"
    """It goes back to its queue; after the last try, to the dead-letter queue, which raises an alarm."""
    DONE = "done"
    """It is dropped: trying again cannot help, and the sweep looks again anyway."""


OUTCOMES: Mapping[type[ModelwardError], Outcome] = {
    NotFoundError: Outcome.DONE,  # deleted since, or no longer declared
    InputError: Outcome.DONE,
    PolicyError: Outcome.DONE,
    ConflictError: Outcome.RETRY,
    ThrottledError: Outcome.RETRY,
    # A person must act; retrying ends in the dead-letter queue, where an alarm tells them.
    AccessError: Outcome.RETRY,
    QuotaError: Outcome.RETRY,
    ConfigError: Outcome.RETRY,
    IntegrityError: Outcome.RETRY,
    RolloutError: Outcome.RETRY,
    JobError: Outcome.RETRY,
    AwsError: Outcome.RETRY,
    ModelwardError: Outcome.RETRY,
}


def outcome_of(error: ModelwardError) -> Outcome:
    """Look an error up in the table, by its nearest class."""
    return next(OUTCOMES[kind] for kind in type(error).__mro__ if kind in OUTCOMES)


_contexts: dict[str, Context] = {}


def context() -> Context:
    """Make the context of this function, once for each execution environment."""
    if "made" not in _contexts:
        _contexts["made"] = for_function(os.environ)
    return _contexts["made"]


def measure(what: Measure, value: float, unit: str, **dimensions: str) -> None:
    """Tell CloudWatch of a figure, by a line of the log that it reads as one (embedded metric format).

    The dimensions are the registry, those that are given, and the service, which Powertools knows from the function's
    environment. `unit` is one of CloudWatch's.
    """
    # Only what has something to tell pays for it: every cold start would, else.
    from aws_lambda_powertools.metrics import MetricUnit, single_metric

    with single_metric(name=what, value=value, unit=MetricUnit(unit), namespace=NAMESPACE) as metric:
        for name, text in {REGISTRY: part_name(context().spec.name, context().here), **dimensions}.items():
            metric.add_dimension(name, text)


def each(
    records: Iterable[Mapping[str, Any]],
    identify: Callable[[Mapping[str, Any]], str],
    handle: Callable[[Any], object],
    *,
    is_ordered: bool = False,
) -> dict[str, Any]:
    """Handle records one by one, and answer which ones shall come again (`ReportBatchItemFailures`).

    A failure never hides what others in the batch achieved; where records are ordered, it ends the batch. Errors that
    are not ours are logged with their trace and retried: an unknown fault must end in the dead-letter queue.
    """
    failed: list[str] = []
    for record in records:
        if not _is_handled(record, handle):
            failed.append(identify(record))
            if is_ordered:
                break
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}


def _is_handled(record: Mapping[str, Any], handle: Callable[[Any], object]) -> bool:
    """Handle a record and tell whether its message is finished with."""
    try:
        handle(record)
    except ModelwardError as error:
        then = outcome_of(error)
        logger.warning("refused", extra={"error": type(error).__name__, "what": error.problem, "then": then.value})
        return then is Outcome.DONE
    except Exception:
        logger.exception("failed")
        return False
    return True
