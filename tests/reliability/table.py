"""Write docs/reliability.md, to which a test holds it: `python -m tests.reliability.table > docs/reliability.md`."""

import sys
from pathlib import Path

from tests.reliability.failure_modes import ROWS
from tests.reliability.faults import DELIVERIES, KINDS
from tests.reliability.scenarios import SCENARIOS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
HEAD = """# Reliability

What can go wrong between a decision and the endpoint, and the test that tries it. All of it is part of `make test`, on
the local AWS, with the functions as they are deployed.

After each run, however it went: every environment answers with the right version; no decision was rolled out twice; the
ledger has every decision, in order and without a gap; no message is left in a queue or among the dead letters; and
another look by the sweep finds nothing to do.

"""
FAULTS = """
## A fault at every AWS call

In each run *every* call that a function makes fails once: a message that failed is brought again, and its next call
fails, until all have. A test checks that none was left out. AWS would bring a message five times before it goes to the
dead letters, so this is more than an outage. Each scenario is run under each of these:

"""
DELIVERED = """
## Events that travel badly

Each scenario, once for each way in which SageMaker's events may come:

"""
MEDDLER = """
## Somebody who edits versions meanwhile

Between any two calls of the functions somebody approves, rejects, moves, annotates or rewords one of four versions by
the raw API: twelve edits in a run, at moments that a seed decides, six seeds. Which version is wanted is then whatever
the registry says in the end: that one answers, one that breaks its gates never does, and all that is said above holds.
"""


def row(*cells: object) -> str:
    """Spell a row of a table."""
    return "| " + " | ".join(str(each) for each in cells) + " |\n"


def listed(items: list[str]) -> str:
    """Spell a list."""
    return "".join(f"- {each}\n" for each in items)


def failure_modes() -> str:
    """Tell which test holds each known failure mode."""
    text = "\n## Known failure modes of the field, and the test that holds each\n\n"
    text += "What others reported of rollouts on SageMaker, in our words.\n\n"
    text += row("", "what happens", "the test that holds it") + row("---:", "---", "---")
    for number, (what, path, test) in ROWS.items():
        text += row(number, what, f"[`{test}`](../{path})")
    return text


def document() -> str:
    """Write the document."""
    scenarios = listed([each.title for each in SCENARIOS.values()])
    faults = listed(list(KINDS.values()))
    ways = listed([meaning for _, meaning in DELIVERIES.values()])
    return f"{HEAD}The scenarios:\n\n{scenarios}{FAULTS}{faults}{DELIVERED}{ways}{MEDDLER}{failure_modes()}"


if __name__ == "__main__":
    sys.stdout.write(document())
