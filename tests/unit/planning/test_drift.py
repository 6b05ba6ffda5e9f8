"""What alarms of a team's own do to decisions: each at most once, in any order, with functions that stop anywhere."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelward.core.ledger import EntryKind
from modelward.planning.changes import LookAgain, Record, UpdateVersion
from modelward.planning.drift import has_come
from modelward.planning.rollout import plan_rollout
from modelward.planning.scene import config_name


def watched(account):
    """Let alarms bring versions of production back."""
    spec = account.specs["production"]
    account.specs["production"] = replace(spec, roll_back_on=("odd", "slow"))
    return account


@pytest.fixture
def served(account):
    """An account in which v2 serves production, where v1 was verified before."""
    watched(account).live(1)
    account.live(2)
    return account


def go_off(account, name="odd"):
    account.now += timedelta(seconds=1)
    account.alarms[name] = account.now


def alarms_of(account):
    return [e for chain in account.chains.values() for e in chain if e.kind is EntryKind.ALARMED]


def test_what_alarms_do_is_beside_the_config(world):
    package, spec = world.package(3), world.MODEL.endpoints["production"]
    assert config_name(package, spec, world.ROLE) == config_name(
        package, replace(spec, roll_back_on=("odd",)), world.ROLE
    )


def test_an_alarm_is_recorded_before_the_version_comes_back(served):
    go_off(served)
    plan = served.plan("production")
    recorded, brought = plan.changes
    assert isinstance(recorded, Record)
    assert isinstance(brought, UpdateVersion)
    assert (recorded.entry.kind, recorded.entry.version, brought.version) == (EntryKind.ALARMED, 2, 1)
    assert recorded.entry.facts["alarm"] == "odd"
    assert "v1, verified here before, comes back" in recorded.entry.why


def test_nothing_is_concluded_before_somebody_looked_who_may_come_back(served):
    go_off(served)
    plan = plan_rollout(replace(served.scene("production"), heirs=None), now=served.now)
    assert [type(change) for change in plan.changes] == [LookAgain]


def test_the_one_that_went_off_first_is_named(served):
    go_off(served, "slow")
    go_off(served, "odd")
    [entry] = [change.entry for change in served.plan("production").changes if isinstance(change, Record)]
    assert entry.facts["alarm"] == "slow"


def test_an_alarm_from_before_the_version_was_verified_is_no_verdict(account):
    go_off(watched(account))
    account.live(1)
    account.live(2)
    assert account.plan("production").is_empty
    assert alarms_of(account) == []


def test_an_alarm_means_nothing_while_a_newer_decision_is_carried_out(served):
    served.add(3)
    served.approve(3)
    served.converge()
    served.promote(3)
    served.review(3)
    go_off(served)
    assert not any(isinstance(change, Record) and change.entry.kind is EntryKind.ALARMED
                   for change in served.plan("production").changes)  # fmt: skip
    served.converge()
    assert served.serving("production") == 3


def test_the_decision_that_follows_is_older_than_any_that_came_after_the_one_undone(served):
    go_off(served)
    plan = served.plan("production")
    served.add(3)
    served.approve(3)
    served.converge([3])
    served.packages[3] = replace(served.packages[3], approval_description="good")
    later = served.packages[2].entered.at + timedelta(seconds=1)
    [brought] = [change for change in plan.changes if isinstance(change, UpdateVersion)]
    assert served.packages[2].entered.at < brought.entered.at < later


def test_a_version_that_came_back_and_failed_is_not_brought_again(served):
    served.sick = frozenset({1})
    go_off(served)
    served.converge()
    assert served.serving("production") == 2
    assert served.packages[1].stage_status == "Rejected"
    assert has_come(served.packages[1], served.packages[2])
    assert len(alarms_of(served)) == 1
    assert served.plan("production").is_empty


ACTS = st.lists(
    st.sampled_from(["odd", "slow", "calm", "promote 1", "promote 2", "promote 3", "reject 1", "move on"]), max_size=10
)


@given(ACTS, st.lists(st.integers(0, 3), max_size=15), st.frozensets(st.integers(1, 3), max_size=1))
@settings(max_examples=60, deadline=None)
def test_each_decision_is_taken_back_once_at_most_and_it_ends(world, acts, crashes, sick):
    account = watched(world.Account())
    for number in (1, 2, 3):
        account.live(number)
    account.sick, account.crashes = sick, list(crashes)
    for act in acts:
        done(account, act)
    account.crashes = []
    account.converge()

    told = alarms_of(account)
    assert len({(entry.version, entry.token) for entry in told}) == len(told)
    chains = account.chains.values()
    ways_back = {(e.version, e.token) for chain in chains for e in chain if e.kind is EntryKind.ROLLED_BACK}
    assert not ways_back & {(entry.version, entry.token) for entry in told}, "no way back is taken back"
    assert account.plan("production").is_empty
    serving = account.serving("production")
    assert serving is not None


def done(account, act):
    """Let something happen, and Modelward look at it once."""
    name, _, number = act.partition(" ")
    match name:
        case "promote" if account.packages[int(number)].is_approved:
            account.promote(int(number))
        case "reject":
            account.reject(int(number))
        case "calm":
            account.alarms.clear()
        case "move":
            account.converge()
        case "odd" | "slow":
            go_off(account, name)
    account.round([*account.packages, "staging", "production"])
