"""What an account holds, and what a deployment would meet there."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from modelward.cli.views.text import NONE, clean, moment, person, table
from modelward.core.account import Held
from modelward.planning.deployment import Finding


def listing(found: Sequence[Held]) -> Table:
    """List groups in the order given."""
    made = table("GROUP", "VERSIONS", "LAST", "WHEN (UTC)", "WHO", "ENDPOINTS", "DECLARED")
    for each in found:
        last = each.last
        made.add_row(
            each.group.name,
            str(each.versions),
            f"v{last.version}" if last else NONE,
            moment(last.created_at) if last else NONE,
            (person(last.created_by.arn) if last else "") or NONE,
            ", ".join(each.endpoints) or NONE,
            "yes" if each.is_declared else "no",
        )
    return made


def findings(found: Sequence[Finding]) -> Table:
    """List findings: what blocks is marked, and what to do stands beside it."""
    made = table("", "WHAT", "", "NEXT")
    for each in found:
        mark = Text("\N{BALLOT X}", "red") if each.is_blocking else Text("\N{MIDDLE DOT}", "dim")
        made.add_row(mark, each.subject, clean(each.text), each.next_step or NONE)
    return made
