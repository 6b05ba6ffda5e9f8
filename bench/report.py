"""README.md of this folder."""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from bench.figure import Figure, table

PATH = Path(__file__).with_name("README.md")
_LIBRARIES = ("boto3", "moto", "aws-lambda-powertools")

_TEXT = """\
# Figures

What Modelward promises about its own cost, as `make bench` measured it last. It writes this file; edit `bench/*.py`.

{table}

Measured on Python {python}, {system}, {cpus} CPUs, with {libraries}.

## How they are measured

- **AWS calls** are heard by a hook on every client of the connected session; a page of a list is a call. What comes
  once for each process (finding the deployment: one GetParameters) is behind it. Those of functions are what the
  services behind them call; people are told beside the way to the endpoint. Of a rollback the reconciler's calls
  count, whom the command asks itself: it reviews the decision on its way, and the function that reviews comes beside
  it. These figures are the same on every machine.
- **Time over raw boto3**: the calls of one run are recorded, operation and parameters, and made again by plain clients
  against the same local SageMaker in this process. Both take turns, {rounds} times each, and the medians are compared.
  A call takes a millisecond or two here and crosses no network, so what Modelward itself adds weighs most.
- **`register`** is measured with an archive of 100 kB. Beside its calls it asks git for commit, branch, remote and
  whether the tree is clean, in two processes; the row says what they take by themselves. A larger archive adds
  {inspection_ms:.0f} ms per MB for unpacking and digesting, to be held against its upload.
- **Time to start** is the least of whole processes, in turns with one that does only the bare minimum, until fifteen
  rounds (four for the CDK apps) find nothing shorter, or three times as many have been run. Other work on the machine
  still blurs it.
- **Cold starts** are more than the import: they end when the function has read its settings and `registry.toml` and
  made its clients, from the synthesized asset with nothing but the runtime's packages beside it. The bare minimum makes
  the same clients. The goal is held against code that is compiled on both sides. A function's own folder is
  read-only on Lambda, so each cold start there compiles our code anew: the second figure. Bytecode is not shipped,
  because it would bind the asset to the Python that synthesizes it.
- **Peak memory** is that of the whole process (`VmHWM` of Linux), interpreter and boto3 included, which Lambda counts
  too. The functions run from the synthesized asset and stay warm: a hundred approvals over ten models of 250 go through
  them until the endpoints are updated and verified, in batches as full as the event sources bring them; then everything
  is swept. Beside it stands what a process takes that only makes the same clients.
- **The local SageMaker** in-process is called by boto3 inside `mock_aws`, as moto's own is in a process beside it; both
  take turns, three times, and the best of each counts. What boto3 and moto's frame take is in both. Memory is what the
  process grew by. Behind MiniStack it is the whole way: HTTP, rules, queues, functions in processes of their own. The
  clock stops when DescribeEndpoint tells of the new config.
- **Scale** is a registry whose models have an endpoint each, synthesized by a process of its own, with all rules of
  cdk-nag; memory is Python's and that of the largest Node.
- **The zip** is the folder that the stacks give to Lambda, packed with deflate.

One part alone, without writing this file: `python -m bench {parts}`.
"""


def write(figures: Iterable[Figure], *, rounds: int, inspection_ms: float, parts: Iterable[str]) -> None:
    """Write the file.

    Args:
        figures: All rows.
        rounds: How often each side of a ratio was run.
        inspection_ms: What looking at an archive takes per MB.
        parts: The names of the parts.
    """
    text = _TEXT.format(
        table=table(figures),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cpus=os.cpu_count(),
        libraries=", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
        rounds=rounds,
        inspection_ms=inspection_ms,
        parts=" | ".join(parts),
    )
    PATH.write_text(text, encoding="utf-8")
