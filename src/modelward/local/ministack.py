"""All that Modelward knows of MiniStack's inside: each private name of MiniStack 1.5.33 that it uses stands here.

MiniStack has no plug-in interface, so the local SageMaker is put beside its services by these names. The version is
pinned and `tests/unit/local_hosting/test_ministack_names.py` fails for each name that goes away or changes its
meaning. Everything above this file sees plain functions: `serve_as`, `emit`, `authorise`, `add_resource_types`,
`authorise_each_parameter`, `run_python_functions_with`, `read_streams_properly`, `asgi`.

MiniStack keeps its state in modules and reads its settings when it is imported, so one process runs one MiniStack, and
`up` sets the environment of the process in which `server` imports this module.
"""

# ruff: noqa: SLF001 - private names are what this file is for

import json
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import ministack.app
import ministack.core.hypercorn_compat
from ministack.core import concurrency, iam_actions, iam_evaluator, lambda_runtime, responses, router
from ministack.services import dynamodb, eventbridge, lambda_svc, sqs

from modelward.local.streams import Cursor, Rules, after

Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], Awaitable[Response]]

VERSION = "1.5.33"


def asgi() -> Any:
    """Return MiniStack as an ASGI application, which takes each request for one that came by TLS.

    Policies as the CDK's `enforce_ssl` writes them refuse all others, and the loopback interface needs no TLS.
    """
    ministack.core.hypercorn_compat.install()  # without it, boto3's 100-continue handshake fails

    async def secured(scope: Any, receive: Any, send: Any) -> None:
        is_http = scope["type"] == "http"
        await ministack.app.app({**scope, "scheme": "https"} if is_http else scope, receive, send)

    return secured


def serve_as(service: str, handler: Handler) -> None:
    """Answer the requests that are signed for `service` with `handler`."""
    ministack.app.SERVICE_HANDLERS[service] = handler
    # A service that the router does not know makes it read all of botocore's models first: three seconds.
    router.SERVICE_PATTERNS[service] = {}


def scope() -> tuple[str, str]:
    """Return the account id and the region of the request that is being served."""
    return responses.get_account_id(), responses.get_region()


def in_scope(account: str, region: str) -> AbstractContextManager[None]:
    """Act for an account and a region outside of a request."""
    scoped: AbstractContextManager[None] = responses.request_scope(account, region)
    return scoped


# Events


def emit(event: Mapping[str, Any]) -> None:
    """Put an event of an AWS service on the default bus of its account; only `source` may begin with ``aws.`` here."""
    entry = {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(event["detail"]),
        "Resources": list(event["resources"]),
    }
    with in_scope(event["account"], event["region"]):
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


# Callers and what they may do


@dataclass(frozen=True, slots=True)
class Principal:
    """Who signed a request."""

    arn: str
    principal_id: str
    account: str


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a request may not be served: AWS's error code and text."""

    code: str
    message: str
    is_explicit: bool  # by a Deny, or because the credentials do not hold: then no other resource helps


