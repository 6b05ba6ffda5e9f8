"""Which models and endpoint configs of former rollouts go, and which stay."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from modelward.config import EnvironmentSpec
from modelward.core.endpoint import Endpoint
from modelward.core.ledger import Entry, EntryKind
from modelward.core.names import rollout_name
from modelward.planning.changes import DeleteEndpointConfig, DeleteModel
from modelward.planning.housekeeping import House, Made, plan_tidying

LONG = "customer-churn-prediction-of-retail-banking"


def name(version, model="digits", digest="0123abcd"):
    return rollout_name(model, "production", version, digest)


def entry(world, version, kind=EntryKind.VERIFIED, *, config="", days=30.0):
    return Entry(
        "digits", version, 1, world.NOON - timedelta(days=days), kind, "modelward", "why", "Production", "production",
        facts={"config": config or name(version)},
    )  # fmt: skip


def house(world, versions=range(1, 7), *, serving=6, model="digits", **more):
    """Make an environment in which versions were verified one after the other, a day apart."""
    names = frozenset(name(version, model) for version in versions)
    entries = [entry(world, version, config=name(version, model), days=60 - version) for version in versions]
    endpoint = Endpoint(f"{model}-production", "InService", name(serving, model), world.NOON)
    made = House(model, EnvironmentSpec("production", "Production"), endpoint, Made(names, names), entries)
    return replace(made, **more)


def gone(world, house, looked_at=(), in_use=(), now: datetime | None = None):
    changes = plan_tidying(house, looked_at, in_use, now or world.NOON).changes
    return [change.name for change in changes if isinstance(change, DeleteEndpointConfig)]


def test_what_no_rollback_needs_goes_each_config_before_its_model(world):
    plan = plan_tidying(house(world), (), (), world.NOON)
    assert plan.changes == (
        DeleteEndpointConfig(name(1), "digits-production"),
        DeleteModel(name(1)),
        DeleteEndpointConfig(name(2), "digits-production"),
        DeleteModel(name(2)),
    )


def test_a_version_keeps_the_config_in_which_it_was_verified_last_and_no_earlier_one(world):
    before = house(world, [5, 6])
    earlier = name(6, digest="9999abcd")
    entries = [*before.entries, entry(world, 6, config=earlier, days=55)]
    made = Made(before.made.configs | {earlier}, before.made.models)
    assert gone(world, replace(before, entries=entries, made=made)) == [earlier]


def test_what_failed_goes(world):
    failed = entry(world, 7, EntryKind.FAILED, days=2)
    before = house(world, [5, 6])
    made = Made(before.made.configs | {name(7)}, before.made.models | {name(7)})
    assert gone(world, replace(before, entries=[*before.entries, failed], made=made)) == [name(7)]


@pytest.mark.parametrize("kind", [EntryKind.DEPLOYING, EntryKind.TRYING, EntryKind.POSTPONED])
@pytest.mark.parametrize("days", [0.5, 5])
def test_an_attempt_that_has_no_end_yet_stays(world, kind, days):
    attempt = entry(world, 7, kind, days=days)
    before = house(world, [5, 6])
    made = Made(before.made.configs | {name(7)}, before.made.models | {name(7)})
    assert gone(world, replace(before, entries=[*before.entries, attempt], made=made)) == []


def test_what_the_endpoint_serves_or_moves_to_stays_whatever_the_ledger_says(world):
    there = Endpoint("digits-production", "InService", name(1), world.NOON, pending_config=name(2))
    assert gone(world, house(world, endpoint=there)) == []


@pytest.mark.parametrize("status", ["Updating", "Creating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed"])
def test_nothing_goes_while_an_endpoint_is_not_at_rest(world, status):
    there = Endpoint("digits-production", status, name(6), world.NOON)
    assert gone(world, house(world, endpoint=there)) == []


def test_without_an_endpoint_what_rollbacks_need_stays_all_the_same(world):
    assert gone(world, house(world, endpoint=None)) == [name(1), name(2)]


def test_twenty_go_at_once(world):
    assert len(gone(world, house(world, range(1, 40), serving=39))) == 20


def test_a_model_without_a_config_goes_too(world):
    before = house(world)
    made = Made(before.made.configs - {name(1)}, before.made.models)
    assert plan_tidying(replace(before, made=made), (), (), world.NOON).changes[0] == DeleteModel(name(1))


def test_names_that_were_cut_are_ours_only_if_the_ledger_tells_of_them(world):
    mine = house(world, model=LONG)
    another = name(1, f"{LONG}-and-another", "9999abcd")
    assert another.rpartition("-v")[0] == name(1, LONG).rpartition("-v")[0]
    made = Made(mine.made.configs | {another}, mine.made.models | {another})
    assert gone(world, replace(mine, made=made)) == [name(1, LONG), name(2, LONG)]


def test_names_are_told_apart_by_model_and_environment():
    names = frozenset({"a-b-production-v1-0123abcd", "a-production-v1-0123abcd", "a-production", "a-production-v1"})
    assert Made(names, names).of("a", "production").configs == {"a-production-v1-0123abcd"}
