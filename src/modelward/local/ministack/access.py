"""Callers, and what they may do."""

# ruff: noqa: SLF001 - private names are what this package is for

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import ministack.app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime, router
from ministack.services import iam, sts

from modelward.local.ministack import Response, evaluation, in_scope, scope
from modelward.local.ministack.evaluation import BOUNDARY, SESSION, Asked, Denial, Rights, everything, judge

SOURCE_IDENTITY = "SourceIdentity"  # where `sessions` keeps it in a session


@dataclass(frozen=True, slots=True)
class Principal:
    """Who signed a request."""

    arn: str
    principal_id: str
    account: str
    source_identity: str


def principal(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> Principal:
    """Return who signed a request that MiniStack has authenticated."""
    account, _ = scope()
    key = router.extract_access_key_id(headers, query)
    found = iam_evaluator.resolve_credential(key, account)
    if isinstance(found, iam_evaluator.CredentialResolutionError):
        return Principal(f"arn:aws:iam::{account}:root", account, account, "")
    return Principal(found.principal_arn, found.principal_id, found.account_id, source_identity(key))


def source_identity(key: str) -> str:
    """Return the source identity of a session by its access key; empty if it has none."""
    return str(sts._sessions.get(key, {}).get(SOURCE_IDENTITY, ""))


def rights(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> Rights | Denial:
    """Return what the signer of a request may do, or why the credentials do not hold."""
    account, _ = scope()
    return rights_of(router.extract_access_key_id(headers, query), account)


def caller_rights() -> Rights | Denial:
    """Return what the caller may do for whom a service works, also where it works for another account by now."""
    key, account = iam_evaluator._verified_key.get(), caller_account()
    if not key and not iam_evaluator._anonymous.get():  # a root, whose keys MiniStack does not verify
        return Rights(f"arn:aws:iam::{account}:root", "Account", account, everything())
    with in_scope(account, scope()[1]):  # where the policies of its users are kept
        return rights_of(key, account)


def caller_account() -> str:
    """Return the account of the caller for whom a service works."""
    return str(iam_evaluator._account_from_arn(iam_evaluator.caller_arn()))


def rights_of(key: str, account: str) -> Rights | Denial:
    """Return what the holder of an access key of an account may do, or why the key does not hold."""
    if not key:
        return Denial("MissingAuthenticationTokenException", "Missing Authentication Token", is_explicit=True)
    found = iam_evaluator.resolve_principal(key, account)
    if isinstance(found, iam_evaluator.AuthError):
        return Denial(found.code, found.message, is_explicit=True)
    session = sts._sessions.get(key, {})
    # The evaluator gives the boundary first, and tells them apart by nothing.
    names = [SESSION] if len(found.limits) == 1 and session.get("SessionPolicies") else [BOUNDARY, SESSION]
    keys = {**found.keys, "aws:sourceidentity": source_identity(key) or None}
    granted = everything() if found.policies is None else found.policies
    limits = dict(zip(names, found.limits, strict=False))
    return Rights(found.arn, found.type, found.account, granted, limits, keys)


def role_rights(role_arn: str, session: str) -> Rights:
    """Return what an AWS service may do as a role that trusts it, in a session of that name."""
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    boundary = iam_evaluator._permissions_boundary(iam._roles, name, account)
    limits = {BOUNDARY: boundary[0]} if boundary else {}
    arn = f"arn:aws:sts::{account}:assumed-role/{name}/{session}"
    tags = (iam._roles.get_scoped(account, None, name) or {}).get("Tags") or ()
    keys = {f"aws:principaltag/{tag['Key'].lower()}": tag["Value"] for tag in tags}
    return Rights(arn, "AssumedRole", account, iam_evaluator._gather_role_policies(name, account), limits, keys)


def role_of(arn: str) -> str:
    """Return the ARN of the role of a session, with the role's path; any other ARN as it is."""
    pathless = evaluation.role_of(arn)
    role = iam._roles.get_scoped(pathless.split(":")[4], None, pathless.rpartition("/")[2]) if pathless != arn else None
    return str(role["Arn"]) if role else pathless


def service_may_assume(service: str, role_arn: str, source_arn: str = "") -> bool:
    """Tell whether a role is there and trusts an AWS service, which acts for a resource of the role's account."""
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    role = iam._roles.get_scoped(account, None, name)
    if role is None or role["Arn"] != role_arn:
        return False
    context = iam_evaluator.EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region="",
        service_context={"aws:sourceaccount": account, "aws:sourcearn": source_arn or None},
    )
    trust = iam_evaluator.evaluate_resource_policy(role["AssumeRolePolicyDocument"], context, service=service)
    return bool(trust.decision == "Allow")


def authorise(
    headers: Mapping[str, str],
    query: Mapping[str, list[str]],
    action: str,
    resource: str,
    context: Mapping[str, Any],
) -> Denial | None:
    """Tell why the signer of a request may not do `action` on `resource`; None if they may."""
    held = rights(headers, query)
    if isinstance(held, Denial):
        return held
    return judge(held, Asked(action, resource, scope()[1], context))


def authorise_each_parameter() -> None:
    """Let SSM's GetParameters ask leave for each parameter that it names, as AWS does, instead of for all there are."""
    original_arn, original_handler = iam_actions.extract_resource_arn, ministack.app.SERVICE_HANDLERS["ssm"]

    def first_arn(service: str, *rest: Any) -> str:
        _method, _path, headers, body = rest[:4]
        arns = _parameter_arns(headers, body) if service == "ssm" else []
        return arns[0] if arns else original_arn(service, *rest)

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Response:
        for arn in _parameter_arns(headers, body)[1:]:
            denial = authorise(headers, query, "ssm:GetParameters", arn, {})
            if denial is not None:
                answer = json.dumps({"__type": denial.code, "Message": denial.message})
                return 400, {"Content-Type": "application/x-amz-json-1.1"}, answer.encode()
        served: Response = await original_handler(method, path, headers, body, query)
        return served

    iam_actions.extract_resource_arn = first_arn
    ministack.app.SERVICE_HANDLERS["ssm"] = handle


def authorise_batches() -> None:
    """Let SQS's batches ask leave for the action of one message: IAM knows no `sqs:SendMessageBatch` and its like."""
    original = iam_actions.extract_iam_action

    def action(service: str, *rest: Any) -> str | None:
        found: str | None = original(service, *rest)
        return found.removesuffix("Batch") if found and service == "sqs" else found

    iam_actions.extract_iam_action = action


def try_roles_with_conditions() -> None:
    """Let SimulatePrincipalPolicy heed the condition keys that it is given, and the role's boundary, as AWS does."""
    original, original_arn = iam._IAM_HANDLERS["SimulatePrincipalPolicy"], iam_actions.extract_resource_arn

    def tried_arn(service: str, *rest: Any) -> str:
        """Name the role that is tried: who may try one need not be allowed to try all."""
        tried = parse_qs(rest[3].decode()).get("PolicySourceArn") if service == "iam" and rest[3] else None
        return tried[0] if tried else str(original_arn(service, *rest))

    def simulate(params: Any) -> Response:
        source = iam._p(params, "PolicySourceArn")
        account, name = scope()[0], source.rpartition("/")[2]
        if ":role/" not in source or iam._roles.get_scoped(account, None, name) is None:
            served: Response = original(params)
            return served
        held, context = role_rights(source, "simulated"), _context_entries(params)
        actions, resource = iam._extract_simulate_params(params)
        found = "".join(_evaluated(held, Asked(action, resource, scope()[1], context)) for action in actions)
        body = f"<EvaluationResults>{found}</EvaluationResults><IsTruncated>false</IsTruncated>"
        result = f"<SimulatePrincipalPolicyResult>{body}</SimulatePrincipalPolicyResult>"
        answer: Response = iam._xml(200, "SimulatePrincipalPolicyResponse", result, ns="iam")
        return answer

    iam_actions.extract_resource_arn = tried_arn
    iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = simulate


def _context_entries(params: Any) -> dict[str, str]:
    entries = (f"ContextEntries.member.{number}" for number in count(1))
    given = takewhile(lambda entry: iam._p(params, f"{entry}.ContextKeyName"), entries)
    return {
        iam._p(params, f"{entry}.ContextKeyName"): iam._p(params, f"{entry}.ContextKeyValues.member.1")
        for entry in given
    }


def _evaluated(held: Rights, asked: Asked) -> str:
    denial = judge(held, asked)
    decision = "allowed" if denial is None else "explicitDeny" if denial.is_explicit else "implicitDeny"
    return (
        f"<member><EvalActionName>{escape(asked.action)}</EvalActionName>"
        f"<EvalResourceName>{escape(asked.resource)}</EvalResourceName><EvalDecision>{decision}</EvalDecision></member>"
    )


def _parameter_arns(headers: Mapping[str, str], body: bytes) -> list[str]:
    if headers.get("x-amz-target", "") != "AmazonSSM.GetParameters":
        return []
    account, region = scope()
    return [
        name if name.startswith("arn:") else f"arn:aws:ssm:{region}:{account}:parameter/{name.removeprefix('/')}"
        for name in json.loads(body or b"{}").get("Names", [])
    ]


def role_credentials(role_arn: str) -> tuple[str, str, str]:
    """Return key, secret and token of a session that SageMaker holds as a model's execution role."""
    account = role_arn.split(":")[4]
    function = f"arn:aws:lambda:us-east-1:{account}:function:SageMaker"
    config = {"Role": role_arn, "FunctionArn": function, "FunctionName": "SageMaker"}
    found = lambda_runtime.execution_credentials(config)
    return found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"], found["AWS_SESSION_TOKEN"]
