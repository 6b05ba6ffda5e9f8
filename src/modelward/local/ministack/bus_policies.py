"""AWS::Events::EventBusPolicy, which MiniStack's CloudFormation does not have: one statement of a bus's policy."""

# ruff: noqa: SLF001 - private names are what this package is for

from collections.abc import Mapping
from typing import Any

from ministack.services import eventbridge

from modelward.local.ministack import scope
from modelward.local.ministack.templates import Created, ResourceType

Properties = Mapping[str, Any]


def resource_types() -> Mapping[str, ResourceType]:
    """Return the type by its name."""
    return {"AWS::Events::EventBusPolicy": ResourceType(_create, _update, _delete)}


def _create(_logical_id: str, properties: Properties) -> Created:
    bus, name = _bus(properties), properties["StatementId"]
    statements = _statements(bus)
    if any(statement.get("Sid") == name for statement in statements):
        raise ValueError(f"{name} already exists in the policy of the event bus {bus}")
    _keep(bus, [*statements, _statement(bus, properties)])
    return f"{bus}|{name}", {}


def _update(physical_id: str, _old: Properties, new: Properties) -> Created:
    bus, name = _bus(new), new["StatementId"]
    if physical_id != f"{bus}|{name}":
        return _create("", new)
    changed = _statement(bus, new)
    _keep(bus, [changed if each.get("Sid") == name else each for each in _statements(bus)])
    return physical_id, {}


def _delete(physical_id: str, _properties: Properties) -> None:
    bus, _, name = physical_id.partition("|")
    _keep(bus, [each for each in _statements(bus) if each.get("Sid") != name])


def _bus(properties: Properties) -> str:
    """Return the name of the bus, or refuse one that is not there."""
    name: str = properties.get("EventBusName") or "default"
    eventbridge._ensure_default_bus()
    if name not in eventbridge._event_buses:
        raise ValueError(f"Event bus {name} does not exist. (Service: EventBridge, ResourceNotFoundException)")
    return name


def _statement(bus: str, properties: Properties) -> dict[str, Any]:
    given = properties.get("Statement")
    if given:
        return {**given, "Sid": properties["StatementId"]}
    condition = properties.get("Condition")
    principal = properties["Principal"]
    account, region = scope()
    return {
        "Sid": properties["StatementId"],
        "Effect": "Allow",
        "Principal": principal if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
        "Action": properties["Action"],
        "Resource": f"arn:aws:events:{region}:{account}:event-bus/{bus}",
        **({"Condition": {condition["Type"]: {condition["Key"]: condition["Value"]}}} if condition else {}),
    }


def _statements(bus: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (eventbridge._event_bus_policies.get(bus) or {}).get("Statement", [])
    return found


def _keep(bus: str, statements: list[dict[str, Any]]) -> None:
    if statements:
        eventbridge._event_bus_policies[bus] = {"Version": "2012-10-17", "Statement": statements}
    else:
        eventbridge._event_bus_policies.pop(bus, None)
