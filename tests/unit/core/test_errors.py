"""The tree of errors: as drawn, as told, as carried from process to process."""

import copy
import inspect
import pickle
import re

import pytest

from modelward.core import errors
from modelward.core.errors import (
    AccessError,
    ArtifactError,
    AwsError,
    ConfigError,
    InputError,
    IntegrityError,
    JobError,
    ModelwardError,
    NotFoundError,
    PolicyError,
    RolloutError,
    UnusualError,
)

EXAMPLES = [
    ConfigError("registry.toml", "models.digits.owner", found="nothing", allowed="a name"),
    InputError("reason", found="nothing", rule="every decision needs a reason"),
    ArtifactError("model.tar.gz", found="an empty file", rule="SageMaker takes a gzipped tar"),
    NotFoundError("stage", "production", known=["Staging", "Production"]),
    PolicyError("v2 of digits", rule="its gates do not hold", details=["accuracy 0.61"], next_step="Register another."),
    RolloutError("digits-production", what="v2 is not served", next_step="Read the history."),
    JobError("digits-v2-20260105-090500-000", what="it is Failed", next_step="Read its log."),
    IntegrityError("s3://b/k", expected="aa", found="bb"),
    *(
        kind("UpdateEndpoint", "ValidationException", "words of AWS")
        for kind in (AwsError, *AwsError.__subclasses__(), errors.AlreadyExistsError)
    ),
    UnusualError("remote store", found="its URL begins with gs://"),
]


def tree_of(kind, depth=0):
    """Every error with its depth, in the order of the source."""
    yield kind.__name__, depth
    for child in sorted(kind.__subclasses__(), key=lambda each: inspect.getsourcelines(each)[1]):
        yield from tree_of(child, depth + 1)


def drawn():
    """Every error with its depth, as the module's docstring draws them."""
    for line in errors.__doc__.splitlines():
        found = re.match(r"    (?P<bars>[│├└─ ]*)(?P<name>[A-Z]\w+Error)\b", line)
        if found:
            yield found["name"], len(found["bars"]) // 4


def test_the_tree_is_as_the_docstring_draws_it():
    assert sorted(tree_of(ModelwardError)) == sorted(drawn())
    parents = dict(drawn())
    assert len(parents) == len(list(drawn())), "no error is drawn twice"


def test_every_error_has_an_example_here():
    assert {type(each).__name__ for each in EXAMPLES} | {"ModelwardError"} == {name for name, _ in drawn()}


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_says_what_is_wrong_and_what_to_do_next(error):
    text = str(error)
    assert text.startswith(error.problem)
    assert text.endswith(f"\n  Next: {error.next_step}")
    assert error.next_step
    assert error.next_step.strip()[-1] in ".`"


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("carried", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
def test_an_error_crosses_processes_with_its_class_and_text(error, carried):
    there = carried(error)
    assert type(there) is type(error)
    assert str(there) == str(error)
    assert (there.problem, there.next_step) == (error.problem, error.next_step)


def test_an_error_of_aws_names_the_operation_the_code_and_the_words_of_aws():
    error = AccessError("UpdateModelPackage", "AccessDeniedException", "User ana is not authorized", "Ask for it.")
    assert error.problem == "UpdateModelPackage: AccessDeniedException: User ana is not authorized"
    assert (error.operation, error.code) == ("UpdateModelPackage", "AccessDeniedException")


def test_what_is_not_found_is_named_beside_what_there_is():
    assert str(EXAMPLES[3]).startswith("stage 'production' does not exist. There are: Staging, Production.")
    assert "There are" not in str(NotFoundError("stage", "x"))


def test_a_refusal_lists_each_figure_on_a_line_of_its_own():
    assert "\n  - accuracy 0.61\n  Next: Register another." in str(EXAMPLES[4])
