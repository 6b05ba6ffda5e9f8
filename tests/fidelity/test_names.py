"""Names, numbers and identities."""

import pytest
from botocore.exceptions import ClientError
from tests.fidelity.account import Ground

fidelity = pytest.mark.fidelity


@fidelity("arn-lower-case")
def test_arns_carry_names_in_lower_case(ground: Ground) -> None:
    group = ground.group("Digits")
    found = ground.sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    assert found["ModelPackageGroupArn"] == ground.account.arn("sagemaker", f"model-package-group/{group.lower()}")
    assert ground.version(group) == ground.account.arn("sagemaker", f"model-package/{group.lower()}/1")
    model = ground.model("Good")
    arn = ground.sagemaker.describe_model(ModelName=model)["ModelArn"]
    assert arn == ground.account.arn("sagemaker", f"model/{model.lower()}")
    assert found["ModelPackageGroupName"] == group, "elsewhere the name is as it was given"


@fidelity("names-ignore-capitals")
def test_a_name_in_other_capitals_is_the_same_name(ground: Ground) -> None:
    group = ground.group("Digits")
    found = ground.sagemaker.describe_model_package_group(ModelPackageGroupName=group.swapcase())
    assert found["ModelPackageGroupName"] == group
    with pytest.raises(ClientError, match="already exists"):
        ground.sagemaker.create_model_package_group(ModelPackageGroupName=group.upper(), Tags=ground.tags)


@fidelity("version-by-arn-in-any-case")
def test_a_version_is_found_by_an_arn_with_the_name_as_it_was_declared(ground: Ground) -> None:
    group = ground.group("Digits")
    arn = ground.version(group)
    declared = ground.account.arn("sagemaker", f"model-package/{group}/1")
    assert declared != arn
    assert ground.package(declared)["ModelPackageArn"] == arn


@fidelity("numbers-count-from-one")
def test_versions_are_numbered_from_one(ground: Ground) -> None:
    group = ground.group()
    arns = [ground.version(group) for _ in range(3)]
    assert [ground.package(arn)["ModelPackageVersion"] for arn in arns] == [1, 2, 3]


@fidelity("number-never-again")
def test_the_number_of_a_deleted_version_is_not_given_again(ground: Ground) -> None:
    group = ground.group()
    ground.version(group)
    ground.sagemaker.delete_model_package(ModelPackageName=ground.version(group))
    assert ground.package(ground.version(group))["ModelPackageVersion"] == 3


@fidelity("numbers-restart-with-group")
def test_a_group_that_is_made_again_counts_from_one_again(ground: Ground) -> None:
    group = ground.group()
    ground.sagemaker.delete_model_package(ModelPackageName=ground.version(group))
    ground.sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    ground.eventually(lambda: group not in _groups(ground))
    ground.group()
    assert ground.package(ground.version(group))["ModelPackageVersion"] == 1


def _groups(ground: Ground) -> list[str]:
    found = ground.sagemaker.list_model_package_groups(NameContains=ground.prefix)["ModelPackageGroupSummaryList"]
    return [each["ModelPackageGroupName"] for each in found]


@fidelity("who-is-the-caller")
def test_created_by_and_last_modified_by_name_the_caller(ground: Ground) -> None:
    group = ground.group()
    arn = ground.version(group)
    ground.update(arn, ApprovalDescription="good")
    caller = ground.account.identity["Arn"]
    described = ground.sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    version = ground.package(arn)
    people = [described["CreatedBy"], version["CreatedBy"], version["LastModifiedBy"]]
    assert [person["IamIdentity"]["Arn"] for person in people] == [caller] * 3
    assert all(person["IamIdentity"]["PrincipalId"] for person in people)


@fidelity("no-modifier-at-birth")
def test_a_version_has_no_last_modifier_until_it_is_updated(ground: Ground) -> None:
    version = ground.package(ground.version(ground.group()))
    assert "LastModifiedBy" not in version
    assert version["LastModifiedTime"] == version["CreationTime"]
