"""Trials: a version beside the live one, before it takes over or leaves.

A *shadow* gets copies of the calls, nobody hears its answers, and its figures decide when the time is up. In an *ab*
trial it answers a share of the calls, which people shift, and people decide. Both are an endpoint config with two
variants that carries the live version's name, because that is the version which answers if the other one is taken away.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from modelward.config.spec import RolloutSpec, Strategy
from modelward.core.endpoint import CHALLENGER, VARIANT, Figures
from modelward.core.gates import Verdict
from modelward.core.names import rollout_name


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial that an endpoint is on, or should go on.

    Args:
        config: The endpoint config with both versions.
        live_model: Name of the SageMaker model of the live version.
        rollout: What is declared of it.
        share: How many calls of a hundred the newcomer takes, or gets a copy of.
    """

    config: str
    live_model: str
    rollout: RolloutSpec
    share: int

    @property
    def is_shadow(self) -> bool:
        """Whether the newcomer gets copies only."""
        return self.rollout.strategy is Strategy.SHADOW

    @property
    def weights(self) -> dict[str, float]:
        """Give the weights of the two variants in an ab trial."""
        return {VARIANT: 100.0 - self.share, CHALLENGER: float(self.share)}


def trial_config(model: str, environment: str, live: int, made_of: tuple[str, str, RolloutSpec]) -> str:
    """Name the endpoint config of a trial.

    Args:
        model: The model.
        environment: Where.
        live: The live version.
        made_of: The config that the newcomer shall have, the live version's model, and what is declared of the trial.
            The share of an ab trial is changed in place, so it is no part of the name.
    """
    target, live_model, rollout = made_of
    copied = str(rollout.percent) if rollout.strategy is Strategy.SHADOW else ""
    digest = hashlib.sha256("\n".join([target, live_model, rollout.strategy, copied]).encode()).hexdigest()
    return rollout_name(model, environment, live, f"{digest[:7]}t")


def judge_shadow(figures: Mapping[str, Figures], rollout: RolloutSpec) -> tuple[Verdict, ...]:
    """Hold what a shadow did with copies of the calls against what the live version did with the calls.

    A shadow that nobody called has shown nothing, so it does not pass. Errors are compared by their part of the calls,
    times by their mean, and only if a limit is declared.
    """
    live, new = figures[VARIANT], figures[CHALLENGER]
    found = [
        Verdict("calls", "at_least", 1, new.calls, None, new.calls >= 1),
        _no_worse("error_rate", new.error_rate, live.error_rate, 0.0),
    ]
    if rollout.slower_by_at_most_percent is not None:
        slack = live.latency_ms * rollout.slower_by_at_most_percent / 100
        found.append(_no_worse("mean_latency_ms", new.latency_ms, live.latency_ms, slack))
    return tuple(found)


def _no_worse(metric: str, value: float, live: float, slack: float) -> Verdict:
    return Verdict(metric, "worse_than_live_by_at_most", slack, value, live, value <= live + slack)
