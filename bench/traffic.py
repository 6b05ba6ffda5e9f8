"""What boto3 clients say to AWS: each call with its parameters, and the same calls once more by plain clients."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config


@dataclass(frozen=True, slots=True)
class Call:
    """One API call."""

    service: str
    operation: str
    parameters: dict[str, Any]


@dataclass(slots=True)
class Traffic:
    """The calls of a session's clients, as far as they are made inside `heard()`."""

    calls: list[Call] = field(default_factory=list)
    is_heard: bool = False

    def listen(self, session: boto3.Session) -> None:
        """Hook into a session before it makes clients, which inherit its hooks."""
        session.events.register("provide-client-params", self._hear)

    def _hear(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if self.is_heard:
            self.calls.append(Call(model.service_model.service_name, model.name, _kept(params)))

    @contextmanager
    def heard(self) -> Iterator[list[Call]]:
        """Collect the calls that are made inside the block; each page of a list is a call."""
        self.calls, self.is_heard = [], True
        try:
            yield self.calls
        finally:
            self.is_heard = False


def _kept(parameters: dict[str, Any]) -> dict[str, Any]:
    """Keep parameters; of a body that is a file, its bytes."""
    body = parameters.get("Body")
    if body is None or isinstance(body, bytes):
        return dict(parameters)
    content = body.read()
    body.seek(0)
    return {**parameters, "Body": content}


def counted(calls: Sequence[Call]) -> str:
    """Spell calls in the order in which each operation came first: `2 PutObject + 1 CreateModelPackage`."""
    return " + ".join(f"{count} {name}" for name, count in Counter(call.operation for call in calls).items())


class Plain:
    """Clients made by boto3 alone, with the retries that Modelward's have."""

    def __init__(self) -> None:
        """Make no client yet."""
        self._session = boto3.Session()
        self._config = Config(retries={"mode": "standard", "max_attempts": 5})
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Make a client of a service, once."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service, config=self._config)  # type: ignore[call-overload]
        return self._clients[service]

    def prepared(self, calls: Sequence[Call]) -> Callable[[], object]:
        """Make ready to make the same calls with the same parameters, in the same order."""
        ready = [(getattr(self.client(call.service), xform_name(call.operation)), call.parameters) for call in calls]
        return lambda: [method(**parameters) for method, parameters in ready]


def renamed(calls: Sequence[Call], names: dict[str, str]) -> list[Call]:
    """Give the same calls about something else: whatever text in the parameters is a key becomes its value."""
    return [Call(call.service, call.operation, _renamed(call.parameters, names)) for call in calls]


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(each, names) for key, each in value.items()}
    return names.get(value, value) if isinstance(value, str) else value
