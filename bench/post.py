"""Brings what the local AWS has to tell to functions, in batches, until all is at rest."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3

from bench.account import ACCOUNT, REGION, TABLE
from modelward.local import moto as local

_OF_VERSIONS, _OF_ENDPOINTS = "SageMaker Model Package State Change", "SageMaker Endpoint State Change"
_OF_A_QUEUE, _OF_THE_STREAM = 10, 100


class Post:
    """The queues and the stream in front of the functions `model_package`, `reconcile` and `notify`."""

    def __init__(self, queue_url: str, invoke: Callable[[str, list[Any]], None]) -> None:
        """Take the URL of the reconciler's queue.

        Args:
            queue_url: Where rollouts are asked for.
            invoke: Takes the name of a function, and a batch: of events and messages, or of items of the ledger.
        """
        self._queue_url = queue_url
        self._invoke = invoke
        self._carried = 0
        self._told: set[tuple[str, str]] = set()
        self._sqs = boto3.client("sqs", region_name=REGION)
        self._dynamodb = boto3.client("dynamodb", region_name=REGION)

    def run(self) -> None:
        """Bring all that comes, and let rollouts go on."""
        while self._is_carried() or self._is_advanced():
            pass

    def _is_carried(self) -> bool:
        events = local.events(ACCOUNT, REGION)
        fresh, self._carried = events[self._carried :], len(events)
        of_versions = [each for each in fresh if each["detail-type"] == _OF_VERSIONS]
        of_endpoints = [each for each in fresh if each["detail-type"] == _OF_ENDPOINTS]
        self._bring("model_package", of_versions, _OF_A_QUEUE)
        messages, items = [*of_endpoints, *self._messages()], list(self._items())
        self._bring("reconcile", messages, _OF_A_QUEUE)
        self._bring("notify", items, _OF_THE_STREAM)
        return bool(of_versions or messages or items)

    def _bring(self, function: str, bodies: list[Any], most: int) -> None:
        for place in range(0, len(bodies), most):
            self._invoke(function, bodies[place : place + most])

    def _is_advanced(self) -> bool:
        due = local.core(ACCOUNT, REGION).next_due
        if due:
            local.advance(max(0.001, (due - local.clock()).total_seconds()))
        return due is not None

    def _messages(self) -> Iterator[Any]:
        while messages := self._sqs.receive_message(QueueUrl=self._queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])
                yield json.loads(message["Body"])

    def _items(self) -> Iterator[Any]:
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=TABLE):
            for item in page["Items"]:
                key = item["model"]["S"], item["entry"]["S"]
                if key not in self._told:
                    self._told.add(key)
                    yield item
