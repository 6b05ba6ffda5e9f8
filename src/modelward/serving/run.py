"""Serve a stage until interrupted: uvicorn in the main thread, the registry asked in another."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any, Protocol

import uvicorn

from modelward.core.errors import InputError
from modelward.services.archive import inspect_file
from modelward.serving.app import build
from modelward.serving.artifact import loader
from modelward.serving.report import Reporter
from modelward.serving.switch import Registered, Switch

_REPORT_S = 5


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen, how often to ask the registry, in seconds, and whether to report what is served."""

    host: str
    port: int
    poll_s: float
    is_reporting: bool = True


class HasVersions(Protocol):
    """A model of the registry (`modelward.services.registry.Model` is one)."""

    @property
    def name(self) -> str:
        """Its name."""

    def current(self, stage: str) -> Registered | None:
        """Tell which version a stage has now."""

    def report_served(self, stage: str, version: int | None) -> None:
        """Tell the registry which version is served for a stage."""


def serve_stage(model: HasVersions, stage: str, listen: Listen, tell: Callable[[str], None]) -> None:
    """Serve the version that a stage has, until interrupted.

    Args:
        model: The model.
        stage: A declared stage.
        listen: Where, and how often to ask.
        tell: Is told where it listens, each switch and each failure.

    Raises:
        NotFoundError: The stage is not declared.
        AwsError: The registry does not answer when it is asked first.
        InputError: The port cannot be opened.
    """
    model.current(stage)
    with TemporaryDirectory(prefix="modelward-serve-", ignore_cleanup_errors=True) as root, _bound(listen) as listener:
        switch = Switch(
            current=lambda: model.current(stage),
            load=loader(Path(root), inspect_file),
            clock=lambda: datetime.now(UTC),
            tell=tell,
        )
        tell(f"serving {model.name} in {stage} on http://{listen.host}:{listener.getsockname()[1]}")
        app = build(switch, model=model.name, stage=stage)
        reporter = Reporter(
            switch.report, lambda version: model.report_served(stage, version), lambda: datetime.now(UTC), tell
        )
        with polling(switch, listen.poll_s), reporting(reporter if listen.is_reporting else None):
            uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run([listener])


def _bound(listen: Listen) -> socket.socket:
    """Open the port before anything else, so that a taken one is an error of ours and not a log line."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    try:
        return socket.create_server((listen.host, listen.port), family=family)
    except OSError as error:
        found = f"{listen.host}:{listen.port} cannot be opened ({error.strerror or error})"
        step = "Choose another with --port or --host."
        raise InputError(
            "port", found=found, rule="it must be free, and the address this computer's", next_step=step
        ) from error


@contextmanager
def polling(switch: Switch[Any], poll_s: float) -> Iterator[None]:
    """Ask the registry at once and then every so many seconds, until the block ends."""
    try:
        with _repeating("modelward-poll", switch.poll, poll_s):
            yield
    finally:
        switch.close()


@contextmanager
def reporting(reporter: Reporter | None) -> Iterator[None]:
    """Report what is served until the block ends, in a thread of its own: a load may take minutes."""
    if reporter is None:
        yield
        return
    with _repeating("modelward-report", reporter.report, _REPORT_S):
        yield


@contextmanager
def _repeating(name: str, act: Callable[[], None], every_s: float) -> Iterator[None]:
    """Do something at once and then every so many seconds, until the block ends.

    The thread is a daemon: a load that hangs must not keep an interrupted server from going.
    """
    done = Event()

    def repeat() -> None:
        while not done.is_set():
            act()
            done.wait(every_s)

    thread = Thread(target=repeat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=1)
