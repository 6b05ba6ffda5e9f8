"""Events from account to account and from bus to bus, which MiniStack keeps within one account and region.

Whoever may put events, by their own policies and by the bus's, puts them on another account's bus by its ARN.

A rule's target may be the bus of another account or region if the role of the target may put events there and the
bus's policy lets that role or its account. The event stays what it was: its account and region are those where it
happened. It is not sent on from there (Docs: Sending and receiving events between AWS accounts, note on a third
account; between event buses in the same account, note on a third bus).
"""

# ruff: noqa: SLF001 - private names are what this package is for

import json
import logging
import time
import uuid
from collections.abc import Mapping
from typing import Any

from ministack.core import iam_actions, iam_evaluator, responses
from ministack.services import eventbridge

from modelward.local.ministack import Response, access, in_scope, scope
from modelward.local.ministack.evaluation import Asked, Denial, Rights, everything, judge

logger = logging.getLogger(__name__)

_SERVICE = "events.amazonaws.com"
_ENTRIES = 10  # of one PutEvents


def reach_other_accounts() -> None:
    """Let events get to the buses of other accounts and regions that permit it: by rules, and by PutEvents."""
    eventbridge._dispatch_to_event_bus = _forward
    _put_abroad()
    _tell_what_is_put()
    original = eventbridge._put_permission

    def put_permission(data: dict[str, Any]) -> Response:
        bus = data.get("EventBusName", "default")
        if data.get("Policy"):
            return _put_policy(bus, data["Policy"])
        answer: Response = original(data)
        _spell(eventbridge._event_bus_policies[bus]["Statement"][-1])
        return answer

    eventbridge._put_permission = put_permission


def _put_abroad() -> None:
    put = eventbridge._put_events

    def put_events(data: dict[str, Any], allow_aws_source: bool = False) -> Response:  # noqa: FBT001, FBT002 - MiniStack's
        entries = data.get("Entries", [])
        foreign = {arn for entry in entries if (arn := _foreign(entry.get("EventBusName", "")))}
        if not foreign or len(entries) > _ENTRIES:
            untouched: Response = put(data, allow_aws_source)
            return untouched
        refusal = next(filter(None, map(_root_refusal, sorted(foreign))), None)
        if refusal:
            refused: Response = responses.error_response_json(refusal.code, refusal.message, 400)
            return refused
        results = [_put_one(entry, put) for entry in entries]
        failed = sum("ErrorCode" in result for result in results)
        answer: Response = responses.json_response({"FailedEntryCount": failed, "Entries": results})
        return answer

    eventbridge._put_events = put_events


def _foreign(bus: str) -> str:
    """Return the ARN of a bus if it is another account's or region's."""
    parts = bus.split(":", 5)
    is_bus = len(parts) == 6 and parts[2] == "events" and parts[5].startswith("event-bus/")
    return bus if is_bus and (parts[4], parts[3]) != scope() else ""


def _root_refusal(arn: str) -> Denial | None:
    """Say why the root of an account may not put events on a bus; for others MiniStack has asked already."""
    caller = iam_evaluator.caller_arn()
    if not caller.endswith(":root"):
        return None
    found = iam_evaluator._resource_policy("events", arn)
    rights = Rights(caller, "Account", scope()[0], everything())
    return judge(rights, Asked("events:PutEvents", arn, scope()[1], {}), found and found[0])


def _put_one(entry: dict[str, Any], put: Any) -> dict[str, Any]:
    arn = _foreign(entry.get("EventBusName", ""))
    if arn and not str(entry.get("Source", "")).startswith("aws."):
        return _deliver(entry, arn)
    here = {**entry, "EventBusName": "default"} if arn else entry  # to be refused there for its source
    result: dict[str, Any] = json.loads(put({"Entries": [here]})[2])["Entries"][0]
    return result


def _deliver(entry: Mapping[str, Any], arn: str) -> dict[str, Any]:
    """Put an event of this account on a bus of another one; the event tells whose it is."""
    (account, region), (_, _, _, bus_region, bus_account, bus) = scope(), arn.split(":", 5)
    event = {
        "EventId": str(uuid.uuid4()),
        "Source": entry.get("Source", ""),
        "DetailType": entry.get("DetailType", ""),
        "Detail": entry.get("Detail", "{}"),
        "EventBusName": bus.removeprefix("event-bus/"),
        "Time": int(time.time()),
        "Resources": entry.get("Resources", []),
        "Account": account,
        "Region": region,
    }
    with in_scope(bus_account, bus_region):
        eventbridge._dispatch_event(event)
        eventbridge._archive_event(event)
    return {"EventId": event["EventId"]}


