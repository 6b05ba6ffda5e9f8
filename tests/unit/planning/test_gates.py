"""What gates say, figure by figure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.declaration import DIGITS

from modelward.config import parse
from modelward.config.spec import Gate, ModelSpec
from modelward.planning.gates import are_held, judge, worse_by

FIGURES = st.floats(-1e6, 1e6, allow_nan=False)
LIMITS = st.floats(0, 1e3)


def held(world, gate, value, live=None):
    spec = ModelSpec("digits", "vision-team", {"accuracy": gate})
    rival = None if live is None else world.package(7, metrics={"accuracy": live})
    return are_held(judge(spec, world.package(1, metrics={} if value is None else {"accuracy": value}), rival))


@given(limit=FIGURES, value=FIGURES, more=LIMITS)
def test_a_better_figure_never_fails_where_a_worse_one_passes(world, limit, value, more):
    at_least, at_most = Gate("accuracy", at_least=limit), Gate("accuracy", at_most=limit)
    assert held(world, at_least, value + more) >= held(world, at_least, value)
    assert held(world, at_most, value - more) >= held(world, at_most, value)


@given(limit=LIMITS, value=FIGURES, more=LIMITS, live=FIGURES, better=st.sampled_from(["higher", "lower"]))
def test_a_comparison_with_the_live_version_follows_the_direction_of_the_metric(
    world, limit, value, more, live, better
):
    gate = Gate("accuracy", worse_than_live_by_at_most=limit, better=better)
    improved = value + more if better == "higher" else value - more
    assert held(world, gate, improved, live) >= held(world, gate, value, live)
    assert held(world, gate, live, live), "as good as the live version is good enough"


@given(limit=LIMITS, value=FIGURES, live=FIGURES)
def test_a_mirror_image_gets_the_same_verdict(world, limit, value, live):
    higher = Gate("accuracy", worse_than_live_by_at_most=limit, better="higher")
    lower = Gate("accuracy", worse_than_live_by_at_most=limit, better="lower")
    assert held(world, higher, value, live) == held(world, lower, -value, -live)


@given(value=FIGURES, other=FIGURES)
def test_how_much_worse_is_antisymmetric(value, other):
    for better in ("higher", "lower"):
        gate = Gate("accuracy", worse_than_live_by_at_most=0.0, better=better)
        assert worse_by(gate, value, other) == -worse_by(gate, other, value)


@pytest.mark.parametrize(
    ("value", "live", "is_held"),
    [(0.89, 0.90, True), (0.9, 0.91, True), (0.97, 0.98, True), (0.8899, 0.90, False), (0.889999, 0.90, False)],
)
def test_worse_by_at_most_means_the_decimal_figures(world, value, live, is_held):
    gate = Gate("accuracy", worse_than_live_by_at_most=0.01, better="higher")
    assert held(world, gate, value, live) is is_held


def test_a_bound_holds_at_its_very_value(world):
    assert held(world, Gate("accuracy", at_least=0.9), 0.9)
    assert held(world, Gate("accuracy", at_most=0.9), 0.9)
    assert held(world, Gate("accuracy", worse_than_live_by_at_most=0.0, better="lower"), 0.9, 0.9)


@pytest.mark.parametrize(
    "gate",
    [
        Gate("accuracy", at_least=0.9),
        Gate("accuracy", at_most=0.9),
        Gate("accuracy", worse_than_live_by_at_most=0.1, better="higher"),
    ],
)
def test_a_missing_figure_never_passes_and_the_verdict_says_so(world, gate):
    assert not held(world, gate, None)
    (verdict,) = judge(ModelSpec("digits", "team", {"accuracy": gate}), world.package(metrics={}), None)
    assert verdict.text.startswith("accuracy: no figure was registered")


def test_a_rule_that_compares_with_the_live_version_holds_when_there_is_none(world):
    assert held(world, Gate("accuracy", worse_than_live_by_at_most=0.0, better="higher"), 0.1)


def test_a_version_is_never_compared_with_itself(world):
    gate = Gate("accuracy", worse_than_live_by_at_most=0.0, better="higher")
    spec = ModelSpec("digits", "team", {"accuracy": gate})
    before, after = world.package(1, metrics={"accuracy": 0.99}), world.package(1, metrics={"accuracy": 0.5})
    assert are_held(judge(spec, after, before))


def test_a_metric_that_the_live_version_lacks_is_compared_with_nothing(world):
    gate = Gate("accuracy", worse_than_live_by_at_most=0.0, better="higher")
    spec = ModelSpec("digits", "team", {"accuracy": gate})
    assert are_held(judge(spec, world.package(2), world.package(1, metrics={"other": 1.0})))


def test_verdicts_come_in_the_order_of_the_file_and_read_as_sentences(world):
    text = DIGITS.replace("log_loss = { at_most = 0.50 }", "log_loss = { at_most = 0.50 }\nf1 = { at_least = 0.1 }")
    spec = parse(text, "registry.toml").models["digits"]
    rival = world.package(1, metrics={"accuracy": 0.97, "log_loss": 0.1, "f1": 0.9})
    verdicts = judge(spec, world.package(2, metrics={"accuracy": 0.95, "log_loss": 0.61}), rival)
    assert [verdict.text for verdict in verdicts] == [
        "accuracy 0.95, at least 0.9: holds",
        "accuracy 0.95, live 0.97, worse by at most 0.01: refused",
        "log_loss 0.61, at most 0.5: refused",
        "f1: no figure was registered, at_least 0.1 needs one: refused",
    ]
