"""Buckets of other accounts, whose policies MiniStack asks about the caller's account only and not about the caller."""

# ruff: noqa: SLF001 - private names are what this package is for

from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import s3

from modelward.local.ministack import scope


def let_policies_name_identities() -> None:
    """Let a bucket's policy name a role or user of another account, and deny one."""
    original = s3._foreign_bucket_allows

    def allows(owner: str, bucket: str, key: str, method: str, query: Any, caller: str, headers: Any = None) -> bool:
        decision = _decision(owner, bucket, key, method, query, caller) if caller else ""
        return decision != "Deny" and (
            decision == "Allow" or bool(original(owner, bucket, key, method, query, caller, headers))
        )

    s3._foreign_bucket_allows = allows


def _decision(owner: str, bucket: str, key: str, method: str, query: Any, caller: str) -> str:
    policy = s3._bucket_policies.get_scoped(owner, None, bucket)
    if not policy or s3._policy_is_public(policy):
        return ""  # what a policy grants to everybody, MiniStack judges
    path = f"{bucket}/{key}" if key else bucket
    context = iam_evaluator.EvalContext(
        principal_arn=iam_evaluator.caller_arn(),
        principal_type="",
        principal_account=caller,
        action=f"s3:{iam_actions._s3_action(method, f'/{path}', query)}",
        resource_arn=f"arn:aws:s3:::{path}",
        region=scope()[1],
        secure_transport=True,
    )
    decision: str = iam_evaluator.evaluate_resource_policy(policy, context).decision
    return decision
