"""The demo, as somebody runs it: it plays to its end, and an interrupt leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "import sys; from modelward.cli.main import main; sys.exit(main(['demo']))"]
SCENES = (
    "1. Deploy the stacks",
    "2. Train two models and register them",
    "3. Compare them",
    "4. Approve, promote, deploy, verify",
    "5. Predict",
    "6. Refuse a bad one",
    "7. Catch one that fails its callers",
    "8. Roll back",
    "9. Tell the history",
)


@contextmanager
def demo(scratch: Path, folder: Path = ROOT) -> "Iterator[subprocess.Popen[str]]":
    """Run the demo into a pipe, in a process group of its own as a shell gives it one."""
    with subprocess.Popen(
        COMMAND,
        cwd=folder,
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        yield process
        process.kill()


def told(process: "subprocess.Popen[str]") -> IO[str]:
    assert process.stdout is not None
    return process.stdout


def test_the_demo_plays_all_scenes_and_all_its_checks_hold(
    tmp_path: Path, nothing_is_left: Callable[[Path], None]
) -> None:
    with demo(tmp_path) as process:
        text = told(process).read()
        assert process.wait(30) == 0, text
    titles = [line.removeprefix("== ").partition(" (")[0] for line in text.splitlines() if line.startswith("== ")]
    assert tuple(titles) == SCENES
    checks = sum(line.startswith("  ok: ") for line in text.splitlines())
    assert text.rstrip().endswith(f"All {checks} checks hold. Nothing is left running.")
    assert checks >= 30
    assert_errors_stay_within_the_share(text)
    assert "\x1b" not in text, "into a pipe it writes no colours"
    nothing_is_left(tmp_path)


def assert_errors_stay_within_the_share(text: str) -> None:
    """Look at the figures themselves that the demo tells of its canary."""
    made, errors = map(int, re.search(r"(\d+) calls all the while, (\d+) errors", text).groups())  # type: ignore[union-attr]
    during = int(re.search(rf"to the last (\d+) calls, {errors} errors", text)[1])  # type: ignore[index]
    assert 2 <= errors <= (during + 1) // 2 < made / 2, "one of two instances was the canary's, and for a time only"


@pytest.mark.parametrize(
    ("moment", "is_empty"),
    [
        pytest.param(SCENES[1], False, id="while a model is trained"),
        pytest.param("reaches the staging endpoint", True, id="while an endpoint serves, in a folder that was empty"),
    ],
)
def test_ctrl_c_ends_the_demo_and_leaves_nothing(
    tmp_path: Path,
    moment: str,
    is_empty: bool,
    processes_of: Callable[[Path], list[str]],
    nothing_is_left: Callable[[Path], None],
) -> None:
    scratch, empty = tmp_path / "scratch", tmp_path / "empty"
    scratch.mkdir()
    empty.mkdir()
    with demo(scratch, empty if is_empty else ROOT) as process:
        lines = list(iter_until(moment, told(process)))
        assert moment in lines[-1], lines
        assert processes_of(scratch)
        os.killpg(process.pid, signal.SIGINT)
        rest = told(process).read()
        assert process.wait(30) == 130, rest
    assert "Traceback" not in rest
    assert rest.rstrip().endswith("interrupted")
    nothing_is_left(scratch)
    assert list(empty.iterdir()) == []


def iter_until(text: str, lines: IO[str]) -> Iterator[str]:
    for line in lines:
        yield line
        if text in line:
            return
