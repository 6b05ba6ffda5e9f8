"""Faults that a test injects: at the n-th call of an operation from now on."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum, auto

from modelward.local.sagemaker.errors import ApiError, UnansweredError


class Fault(StrEnum):
    """What goes wrong."""

    THROTTLE = auto()
    INTERNAL_FAILURE = auto()
    UNAVAILABLE = auto()
    TIMEOUT_BEFORE = auto()  # no answer, and nothing happened
    TIMEOUT_AFTER = auto()  # no answer, but it happened
    CONFLICT = auto()
    DENIED = auto()
    QUOTA = auto()
    UNHEALTHY = auto()  # the call succeeds; the containers of the rollout that it starts never become healthy
    ROLLBACK_FAILS = auto()  # the call succeeds; a rolling update that it starts cannot be undone, should it have to be


@dataclass(slots=True)
class _Planned:
    operation: str
    at_call: int
    kind: Fault


_AFTER_THE_CALL = frozenset({Fault.TIMEOUT_AFTER, Fault.UNHEALTHY, Fault.ROLLBACK_FAILS})


class Faults:
    """The faults still to come, and how often each operation was called.

    Two kinds last: containers of `unhealthy_configs`, by name, never become healthy; `quotas` say how many instances of
    a type all endpoints together may have.
    """

    def __init__(self) -> None:
        self._planned: list[_Planned] = []
        self.calls: Counter[str] = Counter()
        self.unhealthy_configs: set[str] = set()
        self.quotas: dict[str, int] = {}

    def add(self, operation: str, *, call: int = 1, kind: Fault) -> None:
        """Let a coming call of an operation fail: `call` 1 is the next one. Each fault strikes once."""
        self._planned.append(_Planned(operation, self.calls[operation] + call, kind))

    def clear(self) -> None:
        """Let nothing fail from now on; the calls stay counted."""
        self._planned.clear()
        self.unhealthy_configs.clear()
        self.quotas.clear()

    @property
    def pending(self) -> int:
        """Count the faults that have not struck yet."""
        return len(self._planned)

    def strike(self, operation: str, who: str) -> "Fault | None":
        """Count a call; raise the fault that is due before it, or return one that is due later in it."""
        self.calls[operation] += 1
        kind = self._take(operation)
        if kind is None or kind in _AFTER_THE_CALL:
            return kind
        raise _refusal(kind, operation, who)

    def _take(self, operation: str) -> Fault | None:
        for planned in self._planned:
            if planned.operation == operation and planned.at_call <= self.calls[operation]:
                self._planned.remove(planned)
                return planned.kind
        return None


def denied(operation: str, who: str, resource: str = "*") -> ApiError:
    """Answer AccessDeniedException in IAM's words."""
    return ApiError(
        "AccessDeniedException",
        f"User: {who} is not authorized to perform: sagemaker:{operation} on resource: {resource} "
        f"because no identity-based policy allows the sagemaker:{operation} action",
    )


_REFUSALS = {
    Fault.THROTTLE: ("ThrottlingException", "Rate exceeded", 400),
    Fault.INTERNAL_FAILURE: ("InternalFailure", "The request failed because of an unknown error.", 500),
    Fault.UNAVAILABLE: ("ServiceUnavailable", "The service is unavailable.", 503),
    Fault.CONFLICT: ("ConflictException", "There was a conflict when you attempted to modify the resource.", 400),
    Fault.QUOTA: ("ResourceLimitExceeded", "The account-level service limit is exceeded.", 400),
}


def _refusal(kind: Fault, operation: str, who: str) -> Exception:
    if kind is Fault.TIMEOUT_BEFORE:
        return UnansweredError(f"{operation} got no answer.")
    return denied(operation, who) if kind is Fault.DENIED else ApiError(*_REFUSALS[kind])
