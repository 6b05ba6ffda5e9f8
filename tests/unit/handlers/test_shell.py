"""What becomes of a message: the table of outcomes, and the loop over records."""

import pytest

from modelward.core.errors import (
    AlreadyExistsError,
    ArtifactError,
    AwsError,
    ConflictError,
    ModelwardError,
    NotFoundError,
    ThrottledError,
)
from modelward.handlers.shell import OUTCOMES, Outcome, context, each, outcome_of


def every_error(kind=ModelwardError):
    yield kind
    for child in kind.__subclasses__():
        yield from every_error(child)


@pytest.mark.parametrize("kind", list(every_error()))
def test_every_error_has_an_outcome_of_its_own_or_of_its_nearest_kind(kind):
    error = kind.__new__(kind)
    nearest = next(each for each in kind.__mro__ if each in OUTCOMES)
    assert outcome_of(error) is OUTCOMES[nearest]
    assert nearest is not ModelwardError or kind is ModelwardError, "only what is no error of ours falls to the base"


def test_what_passes_is_tried_again_and_what_cannot_be_mended_by_trying_is_not():
    assert outcome_of(ThrottledError("x", "y", "z")) is Outcome.RETRY
    assert outcome_of(AlreadyExistsError("x", "y", "z")) is Outcome.RETRY
    assert outcome_of(AwsError("x", "y", "z")) is Outcome.RETRY
    assert outcome_of(NotFoundError("version", "digits/9")) is Outcome.DONE
    assert outcome_of(ArtifactError("x", found="y", rule="z")) is Outcome.DONE


def handled(errors, **options):
    """Handle numbered records of which some raise, and tell what was tried and what shall come again."""
    tried = []

    def handle(record):
        tried.append(record["id"])
        if error := errors.get(record["id"]):
            raise error

    answer = each([{"id": number} for number in (1, 2, 3)], lambda r: str(r["id"]), handle, **options)
    return tried, [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_of_a_batch_only_the_one_that_failed_comes_again():
    assert handled({2: ConflictError("PutItem", "x", "y")}) == ([1, 2, 3], ["2"])


def test_an_ordered_batch_stops_at_the_first_failure():
    assert handled({2: ConflictError("PutItem", "x", "y")}, is_ordered=True) == ([1, 2], ["2"])


def test_what_trying_again_cannot_mend_is_finished_with_and_the_rest_goes_on():
    assert handled({1: NotFoundError("version", "x")}, is_ordered=True) == ([1, 2, 3], [])


def test_a_fault_that_nobody_foresaw_comes_again_and_hides_nothing():
    assert handled({1: RuntimeError("boom"), 3: KeyError("x")}) == ([1, 2, 3], ["1", "3"])


def test_a_function_that_is_stopped_is_not_kept_alive():
    with pytest.raises(KeyboardInterrupt):
        handled({1: KeyboardInterrupt()})


def test_an_empty_batch_is_a_success():
    assert each([], str, str) == {"batchItemFailures": []}


def test_the_context_is_made_once_for_each_execution_environment(function):
    assert context() is context() is function.context
