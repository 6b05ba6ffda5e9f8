"""What AWS does not answer and tests must ask: is anything still going on? And the switches. Both ends of both.

``GET /_modelward/busy`` answers with a list of names. ``POST /_modelward/switch`` takes ``{"switch": "lose", "account":
..., "region": ..., "arguments": {"count": 2}}`` and answers 204, or 400 with a text that says what is wrong.
"""

import asyncio
import http.client
import json
from collections.abc import Mapping
from typing import Any, Protocol

from modelward.core.errors import InputError
from modelward.local.switches import SwitchError

_BUSY = "/_modelward/busy"
_SWITCH = "/_modelward/switch"


class Controlled(Protocol):
    """What is asked and switched."""

    def busy(self) -> list[str]:
        """Name what is still going on."""

    def throw(self, order: Mapping[str, Any]) -> None:
        """Throw a switch, or raise SwitchError."""


def controlling(app: Any, controlled: Controlled) -> Any:
    """Wrap an ASGI application so that it answers these, too."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path")
        if path == _BUSY:
            await _answer(send, 200, json.dumps(controlled.busy()))
        elif path == _SWITCH:
            await _answer(send, *await asyncio.to_thread(_throw, controlled, await _body(receive)))
        else:
            await app(scope, receive, send)

    return wrapped


def busy(port: int) -> list[str]:
    """Ask the local AWS on a port of this computer what is still going on."""
    names: list[str] = json.loads(_ask(port, "GET", _BUSY)[1])
    return names


def throw(port: int, name: str, *, account: str | None, region: str | None, arguments: Mapping[str, Any]) -> None:
    """Throw a switch of the local AWS on a port of this computer.

    Args:
        port: Its TCP port.
        name: One of `switches.Switches`.
        account: Whose SageMaker is meant; None for the account of the identities.
        region: Which of its regions; None for the usual one.
        arguments: What the switch takes.

    Raises InputError if the switch or its arguments are not understood.
    """
    order = {"switch": name, "account": account, "region": region, "arguments": dict(arguments)}
    status, told = _ask(port, "POST", _SWITCH, json.dumps(order))
    if status != 204:
        raise InputError(
            "switch",
            found=told,
            rule="it, its arguments and what they name must be there",
            next_step="`modelward local switch` lists them.",
        )


def _throw(controlled: Controlled, body: bytes) -> tuple[int, str]:
    try:
        controlled.throw(json.loads(body))
    except (SwitchError, ValueError) as error:
        return 400, str(error)
    return 204, ""


async def _body(receive: Any) -> bytes:
    body, is_more = b"", True
    while is_more:
        message = await receive()
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    return body


async def _answer(send: Any, status: int, text: str) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


def _ask(port: int, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()
