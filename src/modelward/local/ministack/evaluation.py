"""IAM's evaluation, by MiniStack's evaluator, on policies from wherever they are kept.

It loads nothing of MiniStack but the evaluator, which keeps no state and takes ten milliseconds, so that the front for
moto can use it, too.
"""

# ruff: noqa: SLF001 - private names are what this package is for

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext

_resolved = iam_evaluator._resolve_condition_key

# Of each document its statements.
Statements = list[list[iam_evaluator.ParsedStatement]]

BOUNDARY = "permissions boundary"
SESSION = "session policy"
_PRINCIPAL_ARN = "aws:principalarn"
_ARTICLES = {"identity-based policy": "an", BOUNDARY: "a", SESSION: "a", "resource-based policy": "a"}


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a request may not be served: AWS's error code and text."""

    code: str
    message: str
    is_explicit: bool  # by a Deny, or because the credentials do not hold: then no other resource helps


@dataclass(frozen=True, slots=True)
class Rights:
    """What IAM knows of a caller.

    `kind` is the value of aws:PrincipalType. `limits` narrow what is granted: the permissions boundary and the policies
    of the session, by the words with which AWS names them. `keys` are condition keys, in lower case.
    """

    arn: str
    kind: str
    account: str
    granted: Statements
    limits: Mapping[str, Statements] = field(default_factory=dict)
    keys: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to do: an action on a resource, with the request's condition keys."""

    action: str
    resource: str
    region: str
    context: Mapping[str, Any]


def role_of(arn: str) -> str:
    """Return the ARN of the role of a session, which does not tell the role's path; any other ARN as it is."""
    partition, account = arn.split(":")[1:5:3] if ":assumed-role/" in arn else ("", "")
    return f"arn:{partition}:iam::{account}:role/{arn.split('/')[1]}" if account else arn


def know_sessions_by_their_roles(role_of: Callable[[str], str] = role_of) -> None:
    """Let aws:PrincipalArn of a session be the ARN of its role, as on AWS; MiniStack's evaluator takes the session's.

    `role_of` gives the role of a session by ARN, for callers whose `keys` do not tell it.
    """

    def resolve(key: str, context: EvalContext) -> Any:
        if key.lower() != _PRINCIPAL_ARN:
            return _resolved(key, context)
        told = context.principal_keys.get(_PRINCIPAL_ARN)
        return told or role_of(context.principal_arn)

    iam_evaluator._resolve_condition_key = resolve


def parsed(documents: Iterable[str | Mapping[str, Any]]) -> Statements:
    """Read policy documents."""
    return [iam_evaluator.parse_policy_document(document) for document in documents]


def everything() -> Statements:
    """Return what the root of an account is granted."""
    return parsed([{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}])


def judge(rights: Rights, asked: Asked, policy: str | None = None) -> Denial | None:
    """Return why a caller may not do something; None if it may.

    `policy` is the resource's own. In the resource's account an Allow there or in the caller's policies suffices; from
    another account both must allow. A Deny anywhere denies.
    """
    context = _context(rights, asked)
    limits = list(rights.limits.values())
    owner = iam_evaluator._account_from_arn(asked.resource)
    own = iam_evaluator.evaluate(context, rights.granted, *limits)
    needs_both = asked.action.partition(":")[0] in iam_evaluator._POLICY_REQUIRED  # of keys, for one
    result = iam_evaluator.combine_resource_policy(own, context, policy, owner, required=needs_both, limits=limits)
    if result.decision == "Allow":
        return None
    is_explicit = result.decision == "Deny"
    who = f"User: {rights.arn} is not authorized to perform: {asked.action} on resource: {asked.resource} "
    return Denial("AccessDeniedException", who + _reason(rights, asked, context, is_explicit=is_explicit), is_explicit)


def resource_decision(rights: Rights, asked: Asked, policy: str) -> str:
    """Return what a resource's policy alone says: ``Allow``, ``Deny`` or ``ImplicitDeny``."""
    decision: str = iam_evaluator.evaluate_resource_policy(policy, _context(rights, asked)).decision
    return decision


def _context(rights: Rights, asked: Asked) -> EvalContext:
    context = {key.lower(): value for key, value in asked.context.items()}
    context.setdefault("aws:tagkeys", None)  # a request that names no tags has no such key
    return EvalContext(
        principal_arn=rights.arn,
        principal_type=rights.kind,
        principal_account=rights.account,
        action=asked.action,
        resource_arn=asked.resource,
        region=asked.region,
        secure_transport=True,
        service_context=context,
        principal_keys=dict(rights.keys),
    )


def _reason(rights: Rights, asked: Asked, context: EvalContext, *, is_explicit: bool) -> str:
    layers = {"identity-based policy": rights.granted, **rights.limits}
    decisions = {name: iam_evaluator.evaluate(context, layer).decision for name, layer in layers.items()}
    if is_explicit:
        name = next((name for name, each in decisions.items() if each == "Deny"), "resource-based policy")
        return f"with an explicit deny in {_ARTICLES[name]} {name}"
    name = next((name for name, each in decisions.items() if each != "Allow"), "resource-based policy")
    return f"because no {name} allows the {asked.action} action"
