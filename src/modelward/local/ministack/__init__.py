"""All that Modelward knows of MiniStack's inside: each private name of MiniStack 1.5.33 that it uses stands here.

MiniStack has no plug-in interface, so the local SageMaker is put beside its services by these names, and what it does
otherwise than AWS is mended by them. The version is pinned and `tests/unit/local_hosting/test_ministack_names.py`
fails for each name that goes away or changes its meaning. Everything above this package sees plain functions:
the server's here; who may do what in `access`, `evaluation`, `policies`, `keys`, `sessions` (source identities) and
`buckets` (other accounts'); events in `events` and, to other buses, in `buses`, whose policies CloudFormation gets in
`bus_policies`; metrics and alarms in `alarms`;
CloudFormation in `templates` and `completions`; functions and what they are fed from in `lambdas` and `mappings`.

MiniStack keeps its state in modules and reads its settings when its app is imported, so one process runs one MiniStack,
and `up` sets the environment of the process in which `server` does that. This package imports the app only when it
is to be served: `evaluation` is of use without it.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

from ministack.core import responses, router

Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], Awaitable[Response]]

VERSION = "1.5.33"

_CUT = "x-modelward-cut"
UNANSWERED: Response = (200, {_CUT: "yes"}, b"")  # for a handler whose answer is to get lost: the connection breaks off


def asgi() -> Any:
    """Return MiniStack as an ASGI application, which takes each request for one that came by TLS.

    Policies as the CDK's `enforce_ssl` writes them refuse all others, and the loopback interface needs no TLS.
    """
    import ministack.app
    import ministack.core.hypercorn_compat

    ministack.core.hypercorn_compat.install()  # without it, boto3's 100-continue handshake fails

    async def secured(scope: Any, receive: Any, send: Any) -> None:
        is_http = scope["type"] == "http"
        await ministack.app.app({**scope, "scheme": "https"} if is_http else scope, receive, _cutting(send))

    return secured


def _cutting(send: Any) -> Any:
    """Wrap an ASGI `send` so that an answer which is to get lost promises a body that never comes."""
    is_cut = False

    async def sending(message: Any) -> None:
        nonlocal is_cut
        is_cut = is_cut or any(name.lower() == _CUT.encode() for name, _ in message.get("headers", ()))
        if not is_cut:
            await send(message)
        elif message["type"] == "http.response.start":
            await send({**message, "headers": [(b"content-length", b"1")]})

    return sending


def serve_as(service: str, handler: Handler) -> None:
    """Answer the requests that are signed for `service` with `handler`."""
    import ministack.app

    ministack.app.SERVICE_HANDLERS[service] = handler
    # A service that the router does not know makes it read all of botocore's models first: three seconds.
    router.SERVICE_PATTERNS[service] = {}


def scope() -> tuple[str, str]:
    """Return the account id and the region of the request that is being served."""
    return responses.get_account_id(), responses.get_region()


def in_scope(account: str, region: str) -> AbstractContextManager[None]:
    """Act for an account and a region outside of a request."""
    scoped: AbstractContextManager[None] = responses.request_scope(account, region)
    return scoped
