"""Source identities of sessions, which MiniStack lacks (Docs: Monitor and control actions taken with assumed roles).

An identity that somebody sets when assuming a role stays with the session and with those that it begets; both the
caller's policies and the role's trust policy must allow sts:SetSourceIdentity, and both see sts:SourceIdentity.
"""

# ruff: noqa: SLF001 - private names are what this package is for

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import ministack.app
from ministack.core import iam_evaluator, router
from ministack.services import sts

from modelward.local.ministack import Response, access

_KEY = re.compile(rb"<AccessKeyId>(\w+)</AccessKeyId>")
_END = b"</AssumeRoleResult>"

_asked: ContextVar[str] = ContextVar("modelward_source_identity", default="")


def keep_source_identities() -> None:
    """Let AssumeRole take a SourceIdentity and hand it on."""
    original_handler, original_trust = ministack.app.SERVICE_HANDLERS["sts"], iam_evaluator.evaluate_trust_policy

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Response:
        form = _form(body, query)
        held = access.source_identity(router.extract_access_key_id(headers, query))
        identity = form.get("SourceIdentity") or held
        if form.get("Action") != "AssumeRole" or not identity:
            untouched: Response = await original_handler(method, path, headers, body, query)
            return untouched
        if denial := _refused(headers, query, form["RoleArn"], identity, held):
            return denial
        token = _asked.set(identity)
        try:
            status, answered, xml = await original_handler(method, path, headers, body, query)
        finally:
            _asked.reset(token)
        return status, answered, _kept(xml, identity)

    def trusts(document: Any, caller_arn: str, context: Any = None) -> bool:
        if not _asked.get() or context is None:
            return bool(original_trust(document, caller_arn, context))
        known = replace(context, service_context={**context.service_context, "sts:sourceidentity": _asked.get()})
        setting = replace(known, action="sts:SetSourceIdentity")
        return bool(original_trust(document, caller_arn, known) and original_trust(document, caller_arn, setting))

    ministack.app.SERVICE_HANDLERS["sts"] = handle
    iam_evaluator.evaluate_trust_policy = trusts


def _form(body: bytes, query: Mapping[str, list[str]]) -> dict[str, str]:
    found = {**query, **parse_qs(body.decode(errors="replace"))}
    return {name: values[0] for name, values in found.items() if values}


def _refused(
    headers: Mapping[str, str], query: Mapping[str, list[str]], role: str, identity: str, held: str
) -> Response | None:
    action = "sts:SetSourceIdentity"
    denial = access.authorise(headers, query, action, role, {"sts:SourceIdentity": identity})
    if denial is None and held in {"", identity}:
        return None
    who = access.principal(headers, query).arn
    text = denial.message if denial else f"User: {who} is not authorized to perform: {action} on resource: {role}"
    refusal: Response = sts._error(403, "AccessDenied", escape(text), ns="sts")
    return refusal


def _kept(xml: bytes, identity: str) -> bytes:
    """Put the identity into the session that an answer tells of, and into the answer."""
    key = _KEY.search(xml)
    if key is None:
        return xml
    sts._sessions[key[1].decode()][access.SOURCE_IDENTITY] = identity
    return xml.replace(_END, f"<SourceIdentity>{escape(identity)}</SourceIdentity>".encode() + _END)
