"""The table of `modelward status`."""

import pytest
from rich.console import Console

from modelward.cli.views.status import standings
from modelward.planning.status import State, Status


@pytest.mark.parametrize(
    ("state", "share", "shown"), [*((each, None, each.value) for each in State), (State.ON_TRIAL, 20, "on trial, 20 %")]
)
def test_each_state_is_shown_with_the_share_of_a_trial(state: State, share: int | None, shown: str) -> None:
    console = Console(width=140)
    with console.capture() as captured:
        console.print(standings([Status("digits", "production", state, 2, 1, share=share)]))
    assert shown in captured.get().splitlines()[1]
