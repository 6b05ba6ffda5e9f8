"""One question that AWS does not answer and tests must ask: is anything still going on? Both ends of it."""

import http.client
import json
from collections.abc import Callable
from typing import Any

_PATH = "/_modelward/busy"


def answering(app: Any, busy: Callable[[], list[str]]) -> Any:
    """Wrap an ASGI application so that it answers the question, too."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") != _PATH:
            await app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(busy()).encode()})

    return wrapped


def ask(port: int) -> list[str]:
    """Ask the local AWS on a port of this computer what is still going on."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", _PATH)
        busy: list[str] = json.load(connection.getresponse())
    finally:
        connection.close()
    return busy
