"""How Lambda reads a stream: what follows from each answer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelward.local.streams import Cursor, Outcome, Rules, after

REPORTING = Rules(reports_failures=True)


def records(count: int) -> list[dict[str, Any]]:
    return [{"dynamodb": {"SequenceNumber": str(number)}} for number in range(count)]


def failing(*numbers: int) -> dict[str, Any]:
    return {"body": {"batchItemFailures": [{"itemIdentifier": str(number)} for number in numbers]}}


@pytest.mark.parametrize(
    "answer", [{}, {"body": None}, {"body": {}}, {"body": {"batchItemFailures": []}}, {"body": "x"}]
)
def test_an_answer_without_failures_passes_the_whole_batch(answer: dict[str, Any]) -> None:
    assert after(Cursor(10), records(3), answer, REPORTING, 0) == Outcome(Cursor(13))


def test_reading_goes_on_at_the_first_record_that_failed() -> None:
    outcome = after(Cursor(10), records(5), failing(4, 2), REPORTING, 100)
    assert outcome == Outcome(Cursor(12, attempts=1, not_before=101))


def test_failures_are_not_looked_at_unless_the_mapping_says_that_they_are_reported() -> None:
    assert after(Cursor(10), records(5), failing(2), Rules(), 0).cursor == Cursor(15)


def test_a_failure_of_an_unknown_record_is_a_failure_of_all() -> None:
    assert after(Cursor(10), records(5), failing(77), REPORTING, 0).cursor.position == 10


def test_a_batch_whose_function_failed_is_tried_again_a_little_later() -> None:
    outcome = after(Cursor(10, attempts=1), records(2), {"error": True}, Rules(), 50)
    assert outcome == Outcome(Cursor(10, attempts=2, not_before=51))


def test_a_failing_batch_is_halved_until_one_record_is_left() -> None:
    rules = Rules(is_bisecting=True)
    assert after(Cursor(10), records(5), {"error": True}, rules, 0).cursor == Cursor(10, limit=2)
    assert after(Cursor(10, limit=2), records(2), {"error": True}, rules, 0).cursor == Cursor(10, limit=1)
    assert after(Cursor(10, limit=1), records(1), {"error": True}, rules, 0).cursor.attempts == 1


def test_after_the_last_retry_the_records_are_given_up_and_the_stream_goes_on() -> None:
    rules = Rules(max_retries=2)
    batch = records(2)
    assert after(Cursor(10, attempts=1), batch, {"error": True}, rules, 0).given_up == ()
    assert after(Cursor(10, attempts=2), batch, {"error": True}, rules, 0) == Outcome(
        Cursor(12), batch, "RetryAttemptsExhausted"
    )


def test_records_that_are_too_old_when_they_fail_are_given_up() -> None:
    rules = Rules(max_age_s=60)
    batch = [{"dynamodb": {"SequenceNumber": "1", "ApproximateCreationDateTime": 1000}}]
    assert after(Cursor(0), batch, {"error": True}, rules, 1060).given_up == ()
    assert after(Cursor(0), batch, {"error": True}, rules, 1061) == Outcome(Cursor(1), batch, "RecordAgeExceeded")


def test_rules_are_read_in_the_words_of_the_api() -> None:
    mapping = {
        "BatchSize": 7,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 0,
        "MaximumRecordAgeInSeconds": 60,
    }
    assert Rules.of(mapping) == Rules(7, reports_failures=True, is_bisecting=True, max_retries=0, max_age_s=60)
    assert Rules.of({}) == Rules()


@given(count=st.integers(1, 20), poison=st.sets(st.integers(0, 19)), bisect=st.booleans(), retries=st.integers(0, 3))
def test_each_record_is_either_handled_or_given_up_whatever_fails(
    count: int, poison: set[int], bisect: bool, retries: int
) -> None:
    rules = Rules(batch_size=8, is_bisecting=bisect, max_retries=retries, reports_failures=True)
    stream, cursor, handled, lost = records(count), Cursor(0), set(), set()
    while cursor.position < count:
        batch = stream[cursor.position :][: cursor.limit or rules.batch_size]
        numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in batch]
        bad = [number for number in numbers if number in poison]
        outcome = after(cursor, batch, failing(*bad), rules, 0)
        assert outcome.cursor != cursor
        handled.update(number for number in numbers if number not in poison)
        lost.update(int(record["dynamodb"]["SequenceNumber"]) for record in outcome.given_up)
        cursor = outcome.cursor
    assert handled | lost >= set(range(count))
    if bisect:
        assert lost == poison & set(range(count))
