import json

import pytest

from modelward.local.sagemaker import Fault, UnansweredError
from modelward.local.sagemaker.wire import handle_http, handle_invocation, runtime_operation


def post(api, operation: str, request) -> tuple[int, dict, dict]:
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    status, headers, answer = handle_http(api.core, f"SageMaker.{operation}", body, api.caller)
    return status, headers, json.loads(answer)


def test_times_travel_as_seconds(api) -> None:
    api.group()
    status, headers, answer = post(api, "DescribeModelPackageGroup", {"ModelPackageGroupName": "digits"})
    assert (status, headers["Content-Type"]) == (200, "application/x-amz-json-1.1")
    assert answer["CreationTime"] == api.clock().timestamp()


def test_an_error_carries_its_type_and_message(api) -> None:
    status, headers, answer = post(api, "DescribeEndpoint", {"EndpointName": "x"})
    assert (status, headers["x-amzn-ErrorType"]) == (400, "ValidationException")
    assert answer["__type"] == "ValidationException"
    assert answer["message"].startswith("Could not find endpoint")


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff"])
def test_a_body_that_is_no_object_cannot_be_read(api, body) -> None:
    status, _, answer = post(api, "ListModels", body)
    assert (status, answer["__type"]) == (400, "SerializationException")


def test_no_body_is_an_empty_request(api) -> None:
    assert post(api, "ListModels", b"")[2] == {"Models": []}


def test_an_unknown_operation_is_refused_at_once(api) -> None:
    status, _, answer = post(api, "MakeCoffee", {})
    assert (status, answer["__type"]) == (400, "UnknownOperationException")
    assert "MakeCoffee" in answer["message"]


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/endpoints/e/async-invocations", "InvokeEndpointAsync"),
        ("/endpoints/e/invocations-response-stream", "InvokeEndpointWithResponseStream"),
        ("/elsewhere", "/elsewhere"),
    ],
)
def test_a_path_of_the_runtime_stands_for_an_operation(path, operation) -> None:
    assert runtime_operation(path) == operation


def test_a_lost_answer_is_left_to_the_front(api) -> None:
    api.core.faults.add("ListModels", kind=Fault.TIMEOUT_AFTER)
    with pytest.raises(UnansweredError):
        post(api, "ListModels", {})


def test_the_runtime_answers_with_the_containers_own_bytes(api) -> None:
    api.endpoint()
    api.hosting.answer = lambda config, body, content_type: (200, "text/csv", body + content_type.encode())
    headers = {"content-type": "image/png", "Accept": "text/csv", "X-Other": "x"}
    status, told, body = handle_invocation(api.core, "digits-production", headers, b"\x00\xff", api.caller)
    assert (status, body) == (200, b"\x00\xffimage/png")
    assert told == {"Content-Type": "text/csv", "x-Amzn-Invoked-Production-Variant": "live"}


def test_the_runtime_tells_errors_in_its_own_form(api) -> None:
    status, headers, body = handle_invocation(api.core, "absent", {}, b"", api.caller)
    assert (status, headers["x-amzn-ErrorType"]) == (400, "ValidationError")
    assert json.loads(body) == {"Message": "Endpoint absent of account 123456789012 not found."}
