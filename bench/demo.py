"""The demo, played from its start to its end as a user plays it."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

from bench.account import ROOT
from bench.figure import Figure

PART = "demo"
_WHAT = "`make demo` after set-up"
_GOAL_S = 60
_PATIENCE_S = 600


def measure() -> Iterator[Figure]:
    """Play it once; what it takes is what somebody waits for who types `make demo` again."""
    goal = f"at most {_GOAL_S} s"
    if find_spec("modelward.cli.demo") is None:
        yield Figure(_WHAT, goal, "there is no demo here", None, PART)
        return
    code, took_s = _played()
    ending = "all scenes hold" if code == 0 else f"exit code {code}"
    yield Figure(_WHAT, goal, f"{took_s:.0f} s ({ending})", code == 0 and took_s <= _GOAL_S, PART)


def _played() -> tuple[int | None, float]:
    script = Path(sys.executable).with_name("modelward")
    began = perf_counter()
    with subprocess.Popen([script, "demo"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            code = process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.terminate()
            code = None
    return code, perf_counter() - began
