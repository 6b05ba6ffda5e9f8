"""Telling the story: titles, commands, checks. Rich on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console
from rich.rule import Rule

from modelward.core.errors import ModelwardError

T = TypeVar("T")
_POLL_S = 0.1
INDENT = "    "


class CheckError(ModelwardError):
    """The demo claimed something that does not hold."""

    def __init__(self, claim: str, found: object) -> None:
        """Name the claim and what was found instead."""
        super().__init__(f"the demo claims: {claim}; found: {found}", "Report it, with the output above.")


class Narrator:
    """Prints scenes and counts checks."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self.checks = 0

    @property
    def is_terminal(self) -> bool:
        """Whether a person watches."""
        return self._console.is_terminal

    @property
    def width(self) -> int:
        """How many columns there are."""
        return self._console.width

    def show(self, printed: str) -> None:
        """Show what a command printed, as it printed it."""
        for line in printed.rstrip().splitlines():
            self._console.file.write(f"{INDENT}{line}\n")

    def scene(self, number: int, title: str) -> None:
        """Open a scene."""
        self._console.print()
        elapsed = f"{time.monotonic() - self._began:.0f} s"
        if self._console.is_terminal:
            self._console.print(Rule(f"[bold]{number}. {title}[/bold]  [dim]{elapsed}[/dim]", align="left"))
        else:
            self._console.print(f"== {number}. {title} ({elapsed})", markup=False, highlight=False)

    def say(self, text: str) -> None:
        """Say something."""
        self._console.print(text, markup=False, highlight=False)

    def command(self, who: str, line: str) -> None:
        """Show what somebody types."""
        self._console.print(
            f"[dim]{who}[/dim] [bold]$ {line}[/bold]" if self._console.is_terminal else f"{who} $ {line}"
        )

    def check(self, claim: str, is_so: bool, found: object = "otherwise") -> None:  # noqa: FBT001  reads as a sentence
        """State something that must be so.

        Raises:
            CheckError: it is not.
        """
        if not is_so:
            raise CheckError(claim, found)
        self.checks += 1
        mark = "[green]✓[/green]" if self._console.is_terminal else "ok:"
        self._console.print(f"  {mark} {claim}", highlight=False)

    def wait_for(self, claim: str, look: Callable[[], T | None], timeout_s: float = 60) -> T:
        """Look again and again until something is so, and state it.

        Raises:
            CheckError: it was not so in time.
        """
        deadline = time.monotonic() + timeout_s
        while not (found := look()):
            if time.monotonic() > deadline:
                raise CheckError(claim, f"not so after {timeout_s:g} s")
            time.sleep(_POLL_S)
        self.check(claim, is_so=True)
        return found
