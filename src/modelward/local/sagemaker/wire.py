"""The wire protocols, for whoever serves the core: JSON 1.1 for the API, plain HTTP for the runtime."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from modelward.local.sagemaker.asynchronous import OPERATION as ASYNCHRONOUS
from modelward.local.sagemaker.core import SageMaker
from modelward.local.sagemaker.errors import ApiError
from modelward.local.sagemaker.interface import Caller
from modelward.local.sagemaker.validation import service_model

Reply = tuple[int, dict[str, str], bytes]
TARGET_PREFIX = "SageMaker."
JSON = "application/x-amz-json-1.1"

_RUNTIME_HEADERS = {
    "content-type": "ContentType",
    "accept": "Accept",
    "x-amzn-sagemaker-custom-attributes": "CustomAttributes",
    "x-amzn-sagemaker-target-model": "TargetModel",
    "x-amzn-sagemaker-target-variant": "TargetVariant",
    "x-amzn-sagemaker-inference-id": "InferenceId",
}
_ANSWER_HEADERS = {
    "ContentType": "Content-Type",
    "InvokedProductionVariant": "x-Amzn-Invoked-Production-Variant",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
}


def handle_http(core: SageMaker, target: str, body: bytes, caller: Caller) -> Reply:
    """Answer a POST of the SageMaker API.

    Args:
        core: The account and region that are meant.
        target: The X-Amz-Target header, `SageMaker.<Operation>`.
        body: The request's body.
        caller: Who signed it.

    Returns:
        Status, headers, body.

    Raises:
        UnansweredError: The answer is to get lost: break the connection off.
    """
    try:
        answer = core.call(target.removeprefix(TARGET_PREFIX), _parsed(body), caller)
    except ApiError as error:
        return error_reply(error)
    return 200, {"Content-Type": JSON, "x-amzn-RequestId": str(uuid4())}, written(answer)


def written(answer: Mapping[str, Any]) -> bytes:
    """Write an answer of the API."""
    return json.dumps(answer, default=_epoch).encode()


def error_reply(error: ApiError) -> Reply:
    """Write an error answer of the API."""
    told = {"__type": error.code, "message": error.message, **error.members}
    headers = {"Content-Type": JSON, "x-amzn-ErrorType": error.code, "x-amzn-RequestId": str(uuid4())}
    return error.status, headers, json.dumps(told).encode()


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        request = None
    if not isinstance(request, dict):
        raise ApiError("SerializationException", "The request body is not a JSON object.")
    return request


def members(body: bytes) -> dict[str, Any]:
    """Read a request as far as authorisation needs it; `handle_http` refuses what is no request."""
    try:
        return _parsed(body)
    except ApiError:
        return {}


def invoked(endpoint_name: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the members of an invocation."""
    lowered = {name.lower(): value for name, value in headers.items()}
    told = {member: lowered[name] for name, member in _RUNTIME_HEADERS.items() if name in lowered}
    return {"EndpointName": endpoint_name, **told}


def _epoch(value: Any) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} has no JSON form on the wire")


def handle_invocation(
    core: SageMaker, endpoint_name: str, headers: Mapping[str, str], body: bytes, caller: Caller
) -> Reply:
    """Answer `POST /endpoints/<name>/invocations` of the SageMaker runtime.

    Raises UnansweredError as `handle_http` does.
    """
    try:
        told, answer = core.invoke_endpoint(invoked(endpoint_name, headers), body, caller)
    except ApiError as error:
        return runtime_error_reply(error)
    return 200, {_ANSWER_HEADERS[member]: value for member, value in told.items()}, answer


def handle_async_invocation(
    core: SageMaker, endpoint_name: str, headers: Mapping[str, str], body: bytes, caller: Caller
) -> Reply:
    """Answer `POST /endpoints/<name>/async-invocations` of the SageMaker runtime.

    Raises UnansweredError as `handle_http` does.
    """
    try:
        told = core.invoke_endpoint_async(_invoked_later(endpoint_name, headers), body, caller)
    except ApiError as error:
        return runtime_error_reply(error)
    shape: Any = service_model("sagemaker-runtime").operation_model(ASYNCHRONOUS).output_shape
    head = {shape.members[each].serialization["name"]: told[each] for each in told if each != "InferenceId"}
    body = json.dumps({"InferenceId": told["InferenceId"]}).encode()
    return 202, {**head, "Content-Type": "application/json"}, body


def _invoked_later(endpoint_name: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the members of an asynchronous invocation: its headers are those that the API's model tells."""
    shape: Any = service_model("sagemaker-runtime").operation_model(ASYNCHRONOUS).input_shape
    lowered = {name.lower(): value for name, value in headers.items()}
    told: dict[str, Any] = {"EndpointName": endpoint_name}
    for member, kind in shape.members.items():
        value = lowered.get(str(kind.serialization.get("name", "")).lower())
        if kind.serialization.get("location") == "header" and value is not None:
            told[member] = int(value) if kind.type_name == "integer" and value.isdigit() else value
    return told


def runtime_operation(path: str) -> str:
    """Name the operation of the runtime that a path stands for; an unknown path stands for itself."""
    model, end = service_model("sagemaker-runtime"), f"/{path.rpartition('/')[2]}"
    named = (name for name in model.operation_names if model.operation_model(name).http["requestUri"].endswith(end))
    return next(named, path)


def runtime_error_reply(error: ApiError) -> Reply:
    """Write an error answer of the runtime."""
    told = {"Message": error.message, **error.members}
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
    return error.status, headers, json.dumps(told).encode()
