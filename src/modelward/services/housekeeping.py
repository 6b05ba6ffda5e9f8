"""Deleting the models and endpoint configs that nobody needs any more.

A look at names alone, in pages over the whole account, tells of which models there is more than need be; a message for
each of the fullest ones then looks closer. So an account in which nothing is to be done costs two calls for each
hundred names, whatever the number of endpoints, and one with years of leftovers is tidied bit by bit, without keeping
rollouts waiting.
"""

from collections.abc import Iterator, Sequence

from modelward.core.errors import ConflictError, NotFoundError
from modelward.core.ledger import Entry
from modelward.core.model_package import ModelPackage
from modelward.core.names import endpoint_name, rollout_prefix
from modelward.planning.changes import Plan
from modelward.planning.housekeeping import (
    LEAST_AGE,
    House,
    Made,
    crowded,
    doubtful_versions,
    needed_configs,
    plan_tidying,
)
from modelward.services import reading
from modelward.services.context import Context
from modelward.services.execution import apply

_MODELS_AT_ONCE = 10
_ANY_ROLLOUT = "-v"


def start_tidying(context: Context) -> None:
    """Ask by a message each that the models be tidied of which there is the most too much, ten at most.

    Raises:
        AwsError: AWS refused a call; the next sweep looks again.
    """
    spec = context.spec.within(context.here)
    found = crowded(spec, all_made(context)) if spec.endpoints else []
    if found:
        context.queue.send([{"tidy": True, "model": model} for model in found[:_MODELS_AT_ONCE]])


def tidy(context: Context, model: str, made: Made | None = None) -> list[Plan]:
    """Delete what nobody needs of a model, in each environment of this account, and return what was done.

    Where an endpoint begins to change meanwhile, the rest is left to the next time. Arguments as for `plan_tidy`.

    Raises:
        NotFoundError: the model is not declared.
        AwsError: AWS refused a call; planning again finds the rest.
    """
    done = []
    for plan in plan_tidy(context, model, made):
        try:
            apply(context, plan)
        except ConflictError:
            continue
        done.append(plan)
    return done


def plan_tidy(context: Context, model: str, made: Made | None = None) -> list[Plan]:
    """Plan it, a plan for each environment of this account that has an endpoint of the model, and change nothing.

    It costs a look at the endpoint, and two lists, for each environment and one read of the ledger. Where something is
    to go, there is a look at each version that it was made for, and at each config that stays.

    Args:
        context: Gateways.
        model: A declared model.
        made: What there is in the account, where it has been listed (`all_made`).

    Raises:
        NotFoundError: the model is not declared.
        AwsError: AWS refused a call.
    """
    context.model(model)
    spec = context.spec.within(context.here)
    places = spec.models[model].endpoints if model in spec.models else ()
    entries = tuple(context.ledger.entries(model)) if places else ()
    return [_plan(context, _house(context, model, name, made, entries)) for name in places]


def all_made(context: Context) -> Made:
    """List all that is old enough to go in this account: two calls for each hundred names.

    Raises:
        AwsError: AWS refused a call.
    """
    return _made(context, _ANY_ROLLOUT)


def _house(context: Context, model: str, environment: str, made: Made | None, entries: Sequence[Entry]) -> House:
    endpoint = context.hosting.describe_endpoint(endpoint_name(model, environment))
    made = made or _made(context, rollout_prefix(model, environment))
    return House(model, context.spec.environments[environment], endpoint, made.of(model, environment), entries)


def _plan(context: Context, house: House) -> Plan:
    plan = plan_tidying(house, (), (), context.clock())
    if plan.is_empty:
        return plan
    looked_at = _looked_at(context, house)
    return plan_tidying(house, looked_at, _models_in_use(context, house), context.clock())


def _made(context: Context, containing: str) -> Made:
    hosting, before = context.hosting, context.clock() - LEAST_AGE
    configs = hosting.list_endpoint_configs(containing=containing, before=before)
    return Made(frozenset(configs), frozenset(hosting.list_models(containing=containing, before=before)))


def _looked_at(context: Context, house: House) -> Iterator[ModelPackage]:
    """Read the versions themselves: of a decision that was just made, the index may not know yet."""
    for number in sorted(doubtful_versions(house)):
        try:
            yield reading.describe(context, house.model, number)
        except NotFoundError:
            continue  # deleted since


def _models_in_use(context: Context, house: House) -> Iterator[str]:
    for name in sorted(needed_configs(house)):
        try:
            yield from context.hosting.models_of(name)
        except NotFoundError:
            continue  # somebody deleted it
