"""How Lambda reads a DynamoDB stream, as a value: which records come next, and what an answer of the function changes.

MiniStack 1.5.33 delivers a stream's records but takes whatever the function answers for success: it ignores
``ReportBatchItemFailures``, ``BisectBatchOnFunctionError``, ``MaximumRetryAttempts`` and the destination for what
failed. The rules here are those of Lambda's page "Process Amazon DynamoDB records with Lambda".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

RETRY_DELAY_S = 1.0


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a mapping stands in its stream.

    `position` is the index of the next record, `limit` how many may be read at once (0: the mapping's batch size),
    `attempts` how often the batch at this position has failed, `not_before` the time before which it is not tried
    again.
    """

    position: int
    limit: int = 0
    attempts: int = 0
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of an event source mapping that decide about failures; -1 means without end."""

    batch_size: int = 100
    reports_failures: bool = False
    is_bisecting: bool = False
    max_retries: int = -1
    max_age_s: int = -1

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> "Rules":
        """Read the settings of a mapping in the words of the Lambda API."""
        return cls(
            batch_size=int(mapping.get("BatchSize") or 100),
            reports_failures="ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or ()),
            is_bisecting=str(mapping.get("BisectBatchOnFunctionError")).lower() == "true",
            max_retries=int(mapping.get("MaximumRetryAttempts", -1)),
            max_age_s=int(mapping.get("MaximumRecordAgeInSeconds", -1)),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows from an answer: the new place, the records that are given up, and why in Lambda's word."""

    cursor: Cursor
    given_up: Sequence[Mapping[str, Any]] = ()
    condition: str = ""


def after(
    cursor: Cursor, records: Sequence[Mapping[str, Any]], answer: Mapping[str, Any], rules: Rules, now: float
) -> Outcome:
    """Decide what to read next.

    Args:
        cursor: where the mapping stood when the records were read.
        records: what the function was given, not empty.
        answer: ``error`` true if the function failed, else ``body``, what it returned.
        rules: the mapping's settings.
        now: seconds since 1970.
    """
    done = _done(records, answer, rules)
    if done == len(records):
        return Outcome(Cursor(cursor.position + done))
    if done > 0:
        return Outcome(Cursor(cursor.position + done, attempts=1, not_before=now + RETRY_DELAY_S))
    if 0 <= rules.max_age_s < now - _oldest(records, now):
        return Outcome(Cursor(cursor.position + len(records)), records, "RecordAgeExceeded")
    if rules.is_bisecting and len(records) > 1:
        return Outcome(Cursor(cursor.position, len(records) // 2, 0, now))
    if 0 <= rules.max_retries <= cursor.attempts:
        return Outcome(Cursor(cursor.position + len(records)), records, "RetryAttemptsExhausted")
    return Outcome(replace(cursor, attempts=cursor.attempts + 1, not_before=now + RETRY_DELAY_S))


def _oldest(records: Sequence[Mapping[str, Any]], now: float) -> float:
    return min(float(record["dynamodb"].get("ApproximateCreationDateTime", now)) for record in records)


def _done(records: Sequence[Mapping[str, Any]], answer: Mapping[str, Any], rules: Rules) -> int:
    """Count the records before the first one that failed."""
    if answer.get("error"):
        return 0
    if not rules.reports_failures:
        return len(records)
    body = answer.get("body")
    failures = (body.get("batchItemFailures") if isinstance(body, Mapping) else None) or []
    failed = {failure.get("itemIdentifier") for failure in failures}
    if not failed:
        return len(records)
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    # An identifier that is not of this batch, or empty, makes Lambda treat the whole batch as failed.
    return min((numbers.index(number) if number in numbers else 0) for number in failed)
