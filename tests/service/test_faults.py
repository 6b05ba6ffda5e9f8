"""Every AWS call of every scenario, failing in every way; and every way in which events may travel."""

import pytest
from tests.reliability.runs import run_with_delivery, run_with_fault, run_with_meddler
from tests.reliability.table import told, tried


@pytest.mark.parametrize(("what", "name", "kind"), tried("fault"))
def test_a_scenario_survives_a_fault_at_every_call(world, what, name, kind):
    struck = run_with_fault(world, name, kind)
    assert len(struck) == told((what, name, kind)), "docs/reliability.md tells otherwise"


@pytest.mark.parametrize(("what", "name", "how"), tried("delivery"))
def test_a_scenario_survives_events_that_travel_badly(world, what, name, how):
    events = run_with_delivery(world, name, how)
    assert events == told((what, name, how)), "docs/reliability.md tells otherwise"


@pytest.mark.parametrize("seed", range(6))
def test_somebody_who_edits_versions_at_any_moment_never_makes_the_wrong_one_serve(world, seed):
    meddler = run_with_meddler(world, seed)
    assert len(meddler.made) == meddler.edits
    assert rollouts_asked_for(world) <= 2 * (meddler.edits + 3) + 2, "an edit is a decision and may have an heir"


def rollouts_asked_for(world):
    calls = world.core.faults.calls
    return calls["UpdateEndpoint"] + calls["CreateEndpoint"]
