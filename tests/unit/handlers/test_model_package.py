"""Which events concern a version of ours, in every shape that they come in."""

import json

import pytest

from modelward.handlers.model_package import handler

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/digits-eu/7"  # SageMaker's ARNs are in lower case
DETAIL = {
    "ModelPackageGroupName": "Digits-EU",
    "ModelPackageVersion": 7,
    "ModelPackageArn": ARN,
    "ModelPackageStatus": "Completed",
    "ModelApprovalStatus": "Approved",
    "UpdatedModelPackageFields": ["ModelApprovalStatus"],
    "CreationTime": 1767614400000,
    "LastModifiedTime": 1767614400000,
}
EVENT = {
    "version": "0", "id": "1", "source": "aws.sagemaker", "detail-type": "SageMaker Model Package State Change",
    "account": "123456789012", "region": "eu-west-1", "time": "2026-01-05T12:00:00Z", "resources": [ARN],
    "detail": DETAIL,
}  # fmt: skip


def brought(*bodies):
    records = [{"messageId": str(number), "body": body if isinstance(body, str) else json.dumps(body)}
               for number, body in enumerate(bodies, 1)]  # fmt: skip
    return [each["itemIdentifier"] for each in handler({"Records": records}, None)["batchItemFailures"]]


def without(*names):
    return {**EVENT, "detail": {name: value for name, value in DETAIL.items() if name not in names}}


SHAPES = {
    "as it is": EVENT,
    "times in ISO text": {**EVENT, "detail": {**DETAIL, "CreationTime": "2026-01-05T12:00:00.000Z"}},
    "times as fractions": {**EVENT, "detail": {**DETAIL, "LastModifiedTime": 1767614400.123}},
    "the version as text": {**EVENT, "detail": {**DETAIL, "ModelPackageVersion": "7"}},
    "no updated fields": without("UpdatedModelPackageFields"),
    "sourceUri in either case": {
        **EVENT,
        "detail": {**DETAIL, "UpdatedModelPackageFields": ["sourceUri", "SourceUri"]},
    },
    "no group name": without("ModelPackageGroupName", "ModelPackageVersion"),
    "the ARN in resources only": without("ModelPackageArn"),
    "no detail": {**EVENT, "detail": None},
    "the ARN in detail only": {**EVENT, "resources": []},
    "the ARN in mixed case": {**EVENT, "detail": {**DETAIL, "ModelPackageArn": ARN.replace("digits-eu", "Digits-EU")}},
}


@pytest.mark.parametrize("event", SHAPES.values(), ids=SHAPES)
def test_of_whatever_shape_an_event_is_the_version_that_it_names_is_read(function, event):
    brought(event)
    operation, request = function.asked[0]
    assert operation == "describe_model_package"
    assert request["ModelPackageName"].lower() == ARN


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"detail-type": "SageMaker Endpoint State Change", "detail": {"EndpointName": "digits-eu-production"}},
        {**EVENT, "detail": {}, "resources": []},
        {**EVENT, "detail": {"ModelPackageArn": ARN.replace("/7", "")}, "resources": []},
        {**EVENT, "detail": {"ModelPackageArn": ARN.replace("digits-eu", "undeclared")}},
        {**EVENT, "detail": {"ModelPackageArn": ARN.replace("model-package", "model-package-group")}},
        {**EVENT, "detail": {"ModelPackageArn": 7}},
        {"source": "aws.s3", "resources": ["arn:aws:s3:::bucket"]},
    ],
)
def test_what_concerns_no_version_of_a_declared_model_is_dropped_without_a_call(function, body):
    assert brought(body) == []
    assert function.asked == []


@pytest.mark.parametrize("body", ["", "not json", "[]", "null", '"text"', '{"detail": {}, "resources": 7}'])
def test_a_body_that_cannot_be_read_goes_back_and_in_the_end_to_the_dead_letters(function, body):
    assert brought(body) == ["1"]
    assert function.asked == []


def test_of_three_messages_only_the_one_that_failed_comes_again(function):
    function.answers["describe_model_package"] = RuntimeError("boom")
    assert brought({}, EVENT, {}) == ["2"]


def test_a_version_that_was_deleted_since_is_finished_with(function):
    from botocore.exceptions import ClientError

    gone = {"Error": {"Code": "ValidationException", "Message": f"ModelPackage {ARN} does not exist."}}
    function.answers["describe_model_package"] = ClientError(gone, "DescribeModelPackage")
    assert brought(EVENT) == []
