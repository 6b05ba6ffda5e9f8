"""Search: what its filters find, once its index has caught up."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.fidelity.account import Ground

fidelity = pytest.mark.fidelity


@pytest.fixture
def three(ground: Ground) -> tuple[Ground, str]:
    """A group of three versions that differ, once Search knows them."""
    group = ground.group()
    ground.version(group, ModelLifeCycle={"Stage": "Staging", "StageStatus": "Approved"})
    ground.account.pace.pause(1)
    ground.version(group, CustomerMetadataProperties={"plain": "yes", "metric:f1.macro": "0.9"})
    ground.account.pace.pause(1)
    ground.version(group, ModelPackageDescription="the last")
    ground.eventually(lambda: len(found(ground, group)) == 3)
    return ground, group


def found(ground: Ground, group: str, *filters: tuple[str, str, str | None], **more: Any) -> list[int]:
    answer = ground.search(("ModelPackageGroupName", "Equals", group), *filters, **more)
    return [each["ModelPackage"]["ModelPackageVersion"] for each in answer["Results"]]


def refusal(ground: Ground, *filters: tuple[str, str, str | None]) -> str:
    with pytest.raises(ClientError) as caught:
        ground.search(*filters)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return str(caught.value.response["Error"]["Message"])


@fidelity("search-dotted-names")
def test_dotted_names_reach_stage_version_and_metadata(three: tuple[Ground, str]) -> None:
    assert found(*three, ("ModelLifeCycle.Stage", "Equals", "Staging")) == [1]
    assert found(*three, ("ModelPackageVersion", "GreaterThanOrEqualTo", "2")) == [3, 2]
    assert found(*three, ("CustomerMetadataProperties.plain", "Equals", "yes")) == [2]


@fidelity("search-key-with-colon")
def test_a_metadata_key_may_have_colons_and_dots_in_it(three: tuple[Ground, str]) -> None:
    assert found(*three, ("CustomerMetadataProperties.metric:f1.macro", "Equals", "0.9")) == [2]


@fidelity("search-not-equals-missing")
def test_what_lacks_a_property_does_not_equal_anything(three: tuple[Ground, str]) -> None:
    assert found(*three, ("CustomerMetadataProperties.plain", "NotEquals", "yes")) == [3, 1]
    assert found(*three, ("CustomerMetadataProperties.plain", "NotExists", None)) == [3, 1]


@fidelity("search-missing-sorts-last")
def test_what_lacks_the_sorted_property_comes_last_either_way(three: tuple[Ground, str]) -> None:
    for order in ("Ascending", "Descending"):
        assert found(*three, SortBy="ModelPackageDescription", SortOrder=order)[0] == 3


@fidelity("search-newest-first", "search-total-hits")
def test_the_last_modified_comes_first_and_hits_are_counted(three: tuple[Ground, str]) -> None:
    ground, group = three
    ground.update(ground.account.arn("sagemaker", f"model-package/{group}/1"), ApprovalDescription="again")
    ground.eventually(lambda: found(ground, group) == [1, 3, 2])
    answer = ground.search(("ModelPackageGroupName", "Equals", group), MaxResults=2)
    assert (len(answer["Results"]), answer["TotalHits"]) == (2, {"Value": 3, "Relation": "EqualTo"})
    more = ground.search(("ModelPackageGroupName", "Equals", group), MaxResults=2, NextToken=answer["NextToken"])
    assert (len(more["Results"]), more.get("NextToken")) == (1, None)


@fidelity("search-sees-group-tags")
def test_versions_are_found_by_the_tags_of_their_group(three: tuple[Ground, str]) -> None:
    key, value = next(iter(three[0].account.run.tags.items()))
    assert found(*three, (f"Tags.{key}", "Equals", value)) == [3, 2, 1]


@fidelity("search-contains-once")
def test_contains_may_stand_in_a_search_once(ground: Ground) -> None:
    twice = [("ModelPackageGroupName", "Contains", "a"), ("ModelPackageDescription", "Contains", "b")]
    assert "usage limit of 1" in refusal(ground, *twice)


@fidelity("search-no-ranges-on-text")
def test_text_is_not_compared_by_size(ground: Ground) -> None:
    assert "GreaterThan" in refusal(ground, ("ModelPackageGroupName", "GreaterThan", "a"))


@fidelity("search-unknown-property")
def test_an_unknown_property_is_refused_by_name(ground: Ground) -> None:
    assert refusal(ground, ("Colour", "Equals", "red")) == "Unknown property name: Colour"


@fidelity("search-groups-by-creation")
def test_groups_come_newest_first(ground: Ground) -> None:
    names = [ground.group("a")]
    ground.account.pace.pause(1)
    names.append(ground.group("b"))

    def groups() -> list[str]:
        answer = ground.search(("ModelPackageGroupName", "Contains", ground.prefix + "-"), resource="ModelPackageGroup")
        return [each["ModelPackageGroup"]["ModelPackageGroupName"] for each in answer["Results"]]

    ground.eventually(lambda: len(groups()) == 2)
    assert groups() == names[::-1]


@fidelity("search-pages-of-hundred")
def test_a_search_gives_a_hundred_at_once_unless_told_otherwise(ground: Ground) -> None:
    group = ground.group()
    for _ in range(101):
        ground.version(group)
    by_group = ("ModelPackageGroupName", "Equals", group)
    ground.eventually(lambda: ground.search(by_group)["TotalHits"]["Value"] == 101)
    assert len(ground.search(by_group)["Results"]) == 100
