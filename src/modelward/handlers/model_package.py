"""A version was registered, approved, moved or edited: review it."""

import json
from collections.abc import Mapping
from typing import Any

from modelward.core.arn import VersionArn
from modelward.handlers.shell import context, each, logger
from modelward.services.review import review


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Handle SQS records that carry "SageMaker Model Package State Change" events.

    Of an event only the version's ARN is believed; unversioned packages and other events have none and are dropped.
    """
    return each(event["Records"], lambda record: str(record["messageId"]), _handle)


def _handle(record: Mapping[str, Any]) -> None:
    event = json.loads(record["body"])
    arn = VersionArn.parse(_arn(event))
    model = context().declared(arn.group) if arn else None
    if arn is None or model is None:
        logger.info("ignored", extra={"detail_type": event.get("detail-type")})
        return
    entries = review(context(), model, arn.version)
    logger.info("reviewed", extra={"version": str(arn), "entries": [entry.kind.value for entry in entries]})


def _arn(event: Mapping[str, Any]) -> str:
    """Take the version's ARN from where any shape of the event has it."""
    detail = event.get("detail") or {}
    resources = event.get("resources") or [""]
    return str(detail.get("ModelPackageArn") or resources[0])
