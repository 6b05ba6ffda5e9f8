"""From words to a command."""

import pytest

from modelward.cli import exits
from modelward.cli.commands import COMMANDS
from modelward.cli.main import main
from modelward.cli.parser import parse


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit) as done:
        parse(argv)
    assert done.value.code == exits.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_a_command_gets_its_values_and_the_options_of_every_command() -> None:
    call = parse(["approve", "digits", "v2", "--reason", "better", "--plan"])
    assert call.command is not None
    assert call.command.name == "approve"
    assert call.values == {
        "model": "digits",
        "version": 2,
        "reason": "better",
        "plan": True,
        "json": False,
        "registry": None,
        "profile": None,
        "region": None,
        "debug": False,
    }


@pytest.mark.parametrize(
    "argv",
    [
        ["--region", "eu-west-1", "--debug", "versions", "digits"],
        ["versions", "digits", "--region", "eu-west-1", "--debug"],
        ["--region=eu-west-1", "versions", "--debug", "digits"],
    ],
)
def test_the_options_of_every_command_may_stand_anywhere(argv: list[str]) -> None:
    call = parse(argv)
    assert (call.values["model"], call.values["region"], call.values["debug"]) == ("digits", "eu-west-1", True)


def test_a_command_of_two_words_is_found() -> None:
    call = parse(["local", "up", "--bare"])
    assert call.command is not None
    assert (call.command.name, call.values["bare"], call.values["port"]) == ("local up", True, None)


def test_figures_are_numbers_by_name_and_may_be_given_several_times() -> None:
    base = ["register", "digits", "--artifact", "m", "--image", "i"]
    call = parse([*base, "--metric", "a=b=0.5", "--metric", "loss=-1e-3", "--metadata", "k=v=w"])
    assert call.values["metric"] == [("a=b", 0.5), ("loss", -0.001)]
    assert call.values["metadata"] == [("k", "v=w")]


def test_an_error_names_the_rule_and_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "show", "digits", "zero") == (
        "error: argument VERSION: 'zero' is not a whole number of 1 or more\n  next: modelward show --help\n"
    )


@pytest.mark.parametrize(
    "argv",
    [
        ["show", "digits", "0"],
        ["show", "digits", "-1"],
        ["show", "digits", "\N{SUPERSCRIPT TWO}"],
        ["show", "digits", "12345678901234567890"],
        ["serve", "digits", "--stage", "S", "--port", "65536"],
        ["serve", "digits", "--stage", "S", "--poll-seconds", "nan"],
        ["deploy", "digits", "production", "--timeout", "0"],
        ["register", "digits", "--artifact", "m", "--image", "i", "--metric", "accuracy"],
        ["register", "digits", "--artifact", "m", "--image", "i", "--metric", "accuracy=high"],
        ["register", "digits", "--artifact", "m", "--image", "i", "--metadata", "=v"],
        ["register", "digits"],
        ["versions"],
        ["versions", "digits", "more"],
        ["versions", "digits", "--jso"],
    ],
)
def test_a_line_that_breaks_a_rule_is_a_usage_error(capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    assert refused(capsys, *argv).startswith("error: ")


@pytest.mark.parametrize("command", ["approve", "reject", "rollback"])
def test_a_decision_without_a_reason_is_refused(capsys: pytest.CaptureFixture[str], command: str) -> None:
    words = {"approve": ["2"], "reject": ["2"], "rollback": ["production"]}
    assert "--reason" in refused(capsys, command, "digits", *words[command])


def test_a_mistyped_command_is_told_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "aprove", "digits") == "error: 'aprove' is not a command\n  next: modelward approve\n"
    assert refused(capsys, "xyzzy") == "error: 'xyzzy' is not a command\n  next: modelward --help\n"


def test_the_head_of_a_group_names_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        refused(capsys, "local")
        == "error: local needs one of: local up, local switch\n  next: modelward local --help\n"
    )
    assert refused(capsys, "local", "down").startswith("error: local needs one of")
    assert parse(["local", "--help"]).text.startswith("modelward local up [--port PORT]")


def test_no_command_at_all_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys) == "error: no command was given\n  next: modelward --help\n"
    assert refused(capsys, "--region", "eu-west-1").startswith("error: no command")
    assert refused(capsys, "--region").startswith("error: no command")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    import modelward

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"modelward {modelward.__version__}\n"


def test_every_command_name_is_there_once() -> None:
    names = [command.name for command in COMMANDS]
    assert len(names) == len(set(names))


def test_an_argument_may_be_given_as_often_as_one_likes() -> None:
    assert parse(["local", "switch"]).values["arguments"] == ()
    values = parse(["local", "switch", "lose", "count=2", "event=a b"]).values
    assert values["arguments"] == [("count", "2"), ("event", "a b")]
