"""Write docs/reliability.md, to which the tests hold it: `python -m tests.reliability.table > docs/reliability.md`.

To write it is to run everything. The tests run the same, each its own cell, and compare it with what the page tells of
it: so the page cannot lie, and nothing runs twice.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.reliability.burst import (
    BURST_APPROVALS,
    BURST_MODELS,
    BURST_ON_ONE,
    MOST,
    OF_A_QUEUE,
    OF_THE_STREAM,
    run_burst,
)
from tests.reliability.copied import CASES, CONTENDERS, ends_right
from tests.reliability.failure_modes import ROWS
from tests.reliability.faults import DELIVERIES, KINDS
from tests.reliability.runs import run_with_delivery, run_with_fault
from tests.reliability.scenarios import SCENARIOS
from tests.service.conftest import deployed

Cell = tuple[str, str, str]
"""What was run: `fault`, `delivery` or `copied`; the scenario, or the case; the kind, the way, or who met it."""
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
HEAD = """# Reliability

What can go wrong between a decision and the endpoint, how often that is tried, and what comes of it. All of it is part
of `make test`, on the local AWS, with the functions as they are deployed; each number below is asserted by the test
that makes it (`python -m tests.reliability.table > docs/reliability.md` writes the page anew).

After each run, however it went: every environment answers with the right version; no decision was rolled out twice; the
ledger has every decision, in order and without a gap; no message is left in a queue or among the dead letters; and
another look by the sweep finds nothing to do.
"""
FAULTS = """
## A fault at every AWS call

In each run *every* call that a function makes fails once: a message that failed is brought again, and its next call
fails, until all have. A test checks that none was left out. AWS would bring a message five times before it goes to the
dead letters, so this is more than an outage. A cell is one run, and says how many faults were injected in it.

"""
LIMIT = """
Not told apart from an update that SageMaker took back is one that failed to reach it while something modified the same
endpoint and left instances and weights as they were, such as maintenance of AWS: the version is marked as failed and
somebody is told, and the one before goes on serving until the version is promoted again.
"""
DELIVERED = """
## Events that travel badly

A cell is one run, and says how many events of SageMaker travelled so in it. The dash: within a day a shadow's time is
up and nobody has called it, so it fails, as it should.

"""
MEDDLER = """
## Somebody who edits versions meanwhile

Between any two calls of the functions somebody approves, rejects, moves, annotates or rewords one of four versions by
the raw API: twelve edits in a run, at moments that a seed decides, six seeds. Which version is wanted is then whatever
the registry says in the end: that one answers, one that breaks its gates never does, and all that is said above holds.
"""
COPIED = """
## Beside the handlers that people copy

Two ways to deploy an approved version are found in many repositories. In one, a rule on approvals starts a *function*;
in the other, any change of a version starts a *pipeline*, whose build hands a version to CloudFormation. Both take the
newest approved version by its time of creation, and neither looks at what came of it. They are rebuilt here from their
published behaviour (`tests/reliability/copied.py`), and meet the same local SageMaker, events and faults as Modelward.

Lambda tries the function again after one and two more minutes. CloudFormation tries again by itself, and is taken to
notice when SageMaker goes back to the old config: that is the kinder assumption. A build that failed waits for a
person. A fault is one that outlasts the retries of the client. A rollout takes five minutes. To end *right* is: the
version that should answer does, and where a new version did not come up, somebody has been told.

"""
BURST = f"""
## Very many approvals at once

{BURST_APPROVALS} versions of {BURST_MODELS} models are approved before any function runs, {BURST_ON_ONE} of them of one
model. Every other model, that one among them, has a verified version already and a rollout under way; the others have
no endpoint yet. Messages come in batches as full as the event sources allow, up to {OF_A_QUEUE} from a queue and
{OF_THE_STREAM} from the stream; those of a queue come in any order, and each function gets a batch in its turn. No
rollout ends while there is still something to bring: so an endpoint is created or changed once, or twice where the
first of its versions comes before the last. Every endpoint ends on the version that was approved last; no version is
rolled out twice; every ledger is whole; nothing is left in a queue.

