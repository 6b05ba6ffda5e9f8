"""The door: exit codes, and two lines for every error."""

import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from modelward.cli import exits
from modelward.cli.commands import COMMANDS, Command
from modelward.cli.context import Context
from modelward.cli.main import _run
from modelward.cli.parser import Call
from modelward.core import errors

AWS = ("Search", "Code", "message")
RAISED: list[tuple[errors.ModelwardError, int]] = [
    (errors.ConfigError("registry.toml", "registry.name", found="1", allowed="a name"), 3),
    (errors.InputError("reason", found="nothing", rule="say why"), 4),
    (errors.ArtifactError("model.tar.gz", found="nothing", rule="a gzip"), 4),
    (errors.NotFoundError("model", "digits"), 5),
    (errors.PolicyError("v1", rule="gates", next_step="x"), 6),
    (errors.IntegrityError("v1", expected="a", found="b"), 7),
    (errors.AccessError(*AWS), 8),
    (errors.ConflictError(*AWS), 9),
    (errors.ThrottledError(*AWS), 10),
    (errors.QuotaError(*AWS), 11),
    (errors.AwsError(*AWS), 11),
    (errors.RolloutError("digits-production", what="it failed", next_step="x"), 12),
]


def run(body: Callable[[Context], object], *, debug: bool = False) -> int:
    """Run a command whose function is `body`, as the table would."""
    module = ModuleType("modelward.cli.probe")
    module.__dict__["body"] = body
    sys.modules[module.__name__] = module
    try:
        command = Command("probe", "", "probe:body", (), "")
        return _run(Call(command, {"registry": None, "profile": None, "region": None, "debug": debug}))
    finally:
        del sys.modules[module.__name__]


def raising(error: BaseException) -> Callable[[Context], object]:
    def body(_context: Context) -> object:
        raise error

    return body


@pytest.mark.parametrize(("error", "code"), RAISED, ids=lambda value: type(value).__name__)
def test_each_error_class_has_its_exit_code(error: errors.ModelwardError, code: int) -> None:
    assert run(raising(error)) == code


def test_every_class_of_the_tree_has_a_code() -> None:
    def below(kind: type[errors.ModelwardError]) -> list[type[errors.ModelwardError]]:
        return [kind, *(deep for child in kind.__subclasses__() for deep in below(child))]

    listed = tuple(kind for kind, _, _ in exits.TABLE)
    ours = [kind for kind in below(errors.ModelwardError)[1:] if kind.__module__.startswith("modelward.")]
    assert all(issubclass(kind, listed) for kind in ours)


def test_no_code_has_two_meanings() -> None:
    codes = [code for code, _ in exits.MEANINGS]
    assert len(codes) == len(set(codes))


def test_an_error_is_two_lines_on_stderr_and_nothing_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    run(raising(errors.NotFoundError("model", "digit", known=["digits"])))
    assert capsys.readouterr() == (
        "",
        "error: model 'digit' does not exist. There are: digits.\n  next: Check the name of the model.\n",
    )


def test_a_fault_of_ours_is_told_in_two_lines_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(raising(ZeroDivisionError("by zero"))) == exits.UNEXPECTED
    said = capsys.readouterr().err
    assert said.startswith("error: unexpected ZeroDivisionError: by zero\n  next: run it again with --debug")
    assert "Traceback" not in said


@pytest.mark.parametrize("error", [ZeroDivisionError("by zero"), errors.NotFoundError("model", "digit")])
def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    run(raising(error), debug=True)
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_ctrl_c_is_130_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_a_command_may_end_with_a_code_of_its_own() -> None:
    assert run(lambda _context: 1) == 1
    assert run(lambda _context: None) == 0


def test_a_reader_that_goes_away_is_no_error() -> None:
    import subprocess

    code = "import sys\nfrom modelward.cli.main import main\nsys.exit(main(['init', '--plan', 'x' * 9]))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == exits.PIPE_CLOSED


def test_the_commands_of_the_product_are_all_there() -> None:
    words = (
        "init adopt plan register versions show record lineage status compare approve reject promote tag current "
        "deploy rollback"
    )
    assert [c.name for c in COMMANDS] == [
        *words.split(),
        "ab share",
        "ab finish",
        "tidy",
        "history",
        "download",
        "reproduce",
        "checkout",
        "transform",
        "serve",
        "local up",
        "local switch",
        "demo",
    ]
