"""What a deployment would meet, from plain values."""

from datetime import UTC, datetime
from typing import Any

import pytest

from modelward.config import parse
from modelward.core.account import Group
from modelward.core.names import GROUP_DESCRIPTION
from modelward.planning.deployment import Finding, Observed, findings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEAD = '[registry]\nname = "acme"\nstages = ["Development", "Archived"]\n'
OURS = HEAD + '[models.Churn]\nowner = "growth"\n'
THEIRS = OURS + "existing = true\n"


def found(text: str, *groups: Group, owned: Any = ()) -> tuple[Finding, ...]:
    return findings(parse(text), Observed(groups, frozenset(owned), (), ()))


def group(name: str = "churn", description: str = GROUP_DESCRIPTION) -> Group:
    return Group(name, description, NOW)


@pytest.mark.parametrize(
    ("text", "groups", "owned", "told", "is_blocking"),
    [
        (OURS, [], [], "will be made", False),
        (OURS, [group()], [], "no stack of this registry owns it", True),
        (OURS, [group()], ["other"], "no stack of this registry owns it", True),
        (OURS, [group(description="v2")], ["churn"], "has the description 'v2'", True),
        (OURS, [], ["churn"], "is gone; a deployment does not bring it back", True),
        (THEIRS, [], [], "is not there", True),
        (THEIRS, [group(description="v2")], ["churn"], "lets it go", False),
        (HEAD, [group()], ["churn"], "is declared no more", False),
        (HEAD, [group()], [], "is not declared", False),
    ],
)
def test_each_way_in_which_a_group_may_stand_is_told(
    text: str, groups: list[Group], owned: Any, told: str, is_blocking: bool
) -> None:
    [finding] = found(text, *groups, owned=owned)
    assert told in finding.text
    assert finding.is_blocking is is_blocking
    assert finding.next_step or not is_blocking


@pytest.mark.parametrize(("text", "owned"), [(OURS, ["churn"]), (THEIRS, [])])
def test_what_is_as_declared_is_not_mentioned_whatever_its_capitals(text: str, owned: list[str]) -> None:
    assert found(text, group(), owned=owned) == ()


def test_what_blocks_comes_first() -> None:
    [first, second] = found(OURS, group(), group("another"))
    assert (first.is_blocking, second.is_blocking) == (True, False)


def test_what_the_stacks_may_not_set_on_somebody_else_s_resources_is_told() -> None:
    arns = 'key_arn = "arn:aws:kms:eu-west-1:111122223333:key/1"\ntopic_arn = "arn:aws:sns:eu-west-1:111122223333:ml"\n'
    bucket, key, topic = found(HEAD + '[existing]\nbucket = "ml-artifacts"\n' + arns)
    assert (bucket.subject, "versioning" in bucket.next_step) == ("ml-artifacts", True)
    assert "key policy" in key.next_step
    assert "publish" in topic.next_step
    assert not any(each.is_blocking for each in (bucket, key, topic))
