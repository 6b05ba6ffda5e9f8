"""Failures by the words in which AWS tells of them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from modelward.core.endpoint import Endpoint
from modelward.core.ledger import Entry, EntryKind, Failure, Snapshot
from modelward.planning.failures import failure_of, remedy

AT = datetime(2026, 1, 5, tzinfo=UTC)
SERVING = Endpoint("digits-production", "InService", "digits-production-v1-00000000", AT)


@pytest.mark.parametrize(
    ("words", "failure"),
    [
        ('Failed to download model data for container "c" from URL: "s3://kms-alarms/m.tar.gz".', Failure.ARTIFACT),
        ("Could not find model data at s3://bucket/model.tar.gz.", Failure.ARTIFACT),
        ("Please make sure all images included in the model for the production variant a exist", Failure.IMAGE),
        ("Requested image 1.dkr.ecr.eu-west-1.amazonaws.com/i:1 not found.", Failure.IMAGE),
        ("The role has no kms:Decrypt on the key, so model data cannot be read", Failure.KEY),
        ("The account-level service limit 'ml.m5.large for endpoint usage' is 2 Instances", Failure.QUOTA),
        (
            "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error",
            Failure.CAPACITY,
        ),
        ("The primary container for production variant a did not pass the ping health check.", Failure.UNHEALTHY),
        ("The update timed out.", Failure.TIMEOUT),
        ("One or more alarms went into ALARM", Failure.ALARM),
        ("", Failure.WENT_BACK),
        ("something that nobody has seen", Failure.WENT_BACK),
    ],
)
def test_the_sentences_of_public_reports_have_a_name(words, failure):
    assert failure_of(words, SERVING) is failure


def test_the_state_of_the_endpoint_tells_where_words_do_not():
    assert failure_of("", replace(SERVING, status="Failed")) is Failure.FAILED
    assert failure_of("an alarm", replace(SERVING, status="UpdateRollbackFailed")) is Failure.MIX
    assert failure_of("no such thing") is Failure.REFUSED


def entry(failure, **more):
    facts = {"failure": failure.value} if failure else {}
    given = {"model": "digits", "version": 2, "seq": 3, "at": AT, "kind": EntryKind.FAILED, "who": "modelward"}
    return Entry(**given, why="", stage="Production", environment="production", facts=facts, **more)


@pytest.mark.parametrize("failure", [None, *Failure])
def test_every_failure_has_a_command_that_can_be_typed_as_it_stands(failure):
    step = remedy(entry(failure), "digits-production")
    assert step.startswith("modelward ")
    assert "{" not in step


def test_a_failure_has_the_command_that_fits_it():
    steps = {failure: remedy(entry(failure), "digits-production") for failure in Failure}
    assert steps[Failure.KEY].endswith("#  once".replace("#  ", "# ") + " the role that runs the model may use the key")
    assert "/aws/sagemaker/Endpoints/digits-production" in steps[Failure.UNHEALTHY]
    assert steps[Failure.MIX].startswith("modelward status digits")
    assert steps[Failure.REFUSED] == "modelward promote digits 2 Production --reason '...'"
    served = remedy(entry(Failure.UNHEALTHY, seen=Snapshot(stage_status="Approved")), "digits-production")
    assert served == "modelward plan  # after a change of [models.digits.endpoints.production]"
