"""What can be made to happen in a local SageMaker that nobody can order from AWS: faults, late events, the time.

In-process, a test has the core itself in its hands. These are the same switches for whoever reaches it over HTTP only:
by `LocalAws.switch`, by ``modelward local switch``, or, from any language, by a POST to ``/_modelward/switch``.
"""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from modelward.local.sagemaker import ApiError, Deliveries, Fault, SageMaker, every, of

Advance = Callable[[float], None]


class SwitchError(ValueError):
    """A switch or its arguments are not understood; the text is for people."""


class Switches:
    """The switches of the SageMaker of an account and region. Each method is one."""

    def __init__(self, core: SageMaker, advance: Advance) -> None:
        """Act on a core; `advance` moves the clock of all of them."""
        self._core = core
        self._advance = advance

    def advance(self, seconds: float) -> None:
        """Move the time of endpoints, deployments and alarms ahead, in all accounts."""
        self._advance(seconds)

    def fault(self, operation: str, kind: str, call: int = 1) -> None:
        """Let a coming call of an operation go wrong; `call` 1 is the next one.

        Kinds: throttle, internal_failure, unavailable, timeout_before, timeout_after, conflict, denied, quota,
        unhealthy, rollback_fails.
        """
        _choose("kind", kind, list(Fault))
        _choose("operation", operation, sorted({*self._core.operations, "InvokeEndpoint"}))
        self._core.faults.add(operation, call=call, kind=Fault(kind))

    def unhealthy(self, config: str) -> None:
        """Let the containers of an endpoint config never become healthy."""
        self._core.faults.unhealthy_configs.add(config)

    def quota(self, instance_type: str, instances: int) -> None:
        """Limit how many instances of a type all endpoints together may have."""
        self._core.faults.quotas[instance_type] = instances

    def maintain(self, endpoint: str, seconds: float) -> None:
        """Let AWS maintain an endpoint: SystemUpdating for a while."""
        self._core.update_by_system(endpoint, seconds)

    def hide(self, kind: str, reads: int, creations: int = 1) -> None:
        """Hide the next resources of a kind (endpoint-config, model-package, ...) from their first reads."""
        self._core.veil.hide_next(kind, reads=reads, creations=creations)

    def timing(self, seconds: float, of: str) -> None:
        """Let something take so long: create_s, update_s, delete_s, search_lag_s, ..."""
        _choose("of", of, [each.name for each in dataclasses.fields(self._core.timing)])
        self._core.timing = dataclasses.replace(self._core.timing, **{of: seconds})

    def duplicate(self, event: str = "", count: int = 1, copies: int = 2) -> None:
        """Let the next events, all or those of a detail type, arrive several times."""
        self._deliveries.duplicate(_matching(event), copies=copies, count=count)

    def lose(self, event: str = "", count: int = 1) -> None:
        """Let the next events not arrive."""
        self._deliveries.lose(_matching(event), count=count)

    def delay(self, seconds: float, event: str = "", count: int = 1) -> None:
        """Let the next events arrive later."""
        self._deliveries.delay(seconds, _matching(event), count=count)

    def swap(self, event: str = "", count: int = 1) -> None:
        """Let the next two events arrive in the other order; `count` pairs."""
        self._deliveries.swap(_matching(event), count=count)

    def calm(self) -> None:
        """Let nothing go wrong any more; events that are held back arrive."""
        self._core.faults.clear()
        self._core.veil.clear()
        self._deliveries.clear()
        self._core.advance()

    @property
    def _deliveries(self) -> Deliveries:
        return self._core.deliveries


def usages() -> dict[str, str]:
    """Return what each switch does, by how it is called."""
    return {_usage(name): inspect.getdoc(method) or "" for name, method in _methods().items()}


def throw(switches: Switches, name: str, arguments: Mapping[str, Any]) -> None:
    """Throw a switch by name; values may be text. Raises SwitchError, having done nothing, if it cannot be done."""
    method = _methods().get(_choose("switch", name, list(_methods())))
    assert method is not None  # noqa: S101 - for the type checker: it was just looked up
    try:
        bound = inspect.signature(method).bind(switches, **arguments)
        values = {key: _typed(method, key, value) for key, value in bound.arguments.items() if key != "self"}
    except (TypeError, ValueError) as error:
        raise SwitchError(f"{name}: {error}; it is called as: {_usage(name)}") from error
    try:
        method(switches, **values)
    except ApiError as error:
        raise SwitchError(f"{name}: {error.message}") from error


def _methods() -> dict[str, Callable[..., None]]:
    return {name: each for name, each in vars(Switches).items() if inspect.isfunction(each) and name[0] != "_"}


def _usage(name: str) -> str:
    taken = list(inspect.signature(_methods()[name]).parameters.values())[1:]
    shown = (f"{each.name}=…" if each.default is each.empty else f"[{each.name}={each.default}]" for each in taken)
    return " ".join((name, *shown))


def _typed(method: Callable[..., None], key: str, value: Any) -> Any:
    wanted: type = inspect.get_annotations(method)[key]
    try:
        return wanted(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{key} is {value!r}, not a number") from error


def _choose(what: str, value: str, known: list[Any]) -> str:
    if value not in known:
        raise SwitchError(f"{what} is {value!r}; it must be one of: {', '.join(known)}")
    return value


def _matching(event: str) -> Callable[[Any], bool]:
    return of(event) if event else every
