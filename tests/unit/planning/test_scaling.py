"""Endpoints whose number of instances follows the calls: when that begins, pauses and ends."""

from dataclasses import replace

import pytest

from modelward.config import AutoscalingSpec
from modelward.core.endpoint import Serving
from modelward.core.names import is_scaled
from modelward.planning.changes import DeregisterScaling, Record, RegisterScaling, UpdateEndpoint

SCALING = AutoscalingSpec(1, 4, 100)
NAME = "digits-production"


def declare(account, **fields):
    account.specs["production"] = replace(account.specs["production"], **fields)


def kinds(plan):
    return [type(change) for change in plan.changes]


@pytest.fixture
def scaled(account):
    """An account in which v1 is scaled in production, to three instances by now."""
    declare(account, autoscaling=SCALING)
    account.live(1)
    account.counts["production"] = 3
    return account


def begin(account):
    """Plan and begin the rollout that is due in production."""
    plan = account.plan("production")
    account.apply(plan.changes)
    return plan


def test_nothing_is_planned_of_scaling_where_nobody_declares_it(account):
    seen = []
    account.watch = lambda _account, change: seen.append(type(change))
    account.live(1)
    account.live(2)
    declare(account, instance_count=3, instance_type="ml.c5.large")
    account.converge()
    assert not {RegisterScaling, DeregisterScaling} & set(seen)
    assert UpdateEndpoint in seen


def test_it_begins_once_the_version_is_verified_and_before_that_is_recorded(account):
    declare(account, autoscaling=SCALING)
    seen = []
    account.watch = lambda _account, change: seen.append(change)
    account.live(1)
    [at] = [number for number, change in enumerate(seen) if isinstance(change, RegisterScaling)]
    assert seen[at] == RegisterScaling(NAME, SCALING)
    assert isinstance(seen[at + 1], Record)
    assert seen[at + 1].entry.kind == "verified"
    assert account.scaled == {"production": SCALING}
    assert account.plan("production").is_empty


def test_a_new_version_goes_on_with_as_many_instances_as_the_one_before(scaled):
    scaled.add(2)
    scaled.approve(2)
    scaled.converge()
    scaled.promote(2)
    scaled.review(2)
    plan = begin(scaled)
    assert DeregisterScaling not in kinds(plan)
    assert plan.changes[-1] == UpdateEndpoint(NAME, scaled.config(2, "production"), keeps_count=True)
    scaled.converge()
    assert scaled.counts["production"] == 3
    assert scaled.serving("production") == 2


def test_other_limits_are_rolled_out_and_keep_the_number_of_instances(scaled):
    declare(scaled, autoscaling=replace(SCALING, max=9))
    assert begin(scaled).changes[-1].keeps_count
    scaled.converge()
    assert scaled.scaled["production"].max == 9
    assert scaled.counts["production"] == 3


def test_another_instance_type_is_rolled_out_with_scaling_suspended(scaled):
    declare(scaled, instance_type="ml.c5.large")
    plan = begin(scaled)
    assert plan.changes[-2:] == (DeregisterScaling(NAME), UpdateEndpoint(NAME, scaled.config(1, "production")))
    assert scaled.scaled == {}
    scaled.converge()
    assert scaled.scaled == {"production": SCALING}
    assert scaled.serving("production") == 1


def test_another_instance_type_for_another_version_is_noticed_too(scaled):
    scaled.add(2)
    scaled.approve(2)
    scaled.converge()
    declare(scaled, instance_type="ml.c5.large")
    scaled.promote(2)
    scaled.review(2)
    assert DeregisterScaling in kinds(begin(scaled))
    scaled.converge()
    assert (scaled.serving("production"), scaled.scaled) == (2, {"production": SCALING})


def test_scaling_ends_when_nobody_declares_it_any_more(scaled):
    declare(scaled, autoscaling=None, instance_count=2)
    assert kinds(begin(scaled))[-2:] == [DeregisterScaling, UpdateEndpoint]
    scaled.converge()
    assert (scaled.scaled, scaled.counts["production"]) == ({}, 2)
    assert not is_scaled(scaled.endpoints["production"].config_name)


def test_scaling_ends_with_a_version_that_was_promoted_before_the_declaration_took_effect(scaled):
    scaled.add(2)
    scaled.approve(2)
    scaled.converge()
    declare(scaled, autoscaling=None)
    scaled.promote(2)
    scaled.review(2)
    assert DeregisterScaling in kinds(begin(scaled))
    scaled.converge()
    assert (scaled.serving("production"), scaled.scaled) == (2, {})


def test_an_update_that_failed_lets_the_old_instances_be_scaled_again(scaled):
    declare(scaled, instance_type="ml.c5.large")
    scaled.sick = frozenset({1})
    begin(scaled)
    assert scaled.scaled == {}
    scaled.converge()
    assert scaled.chain(1)[-1].kind == "failed"
    assert scaled.scaled == {"production": SCALING}


def test_an_update_that_failed_to_bring_scaling_brings_none(account):
    account.live(1)
    declare(account, autoscaling=SCALING)
    account.sick = frozenset({1})
    account.converge()
    assert account.chain(1)[-1].kind == "failed"
    assert account.scaled == {}


@pytest.mark.parametrize("change", [{"instance_type": "ml.c5.large"}, {"autoscaling": None}, {"autoscaling": SCALING}])
@pytest.mark.parametrize("sick", [frozenset(), frozenset({1})])
@pytest.mark.parametrize("made", range(8))
def test_a_function_that_stops_anywhere_in_between_is_caught_up_with(account, change, sick, made):
    if change != {"autoscaling": SCALING}:
        declare(account, autoscaling=SCALING)
    account.live(1)
    account.sick = sick
    before = account.scaled.get("production")
    declare(account, **change)
    account.crashes = [made % 6, made // 2]
    account.converge()

    wanted = account.specs["production"].autoscaling
    is_new = not sick
    assert account.scaled.get("production") == (wanted if is_new or before else None)
    assert is_scaled(account.endpoints["production"].config_name) == bool(wanted if is_new else before)


def test_the_type_that_serves_is_asked_for_where_it_counts_and_nowhere_else(scaled, account):
    assert not scaled.scene("production").asks_for_serving
    declare(scaled, instance_type="ml.c5.large")
    assert scaled.scene("production").asks_for_serving
    declare(scaled, autoscaling=None)
    assert not scaled.scene("production").asks_for_serving


def test_a_type_that_nobody_can_tell_counts_as_another_one(scaled, world):
    declare(scaled, autoscaling=replace(SCALING, max=9))
    plan = world.plan_rollout(replace(scaled.scene("production"), serving=Serving()), now=scaled.now)
    assert DeregisterScaling in kinds(plan)
