"""Run a command: its result on stdout, its errors as two lines on stderr, its exit code by the table."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, TextIO

from modelward.cli import exits
from modelward.cli.commands import GLOBAL
from modelward.cli.parser import Call, parse
from modelward.core.errors import ModelwardError

_REPORT = "run it again with --debug for the traceback, and report it with that"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        argv: The words behind `modelward`; those of this process when left out.
    """
    _survive_narrow_encodings(sys.stdout)
    _survive_narrow_encodings(sys.stderr)
    try:
        call = parse(sys.argv[1:] if argv is None else argv)
    except SystemExit as done:
        return int(done.code or 0)
    if call.command is None:
        sys.stdout.write(call.text + "\n")
        return exits.DONE
    return _run(call)


def _run(call: Call) -> int:
    from modelward.cli.terminal import Terminal

    terminal, is_debug = Terminal(sys.stdout, sys.stderr), call.values["debug"]
    try:
        code = _invoke(call, terminal)
        sys.stdout.flush()
    except ModelwardError as error:
        _traceback(is_debug)
        terminal.fail(error.problem, error.next_step)
        return exits.code_of(error)
    except KeyboardInterrupt:
        terminal.say("interrupted")
        return exits.INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return exits.PIPE_CLOSED
    except Exception as error:  # noqa: BLE001  the door: nothing but two lines may come out
        _traceback(is_debug)
        terminal.fail(f"unexpected {type(error).__name__}: {error}", _REPORT)
        return exits.UNEXPECTED
    return code


def _invoke(call: Call, terminal: Any) -> int:
    """Run the command's function; it may return an exit code of its own."""
    from modelward.cli.context import Context

    assert call.command is not None  # noqa: S101  told apart in main
    values = dict(call.values)
    shared = {argument.parameter: values.pop(argument.parameter) for argument in GLOBAL}
    del shared["debug"]
    module, function = call.command.runs.split(":")
    run = getattr(import_module(f"modelward.cli.{module}"), function)
    return run(Context(terminal, **shared), **values) or exits.DONE


def _traceback(is_debug: bool) -> None:  # noqa: FBT001
    if is_debug:
        import traceback

        traceback.print_exc()


def _survive_narrow_encodings(stream: TextIO) -> None:
    """Print a question mark where a terminal's encoding lacks a sign, rather than fail."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")


def _drop_output() -> None:
    """Keep Python from flushing stdout into the closed pipe when it ends (docs.python.org, "Note on SIGPIPE")."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
