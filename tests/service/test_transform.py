"""Versions that answer all that lies in a place."""

import json

import pytest

from modelward.core.errors import InputError, JobError, NotFoundError, PolicyError
from modelward.core.transform import Transform

INPUT = "s3://acme-data/digits/monday/"


@pytest.fixture
def data(world):
    """A world with a version in production and two objects to answer."""
    s3 = world.client("s3")
    s3.create_bucket(Bucket="acme-data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="acme-data", Key="digits/monday/a.csv", Body=b"1,2\n3,4\n")
    s3.put_object(Bucket="acme-data", Key="digits/monday/b.csv", Body=b"5,6\n")
    world.release(0.95)
    return world


def calls(world, operation):
    return world.core.faults.calls[operation]


def test_the_version_of_a_stage_answers_in_the_registry_s_bucket_with_its_key(data):
    watched = []
    job = data.digits.transform(INPUT, stage="Production", progress=lambda waited, text: watched.append(text))
    assert (job.model, job.version, job.status) == ("digits", 1, "Completed")
    assert job.name.startswith("digits-v1-2026")
    assert job.output_uri == f"s3://{data.settings.bucket}/transform/digits/{job.name}/"
    assert watched[0].endswith("InProgress")

    s3, prefix = data.client("s3"), job.output_uri.removeprefix(f"s3://{data.settings.bucket}/")
    found = s3.get_object(Bucket=data.settings.bucket, Key=f"{prefix}a.csv.out")
    assert found["SSEKMSKeyId"] == data.settings.key_arn
    answer = json.load(found["Body"])
    assert answer["body"] == "1,2\n3,4\n"
    assert answer["model_data_url"] == data.digits.version(1).package.artifact_uri

    told = data.sagemaker.describe_transform_job(TransformJobName=job.name)
    tags = {
        each["Key"]: each["Value"] for each in data.sagemaker.list_tags(ResourceArn=told["TransformJobArn"])["Tags"]
    }
    assert tags == {"modelward:managed": "true", "modelward:model": "digits", "modelward:version": "1"}
    model = data.sagemaker.describe_model(ModelName=told["ModelName"])
    assert model["ExecutionRoleArn"] == data.settings.role_arn


def test_jobs_of_a_version_share_a_model_and_leave_no_trace_in_its_history(data):
    before = len(data.digits.history())
    first = data.digits.transform(INPUT, stage="Production")
    second = data.digits.transform(INPUT, version=1)
    names = {data.sagemaker.describe_transform_job(TransformJobName=each.name)["ModelName"] for each in (first, second)}
    assert len(names) == 1
    data.finish()
    assert len(data.digits.history()) == before


def test_a_version_is_asked_by_number_even_if_it_holds_no_stage(data):
    second = data.register(0.97)
    data.finish()
    with pytest.raises(PolicyError, match="only approved versions answer"):
        data.digits.transform(INPUT, version=2)
    second.approve(reason="good figures")
    assert data.digits.transform(Transform(INPUT, "s3://acme-data/answers"), version=2).version == 2
    found = data.client("s3").get_object(Bucket="acme-data", Key="answers/b.csv.out")
    assert "SSEKMSKeyId" not in found


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({}, InputError, "stage and version: neither"),
        ({"stage": "Production", "version": 1}, InputError, "stage and version: both"),
        ({"stage": "Production", "wish": "digits/monday"}, InputError, "s3 URI"),
        ({"stage": "Production", "wish": Transform(INPUT, "answers")}, InputError, "output: 'answers'"),
        ({"stage": "Production", "wish": "s3://acme-data/none"}, NotFoundError, "object below 's3://acme-data/none'"),
        ({"stage": "Production", "wish": "s3://nobody-s/data"}, NotFoundError, "bucket 'nobody-s'"),
        ({"stage": "Archived"}, NotFoundError, "version of digits that holds stage 'Archived'"),
        ({"version": 9}, NotFoundError, "9"),
    ],
)
def test_what_cannot_be_answered_is_told_before_anything_is_made(data, given, error, says):
    before = calls(data, "CreateModel")
    with pytest.raises(error, match=says):
        data.digits.transform(given.pop("wish", INPUT), **given)
    assert calls(data, "CreateModel") == before
    assert calls(data, "CreateTransformJob") == 0


def test_a_version_whose_artifact_is_gone_says_so(data):
    bucket, _, key = data.digits.version(1).package.artifact_uri.removeprefix("s3://").partition("/")
    data.client("s3").delete_object(Bucket=bucket, Key=key)
    with pytest.raises(NotFoundError, match="artifact of v1"):
        data.digits.transform(INPUT, stage="Production")
    assert calls(data, "CreateTransformJob") == 0


def test_a_job_that_fails_says_why_and_where_to_look(data):
    data.hosting.answer = lambda config, body, content_type: (500, "text/plain", b"no")
    with pytest.raises(JobError, match=r"it is Failed: ClientError: 2 of 2 objects failed") as caught:
        data.digits.transform(INPUT, stage="Production")
    assert "aws logs tail /aws/sagemaker/TransformJobs" in caught.value.next_step


def test_a_job_that_takes_too_long_goes_on(data):
    data.hosting.health = lambda config: None if config.endpoint_name.startswith("digits-v1-") else True
    with pytest.raises(JobError, match="has not ended after 9 s"):
        data.digits.transform(INPUT, stage="Production", timeout_s=9)
    job = data.digits.transform(INPUT, stage="Production", wait=False)
    assert job.status == "InProgress"


def test_a_plan_makes_nothing(data):
    before = calls(data, "CreateModel")
    plan = data.digits.plan_transform(INPUT, stage="Production")
    first, second = plan.lines()
    assert first.startswith("CreateModel         digits-transform-v1-")
    assert second.startswith("CreateTransformJob  digits-v1-")
    assert f"(1 x ml.m5.large: {INPUT} -> s3://" in second
    assert plan.to_json()["changes"][1]["transform"]["split_type"] == "Line"
    assert (calls(data, "CreateModel"), calls(data, "CreateTransformJob")) == (before, 0)
