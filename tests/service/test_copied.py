"""What becomes of Modelward, and of the two handlers that people copy, when the same befalls them."""

import pytest
from tests.reliability.copied import CASES, CONTENDERS, ends_right
from tests.reliability.table import told


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("contender", CONTENDERS)
def test_who_ends_right_is_what_the_document_tells(world, contender, name):
    assert ends_right(world, contender, name) == told(("copied", name, contender))


def test_modelward_ends_right_whatever_befalls_it_and_the_others_survive_something():
    ends = {who: [told(("copied", name, who)) for name in CASES] for who in CONTENDERS}
    assert all(ends["modelward"])
    assert all(any(found[1:]) for found in ends.values()), "a comparison that shows no strength of others is none"
