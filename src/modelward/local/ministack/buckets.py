"""Buckets of other accounts, whose policies MiniStack asks about the caller's account only and not about the caller."""

# ruff: noqa: SLF001 - private names are what this package is for

from typing import Any

from ministack.core import iam_actions
from ministack.services import s3

from modelward.local.ministack import access, scope
from modelward.local.ministack.evaluation import Asked, Denial, resource_decision


def let_policies_name_identities() -> None:
    """Let a bucket's policy name a role or user of another account, and deny one."""
    original = s3._foreign_bucket_allows

    def allows(owner: str, bucket: str, key: str, method: str, query: Any, caller: str, headers: Any = None) -> bool:
        policy = s3._bucket_policies.get_scoped(owner, None, bucket)
        if not caller or not policy or s3._policy_is_public(policy):  # what is granted to everybody, MiniStack judges
            return bool(original(owner, bucket, key, method, query, caller, headers))
        return _decision(policy, f"{bucket}/{key}" if key else bucket, method, query, headers) == "Allow"

    s3._foreign_bucket_allows = allows


def _decision(policy: str, path: str, method: str, query: Any, headers: Any) -> str:
    rights = access.caller_rights()
    if isinstance(rights, Denial):
        return "Deny"
    action = f"s3:{iam_actions._s3_action(method, f'/{path}', query)}"
    context = iam_actions.s3_service_context(action, query, f"/{path}", headers or {})
    return resource_decision(rights, Asked(action, f"arn:aws:s3:::{path}", scope()[1], context), policy)
