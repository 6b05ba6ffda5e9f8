"""From the words of a command line to a command and its values."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from modelward.cli import exits, pages
from modelward.cli.commands import COMMANDS, GLOBAL, Argument, Command

_HELP = {"--help", "-h"}


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked for: a command and its values, or else a text to print."""

    command: Command | None = None
    values: dict[str, Any] = field(default_factory=dict)
    text: str = ""


class Parser(ArgumentParser):
    """An argparse parser that says what is wrong in our two lines."""

    def error(self, message: str) -> NoReturn:
        """End with the code for usage errors."""
        refuse(message, f"{self.prog} --help")


def parse(argv: Sequence[str]) -> Call:
    """Read a command line.

    The options that every command takes may stand before the command or behind it.

    Raises:
        SystemExit: The line is wrong; the error was told on stderr.
    """
    at = _command_at(argv)
    if at == len(argv):
        return _without_command(argv)
    command = _find(argv[at:])
    if command is None:
        return _unknown(argv[at:])
    words = [*argv[:at], *argv[at + len(command.name.split()) :]]
    if _HELP & set(words):
        return Call(text=pages.page(command))
    return Call(command, vars(_parser(command).parse_args(words)))


def refuse(problem: str, next_step: str) -> NoReturn:
    """End with a usage error."""
    sys.stderr.write(f"error: {problem}\n  next: {next_step}\n")
    raise SystemExit(exits.USAGE)


def _command_at(argv: Sequence[str]) -> int:
    """Find the first word that is neither an option of every command nor its value."""
    takes_value = {argument.name for argument in GLOBAL if argument.value}
    at = 0
    while at < len(argv) and argv[at].startswith("-"):
        at += 2 if argv[at] in takes_value else 1
    return min(at, len(argv))


def _find(words: Sequence[str]) -> Command | None:
    return next((c for c in COMMANDS if c.name.split() == list(words[: len(c.name.split())])), None)


def _without_command(argv: Sequence[str]) -> Call:
    if "--version" in argv:
        from modelward import __version__

        return Call(text=f"modelward {__version__}")
    if _HELP & set(argv):
        return Call(text=pages.overview())
    refuse("no command was given", "modelward --help")


def _unknown(words: Sequence[str]) -> Call:
    """Answer for a word that is no command: the head of a group, a typing error, or nothing we know."""
    group = [command for command in COMMANDS if command.name.startswith(f"{words[0]} ")]
    if group and _HELP & set(words):
        return Call(text="\n\n\n".join(pages.page(command) for command in group))
    if group:
        refuse(f"{words[0]} needs one of: {', '.join(c.name for c in group)}", f"modelward {words[0]} --help")
    from difflib import get_close_matches

    near = get_close_matches(words[0], [command.name for command in COMMANDS], 1)
    refuse(f"{words[0]!r} is not a command", f"modelward {near[0] if near else '--help'}")


def _parser(command: Command) -> Parser:
    parser = Parser(f"modelward {command.name}", add_help=False, allow_abbrev=False)
    for argument in (*command.arguments, *GLOBAL):
        parser.add_argument(argument.name, **_settings(argument))
    return parser


def _settings(argument: Argument) -> dict[str, Any]:
    """Spell an argument for `ArgumentParser.add_argument`."""
    if not argument.value:
        return {"action": "store_true"}
    settings = {"type": argument.kind, "metavar": argument.value, "default": argument.default}
    if argument.is_option:
        return {**settings, "required": argument.is_required, "action": "append" if argument.is_repeated else "store"}
    if argument.is_repeated:
        return {**settings, "nargs": "*"}
    return {**settings, "nargs": "?"} if argument.default is not None else settings
