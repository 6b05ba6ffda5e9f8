"""The history: a timeline in a terminal, one line for each entry in a pipe; newest first."""

from collections.abc import Iterator, Sequence
from datetime import UTC
from itertools import groupby

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from modelward.cli.views.text import NONE, clean, figure, person, table
from modelward.core.ledger import Entry, EntryKind

# What a person says, the word that leads to the place, and the colour.
_WORDS: dict[EntryKind, tuple[str, str, str]] = {
    EntryKind.ADOPTED: ("adopted", "", "cyan"),
    EntryKind.FOUND: ("there when the group was adopted, registered", "", "cyan"),
    EntryKind.REGISTERED: ("registered", "in", "cyan"),
    EntryKind.APPROVED: ("approved", "in", "green"),
    EntryKind.REJECTED: ("rejected", "in", "red"),
    EntryKind.PENDING: ("approval taken back", "in", "yellow"),
    EntryKind.STAGED: ("put", "into", "cyan"),
    EntryKind.ROLLED_BACK: ("brought back", "to", "magenta"),
    EntryKind.REFUSED: ("refused", "for", "bold red"),
    EntryKind.DEPLOYING: ("deploying", "to", "yellow"),
    EntryKind.TRYING: ("on trial", "in", "yellow"),
    EntryKind.POSTPONED: ("postponed", "in", "yellow"),
    EntryKind.WAITING: ("waiting for a quota", "in", "yellow"),
    EntryKind.VERIFIED: ("verified", "in", "bold green"),
    EntryKind.ALARMED: ("set off an alarm", "in", "bold red"),
    EntryKind.FAILED: ("rollout failed", "in", "bold red"),
    EntryKind.ARCHIVED: ("archived", "", "dim"),
}


def lines(entries: Sequence[Entry]) -> Table:
    """Tell each entry in one row."""
    made = table("TIME (UTC)", "WHO", "WHAT", "VERSION", "WHERE", "WHY", "FIGURES")
    for entry in entries:
        made.add_row(
            f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            _who(entry),
            entry.kind.value,
            _version(entry),
            clean(entry.environment or entry.stage) or NONE,
            clean(entry.why) or NONE,
            _figures(entry) or NONE,
        )
    return made


def timeline(entries: Sequence[Entry]) -> Group:
    """Tell the days, and of each day what happened, who did it, why, and on which figures."""
    days = groupby(entries, key=lambda entry: f"{entry.at.astimezone(UTC):%A %Y-%m-%d}")
    return Group(*(block for day, group in days for block in _day(day, list(group))))


def _day(day: str, entries: list[Entry]) -> Iterator[Text | Padding]:
    yield Text(f"{day}  UTC", "bold underline")
    for entry in entries:
        yield _headline(entry)
        yield from (Padding(text, (0, 0, 0, 12)) for text in _details(entry))
    yield Text()


def _headline(entry: Entry) -> Text:
    phrase, towards, style = _WORDS[entry.kind]
    where = clean(entry.environment or entry.stage) if towards else ""
    return Text.assemble(
        (f"  {entry.at.astimezone(UTC):%H:%M:%S}", "dim"),
        "  ",
        (_version(entry), "bold"),
        " ",
        (f"{phrase} {towards} {where}" if where else phrase, style),
        f"  by {_who(entry)}",
    )


def _details(entry: Entry) -> Iterator[Text]:
    if entry.why:
        yield Text(clean(entry.why), "italic")
    if entry.figures:
        yield Text(_figures(entry), "dim")
    yield from (Text(f"\N{BALLOT X} {clean(v.text)}", "red") for v in entry.verdicts if not v.is_held)


def _version(entry: Entry) -> str:
    """Name what the entry is about: a version, or the whole group."""
    return "group" if entry.kind is EntryKind.ADOPTED else f"v{entry.version}"


def _who(entry: Entry) -> str:
    return person(entry.who) or "somebody unknown"


def _figures(entry: Entry) -> str:
    return "  ".join(f"{clean(name)} {figure(value)}" for name, value in entry.figures.items())
