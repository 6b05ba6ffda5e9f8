import unicodedata
import warnings
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelward.local.sagemaker import ApiError
from modelward.local.sagemaker.patterns import translate
from modelward.local.sagemaker.validation import check, service_model

METADATA = r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,256}"


def refusal(operation: str, **request) -> str:
    with pytest.raises(ApiError) as caught:
        check(operation, request)
    return caught.value.message


def test_every_problem_is_told_in_awss_form() -> None:
    assert refusal("CreateModelPackageGroup", ModelPackageGroupName="a_b", ModelPackageGroupDescription="x" * 1025) == (
        "2 validation errors detected: "
        "Value 'a_b' at 'modelPackageGroupName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}; "
        f"Value '{'x' * 1025}' at 'modelPackageGroupDescription' failed to satisfy constraint: "
        "Member must have length less than or equal to 1024"
    )


@pytest.mark.parametrize(
    ("operation", "request_", "expected"),
    [
        ("DescribeEndpoint", {}, "Value null at 'endpointName' failed to satisfy constraint: Member must not be null"),
        (
            "UpdateModelPackage",
            {
                "ModelPackageArn": "arn:aws:sagemaker:eu-west-1:123456789012:model-package/a/1",
                "ModelApprovalStatus": "No",
            },
            (
                "Value 'No' at 'modelApprovalStatus' failed to satisfy constraint: "
                "Member must satisfy enum value set: [Approved, Rejected, PendingManualApproval]"
            ),
        ),
        (
            "AddTags",
            {"ResourceArn": "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/e", "Tags": [{"Key": "k"}]},
            "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null",
        ),
        (
            "DeleteTags",
            {"ResourceArn": "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/e", "TagKeys": [""]},
            (
                "Value '[]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: "
                "[Member must have length less than or equal to 128, "
                "Member must have length greater than or equal to 1, "
                r"Member must satisfy regular expression pattern: ([\p{L}\p{Z}\p{N}_.:/=+\-@]*)]"
            ),
        ),
        (
            "CreateModelPackage",
            {"CustomerMetadataProperties": {"a": "{}"}},
            (
                "Value '{a={}}' at 'customerMetadataProperties' failed to satisfy constraint: Map value must satisfy "
                "constraint: [Member must have length less than or equal to 256, "
                "Member must have length greater than or equal to 1, "
                rf"Member must satisfy regular expression pattern: {METADATA}]"
            ),
        ),
        (
            "CreateModelPackage",
            {"CustomerMetadataProperties": {f"k{n}": "v" for n in range(51)}},
            "failed to satisfy constraint: Member must have length less than or equal to 50",
        ),
        (
            "CreateModelPackage",
            {"ModelLifeCycle": {"Stage": "In Staging", "StageStatus": "Approved"}},
            "Value 'In Staging' at 'modelLifeCycle.stage' failed to satisfy constraint",
        ),
        (
            "BatchDescribeModelPackage",
            {"ModelPackageArnList": []},
            (
                "Value '[]' at 'modelPackageArnList' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1"
            ),
        ),
    ],
)
def test_a_broken_rule_is_named_with_value_and_path(operation, request_, expected) -> None:
    assert expected in refusal(operation, **request_)


