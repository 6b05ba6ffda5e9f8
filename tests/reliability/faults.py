"""What goes wrong: calls that AWS does not answer well, functions that end, and events that come as they like."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from modelward.local import moto as local

KINDS = {
    "throttled": ("throttled", "AWS asks to slow down (ThrottlingException)"),
    "server_error": ("error of AWS", "AWS has an error of its own (InternalFailure, 500)"),
    "timeout_before": ("timed out before", "no answer, and nothing happened"),
    "timeout_after": ("timed out after", "no answer, but it happened"),
    "crash_before": ("killed before", "the function is killed before the call"),
    "crash_after": ("killed after", "the function is killed after the call"),
    "conflict": ("conflict", "another writer is in the way (ConflictException)"),
    "denied": ("denied", "a right is missing for a while (AccessDeniedException)"),
}
"""By kind, what it is called and what it means."""
_REFUSALS = {
    "throttled": ("ThrottlingException", "Rate exceeded", 400),
    "server_error": ("InternalFailure", "The request failed because of an unknown error.", 500),
    "conflict": ("ConflictException", "There was a conflict", 400),
    "denied": ("AccessDeniedException", "not authorized to perform this", 400),
}
# Two tries of a function make the same call at different times, and with other tokens that make it idempotent.
_TOKEN = r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|"
_TIME = re.compile(_TOKEN + r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:?\d\d|Z)?|\b1[78]\d{8}(\.\d+)?\b")


class Crash(BaseException):
    """The function's process is gone: nothing catches it but Lambda, which brings the message again."""


@dataclass
class FaultAtEveryCall:
    """A fault that strikes each call that a message leads to, the first time that it is made.

    A message comes again after each fault, so in the end each of its calls has failed once: the reads, and those that
    only a later try makes because an earlier one stopped half-way. A call is told by its operation, by what is asked
    and by how often it was made in this try, times aside.

    Args:
        kind: One of `KINDS`.
        struck: The operations that failed, in order.
    """

    kind: str
    struck: list[str] = field(default_factory=list)
    _known: set[tuple[int, str]] = field(default_factory=set)
    _made: dict[str, int] = field(default_factory=dict)
    _is_due: bool = False
    _is_spent: bool = False

    def begin(self, attempt: int) -> None:
        """Begin a try of a message; the first one is number 0."""
        if attempt == 0:
            self._known.clear()
        self._made, self._is_due, self._is_spent = {}, False, False

    def strike(self, operation: str, request: str) -> Any:
        """Fail before a call, or answer it in the place of AWS, if it is its turn."""
        call = f"{operation} {_TIME.sub('', request)}"
        self._made[call] = self._made.get(call, 0) + 1
        key = (self._made[call], call)
        if self._is_spent or key in self._known:
            return None
        self._known.add(key)
        self._is_spent = self.kind != "conflict"  # a function itself tries again after a conflict, in the same try
        self.struck.append(operation)
        self._is_due = self.kind.endswith("_after")
        return fail_before(self.kind)

    def strike_after(self) -> None:
        """Fail after a call, if it is its turn."""
        if self._is_due:
            self._is_due = False
            fail_after(self.kind)


@dataclass
class Meddler:
    """Somebody who edits versions through the raw API while functions are at work: between any two of their calls.

    Args:
        client: A client of SageMaker that nobody watches.
        arns: The versions.
        seed: Makes it do the same again.
        edits: How often it edits.
    """

    client: Any
    arns: Sequence[str]
    seed: int
    edits: int = 12
    made: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._dice = Random(self.seed)

    def begin(self, attempt: int) -> None:
        """Begin a try of a message, which changes nothing."""

    def strike(self, operation: str, request: str) -> None:
        """Edit a version, now and then."""
        if len(self.made) < self.edits and self._dice.random() < 0.2:
            name = self._dice.choice(list(_EDITS))
            self.made.append(name)
            self.client.update_model_package(ModelPackageArn=self._dice.choice(self.arns), **_EDITS[name])

    def strike_after(self) -> None:
        """Leave what was done."""


