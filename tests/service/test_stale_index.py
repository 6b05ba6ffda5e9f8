"""The search index lags: it may delay, but it never makes anything wrong."""

import pytest

from modelward.core.errors import ConflictError
from modelward.local.sagemaker import Fault, Timing

LAG_S = 40


@pytest.fixture
def lagging(world):
    """A world with v1 in production, whose index from now on shows changes late."""
    world.release(0.95)
    world.core.timing = Timing(create_s=3, update_s=3, delete_s=1, search_lag_s=LAG_S)
    return world


def staged(world, accuracy):
    version = world.register(accuracy)
    world.run_for(2)
    version.approve(reason="good figures")
    world.run_for(5)
    return version


def updates(world):
    return world.core.faults.calls["UpdateEndpoint"]


def test_a_promotion_is_rolled_out_once_and_the_version_before_is_archived(lagging):
    before = updates(lagging)
    second = staged(lagging, 0.97)
    second.promote("Production", reason="released")
    lagging.run_for(8)
    assert lagging.serving() == 2

    lagging.run_for(LAG_S)
    lagging.sweep()
    lagging.finish()

    assert lagging.serving() == 2
    assert updates(lagging) - before == 2, "staging's and production's"
    assert lagging.digits.current("Production").version == 2
    assert lagging.digits.version(1).stage == "Archived"
    assert lagging.kinds(2)[-1] == "verified"
    assert lagging.dead == []


def test_a_sweep_in_between_does_not_bring_the_older_version_back(lagging):
    second = staged(lagging, 0.97)
    second.promote("Production", reason="released")
    lagging.run_for(8)
    before = updates(lagging)

    for _ in range(3):
        lagging.sweep()
        lagging.run_for(2)

    assert lagging.serving() == 2
    assert updates(lagging) == before


def test_a_roll_back_is_not_undone_by_what_the_index_still_says(lagging):
    second = staged(lagging, 0.97)
    second.promote("Production", reason="released")
    lagging.run_for(LAG_S)
    lagging.digits.roll_back("production", reason="users complain")
    lagging.run_for(8)
    lagging.sweep()
    lagging.run_for(3)

    assert lagging.serving() == 1
    assert lagging.dead == []


def test_registering_again_gives_the_same_version_though_the_index_does_not_know_it(lagging):
    once = lagging.register(0.97)
    again = lagging.register(0.97)
    assert again.arn == once.arn
    assert [version.version for version in lagging.digits.versions()] == [2, 1]


def test_a_job_run_again_that_packs_the_same_bytes_later_gets_the_same_version(lagging):
    path = lagging.pack("again.tar.gz", "weights")
    once = lagging.digits.register(path, "image", {"accuracy": 0.97})
    path.touch()
    assert lagging.digits.register(path, "image", {"accuracy": 0.97}).arn == once.arn


def test_a_conflict_that_is_no_such_thing_stays_one(lagging):
    lagging.core.faults.add("CreateModelPackage", kind=Fault.CONFLICT)
    with pytest.raises(ConflictError):
        lagging.register(0.97)


def test_a_version_that_the_index_does_not_know_is_listed_compared_and_found_best(lagging):
    lagging.register(0.97)
    assert [version.metrics["accuracy"] for version in lagging.digits.versions()] == [0.97, 0.95]
    assert lagging.digits.compare(1, 2).winner == 2
    assert lagging.digits.best("accuracy").version == 2


def test_a_verdict_is_listed_as_it_is_now(lagging):
    second = lagging.register(0.97)
    lagging.run_for(LAG_S)
    second.reject(reason="no")
    assert [version.approval_status for version in lagging.digits.versions()] == ["Rejected", "Approved"]


def test_the_holder_of_a_stage_is_never_one_that_has_left_it(lagging):
    second = staged(lagging, 0.97)
    lagging.run_for(LAG_S)
    second.promote("Production", reason="released")
    lagging.run_for(8)
    assert lagging.digits.version(1).stage == "Archived"

    assert lagging.digits.current("Production").version == 2
