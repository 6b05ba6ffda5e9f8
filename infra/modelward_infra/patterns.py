"""Event patterns: which changes of model versions, endpoints and alarms a rule is for.

SageMaker sends one event for each change of a version, with the whole version in it, so an event that says `Approved`
need not be about an approval. `UpdatedModelPackageFields` tells what has changed, and is missing when the version is
new; the patterns ask for it, so a stamp on an approved version wakes nobody twice.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_events as events

from modelward.core.names import ALARM_CHANGED
from modelward_infra.arns import both_cases

# EventBridge's quota for a pattern is 2,048 characters. Beyond it the names are left out.
_DETAIL_CHARS = 1_800
_NEW = {"exists": False}
_ANY = {"exists": True}


def changed(names: Sequence[str]) -> events.EventPattern:
    """Match each change of a version, edits of its metadata too."""
    return _version(names, {})


def registered(names: Sequence[str]) -> events.EventPattern:
    """Match new versions."""
    return _version(names, {"UpdatedModelPackageFields": [_NEW]})


def judged(names: Sequence[str], status: str) -> events.EventPattern:
    """Match a verdict, also one that a version is registered with."""
    fields = {"UpdatedModelPackageFields": ["ModelApprovalStatus", _NEW], "ModelApprovalStatus": [status]}
    return _version(names, fields)


def staged(names: Sequence[str], stage: str | None, stage_status: str | None) -> events.EventPattern:
    """Match a new life cycle, also one that a version is registered with; None stands for any."""
    life_cycle = {"Stage": [stage or _ANY], **({"StageStatus": [stage_status]} if stage_status else {})}
    return _version(names, {"UpdatedModelPackageFields": ["ModelLifeCycle", _NEW], "ModelLifeCycle": life_cycle})


def endpoints(names: Sequence[str]) -> events.EventPattern:
    """Match each change of state of an endpoint."""
    return _render("SageMaker Endpoint State Change", {"EndpointName": both_cases(names)}, {})


def alarms(names: Sequence[str]) -> events.EventPattern:
    """Match alarms of these names that go off; where the names are too many, all alarms that do."""
    off = {"state": {"value": ["ALARM"]}}
    return _render(ALARM_CHANGED, {"alarmName": [*names]}, off, source="aws.cloudwatch")


def _version(names: Sequence[str], fields: Mapping[str, Any]) -> events.EventPattern:
    # No group has the empty name: a rule for no groups matches nobody's versions, instead of everybody's.
    groups = {"ModelPackageGroupName": both_cases(names) or [""]}
    return _render("SageMaker Model Package State Change", groups, fields)


def _render(
    kind: str, names: Mapping[str, Any], fields: Mapping[str, Any], source: str = "aws.sagemaker"
) -> events.EventPattern:
    # The patterns tell capitals from small letters, and SageMaker may tell of a name in either.
    detail = {**names, **fields}
    if len(json.dumps(detail)) > _DETAIL_CHARS:
        detail = dict(fields)
    return events.EventPattern(source=[source], detail_type=[kind], detail=detail or None)
