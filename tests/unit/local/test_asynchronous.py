"""Calls that wait, and are answered in S3."""

import json

import pytest

from modelward.local.sagemaker import ApiError, Caller, Fault, UnansweredError
from modelward.local.sagemaker.wire import handle_async_invocation

TOPIC = "arn:aws:sns:eu-west-1:123456789012:"
OUTPUT = {
    "S3OutputPath": "s3://bucket/answers/",
    "S3FailurePath": "s3://bucket/failures/",
    "NotificationConfig": {"SuccessTopic": f"{TOPIC}good", "ErrorTopic": f"{TOPIC}bad"},
}
ASKED = {"InputLocation": "s3://bucket/asked.json", "ContentType": "application/json", "Accept": "text/csv"}


@pytest.fixture
def waiting(api):
    """An account with an asynchronous endpoint."""
    api.config("v1", AsyncInferenceConfig={"OutputConfig": OUTPUT})
    api("CreateEndpoint", EndpointName="digits-production", EndpointConfigName="v1")
    api.pass_s(300)
    api.topics.messages.clear()
    api.store.objects["s3://bucket/asked.json"] = b"[1, 2]"
    return api


def ask(api, body=b"", name="digits-production", **more):
    request = {"EndpointName": name, **(more or ASKED)}
    return api.core.invoke_endpoint_async(request, body, api.caller)


def refused(api, *args, **more) -> ApiError:
    with pytest.raises(ApiError) as caught:
        ask(api, *args, **more)
    return caught.value


@pytest.mark.fidelity("async-answers")
def test_a_call_is_answered_in_s3_after_it_has_waited(waiting) -> None:
    told = ask(waiting)
    assert told["OutputLocation"].startswith("s3://bucket/answers/")
    assert told["OutputLocation"].endswith(".out")
    assert told["FailureLocation"].startswith("s3://bucket/failures/")
    assert told["FailureLocation"].endswith("-error.out")
    assert told["OutputLocation"] not in waiting.store.objects
    assert waiting.core.next_due is not None

    waiting.pass_s(1)
    assert json.loads(waiting.store.objects[told["OutputLocation"]])["body"] == "[1, 2]"
    assert told["FailureLocation"] not in waiting.store.objects


