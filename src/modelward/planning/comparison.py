"""Two versions side by side, and which of them should go to production."""

from dataclasses import asdict, dataclass
from typing import Any

from modelward.config.spec import ModelSpec
from modelward.core.gates import Verdict
from modelward.core.model_package import ApprovalStatus, ModelPackage
from modelward.planning.gates import judge, worse_by


@dataclass(frozen=True, slots=True)
class MetricDelta:
    """One metric of both versions: `delta` is b minus a; `is_better`, whether b improves on a, if known."""

    metric: str
    a: float | None
    b: float | None
    delta: float | None
    is_better: bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome: figures, verdicts of the gates against the live version, and a recommendation with its reason."""

    a: ModelPackage
    b: ModelPackage
    live: ModelPackage | None
    deltas: tuple[MetricDelta, ...]
    verdicts_a: tuple[Verdict, ...]
    verdicts_b: tuple[Verdict, ...]
    winner: int | None
    why: str

    def to_json(self) -> dict[str, Any]:
        """Spell it for programs."""
        return {
            "a": self.a.to_json(),
            "b": self.b.to_json(),
            "live": self.live.version if self.live else None,
            "metrics": [asdict(delta) for delta in self.deltas],
            "verdicts_a": [verdict.to_json() for verdict in self.verdicts_a],
            "verdicts_b": [verdict.to_json() for verdict in self.verdicts_b],
            "winner": self.winner,
            "why": self.why,
        }


def compare(spec: ModelSpec, a: ModelPackage, b: ModelPackage, live: ModelPackage | None) -> Comparison:
    """Put two versions side by side.

    A version that was rejected, or whose gates do not hold, is not recommended. Among two that pass, the first
    declared gate whose metric tells them apart decides: the order of the gates in `registry.toml` is the order of
    their importance.
    """
    verdicts_a, verdicts_b = judge(spec, a, live), judge(spec, b, live)
    winner, why = _recommend(spec, (a, verdicts_a), (b, verdicts_b))
    return Comparison(a, b, live, _deltas(spec, a, b), verdicts_a, verdicts_b, winner, why)


def _deltas(spec: ModelSpec, a: ModelPackage, b: ModelPackage) -> tuple[MetricDelta, ...]:
    names = [*spec.gates, *sorted((a.metrics.keys() | b.metrics.keys()) - spec.gates.keys())]
    return tuple(_delta(spec, name, a.metrics.get(name), b.metrics.get(name)) for name in names)


def _delta(spec: ModelSpec, metric: str, a: float | None, b: float | None) -> MetricDelta:
    gate = spec.gates.get(metric)
    if a is None or b is None:
        return MetricDelta(metric, a, b, None, None)
    is_directed = gate is not None and gate.is_higher_better is not None and a != b
    is_better = worse_by(gate, b, a) < 0 if gate and is_directed else None
    return MetricDelta(metric, a, b, b - a, is_better)


_Judged = tuple[ModelPackage, tuple[Verdict, ...]]


def _recommend(spec: ModelSpec, a: _Judged, b: _Judged) -> tuple[int | None, str]:
    against_a, against_b = _held_against(a), _held_against(b)
    if against_a and against_b:
        return None, f"{against_a}; {against_b}"
    if against_a or against_b:
        winner = b[0] if against_a else a[0]
        return winner.version, f"v{winner.version} passes its gates; {against_a or against_b}"
    return _better(spec, a[0], b[0])


def _better(spec: ModelSpec, a: ModelPackage, b: ModelPackage) -> tuple[int | None, str]:
    for name, gate in spec.gates.items():
        x, y = a.metrics.get(name), b.metrics.get(name)
        if x is None or y is None or x == y or gate.is_higher_better is None:
            continue
        winner, best, other = (a, x, y) if worse_by(gate, x, y) < 0 else (b, y, x)
        word = "higher" if gate.is_higher_better else "lower"
        reason = f"both pass their gates, and v{winner.version} has the {word} {name}: {best:.6g} against {other:.6g}"
        return winner.version, reason
    return None, "both pass their gates, and no gated metric tells them apart"


def _held_against(judged: _Judged) -> str:
    """Say why a version cannot go to production; empty when nothing is held against it."""
    package, verdicts = judged
    reasons = [verdict.text for verdict in verdicts if not verdict.is_held]
    if package.approval_status is ApprovalStatus.REJECTED:
        reasons.insert(0, f"it was rejected: {package.approval_description or 'no reason was given'}")
    return f"v{package.version}: {'; '.join(reasons)}" if reasons else ""
