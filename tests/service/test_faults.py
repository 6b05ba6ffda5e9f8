"""Every AWS call of every scenario, failing in every way; and every way in which events may travel."""

import pytest
from tests.reliability.faults import DELIVERIES, KINDS
from tests.reliability.runs import run_with_delivery, run_with_fault, run_with_meddler
from tests.reliability.scenarios import SCENARIOS
from tests.reliability.table import told


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_scenario_survives_a_fault_at_every_call(world, name, kind):
    struck = run_with_fault(world, name, kind)
    assert len(struck) == told(("fault", name, kind)), "docs/reliability.md tells otherwise"


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("how", DELIVERIES)
def test_a_scenario_survives_events_that_travel_badly(world, name, how):
    events = run_with_delivery(world, name, how)
    assert events == told(("delivery", name, how)), "docs/reliability.md tells otherwise"


@pytest.mark.parametrize("seed", range(6))
def test_somebody_who_edits_versions_at_any_moment_never_makes_the_wrong_one_serve(world, seed):
    meddler = run_with_meddler(world, seed)
    assert len(meddler.made) == meddler.edits
    assert rollouts_asked_for(world) <= 2 * (meddler.edits + 3) + 2, "an edit is a decision and may have an heir"


def rollouts_asked_for(world):
    calls = world.core.faults.calls
    return calls["UpdateEndpoint"] + calls["CreateEndpoint"]
