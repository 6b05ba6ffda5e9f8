"""Policies of resources that MiniStack keeps and does not ask."""

# ruff: noqa: SLF001 - private names are what this package is for

from ministack.core import iam_evaluator
from ministack.services import dynamodb


def heed_table_policies() -> None:
    """Let the resource policies of DynamoDB tables decide, together with those of the caller."""
    original = iam_evaluator._resource_policy

    def found(service: str, resource_arn: str) -> tuple[str, str] | None:
        if service == "dynamodb":
            return _table_policy(resource_arn)
        answer: tuple[str, str] | None = original(service, resource_arn)
        return answer

    iam_evaluator._resource_policy = found


def _table_policy(arn: str) -> tuple[str, str] | None:
    """Return the policy of a table, or of the table of an index, and the account that owns it."""
    parts = arn.split(":")
    if len(parts) < 6 or "/stream/" in arn:
        return None
    table = arn.partition("/index/")[0]
    kept = dynamodb._resource_policies.get_scoped(parts[4], parts[3], table)
    return (kept["Policy"], parts[4]) if kept else None
