import json

import pytest

GROUP_ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package-group/digits"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})


def test_a_group_tells_who_made_it_and_when(api) -> None:
    assert api.group(ModelPackageGroupDescription="Handwritten digits") == GROUP_ARN
    assert api("DescribeModelPackageGroup", ModelPackageGroupName="digits") == {
        "ModelPackageGroupName": "digits",
        "ModelPackageGroupArn": GROUP_ARN,
        "ModelPackageGroupDescription": "Handwritten digits",
        "CreationTime": api.clock(),
        "CreatedBy": {"IamIdentity": {"Arn": "arn:aws:iam::123456789012:user/ann", "PrincipalId": "AIDAANN"}},
        "ModelPackageGroupStatus": "Completed",
    }


def test_a_group_is_found_by_its_arn(api) -> None:
    arn = api.group()
    assert api("DescribeModelPackageGroup", ModelPackageGroupName=arn)["ModelPackageGroupName"] == "digits"


def test_a_name_is_taken_whatever_its_case(api) -> None:
    api.group("digits")
    refusal = api.refusal("CreateModelPackageGroup", ModelPackageGroupName="Digits")
    assert refusal.code == "ValidationException"
    assert refusal.message == f"Model Package Group already exists: {GROUP_ARN}"


@pytest.mark.parametrize("name", ["letters", "arn:aws:sagemaker:eu-west-1:999999999999:model-package-group/digits"])
def test_a_missing_or_foreign_group_does_not_exist(api, name) -> None:
    api.group("digits")
    refusal = api.refusal("DescribeModelPackageGroup", ModelPackageGroupName=name)
    assert (refusal.code, refusal.status) == ("ValidationException", 400)
    assert refusal.message.startswith("ModelPackageGroup arn:")
    assert refusal.message.endswith(" does not exist.")


def test_a_group_with_versions_refuses_to_go_until_they_are_gone(api) -> None:
    api.group()
    arn = api.version()
    assert api.refusal("DeleteModelPackageGroup", ModelPackageGroupName="digits").code == "ConflictException"
    api("DeleteModelPackage", ModelPackageName=arn)
    api("DeleteModelPackageGroup", ModelPackageGroupName="digits")
    assert "does not exist" in api.refusal("DescribeModelPackageGroup", ModelPackageGroupName="digits").message


def test_groups_are_listed_oldest_first_unless_asked_otherwise(api) -> None:
    for name in ("b", "a", "c"):
        api.group(name)
        api.clock.advance(1)

    def names(**request) -> list[str]:
        answer = api("ListModelPackageGroups", **request)
        return [group["ModelPackageGroupName"] for group in answer["ModelPackageGroupSummaryList"]]

    assert names() == ["b", "a", "c"]
    assert names(SortOrder="Descending") == ["c", "a", "b"]
    assert names(SortBy="Name") == ["a", "b", "c"]
    assert names(NameContains="B") == ["b"]
    assert names(CreationTimeAfter=api.clock.advance(-2)) == ["c"]
    assert names(CrossAccountFilterOption="CrossAccount") == []


def test_a_page_by_name_goes_on_where_the_last_one_ended(api) -> None:
    for name in ("d", "b", "e", "a", "c"):
        api.group(name)
    names: list[str] = []
    token: dict[str, str] = {}
    while True:
        answer = api("ListModelPackageGroups", SortBy="Name", SortOrder="Descending", MaxResults=2, **token)
        names += [group["ModelPackageGroupName"] for group in answer["ModelPackageGroupSummaryList"]]
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert names == ["e", "d", "c", "b", "a"]


@pytest.mark.parametrize("token", ["nonsense", "W10=", "WyJwYWNrYWdlcyAiLCAxXQ=="])
def test_a_token_of_something_else_is_refused(api, token) -> None:
    assert "token" in api.refusal("ListModelPackageGroups", NextToken=token).message


def test_a_policy_is_kept_word_for_word_and_can_be_taken_back(api) -> None:
    api.group()
    put = api("PutModelPackageGroupPolicy", ModelPackageGroupName="digits", ResourcePolicy=POLICY)
    assert put == {"ModelPackageGroupArn": GROUP_ARN}
    assert api("GetModelPackageGroupPolicy", ModelPackageGroupName="digits") == {"ResourcePolicy": POLICY}
    api("DeleteModelPackageGroupPolicy", ModelPackageGroupName="digits")
    for operation in ("GetModelPackageGroupPolicy", "DeleteModelPackageGroupPolicy"):
        assert "Cannot find resource policy" in api.refusal(operation, ModelPackageGroupName="digits").message


def test_a_policy_that_is_no_policy_is_refused(api) -> None:
    api.group()
    for text in ("{", "[]", '{"Version": "2012-10-17"}'):
        api.refusal("PutModelPackageGroupPolicy", ModelPackageGroupName="digits", ResourcePolicy=text)


def test_a_policy_does_not_disturb_the_numbering(api) -> None:
    api.group()
    api.version()
    api("PutModelPackageGroupPolicy", ModelPackageGroupName="digits", ResourcePolicy=POLICY)
    assert api.version().endswith("/2")
