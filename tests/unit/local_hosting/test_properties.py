"""Which properties count as used: those that were read, and those that somebody keeps."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from modelward.local.properties import Watch

GIVEN = {"Name": "n", "Tags": [{"Key": "k", "Value": "v"}], "Rule": {"Status": "on", "Days": 1}, "Zones": ["a", "b"]}
ALL = ["Name", "Rule.Days", "Rule.Status", "Tags[].Key", "Tags[].Value", "Zones"]


def test_what_nobody_reads_is_ignored() -> None:
    assert Watch(GIVEN).ignored() == ALL


def test_what_is_read_key_by_key_is_used() -> None:
    watch = Watch(GIVEN)
    given = watch.properties()
    assert given["Name"] == "n"
    assert given.get("Rule", {}).get("Days") == 1
    assert [tag["Key"] for tag in given["Tags"]] == ["k"]
    assert given.pop("Zones") == ["a", "b"]
    del given
    assert watch.ignored() == ["Rule.Status", "Tags[].Value"]


READERS: list[Callable[[dict[str, Any]], Any]] = [
    json.dumps,
    lambda given: json.dumps(given, sort_keys=True, indent=1),
    lambda given: [json.dumps(value) for value in given.values()],
    lambda given: [json.dumps(value) for _, value in given.items()],
    lambda given: json.dumps(dict(given)),
    lambda given: json.dumps({**given}),
    lambda given: json.dumps(given.copy()),
    lambda given: json.dumps(given | {}),
    lambda given: json.dumps({} | given),
    lambda given: json.dumps(copy.copy(given)),
    lambda given: json.dumps(copy.deepcopy(given)),
]


@pytest.mark.parametrize("read", READERS, ids=range(len(READERS)))
def test_what_is_written_out_as_a_whole_is_used(read: Callable[[dict[str, Any]], Any]) -> None:
    watch = Watch(GIVEN)
    read(watch.properties())
    assert watch.ignored() == []


def test_what_is_kept_is_used_and_what_is_only_passed_on_is_not() -> None:
    watch = Watch(GIVEN)
    made = {"rule": watch.properties()["Rule"], "tags": copy.deepcopy(watch.properties())["Tags"]}
    assert watch.properties().get("Zones")
    assert watch.ignored() == ["Name"]
    assert made == {"rule": GIVEN["Rule"], "tags": GIVEN["Tags"]}


def test_a_copy_of_which_only_a_part_is_read_uses_that_part() -> None:
    watch = Watch(GIVEN)
    assert copy.deepcopy(watch.properties())["Rule"]["Days"] == 1
    assert "Rule.Status" in watch.ignored()


def test_to_see_that_a_key_is_there_is_not_to_use_it() -> None:
    watch = Watch(GIVEN)
    given = watch.properties()
    assert "Name" in given
    assert list(given)
    assert given["Rule"]
    del given
    assert watch.ignored() == ["Name", "Rule.Days", "Rule.Status", "Tags[].Key", "Tags[].Value", "Zones"]


def test_empty_properties_are_used_by_who_asks_for_them() -> None:
    watch = Watch({"Tags": [], "Rule": {}})
    assert watch.properties().get("Tags") == []
    assert watch.ignored() == ["Rule"]


def test_of_an_update_only_what_differs_must_be_used() -> None:
    watch = Watch({**GIVEN, "Rule": {"Status": "off", "Days": 1}})
    assert watch.ignored(Watch(GIVEN)) == ["Rule.Status"]
    assert watch.properties()["Rule"]["Status"] == "off"
    assert watch.ignored(Watch(GIVEN)) == []


def test_of_a_changed_list_every_member_must_be_used() -> None:
    watch = Watch({**GIVEN, "Tags": [{"Key": "k", "Value": "w"}]})
    assert watch.ignored(Watch(GIVEN)) == ["Tags[].Key", "Tags[].Value"]


def test_of_what_an_update_takes_away_it_must_be_asked_whether_it_is_there_or_was() -> None:
    before, watch = Watch({**GIVEN, "More": {"A": 1}}), Watch(GIVEN)
    assert watch.ignored(before) == ["More"]
    assert "More" not in watch.properties()
    assert watch.ignored(before) == ["More"], "who only asks that takes the value over if there is one"
    assert watch.properties().get("More") is None
    assert watch.ignored(before) == []

    before, watch = Watch({**GIVEN, "More": {"A": 1}}), Watch(GIVEN)
    assert "More" in before.properties()
    assert watch.ignored(before) == []


def test_properties_that_are_kept_are_plain_dictionaries_once_nobody_watches() -> None:
    kept = Watch(GIVEN).properties()
    copied = copy.deepcopy(kept)
    assert copied == kept == GIVEN
    assert type(copied) is dict
    kept["Rule"]["Days"] = 2
    assert json.loads(json.dumps(kept))["Rule"]["Days"] == 2
    assert kept.setdefault("New", 3) == 3
