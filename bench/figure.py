"""One row of the table, and the table."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, and whether that is good enough.

    Args:
        what: The row's name.
        goal: What shall hold.
        measured: What was found.
        is_held: Whether it does; None where it could not be measured.
        part: The part of the bench that measures it.
    """

    what: str
    goal: str
    measured: str
    is_held: bool | None
    part: str

    @property
    def verdict(self) -> str:
        """Whether it holds, in a word."""
        return {True: "yes", False: "**no**", None: "not measured"}[self.is_held]

    @property
    def command(self) -> str:
        """How to measure it again."""
        return f"python -m bench {self.part}"


HEAD = ("what", "goal", "measured", "holds", "measured by")


def table(figures: Iterable[Figure]) -> str:
    """Spell figures as a Markdown table."""
    rows = [(each.what, each.goal, each.measured, each.verdict, f"`{each.command}`") for each in figures]
    lines = [HEAD, ("---",) * len(HEAD), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
