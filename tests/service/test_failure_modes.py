"""Known failure modes of the field that no other test is about; docs/reliability.md names the test of each."""

from pathlib import Path

import pytest
from tests.reliability.failure_modes import ROWS
from tests.reliability.invariants import assert_nothing_is_left, begun
from tests.reliability.table import DOCUMENT, document

ROOT = Path(__file__).resolve().parents[2]


def test_04_a_config_in_use_that_somebody_deletes_blocks_updates_and_what_serves_goes_on(world):
    world.release(0.95)
    world.sagemaker.delete_endpoint_config(EndpointConfigName=world.endpoint()["EndpointConfigName"])
    version = world.release(0.97)
    assert world.serving() == 1, "SageMaker refuses the update, and what serves goes on"
    assert world.kinds(2)[-1] == "deploying", "nobody calls that verified"
    assert version.stage_status == "InProgress"
    assert world.dead == []


def test_05_a_model_and_a_config_that_are_there_already_are_used(world):
    world.release(0.95)
    config = world.endpoint()["EndpointConfigName"]
    world.sagemaker.delete_endpoint(EndpointName="digits-production")
    world.finish()
    assert world.serving() == 1
    assert world.endpoint()["EndpointConfigName"] == config
    assert_nothing_is_left(world)


def test_06_an_endpoint_that_is_there_already_is_taken_over(world):
    first = world.register(0.95)
    world.finish()
    first.approve(reason="good")
    world.finish()
    config = world.endpoint("staging")["EndpointConfigName"]
    world.sagemaker.create_endpoint(EndpointName="digits-production", EndpointConfigName=config)
    world.finish()
    first.promote("Production", reason="released")
    world.finish()
    assert world.serving() == 1
    assert world.kinds(1)[-2:] == ["deploying", "verified"]
    assert_nothing_is_left(world)


def test_11_a_version_that_waits_for_its_approval_moves_no_endpoint(world):
    world.release(0.95)
    before = len(begun(world))
    world.register(0.97)
    world.finish()
    assert len(begun(world)) == before


@pytest.mark.parametrize("number", ROWS)
def test_the_test_of_each_failure_mode_is_there(number):
    _, path, test = ROWS[number]
    assert f"def {test}(" in (ROOT / path).read_text()


def test_the_document_is_what_the_tests_say():
    assert document() == DOCUMENT.read_text()
