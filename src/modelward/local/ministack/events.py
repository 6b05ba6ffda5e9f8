"""Events of AWS services on the buses of their accounts, and what becomes of those that cannot be delivered."""

# ruff: noqa: SLF001 - private names are what this package is for

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ministack.core import concurrency
from ministack.services import eventbridge, lambda_svc, sns, sqs

from modelward.local.ministack import in_scope, policies, scope

_SERVICE = "events.amazonaws.com"
_ACTIONS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}


def emit(event: Mapping[str, Any]) -> None:
    """Put an event of an AWS service on the default bus of its account; only `source` may begin with ``aws.`` here."""
    entry = {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(event["detail"]),
        "Resources": list(event["resources"]),
    }
    with in_scope(event["account"], event["region"]):
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why an event cannot be delivered, in EventBridge's words for dead letters."""

    code: str
    message: str


def deliver_properly() -> None:
    """Let rules deliver only what their targets permit, and send the rest to the targets' dead-letter queues.

    After EventBridge's page "Using dead-letter queues to process undelivered events": missing targets and missing
    permissions are not tried again. There are no other failures here: what a function does is its own affair.
    """
    original = eventbridge._invoke_target

    def deliver(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
        failure = _failure(target, rule["Arn"])
        if failure is None:
            original(target, event, rule, view)
        else:
            _bury(target, (view or eventbridge._pattern_event_view(event)).event_with_detail(), rule, failure)

    eventbridge._invoke_target = deliver


def publish_properly() -> None:
    """Let topics deliver to encrypted queues only if the queue's key lets them; its policy MiniStack asks itself."""
    original = sns._deliver_to_sqs

    def deliver(endpoint: str, *rest: Any, topic_arn: str = "", **more: Any) -> None:
        key = (_attributes(endpoint) or {}).get("KmsMasterKeyId")
        if not key or policies.service_may_encrypt("sns.amazonaws.com", key, topic_arn):
            original(endpoint, *rest, topic_arn=topic_arn, **more)

    sns._deliver_to_sqs = deliver


def _failure(target: Mapping[str, Any], rule_arn: str) -> _Failure | None:
    arn = target.get("Arn", "")
    parts = arn.split(":")
    if len(parts) < 6 or parts[2] not in _ACTIONS or (parts[4], parts[3]) != scope():
        return None  # of these MiniStack takes care
    attributes = _attributes(arn)
    if attributes is None:
        return _Failure("NO_RESOURCE", f"The target {arn} does not exist.")
    action, role, key = _ACTIONS[parts[2]], target.get("RoleArn"), attributes.get("KmsMasterKeyId")
    is_allowed = policies.role_may(role, action, arn) if role else policies.service_may(_SERVICE, action, arn, rule_arn)
    if not is_allowed:
        return _Failure("NO_PERMISSIONS", f"{_SERVICE} is not authorized to perform: {action} on resource: {arn}")
    if key and not policies.service_may_encrypt(_SERVICE, key, rule_arn):
        return _Failure("NO_PERMISSIONS", f"{_SERVICE} is not authorized to use the key {key} of {arn}")
    return None


def _attributes(arn: str) -> Mapping[str, Any] | None:
    """Return the settings of a queue or topic, none of a function; None if there is no such resource."""
    match arn.split(":")[2]:
        case "sqs":
            found = sqs._queue_by_arn(arn)
        case "sns":
            found = sns._topic_by_arn_any_scope(arn)
        case _:
            return {} if lambda_svc.function_policy_for_arn(arn) is not None else None
    return found["attributes"] if found is not None else None


def _bury(target: Mapping[str, Any], event: Mapping[str, Any], rule: Mapping[str, Any], failure: _Failure) -> None:
    """Put an event into the dead-letter queue of a target; it is lost if there is none, or none that takes it."""
    arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not arn or _failure({"Arn": arn}, rule["Arn"]) is not None:
        return
    told = {
        "RULE_ARN": rule["Arn"],
        "TARGET_ARN": target["Arn"],
        "ERROR_CODE": failure.code,
        "ERROR_MESSAGE": failure.message,
        "RETRY_ATTEMPTS": "0",
    }
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in told.items()}
    _send(arn, json.dumps(event), attributes)


def _send(queue_arn: str, body: str, attributes: dict[str, Any]) -> None:
    queue, now = sqs._queue_by_arn(queue_arn), time.time()
    message = {
        "id": str(uuid.uuid4()),
        "body": body,
        "message_attributes": attributes,
        "md5_attrs": sqs._md5_msg_attrs(attributes),
        "sent_at": now,
        "visible_at": now + sqs.queue_delay(queue),
    }
    sqs._ensure_msg_fields(message)
    queue["messages"].append(message)
    concurrency.esm_wake.set()
