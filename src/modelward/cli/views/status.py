"""How models stand in their environments: a line for each, and below what is wrong and what to do."""

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from modelward.cli.views.text import NONE, clean, moment, table
from modelward.planning.status import State, Status

_STYLES = {State.SERVING: "green", State.ROLLING_OUT: "yellow", State.BEHIND: "red", State.EMPTY: "dim"}


def standings(found: Sequence[Status]) -> Table:
    """List models and environments in the order given."""
    made = table("MODEL", "ENVIRONMENT", "STATE", "LIVE", "WANTED", "VERIFIED (UTC)", "SINCE (UTC)")
    for each in found:
        made.add_row(
            each.model,
            each.environment,
            Text(each.state.value, _STYLES[each.state]),
            _version(each.live),
            _version(each.wanted),
            moment(each.verified_at) if each.verified_at else NONE,
            moment(each.since) if each.since else NONE,
        )
    return made


def servers(found: Sequence[Status]) -> Iterator[Text]:
    """Say what servers of the team's own run."""
    for each in found:
        if each.fleet:
            yield Text.assemble(Text(f"{each.model} in {each.environment}", "bold"), f": {each.fleet}")


def problems(found: Sequence[Status]) -> Iterator[Text]:
    """Say what is wrong, and the next step."""
    for each in found:
        if each.problem:
            where = Text(f"{each.model} in {each.environment}", "bold")
            next_step = f"\n  next: {clean(each.next_step)}" if each.next_step else ""
            yield Text.assemble(where, f": {clean(each.problem)}{next_step}")


def _version(number: int | None) -> str:
    return NONE if number is None else f"v{number}"
