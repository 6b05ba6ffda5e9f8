"""Very many approvals at once: every endpoint ends on the last one, and the functions do not run for each of them."""

from tests.reliability.burst import MOST, run_burst
from tests.reliability.table import told


def test_1000_approvals_over_50_models_at_once_200_of_them_on_one_endpoint_end_on_the_last_of_each(world):
    found = run_burst(world)
    assert all(count <= MOST[what] for what, count in found.items())
    assert found == {what: told(("burst", what, "")) for what in MOST}, "docs/reliability.md tells otherwise"
