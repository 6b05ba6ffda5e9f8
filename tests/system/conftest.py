"""What the tests of whole processes share."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest


def processes_of(folder: Path) -> list[str]:
    """Give the command lines that name a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


def nothing_is_left(folder: Path, *, limit_s: float = 10.0) -> None:
    """Wait until a folder for temporary files is empty and no process works with it."""
    deadline = time.monotonic() + limit_s
    while (left := processes_of(folder)) or (files := list(folder.iterdir())):
        assert time.monotonic() < deadline, f"left: {left or files}"
        time.sleep(0.05)


@pytest.fixture(name="processes_of")
def _processes_of() -> Callable[[Path], list[str]]:
    return processes_of


@pytest.fixture(name="nothing_is_left")
def _nothing_is_left() -> Callable[..., None]:
    return nothing_is_left
