"""The local SageMaker behind MiniStack's port: HTTP on one side, one core per account and region on the other.

A request comes here authenticated. It is authorised by what `authorisation` says that it needs, answered by the
core of the account and region that its signature names, and its events go to that account's default bus. Time
passes in a thread that wakes when the next transition of any core is due.
"""

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from modelward.local import authorisation, gate, ministack
from modelward.local.artifacts import Artifacts
from modelward.local.ministack import access, events, policies
from modelward.local.ministack.alarms import CloudWatch, judge_alarms
from modelward.local.ministack.evaluation import Denial
from modelward.local.sagemaker import ApiError, Caller, Hosting, SageMaker, Timing, UnansweredError, wire
from modelward.local.sagemaker.errors import unsupported
from modelward.local.sagemaker.scope import partition_of
from modelward.local.scaling import ScalableTargets
from modelward.local.scaling_front import ScalingFront

logger = logging.getLogger(__name__)

_INVOCATION = re.compile(r"^/endpoints/([^/]+)/(async-)?invocations$")
_IDLE_S = 60.0
_SHORTEST_S = 0.01


class Front:
    """Answers SageMaker's requests from cores that it makes as accounts and regions are used."""

    def __init__(
        self, hosting: Hosting, timing: Timing, artifacts: Artifacts, *, wake: threading.Event | None = None
    ) -> None:
        """Serve models by `hosting`; transitions take what `timing` says; endpoints use S3 and SNS by `artifacts`.

        `wake`, once set, makes it look at once whether something is due: a container may have become healthy.
        """
        self._hosting = hosting
        self._timing = timing
        self._artifacts = artifacts
        self._cores: dict[tuple[str, str], SageMaker] = {}
        self._targets: dict[tuple[str, str], ScalableTargets] = {}
        self.scaling = ScalingFront(self._targets_of, self._config_of)
        self._lock = threading.Lock()
        self._wake = wake or threading.Event()
        self._closed = threading.Event()
        self._ahead = timedelta()
        judge_alarms(self.now, self._closed)
        threading.Thread(target=self._tick, daemon=True, name="modelward-clock").start()

    def now(self) -> datetime:
        """Tell SageMaker's time: this computer's, and what it was moved ahead."""
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the time of endpoints, deployments and alarms ahead; queues and schedules keep this computer's."""
        with self._lock:
            self._ahead += timedelta(seconds=seconds)
        for core in self._all():
            core.advance()
        self._wake.set()

    def wake(self) -> None:
        """Look at once whether something is due."""
        self._wake.set()

    def close(self) -> None:
        """Let time stand still."""
        self._closed.set()
        self._wake.set()

    def busy(self) -> list[str]:
        """Name the accounts and regions whose endpoints are in transition."""
        with self._lock:
            cores = dict(self._cores)
        return [f"endpoints of {account} in {region}" for (account, region), core in cores.items() if core.next_due]

    def call(self, account: str, region: str, operation: str, request: Mapping[str, Any], caller: Caller) -> Any:
        """Call the core of an account and region; ApiError if it refuses."""
        answer = self.core(account, region).call(operation, request, caller)
        self._wake.set()
        return answer

    async def handle(
        self, _method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> ministack.Response:
        """Answer one request of `sagemaker` or `sagemaker-runtime`; all of them are POST."""
        found = _INVOCATION.match(path)
        try:
            if found is not None:
                return await self._invoke(unquote(found[1]), headers, body, query, is_asynchronous=bool(found[2]))
            if "x-amz-target" not in headers:
                return wire.error_reply(unsupported(wire.runtime_operation(path)))
            return self._control(headers, body, query)
        except UnansweredError:
            return ministack.UNANSWERED

    def _control(self, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]) -> ministack.Response:
        target = headers["x-amz-target"]
        denial = self._denial(target.removeprefix(wire.TARGET_PREFIX), wire.members(body), headers, query)
        if denial is not None:
            return wire.error_reply(ApiError(denial.code, denial.message))
        reply = wire.handle_http(self.core(*ministack.scope()), target, body, _caller(headers, query))
        self._wake.set()
        return reply

    async def _invoke(
        self,
        endpoint: str,
        headers: Mapping[str, str],
        body: bytes,
        query: Mapping[str, list[str]],
        *,
        is_asynchronous: bool,
    ) -> ministack.Response:
        operation = "InvokeEndpointAsync" if is_asynchronous else "InvokeEndpoint"
        denial = self._denial(operation, wire.invoked(endpoint, headers), headers, query)
        if denial is not None:
            return wire.runtime_error_reply(ApiError(denial.code, denial.message, status=403))
        core, caller = self.core(*ministack.scope()), _caller(headers, query)
        # In a thread: a model may take a minute, and the loop serves everybody else meanwhile.
        answer = wire.handle_async_invocation if is_asynchronous else wire.handle_invocation
        reply = await asyncio.to_thread(answer, core, endpoint, headers, body, caller)
        self._wake.set()
        return reply

    def _denial(
        self, operation: str, request: Mapping[str, Any], headers: Mapping[str, str], query: Mapping[str, list[str]]
    ) -> Denial | None:
        rights = access.rights(headers, query)
        if isinstance(rights, Denial):
            return rights
        account, region = ministack.scope()
        root = f"arn:{partition_of(region)}:sagemaker:{region}:{account}:"
        needs = authorisation.needs(operation, request, root)
        return gate.refuse(rights, needs, region, self._find, policies.key_policy)

    def _find(self, account: str, region: str) -> SageMaker | None:
        with self._lock:
            return self._cores.get((account, region))

    def core(self, account: str, region: str) -> SageMaker:
        """Return the SageMaker of an account and region, made when it is first asked for."""
        with self._lock:
            key = (account, region)
            if key not in self._cores:
                self._cores[key] = SageMaker(
                    account,
                    region,
                    clock=self.now,
                    emit=events.emit,
                    hosting=self._hosting,
                    timing=self._timing,
                    watch=CloudWatch(account, region),
                )
                core = self._cores[key]
                core.captures.store = core.queue.store = core.transforms.store = self._artifacts
                core.queue.topics = self._artifacts
                core.spawn = _in_a_thread
                self._targets[key] = ScalableTargets(account, region, self.now, self._cores[key].has_variant)
                self._cores[key].scaling = self._targets[key]
                self._cores[key].neighbours = lambda: self._all(region)
            return self._cores[key]

    def _config_of(self, account: str, region: str, endpoint: str) -> str:
        return self.core(account, region).config_of(endpoint)

    def _targets_of(self, account: str, region: str) -> ScalableTargets:
        self.core(account, region)
        return self._targets[account, region]

    def _tick(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(self._seconds_to_next())
            self._wake.clear()
            for core in self._all():
                core.advance()

    def _seconds_to_next(self) -> float:
        due = [moment for core in self._all() if (moment := core.next_due) is not None]
        if not due:
            return _IDLE_S
        return max(_SHORTEST_S, (min(due) - self.now()).total_seconds())

    def _all(self, region: str | None = None) -> list[SageMaker]:
        with self._lock:
            return [core for core in self._cores.values() if region in {None, core.region}]


def _in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True, name="modelward-work").start()


def _caller(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> Caller:
    who = access.principal(headers, query)
    return Caller(who.arn, who.principal_id, who.account, who.source_identity)
