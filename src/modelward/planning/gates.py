"""Gates: figures that must hold before a version may enter the stage of an environment."""

from modelward.config.spec import Gate, ModelSpec
from modelward.core.gates import Verdict
from modelward.core.model_package import ModelPackage


def judge(spec: ModelSpec, package: ModelPackage, live: ModelPackage | None) -> tuple[Verdict, ...]:
    """Hold each gate of a model against one version.

    Args:
        spec: The model as declared; its gates are judged in the order of the file.
        package: The version that wants to pass.
        live: The version that holds the stage now; None when there is none, and then a rule that compares with it
            holds. A version is never compared with itself.

    Returns:
        One verdict for each rule; a figure that the version lacks is a rule that does not hold.
    """
    other = live.metrics if live and live.version != package.version else {}
    return tuple(
        verdict for gate in spec.gates.values() for verdict in _judge(gate, package.metrics, other.get(gate.metric))
    )


def _judge(gate: Gate, metrics: dict[str, float], live: float | None) -> list[Verdict]:
    value = metrics.get(gate.metric)
    verdicts = []
    if gate.at_least is not None:
        is_held = value is not None and value >= gate.at_least
        verdicts.append(Verdict(gate.metric, "at_least", gate.at_least, value, None, is_held))
    if gate.at_most is not None:
        is_held = value is not None and value <= gate.at_most
        verdicts.append(Verdict(gate.metric, "at_most", gate.at_most, value, None, is_held))
    if gate.worse_than_live_by_at_most is not None:
        limit = gate.worse_than_live_by_at_most
        is_held = value is not None and (live is None or worse_by(gate, value, live) <= limit + _ROUNDING)
        verdicts.append(Verdict(gate.metric, "worse_than_live_by_at_most", limit, value, live, is_held))
    return verdicts


# 0.90 - 0.89 is 0.010000000000000009 in binary floating point; "by at most 0.01" means the decimal figures.
_ROUNDING = 1e-12


def worse_by(gate: Gate, value: float, other: float) -> float:
    """Measure how much worse a figure is than another, in the metric's unit; negative when it is better."""
    return other - value if gate.is_higher_better is not False else value - other


def are_held(verdicts: tuple[Verdict, ...]) -> bool:
    """Tell whether all rules hold."""
    return all(verdict.is_held for verdict in verdicts)
