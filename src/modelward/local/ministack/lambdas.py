"""Functions, and the queues and streams that feed them; by which rules streams are read is told in `streams`."""

# ruff: noqa: SLF001 - private names are what this package is for

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from ministack.core import concurrency, lambda_runtime
from ministack.services import cloudwatch, dynamodb, lambda_svc, sqs

from modelward.local.ministack import in_scope
from modelward.local.streams import Cursor, Rules, after


def run_python_functions_with(binary: str, prelude: str) -> None:
    """Run the workers of Python functions with `binary`, after the statements of `prelude`."""
    original = lambda_runtime._detect_runtime_binary

    def detect(runtime: str) -> tuple[str, str]:
        found, script = original(runtime)
        return (binary, prelude + script) if runtime.startswith("python") else (found, script)

    lambda_runtime._detect_runtime_binary = detect


def read_metrics_in_logs() -> None:
    """Keep the metrics that functions write into their logs in embedded metric format, as CloudWatch does."""
    original = lambda_svc._emit_lambda_logs

    def emit(func: dict[str, Any], request_id: str, log_text: str, *rest: Any, **more: Any) -> None:
        original(func, request_id, log_text, *rest, **more)
        for line in log_text.splitlines():
            if '"CloudWatchMetrics"' in line:
                for metric in metrics_in(line):
                    cloudwatch.record_metric(*metric)

    lambda_svc._emit_lambda_logs = emit


def metrics_in(line: str) -> list[tuple[str, str, float, str, dict[str, str]]]:
    """Read namespace, name, value, unit and dimensions of each figure in a line of a log; none if it is no such line.

    After CloudWatch's "Specification: Embedded metric format".
    """
    try:
        told = json.loads(line)
        return [found for each in told["_aws"]["CloudWatchMetrics"] for found in _figures(told, each)]
    except (ValueError, KeyError, TypeError):
        return []


def _figures(
    told: Mapping[str, Any], directive: Mapping[str, Any]
) -> Iterator[tuple[str, str, float, str, dict[str, str]]]:
    for metric, names in product(directive["Metrics"], directive["Dimensions"]):
        values = told[metric["Name"]]
        dimensions = {name: str(told[name]) for name in names}
        for value in values if isinstance(values, list) else [values]:
            yield directive["Namespace"], metric["Name"], value, metric.get("Unit", "None"), dimensions


def stop_functions() -> None:
    """End the worker processes of all functions and remove their folders."""
    lambda_runtime.reset()


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
