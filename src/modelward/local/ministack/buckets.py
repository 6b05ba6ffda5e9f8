"""Buckets of other accounts: who owns them, and policies that MiniStack asks about the caller's account only."""

# ruff: noqa: SLF001 - private names are what this package is for

from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import s3

from modelward.local.ministack import access, scope
from modelward.local.ministack.evaluation import Asked, Denial, resource_decision

_OWNER_KEYS = ("aws:resourceaccount", "s3:resourceaccount")
_BUCKET_ARN = "arn:aws:s3:::"


def know_owners() -> None:
    """Let aws:ResourceAccount of a bucket be its owner's; its ARN does not tell, and MiniStack takes the caller's."""
    original = iam_evaluator._resolve_condition_key

    def resolve(key: str, context: iam_evaluator.EvalContext) -> Any:
        if key.lower() in _OWNER_KEYS and context.resource_arn.startswith(_BUCKET_ARN):
            name = context.resource_arn.removeprefix(_BUCKET_ARN).partition("/")[0]
            return s3._bucket_owner_account(name) or context.principal_account
        return original(key, context)

    iam_evaluator._resolve_condition_key = resolve


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
    return resource_decision(rights, Asked(action, f"{_BUCKET_ARN}{path}", scope()[1], context), policy)
