"""Help, and the reference made of it."""

import inspect
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from modelward.cli import exits
from modelward.cli.commands import COMMANDS, GLOBAL, Command
from modelward.cli.main import main
from modelward.cli.parser import parse
from modelward.cli.reference import reference

ROOT = Path(__file__).parents[3]
by_name = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)


@by_name
def test_each_command_has_help_with_an_example(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.name.split(), "--help"]) == exits.DONE
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith(f"modelward {command.name}")
    assert f"example:\n  modelward {command.name}" in said.out
    assert all(argument.help in " ".join(said.out.split()) for argument in command.arguments)


@by_name
def test_each_example_can_be_typed_as_it_stands(command: Command) -> None:
    first = command.example.replace("\\\n", " ").splitlines()[0]
    words = shlex.split(first, comments=True)
    words = words[: words.index(">")] if ">" in words else words
    assert words[0] == "modelward"
    call = parse(words[1:])
    assert call.command == command


@by_name
def test_each_command_runs_a_function_that_takes_exactly_its_arguments(command: Command) -> None:
    module, name = command.runs.split(":")
    function = getattr(import_module(f"modelward.cli.{module}"), name)
    signature = inspect.signature(function)
    signature.bind(object(), **{argument.parameter: None for argument in command.arguments})


@by_name
def test_each_command_that_changes_something_can_print_its_plan(command: Command) -> None:
    deciding = {"approve", "reject", "promote", "rollback", "ab share", "ab finish"}
    changing = {"adopt", "checkout", "deploy", "init", "register", "reproduce", "tag", "tidy", "transform", *deciding}
    assert (command.name in changing) == any(argument.name == "--plan" for argument in command.arguments)


@by_name
def test_each_command_that_reads_prints_json(command: Command) -> None:
    others = {"download", "serve", "local up", "local switch", "demo"}
    assert (command.name not in others) == any(argument.name == "--json" for argument in command.arguments)


def test_the_overview_lists_commands_options_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == exits.DONE
    said = capsys.readouterr().out
    assert all(f"  {command.name} " in said for command in COMMANDS)
    assert all(argument.name in said for argument in GLOBAL)
    assert all(f"  {code} " in said and meaning in said for code, meaning in exits.MEANINGS)
    assert max(map(len, said.splitlines())) <= 100


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom modelward.cli.main import main\nmain(['approve', '--help'])\n"
        "heavy = {'boto3', 'rich', 'fastapi', 'modelward.config', 'modelward.services'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_reference_is_current() -> None:
    found = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert found == reference(), "run: python -m modelward.cli.reference > docs/cli.md"
