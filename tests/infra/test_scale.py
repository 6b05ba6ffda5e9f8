"""Thousands of models: groups spread over stacks, nothing else grows, and nothing ever moves."""

import re
from pathlib import Path
from typing import Any

import pytest

from modelward.core.errors import ConfigError
from modelward.core.names import group_stack

GROUP = "AWS::SageMaker::ModelPackageGroup"


def names(count: int) -> list[str]:
    return [f"model-{number:04d}" for number in range(count)]


def spread(synthesize: Any, *models: str, stacks: int = 4) -> Any:
    text = synthesize.declare(*models, are_served=False)
    return synthesize(text.replace('name = "acme"\n', f'name = "acme"\ngroup_stacks = {stacks}\n'))


def groups(assembly: Any) -> dict[str, dict[str, str]]:
    """Give the groups of each stack: logical id to name."""
    stacks = [path.name.removesuffix(".template.json") for path in assembly.folder.glob("*.template.json")]
    parts = [stack.removeprefix("acme-") for stack in stacks]
    found = {
        part: {
            key: each["Properties"]["ModelPackageGroupName"] for key, each in assembly.resources(part, GROUP).items()
        }
        for part in parts
    }
    return {part: made for part, made in found.items() if made}


@pytest.fixture(scope="module")
def forty(synthesize: Any) -> Any:
    return spread(synthesize, *names(40))


def test_groups_are_spread_and_each_is_in_one_stack(forty) -> None:
    found = groups(forty)
    assert all(re.fullmatch(r"groups-0[0-3]", part) for part in found)
    assert len(found) == 4
    assert sorted(name for made in found.values() for name in made.values()) == names(40)


def test_models_that_come_and_go_move_no_other(synthesize, forty) -> None:
    before = groups(forty)
    after = groups(spread(synthesize, "another", *names(40)[10:], "z-one"))
    for part, made in before.items():
        kept = {key: name for key, name in made.items() if name in names(40)[10:]}
        assert kept.items() <= after[part].items()


def test_what_is_in_the_spread_stacks_is_protected_tagged_and_retained(forty) -> None:
    import json

    manifest = json.loads((forty.folder / "manifest.json").read_text())["artifacts"]
    for part in groups(forty):
        assert manifest[f"acme-{part}"]["properties"]["terminationProtection"] is True
        for each in forty.resources(part).values():
            assert (each["Type"], each["DeletionPolicy"], each["UpdateReplacePolicy"]) == (GROUP, "Retain", "Retain")
            assert {"Key": "modelward:registry", "Value": "acme"} in each["Properties"]["Tags"]


def test_nothing_but_groups_and_the_policies_that_name_them_grows_with_the_models(synthesize, forty) -> None:
    few = spread(synthesize, *names(2))
    more = forty.resources("workflow").keys() - few.resources("workflow").keys()
    assert {each["Type"] for key, each in forty.resources("workflow").items() if key in more} <= {
        "AWS::IAM::ManagedPolicy"
    }
    assert forty.resources("registry").keys() == few.resources("registry").keys()


def test_one_stack_is_the_default_and_holds_the_groups_where_they_always_were(synthesize) -> None:
    assert groups(synthesize(synthesize.declare("digits"))) == {"registry": {"Groupsdigits1CEC7D8D": "digits"}}


def test_too_many_models_for_the_stacks_are_refused_with_a_number_that_will_do(tmp_path: Path, synthesize) -> None:
    from modelward_infra import App, build

    (tmp_path / "registry.toml").write_text(synthesize.declare(*names(451), are_served=False))
    with pytest.raises(ConfigError, match=r"group_stacks: found 1, .* allowed: about 2 for 451 groups"):
        build(App(), tmp_path / "registry.toml")


@pytest.mark.parametrize("count", [250, 1_000, 5_000, 25_000])
def test_one_stack_for_each_250_models_leaves_each_below_its_limit(count: int) -> None:
    placed: dict[str, int] = {}
    for number in range(count):
        stack = group_stack("acme", f"model-{number}", 1 + count // 250 if count < 25_000 else 100)
        placed[stack] = placed.get(stack, 0) + 1
    assert max(placed.values()) <= 450


def test_where_a_group_is_never_changes() -> None:
    """A change here would move the groups of every large registry; never edit this to make a test pass."""
    placed = {name: group_stack("acme", name, 20) for name in ("digits", "Digits", "churn", "fraud-2")}
    assert placed == {
        "digits": "acme-groups-17",
        "Digits": "acme-groups-17",
        "churn": "acme-groups-03",
        "fraud-2": "acme-groups-14",
    }
