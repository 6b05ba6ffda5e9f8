"""How many instances a rollout takes, and for how long at least: what it costs follows from that.

Source: "Blue/Green Deployments" and "Use rolling deployments" of the SageMaker developer guide. A blue/green update
runs the new instances, all of them, beside the old ones until these go; a rolling one has a batch more than before.
"""

from dataclasses import dataclass

from modelward.config.spec import EndpointSpec, RolloutSpec, Strategy
from modelward.core.endpoint import Endpoint
from modelward.core.names import is_trial
from modelward.planning.changes import CreateEndpoint, CreateEndpointConfig, Plan, UpdateEndpoint


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a rollout takes.

    Args:
        kind: The instance type.
        most: How many instances run at the same time while traffic moves.
        after: How many go on.
        waits_s: How long its strategy waits in all, in seconds; instances take their time to start besides.
        strategy: How the endpoint moves.
        is_scaled: Whether there may be fewer of them, because their number follows the calls.
        is_update: Whether an endpoint is moved; else one is made.
        is_tried: Whether two versions go on, each on instances of its own, for as long as the trial lasts.
    """

    kind: str
    most: int
    after: int
    waits_s: int = 0
    strategy: Strategy = Strategy.ALL_AT_ONCE
    is_scaled: bool = False
    is_update: bool = True
    is_tried: bool = False

    def usd(self, hourly: float) -> float:
        """Give what all instances cost together for the time that is waited, at the price of one for an hour."""
        return self.most * hourly * self.waits_s / 3600


def is_rollout(plan: Plan) -> bool:
    """Tell whether a plan makes an endpoint, or moves one."""
    return any(isinstance(change, CreateEndpoint | UpdateEndpoint) for change in plan.changes)


def footprint(plan: Plan, spec: EndpointSpec, endpoint: Endpoint | None) -> Footprint | None:
    """Tell what a plan of a rollout takes; None where it takes no instances.

    Args:
        plan: It makes an endpoint or moves one.
        spec: The endpoint, as declared.
        endpoint: As it is; None where there is none.
    """
    if spec.instance_type is None:
        return None
    update = next((change for change in plan.changes if isinstance(change, UpdateEndpoint)), None)
    made = next((change for change in plan.changes if isinstance(change, CreateEndpointConfig)), None)
    is_tried = made.challenger is not None if made else bool(update and is_trial(update.config_name))
    count = spec.autoscaling.max if spec.autoscaling else spec.instance_count
    old = _fleets(is_tried=bool(endpoint and is_trial(endpoint.config_name))) * count if update else 0
    rollout = update.guard.rollout if update and update.guard else RolloutSpec()
    after = _fleets(is_tried=is_tried) * count
    return Footprint(
        kind=spec.instance_type,
        most=old + (_batch(after, rollout) if update else after),
        after=after,
        waits_s=rollout.waits_s,
        strategy=rollout.strategy,
        is_scaled=spec.autoscaling is not None,
        is_update=update is not None,
        is_tried=is_tried,
    )


def _fleets(*, is_tried: bool) -> int:
    return 2 if is_tried else 1


def _batch(count: int, rollout: RolloutSpec) -> int:
    """Give how many new instances run beside the old ones: a batch of whole instances, or all."""
    return max(1, count * (rollout.percent or 0) // 100) if rollout.strategy is Strategy.ROLLING else count
