"""Carry an event to the rules of moto's default event bus.

moto's own PutEvents fails as a whole when a rule has a target that it cannot serve, and leaves `account`
and `resources` to chance; so the rules are asked one by one, each with the targets that moto does serve.
A bus of another account or region must permit it by its policy, and sends nothing on, as on AWS.
"""

import copy
import json
import re
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from moto.events.models import EventBus, Rule, events_backends
from moto.events.utils import EventMessageType

from modelward.local.sagemaker.scope import Event

_SERVED = ("sqs", "logs", "events")
_BUS = re.compile(r"arn:[a-z-]+:events:([^:]+):(\d{12}):event-bus/(.+)")


def deliver(event: Event) -> None:
    """Send an event to each matching rule of the default bus of its account and region."""
    bus = _bus(event["account"], event["region"], "default")
    if bus and bus.rules:
        _offer(bus, _message(event), is_forwarded=False)


def _offer(bus: EventBus, message: EventMessageType, *, is_forwarded: bool) -> None:
    for rule in list(bus.rules.values()):
        if rule.state == "ENABLED" and rule.event_pattern.matches_event(message):
            for target in rule.targets:
                _send(rule, target, message, is_forwarded=is_forwarded)


def _bus(account: str, region: str, name: str) -> EventBus | None:
    """Return a bus; asking for one that nobody has used must not make it."""
    known = {(each_account, each_region) for each_account, each_region, _ in events_backends.iter_backends()}
    return events_backends[account][region].event_buses.get(name) if (account, region) in known else None


def _message(event: Event) -> EventMessageType:
    text = json.dumps(event["detail"], sort_keys=True)
    return {
        "version": "0",
        "id": str(uuid5(NAMESPACE_URL, f"{event['resources']}{event['time']}{text}")),
        "detail-type": event["detail-type"],
        "source": event["source"],
        "account": event["account"],
        "time": event["time"].timestamp(),  # moto writes it out
        "region": event["region"],
        "resources": event["resources"],
        "detail": json.loads(text),
    }


def _send(rule: Rule, target: dict[str, Any], message: EventMessageType, *, is_forwarded: bool) -> None:
    other = _BUS.fullmatch(target["Arn"])
    if other:
        bus = _bus(other[2], other[1], other[3])
        if bus and not is_forwarded and _permits(bus, rule, target.get("RoleArn", "")):
            _offer(bus, message, is_forwarded=True)
    elif target["Arn"].split(":")[2] in _SERVED:
        alone = copy.copy(rule)
        alone.targets = [target]
        # Without a transformer moto need not parse one, for which it wants an extra package.
        alone.send_to_targets(message, transform_input="InputTransformer" in target)


def _permits(bus: EventBus, rule: Rule, role_arn: str) -> bool:
    """Tell whether a bus takes events of a rule: those of its own account and region, and by its policy."""
    if (bus.account_id, bus.region) == (rule.account_id, rule.region_name):
        return True
    from modelward.local.ministack.evaluation import Asked, Rights, everything, judge

    who = f"arn:aws:iam::{rule.account_id}:root"
    if role_arn:
        who = f"arn:aws:sts::{rule.account_id}:assumed-role/{role_arn.rpartition('/')[2]}/events"
    sender = Rights(who, "AssumedRole", rule.account_id, everything())
    asked = Asked("events:PutEvents", bus.arn, rule.region_name, {"aws:SourceArn": rule.arn})
    return judge(sender, asked, bus.policy) is None
