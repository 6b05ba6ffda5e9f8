"""Events of AWS services on the buses of their accounts."""

# ruff: noqa: SLF001 - private names are what this package is for

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import eventbridge

from modelward.local.ministack import in_scope


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
