"""Backends in moto's form: each holds the core of its account and region."""

from typing import Any

from moto.sagemaker.models import SageMakerModelBackend, sagemaker_backends
from moto.sagemakerruntime.models import SageMakerRuntimeBackend as MotoRuntimeBackend
from moto.sagemakerruntime.models import sagemakerruntime_backends

from modelward.local.moto.buses import deliver
from modelward.local.moto.scaling import MotoScaling
from modelward.local.moto.store import MotoStore
from modelward.local.moto.watch import MotoWatch
from modelward.local.sagemaker import MemoryHosting, SageMaker, Timing
from modelward.local.sagemaker.clock import ManualClock
from modelward.local.sagemaker.scope import Event

_AT_ONCE = Timing(create_s=0, update_s=0, delete_s=0, async_s=0, transform_s=0)

clock = ManualClock()


class SageMakerBackend(SageMakerModelBackend):
    """moto's SageMaker with our registry and endpoints in it."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.events: list[Event] = []
        self.hosting = MemoryHosting()
        self.watch = MotoWatch(account_id, region_name)
        self.core = SageMaker(
            account_id,
            region_name,
            clock=clock,
            emit=self._emit,
            hosting=self.hosting,
            timing=_AT_ONCE,
            watch=self.watch,
        )
        store = MotoStore(account_id, region_name)
        self.core.captures.store = self.core.queue.store = self.core.queue.topics = self.core.transforms.store = store
        self.core.scaling = MotoScaling(account_id, region_name)
        self.core.neighbours = lambda: _cores(region_name)

    def reset(self) -> None:
        """Forget everything, and turn the clock back."""
        clock.reset()
        super().reset()

    def _emit(self, event: Event) -> None:
        self.events.append(event)
        deliver(event)


class SageMakerRuntimeBackend(MotoRuntimeBackend):
    """moto's runtime; it is here so that moto finds our `urls.py` beside it."""


def use(backend: type[Any], runtime: type[Any]) -> None:
    """Let moto make its SageMaker backends from these classes; those that are already so stay."""
    for backends, wanted in ((sagemaker_backends, backend), (sagemakerruntime_backends, runtime)):
        if backends.backend is not wanted:
            backends.backend = wanted
            backends.clear()


def _cores(region: str) -> list[SageMaker]:
    """Return the cores of a region that somebody has used; asking must not make one."""
    used = sagemaker_backends.iter_backends()
    return [each.core for _, each_region, each in used if each_region == region and isinstance(each, SageMakerBackend)]


def known_core(account: str, region: str) -> SageMaker | None:
    """Return the core of an account and region if somebody has used it."""
    return next((core for core in _cores(region) if core.account == account), None)


def backend(account: str, region: str) -> SageMakerBackend:
    """Return the backend of an account and region in the current mock."""
    found = sagemaker_backends[account][region]
    if not isinstance(found, SageMakerBackend):
        raise TypeError("moto runs its own SageMaker here: call modelward.local.moto.install() first")
    return found


def core(account: str, region: str) -> SageMaker:
    """Return the core of an account and region in the current mock."""
    return backend(account, region).core


def events(account: str, region: str) -> list[Event]:
    """Return the events that an account and region have emitted in the current mock, oldest first."""
    return backend(account, region).events


def hosting(account: str, region: str) -> MemoryHosting:
    """Return the containers of an account and region, to decide on their health and answers."""
    return backend(account, region).hosting


def watch(account: str, region: str) -> MotoWatch:
    """Return the metrics and alarms of an account and region; those of boto3's CloudWatch are among them."""
    return backend(account, region).watch


def advance(seconds: float) -> None:
    """Move the clock forward and let every core catch up."""
    clock.advance(seconds)
    for account, region, _ in list(sagemaker_backends.iter_backends()):
        core(account, region).advance()
