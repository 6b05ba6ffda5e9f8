"""Order, pages and filters of lists."""

import pytest
from botocore.exceptions import ClientError
from tests.fidelity.account import Ground

fidelity = pytest.mark.fidelity


def versions(ground: Ground, **request: object) -> list[int]:
    found = ground.sagemaker.list_model_packages(**request)["ModelPackageSummaryList"]
    return [each["ModelPackageVersion"] for each in found]


@fidelity("registry-oldest-first")
def test_versions_and_groups_are_listed_oldest_first(ground: Ground) -> None:
    first, second = ground.group("b"), ground.group("a")
    for _ in range(3):
        ground.version(first)
        ground.account.pace.pause(1)
    assert versions(ground, ModelPackageGroupName=first) == [1, 2, 3]
    assert versions(ground, ModelPackageGroupName=first, SortOrder="Descending") == [3, 2, 1]
    found = ground.sagemaker.list_model_package_groups(NameContains=ground.prefix + "-", SortBy="CreationTime")
    names = [each["ModelPackageGroupName"] for each in found["ModelPackageGroupSummaryList"]]
    assert names == [first, second]


@fidelity("hosting-newest-first")
def test_models_and_configs_are_listed_newest_first(ground: Ground) -> None:
    ground.config("good-1")
    ground.account.pace.pause(1)
    ground.config("good-2")
    models = ground.sagemaker.list_models(NameContains=ground.prefix + "-")["Models"]
    assert [each["ModelName"][-1] for each in models] == ["2", "1"]
    configs = ground.sagemaker.list_endpoint_configs(NameContains=ground.prefix + "-")["EndpointConfigs"]
    assert ["good-2" in each["EndpointConfigName"] for each in configs] == [True, False]


@fidelity("pages-of-ten")
def test_a_list_comes_in_pages_of_ten_unless_told_otherwise(ground: Ground) -> None:
    group = ground.group()
    for _ in range(11):
        ground.version(group)
    assert versions(ground, ModelPackageGroupName=group) == list(range(1, 11))
    answer = ground.sagemaker.list_model_packages(ModelPackageGroupName=group)
    assert versions(ground, ModelPackageGroupName=group, NextToken=answer["NextToken"]) == [11]
    assert versions(ground, ModelPackageGroupName=group, MaxResults=11) == list(range(1, 12))


@fidelity("list-of-missing-group")
def test_versions_of_an_unknown_group_are_refused(ground: Ground) -> None:
    with pytest.raises(ClientError, match="does not exist") as caught:
        versions(ground, ModelPackageGroupName=ground.name("none"))
    assert caught.value.response["Error"]["Code"] == "ValidationException"


@fidelity("list-filter-by-name")
def test_a_part_of_a_name_is_looked_for_in_the_groups_name(ground: Ground) -> None:
    group = ground.group()
    ground.version(group)
    assert versions(ground, ModelPackageGroupName=group, NameContains="digits") == [1]
    assert versions(ground, ModelPackageGroupName=group, NameContains="letters") == []


@fidelity("list-without-group")
def test_without_a_group_versions_are_listed_only_if_asked_for(ground: Ground) -> None:
    ground.version(ground.group())
    assert versions(ground, NameContains=ground.prefix + "-") == []
    assert versions(ground, NameContains=ground.prefix + "-", ModelPackageType="Versioned") == [1]


@fidelity("life-cycle-in-lists")
def test_lists_show_the_life_cycle_and_no_package_name(ground: Ground) -> None:
    group, cycle = ground.group(), {"Stage": "Staging", "StageStatus": "InProgress"}
    ground.version(group, ModelLifeCycle=cycle)
    [found] = ground.sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    assert found["ModelLifeCycle"] == cycle
    assert "ModelPackageName" not in found
