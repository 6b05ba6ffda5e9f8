"""What the tables of docs/rollouts.md say is what people see: the words of status, of the history and of the mails."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelward.config.spec import Strategy
from modelward.core.ledger import Entry, EntryKind
from modelward.planning.scene import ROLLOUT_KINDS
from modelward.planning.status import State
from modelward.services.notification import _QUIET, headline, next_step

TEXT = (Path(__file__).parents[2] / "docs" / "rollouts.md").read_text(encoding="utf-8")
DECIDED = {EntryKind.STAGED, EntryKind.ROLLED_BACK, EntryKind.REFUSED, EntryKind.ALARMED}
ROLLOUTS = sorted(ROLLOUT_KINDS | DECIDED)


def rows(heading: str) -> dict[str, list[str]]:
    """Read the table under a heading: the other cells of each row, by what its first cell has as code."""
    [part] = [each for each in TEXT.split("\n## ") if each.startswith(heading)]
    lines = [line[1:-1].split("|") for line in part.splitlines() if line.startswith("| `")]
    return {cells[0].strip(" `"): [cell.strip(" `") for cell in cells[1:]] for cells in lines}


def test_every_state_is_explained() -> None:
    assert set(rows("Is something stuck?")) == set(State)


def test_every_outcome_of_a_rollout_is_explained() -> None:
    assert set(rows("What became of a rollout")) == set(ROLLOUTS)


@pytest.mark.parametrize("kind", ROLLOUTS)
def test_the_mail_and_its_next_command_are_those_that_people_get(kind: EntryKind) -> None:
    entry = Entry("digits", 4, 1, datetime(2026, 1, 5, tzinfo=UTC), kind, "ann", "", "Production", "production")
    _, mail, following = rows("What became of a rollout")[kind]
    expected = ("", "") if kind in _QUIET else (headline(entry), next_step(entry))
    assert (mail, following) == expected


def test_every_strategy_is_explained_with_its_picture() -> None:
    headings = {heading.lower() for heading in re.findall(r"^### (.+)$", TEXT, re.MULTILINE)}
    spoken = {strategy.value.replace("-", " ").replace("ab", "a/b") for strategy in Strategy}
    assert spoken <= headings
    assert len(re.findall(r"^!\[[^\]]+\]\(rollouts/[a-z-]+\.svg\)$", TEXT, re.MULTILINE)) == len(headings)