def principal(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> Principal:
    """Return who signed a request that MiniStack has authenticated."""
    account, _ = scope()
    found = iam_evaluator.resolve_credential(router.extract_access_key_id(headers, query), account)
    if isinstance(found, iam_evaluator.CredentialResolutionError):
        return Principal(f"arn:aws:iam::{account}:root", account, account)
    return Principal(found.principal_arn, found.principal_id, found.account_id)


def authorise(
    headers: Mapping[str, str],
    query: Mapping[str, list[str]],
    action: str,
    resource: str,
    context: Mapping[str, Any],
) -> Denial | None:
    """Ask MiniStack's evaluator whether the signer of a request may do `action` on `resource`; None if so."""
    _, region = scope()
    key = router.extract_access_key_id(headers, query)
    service = action.partition(":")[0]
    denied = iam_evaluator.enforce(key, action, service, region, resource_arn=resource, service_context=dict(context))
    if denied is None:
        return None
    if isinstance(denied, iam_evaluator.AuthError):
        return Denial(denied.code, denied.message, is_explicit=True)
    text = iam_actions.identity_denial_message(action, denied.principal_arn, resource, denied.decision == "Deny")
    return Denial("AccessDeniedException", text, is_explicit=denied.decision == "Deny")


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


# CloudFormation

Created = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ResourceType:
    """How CloudFormation makes, changes and removes resources of one type.

    Each answers with the physical id, which is what Ref gives, and the attributes that GetAtt gives; what is
    refused is a ValueError. `update` gets the physical id, the old and the new properties.
    """

    create: Callable[[str, Mapping[str, Any]], Created]
    update: Callable[[str, Mapping[str, Any], Mapping[str, Any]], Created]
    delete: Callable[[str, Mapping[str, Any]], None]

    def handlers(self) -> dict[str, Callable[..., Any]]:
        """Return the three in the shape in which MiniStack calls them."""
        return {
            "create": lambda logical_id, properties, _stack: self.create(logical_id, properties),
            "update": lambda physical_id, old, new, _stack: self.update(physical_id, old, new),
            "delete": self.delete,
        }


def add_resource_types(types: Mapping[str, ResourceType]) -> None:
    """Teach CloudFormation resource types, at its first request: importing it takes a second or two."""
    original = ministack.app.SERVICE_HANDLERS["cloudformation"]
    registered = threading.Lock()
    handlers = {name: kind.handlers() for name, kind in types.items()}

    def register() -> None:
        from ministack.services.cloudformation import provisioners

        with registered:
            provisioners._RESOURCE_HANDLERS.update(handlers)

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Response:
        await concurrency.run_offloop(register)
        answer: Response = await original(method, path, headers, body, query)
        return answer

    ministack.app.SERVICE_HANDLERS["cloudformation"] = handle


# Functions


def run_python_functions_with(binary: str, prelude: str) -> None:
    """Run the workers of Python functions with `binary`, after the statements of `prelude`."""
    original = lambda_runtime._detect_runtime_binary

    def detect(runtime: str) -> tuple[str, str]:
        found, script = original(runtime)
        return (binary, prelude + script) if runtime.startswith("python") else (found, script)

    lambda_runtime._detect_runtime_binary = detect


def stop_functions() -> None:
    """End the worker processes of all functions and remove their folders."""
    lambda_runtime.reset()


# Streams: why they are read here, and by which rules, is told in `streams`


def read_streams_properly() -> "StreamReader":
    """Replace MiniStack's reader of DynamoDB streams by ours, which heeds failures and does not hold up the queues."""
    reader = StreamReader()
    lambda_svc._poll_dynamodb_streams = reader.poll
    return reader


def busy_queues() -> list[str]:
    """Name the queues that hold messages which a function is to take, or is just taking."""
    taken = {mapping["EventSourceArn"] for _, _, mapping in lambda_svc._iter_all_esms() if mapping.get("Enabled", True)}
    full = {queue["attributes"]["QueueArn"] for queue in list(sqs._queues._data.values()) if queue["messages"]}
    return sorted(taken & full)


class StreamReader:
    """Reads the streams of all mappings when MiniStack's poller calls; each batch runs in a thread of its own."""

    def __init__(self) -> None:
        """Begin with no mapping seen."""
        self._cursors: dict[str, Cursor] = {}
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def poll(self) -> bool:
        """Start a batch for each mapping that has records to read; tell whether there was any."""
        started = False
        for account, region, mapping in lambda_svc._iter_all_esms():
            if ":dynamodb:" in mapping.get("EventSourceArn", "") and mapping.get("Enabled", True):
                with in_scope(account, region):
                    started = self._start(mapping, account, region) or started
        return started

    def behind(self) -> list[str]:
        """Name the streams that hold records which a function is to take, or is just taking."""
        found = []
        for account, region, mapping in lambda_svc._iter_all_esms():
            source = mapping["EventSourceArn"]
            if ":dynamodb:" in source and mapping.get("Enabled", True):
                with in_scope(account, region):
                    table = _table(mapping)
                    cursor = self._cursor(mapping["UUID"], table, mapping)
                    if cursor.position < dynamodb.stream_end_position(table):
                        found.append(source)
        return found

    def _start(self, mapping: dict[str, Any], account: str, region: str) -> bool:
        uuid = mapping["UUID"]
        table = _table(mapping)
        function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
        if function is None or uuid in self._busy:
            return False
        cursor = self._cursor(uuid, table, mapping)
        if time.time() < cursor.not_before:
            return False
        rules = Rules.of(mapping)
        read = dynamodb.stream_records_since(table, cursor.position, cursor.limit or rules.batch_size)
        if not read:
            return False
        with self._lock:
            self._busy.add(uuid)
        batch = _Batch(mapping, function, cursor, tuple(read), rules, account, region)
        concurrency.spawn_background(self._run, batch, thread_name="modelward-stream")
        return True

    def _cursor(self, uuid: str, table: str, mapping: Mapping[str, Any]) -> Cursor:
        if uuid not in self._cursors:
            lambda_svc._init_stream_position(uuid, mapping["EventSourceArn"], mapping.get("StartingPosition", "LATEST"))
            self._cursors[uuid] = Cursor(lambda_svc._dynamodb_stream_positions[uuid])
        cursor = self._cursors[uuid]
        return replace(cursor, position=max(cursor.position, dynamodb.stream_start_position(table)))

    def _run(self, batch: "_Batch") -> None:
        with in_scope(batch.account, batch.region):
            try:
                self._cursors[batch.mapping["UUID"]] = self._deliver(batch)
            finally:
                with self._lock:
                    self._busy.discard(batch.mapping["UUID"])
                concurrency.esm_wake.set()

    def _deliver(self, batch: "_Batch") -> Cursor:
        wanted = lambda_svc._apply_filter_criteria(list(batch.records), batch.mapping)
        if not wanted:
            return Cursor(batch.cursor.position + len(batch.records))
        answer = lambda_svc._execute_function(batch.function, {"Records": wanted})
        outcome = after(batch.cursor, wanted, answer, batch.rules, time.time())
        batch.mapping["LastProcessingResult"] = "PROBLEM" if outcome.cursor.attempts else "OK"
        if outcome.given_up:
            lambda_svc._send_ddb_stream_failure_record(
                batch.mapping,
                batch.function,
                list(outcome.given_up),
                batch.mapping["EventSourceArn"],
                answer,
                outcome.condition,
            )
        passed = outcome.cursor.position - batch.cursor.position
        # Positions count what the stream holds; the filter may have taken some of it out.
        read = len(batch.records) if passed == len(wanted) else batch.records.index(wanted[passed])
        return replace(outcome.cursor, position=batch.cursor.position + read)


def _table(mapping: Mapping[str, Any]) -> str:
    table: str = mapping["EventSourceArn"].split("/")[1]
    return table


@dataclass(frozen=True, slots=True)
class _Batch:
    mapping: dict[str, Any]
    function: dict[str, Any]
    cursor: Cursor
    records: tuple[dict[str, Any], ...]
    rules: Rules
    account: str
    region: str
