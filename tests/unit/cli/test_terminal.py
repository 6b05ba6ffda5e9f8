"""Where things are printed."""

import json
from io import StringIO

from modelward.cli.terminal import Terminal


class Tty(StringIO):
    def isatty(self) -> bool:
        return True


def test_results_go_to_stdout_and_talk_to_stderr() -> None:
    out, err = StringIO(), StringIO()
    terminal = Terminal(out, err)
    terminal.line("result")
    terminal.say("talk")
    assert (out.getvalue(), err.getvalue()) == ("result\n", "talk\n")


def test_blocks_are_a_blank_line_apart() -> None:
    out = StringIO()
    Terminal(out, StringIO()).show("one", "two")
    assert out.getvalue() == "one\n\ntwo\n"


def test_json_is_json_with_the_signs_of_all_languages() -> None:
    out = StringIO()
    Terminal(out, StringIO()).json({"who": "José"})
    assert json.loads(out.getvalue()) == {"who": "José"}
    assert "José" in out.getvalue()


def test_without_a_terminal_there_is_no_bar() -> None:
    err = StringIO()
    with Terminal(StringIO(), err).upload("uploading model.tar.gz") as progress:
        assert progress is None
    assert err.getvalue() == ""


def test_with_a_terminal_the_bar_takes_bytes() -> None:
    err = Tty()
    with Terminal(StringIO(), err).upload("uploading [x] model.tar.gz") as progress:
        assert progress is not None
        progress(5, 10)
        progress(10, 10)
    assert "uploading [x] model.tar.gz" in err.getvalue()


def test_without_a_terminal_waiting_tells_each_change_once() -> None:
    err = StringIO()
    with Terminal(StringIO(), err).waiting("deploying") as tell:
        for second, state in enumerate(("Creating", "Creating", "InService")):
            tell(second, state)
    assert err.getvalue() == "deploying\n  0 s  Creating\n  2 s  InService\n"


def test_with_a_terminal_waiting_shows_what_is_going_on() -> None:
    err = Tty()
    with Terminal(StringIO(), err).waiting("deploying") as tell:
        tell(0.5, "Creating [1/2]")
    assert "deploying: Creating [1/2]" in err.getvalue()
