"""Reviewing a version: record what is new about it, and see to it that the rules are kept."""

from dataclasses import replace
from datetime import datetime, timedelta

from modelward.core.errors import ConflictError
from modelward.core.ledger import SYSTEM, Entry, EntryKind
from modelward.core.model_package import ApprovalStatus, ModelPackage
from modelward.planning.changes import AskReconciler, Plan, Record
from modelward.planning.review import Case, concerned, demands, news, wants_reconciling
from modelward.services import reading
from modelward.services.context import Context
from modelward.services.decisions import heir
from modelward.services.execution import apply

_ATTEMPTS = 3
_GROUP = 0  # the version under which the ledger keeps what concerns the whole group; SageMaker counts from 1


def review(context: Context, model: str, version: int, *, is_asking: bool = True) -> tuple[Entry, ...]:
    """Bring the ledger up to date with one version, and meet what the rules demand of it.

    It may be called at any time, any number of times, by several at once: what it finds done is not done again. A
    version that was deleted in between has nothing to review.

    Args:
        context: Gateways.
        model: A declared model.
        version: The number of the version.
        is_asking: Whether the reconciler is to be woken where it may have something to do. When it is the reconciler
            that calls, it looks again by itself; each message would bring the next one for ever, else.

    Returns:
        The entries that were written now.

    Raises:
        NotFoundError: the model is not declared or the version is gone.
        ConflictError: others kept writing entries of this version; try again later.
        AwsError: AWS refused a call; the next review continues where this one stopped.
    """
    for attempt in range(_ATTEMPTS):
        try:
            package = reading.describe(context, model, version)
            return _review(context, package, context.ledger.chain(model, version), is_asking=is_asking)[0]
        except ConflictError:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def review_seen(context: Context, package: ModelPackage, chain: tuple[Entry, ...]) -> tuple[Entry, ...] | None:
    """Review a version that was read a moment ago, and do not read it again.

    Args:
        context: Gateways.
        package: The version.
        chain: Its entries, oldest first.

    Returns:
        The entries that were written now; None where the version has to be read again: the review changed it, or
        somebody else reviewed it in between.

    Raises:
        AwsError: AWS refused a call; the next review continues where this one stopped.
    """
    try:
        entries, is_changed = _review(context, package, chain, is_asking=False)
    except ConflictError:
        return None
    return None if is_changed else entries


def _review(
    context: Context, package: ModelPackage, chain: tuple[Entry, ...], *, is_asking: bool
) -> tuple[tuple[Entry, ...], bool]:
    case = _case(context, package, chain)
    entries = news(case)
    apply(context, Plan("What is new", tuple(Record(entry) for entry in entries)))
    case = replace(case, chain=(*case.chain, *entries))
    why, updates = demands(case, now=context.clock())
    ask = _ask(case) if is_asking and (updates or wants_reconciling(case)) else ()
    apply(context, Plan(why, (*updates, *ask)))
    return entries, bool(updates)


def _ask(case: Case) -> tuple[AskReconciler, ...]:
    """Wake the reconciler for the environment of the version's stage.

    An update that was just made is reviewed in its turn and asks for its own environment; this covers the one where
    the version stands now, whose desired version may just have become another.
    """
    if case.environment is None:
        return ()
    return (AskReconciler(case.package.group, case.environment.name, case.package.version),)


def _case(context: Context, package: ModelPackage, chain: tuple[Entry, ...]) -> Case:
    """Read as much of the surroundings as the verdict needs: nothing, for a version about which nothing is new."""
    model = context.model(package.group)
    # At first sight by an event, it is the event's change that comes after the adoption.
    is_new = model.existing and not chain
    adopted_at = adopted(context, model.name, package.modified_at - timedelta(microseconds=1)) if is_new else None
    case = Case(context.spec, model, package, chain, adopted_at=adopted_at)
    stages = concerned(case)
    standing = [_fresh(package, each) for each in reading.standing(context, package.group, *stages)] if stages else []
    return replace(case, standing=standing, heir=_heir(context, case))


def adopted(context: Context, model: str, now: datetime) -> datetime:
    """Tell when a group that was there already was adopted; at the first question, record that it is adopted now.

    What its versions were before that moment stays as it is: an approval that nobody held against gates is neither
    taken back nor followed by a rollout.

    Raises:
        ConflictError: another writer was quicker; ask again.
        AwsError: AWS refused a call.
    """
    for entry in context.ledger.chain(model, _GROUP):
        return entry.at
    entry = Entry(model, _GROUP, 1, now, EntryKind.ADOPTED, SYSTEM, "the group was there already")
    apply(context, Plan("Adopt the group", (Record(entry),)))
    return now


def _fresh(package: ModelPackage, indexed: ModelPackage) -> ModelPackage:
    """Prefer what was just described to what the index says of the same version."""
    return package if package.arn == indexed.arn else indexed


def _heir(context: Context, case: Case) -> ModelPackage | None:
    package, environment = case.package, case.environment
    if environment is None or package.approval_status is not ApprovalStatus.REJECTED:
        return None
    return heir(context, package.group, environment.name, but=package.version)