@pytest.mark.parametrize(
    ("operation", "request_", "text"),
    [
        ("DescribeEndpoint", {"EndpointName": 7}, "NUMBER_VALUE can not be converted to a String"),
        ("DescribeEndpoint", {"EndpointName": False}, "FALSE_VALUE can not be converted to a String"),
        ("DescribeEndpoint", {"EndpointName": ["e"]}, "Start of structure or map found where not expected."),
        ("ListModels", {"MaxResults": "7"}, "STRING_VALUE can not be converted to a Integer"),
        ("ListModels", {"MaxResults": True}, "TRUE_VALUE can not be converted to a Integer"),
        ("ListModels", {"CreationTimeAfter": "today"}, "STRING_VALUE can not be converted to a Timestamp"),
        ("CreateModelPackage", {"CertifyForMarketplace": "yes"}, "STRING_VALUE can not be converted to a Boolean"),
        ("AddTags", {"ResourceArn": "arn", "Tags": "t"}, "STRING_VALUE can not be converted to a List"),
        ("CreateModelPackage", {"CustomerMetadataProperties": "m"}, "STRING_VALUE can not be converted to a Map"),
        ("CreateModelPackage", {"ModelLifeCycle": "m"}, "STRING_VALUE can not be converted to a structure"),
    ],
)
def test_a_wrong_json_type_cannot_be_read(operation, request_, text) -> None:
    with pytest.raises(ApiError) as caught:
        check(operation, request_)
    assert (caught.value.code, caught.value.message) == ("SerializationException", text)


def test_a_checked_request_is_a_copy_without_nulls_and_strangers() -> None:
    tags = [{"Key": "a", "Value": "b", "Stranger": 1}]
    request = {"ModelPackageGroupName": "digits", "Tags": tags, "ModelPackageGroupDescription": None, "Stranger": 1}
    checked = check("CreateModelPackageGroup", request)
    assert checked == {"ModelPackageGroupName": "digits", "Tags": [{"Key": "a", "Value": "b"}]}
    tags[0]["Key"] = "changed"
    assert checked["Tags"][0]["Key"] == "a"


def test_times_come_as_seconds_or_as_datetimes() -> None:
    moment = datetime(2026, 1, 5, 9, tzinfo=UTC)
    for given_ in (moment, moment.timestamp(), moment.replace(tzinfo=None)):
        assert check("ListModels", {"CreationTimeAfter": given_}) == {"CreationTimeAfter": moment}


def test_search_expressions_nest_as_deep_as_they_like() -> None:
    leaf = {"Filters": [{"Name": "ModelPackageArn", "Operator": "Is", "Value": "x"}]}
    expression = {"SubExpressions": [{"SubExpressions": [leaf]}]}
    path = "searchExpression.subExpressions.1.member.subExpressions.1.member.filters.1.member.operator"
    assert f"at '{path}'" in refusal("Search", Resource="ModelPackage", SearchExpression=expression)


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        (METADATA, ["", "metric:f1", "größe 1.5", "日本/a+b=c@d"], ["{}", "a,b", 'say "x"', "tab\t", "line\n", "😀"]),
        (r"[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]*", ["a, b! €", "😀", "naïve {x}"], ["line\nline", "\x00", "tab\t"]),
        (r".*", ["anything é"], ["a\nb", "a\rb", "a\u2028b", "a\u0085b"]),
        (r"\p{ASCII}*", ["plain"], ["é"]),
        (r"\A\S[\p{Print}]*\z", ["x y"], [" x", "x\n", ""]),
        (r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", ["a", "a--b", "A" * 63], ["", "-a", "a-", "a_b", "a" * 64]),
    ],
)
def test_java_patterns_mean_what_they_mean_in_java(pattern, fits, fails) -> None:
    translated = translate(pattern)
    assert [text for text in fits if not translated.is_held_by(text)] == []
    assert [text for text in fails if translated.is_held_by(text)] == []


@given(st.characters(exclude_categories=("Cs",)))
def test_a_category_holds_exactly_its_characters(char: str) -> None:
    for category in "LMZNPS":
        assert translate(rf"\p{{{category}}}").is_held_by(char) == (unicodedata.category(char)[0] == category)


def test_every_pattern_of_the_api_model_can_be_translated() -> None:
    model = service_model("sagemaker")
    with warnings.catch_warnings():
        # `[^ ~^:?*\[]` and the like look to Python as if a set operation might be meant one day.
        warnings.simplefilter("ignore", FutureWarning)
        patterns = {model.shape_for(name).metadata.get("pattern") for name in model.shape_names} - {None}
        assert len([translate(pattern) for pattern in patterns]) > 100
