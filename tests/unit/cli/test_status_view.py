"""How the standing of models is shown: in a list, in one line, and drawn again and again."""

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest

from modelward.cli.reading import _watch
from modelward.cli.terminal import Terminal
from modelward.cli.views.status import blocks, line
from modelward.core.fleet import Fleet
from modelward.planning.status import Progress, State, Status

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def rolling(percent: int | None = 50, left_s: int | None = 300) -> Status:
    progress = Progress("Baking", percent, NOON, left_s)
    return Status("digits", "production", State.ROLLING_OUT, wanted=2, live=1, since=NOON, progress=progress)


SERVED = Status("digits", "production", State.SERVING, wanted=2, live=2, verified_at=NOON)


def shown(*found: Status) -> str:
    out = StringIO()
    Terminal(out, StringIO()).show(*blocks(found))
    return out.getvalue()


@pytest.mark.parametrize(
    ("left_s", "said"),
    [
        (300, ", about 5 min left"),
        (45, ", about 45 s left"),
        (0, ", longer under way than the one before"),
        (None, "takes traffic\n"),
    ],
)
def test_a_rollout_is_shown_with_its_step_its_share_and_the_time_left(left_s: int | None, said: str) -> None:
    text = shown(rolling(left_s=left_s))
    assert "digits in production: v1 -> v2, Baking, 50 % of the new capacity takes traffic" in text
    assert said in text


def test_a_share_that_is_not_known_is_not_made_up() -> None:
    assert "%" not in shown(rolling(percent=None))


def test_servers_of_one_s_own_are_shown_with_what_is_wrong() -> None:
    each = Status(
        "digits",
        "production",
        State.BEHIND,
        problem="1 of 3 servers do not run v2",
        next_step="ask each of them why: GET /version",
        fleet=Fleet(NOON, {2: 2, 1: 1}),
    )
    text = shown(each)
    assert "digits in production: 2 servers on v2, 1 server on v1 (12:00 UTC)" in text
    assert "1 of 3 servers do not run v2\n  next: ask each of them why: GET /version" in text
    assert "2 servers on v2, 1 server on v1, 1 of 3 servers do not run v2; next: ask" in line(each)
    assert "12:00" not in line(each), "the time alone is no change"


LOOKS = [[rolling(0)], [rolling(0, 298)], [rolling(50)], [SERVED]]


def test_on_a_pipe_a_watch_prints_a_line_for_each_change() -> None:
    out = StringIO()
    _watch(Terminal(out, StringIO()), iter(LOOKS), json=False)
    assert out.getvalue().splitlines() == [
        "digits in production: rolling out, live v1, wanted v2, Baking, 0 % of the new capacity takes traffic",
        "digits in production: rolling out, live v1, wanted v2, Baking, 50 % of the new capacity takes traffic",
        "digits in production: serving, live v2, wanted v2",
    ]


def test_for_programs_each_change_is_a_line_of_json() -> None:
    import json

    out = StringIO()
    _watch(Terminal(out, StringIO(), is_tty=True), iter(LOOKS), json=True)
    told: list[Any] = [json.loads(each) for each in out.getvalue().splitlines()]
    assert [each["state"] for each in told] == ["rolling out", "rolling out", "serving"]
    assert told[1]["progress"] == {
        "step": "Baking", "percent": 50, "began_at": "2026-01-05T12:00:00+00:00", "left_s": 300,
    }  # fmt: skip


def test_on_a_terminal_each_look_is_drawn_over_the_one_before() -> None:
    out = StringIO()
    _watch(Terminal(out, StringIO(), is_tty=True, width=150), iter(LOOKS), json=False)
    first, *others = out.getvalue().split("\x1b[J")
    assert "\x1b[" in first.splitlines()[-1], "the cursor goes up at the end"
    assert len(others) == 3
    assert first.rpartition("\x1b[")[2] == f"{first.rpartition(chr(27))[0].count(chr(10))}F"
