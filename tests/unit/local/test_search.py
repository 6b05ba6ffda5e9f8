import dataclasses

import pytest

IMAGES = ("registry/digits:1", "registry/letters:2")


@pytest.fixture
def filled(api):
    """Versions 1 to 6 of digits: accuracy, stage and approval vary; one version of letters."""
    api.group("digits", Tags=[{"Key": "team", "Value": "vision"}])
    api.group("letters")
    for number in range(1, 7):
        api.version(
            CustomerMetadataProperties={"metric:accuracy": f"0.9{number}", "even": str(number % 2 == 0)},
            ModelApprovalStatus="Approved" if number > 3 else "Rejected",
            ModelLifeCycle={"Stage": "Staging" if number % 2 else "Production", "StageStatus": "Approved"},
            InferenceSpecification={"Containers": [{"Image": image} for image in IMAGES[: 1 + number % 2]]},
        )
        api.clock.advance(60)
    api.version("letters")
    return api


def hits(api, *filters, resource="ModelPackage", **more) -> list[str]:
    expression = more.pop("expression", {"Filters": list(filters)} if filters else {})
    if more.pop("in_group", True) and resource == "ModelPackage":
        expression = {"Filters": [where("ModelPackageGroupName", "Equals", "digits")], "SubExpressions": [expression]}
        if not expression["SubExpressions"][0]:
            del expression["SubExpressions"]
    request = {"Resource": resource, "SortBy": "CreationTime", "SortOrder": "Ascending", **more}
    answer = api("Search", SearchExpression=expression, **request) if expression else api("Search", **request)
    assert answer["TotalHits"] == {"Value": answer["TotalHits"]["Value"], "Relation": "EqualTo"}
    names = ("ModelPackageArn", "ModelPackageGroupArn")
    return [
        next(each[resource][name] for name in names if name in each[resource]).split("/", 1)[1]
        for each in answer["Results"]
    ]


