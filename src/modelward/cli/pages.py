"""What `--help` prints. Written here, not by argparse, so that it reads the same under every Python."""

from collections.abc import Iterable
from textwrap import fill, indent

from modelward.cli import exits
from modelward.cli.commands import COMMANDS, GLOBAL, Argument, Command

WIDTH = 100
_GLUE = "\N{NO-BREAK SPACE}"


def overview() -> str:
    """Tell what there is: commands, options that all take, exit codes."""
    return "\n\n".join(
        (
            "modelward [OPTIONS] COMMAND …",
            "A model registry as code for AWS SageMaker.",
            _block("commands", ((command.name, command.summary) for command in COMMANDS)),
            global_options(),
            exit_codes(),
            "modelward COMMAND --help tells the rest.",
        )
    )


def page(command: Command) -> str:
    """Tell everything about one command."""
    positional = [argument for argument in command.arguments if not argument.is_option]
    options = [argument for argument in command.arguments if argument.is_option]
    parts = (
        usage(command),
        command.summary,
        fill(command.more, WIDTH),
        _block("arguments", map(_row, positional)),
        _block("options", map(_row, options)),
        "example:\n" + indent(command.example, "  "),
    )
    return "\n\n".join(part for part in parts if part)


def usage(command: Command) -> str:
    """Spell how a command is called; a second line and more are indented."""
    # A no-break space keeps an option and its value on one line.
    words = [_usage(argument).replace(" ", _GLUE) for argument in command.arguments]
    line = " ".join(["modelward", command.name, *words])
    return fill(line, WIDTH, subsequent_indent="    ", break_on_hyphens=False).replace(_GLUE, " ")


def global_options() -> str:
    """List the options that every command takes."""
    version = ("--version", "print the version of Modelward")
    rows = [*map(_row, GLOBAL), version, ("--help", "print this, or all about a command")]
    return _block("options of every command", rows)


def exit_codes() -> str:
    """List the exit codes."""
    return _block("exit codes", ((str(code), meaning) for code, meaning in exits.MEANINGS))


def _usage(argument: Argument) -> str:
    text = f"{argument.name} {argument.value}".rstrip() if argument.is_option else argument.value
    is_needed = argument.is_required if argument.is_option else argument.default is None
    return (text if is_needed else f"[{text}]") + ("…" if argument.is_repeated else "")


def _row(argument: Argument) -> tuple[str, str]:
    name = f"{argument.name} {argument.value}".rstrip() if argument.is_option else argument.value
    is_told = argument.value and argument.default not in (None, "", ())
    notes = (
        argument.help,
        "required" if argument.is_required else "",
        "may be given several times" if argument.is_repeated else "",
        f"default {argument.default}" if is_told else "",
    )
    return name, "; ".join(note for note in notes if note)


def _block(title: str, rows: Iterable[tuple[str, str]]) -> str:
    listed = list(rows)
    if not listed:
        return ""
    width = max(len(name) for name, _ in listed) + 4
    lines = (fill(f"  {name:<{width - 2}}{text}", WIDTH, subsequent_indent=" " * width) for name, text in listed)
    return "\n".join((f"{title}:", *lines))
