import pytest


def versions(answer) -> list[int]:
    return [each["ModelPackageVersion"] for each in answer["ModelPackageSummaryList"]]


def pages(api, **request) -> list[list[int]]:
    found = []
    token: dict[str, str] = {}
    while True:
        answer = api("ListModelPackages", **request, **token)
        found.append(versions(answer))
        if "NextToken" not in answer:
            return found
        token = {"NextToken": answer["NextToken"]}


@pytest.fixture
def five(api):
    api.group()
    for number in range(5):
        api.version(ModelApprovalStatus="Approved" if number % 2 else "Rejected")
        api.clock.advance(1)
    return api


def test_versions_come_oldest_first_unless_asked_otherwise(five) -> None:
    assert pages(five, ModelPackageGroupName="digits") == [[1, 2, 3, 4, 5]]
    assert pages(five, ModelPackageGroupName="digits", SortOrder="Descending") == [[5, 4, 3, 2, 1]]


def test_a_summary_has_the_life_cycle_and_no_package_name(five) -> None:
    arn = five.version(ModelLifeCycle={"Stage": "Staging", "StageStatus": "Approved"}, ModelPackageDescription="six")
    answer = five("ListModelPackages", ModelPackageGroupName="digits", SortOrder="Descending", MaxResults=1)
    assert answer["ModelPackageSummaryList"] == [
        {
            "ModelPackageGroupName": "digits",
            "ModelPackageVersion": 6,
            "ModelPackageArn": arn,
            "ModelPackageDescription": "six",
            "CreationTime": five.clock(),
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": "PendingManualApproval",
            "ModelLifeCycle": {"Stage": "Staging", "StageStatus": "Approved"},
        }
    ]


def test_the_last_page_has_no_token_even_when_it_is_full(five) -> None:
    assert pages(five, ModelPackageGroupName="digits", MaxResults=5) == [[1, 2, 3, 4, 5]]
    assert pages(five, ModelPackageGroupName="digits", MaxResults=2) == [[1, 2], [3, 4], [5]]


def test_a_page_goes_on_behind_the_last_version_whatever_happened_since(five) -> None:
    first = five("ListModelPackages", ModelPackageGroupName="digits", SortOrder="Descending", MaxResults=2)
    five.version()
    five("DeleteModelPackage", ModelPackageName="digits/4")
    second = five(
        "ListModelPackages",
        ModelPackageGroupName="digits",
        SortOrder="Descending",
        MaxResults=2,
        NextToken=first["NextToken"],
    )
    assert (versions(first), versions(second)) == ([5, 4], [3, 2])


def test_filters_work_before_paging(five) -> None:
    assert pages(five, ModelPackageGroupName="digits", ModelApprovalStatus="Rejected", MaxResults=2) == [[1, 3], [5]]
    middle = five.package("digits/3")["CreationTime"]
    assert pages(five, ModelPackageGroupName="digits", CreationTimeAfter=middle) == [[4, 5]]
    assert pages(five, ModelPackageGroupName="digits", CreationTimeBefore=middle) == [[1, 2]]
    assert pages(five, ModelPackageGroupName="digits", NameContains="letters") == [[]]


def test_a_group_that_is_not_there_is_refused(five) -> None:
    assert "does not exist" in five.refusal("ListModelPackages", ModelPackageGroupName="letters").message


def test_a_token_belongs_to_its_group(five) -> None:
    five.group("letters")
    token = five("ListModelPackages", ModelPackageGroupName="digits", MaxResults=1)["NextToken"]
    assert "token" in five.refusal("ListModelPackages", ModelPackageGroupName="letters", NextToken=token).message


def test_without_a_group_only_unversioned_packages_are_listed_by_default(five) -> None:
    specification = {"Containers": [{"Image": "i"}]}
    five("CreateModelPackage", ModelPackageName="scanner", InferenceSpecification=specification)
    five("CreateModelPackage", ModelPackageName="reader", InferenceSpecification=specification)

    def names(**request) -> list[str]:
        answer = five("ListModelPackages", **request)
        return [
            each.get("ModelPackageName") or str(each["ModelPackageVersion"])
            for each in answer["ModelPackageSummaryList"]
        ]

    assert names() == ["scanner", "reader"]
    assert names(SortBy="Name") == ["reader", "scanner"]
    assert names(ModelPackageType="Versioned") == ["1", "2", "3", "4", "5"]
    assert names(ModelPackageType="Both", SortBy="Name") == ["1", "2", "3", "4", "5", "reader", "scanner"]
    assert names(ModelPackageGroupName="digits", ModelPackageType="Unversioned") == []


@pytest.mark.parametrize("size", [0, 101])
def test_a_page_has_one_to_a_hundred_entries(five, size) -> None:
    refusal = five.refusal("ListModelPackages", ModelPackageGroupName="digits", MaxResults=size)
    assert f"Value '{size}' at 'maxResults' failed to satisfy constraint" in refusal.message
