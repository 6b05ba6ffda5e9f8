"""The local SageMaker behind MiniStack's port: HTTP on one side, one core per account and region on the other.

A request comes here authenticated. It is authorised by what `authorisation` says that it needs, answered by the
core of the account and region that its signature names, and its events go to that account's default bus. Time
passes in a thread that wakes when the next transition of any core is due.
"""

import asyncio
import json
import logging
import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from modelward.local import authorisation, ministack
from modelward.local.ministack import access, events
from modelward.local.sagemaker import ApiError, Caller, Hosting, SageMaker, Timing, UnansweredError, wire
from modelward.local.sagemaker.errors import unsupported

logger = logging.getLogger(__name__)

_INVOCATION = re.compile(r"^/endpoints/([^/]+)/invocations$")
_IDLE_S = 60.0
_SHORTEST_S = 0.01


class Front:
    """Answers SageMaker's requests from cores that it makes as accounts and regions are used."""

    def __init__(self, hosting: Hosting, timing: Timing, *, wake: threading.Event | None = None) -> None:
        """Serve models by `hosting`; transitions take what `timing` says.

        `wake`, once set, makes it look at once whether something is due: a container may have become healthy.
        """
        self._hosting = hosting
        self._timing = timing
        self._cores: dict[tuple[str, str], SageMaker] = {}
        self._lock = threading.Lock()
        self._wake = wake or threading.Event()
        self._is_closed = False
        threading.Thread(target=self._tick, daemon=True, name="modelward-clock").start()

    def close(self) -> None:
        """Let time stand still."""
        self._is_closed = True
        self._wake.set()

    def busy(self) -> list[str]:
        """Name the accounts and regions whose endpoints are in transition."""
        with self._lock:
            cores = dict(self._cores)
        return [f"endpoints of {account} in {region}" for (account, region), core in cores.items() if core.next_due]

    def call(self, account: str, region: str, operation: str, request: Mapping[str, Any], caller: Caller) -> Any:
        """Call the core of an account and region; ApiError if it refuses."""
        answer = self._core(account, region).call(operation, request, caller)
        self._wake.set()
        return answer

    async def handle(
        self, _method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> ministack.Response:
        """Answer one request of `sagemaker` or `sagemaker-runtime`; all of them are POST."""
        found = _INVOCATION.match(path)
        try:
            if found is not None:
                return await self._invoke(unquote(found[1]), headers, body, query)
            if "x-amz-target" not in headers:
                return wire.error_reply(unsupported(wire.runtime_operation(path)))
            return self._control(headers, body, query)
        except UnansweredError:
            return 503, {}, b""  # behind a gateway, a connection that breaks off looks like this

    def _control(self, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]) -> ministack.Response:
        target = headers["x-amz-target"]
        denial = self._denial(target.removeprefix(wire.TARGET_PREFIX), _members(body), headers, query)
        if denial is not None:
            return wire.error_reply(ApiError(denial.code, denial.message))
        reply = wire.handle_http(self._core(*ministack.scope()), target, body, _caller(headers, query))
        self._wake.set()
        return reply

    async def _invoke(
        self, endpoint: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
    ) -> ministack.Response:
        denial = self._denial("InvokeEndpoint", {"EndpointName": endpoint}, headers, query)
        if denial is not None:
            return _runtime_denial(denial)
        core, caller = self._core(*ministack.scope()), _caller(headers, query)
        # In a thread: a model may take a minute, and the loop serves everybody else meanwhile.
        return await asyncio.to_thread(wire.handle_invocation, core, endpoint, headers, body, caller)

    def _denial(
        self, operation: str, request: Mapping[str, Any], headers: Mapping[str, str], query: Mapping[str, list[str]]
    ) -> access.Denial | None:
        account, region = ministack.scope()
        root = f"arn:aws:sagemaker:{region}:{account}:"
        for need in authorisation.needs(operation, request, root, lambda arn: self._current(account, region, arn)):
            denials = [
                access.authorise(headers, query, need.action, resource, need.context) for resource in need.resources
            ]
            refused = [denial for denial in denials if denial is not None]
            if len(refused) == len(denials) or any(denial.is_explicit for denial in refused):
                return refused[0]
        return None

    def _current(self, account: str, region: str, arn: str) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = self.call(
                account, region, "DescribeModelPackage", {"ModelPackageName": arn}, _nobody(account)
            )
        except ApiError:
            return {}
        return found

    def _core(self, account: str, region: str) -> SageMaker:
        with self._lock:
            key = (account, region)
            if key not in self._cores:
                self._cores[key] = SageMaker(
                    account,
                    region,
                    clock=_now,
                    emit=events.emit,
                    hosting=self._hosting,
                    timing=self._timing,
                )
            return self._cores[key]

    def _tick(self) -> None:
        while not self._is_closed:
            self._wake.wait(self._seconds_to_next())
            self._wake.clear()
            for core in self._all():
                core.advance()

    def _seconds_to_next(self) -> float:
        due = [moment for core in self._all() if (moment := core.next_due) is not None]
        if not due:
            return _IDLE_S
        return max(_SHORTEST_S, (min(due) - _now()).total_seconds())

    def _all(self) -> list[SageMaker]:
        with self._lock:
            return list(self._cores.values())


def _now() -> datetime:
    return datetime.now(UTC)


def _caller(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> Caller:
    who = access.principal(headers, query)
    return Caller(arn=who.arn, principal_id=who.principal_id, account=who.account)


def _nobody(account: str) -> Caller:
    return Caller(arn=f"arn:aws:iam::{account}:root", principal_id=account, account=account)


def _members(body: bytes) -> dict[str, Any]:
    """Read a request as far as authorisation needs it; the core refuses what is no request."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _runtime_denial(denial: access.Denial) -> ministack.Response:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": denial.code}
    return 403, headers, json.dumps({"Message": denial.message}).encode()
