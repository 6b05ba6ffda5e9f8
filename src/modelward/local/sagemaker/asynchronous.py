"""Asynchronous inference: calls that wait in a queue, are answered in S3, and are told of through SNS.

Places and messages are those of "Invoke an Asynchronous Endpoint" and "Check prediction results" in the developer
guide. A call leaves the queue some time after it came, at the moment that the clock says; then its input is read.
"""

import json
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from modelward.local.sagemaker.errors import ApiError
from modelward.local.sagemaker.fleets import Variant
from modelward.local.sagemaker.interface import MemoryStore, MemoryTopics, Store, Timing, Topics
from modelward.local.sagemaker.scope import Scope
from modelward.local.sagemaker.validation import check

logger = logging.getLogger(__name__)

OPERATION = "InvokeEndpointAsync"
LARGEST_INLINE = 128_000
_MOST_S = 900  # what a call may take unless it says so itself
_SOURCE = {"eventVersion": "1.0", "eventSource": "aws:sagemaker"}
_TEST = {**_SOURCE, "eventName": "TestNotification"}
_TOLD = {
    "Accept": "accept",
    "ContentType": "contentType",
    "EndpointName": "endpointName",
    "InputLocation": "inputLocation",
}
_LATER = ("Filename", "S3OutputPathExtension")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that waits: what was asked, where its answer goes, and since when."""

    request: Mapping[str, Any]
    body: bytes
    output: str
    failure: str
    inference_id: str
    received_at: datetime
    due: datetime

    @property
    def limit_s(self) -> float:
        """How long the container may take."""
        return float(self.request.get("InvocationTimeoutSeconds", _MOST_S))


class Queue:
    """The asynchronous calls of all endpoints of an account and region, in their order.

    `store` and `topics` may be replaced at any time.
    """

    def __init__(self, scope: Scope, timing: Callable[[], Timing]) -> None:
        self.store: Store = MemoryStore()
        self.topics: Topics = MemoryTopics()
        self._scope = scope
        self._timing = timing
        self._waiting: list[Call] = []

    @property
    def next_due(self) -> datetime | None:
        """When the next call is due."""
        return min((call.due for call in self._waiting), default=None)

    def take_due(self) -> list[Call]:
        """Take the calls out that are due."""
        now = self._scope.now()
        due = [call for call in self._waiting if call.due <= now]
        self._waiting = [call for call in self._waiting if call.due > now]
        return due

    def accept(self, variant: Variant, request: Mapping[str, Any], body: bytes) -> dict[str, str]:
        """Let a call wait, and tell where its answer will be."""
        check_input(request, body)
        output, now, name = variant.asynchronous["OutputConfig"], self._scope.now(), uuid.uuid4()
        failures = output.get("S3FailurePath", "")
        call = Call(
            request,
            body,
            output=f"{output['S3OutputPath'].rstrip('/')}/{name}.out",
            failure=f"{failures.rstrip('/')}/{name}-error.out" if failures else "",
            inference_id=request.get("InferenceId") or str(uuid.uuid4()),
            received_at=now,
            due=now + timedelta(seconds=self._timing().async_s),
        )
        self._waiting.append(call)
        told = {"InferenceId": call.inference_id, "OutputLocation": call.output, "FailureLocation": call.failure}
        return {member: value for member, value in told.items() if value}

    def read(self, call: Call, variant: Variant) -> bytes:
        """Give what the container is asked; OSError if it cannot be read as the variant's role."""
        uri = call.request.get("InputLocation")
        return self.store.get(variant.hosted, uri) if uri else call.body

    def answered(self, call: Call, variant: Variant, content_type: str, answer: bytes) -> None:
        """Write an answer and tell of it."""
        try:
            self._write(variant, call.output, answer)
        except OSError as error:
            self.failed(call, variant, f"ClientError: the answer could not be written: {error}")
            return
        told = {"contentType": content_type, "outputLocation": call.output}
        self._tell(call, variant, "SuccessTopic", {"invocationStatus": "Completed", "responseParameters": told})

    def failed(self, call: Call, variant: Variant, reason: str, answer: bytes = b"") -> None:
        """Write what the container said instead of an answer, if there is a place for it, and tell of it."""
        if call.failure:
            try:
                self._write(variant, call.failure, answer or reason.encode())
            except OSError as error:
                logger.warning("%s", error)
        self._tell(call, variant, "ErrorTopic", {"invocationStatus": "Failed", "failureReason": reason})

    def announce(self, variants: Sequence[Variant]) -> None:
        """Send the message to the topics of variants by which SageMaker tries whether it may."""
        for variant in variants:
            for arn in _topics(variant).values():
                self._publish(variant, arn, _TEST)

    def _write(self, variant: Variant, uri: str, body: bytes) -> None:
        key = variant.asynchronous["OutputConfig"].get("KmsKeyId", "")
        self.store.put(variant.hosted, uri, body, key)

    def _tell(self, call: Call, variant: Variant, topic: str, outcome: Mapping[str, Any]) -> None:
        arn = _topics(variant).get(topic)
        if arn is None:
            return
        asked = {name: call.request[member] for member, name in _TOLD.items() if member in call.request}
        times = {"eventTime": _iso(self._scope.now()), "receivedTime": _iso(call.received_at)}
        message = {"awsRegion": self._scope.region, **times, "requestParameters": asked, **outcome}
        self._publish(
            variant, arn, {**message, "inferenceId": call.inference_id, **_SOURCE, "eventName": "InferenceResult"}
        )

    def _publish(self, variant: Variant, arn: str, message: Mapping[str, Any]) -> None:
        try:
            self.topics.publish(variant.hosted, arn, json.dumps(message))
        except OSError as error:
            logger.warning("%s", error)


def checked_call(request: Mapping[str, Any]) -> dict[str, Any]:
    """Check a call against the API's model, as `check` does, in the runtime's code."""
    try:
        return check(OPERATION, request, "sagemaker-runtime")
    except ApiError as error:
        raise _refused(error.message) from error


def check_input(request: Mapping[str, Any], body: bytes) -> None:
    """Refuse a call that has no input, or two, or asks for what is not done here."""
    if ("InputLocation" in request) == bool(body):
        raise _refused("Provide exactly one of InputLocation and Body.")
    if len(body) > LARGEST_INLINE:
        raise _refused(f"Body must have length less than or equal to {LARGEST_INLINE}.")
    for member in _LATER:
        if member in request:
            raise _refused(f"The local SageMaker of Modelward does not implement {member} of {OPERATION}.")


def model_failure(status: int) -> str:
    """Say why a call has failed that the container answered with an error."""
    side = "server" if status >= 500 else "client"
    return (
        f"ClientError: Received {side} error ({status}) from model. See the SageMaker Endpoint logs in your account for"
        " more information."
    )


def _topics(variant: Variant) -> Mapping[str, str]:
    told: Mapping[str, str] = variant.asynchronous.get("OutputConfig", {}).get("NotificationConfig", {})
    return told


def _iso(moment: datetime) -> str:
    at = moment.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _refused(message: str) -> ApiError:
    return ApiError("ValidationError", message)