def _tell_what_is_put() -> None:
    """Let policies heed events:source and events:detail-type of PutEvents."""
    original = iam_actions.request_tag_context

    def told(service: str, action: str, body: bytes, *rest: Any) -> dict[str, Any]:
        found: dict[str, Any] = original(service, action, body, *rest)
        return {**found, **_keys_of(body)} if action == "events:PutEvents" else found

    iam_actions.request_tag_context = told


def _keys_of(body: bytes) -> dict[str, Any]:
    entries = json.loads(body or b"{}").get("Entries", [])
    members = {"events:source": "Source", "events:detail-type": "DetailType"}
    values = {key: sorted({str(entry.get(member, "")) for entry in entries}) for key, member in members.items()}
    return {key: found[0] if len(found) == 1 else found for key, found in values.items()}


def _put_policy(bus: str, text: str) -> Response:
    problem = iam_evaluator.validate_policy_document(text)
    if problem:
        refusal: Response = responses.error_response_json("ValidationException", problem, 400)
        return refusal
    eventbridge._event_bus_policies[bus] = json.loads(text)
    answer: Response = responses.json_response({})
    return answer


def _spell(statement: dict[str, Any]) -> None:
    """Write what PutPermission was told as a statement that IAM understands."""
    if statement["Principal"] != "*":
        statement["Principal"] = {"AWS": f"arn:aws:iam::{statement['Principal']}:root"}
    condition = statement.get("Condition", {})
    if "Type" in condition:
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}


def _forward(spec: Any, event: dict[str, Any], rule: dict[str, Any], path: set[str], given: str | None = None) -> None:
    bus = spec.resource.removeprefix("event-bus/")
    arn = f"arn:{spec.partition}:events:{spec.region}:{spec.account_id}:event-bus/{bus}"
    if path:
        logger.warning("An event that came from another bus is not sent on to %s", arn)
        return
    is_permitted = scope() == (spec.account_id, spec.region) or _is_permitted(arn, bus, event, rule)
    with in_scope(spec.account_id, spec.region):
        eventbridge._ensure_default_bus()
        if not is_permitted or bus not in eventbridge._event_buses:
            logger.warning("%s may not be sent events by %s, or does not exist", arn, rule["Arn"])
            return
        forwarded = {**event, "EventBusName": bus, **({} if given is None else {"Detail": given})}
        # The path is compared with names of rules, which another account may use, too: an ARN is nobody's name.
        eventbridge._dispatch_event({**forwarded, "_DispatchPath": [rule["Arn"]]})
        eventbridge._archive_event(forwarded)


def _is_permitted(arn: str, bus: str, event: Mapping[str, Any], rule: Mapping[str, Any]) -> bool:
    account, region = scope()
    rights = _rights(_role_of(rule, arn), account)
    if rights is None:
        return False
    _, _, _, bus_region, bus_account, _ = arn.split(":", 5)
    with in_scope(bus_account, bus_region):
        policy = eventbridge._event_bus_policies.get(bus)
    keys = {
        "aws:SourceArn": rule["Arn"],
        "events:source": event["Source"],
        "events:detail-type": event["DetailType"],
    }
    return judge(rights, Asked("events:PutEvents", arn, region, keys), json.dumps(policy)) is None


def _role_of(rule: Mapping[str, Any], arn: str) -> str:
    targets = eventbridge._targets.get(eventbridge._rule_key(rule["Name"], rule["EventBusName"]), [])
    return str(next((target.get("RoleArn", "") for target in targets if target["Arn"] == arn), ""))


def _rights(role_arn: str, account: str) -> Rights | None:
    """Return what EventBridge may do as a role; None if it may not take the role."""
    if role_arn.split(":")[4:5] != [account] or not access.service_may_assume(_SERVICE, role_arn):
        return None
    return access.role_rights(role_arn, "events")