def where(name, operator=None, value=None) -> dict[str, str]:
    given = {"Name": name, "Operator": operator, "Value": value}
    return {key: item for key, item in given.items() if item is not None}


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (where("ModelApprovalStatus", "Equals", "Approved"), [4, 5, 6]),
        (where("ModelApprovalStatus", None, "Approved"), [4, 5, 6]),
        (where("ModelApprovalStatus", "NotEquals", "Approved"), [1, 2, 3]),
        (where("ModelApprovalStatus", "In", "Approved, PendingManualApproval"), [4, 5, 6]),
        (where("ModelLifeCycle.Stage", "Equals", "Production"), [2, 4, 6]),
        (where("CustomerMetadataProperties.metric:accuracy", "Equals", "0.93"), [3]),
        (where("CustomerMetadataProperties.metric:accuracy", "Contains", ".9"), [1, 2, 3, 4, 5, 6]),
        (where("CustomerMetadataProperties.absent", "Exists"), []),
        (where("CustomerMetadataProperties.absent", "NotExists"), [1, 2, 3, 4, 5, 6]),
        (where("CustomerMetadataProperties.absent", "NotEquals", "x"), [1, 2, 3, 4, 5, 6]),
        (where("ModelPackageVersion", "GreaterThan", "4"), [5, 6]),
        (where("ModelPackageVersion", "GreaterThanOrEqualTo", "4"), [4, 5, 6]),
        (where("ModelPackageVersion", "LessThan", "2.5"), [1, 2]),
        (where("ModelPackageVersion", "LessThanOrEqualTo", "2"), [1, 2]),
        (where("ModelPackageVersion", "Equals", "2"), [2]),
        (where("CreationTime", "GreaterThan", "2026-01-05T09:03:00"), [5, 6]),
        (where("CreationTime", "LessThanOrEqualTo", "2026-01-05T09:00:00Z"), [1]),
        (where("InferenceSpecification.Containers.Image", "Equals", IMAGES[1]), [1, 3, 5]),
        (where("InferenceSpecification", "Exists"), [1, 2, 3, 4, 5, 6]),
        (where("ModelCard", "Exists"), []),
        (where("Tags.team", "Equals", "vision"), [1, 2, 3, 4, 5, 6]),
        (where("Tags.owner", "Exists"), []),
        (where("CertifyForMarketplace", "Equals", "false"), [1, 2, 3, 4, 5, 6]),
        (where("CreatedBy.IamIdentity.Arn", "Contains", "ann"), [1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_filter_finds_exactly_what_it_says(filled, test, expected) -> None:
    assert hits(filled, test) == [f"digits/{number}" for number in expected]


def test_filters_and_subexpressions_combine_by_the_operator(filled) -> None:
    late, production = (
        where("ModelPackageVersion", "GreaterThan", "5"),
        where("ModelLifeCycle.Stage", "Equals", "Production"),
    )
    early = where("ModelPackageVersion", "LessThan", "2")
    either = {"Filters": [early, late], "Operator": "Or"}
    assert hits(filled, expression=either) == ["digits/1", "digits/6"]
    assert hits(filled, expression={"SubExpressions": [either], "Filters": [production]}) == ["digits/6"]
    assert hits(filled, expression={"SubExpressions": [either], "Filters": [production], "Operator": "Or"}) == [
        "digits/1",
        "digits/2",
        "digits/4",
        "digits/6",
    ]


def test_nested_filters_hold_for_one_element_together(filled) -> None:
    filled.version(
        InferenceSpecification={
            "Containers": [{"Image": "a", "ModelDataUrl": "s3://b/1"}, {"Image": "b", "ModelDataUrl": "s3://b/2"}]
        }
    )

    def nested(image, url) -> list[str]:
        parent = "InferenceSpecification.Containers"
        tests = [where(f"{parent}.Image", "Equals", image), where(f"{parent}.ModelDataUrl", "Equals", url)]
        return hits(filled, expression={"NestedFilters": [{"NestedPropertyName": parent, "Filters": tests}]})

    assert nested("a", "s3://b/1") == ["digits/7"]
    assert nested("a", "s3://b/2") == []


def test_groups_can_be_searched(filled) -> None:
    assert hits(filled, resource="ModelPackageGroup") == ["digits", "letters"]
    assert hits(filled, where("Tags.team", "Equals", "vision"), resource="ModelPackageGroup") == ["digits"]


def test_a_search_without_a_group_sees_all(filled) -> None:
    assert len(hits(filled, in_group=False)) == 7
    either = {
        "Filters": [where("ModelPackageGroupName", "Equals", "letters"), where("ModelPackageVersion", "Equals", "6")],
        "Operator": "Or",
    }
    assert hits(filled, expression=either, in_group=False) == ["digits/6", "letters/1"]


def test_the_last_modified_comes_first_by_default(filled) -> None:
    filled.clock.advance(1)
    arn = filled.package("digits/2")["ModelPackageArn"]
    filled("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Approved")
    results = filled("Search", Resource="ModelPackage")["Results"]
    assert [each["ModelPackage"]["ModelPackageVersion"] for each in results][:3] == [2, 1, 6]


def test_results_without_the_sorted_property_come_last(filled) -> None:
    for order in ("Ascending", "Descending"):
        found = hits(filled, in_group=False, SortBy="ModelLifeCycle.Stage", SortOrder=order)
        assert found[-1] == "letters/1"


def test_pages_join_to_the_whole(filled) -> None:
    found: list[int] = []
    token: dict[str, str] = {}
    while True:
        answer = filled("Search", Resource="ModelPackage", SortBy="CreationTime", MaxResults=3, **token)
        assert answer["TotalHits"]["Value"] == 7
        found += [each["ModelPackage"]["ModelPackageVersion"] for each in answer["Results"]]
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert found == [1, 6, 5, 4, 3, 2, 1]


@pytest.mark.fidelity("search-pages-by-offset")
def test_a_hit_that_comes_between_two_pages_pushes_one_onto_the_next(filled) -> None:
    request = {"Resource": "ModelPackage", "SortBy": "CreationTime", "MaxResults": 2}
    first = filled("Search", **request)
    filled.clock.advance(60)
    filled.version()
    second = filled("Search", **request, NextToken=first["NextToken"])
    assert second["Results"][0] == first["Results"][-1]


def test_a_token_belongs_to_its_search(filled) -> None:
    token = filled("Search", Resource="ModelPackage", MaxResults=1)["NextToken"]
    assert "token" in filled.refusal("Search", Resource="ModelPackageGroup", NextToken=token).message


def test_visibility_conditions_must_hold_too(filled) -> None:
    conditions = [{"Key": "ModelApprovalStatus", "Value": "Rejected"}]
    assert hits(filled, VisibilityConditions=conditions) == ["digits/1", "digits/2", "digits/3"]
    assert hits(filled, CrossAccountFilterOption="CrossAccount") == []


@pytest.mark.parametrize(
    ("tests", "text"),
    [
        ([where("Colour", "Equals", "red")], "Unknown property name: Colour"),
        ([where("ModelLifeCycle.Colour", "Equals", "red")], "Unknown property name"),
        ([where("ModelPackageArn.x", "Equals", "red")], "Unknown property name"),
        ([where("CustomerMetadataProperties.metric:accuracy", "GreaterThan", "0.9")], "not supported for text"),
        ([where("ModelPackageVersion", "Contains", "1")], "only supported for text"),
        ([where("ModelPackageVersion", "In", "1,2")], "only supported for text"),
        ([where("ModelPackageVersion", "Equals", "one")], "Invalid value"),
        ([where("CreationTime", "GreaterThan", "yesterday")], "Invalid value"),
        ([where("CertifyForMarketplace", "Equals", "maybe")], "Invalid value"),
        ([where("ModelLifeCycle", "Equals", "x")], "name one of its properties"),
        ([where("ModelPackageArn", "Equals")], "must have a Value"),
        ([where("ModelPackageArn", "Contains", "a"), where("Domain", "Contains", "b")], "usage limit of 1 exceeded"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(filled, tests, text) -> None:
    refusal = filled.refusal("Search", Resource="ModelPackage", SearchExpression={"Filters": tests})
    assert refusal.code == "ValidationException"
    assert text in refusal.message


@pytest.mark.parametrize("resource", ["TrainingJob", "Endpoint"])
def test_a_search_for_what_is_not_kept_is_refused_at_once_by_name(api, resource) -> None:
    refusal = api.refusal("Search", Resource=resource)
    assert (refusal.code, refusal.status) == ("UnknownOperationException", 400)
    assert f"Search of {resource}" in refusal.message


def test_what_has_parts_cannot_be_sorted_by(filled) -> None:
    refusal = filled.refusal("Search", Resource="ModelPackage", SortBy="InferenceSpecification")
    assert "name one of its properties" in refusal.message


def test_an_expression_has_at_most_fifty_parts(filled) -> None:
    twenty = {"Filters": [where("Domain", "Exists")] * 20}
    assert hits(filled, expression={"SubExpressions": [twenty, {"Filters": twenty["Filters"][:8]}] * 1}) == []
    refusal = filled.refusal("Search", Resource="ModelPackage", SearchExpression={"SubExpressions": [twenty] * 3})
    assert "at most 50" in refusal.message


@pytest.mark.fidelity("search-lag")
def test_a_lagging_index_shows_what_was(filled) -> None:
    filled.core.timing = dataclasses.replace(filled.core.timing, search_lag_s=30)
    arn = filled.version()
    filled("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Approved")
    filled("DeleteModelPackage", ModelPackageName="digits/6")
    assert hits(filled)[-1] == "digits/6"
    filled.clock.advance(30)
    assert hits(filled)[-2:] == ["digits/5", "digits/7"]
    assert hits(filled, where("ModelApprovalStatus", "Equals", "Approved")) == ["digits/4", "digits/5", "digits/7"]


def test_changes_stay_in_order_when_the_lag_is_switched_off_midway(filled) -> None:
    filled.core.timing = dataclasses.replace(filled.core.timing, search_lag_s=30)
    arn = filled.version()
    filled.core.timing = dataclasses.replace(filled.core.timing, search_lag_s=0)
    filled("DeleteModelPackage", ModelPackageName=arn)
    filled.clock.advance(30)
    assert "digits/7" not in hits(filled)


def test_a_result_seen_once_is_not_served_again_after_a_change(filled) -> None:
    assert len(hits(filled)) == 6
    filled.version()
    assert len(hits(filled)) == 7
    filled(
        "DeleteTags",
        ResourceArn="arn:aws:sagemaker:eu-west-1:123456789012:model-package-group/digits",
        TagKeys=["team"],
    )
    assert hits(filled, where("Tags.team", "Exists")) == []
