"""Result on stdout, talk on stderr; colours and boxes for people, plain lines for pipes."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType

# A pipe has no width; a table is as wide as its widest row, and nothing is wrapped or cut.
_PIPE_WIDTH = 100_000


class Terminal:
    """The two streams of a command.

    Args:
        out: Takes the result.
        err: Takes talk, progress and errors.
        width: Columns of `out`, when it is not a terminal that knows.
    """

    def __init__(self, out: TextIO, err: TextIO, *, is_tty: bool | None = None, width: int | None = None) -> None:
        self._out = out
        self._err = err
        self._width = width
        self._drawn = 0
        self.is_tty = out.isatty() if is_tty is None else is_tty

    def show(self, *blocks: "RenderableType") -> None:
        """Print a result for people; blank lines stand between blocks."""
        for number, block in enumerate(blocks):
            self._out.write(("\n" if number else "") + self._render(block))

    def redraw(self, *blocks: "RenderableType") -> None:
        """Print a result in the place of the one that was drawn before; for terminals only."""
        text = "\n".join(self._render(block) for block in blocks)
        up = f"\x1b[{self._drawn}F\x1b[J" if self._drawn else ""
        self._out.write(up + text)
        self._out.flush()
        self._drawn = text.count("\n")

    def json(self, value: Any) -> None:
        """Print a result for programs."""
        self._out.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def line(self, text: str) -> None:
        """Print a line of the result as it stands."""
        self._out.write(text + "\n")
        self._out.flush()

    def say(self, text: str) -> None:
        """Talk: one line that is no part of the result."""
        self._err.write(text + "\n")
        self._err.flush()

    def fail(self, problem: str, next_step: str) -> None:
        """Say what is wrong and what to do next."""
        self.say(f"error: {problem}\n  next: {next_step}")

    def upload(self, label: str) -> AbstractContextManager[Callable[[int, int], None] | None]:
        """Show a bar while bytes go up; gives a function of (bytes sent, bytes in all), or None without a terminal."""
        from modelward.tracking.progress import uploading

        return uploading(label, self._err)

    @contextmanager
    def waiting(self, label: str) -> Iterator[Callable[[float, str], None]]:
        """Show that something takes its time; gives a function of (seconds waited, what is going on)."""
        if not self._err.isatty():
            self.say(label)
            yield _once(self.say)
            return
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*columns, console=Console(file=self._err), transient=True) as bars:
            bar = bars.add_task(label, total=None)
            yield lambda _seconds, text: bars.update(bar, description=f"{label}: {text}")

    def _render(self, block: "RenderableType") -> str:
        from rich.console import Console

        if self.is_tty:
            console = Console(file=StringIO(), force_terminal=True, width=self._width or self._columns(), markup=False)
        else:
            console = Console(file=StringIO(), width=self._width or _PIPE_WIDTH, color_system=None, markup=False)
        with console.capture() as captured:
            console.print(block, soft_wrap=not self.is_tty, highlight=False)
        return "".join(line.rstrip() + "\n" for line in captured.get().splitlines())

    def _columns(self) -> int:
        from shutil import get_terminal_size

        return get_terminal_size().columns


def _once(say: Callable[[str], None]) -> Callable[[float, str], None]:
    """Say what is going on only when it changes."""
    last = ""

    def tell(seconds: float, text: str) -> None:
        nonlocal last
        if text != last:
            say(f"  {seconds:.0f} s  {text}")
        last = text

    return tell
