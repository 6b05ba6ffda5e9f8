"""How models stand in their environments: a line for each, and below what is wrong and what to do."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from modelward.cli.views.text import NONE, clean, moment, table
from modelward.planning.status import Progress, State, Status

_STYLES = {
    State.SERVING: "green",
    State.ON_TRIAL: "yellow",
    State.ROLLING_OUT: "yellow",
    State.BEHIND: "red",
    State.EMPTY: "dim",
}


def standings(found: Sequence[Status]) -> Table:
    """List models and environments in the order given."""
    made = table("MODEL", "ENVIRONMENT", "STATE", "LIVE", "WANTED", "VERIFIED (UTC)", "SINCE (UTC)")
    for each in found:
        made.add_row(
            each.model,
            each.environment,
            _state(each),
            _version(each.live),
            _version(each.wanted),
            moment(each.verified_at) if each.verified_at else NONE,
            moment(each.since) if each.since else NONE,
        )
    return made


def blocks(found: Sequence[Status]) -> list[RenderableType]:
    """Give all that there is to be seen: the list, and below it what is going on and what is wrong."""
    return [standings(found), *rollouts(found), *servers(found), *problems(found)]


def line(each: Status) -> str:
    """Say how a model stands in an environment in one line, which changes only when something does."""
    said = [f"{each.model} in {each.environment}: {each.state.value}", f"live {_version(each.live)}"]
    said += [f"wanted {_version(each.wanted)}"]
    if each.progress:
        said.append(_step(each.progress))
    if each.fleet:
        said.append(", ".join(str(each.fleet).rpartition(" (")[:1]))
    if each.problem:
        said.append(f"{each.problem}; next: {each.next_step}")
    return clean(", ".join(said))


def rollouts(found: Sequence[Status]) -> Iterator[Text]:
    """Say how far rollouts have come."""
    for each in found:
        if each.progress:
            way = f"{_version(each.live)} -> {_version(each.wanted)}"
            left = _left(each.progress.left_s)
            where = Text(f"{each.model} in {each.environment}", "bold")
            yield Text.assemble(where, f": {way}, {clean(_step(each.progress))}{left}")


def _step(progress: Progress) -> str:
    share = "" if progress.percent is None else f", {progress.percent} % of the new capacity takes traffic"
    return f"{progress.step or 'updating'}{share}"


def _left(seconds: int | None) -> str:
    if seconds is None:
        return ""
    if seconds == 0:
        return ", longer under way than the one before"
    return f", about {seconds} s left" if seconds < 90 else f", about {round(seconds / 60)} min left"


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


def _state(each: Status) -> Text:
    share = "" if each.share is None else f", {each.share} %"
    return Text(f"{each.state.value}{share}", _STYLES[each.state])


def _version(number: int | None) -> str:
    return NONE if number is None else f"v{number}"
