"""Carry an event to the rules of moto's default event bus.

moto's own PutEvents fails as a whole when a rule has a target that it cannot serve, and leaves `account`
and `resources` to chance; so the rules are asked one by one, each with the targets that moto does serve.
"""

import copy
import json
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from moto.events.models import Rule, events_backends
from moto.events.utils import EventMessageType

from modelward.local.sagemaker.scope import Event

_SERVED = ("sqs", "logs", "events")


def deliver(event: Event) -> None:
    """Send an event to each matching rule of the default bus of its account and region."""
    message = _message(event)
    for rule in _rules(event["account"], event["region"]):
        if rule.state == "ENABLED":
            for target in rule.targets:
                _send(rule, target, message)


def _rules(account: str, region: str) -> list[Rule]:
    """Return the rules of a default bus; asking for one that nobody has used must not make it."""
    known = {(each_account, each_region) for each_account, each_region, _ in events_backends.iter_backends()}
    if (account, region) not in known:
        return []
    return list(events_backends[account][region].event_buses["default"].rules.values())


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


def _send(rule: Rule, target: dict[str, Any], message: EventMessageType) -> None:
    if target["Arn"].split(":")[2] in _SERVED:
        alone = copy.copy(rule)
        alone.targets = [target]
        # Without a transformer moto need not parse one, for which it wants an extra package.
        alone.send_to_targets(message, transform_input="InputTransformer" in target)
