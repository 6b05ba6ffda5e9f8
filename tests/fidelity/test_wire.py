"""What the service says to requests that boto3 would not send."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.fidelity.account import Ground

fidelity = pytest.mark.fidelity
NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"


@pytest.fixture
def send(ground: Ground) -> Callable[..., dict[str, str]]:
    """Send a request as it is, past all checks of boto3, and return the error that answers."""

    def send_unchecked(operation: str, **members: Any) -> dict[str, str]:
        def replace_body(params: dict[str, Any], **_: Any) -> None:
            params["body"] = json.dumps(members).encode()

        method = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)[1:]
        events = ground.sagemaker.meta.events
        events.register(f"before-call.sagemaker.{operation}", replace_body, unique_id="unchecked")
        try:
            with pytest.raises(ClientError) as caught:
                getattr(ground.sagemaker, method)(**_accepted(ground, operation))
        finally:
            events.unregister(f"before-call.sagemaker.{operation}", unique_id="unchecked")
        error: dict[str, str] = caught.value.response["Error"]
        return error

    return send_unchecked


def _accepted(ground: Ground, operation: str) -> dict[str, Any]:
    """Return what boto3 lets pass, to be replaced."""
    group = ground.name("none")
    return {
        "CreateModelPackageGroup": {"ModelPackageGroupName": group},
        "DescribeModelPackageGroup": {"ModelPackageGroupName": group},
        "CreateModelPackage": {"ModelPackageGroupName": group},
        "BatchDescribeModelPackage": {"ModelPackageArnList": ["arn"]},
    }[operation]


@fidelity("validation-words")
def test_every_broken_rule_is_told_with_value_and_place(send: Callable[..., dict[str, str]]) -> None:
    error = send("CreateModelPackageGroup", ModelPackageGroupName="a_b", ModelPackageGroupDescription="x" * 1025)
    assert error["Code"] == "ValidationException"
    assert error["Message"].startswith("2 validation errors detected: ")
    assert (
        "Value 'a_b' at 'modelPackageGroupName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {NAME}"
    ) in error["Message"]
    assert "Member must have length less than or equal to 1024" in error["Message"]


@fidelity("validation-words-for-null")
def test_a_missing_member_is_null(send: Callable[..., dict[str, str]]) -> None:
    assert send("DescribeModelPackageGroup") == {
        "Code": "ValidationException",
        "Message": "1 validation error detected: Value null at 'modelPackageGroupName' failed to satisfy constraint: "
        "Member must not be null",
    }


@fidelity("validation-words-for-collections")
def test_rules_for_what_is_in_lists_and_maps_are_told_together(send: Callable[..., dict[str, str]]) -> None:
    error = send("CreateModelPackage", ModelPackageGroupName="a", CustomerMetadataProperties={"a": "{}"})
    assert "Map value must satisfy constraint: [" in error["Message"]
    error = send("BatchDescribeModelPackage", ModelPackageArnList=[])
    assert "Value '[]' at 'modelPackageArnList' failed to satisfy constraint: " in error["Message"]


@fidelity("wrong-types-cannot-be-read")
def test_a_wrong_type_cannot_be_read(send: Callable[..., dict[str, str]]) -> None:
    error = send("DescribeModelPackageGroup", ModelPackageGroupName=7)
    assert error == {"Code": "SerializationException", "Message": "NUMBER_VALUE can not be converted to a String"}


@fidelity("unknown-members-ignored")
def test_a_member_that_the_service_does_not_know_is_ignored(
    ground: Ground, send: Callable[..., dict[str, str]]
) -> None:
    group = ground.name("none")
    error = send("DescribeModelPackageGroup", ModelPackageGroupName=group, Colour="red")
    assert "does not exist" in error["Message"]
