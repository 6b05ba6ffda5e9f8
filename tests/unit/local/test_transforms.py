"""Batch transform jobs."""

import json

import pytest

from modelward.local.sagemaker.transforms import assembled, requests_of

NAME = "digits-v1-20260105-090500-000"
INPUT = {
    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/monday/"}},
    "ContentType": "text/csv",
    "SplitType": "Line",
}


@pytest.fixture
def jobs(api):
    """An account with a model and two objects."""
    api.config("v1")
    api.store.objects |= {"s3://data/monday/a.csv": b"1\n2\n", "s3://data/monday/more/b.csv": b"3\n"}
    return api


def begin(api, name=NAME, **more):
    request = {
        "TransformJobName": name,
        "ModelName": "v1",
        "TransformInput": INPUT,
        "TransformOutput": {"S3OutputPath": "s3://data/answers/", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **more,
    }
    return api("CreateTransformJob", **request)


def told(api, name=NAME):
    return api("DescribeTransformJob", TransformJobName=name)


@pytest.mark.fidelity("transform-outputs")
def test_each_object_is_answered_beside_its_name_with_out_at_the_end(jobs) -> None:
    begin(jobs)
    assert told(jobs)["TransformJobStatus"] == "InProgress"
    assert "TransformEndTime" not in told(jobs)
    jobs.pass_s(1)
    answered = told(jobs)
    assert answered["TransformJobStatus"] == "Completed"
    assert answered["TransformStartTime"] <= answered["TransformEndTime"]
    written = {uri: body for uri, body in jobs.store.objects.items() if uri.startswith("s3://data/answers/")}
    assert written.keys() == {"s3://data/answers/a.csv.out", "s3://data/answers/more/b.csv.out"}
    [answer] = written["s3://data/answers/a.csv.out"].splitlines()
    assert json.loads(answer)["body"] == "1\n2\n"
    assert jobs.hosting.running == {}


@pytest.mark.fidelity("transform-events")
def test_events_tell_of_each_state(jobs) -> None:
    begin(jobs, Tags=[{"Key": "team", "Value": "vision"}])
    jobs.pass_s(1)
    seen = [each for each in jobs.events if each["detail-type"] == "SageMaker Transform Job State Change"]
    assert [each["detail"]["TransformJobStatus"] for each in seen] == ["InProgress", "Completed"]
    assert seen[0]["detail"]["TransformJobName"] == NAME
    assert seen[0]["detail"]["Tags"] == {"team": "vision"}
    assert seen[0]["resources"] == [f"arn:aws:sagemaker:eu-west-1:123456789012:transform-job/{NAME}"]


@pytest.mark.fidelity("transform-failures")
def test_an_object_that_fails_fails_the_job_and_leaves_no_answer(jobs) -> None:
    jobs.hosting.answer = lambda config, body, content_type: (500 if b"3" in body else 200, "text/csv", b"ok")
    begin(jobs)
    jobs.pass_s(1)
    assert told(jobs)["TransformJobStatus"] == "Failed"
    assert "1 of 2 objects failed, first s3://data/monday/more/b.csv" in told(jobs)["FailureReason"]
    assert "s3://data/answers/a.csv.out" in jobs.store.objects
    assert "s3://data/answers/more/b.csv.out" not in jobs.store.objects


@pytest.mark.fidelity("transform-failures")
def test_a_job_with_nothing_to_answer_or_no_container_fails(jobs) -> None:
    nothing = {**INPUT, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/none"}}}
    begin(jobs, TransformInput=nothing)
    jobs.pass_s(1)
    assert "no object below s3://data/none" in told(jobs)["FailureReason"]
    jobs.hosting.health = lambda config: False
    begin(jobs, "second")
    jobs.pass_s(1)
    assert told(jobs, "second")["FailureReason"].startswith("AlgorithmError")


def test_a_container_that_starts_slowly_is_waited_for(jobs) -> None:
    health = [None, True]
    jobs.hosting.health = lambda config: health.pop(0)
    begin(jobs)
    jobs.pass_s(1)
    assert told(jobs)["TransformJobStatus"] == "InProgress"
    jobs.pass_s(1)
    assert told(jobs)["TransformJobStatus"] == "Completed"


def test_a_job_that_is_stopped_answers_nothing(jobs) -> None:
    begin(jobs)
    jobs("StopTransformJob", TransformJobName=NAME)
    assert told(jobs)["TransformJobStatus"] == "Stopping"
    assert "in status Stopping" in jobs.refusal("StopTransformJob", TransformJobName=NAME).message
    jobs.pass_s(30)
    assert told(jobs)["TransformJobStatus"] == "Stopped"
    assert not [uri for uri in jobs.store.objects if uri.startswith("s3://data/answers/")]
    assert jobs.hosting.running == {}


def test_jobs_are_listed_by_name_and_state(jobs) -> None:
    begin(jobs, "one")
    jobs.pass_s(1)
    begin(jobs, "two")

    def names(**more):
        return [each["TransformJobName"] for each in jobs("ListTransformJobs", **more)["TransformJobSummaries"]]

    assert names(SortBy="Name", SortOrder="Ascending") == ["one", "two"]
    assert names(StatusEquals="Completed") == ["one"]
    assert names(NameContains="tw") == ["two"]


@pytest.mark.fidelity("transform-refusals")
def test_what_cannot_be_is_refused(jobs) -> None:
    begin(jobs)
    error = jobs.refusal("CreateTransformJob", **_request())
    assert (error.code, "already exists" in error.message) == ("ResourceInUse", True)
    assert "Could not find model" in jobs.refusal("CreateTransformJob", **_request("x", ModelName="none")).message
    assert "Could not find transform job" in jobs.refusal("DescribeTransformJob", TransformJobName="none").message
    whole = {**INPUT, "SplitType": "None"}
    asked = _request("x", TransformInput=whole, BatchStrategy="MultiRecord")
    assert "needs a SplitType" in jobs.refusal("CreateTransformJob", **asked).message
    asked = _request("x", MaxPayloadInMB=60, MaxConcurrentTransforms=2)
    assert "100 MB" in jobs.refusal("CreateTransformJob", **asked).message
    for member, value in (("SplitType", "RecordIO"), ("CompressionType", "Gzip")):
        asked = _request("x", TransformInput={**INPUT, member: value})
        assert f"does not implement {member} {value}" in jobs.refusal("CreateTransformJob", **asked).message


def _request(name=NAME, **more):
    return {
        "TransformJobName": name,
        "ModelName": "v1",
        "TransformInput": INPUT,
        "TransformOutput": {"S3OutputPath": "s3://data/answers/"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **more,
    }


@pytest.mark.parametrize(
    ("split", "strategy", "requests"),
    [
        ("None", None, [b"1\n2\n3"]),
        ("Line", None, [b"1\n2\n3"]),
        ("Line", "MultiRecord", [b"1\n2\n3"]),
        ("Line", "SingleRecord", [b"1", b"2", b"3"]),
    ],
)
def test_objects_become_requests_as_declared(split, strategy, requests) -> None:
    fields = {"TransformInput": {"SplitType": split}, **({"BatchStrategy": strategy} if strategy else {})}
    assert list(requests_of(b"1\n2\n3", fields)) == requests


def test_as_many_lines_go_together_as_fit(jobs) -> None:
    line = b"x" * (400 * 1024) + b"\n"
    fields = {"TransformInput": {"SplitType": "Line"}, "MaxPayloadInMB": 1}
    assert [len(each) // len(line) for each in requests_of(line * 5, fields)] == [2, 2, 1]
    with pytest.raises(OSError, match="a record has more than"):
        list(requests_of(line * 5, {"TransformInput": {}, "MaxPayloadInMB": 1}))
    assert assembled([b"a", b"b"], "None") == b"ab"
    assert assembled([b"a", b"b"], "Line") == b"a\nb\n"
