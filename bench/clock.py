"""The least of several times: what a program takes when the machine does nothing else."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import perf_counter

_ROUNDS = 15
_GAIN = 0.99


@dataclass(frozen=True, slots=True)
class Program:
    """A command line with its whole environment."""

    arguments: Sequence[str]
    environ: Mapping[str, str]
    folder: Path | None = None

    def run_s(self) -> float:
        """Run it, and give the seconds from start to end."""
        began = perf_counter()
        done = subprocess.run(self.arguments, env=self.environ, cwd=self.folder, capture_output=True, check=False)
        took = perf_counter() - began
        if done.returncode:
            raise RuntimeError(f"{self.arguments} failed: {done.stderr.decode()}")
        return took


def least_s(programs: Mapping[str, Program], rounds: int = _ROUNDS) -> dict[str, float]:
    """Run programs in turns until some rounds have found no shorter time for any of them; give the shortest.

    The first run of each is not counted: it reads from disk, and writes bytecode where it may.

    Args:
        programs: What to run, by name.
        rounds: How many rounds must find nothing shorter; three times as many are run at most.
    """
    for program in programs.values():
        program.run_s()
    least = dict.fromkeys(programs, float("inf"))
    since_gain = 0
    for number in count(1):
        times = {name: program.run_s() for name, program in programs.items()}
        is_gain = any(times[name] < _GAIN * least[name] for name in programs)
        least = {name: min(times[name], least[name]) for name in programs}
        since_gain = 0 if is_gain else since_gain + 1
        if since_gain >= rounds or number >= 3 * rounds:
            break
    return least
