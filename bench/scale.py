"""What thousands of models cost: synthesis and its memory, resources, and reading their declaration."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

from bench.account import ROOT
from bench.figure import Figure
from bench.synthesis import declaration
from modelward.config import parse

PART = "scale"
_FEW, _MANY = 1_000, 5_000
_GOAL_S, _GOAL_GB, _GOAL_RESOURCES, _STACK_LIMIT = 120, 2, 2, 500
# What is the same for one model and for thousands (imports, Node, functions) makes the many cheaper than their share.
_LINEAR = 1.2
_READS, _READING_GOAL_S = 5, 2


@dataclass(frozen=True, slots=True)
class Run:
    """One synthesis: seconds, resources in all stacks and in the fullest, and the most memory of Python and Node."""

    took_s: float
    resources: float
    in_fullest_stack: float
    memory_gb: float


def measure() -> Iterator[Figure]:
    """Synthesize few and many models."""
    few, many = _run(_FEW), _run(_MANY)
    yield Figure(
        f"synthesis of {_MANY:,} models, each with an endpoint",
        f"at most {_GOAL_S} s",
        f"{many.took_s:.0f} s",
        many.took_s <= _GOAL_S,
        PART,
    )
    ratio = many.took_s / few.took_s
    yield Figure(
        f"synthesis of {_MANY:,} models over {_FEW:,}",
        f"linear: at most {_LINEAR * _MANY / _FEW:g} x",
        f"{ratio:.1f} x ({few.took_s:.0f} s)",
        ratio <= _LINEAR * _MANY / _FEW,
        PART,
    )
    yield Figure(
        f"peak memory of that synthesis, {_MANY:,} models",
        f"at most {_GOAL_GB} GB",
        f"{many.memory_gb:.1f} GB (Python and Node)",
        many.memory_gb <= _GOAL_GB,
        PART,
    )
    each = (many.resources - few.resources) / (_MANY - _FEW)
    yield Figure(
        "resources per additional model", f"at most {_GOAL_RESOURCES}", f"{each:.2f}", each <= _GOAL_RESOURCES, PART
    )
    yield Figure(
        f"resources in the fullest stack, {_MANY:,} models",
        f"below {_STACK_LIMIT}",
        f"{many.in_fullest_stack:.0f}",
        many.in_fullest_stack < _STACK_LIMIT,
        PART,
    )
    read_s = _reading_s()
    yield Figure(
        f"reading the registry.toml of {_MANY:,} models, at each cold start",
        f"at most {_READING_GOAL_S} s",
        f"{read_s:.2f} s",
        read_s <= _READING_GOAL_S,
        PART,
    )


def _run(models: int) -> Run:
    done = subprocess.run(
        [sys.executable, "-m", "bench.synthesis", str(models)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    told = json.loads(done.stdout)
    # The largest process of all that have ended: Node, in which the CDK keeps its constructs.
    node_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    memory_gb = (told["python_mb"] + node_mb) / 1000
    return Run(told["took_s"], told["resources"], told["in_fullest_stack"], memory_gb)


def _reading_s() -> float:
    text = declaration(_MANY)
    return min(_timed(text) for _ in range(_READS))


def _timed(text: str) -> float:
    began = perf_counter()
    parse(text)
    return perf_counter() - began
