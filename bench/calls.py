"""How many AWS calls an operation makes once it is connected; exact, the same on every machine."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from bench.account import MODEL, Account, connected
from bench.figure import Figure
from bench.post import Post
from bench.traffic import Call, counted
from modelward.core.arn import VersionArn
from modelward.core.names import version_in
from modelward.services.context import Context
from modelward.services.reconcile import reconcile
from modelward.services.review import review
from modelward.services.sweep import sweep

PART = "calls"
_PAGE = 100
_APPROVAL, _ROLLBACK = 14, 8
_ENVIRONMENTS, _DESCRIBES = 2, 1.2


def measure() -> Iterator[Figure]:
    """Count."""
    with connected() as account:
        yield from _decisions(account)
    with connected() as account:
        yield from _current(account)
    with connected() as account:
        yield from _reading(account)
    with connected() as account:
        yield from _rollouts(account)


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


def _rollouts(account: Account) -> Iterator[Figure]:
    post = Post(account.context.settings.reconcile_queue_url, partial(_react, account.context))
    first, second = account.register("first"), account.register("second")
    first.approve(reason="better on every digit")
    post.run()
    second.approve(reason="better still")
    approval = _heard(account, post.run)
    account.digits.roll_back("staging", reason="users complain")
    # The command asks the reconciler itself; the review comes beside it, and finds all done.
    rollback = _heard(account, lambda: reconcile(account.context, MODEL, "staging", first.version))
    post.run()
    swept = _heard(account, lambda: sweep(account.context, MODEL))
    described = [call for call in swept if call.operation.startswith("Describe")]
    yield _way("of all functions, from approval", approval, _APPROVAL)
    yield _way("of the reconciler, from rollback", rollback, _ROLLBACK)
    yield _figure(
        "sweep of a model with nothing to do, for two environments",
        f"at most {_DESCRIBES} describe calls for each",
        [swept],
        len(described) <= _DESCRIBES * _ENVIRONMENTS and _are_reads(swept),
    )


def _way(whence: str, calls: Sequence[Call], most: int) -> Figure:
    """Count what is called until an endpoint is updated."""
    calls = calls[: [call.operation for call in calls].index("UpdateEndpoint") + 1]
    return _figure(f"{whence} to UpdateEndpoint", f"at most {most}", [calls], len(calls) <= most)


def _react(context: Context, function: str, bodies: Iterable[Any]) -> None:
    """Do what the functions do; people are told beside the way to the endpoint."""
    for body in bodies if function != "notify" else ():
        detail = body.get("detail", body)
        if function == "model_package":
            arn = VersionArn.parse(str(detail["ModelPackageArn"]))
            assert arn is not None
            review(context, arn.group, arn.version)
        elif "EndpointName" in detail:
            served = version_in(detail["EndpointConfigName"])
            reconcile(context, MODEL, str(detail["EndpointName"]).removeprefix(f"{MODEL}-"), served)
        else:
            reconcile(context, MODEL, detail["environment"], detail.get("version"))


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
