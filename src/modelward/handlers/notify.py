"""An entry was added to the ledger: tell people."""

from collections.abc import Mapping
from typing import Any

from modelward.handlers.shell import context, each, logger
from modelward.services.notification import tell_item


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Handle records of the ledger's stream, in order.

    After one that failed nothing more is tried: Lambda sends all that follow it again anyway, and whoever had been
    told would be told twice.
    """
    return each(event["Records"], lambda record: str(record["dynamodb"]["SequenceNumber"]), _handle, is_ordered=True)


def _handle(record: Mapping[str, Any]) -> None:
    image = record["dynamodb"].get("NewImage")
    if not image:
        return  # a removal, which nobody has permission for; the stream would show it all the same
    is_told = tell_item(context(), image)
    logger.info("told" if is_told else "quiet", extra={"entry": image["entry"]["S"], "kind": image["kind"]["S"]})
