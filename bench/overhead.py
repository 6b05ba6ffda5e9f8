"""What an operation of the SDK takes, over the same calls with the same parameters made with plain boto3.

The calls of one run are recorded and made again by plain clients, against the same local SageMaker in this process: so
the difference is what Modelward itself adds. It weighs most here, where a call takes a millisecond or two and
crosses no network. Both take turns, so that whatever else the machine does hits both.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median
from time import perf_counter
from uuid import uuid4

from bench.account import Account, connected
from bench.figure import Figure
from bench.traffic import Call, Plain, renamed
from modelward.services.archive import inspect_file
from modelward.services.git import code_state

PART = "overhead"
GOAL = 1.2
ROUNDS = 100
_VERSIONS = 100
_LIVE, _OTHER = 1, 2

Run = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Case:
    """One operation.

    Args:
        name: What people call it.
        run: Does it with the SDK.
        restore: Brings the account back to where the operation has something to do.
        note: More to say of the figure.
    """

    name: str
    run: Run
    restore: Run = list
    note: str = ""


def measure() -> Iterator[Figure]:
    """Take the times."""
    with connected() as account:
        _people(account)
        plain = Plain()
        for case in _cases(account):
            yield _figure(case, *_medians(account, plain, case))


def inspection_ms_per_mb() -> float:
    """Take the time of unpacking and digesting an archive of model weights, per MB of the archive."""
    with connected() as account:
        path = account.artifact("large", size=4_000_000)
        return 1e3 * min(_timed(lambda: inspect_file(path)) for _ in range(20)) / (path.stat().st_size / 1e6)


def _figure(case: Case, ours_s: float, plain_s: float) -> Figure:
    ratio = ours_s / plain_s
    note = f"; {case.note}" if case.note else ""
    measured = f"{ratio:.2f} x ({ours_s * 1e3:.2f} ms over {plain_s * 1e3:.2f} ms{note})"
    return Figure(f"time over raw boto3: {case.name}", f"at most {GOAL} x", measured, ratio <= GOAL, PART)


def _people(account: Account) -> None:
    """Fill the account: a version that is live everywhere, and one to decide about."""
    live = account.register("live")
    live.approve(reason="good")
    account.deploy(live)
    account.register("other")
    account.fill(_VERSIONS - 2)


def _cases(account: Account) -> Iterator[Case]:
    digits, other = account.digits, account.digits.version(_OTHER)
    yield Case("describe", lambda: digits.version(_OTHER))
    yield Case("current", lambda: digits.current("Production"))
    yield Case("versions, 100 of them", digits.versions)
    yield Case("compare", lambda: digits.compare(_LIVE, _OTHER))
    yield Case("approve", lambda: other.approve(reason="better on every digit"), lambda: _set(account, "Rejected"))
    _set(account, "Approved")
    yield Case("promote", lambda: other.promote("Production", reason="released"), lambda: _send_back(account))
    yield _registration(account)


def _registration(account: Account) -> Case:
    path, numbers = account.artifact("new"), count()
    note = f"{1e3 * _git_s(account):.1f} ms of it are the two processes of git"
    return Case(
        "register",
        lambda: account.register_from(path, f"run {next(numbers)}"),
        lambda: account.forget_above(_VERSIONS),
        note,
    )


def _git_s(account: Account) -> float:
    return median(_timed(lambda: code_state(account.context.folder)) for _ in range(ROUNDS))


def _set(account: Account, verdict: str) -> None:
    account.update(_OTHER, ModelApprovalStatus=verdict, ApprovalDescription="")


def _send_back(account: Account) -> None:
    account.update(_OTHER, ModelLifeCycle={"Stage": "Development", "StageStatus": "Approved"})


def _medians(account: Account, plain: Plain, case: Case) -> tuple[float, float]:
    """Take turns, each first every other time."""
    case.restore()
    with account.traffic.heard() as calls:
        case.run()
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * ROUNDS):
        is_ours = number % 4 in (0, 3)
        case.restore()
        run = case.run if is_ours else plain.prepared(_anew(calls))
        times[is_ours].append(_timed(run))
    return median(times[True]), median(times[False])


def _anew(calls: Sequence[Call]) -> list[Call]:
    """Give the same calls, but as a registration of its own: with the same token SageMaker would not make another."""
    tokens = [str(call.parameters["ClientToken"]) for call in calls if "ClientToken" in call.parameters]
    return renamed(calls, {token: str(uuid4()) for token in tokens})


def _timed(run: Run) -> float:
    began = perf_counter()
    run()
    return perf_counter() - began
