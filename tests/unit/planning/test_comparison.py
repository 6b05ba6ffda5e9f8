"""Two versions side by side."""

import json

from hypothesis import given
from hypothesis import strategies as st

from modelward.config.spec import Gate, ModelSpec
from modelward.planning.comparison import compare

SPEC = ModelSpec(
    "digits", "team", {"accuracy": Gate("accuracy", at_least=0.9), "log_loss": Gate("log_loss", at_most=0.5)}
)
METRICS = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from([0.1, 0.4, 0.6, 0.91, 0.95]) for name in ("accuracy", "log_loss", "f1")}
)


def compared(world, a, b, live=None, spec=SPEC):
    return compare(spec, world.package(1, metrics=a), world.package(2, metrics=b), live)


def test_among_two_that_pass_the_first_gate_that_tells_them_apart_decides(world):
    found = compared(world, {"accuracy": 0.95, "log_loss": 0.1}, {"accuracy": 0.97, "log_loss": 0.4})
    assert found.winner == 2
    assert found.why == "both pass their gates, and v2 has the higher accuracy: 0.97 against 0.95"


def test_an_equal_first_gate_leaves_the_word_to_the_next(world):
    found = compared(world, {"accuracy": 0.95, "log_loss": 0.1}, {"accuracy": 0.95, "log_loss": 0.4})
    assert found.winner == 1
    assert found.why == "both pass their gates, and v1 has the lower log_loss: 0.1 against 0.4"


def test_a_version_whose_gates_do_not_hold_is_never_recommended(world):
    found = compared(world, {"accuracy": 0.91, "log_loss": 0.2}, {"accuracy": 0.99, "log_loss": 0.9})
    assert found.winner == 1
    assert found.why == "v1 passes its gates; v2: log_loss 0.9, at most 0.5: refused"


def test_when_neither_passes_there_is_no_winner_and_the_reason_names_each_figure(world):
    found = compared(world, {"accuracy": 0.5, "log_loss": 0.2}, {"accuracy": 0.6, "log_loss": 0.2})
    assert found.winner is None
    assert "v1: accuracy 0.5" in found.why
    assert "v2: accuracy 0.6" in found.why


def test_two_alike_have_no_winner(world):
    found = compared(world, {"accuracy": 0.95, "log_loss": 0.2}, {"accuracy": 0.95, "log_loss": 0.2})
    assert (found.winner, found.why) == (None, "both pass their gates, and no gated metric tells them apart")


def test_deltas_tell_the_gated_metrics_first_and_which_way_is_better(world):
    found = compared(
        world, {"accuracy": 0.95, "log_loss": 0.2, "f1": 0.5}, {"accuracy": 0.94, "log_loss": 0.1, "size": 3.0}
    )
    assert [(d.metric, d.a, d.b, d.is_better) for d in found.deltas] == [
        ("accuracy", 0.95, 0.94, False),
        ("log_loss", 0.2, 0.1, True),
        ("f1", 0.5, None, None),
        ("size", None, 3.0, None),
    ]


def test_both_are_judged_against_the_live_version(world):
    spec = ModelSpec("digits", "team", {"accuracy": Gate("accuracy", at_least=0.5, worse_than_live_by_at_most=0.01)})
    rival = world.package(9, metrics={"accuracy": 0.99})
    found = compared(world, {"accuracy": 0.95}, {"accuracy": 0.985}, rival, spec)
    assert found.winner == 2
    assert found.verdicts_a[1].live == 0.99


@given(a=METRICS, b=METRICS)
def test_swapping_the_two_swaps_the_answer_and_nothing_else(world, a, b):
    there = compare(SPEC, world.package(1, metrics=a), world.package(2, metrics=b), None)
    back = compare(SPEC, world.package(2, metrics=b), world.package(1, metrics=a), None)
    assert there.winner == back.winner
    assert [d.is_better for d in there.deltas if d.is_better is not None] == [
        not d.is_better for d in back.deltas if d.is_better is not None
    ]


@given(a=METRICS, b=METRICS)
def test_a_comparison_is_plain_json(world, a, b):
    told = json.loads(json.dumps(compared(world, a, b, world.package(3)).to_json(), allow_nan=False))
    assert (told["a"]["version"], told["b"]["version"], told["live"]) == (1, 2, 3)
