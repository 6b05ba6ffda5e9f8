"""Deployment guardrails: what a DeploymentConfig means for two fleets, as steps.

A plan is a value: which instances of the new fleet take traffic, which of the old one are gone, and for how long, step
by step. Nothing here knows a clock; `rollouts` walks through the steps::

    ALL_AT_ONCE  launch all, all take traffic, bake for the termination wait, end the old
    CANARY       launch all, the canary takes traffic, bake for the wait interval, then as above
    LINEAR       the same in equal steps, each with its bake
    rolling      launch a batch, it takes traffic, bake, end as many of the old; again until all are new
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Any

from modelward.local.sagemaker.errors import invalid
from modelward.local.sagemaker.fleets import Fleet

Counts = Mapping[str, int]  # instances by variant
Deployment = Mapping[str, Any]

_EXCLUDED_INSTANCES = "ml.inf1."
# What a size may be, in percent of the instances of the variant.
_RANGES = {"CanarySize": (1, 50), "LinearStepSize": (10, 50), "MaximumBatchSize": (5, 50)}
_SIZE_OF = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
_DEFAULT_ROUTING: Mapping[str, Any] = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}


class Stage(StrEnum):
    """What VariantStatus says of a variant during a step."""

    CREATING = "Creating"
    UPDATING = "Updating"
    ACTIVATING = "ActivatingTraffic"
    BAKING = "Baking"
    DELETING = "Deleting"


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    `active` are the instances of the new fleet that take traffic, `retired` those of the old fleet that are gone, both
    as of the beginning of the step. `moved` is what the message counts. A step that launches has no `wait_s`: it takes
    as long as containers take.
    """

    stage: Stage
    message: str
    moved: Counts
    active: Counts
    retired: Counts
    wait_s: float | None = None
    is_about_old: bool = False

    @property
    def is_watched(self) -> bool:
        """Tell whether alarms count during it."""
        return self.stage in {Stage.ACTIVATING, Stage.BAKING}

    def status(self, variant: str) -> dict[str, Any]:
        """Return the VariantStatus of one variant, without its time."""
        return {"Status": str(self.stage), "StatusMessage": self.message.format(count=self.moved.get(variant, 0))}


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a deployment, what ends it early, and by how much a rolling one is undone at a time.

    `sizes` and `old_sizes` are what 100 % of each variant is.
    """

    steps: tuple[Step, ...]
    sizes: Counts
    old_sizes: Counts = field(default_factory=dict)
    limit_s: float | None = None
    alarms: tuple[str, ...] = ()
    rollback_batch: Counts = field(default_factory=dict)

    @property
    def waits_s(self) -> float:
        """Sum up what it waits, however fast containers start."""
        return sum(step.wait_s or 0 for step in self.steps)


def plan_creation(new: Fleet) -> Plan:
    """Plan the first deployment of an endpoint: nothing is replaced."""
    sizes = _sizes(new)
    return Plan((_launch(sizes, {}, {}),), sizes)


def plan_resizing(old: Fleet, new: Fleet) -> Plan:
    """Plan other weights and capacities for the containers that run."""
    sizes = _sizes(new)
    grows = any(count > _sizes(old).get(name, 0) for name, count in sizes.items())
    message = f"Scaling {'out' if grows else 'in'} desired instance count to {{count}}."
    return Plan((Step(Stage.UPDATING, message, sizes, {}, {}, is_about_old=True),), sizes, _sizes(old))


def plan_update(deployment: Deployment | None, old: Fleet, new: Fleet) -> Plan:
    """Plan the replacement of a fleet. What guardrails exclude is done all at once, without a word or a bake."""
    if deployment is None or _is_excluded(deployment, new):
        return _blue_green({}, old, new, ())
    alarms = tuple(each["AlarmName"] for each in deployment.get("AutoRollbackConfiguration", {}).get("Alarms", ()))
    if "RollingUpdatePolicy" in deployment:
        return _rolling(deployment["RollingUpdatePolicy"], old, new, alarms)
    return _blue_green(deployment.get("BlueGreenUpdatePolicy", {}), old, new, alarms)


def plan_rollback(plan: Plan, reached: Step) -> tuple[Step, ...]:
    """Plan the way back from a step: launches of what was ended. Nothing is launched while all of the old is there."""
    return tuple(_relaunches(plan, reached)) if any(reached.retired.values()) else ()


def check_deployment(deployment: Deployment, new: Fleet, old: Fleet | None = None) -> None:
    """Refuse a DeploymentConfig that cannot be followed for these fleets."""
    if {"BlueGreenUpdatePolicy", "RollingUpdatePolicy"} <= deployment.keys():
        raise invalid("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
    for name, size in _declared_sizes(deployment):
        _check_size(name, size, new)
    plan = plan_update(deployment, old or new, new)
    if plan.limit_s is not None and plan.limit_s <= plan.waits_s:
        raise invalid(
            "MaximumExecutionTimeoutInSeconds must be larger than the total waiting time, which is "
            f"{plan.waits_s:.0f} seconds."
        )
    if old is not None and _names(old) != _names(new):
        raise invalid("The new endpoint configuration must have the same variant names as the old one.")


# Plans


def _blue_green(policy: Mapping[str, Any], old: Fleet, new: Fleet, alarms: tuple[str, ...]) -> Plan:
    sizes, gone = _sizes(new), _sizes(old)
    routing = policy.get("TrafficRoutingConfiguration", _DEFAULT_ROUTING)
    bake_s, end_s = routing["WaitIntervalInSeconds"], policy.get("TerminationWaitInSeconds", 0)
    *parts, full = _portions(routing, sizes, new)
    what = "canary" if routing["Type"] == "CANARY" else "partial"
    steps = [
        _launch(sizes, {}, {}),
        *chain.from_iterable(_shift(part, {}, bake_s, f"{what} capacity") for part in parts),
        *_shift(full, {}, end_s, "full capacity", "TerminationWaitInSeconds"),
        _terminate(gone, full, {}),
    ]
    return Plan(tuple(steps), sizes, gone, policy.get("MaximumExecutionTimeoutInSeconds"), alarms)


def _rolling(policy: Mapping[str, Any], old: Fleet, new: Fleet, alarms: tuple[str, ...]) -> Plan:
    sizes, gone = _sizes(new), _sizes(old)
    batches = _batches(policy["MaximumBatchSize"], sizes)
    steps = chain.from_iterable(
        _batch(before, active, sizes, gone, policy["WaitIntervalInSeconds"])
        for before, active in zip([{}, *batches], batches, strict=False)
    )
    back = policy.get("RollbackMaximumBatchSize", {"Type": "CAPACITY_PERCENT", "Value": 100})
    limit_s = policy.get("MaximumExecutionTimeoutInSeconds")
    return Plan(tuple(steps), sizes, gone, limit_s, alarms, _step_of(back, gone))


def _batch(before: Counts, active: Counts, sizes: Counts, old_sizes: Counts, bake_s: float) -> Iterator[Step]:
    ended, ending = _in_proportion(before, sizes, old_sizes), _in_proportion(active, sizes, old_sizes)
    yield _launch(_minus(active, before), before, ended)
    yield from _shift(active, ended, bake_s, "a batch capacity")
    yield _terminate(_minus(ending, ended), active, ended)


def _relaunches(plan: Plan, reached: Step) -> Iterator[Step]:
    missing = dict(reached.retired)
    while any(missing.values()):
        back = {name: min(count, plan.rollback_batch.get(name, count)) for name, count in missing.items()}
        # What of the new fleet still takes traffic is what the old one cannot yet take.
        active = _in_proportion(missing, plan.old_sizes, plan.sizes) if missing != reached.retired else reached.active
        yield Step(Stage.CREATING, "Launching {count} instance(s).", back, active, dict(missing), is_about_old=True)
        missing = _minus(missing, back)


def _launch(moved: Counts, active: Counts, retired: Counts) -> Step:
    return Step(Stage.CREATING, "Launching {count} instance(s).", moved, active, retired)


def _shift(
    active: Counts, retired: Counts, bake_s: float, what: str, wait: str = "WaitIntervalInSeconds"
) -> Iterator[Step]:
    told = f"{what} of {{count}} instance(s)."
    yield Step(Stage.ACTIVATING, f"Activating traffic on {told}", active, active, retired, 0)
    if bake_s:
        message = f"Baking for {bake_s:g} seconds ({wait}) with traffic enabled on {told}"
        yield Step(Stage.BAKING, message, active, active, retired, bake_s)


def _terminate(moved: Counts, active: Counts, retired: Counts) -> Step:
    return Step(Stage.DELETING, "Terminating {count} instance(s).", moved, active, retired, 0, is_about_old=True)


# Sizes


def _portions(routing: Mapping[str, Any], sizes: Counts, new: Fleet) -> list[Counts]:
    kind = routing["Type"]
    if kind == "ALL_AT_ONCE" or _is_indivisible(new):
        return [sizes]
    if kind == "LINEAR":
        return _batches(routing["LinearStepSize"], sizes)
    return [_step_of(routing["CanarySize"], sizes), sizes]


def _batches(size: Mapping[str, Any], sizes: Counts) -> list[Counts]:
    step = _step_of(size, sizes)
    rounds = max(math.ceil(count / step[name]) for name, count in sizes.items())
    return [{name: min(count, step[name] * each) for name, count in sizes.items()} for each in range(1, rounds + 1)]


def _step_of(size: Mapping[str, Any], sizes: Counts) -> Counts:
    """Return a CapacitySize in instances: whole ones, at least one, at most all."""
    percent = size["Value"] if size["Type"] == "CAPACITY_PERCENT" else None
    return {
        name: max(1, min(count, size["Value"] if percent is None else count * percent // 100))
        for name, count in sizes.items()
    }


def _sizes(fleet: Fleet) -> Counts:
    return {variant.name: variant.count or 1 for variant in fleet.production}


def _in_proportion(part: Counts, whole: Counts, of: Counts) -> Counts:
    return {name: math.ceil(count * part.get(name, 0) / whole.get(name, 1)) for name, count in of.items()}


def _minus(more: Counts, less: Counts) -> dict[str, int]:
    return {name: count - less.get(name, 0) for name, count in more.items()}


def _is_indivisible(fleet: Fleet) -> bool:
    return all(count == 1 for count in _sizes(fleet).values())


def _is_excluded(deployment: Deployment, new: Fleet) -> bool:
    if any(variant.is_marketplace or (variant.instance_type or "").startswith(_EXCLUDED_INSTANCES) for variant in new):
        return True
    is_serverless = any(variant.serverless is not None for variant in new)
    return "RollingUpdatePolicy" in deployment and (is_serverless or len(new.production) > 1 or _is_indivisible(new))


# Checks


def _declared_sizes(deployment: Deployment) -> Iterator[tuple[str, Mapping[str, Any]]]:
    routing = deployment.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", _DEFAULT_ROUTING)
    needed = _SIZE_OF.get(routing["Type"])
    if needed:
        if needed not in routing:
            raise invalid(f"{needed} must be specified for the traffic routing type {routing['Type']}.")
        yield needed, routing[needed]
    if "RollingUpdatePolicy" in deployment:
        yield "MaximumBatchSize", deployment["RollingUpdatePolicy"]["MaximumBatchSize"]


def _check_size(name: str, size: Mapping[str, Any], fleet: Fleet) -> None:
    low, high = _RANGES[name]
    for percent in _percentages(size, fleet):
        if not low <= percent <= high:
            raise invalid(f"{name} must be between {low}% and {high}% of the variant's total instance count.")


def _percentages(size: Mapping[str, Any], fleet: Fleet) -> list[float]:
    if size["Type"] == "CAPACITY_PERCENT":
        return [size["Value"]]
    return [100 * size["Value"] / count for count in _sizes(fleet).values() if count > 1]


def _names(fleet: Fleet) -> set[str]:
    return {variant.name for variant in fleet}
