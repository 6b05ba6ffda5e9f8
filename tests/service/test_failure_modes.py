"""Known failure modes of the field that no other test is about; docs/reliability.md names the test of each."""

from pathlib import Path

import pytest
from tests.reliability.failure_modes import ROWS
from tests.reliability.invariants import assert_nothing_is_left, begun
from tests.reliability.table import DOCUMENT, document, told

ROOT = Path(__file__).resolve().parents[2]


def test_04_a_config_in_use_that_somebody_deletes_is_made_anew_and_the_update_goes_on(world):
    world.release(0.95)
    world.sagemaker.delete_endpoint_config(EndpointConfigName=world.endpoint()["EndpointConfigName"])
    version = world.release(0.97)
    assert (world.serving(), version.stage_status) == (2, "Approved")
    assert world.kinds(2)[-1] == "verified"
    assert_nothing_is_left(world)


def test_04_a_config_in_use_that_nobody_can_make_anew_fails_the_rollout_in_words(world):
    world.release(0.95)
    world.sagemaker.delete_endpoint_config(EndpointConfigName=world.endpoint()["EndpointConfigName"])
    world.use(world.declaration.replace("instance_count = 2", "instance_count = 3"))
    version = world.release(0.97)
    assert (world.serving(), version.stage_status) == (1, "Rejected")
    assert world.kinds(2)[-1] == "failed"
    assert "digits-production" in version.package.life_cycle.description
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
    assert document(told) == DOCUMENT.read_text()
