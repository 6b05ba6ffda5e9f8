"""Events from bus to bus, which MiniStack keeps within one account and region.

A rule's target may be the bus of another account or region if the role of the target may put events there and the
bus's policy lets that role or its account. The event stays what it was: its account and region are those where it
happened. It is not sent on from there (Docs: Sending and receiving events between AWS accounts, note on a third
account; between event buses in the same account, note on a third bus).
"""

# ruff: noqa: SLF001 - private names are what this package is for

import json
import logging
from collections.abc import Mapping
from typing import Any

from ministack.core import iam_evaluator, responses
from ministack.services import eventbridge, iam

from modelward.local.ministack import Response, access, in_scope, scope
from modelward.local.ministack.evaluation import Asked, Rights, judge

logger = logging.getLogger(__name__)

_SERVICE = "events.amazonaws.com"


def reach_other_accounts() -> None:
    """Let rules send events to the buses of other accounts and regions that permit it."""
    eventbridge._dispatch_to_event_bus = _forward
    original = eventbridge._put_permission

    def put_permission(data: dict[str, Any]) -> Response:
        bus = data.get("EventBusName", "default")
        if data.get("Policy"):
            return _put_policy(bus, data["Policy"])
        answer: Response = original(data)
        _spell(eventbridge._event_bus_policies[bus]["Statement"][-1])
        return answer

    eventbridge._put_permission = put_permission


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
    name = role_arn.rpartition("/")[2]
    role = iam._roles.get_scoped(account, None, name)
    if role is None or role["Arn"] != role_arn or not _trusts(role, account):
        return None
    return access.role_rights(role_arn, "events")


def _trusts(role: Mapping[str, Any], account: str) -> bool:
    context = iam_evaluator.EvalContext(
        principal_arn=_SERVICE,
        principal_type="Service",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn=role["Arn"],
        region="",
    )
    trust = iam_evaluator.evaluate_resource_policy(role["AssumeRolePolicyDocument"], context, service=_SERVICE)
    return bool(trust.decision == "Allow")
