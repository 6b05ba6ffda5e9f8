"""Answers of SageMaker as our values, in every shape that it may give them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from modelward.aws.sagemaker import package_of
from modelward.aws.storage import split_uri
from modelward.core.errors import InputError
from modelward.core.model_package import ApprovalStatus

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/digits/7"
AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
LEAST = {"ModelPackageArn": ARN, "ModelPackageStatus": "Completed", "CreationTime": AT}


def test_the_least_that_sagemaker_tells_makes_a_version():
    version = package_of(LEAST)
    assert (version.group, version.version, version.arn) == ("digits", 7, ARN)
    assert version.approval_status is ApprovalStatus.PENDING
    assert (version.created_at, version.modified_at) == (AT, AT)
    assert (version.metadata, version.metrics, version.life_cycle) == ({}, {}, None)
    assert version.created_by.arn == version.modified_by.arn == ""


def test_times_are_told_in_utc_on_every_machine():
    abroad = AT.astimezone(timezone(timedelta(hours=-7)))
    version = package_of({**LEAST, "CreationTime": abroad, "LastModifiedTime": abroad})
    assert version.created_at.isoformat() == version.modified_at.isoformat() == "2026-01-05T12:00:00+00:00"


def test_an_artifact_is_found_in_either_place():
    container = {"Image": "i", "ModelDataUrl": "s3://b/old.tar.gz"}
    source = {"Image": "i", "ModelDataSource": {"S3DataSource": {"S3Uri": "s3://b/new/", "S3DataType": "S3Prefix"}}}
    for given, uri in ((container, "s3://b/old.tar.gz"), (source, "s3://b/new/"), ({"Image": "i"}, "")):
        version = package_of({**LEAST, "InferenceSpecification": {"Containers": [given]}})
        assert (version.image, version.artifact_uri) == ("i", uri)
    assert package_of({**LEAST, "InferenceSpecification": {"Containers": []}}).image == ""


@pytest.mark.parametrize(
    ("context", "arn"),
    [
        ({"IamIdentity": {"Arn": "arn:aws:iam::1:user/ana", "PrincipalId": "A"}}, "arn:aws:iam::1:user/ana"),
        ({"UserProfileArn": "arn:aws:sagemaker:x:1:user-profile/d/ana"}, "arn:aws:sagemaker:x:1:user-profile/d/ana"),
        ({"IamIdentity": {}, "UserProfileName": "ana"}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_who_did_it_may_be_an_identity_a_studio_profile_or_nobody(context, arn):
    assert package_of({**LEAST, "CreatedBy": context}).created_by.arn == arn


def test_a_version_that_nobody_changed_was_last_touched_by_who_made_it():
    made = {"IamIdentity": {"Arn": "arn:aws:iam::1:user/ana"}}
    changed = {"IamIdentity": {"Arn": "arn:aws:iam::1:user/ben"}}
    assert package_of({**LEAST, "CreatedBy": made}).modified_by.arn.endswith("ana")
    assert package_of({**LEAST, "CreatedBy": made, "LastModifiedBy": changed}).modified_by.arn.endswith("ben")


def test_a_stage_may_come_without_a_description():
    cycle = {"Stage": "Production", "StageStatus": "OnHold"}
    assert package_of({**LEAST, "ModelLifeCycle": cycle}).life_cycle.description == ""


@pytest.mark.parametrize(
    "uri", ["", "s3://", "s3://bucket", "s3://bucket/", "s3:///key", "https://b/k", "bucket/key", "S3://b/k"]
)
def test_what_is_no_uri_of_an_object_is_refused_with_the_form_it_should_have(uri):
    with pytest.raises(InputError, match="s3://BUCKET/KEY"):
        split_uri(uri)


def test_a_uri_is_split_at_the_first_slash_only():
    assert split_uri("s3://bucket/a/b//c.tar.gz") == ("bucket", "a/b//c.tar.gz")
