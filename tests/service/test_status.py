"""`status`: one look at all environments, at a known price."""

import pytest

from modelward.core.errors import NotFoundError


def told(world, environment="production"):
    return next(each for each in world.registry.status() if each.environment == environment)


def test_a_release_is_followed_from_its_decision_to_its_verification(world):
    world.live()
    second = world.register(0.96)
    second.approve(reason="better")
    world.run_for(10)
    second.promote("Production", reason="released")
    world.settle()
    during = told(world)
    assert (during.state, during.live, during.wanted) == ("rolling out", 1, 2)
    world.finish()
    after = told(world)
    assert (after.state, after.live, after.wanted, after.since) == ("serving", 2, 2, None)
    assert after.verified_at is not None


def test_a_look_at_two_environments_costs_one_search_and_two_reads_each(world):
    world.live()
    before = len(world.calls)
    world.registry.status(["digits"])
    names = [name for _, name in world.calls[before:]]
    assert sorted(names) == ["DescribeEndpoint", "DescribeEndpoint", "Query", "Query", "Search"]


def test_a_model_that_is_not_declared_is_named(world):
    with pytest.raises(NotFoundError, match="digit"):
        world.registry.status(["digit"])
