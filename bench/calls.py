"""How many AWS calls an operation makes once it is connected; exact, the same on every machine."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from bench.account import MODEL, Account, connected
from bench.figure import Figure
from bench.traffic import Call, counted
from modelward.services.reconcile import reconcile

PART = "calls"
_PAGE = 100


def measure() -> Iterator[Figure]:
    """Count."""
    with connected() as account:
        yield from _decisions(account)
    with connected() as account:
        yield from _current(account)
    with connected() as account:
        yield from _reading(account)


def _decisions(account: Account) -> Iterator[Figure]:
    register = _heard(account, lambda: account.register("first"))
    yield _figure(
        "register (local artifact)",
        "1 CreateModelPackage + 1 PutObject per file (artifact, metrics) + at most 1 read",
        [register],
        _is_registration(register),
    )
    first, second = account.digits.version(1), account.register("second")
    approve = _heard(account, lambda: first.approve(reason="better on every digit"))
    account.deploy(first)
    reject = _heard(account, lambda: second.reject(reason="trained on spoiled labels"))
    second.approve(reason="the labels were right")
    promote = _heard(account, lambda: second.promote("Production", reason="released"))
    goal = "at most 1 UpdateModelPackage + 2 reads"
    for what, calls in (("approve", approve), ("reject", reject), ("promote", promote)):
        yield _figure(what, goal, [calls], _is_decision(calls))


def _current(account: Account) -> Iterator[Figure]:
    oldest = account.register("the oldest")
    oldest.approve(reason="good")
    account.deploy(oldest)
    account.fill(9)
    few = _heard(account, lambda: account.digits.current("Production"))
    account.fill(9_990)
    many = _heard(account, lambda: account.digits.current("Production"))
    found = account.digits.current("Production")
    is_held = max(len(few), len(many)) <= 2 and found is not None and found.version == 1
    yield _figure(
        "`current(stage)` of 10 and of 10,000 versions, the oldest holding it",
        "at most 2, whatever the number of versions",
        [few, many],
        is_held,
    )


def _reading(account: Account) -> Iterator[Figure]:
    live = account.register("live")
    live.approve(reason="good")
    account.deploy(live)
    account.fill(_PAGE - 1)
    hundred = _heard(account, account.digits.versions)
    compare = _heard(account, lambda: account.digits.compare(2, 3))
    idle = _heard(account, lambda: reconcile(account.context, MODEL, "production"))
    account.fill(9 * _PAGE)
    thousand = _heard(account, account.digits.versions)
    yield _figure(
        "`versions()` with metrics, of 100 and of 1,000",
        "at most 2 per 100 versions",
        [hundred, thousand],
        len(hundred) <= 2 and len(thousand) <= 20,
    )
    yield _figure("`compare(a, b)`", "at most 2 reads", [compare], len(compare) <= 2 and _are_reads(compare))
    yield _figure("reconcile with nothing to do", "at most 3 reads", [idle], len(idle) <= 3 and _are_reads(idle))


def _heard(account: Account, operation: Callable[[], object]) -> list[Call]:
    with account.traffic.heard() as calls:
        operation()
    return calls


def _figure(what: str, goal: str, counts: Sequence[Sequence[Call]], is_held: bool) -> Figure:  # noqa: FBT001
    measured = "; ".join(f"{len(calls)}: {counted(calls)}" for calls in counts)
    return Figure(f"AWS calls: {what}", goal, measured, is_held, PART)


def _are_reads(calls: Iterable[Call]) -> bool:
    return all(call.operation.startswith(("Describe", "List", "Search", "Query", "Get", "Head")) for call in calls)


def _is_registration(calls: Sequence[Call]) -> bool:
    names = [call.operation for call in calls if not _are_reads([call])]
    reads = len(calls) - len(names)
    return sorted(names) == ["CreateModelPackage", "PutObject", "PutObject"] and reads <= 1


def _is_decision(calls: Sequence[Call]) -> bool:
    names = [call.operation for call in calls if not _are_reads([call])]
    return names == ["UpdateModelPackage"] and len(calls) <= 3
