"""Who may do what with a resource, where MiniStack does not ask: table policies, services, roles of functions.

The policies of event buses and of other accounts' keys are found here, too.
"""

# ruff: noqa: SLF001 - private names are what this package is for

import json
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar

from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb, eventbridge, kms

from modelward.local.ministack import access, in_scope, scope
from modelward.local.ministack.evaluation import Asked, judge

_ENCRYPTING = ("kms:GenerateDataKey", "kms:Decrypt")  # what a producer needs of the key of a queue or topic


def call_by_tls() -> None:
    """Let what services do by themselves, outside of a request, count as done by TLS: policies may demand it."""
    # Its conditions read this variable; the default, for lack of a request, is "not by TLS".
    iam_evaluator._request_origin = ContextVar("modelward_request_origin", default=("127.0.0.1", True))


def heed_resource_policies() -> None:
    """Let the resource policies of tables, event buses and other accounts' keys decide with those of the caller."""
    original = iam_evaluator._resource_policy

    def found(service: str, resource_arn: str) -> tuple[str, str] | None:
        if service in _POLICIES:
            return _POLICIES[service](resource_arn)
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


def _bus_policy(arn: str) -> tuple[str, str] | None:
    """Return the policy of an event bus and its account; an empty one of another account's bus without policy."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or not parts[5].startswith("event-bus/"):
        return None
    name = parts[5].removeprefix("event-bus/")
    kept = eventbridge._event_bus_policies.get_scoped(parts[4], parts[3], name)
    return (json.dumps(kept) if kept else "", parts[4])


def _key_policy(arn: str) -> tuple[str, str] | None:
    """Return the policy of a key and its account; an empty one of another account's key that is not there."""
    parts = arn.split(":", 5)
    account, region = (parts[4], parts[3]) if len(parts) == 6 else scope()
    with in_scope(account, region):
        found = kms._resolve_key(arn)
    if found:
        return str(found.get("Policy") or ""), account
    return None if account == scope()[0] else ("", account)


_POLICIES: Mapping[str, Callable[[str], tuple[str, str] | None]] = {
    "dynamodb": _table_policy,
    "events": _bus_policy,
    "kms": _key_policy,
}


def authorise_each_statement() -> None:
    """Let PartiQL ask leave for what each statement does to its table, as AWS does; its calls are no IAM actions."""
    original = iam_actions.dynamodb_transaction_checks

    def checks(action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
        root = f"arn:aws:dynamodb:{region}:{account}:table/"
        found = [_STATEMENT.match(each) for each in _statements(action, body)]
        asked = [(_verb(match[0]), root + match["table"]) for match in found if match]
        answer: list[tuple[str, str]] = asked or original(action, body, region, account)
        return answer

    iam_actions.dynamodb_transaction_checks = checks


_STATEMENT = re.compile(
    r'\s*(UPDATE|(SELECT|INSERT|DELETE)\b.*?\b(FROM|INTO))\s+"?(?P<table>[\w.-]+)', re.IGNORECASE | re.DOTALL
)


def _verb(statement: str) -> str:
    return f"dynamodb:PartiQL{statement.split(maxsplit=1)[0].capitalize()}"


def _statements(action: str, body: bytes) -> list[str]:
    call = action.partition(":")[2]
    if call not in ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"):
        return []
    request = json.loads(body or b"{}")
    many = request.get("Statements") or request.get("TransactStatements") or [request]
    return [str(each.get("Statement", "")) for each in many]


def service_may(service: str, action: str, resource_arn: str, source_arn: str) -> bool:
    """Tell whether a resource's own policy lets an AWS service do something on behalf of another resource.

    Args:
        service: its principal, such as ``events.amazonaws.com``.
        action: for instance ``sqs:SendMessage``.
        resource_arn: the resource that has the policy.
        source_arn: for whom the service acts, such as a rule.
    """
    keys = {
        "aws:sourcearn": source_arn,
        "aws:sourceaccount": source_arn.split(":")[4],
        "aws:principalisawsservice": "true",
        "aws:principalservicename": service,
    }
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource_arn,
        region=scope()[1],
        service_context=keys,
    )
    found = iam_evaluator._resource_policy(action.partition(":")[0], resource_arn)
    if found is None:
        return False
    decision: str = iam_evaluator.evaluate_resource_policy(found[0], context, service=service).decision
    return decision == "Allow"


def service_may_encrypt(service: str, key_id: str, source_arn: str) -> bool:
    """Tell whether an AWS service may write what is encrypted with a key; the policies of AWS's keys name nobody."""
    arn = key_arn(key_id)
    return arn is not None and all(service_may(service, action, arn, source_arn) for action in _ENCRYPTING)


def key_arn(key_id: str) -> str | None:
    """Return the ARN of a customer's key, by its id or alias in this account or by its ARN; None for AWS's own."""
    parts = key_id.split(":", 5)
    account, region = (parts[4], parts[3]) if len(parts) == 6 else scope()
    with in_scope(account, region):
        found = kms._resolve_key(key_id)
    is_gone = found is None and len(parts) == 6 and parts[5].startswith("key/")
    return key_id if is_gone else found and found["Arn"]


def key_policy(arn: str) -> str | None:
    """Return the policy of a customer's key; None if there is no such key."""
    found = iam_evaluator._resource_policy("kms", arn)
    return found and str(found[0])


def role_may(role_arn: str, action: str, resource_arn: str) -> bool:
    """Tell whether a role may do something, by its policies, its boundary and the resource's own policy."""
    found = iam_evaluator._resource_policy(action.partition(":")[0], resource_arn)
    asked = Asked(action, resource_arn, scope()[1], {})
    return judge(access.role_rights(role_arn, "lambda"), asked, found and found[0]) is None
