"""Those who call an endpoint while it changes."""

import json
import threading
from collections.abc import Sequence
from itertools import cycle
from types import TracebackType
from typing import Any

_PAUSE_S = 0.02


class Callers:
    """Calls of an endpoint with one row after the other, for as long as the `with` block lasts.

    `answers` has, call by call, what came back: a prediction, or None where the call failed.
    """

    def __init__(self, runtime: Any, endpoint: str, rows: Sequence[Sequence[float]]) -> None:
        """Plan to call.

        Args:
            runtime: A client of sagemaker-runtime.
            endpoint: Name of the endpoint.
            rows: What to send, over and over.
        """
        self._runtime = runtime
        self._endpoint = endpoint
        self._rows = rows
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._call, daemon=True, name="demo-callers")
        self.answers: list[int | None] = []
        self.why = ""

    @property
    def errors(self) -> int:
        """How many calls failed so far."""
        return self.answers.count(None)

    @property
    def between(self) -> int:
        """How many calls there were from the first that failed to the last that failed."""
        failed = [number for number, answer in enumerate(self.answers) if answer is None]
        return failed[-1] - failed[0] + 1 if failed else 0

    def __enter__(self) -> "Callers":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _call(self) -> None:
        for row in cycle(self._rows):
            if self._is_over.wait(_PAUSE_S):
                return
            self.answers.append(self._answer(row))

    def _answer(self, row: Sequence[float]) -> int | None:
        request = {"EndpointName": self._endpoint, "ContentType": "application/json"}
        try:
            answer = self._runtime.invoke_endpoint(**request, Body=json.dumps([row]).encode())
        except self._runtime.exceptions.ModelError as error:
            self.why = str(error)
            return None
        [digit] = json.loads(answer["Body"].read())
        return int(digit)
