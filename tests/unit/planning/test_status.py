"""What people are told of an environment, for each way in which it can stand."""

from dataclasses import replace
from datetime import timedelta

from modelward.core.endpoint import Endpoint
from modelward.core.ledger import Entry
from modelward.planning.status import State, Status, live_version, status_of


def status(account, environment="production", **seen) -> Status:
    scene = replace(account.scene(environment), **seen)
    live = live_version(scene)
    chain: tuple[Entry, ...] = account.chain(live) if live else ()
    return status_of(scene, chain, now=account.now)


def test_an_environment_in_which_nothing_ever_stood_is_empty(account):
    assert status(account) == Status("digits", "production", State.EMPTY)


def test_a_version_that_was_verified_serves_since_then(account):
    account.live(1)
    told = status(account)
    [verified] = [each.at for each in account.chain(1) if each.kind == "verified" and each.environment == "production"]
    assert told == Status("digits", "production", State.SERVING, wanted=1, live=1, verified_at=verified)


def test_during_a_rollout_both_versions_are_told_and_since_when(account):
    account.live(1)
    account.add(2)
    account.approve(2)
    account.converge()
    account.promote(2)
    account.review(2)
    account.reconcile("production")
    told = status(account)
    assert (told.state, told.live, told.wanted, told.problem) == (State.ROLLING_OUT, 1, 2, "")
    assert told.since is not None


def test_an_endpoint_that_is_being_created_serves_nothing_yet(account):
    account.live(1)
    there = Endpoint("digits-production", "Creating", account.endpoints["production"].config_name, account.now)
    told = status(account, endpoint=there)
    assert (told.state, told.live, told.wanted, told.verified_at) == (State.ROLLING_OUT, None, 1, None)


def test_what_serves_while_aws_maintains_it_serves(account):
    account.live(1)
    there = replace(account.endpoints["production"], status="SystemUpdating")
    assert status(account, endpoint=there).state is State.SERVING


def test_an_endpoint_that_is_gone_is_made_again_by_the_next_look(account):
    account.live(1)
    told = status(account, endpoint=None)
    assert (told.state, told.live, told.wanted) == (State.ROLLING_OUT, None, 1)


def test_a_failed_endpoint_is_told_with_sagemaker_s_reason_and_the_command_that_tries_again(account):
    account.live(1)
    there = replace(account.endpoints["production"], status="Failed", failure_reason="no capacity")
    told = status(account, endpoint=there)
    assert (told.state, told.live) == (State.BEHIND, None)
    assert told.problem == "endpoint digits-production is Failed: no capacity"
    assert told.next_step == "modelward deploy digits production"


def test_a_version_that_failed_is_told_while_the_one_before_serves(account):
    account.live(1)
    account.sick = frozenset({2})
    account.add(2)
    account.approve(2)
    account.converge()
    account.promote(2)
    account.converge()
    told = status(account)
    assert (told.state, told.live, told.wanted) == (State.SERVING, 1, 1)
    assert told.problem.startswith("v2 failed here: SageMaker went back to digits-production-v1-")
    assert "modelward history digits" in told.next_step


def test_what_nobody_has_reviewed_yet_waits_and_says_so(account):
    account.live(1)
    told = status(account, chain=())
    assert told.state is State.SERVING, "what serves, serves"
    moved = replace(account.endpoints["production"], config_name="digits-production-v9-00000000")
    told = status(account, chain=(), endpoint=moved)
    assert (told.state, told.live) == (State.BEHIND, 9)
    assert "not reviewed yet" in told.problem


def test_without_an_endpoint_of_ours_the_holder_of_the_stage_is_what_serves(account):
    account.live(1)
    told = status(account, endpoint_spec=None, endpoint=None)
    assert (told.state, told.live, told.wanted) == (State.SERVING, 1, 1)


def test_it_is_spelled_for_programs(account):
    account.live(1)
    told = status(account).to_json()
    assert (told["state"], told["live"], told["since"]) == ("serving", 1, None)
    assert told["verified_at"].startswith("2026-01-")
    later = replace(status(account), since=account.now + timedelta(hours=1))
    assert later.to_json()["since"] == (account.now + timedelta(hours=1)).isoformat()
