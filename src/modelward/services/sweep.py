"""Looking at everything, for the events that never came.

EventBridge may lose an event of SageMaker. The sweep finds what it would have told: it lists the versions, which is
authoritative, and compares each with the newest entry of its chain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from modelward.config.spec import ModelSpec
from modelward.core.ledger import Entry, EntryKind
from modelward.core.model_package import ModelPackage
from modelward.planning.review import Case, is_unsettled
from modelward.services.context import Context
from modelward.services.reconcile import reconcile
from modelward.services.review import adopted, review

# Events come within seconds. A message that failed once comes again after six minutes, and is no event that is missing.
_HEARD_WITHIN = timedelta(minutes=7)


@dataclass(frozen=True, slots=True)
class Swept:
    """What the sweep of a model found.

    Args:
        unheard: How many versions had changed for minutes, and nobody had told of it.
        behind: The environments that do not serve what they should, each with the time since when.
    """

    unheard: int
    behind: Mapping[str, datetime]


def start_sweep(context: Context) -> None:
    """Ask for the sweep of each model by a message of its own, so that one that fails holds up no other.

    What rollouts have left behind is looked for by one more message.

    Raises:
        AwsError: AWS refused a message.
    """
    context.queue.send([*({"model": model} for model in context.spec.within(context.here).models), {"tidy": True}])


def sweep(context: Context, model: str) -> Swept:
    """Review each version of a model that differs from its record, then reconcile each environment that is ours.

    Reviews are the affair of the registry's account alone. It costs one call for each hundred versions, one for each
    megabyte of entries, and three reads an environment; one more where alarms are declared that bring a version back.

    Raises:
        NotFoundError: the model is not declared.
        AwsError: AWS refused a call; the next sweep continues.
    """
    spec = context.model(model)
    unheard = 0 if context.here else _review_all(context, spec)
    ours = [name for name in context.spec.environments if context.is_ours(model, name)]
    looked = {name: reconcile(context, model, name, looks_at_alarms=True)[-1] for name in ours}
    return Swept(unheard, {name: plan.behind_since for name, plan in looked.items() if plan.behind_since})


def _review_all(context: Context, model: ModelSpec) -> int:
    """Review what is due, and count the versions of which an event should have told before."""
    since = adopted(context, model.name, context.clock()) if model.existing else None
    heads, unheard = context.ledger.heads(model.name), 0
    for package in context.sagemaker.list_model_packages(model.name):
        if _is_due(context, package, heads.get(package.version)):
            written = review(context, model.name, package.version)
            unheard += any(_is_late(entry, since, context.clock()) for entry in written)
    return unheard


def _is_late(entry: Entry, since: datetime | None, now: datetime) -> bool:
    """Tell whether something is told only now that happened a while ago: after the group was adopted, if it was."""
    is_ours = entry.kind is not EntryKind.FOUND and (since is None or entry.at > since)
    return is_ours and entry.at < now - _HEARD_WITHIN


def _is_due(context: Context, listed: ModelPackage, head: Entry | None) -> bool:
    if head is None:
        return True
    seen = head.seen
    is_moved = listed.life_cycle is not None and listed.stage != seen.stage
    case = Case(context.spec, context.spec.models[listed.group], listed, (head,))
    return listed.approval_status.value != seen.approval or is_moved or is_unsettled(case)
