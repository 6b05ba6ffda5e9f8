"""Event source mappings: none that the role of its function does not permit.

The words of refusals are those that people report of Lambda; about the key of a queue there is no report, so that
text is ours.
"""

# ruff: noqa: SLF001 - private names are what this package is for

from collections.abc import Iterator, Mapping
from typing import Any

from ministack.core import responses
from ministack.services import lambda_svc, sqs

from modelward.local.ministack import Response, in_scope, policies

Mapped = tuple[str, str, dict[str, Any]]

_QUEUE_ACTIONS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_STREAM_ACTIONS = (
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:DescribeStream",
    "dynamodb:ListStreams",
)


def map_only_what_may_be_read() -> None:
    """Refuse mappings of what a function's role may not read, and rest those whose role has lost the right."""
    create, mapped = lambda_svc._create_esm, lambda_svc._iter_all_esms

    def checked_create(data: dict[str, Any]) -> Response:
        name, qualifier, fault = lambda_svc._resolve_existing_esm_function(data.get("FunctionName", ""))
        refusal = "" if fault else refused({**data, "FunctionName": name, "Qualifier": qualifier})
        answer: Response
        if refusal:
            answer = responses.error_response_json("InvalidParameterValueException", refusal, 400)
        else:
            answer = create(data)
        return answer

    def readable() -> Iterator[Mapped]:
        for account, region, mapping in mapped():
            with in_scope(account, region):
                refusal = _refused_reading(_role(mapping), mapping.get("EventSourceArn", ""))
            if refusal:
                mapping["LastProcessingResult"] = f"PROBLEM: {refusal}"
            else:
                yield account, region, mapping

    lambda_svc._create_esm, lambda_svc._iter_all_esms = checked_create, readable


def refused(mapping: Mapping[str, Any]) -> str:
    """Say what the role of a mapping's function lacks to read the source and to write what failed; else nothing."""
    role = _role(mapping)
    destination = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", "")
    refusal = _refused_reading(role, mapping.get("EventSourceArn", ""))
    if not refusal and ":sqs:" in destination:
        refusal = _refused(role, "sqs:SendMessage", destination)
    if not refusal and ":sns:" in destination:
        refusal = _refused(role, "sns:Publish", destination)
    return refusal


def _role(mapping: Mapping[str, Any]) -> str:
    _, config = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    role: str = (config or {}).get("Role", "")
    return role


def _refused_reading(role: str, source: str) -> str:
    if ":dynamodb:" in source:
        if not any(_refused(role, action, source) for action in _STREAM_ACTIONS):
            return ""
        return (
            f"Cannot access stream {source}. Please ensure the role can perform the GetRecords, GetShardIterator, "
            "DescribeStream, and ListStreams Actions on your stream in IAM."
        )
    refusals = [_refused(role, action, source) for action in _QUEUE_ACTIONS if ":sqs:" in source]
    key = _key(source)
    if key:
        refusals.append(_refused(role, "kms:Decrypt", key))
    return next(filter(None, refusals), "")


def _key(source: str) -> str | None:
    """Return the ARN of the customer's key of a queue."""
    queue = sqs._queue_by_arn(source) if ":sqs:" in source else None
    key = queue["attributes"].get("KmsMasterKeyId") if queue else None
    return policies.key_arn(key) if key else None


def _refused(role: str, action: str, resource: str) -> str:
    # Without a role there is no function any more, and MiniStack sees to that.
    if not role or policies.role_may(role, action, resource):
        return ""
    service, _, call = action.partition(":")
    return f"The provided execution role does not have permissions to call {call} on {service.upper()}"
