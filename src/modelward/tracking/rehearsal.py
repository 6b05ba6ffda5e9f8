"""Trying an archive before it is registered: in a process that knows nothing of the training script."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelward.core.errors import InputError

_TIMEOUT_S = 300
_TOLD = 12  # lines of a traceback


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What came of the sample: the answer as JSON, and its shape and type where it is an array."""

    answer: Any
    shape: tuple[int, ...]
    dtype: str


def rehearse(folder: Path, body: str) -> Rehearsed:
    """Let a model's own inference code answer a request in a fresh process.

    Args:
        folder: The contents of the archive.
        body: The request, as JSON.

    Raises:
        InputError: it does not load or answer there; the error has the end of what it said.
    """
    script = Path(__file__).with_name("rehearse.py")
    with TemporaryDirectory() as elsewhere:
        # No bytecode: it would get into the archive, and tells the time of day.
        command = [sys.executable, "-B", "-P", str(script), str(folder)]
        try:
            done = subprocess.run(  # noqa: S603  # our own script
                command, cwd=elsewhere, input=body, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise _failed(f"no answer to the sample after {_TIMEOUT_S} s") from None
    if done.returncode:
        raise _failed("\n".join(done.stderr.strip().splitlines()[-_TOLD:]) or f"exit code {done.returncode}")
    told = json.loads(done.stdout.rpartition("\n")[2])
    return Rehearsed(told["answer"], tuple(told["shape"]), told["dtype"])


def _failed(found: str) -> InputError:
    return InputError(
        "the packed model",
        found=found,
        rule="it answers the sample in a process of its own, as it will have to on an endpoint",
        next_step="Where code of your own is missing there, name it: register(model, code=['features.py'], …).",
    )
