"""What a deployment would meet, from plain values."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from modelward.config import parse
from modelward.core.account import Group, Table
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


STREAM = "arn:aws:dynamodb:eu-west-1:111122223333:table/history/stream/2026-01-05T12:00:00.000"
KEPT = f'{HEAD}[existing]\ntable_stream_arn = "{STREAM}"\n'
TABLE = Table(("model", "entry"), {"by-time": ("model", "at")}, STREAM, "NEW_IMAGE", is_protected=True)


def of_table(table: Table | None, text: str = KEPT) -> list[Finding]:
    observed = Observed((), frozenset(), (), (), table)
    return [each for each in findings(parse(text), observed) if each.subject == "table history"]


@pytest.mark.parametrize("table", [TABLE, replace(TABLE, stream_view="NEW_AND_OLD_IMAGES")])
def test_a_table_that_can_keep_the_history_is_not_mentioned(table: Table) -> None:
    assert of_table(table) == []


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (None, "is not there"),
        (replace(TABLE, key=("model", "entry (N)")), "has the key model and entry (N)"),
        (replace(TABLE, indexes={}), "has no index by-time"),
        (replace(TABLE, indexes={"by-time": ("model",)}), "has no index by-time"),
        (replace(TABLE, stream_view=""), "has no stream"),
        (replace(TABLE, stream_view="KEYS_ONLY"), "has a stream of KEYS_ONLY"),
        (replace(TABLE, stream_arn=f"{STREAM}1"), "has another stream"),
    ],
)
def test_a_table_that_cannot_keep_the_history_is_in_the_way(table: Table | None, told: str) -> None:
    [finding] = of_table(table)
    assert told in finding.text
    assert finding.is_blocking
    assert finding.next_step


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (replace(TABLE, is_protected=False), "may be deleted"),
        (replace(TABLE, key_arn="arn:aws:kms:eu-west-1:111122223333:key/1"), "is encrypted with"),
    ],
)
def test_what_is_wrong_with_a_table_that_keeps_the_history_all_the_same_is_told(table: Table, told: str) -> None:
    [finding] = of_table(table)
    assert told in finding.text
    assert not finding.is_blocking


def test_the_declared_key_encrypts_the_table() -> None:
    key = "arn:aws:kms:eu-west-1:111122223333:key/1"
    assert of_table(replace(TABLE, key_arn=key), f'{KEPT}key_arn = "{key}"\n') == []


def test_what_no_description_of_a_table_tells_is_its_owner_s_to_see_to() -> None:
    [finding] = findings(parse(KEPT), Observed((), frozenset(), (), (), TABLE))
    assert (finding.subject, finding.is_blocking) == (STREAM.partition("/stream/")[0], False)
    assert all(word in finding.next_step for word in ("resource policy", "PITR", "time to live"))
