"""Lists come page by page: each page is asked for with the token of the one before, and only when it is wanted."""

from datetime import UTC, datetime
from typing import Any

from modelward.aws.sagemaker import PAGE, SageMaker

GROUP = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/digits"


class Client:
    """Answers with prepared pages, and keeps what it was asked."""

    def __init__(self, *pages: dict[str, Any]) -> None:
        self.pages = list(pages)
        self.asked: list[dict[str, Any]] = []

    def list_model_packages(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        return self.pages.pop(0)

    search = list_model_packages


def package(version: int) -> dict[str, Any]:
    return {
        "ModelPackageArn": f"{GROUP}/{version}",
        "ModelPackageStatus": "Completed",
        "CreationTime": datetime(2026, 1, 5, tzinfo=UTC),
    }


def listed(*versions: int, **token: str) -> dict[str, Any]:
    return {"ModelPackageSummaryList": [package(version) for version in versions], **token}


def found(*versions: int, **token: str) -> dict[str, Any]:
    return {"Results": [{"ModelPackage": package(version)} for version in versions], **token}


def test_a_list_goes_on_with_each_page_s_token():
    client = Client(listed(3, NextToken="a"), listed(2, NextToken="b"), listed(1))

    versions = [each.version for each in SageMaker(client).list_model_packages("digits")]

    assert versions == [3, 2, 1]
    assert [each.get("NextToken") for each in client.asked] == [None, "a", "b"]
    assert {each["MaxResults"] for each in client.asked} == {PAGE}


def test_a_search_passes_over_an_empty_page_and_over_what_is_no_version():
    client = Client({"Results": [], "NextToken": "a"}, found(2, NextToken="b"), {"Results": [{"Pipeline": {}}]})

    assert [each.version for each in SageMaker(client).search_model_packages("digits")] == [2]
    assert [each.get("NextToken") for each in client.asked] == [None, "a", "b"]


def test_a_page_is_asked_for_only_when_it_is_wanted():
    client = Client(found(2, NextToken="a"))

    assert next(SageMaker(client).search_model_packages("digits")).version == 2
    assert len(client.asked) == 1
