"""Versions that answer all that lies in a place."""

import json

import pytest
from botocore.exceptions import ClientError

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


DAY_S = 90_000


def models(world):
    """Give the versions that have a model for batch transform."""
    made = world.sagemaker.list_models(NameContains="digits-transform-v", MaxResults=100)["Models"]
    return sorted(int(each["ModelName"].split("-v")[1].split("-")[0]) for each in made)


@pytest.fixture
def answered(data):
    """A world in which v1 has answered, days ago, and v2 is in production."""
    data.digits.transform(INPUT, version=1)
    data.release(0.97)
    data.pause(DAY_S)
    return data


def test_a_job_deletes_the_models_that_former_jobs_have_left(answered):
    plan = answered.digits.plan_transform(INPUT, stage="Production")
    assert plan.lines()[-1].startswith("DeleteModel         digits-transform-v1-")
    assert models(answered) == [1], "a plan deletes nothing"
    answered.digits.transform(INPUT, stage="Production")
    assert models(answered) == [2]


def test_a_job_that_runs_keeps_its_model_and_one_that_ended_lets_it_go(answered):
    answered.hosting.health = lambda config: None if config.endpoint_name.startswith("digits-v1-") else True
    first = answered.digits.transform(INPUT, version=1, wait=False)
    answered.digits.transform(INPUT, version=2, wait=False)
    assert models(answered) == [1, 2], "the job of v1 still answers"

    answered.sagemaker.stop_transform_job(TransformJobName=first.name)
    answered.finish()
    answered.digits.transform(INPUT, version=2)
    assert models(answered) == [2]


def test_what_is_younger_than_a_day_stays(data):
    data.digits.transform(INPUT, version=1)
    data.release(0.97)
    data.digits.transform(INPUT, version=2)
    assert models(data) == [1, 2]


@pytest.mark.parametrize("operation", ["ListModels", "ListTransformJobs", "DeleteModel"])
def test_whoever_may_not_tidy_has_the_version_answer_all_the_same(answered, operation):
    def deny(**_):
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)

    answered.sagemaker.meta.events.register(f"before-call.sagemaker.{operation}", deny)
    assert answered.digits.transform(INPUT, stage="Production").status == "Completed"
    assert models(answered) == [1, 2] if operation != "ListModels" else True


PLACE = """[environments.transform]
stage = "Development"
[models.digits.endpoints.transform]
instance_type = "ml.m5.large"
"""


def test_the_sweep_leaves_the_models_of_jobs_alone_and_jobs_leave_those_of_rollouts(data):
    data.use(data.declaration.replace("[models.digits]\n", f"{PLACE}[models.digits]\n", 1))
    tried = data.register(0.96)
    tried.approve(reason="good")
    data.finish()
    tried.promote("Development", reason="to be tried")
    data.finish()
    served = data.endpoint("transform")["EndpointConfigName"]
    assert served.startswith("digits-transform-v2-")
    for number in range(5):
        data.release(0.97 + number / 1000)
        data.digits.transform(INPUT, version=number + 3)
    data.pause(DAY_S)
    data.sweep()
    data.finish()
    assert models(data) == [2, 3, 4, 5, 6, 7]
    data.digits.transform(INPUT, version=7)
    assert models(data) == [2, 7]
    assert data.sagemaker.describe_model(ModelName=served)["ModelName"] == served
    assert data.dead == []
