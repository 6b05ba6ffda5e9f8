"""Groups that other accounts may use: whose ARN a request names, and what a resource policy must look like."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from modelward.local.sagemaker.errors import ApiError, invalid

_NAMING = ("ModelPackageGroupName", "ModelPackageName", "ModelPackageArn", "ResourceArn")
_SHARED = re.compile(r"arn:[a-z-]+:sagemaker:[a-z0-9-]*:(\d{12}):model-package(?:-group)?/", re.IGNORECASE)
_ACCOUNT = re.compile(r"(?:arn:aws[a-z-]*:iam::)?(\d{12})(?::root)?")
_IDENTITY = re.compile(
    r"arn:aws[a-z-]*:(?:iam::\d{12}:(?:user|role)/.+|sts::\d{12}:(?:assumed-role|federated-user)/.+)"
)
_KINDS = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})
_TO_SEE = "sagemaker:DescribeModelPackageGroup"


def owner_named(request: Mapping[str, Any]) -> str | None:
    """Return the account in the ARN of the group or package that a request is about; None if it names no such ARN."""
    for member in _NAMING:
        found = _SHARED.match(str(request.get(member, "")))
        if found:
            return found[1]
    return None


def owner_of(arn: str) -> str | None:
    """Return the account in the ARN of a group or package; None if it is something else."""
    return owner_named({"ResourceArn": arn})


def check_policy(text: str) -> None:
    """Refuse a text that is no resource policy."""
    for statement in _statements(text):
        if statement.get("Effect") not in {"Allow", "Deny"}:
            raise _malformed(f"Invalid Effect: {statement.get('Effect')}")
        for element in ("Action", "Resource"):
            if not ({element, f"Not{element}"} & statement.keys()):
                raise _malformed(f"Missing required field {element}")
        if "Principal" not in statement:  # who decides here does not know NotPrincipal, which would match nobody
            raise _malformed("Missing required field Principal")
        _check_principal(statement["Principal"])


def is_discoverable(policy: str | None, account: str) -> bool:
    """Tell whether an account finds a group in its list, as if its policy had been promoted to a share of AWS RAM.

    A policy cannot be promoted if it names a role or allows every action (Docs: Promote the permission and resource
    share).
    """
    allowing = [each for each in _statements(policy) if each.get("Effect") == "Allow"] if policy else []
    principals = [name for each in allowing for name in _names(each.get("Principal"))]
    if any(_ACCOUNT.fullmatch(name) is None for name in principals):
        return False
    actions = [_listed(each.get("Action")) for each in allowing]
    if any("*" in listed for listed in actions):
        return False
    return any(
        _TO_SEE in listed and any(account in name for name in _names(each.get("Principal")))
        for each, listed in zip(allowing, actions, strict=True)
    )


def _statements(text: str) -> Iterator[Mapping[str, Any]]:
    try:
        document = json.loads(text)
    except ValueError:
        raise _malformed("The policy is not valid JSON") from None
    found = document.get("Statement") if isinstance(document, dict) else None
    statements = found if isinstance(found, list) else [found]
    for statement in statements or [None]:
        if not isinstance(statement, dict):
            raise _malformed("Missing required field Statement")
        yield statement


def _check_principal(principal: Any) -> None:
    if isinstance(principal, dict) and not (principal and principal.keys() <= _KINDS):
        raise _malformed("Invalid principal in policy")
    names = list(_names(principal))
    if not isinstance(principal, dict) and names != ["*"]:
        raise _malformed("Invalid principal in policy")
    if any(name != "*" and not _ACCOUNT.fullmatch(name) and not _IDENTITY.fullmatch(name) for name in names):
        raise _malformed("Invalid principal in policy")
    if len({_ACCOUNT.sub(r"\1", name) for name in names}) < len(names):
        raise _malformed("Duplicate principal")


def _names(principal: Any) -> Iterator[str]:
    """Yield the accounts and identities of a principal; services are none."""
    given = principal.get("AWS") if isinstance(principal, dict) else principal
    yield from map(str, _listed(given))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _malformed(reason: str) -> ApiError:
    return invalid(f"Invalid policy provided: {reason}")
