import json

import pytest

GROUP_ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package-group/digits"
SHARE = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
    "Action": ["sagemaker:DescribeModelPackageGroup"],
    "Resource": GROUP_ARN,
}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [SHARE]})


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


@pytest.mark.fidelity("bad-policy-refused")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "The policy is not valid JSON"),
        ("[]", "Missing required field Statement"),
        ('{"Version": "2012-10-17"}', "Missing required field Statement"),
        ('{"Statement": []}', "Missing required field Statement"),
        ('{"Statement": [7]}', "Missing required field Statement"),
        *[
            (json.dumps({"Statement": {**SHARE, **change}}), reason)
            for change, reason in (
                ({"Effect": "allow"}, "Invalid Effect: allow"),
                ({"Principal": "ann"}, "Invalid principal in policy"),
                ({"Principal": {"AWS": "ann"}}, "Invalid principal in policy"),
                ({"Principal": {"AWS": ["*", "arn:aws:iam::21:root"]}}, "Invalid principal in policy"),
                ({"Principal": {"Aws": "210987654321"}}, "Invalid principal in policy"),
                ({"Principal": {}}, "Invalid principal in policy"),
                ({"Principal": {"AWS": ["210987654321", "arn:aws:iam::210987654321:root"]}}, "Duplicate principal"),
            )
        ],
        *[
            (
                json.dumps({"Statement": {key: SHARE[key] for key in SHARE if key != gone}}),
                f"Missing required field {gone}",
            )
            for gone in ("Action", "Resource", "Principal")
        ],
        (
            json.dumps(
                {"Statement": {**{key: SHARE[key] for key in SHARE if key != "Principal"}, "NotPrincipal": "*"}}
            ),
            "Missing required field Principal",
        ),
    ],
)
def test_a_policy_that_is_no_policy_is_refused(api, text: str, reason: str) -> None:
    api.group()
    refused = api.refusal("PutModelPackageGroupPolicy", ModelPackageGroupName="digits", ResourcePolicy=text)
    assert (refused.code, refused.message) == ("ValidationException", f"Invalid policy provided: {reason}")


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "*"},
        {"AWS": ["210987654321", "arn:aws:iam::210987654321:role/deploy", "arn:aws:iam::210987654321:user/ops/ann"]},
        {"Service": "sagemaker.amazonaws.com"},
        {"AWS": "arn:aws:sts::210987654321:assumed-role/deploy/ann"},
    ],
)
def test_accounts_identities_and_services_are_principals(api, principal) -> None:
    api.group()
    policy = json.dumps({"Statement": {**SHARE, "Principal": principal}})
    api("PutModelPackageGroupPolicy", ModelPackageGroupName="digits", ResourcePolicy=policy)


def test_a_policy_does_not_disturb_the_numbering(api) -> None:
    api.group()
    api.version()
    api("PutModelPackageGroupPolicy", ModelPackageGroupName="digits", ResourcePolicy=POLICY)
    assert api.version().endswith("/2")