"""


def row(*cells: object) -> str:
    """Spell a row of a table."""
    return "| " + " | ".join(str(each) for each in cells) + " |\n"


def listed(meanings: Mapping[str, str]) -> str:
    """Spell a list of what words mean."""
    return "".join(f"- *{name}*: {meaning}\n" for name, meaning in meanings.items())


def columns(what: str) -> Mapping[str, str]:
    """Give what a table has columns for, and what they are called."""
    named = {"fault": {kind: name for kind, (name, _) in KINDS.items()}}
    return named.get(what) or {how: name for how, (_, name, _) in DELIVERIES.items()}


def tried(what: str) -> list[Cell]:
    """List the cells of a table that are run."""
    chosen = {name: each.kinds if what == "fault" else each.deliveries for name, each in SCENARIOS.items()}
    return [(what, name, column) for column in columns(what) for name in SCENARIOS if column in chosen[name]]


def table(what: str, tell: Callable[[Cell], int]) -> str:
    """Tell of each scenario how often each thing befell it, and how many runs it survived: all, or a test fails."""
    titles, cells = columns(what), tried(what)
    text = row("scenario", *titles.values(), "runs", "survived") + row("---", *("---:" for _ in (*titles, "", "")))
    counts = {cell: tell(cell) for cell in cells}
    for name, scenario in SCENARIOS.items():
        runs = sum(cell[1] == name for cell in cells)
        text += row(scenario.title, *(counts.get((what, name, each), "-") for each in titles), runs, runs)
    sums = [sum(count for cell, count in counts.items() if cell[2] == each) for each in titles]
    return text + row("*together*", *sums, len(cells), len(cells))


def faults(tell: Callable[[Cell], int]) -> str:
    """Tell of the faults at every call."""
    meanings = listed(dict(KINDS.values()))
    return FAULTS + table("fault", tell) + "\n" + meanings + LIMIT


def deliveries(tell: Callable[[Cell], int]) -> str:
    """Tell of the ways in which events travel."""
    meanings = listed({name: meaning for _, name, meaning in DELIVERIES.values()})
    return DELIVERED + table("delivery", tell) + "\n" + meanings


def outcome(is_right: object) -> str:
    """Spell how something ended."""
    return "right" if is_right else "**wrong**"


def burst(tell: Callable[[Cell], int]) -> str:
    """Tell what very many approvals cost."""
    text = row("what", "how often", "at most") + row("---", "---:", "---:")
    return BURST + text + "".join(row(what, tell(("burst", what, "")), most) for what, most in MOST.items())


def copied(tell: Callable[[Cell], int]) -> str:
    """Tell who ends right."""
    text = row("what befalls them", *(title for _, title in CONTENDERS.values()))
    text += row("---", *("---" for _ in CONTENDERS))
    for name in CASES:
        text += row(name, *(outcome(tell(("copied", name, who))) for who in CONTENDERS))
    return COPIED + text


def failure_modes() -> str:
    """Tell which test holds each known failure mode."""
    text = "\n## Known failure modes of the field, and the test that holds each\n\n"
    text += "What others reported of rollouts on SageMaker, in our words.\n\n"
    text += row("", "what happens", "the test that holds it") + row("---:", "---", "---")
    for number, (what, path, test) in ROWS.items():
        text += row(number, what, f"[`{test}`](../{path})")
    return text


def document(tell: Callable[[Cell], int]) -> str:
    """Write the document from what each cell comes to."""
    return HEAD + faults(tell) + deliveries(tell) + MEDDLER + burst(tell) + copied(tell) + failure_modes()


@cache
def _lines() -> Sequence[Sequence[str]]:
    """Read the tables of the document, row by row."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in DOCUMENT.read_text().splitlines()]


def told(cell: Cell) -> int:
    """Read from the document what a cell came to when it was written."""
    what, name, column = cell
    titles = {
        "fault": lambda: (SCENARIOS[name].title, KINDS[column][0]),
        "delivery": lambda: (SCENARIOS[name].title, DELIVERIES[column][1]),
        "burst": lambda: (name, "how often"),
        "copied": lambda: (name, CONTENDERS[column][1]),
    }
    first, title = titles[what]()
    head = next(number for number, cells in enumerate(_lines()) if title in cells)
    found = next(cells for cells in _lines()[head:] if cells[0] == first)[_lines()[head].index(title)]
    return found == outcome(True) if what == "copied" else int(found)


def run(cell: Cell) -> int:
    """Run a cell in an account of its own; it comes to how many faults or events there were, or how it ended."""
    what, name, column = cell
    # Functions write figures for CloudWatch to the output, where the page goes.
    with redirect_stdout(StringIO()), TemporaryDirectory() as folder, deployed(Path(folder)) as world:
        if what == "fault":
            return len(run_with_fault(world, name, column))
        if what == "delivery":
            return run_with_delivery(world, name, column)
        return ends_right(world, column, name)


def _run_burst() -> Mapping[Cell, int]:
    """Run the burst, which comes to several cells at once."""
    with redirect_stdout(StringIO()), TemporaryDirectory() as folder, deployed(Path(folder)) as world:
        return {("burst", what, ""): count for what, count in run_burst(world).items()}


def run_all() -> Mapping[Cell, int]:
    """Run every cell, in as many processes as there are cores."""
    os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"
    cells = [*tried("fault"), *tried("delivery")]
    cells += [("copied", name, who) for who in CONTENDERS for name in CASES]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        burst = pool.submit(_run_burst)
        return {**dict(zip(cells, pool.map(run, cells), strict=True)), **burst.result()}


if __name__ == "__main__":
    sys.stdout.write(document(run_all().__getitem__))