_EDITS: dict[str, dict[str, Any]] = {
    "approve": {"ModelApprovalStatus": "Approved", "ApprovalDescription": "fine"},
    "reject": {"ModelApprovalStatus": "Rejected", "ApprovalDescription": "no"},
    "annotate": {"CustomerMetadataProperties": {"team": "vision"}},
    "reword": {"ApprovalDescription": "as discussed"},
    "stage": {"ModelLifeCycle": {"Stage": "Staging", "StageStatus": "InProgress"}},
    "release": {"ModelLifeCycle": {"Stage": "Production", "StageStatus": "InProgress"}},
    "release at once": {"ModelLifeCycle": {"Stage": "Production", "StageStatus": "Approved"}},
    "shelve": {"ModelLifeCycle": {"Stage": "Development", "StageStatus": "OnHold"}},
}


@dataclass
class OneFault:
    """A fault that strikes one call: the first one of an operation, or the first of all."""

    kind: str
    operation: str = ""
    is_spent: bool = False
    _is_due: bool = False

    def begin(self, attempt: int) -> None:
        """Begin a try of a message, which changes nothing."""

    def strike(self, operation: str, request: str) -> Any:
        """Fail before a call, or answer it in the place of AWS, if it is the one."""
        if self.is_spent or operation != (self.operation or operation):
            return None
        self.is_spent, self._is_due = True, self.kind.endswith("_after")
        return fail_before(self.kind)

    def strike_after(self) -> None:
        """Fail after a call, if it is the one."""
        if self._is_due:
            self._is_due = False
            fail_after(self.kind)


def fail_before(kind: str) -> Any:
    """Raise what a fault of a kind raises before a call, or give AWS's refusal; None if it strikes afterwards."""
    if kind == "crash_before":
        raise Crash
    if kind == "timeout_before":
        raise ReadTimeoutError(endpoint_url="https://aws")
    if kind not in _REFUSALS:
        return None
    code, text, status = _REFUSALS[kind]
    body = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return AWSResponse("https://aws", status, {}, None), body


def fail_after(kind: str) -> None:
    """Raise what a fault of a kind raises once the call has had its effect."""
    if kind == "crash_after":
        raise Crash
    raise ReadTimeoutError(endpoint_url="https://aws")


class Prompt:
    """How events of SageMaker travel: once, in order, at once. Others do worse."""

    @property
    def next_due(self) -> datetime | None:
        """When something comes by itself."""
        return None

    def take(self, events: Sequence[Any]) -> list[Any]:
        """Take fresh events, and give those that arrive now."""
        return list(events)

    def is_moved(self, world: Any) -> bool:
        """Let happen what happens when all is at rest; tell whether anything did."""
        return False


class Twice(Prompt):
    """Each event comes twice."""

    def take(self, events: Sequence[Any]) -> list[Any]:
        return [event for event in events for _ in range(2)]


class Reversed(Prompt):
    """All events come late, the last one first."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def take(self, events: Sequence[Any]) -> list[Any]:
        self.kept += events
        return []

    def is_moved(self, world: Any) -> bool:
        kept, self.kept = self.kept, []
        for event in reversed(kept):
            world.carry(event)
        return bool(kept)


class DayLate(Reversed):
    """Each event comes a day after what it tells of."""

    def is_moved(self, world: Any) -> bool:
        kept, self.kept = self.kept, []
        local.advance(24 * 3600 if kept else 0)
        for event in kept:
            world.carry(event)
        return bool(kept)


class Lost(Prompt):
    """No event ever comes; the sweep looks every quarter of an hour."""

    def take(self, events: Sequence[Any]) -> list[Any]:
        return []

    def is_moved(self, world: Any) -> bool:
        before = _traces(world)
        local.advance(900)
        world.sweep()
        world.settle()
        return _traces(world) != before


def _traces(world: Any) -> tuple[int, int]:
    """Count what anything that is done leaves behind: SageMaker's events, and entries of the ledger."""
    return len(world.events), world.told


DELIVERIES: dict[str, tuple[type[Prompt], str, str]] = {
    "twice": (Twice, "twice", "each event comes twice"),
    "reversed": (Reversed, "reversed", "events come late, the last one first"),
    "day_late": (DayLate, "24 hours late", "each event comes a day after what it tells of"),
    "lost": (Lost, "lost", "no event comes at all: the sweep only"),
}
"""By way, what it does, what it is called and what it means."""