@pytest.mark.fidelity("async-messages")
def test_a_topic_is_told_of_each_answer(waiting) -> None:
    told = ask(waiting, InferenceId="mine", **ASKED)
    assert told["InferenceId"] == "mine"
    waiting.pass_s(1)
    [(topic, text)] = waiting.topics.messages
    assert topic == f"{TOPIC}good"
    assert json.loads(text) == {
        "awsRegion": "eu-west-1",
        "eventTime": "2026-01-05T09:05:01.000Z",
        "receivedTime": "2026-01-05T09:05:00.000Z",
        "invocationStatus": "Completed",
        "requestParameters": {
            "endpointName": "digits-production",
            "inputLocation": "s3://bucket/asked.json",
            "contentType": "application/json",
            "accept": "text/csv",
        },
        "responseParameters": {"contentType": "application/json", "outputLocation": told["OutputLocation"]},
        "inferenceId": "mine",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


@pytest.mark.fidelity("async-failures")
def test_what_the_container_fails_is_written_where_failures_go(waiting) -> None:
    waiting.hosting.answer = lambda config, body, content_type: (500, "text/plain", b"no such column")
    told = ask(waiting)
    waiting.pass_s(1)
    assert waiting.store.objects[told["FailureLocation"]] == b"no such column"
    assert told["OutputLocation"] not in waiting.store.objects
    [(topic, text)] = waiting.topics.messages
    assert (topic, json.loads(text)["invocationStatus"]) == (f"{TOPIC}bad", "Failed")
    assert "server error (500) from model" in json.loads(text)["failureReason"]


@pytest.mark.fidelity("async-failures")
def test_an_input_that_is_not_there_is_a_failure_of_the_call_and_not_of_the_caller(waiting) -> None:
    told = ask(waiting, InputLocation="s3://bucket/none.json")
    waiting.pass_s(1)
    assert b"could not be read" in waiting.store.objects[told["FailureLocation"]]
    assert json.loads(waiting.topics.messages[0][1])["invocationStatus"] == "Failed"


class Sealed(dict):
    """Objects that nobody may add to."""

    def __setitem__(self, key, value):
        raise PermissionError(f"no {key}")


@pytest.mark.fidelity("async-failures")
def test_an_answer_that_cannot_be_written_is_a_failure(waiting, caplog) -> None:
    waiting.store.objects = Sealed(waiting.store.objects)
    ask(waiting)
    waiting.pass_s(1)
    assert "could not be written" in json.loads(waiting.topics.messages[0][1])["failureReason"]
    assert "no s3://bucket/failures/" in caplog.text


def test_a_topic_that_may_not_be_told_leaves_the_answer(waiting, caplog) -> None:
    class Silent:
        def publish(self, variant, topic_arn, message):
            raise PermissionError("not you")

    waiting.core.queue.topics = Silent()
    told = ask(waiting)
    waiting.pass_s(1)
    assert told["OutputLocation"] in waiting.store.objects
    assert "not you" in caplog.text


@pytest.mark.fidelity("async-test-message")
def test_making_an_endpoint_tries_its_topics(api) -> None:
    api.config("v1", AsyncInferenceConfig={"OutputConfig": OUTPUT})
    api("CreateEndpoint", EndpointName="digits-production", EndpointConfigName="v1")
    assert [topic for topic, _ in api.topics.messages] == [f"{TOPIC}good", f"{TOPIC}bad"]
    assert {json.loads(text)["eventName"] for _, text in api.topics.messages} == {"TestNotification"}


@pytest.mark.fidelity("async-only")
def test_an_endpoint_takes_calls_of_its_own_kind_only(waiting) -> None:
    with pytest.raises(ApiError, match="only supports asynchronous invocations") as caught:
        waiting.invoke()
    assert caught.value.code == "ValidationError"
    waiting.endpoint("plain", "plain")
    error = refused(waiting, name="plain")
    assert (error.code, "only supports real-time invocations" in error.message) == ("ValidationError", True)
    assert "not found" in refused(waiting, name="absent").message


def test_a_call_has_one_input(waiting) -> None:
    assert "exactly one" in refused(waiting, ContentType="text/csv").message
    assert "exactly one" in refused(waiting, b"[1]").message
    assert "128000" in refused(waiting, b"x" * 128_001, ContentType="text/csv").message
    told = ask(waiting, b"[3]", ContentType="application/json")
    waiting.pass_s(1)
    assert json.loads(waiting.store.objects[told["OutputLocation"]])["body"] == "[3]"


def test_what_is_not_done_here_is_refused(waiting) -> None:
    assert "does not implement Filename" in refused(waiting, Filename="a.out", **ASKED).message
    output = {**OUTPUT, "NotificationConfig": {"IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"]}}
    error = waiting.refusal(
        "CreateEndpointConfig",
        EndpointConfigName="v2",
        ProductionVariants=[
            {"VariantName": "a", "ModelName": "v1", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        ],
        AsyncInferenceConfig={"OutputConfig": output},
    )
    assert "does not implement" in error.message


def test_a_config_says_where_answers_go_and_has_instances(waiting) -> None:
    variant = {"VariantName": "a", "ModelName": "v1"}
    serverless = {**variant, "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
    instances = {**variant, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    for made, output, why in ((serverless, OUTPUT, "serverless"), (instances, {}, "S3OutputPath")):
        error = waiting.refusal(
            "CreateEndpointConfig",
            EndpointConfigName="v2",
            ProductionVariants=[made],
            AsyncInferenceConfig={"OutputConfig": output},
        )
        assert why in error.message


@pytest.mark.fidelity("async-for-ever")
def test_an_update_makes_no_endpoint_asynchronous_and_none_otherwise(waiting) -> None:
    waiting.config("plain")
    error = waiting.refusal("UpdateEndpoint", EndpointName="digits-production", EndpointConfigName="plain")
    assert "cannot be removed from this endpoint digits-production" in error.message
    waiting.endpoint("other", "other")
    error = waiting.refusal("UpdateEndpoint", EndpointName="other", EndpointConfigName="v1")
    assert "cannot be added" in error.message


def test_calls_that_wait_go_with_their_endpoint(waiting) -> None:
    told = ask(waiting)
    waiting("DeleteEndpoint", EndpointName="digits-production")
    waiting.pass_s(30)
    assert told["OutputLocation"] not in waiting.store.objects
    assert waiting.core.next_due is None


@pytest.mark.fidelity("async-metrics")
def test_asynchronous_calls_are_measured_by_errors_and_latency_only(waiting) -> None:
    ask(waiting)
    waiting.pass_s(1)
    assert {datum.name for datum in waiting.watch.data} == {
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "ModelLatency",
    }


def test_faults_strike_asynchronous_calls_too(waiting) -> None:
    waiting.core.faults.add("InvokeEndpointAsync", kind=Fault.THROTTLE)
    waiting.core.faults.add("InvokeEndpointAsync", call=2, kind=Fault.TIMEOUT_AFTER)
    assert refused(waiting).message == "Rate exceeded"
    with pytest.raises(UnansweredError):
        ask(waiting)
    waiting.pass_s(1)
    assert any(uri.startswith("s3://bucket/answers/") for uri in waiting.store.objects)


def test_the_wire_has_the_places_in_headers_and_the_id_in_the_body(waiting) -> None:
    headers = {
        "X-Amzn-SageMaker-InputLocation": "s3://bucket/asked.json",
        "X-Amzn-SageMaker-Content-Type": "application/json",
        "X-Amzn-SageMaker-RequestTTLSeconds": "60",
    }
    caller = Caller("arn:aws:iam::123456789012:user/ann", "AIDA", "123456789012")
    status, told, body = handle_async_invocation(waiting.core, "digits-production", headers, b"", caller)
    assert status == 202
    assert told["X-Amzn-SageMaker-OutputLocation"].startswith("s3://bucket/answers/")
    assert told["X-Amzn-SageMaker-FailureLocation"].startswith("s3://bucket/failures/")
    assert json.loads(body).keys() == {"InferenceId"}
    headers["X-Amzn-SageMaker-RequestTTLSeconds"] = "1"
    status, told, body = handle_async_invocation(waiting.core, "digits-production", headers, b"", caller)
    assert told["x-amzn-ErrorType"] == "ValidationError"
    assert (status, "greater than or equal to 60" in json.loads(body)["Message"]) == (400, True)
