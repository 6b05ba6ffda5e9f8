"""Rollouts: how far an endpoint has come on its way through the steps of a plan, and who serves meanwhile."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from modelward.local.sagemaker.fleets import Fleet, Variant
from modelward.local.sagemaker.guardrails import Plan, Stage, Step, plan_rollback

Share = tuple[Variant, float]


@dataclass(slots=True)
class Rollout:
    """A plan under way: `index` is the step that began at `step_at`.

    `is_doomed` and `is_stuck` are a test's doing: the new containers, or those of a way back, never become healthy.
    """

    plan: Plan
    new: Fleet
    started_at: datetime
    step_at: datetime
    is_resizing: bool = False
    is_doomed: bool = False
    is_stuck: bool = False
    index: int = 0
    way_back: tuple[Step, ...] | None = None

    @property
    def step(self) -> Step:
        """The step under way."""
        return self._steps[self.index]

    @property
    def is_last_step(self) -> bool:
        """Tell whether nothing comes after it."""
        return self.index + 1 == len(self._steps)

    @property
    def is_going_back(self) -> bool:
        """Tell whether it is being undone."""
        return self.way_back is not None

    @property
    def expires_at(self) -> datetime | None:
        """When MaximumExecutionTimeoutInSeconds is over; a way back has no limit."""
        if self.plan.limit_s is None or self.is_going_back:
            return None
        return self.started_at + timedelta(seconds=self.plan.limit_s)

    @property
    def _steps(self) -> tuple[Step, ...]:
        return self.plan.steps if self.way_back is None else self.way_back

    def proceed(self, at: datetime) -> None:
        """Begin the next step."""
        self.index += 1
        self.step_at = at

    def turn_back(self, at: datetime) -> bool:
        """Begin the way back, if there is one to go."""
        self.way_back = plan_rollback(self.plan, self.step)
        self.index, self.step_at = 0, at
        return bool(self.way_back)

    # What it looks like

    def active(self, variant: Variant) -> int:
        """Count the instances of a new variant that take traffic. A shadow takes none of its own."""
        return self.step.active.get(variant.name, 0)

    def left(self, variant: Variant) -> int:
        """Count the instances of an old variant that still run."""
        return (variant.count or 1) - self.step.retired.get(variant.name, 0)

    def status(self, variant: Variant, *, is_old: bool) -> dict[str, Any]:
        """Return the member VariantStatus of a variant, if the step is about it."""
        if self.step.is_about_old is not is_old:
            return {}
        return {"VariantStatus": [{**self.step.status(variant.name), "StartTime": self.step_at}]}

    def shared(self, before: Iterable[Share]) -> list[Share]:
        """Return who serves, by weight, given who served before: of each variant, the new fleet has its part."""
        if self.is_resizing:
            return list(before)
        kept = [
            (variant, weight * (1 - self._part(variant.name))) for variant, weight in before if self._leaves(variant)
        ]
        joined = [
            (variant, variant.weight * self._part(variant.name))
            for variant in self.new.production
            if self.active(variant)
        ]
        return kept + joined

    def _leaves(self, variant: Variant) -> bool:
        return self._part(variant.name) < 1

    def _part(self, name: str) -> float:
        parts = {each: self.step.active.get(each, 0) / size for each, size in self.plan.sizes.items()}
        return parts.get(name, min(parts.values()))

    def ends_at(self, launch_s: float) -> datetime:
        """Tell when the step is over, if all goes well; a launch takes `launch_s`."""
        wait_s = self.step.wait_s
        return self.step_at + timedelta(seconds=launch_s if wait_s is None else wait_s)

    @property
    def is_launching(self) -> bool:
        """Tell whether containers start during the step."""
        return self.step.stage is Stage.CREATING
