"""Customers' keys: who reads or writes what S3, SQS or SNS encrypt with one must be allowed to use it.

MiniStack asks for leave to use a bucket, a queue or a topic, but not for their keys. Its services look up, by these
names, how an object is encrypted and which queue or topic is meant; there the caller is asked for the key, too.
"""

# ruff: noqa: SLF001 - private names are what this package is for

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import s3, sns, sqs

from modelward.local.ministack import Response, access, policies, scope
from modelward.local.ministack.evaluation import Asked, Denial, judge

_DECRYPT, _GENERATE = "kms:Decrypt", "kms:GenerateDataKey"
_USES = {"sqs:SendMessage": (_GENERATE, _DECRYPT), "sqs:ReceiveMessage": (_DECRYPT,)}
_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"

# HeadObject tells what is not encrypted, unless it is to tell the checksum.
_is_about_metadata: ContextVar[bool] = ContextVar("modelward_is_about_metadata", default=False)


def demand_grants() -> None:
    """Ask each caller of S3, SQS and SNS for the rights on keys that AWS asks for."""
    _for_objects()
    _for_queues()
    _for_topics()


def _refusal(service: str, key_id: str | None, *actions: str) -> str:
    """Say which of these the caller of this request may not do with a key; nothing if all, or if it is AWS's key."""
    arn = policies.key_arn(key_id) if key_id else None
    is_known = iam_evaluator._verified_key.get() or iam_evaluator._anonymous.get()
    if arn is None or not (is_known or access.caller_account() != arn.split(":")[4]):
        return ""  # it is the root of the key's account, or, without a request, MiniStack that calls
    caller = access.caller_rights()
    if isinstance(caller, Denial):
        return caller.message
    region = scope()[1]
    context = {"kms:ViaService": f"{service}.{region}.amazonaws.com", "kms:CallerAccount": caller.account}
    found = iam_evaluator._resource_policy("kms", arn)
    denials = (judge(caller, Asked(action, arn, region, context), found and found[0]) for action in actions)
    denied = next(filter(None, denials), None)
    return denied.message if denied else ""


def _for_objects() -> None:
    write, read, head = s3._resolve_sse_write_headers, s3._check_sse_read_headers, s3._head_object
    copy, part = s3._check_sse_c_copy_source, s3._check_sse_c_part

    def checked_write(headers: Mapping[str, str], bucket: str) -> tuple[dict[str, str] | None, Response | None]:
        found, fault = write(_with_key(headers), bucket)
        fault = fault or _object_refusal((found or {}).get(_KEY_HEADER), _GENERATE)
        return (None, fault) if fault else (found, None)

    def checked_read(headers: Mapping[str, str], stored: Mapping[str, Any]) -> Response | None:
        needed = () if _is_about_metadata.get() else (_DECRYPT,)
        fault: Response | None = read(headers, stored) or _object_refusal(_key_of(stored), *needed)
        return fault

    def checked_copy(headers: Mapping[str, str], stored: Mapping[str, Any]) -> Response | None:
        fault: Response | None = copy(headers, stored) or _object_refusal(_key_of(stored), _DECRYPT)
        return fault

    def checked_part(headers: Mapping[str, str], upload: Mapping[str, Any]) -> Response | None:
        fault: Response | None = part(headers, upload) or _object_refusal(_key_of(upload), _GENERATE, _DECRYPT)
        return fault

    def told_head(bucket: str, key: str, headers: Mapping[str, str] | None = None, query: Any = None) -> Response:
        token = _is_about_metadata.set((headers or {}).get("x-amz-checksum-mode", "").upper() != "ENABLED")
        try:
            answer: Response = head(bucket, key, headers, query)
        finally:
            _is_about_metadata.reset(token)
        return answer

    s3._resolve_sse_write_headers, s3._check_sse_read_headers, s3._head_object = checked_write, checked_read, told_head
    s3._check_sse_c_copy_source, s3._check_sse_c_part = checked_copy, checked_part


def _with_key(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Name AWS's own key where ``aws:kms`` stands without one; MiniStack would refuse that."""
    if headers.get("x-amz-server-side-encryption") != "aws:kms" or headers.get(_KEY_HEADER):
        return headers
    account, region = scope()
    return {**headers, _KEY_HEADER: f"arn:aws:kms:{region}:{account}:alias/aws/s3"}


def _key_of(stored: Mapping[str, Any]) -> str | None:
    key: str | None = stored.get("preserved_headers", {}).get(_KEY_HEADER)
    return key


def _object_refusal(key_id: str | None, *actions: str) -> Response | None:
    refusal = _refusal("s3", key_id, *actions)
    fault: Response | None = s3._error("AccessDenied", refusal, 403) if refusal else None
    return fault


def _for_queues() -> None:
    original = sqs._get_q

    def found(url: str, action: str | None = None) -> dict[str, Any]:
        queue: dict[str, Any] = original(url, action)
        refusal = _refusal("sqs", queue["attributes"].get("KmsMasterKeyId"), *_USES.get(action or "", ()))
        if refusal:
            raise sqs._Err("KmsAccessDenied", refusal)
        return queue

    sqs._get_q = found


def _for_topics() -> None:
    original = sns._get_topic

    def found(arn: str, action: str | None = None) -> tuple[dict[str, Any] | None, Response | None]:
        topic, fault = original(arn, action)
        key = topic["attributes"].get("KmsMasterKeyId") if topic and action == "sns:Publish" else None
        refusal = _refusal("sns", key, _GENERATE, _DECRYPT)
        return (None, sns._error("KMSAccessDenied", refusal, 400)) if refusal else (topic, fault)

    sns._get_topic = found
