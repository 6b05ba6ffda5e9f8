"""The commands of the laptop: local up, and local switch to play with it."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import indent
from urllib.parse import urlsplit

from modelward.cli.context import Context, require_extra
from modelward.core.errors import InputError


def up(_context: Context, *, port: int | None, bare: bool) -> int:
    """Run a local AWS until interrupted."""
    require_extra("local up", "local", "ministack", "hypercorn", "moto")
    if not bare:
        require_extra("local up", "infra", "aws_cdk", "cdk_nag")
    from modelward.local.up import run_local

    return run_local(port, is_bare=bare, folder=Path.cwd(), out=sys.stdout, talk=sys.stderr)


def switch(context: Context, *, name: str, arguments: Sequence[tuple[str, str]]) -> int:
    """Throw a switch of the local AWS that this terminal's variables name, or list the switches."""
    require_extra("local switch", "local", "ministack", "hypercorn", "moto")
    from modelward.local import control, switches

    if not name:
        for usage, meaning in switches.usages().items():
            context.terminal.line(usage + "\n" + indent(meaning, "    "))
        return 0
    given = dict(arguments)
    scope = {"account": given.pop("account", None), "region": given.pop("region", None)}
    control.throw(_port(), name, **scope, arguments=given)
    context.terminal.say(f"{name}: done")
    return 0


def _port() -> int:
    """Return the port of the local AWS that this terminal's variables name."""
    url = os.environ.get("AWS_ENDPOINT_URL", "")
    address = urlsplit(url)
    if address.hostname not in {"localhost", "127.0.0.1"} or not address.port:
        raise InputError(
            "AWS_ENDPOINT_URL",
            found=repr(url) if url else "it is not set",
            rule="it must name a local AWS, as `modelward local up` prints it",
            next_step="modelward local up > local.env; and then: source local.env",
        )
    return address.port
