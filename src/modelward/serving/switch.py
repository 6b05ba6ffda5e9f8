"""Change the live version under running requests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

from modelward.core.errors import ModelwardError

LONGEST_RETRY = timedelta(hours=1)


class Registered(Protocol):
    """What serving needs of a version (`modelward.services.registry.Version` is one)."""

    @property
    def version(self) -> int:
        """Its number."""

    @property
    def arn(self) -> str:
        """Its ARN."""

    @property
    def sha256(self) -> str:
        """The digest of its archive."""

    def download(self, folder: Path) -> Path:
        """Fetch its archive into a folder, digest checked, and return the file."""


class Closes(Protocol):
    """A loaded model, which holds something that must be let go."""

    def close(self) -> None:
        """Let it go; no request uses it any more."""


M = TypeVar("M", bound=Closes)


@dataclass(slots=True)
class _Live(Generic[M]):
    version: Registered
    model: M
    loaded_at: datetime
    leases: int = 0
    is_replaced: bool = False

    @property
    def is_idle(self) -> bool:
        return self.is_replaced and self.leases == 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A version that could not be loaded, how often that was tried, and when it is tried again."""

    arn: str
    version: int
    why: str
    attempts: int
    retry_at: datetime

    def __str__(self) -> str:
        """Say it in one line."""
        return f"version {self.version}: {self.why} (tried {self.attempts} x, again at {self.retry_at.isoformat()})"


@dataclass(frozen=True, slots=True)
class Report:
    """What is served at this moment.

    Args:
        version: The live version; None before the first one is loaded.
        loaded_at: When it was loaded.
        failed: Why a newer version is not the live one; empty when nothing failed.
        registry: `ok`, or why the registry did not answer when it was last asked.
    """

    version: Registered | None
    loaded_at: datetime | None
    failed: str
    registry: str

    def to_json(self) -> dict[str, Any]:
        """Spell it for programs."""
        live = self.version
        return {
            "version": live.version if live else None,
            "arn": live.arn if live else None,
            "sha256": live.sha256 if live else None,
            "loaded_at": self.loaded_at.isoformat() if self.loaded_at else None,
            "failed": self.failed or None,
            "registry": self.registry,
        }


class Switch(Generic[M]):
    """Hold the live model; replace it when the stage has another version.

    Args:
        current: Asks the registry which version the stage has now; None for no version.
        load: Makes a version ready to answer; may take minutes, may raise anything.
        clock: The time, with a time zone.
        retry_s: Seconds until a version that failed to load is tried again; doubled with each failure, at most an hour.
        tell: Is told each swap and each failure, one line.
    """

    def __init__(
        self,
        *,
        current: Callable[[], Registered | None],
        load: Callable[[Registered], M],
        clock: Callable[[], datetime],
        retry_s: float = 30,
        tell: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._current = current
        self._load = load
        self._clock = clock
        self._retry = timedelta(seconds=retry_s)
        self._tell = tell
        self._lock = Lock()
        self._live: _Live[M] | None = None
        self._failure: Failure | None = None
        self._registry = "ok"

    def poll(self) -> None:
        """Ask the registry once and load what it names, if that is not live; never raises.

        Only one thread may poll. Requests go on in others meanwhile.
        """
        try:
            wanted = self._current()
        except Exception as error:  # noqa: BLE001  the live version goes on, whatever keeps the registry from answering
            self._note_registry(f"no answer: {_line(error)}")
            return
        self._note_registry("ok")
        if wanted is None or self._is_live(wanted):
            self._failure = None
        elif self._is_due(wanted):
            self._replace(wanted)

    @contextmanager
    def lease(self) -> Iterator[tuple[Registered, M] | None]:
        """Use the live version for the length of a `with` block; None when there is none yet."""
        with self._lock:
            live = self._live
            if live:
                live.leases += 1
        try:
            yield (live.version, live.model) if live else None
        finally:
            if live:
                self._give_back(live)

    def report(self) -> Report:
        """Tell what is live, and what failed."""
        live, failure = self._live, self._failure
        return Report(
            version=live.version if live else None,
            loaded_at=live.loaded_at if live else None,
            failed=str(failure) if failure else "",
            registry=self._registry,
        )

    def close(self) -> None:
        """Let the live model go once its last request has ended; nothing is live afterwards."""
        self._swap(None)

    def _is_live(self, wanted: Registered) -> bool:
        return self._live is not None and self._live.version.arn == wanted.arn

    def _is_due(self, wanted: Registered) -> bool:
        failure = self._failure
        return failure is None or failure.arn != wanted.arn or self._clock() >= failure.retry_at

    def _replace(self, wanted: Registered) -> None:
        try:
            model = self._load(wanted)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a model's own code runs here and may raise anything
            self._note_failure(wanted, _line(error))
            return
        self._failure = None
        self._swap(_Live(wanted, model, self._clock()))
        self._tell(f"version {wanted.version} is live")

    def _swap(self, new: _Live[M] | None) -> None:
        with self._lock:
            old, self._live = self._live, new
            if old:
                old.is_replaced = True
            is_idle = old is not None and old.is_idle
        if old and is_idle:
            old.model.close()

    def _give_back(self, live: _Live[M]) -> None:
        with self._lock:
            live.leases -= 1
            is_idle = live.is_idle
        if is_idle:
            live.model.close()

    def _note_failure(self, wanted: Registered, why: str) -> None:
        before = self._failure
        attempts = before.attempts + 1 if before and before.arn == wanted.arn else 1
        # 2**20 x the wait is beyond the longest one, and a larger exponent would overflow a timedelta.
        pause = min(self._retry * 2 ** min(attempts - 1, 20), LONGEST_RETRY)
        self._failure = Failure(wanted.arn, wanted.version, why, attempts, self._clock() + pause)
        self._tell(f"failed: {self._failure}")

    def _note_registry(self, state: str) -> None:
        if state != self._registry:
            self._tell(f"registry: {state}")
        self._registry = state


def _line(error: BaseException) -> str:
    """Say an error in one line; of ours the problem alone, of others the class too."""
    if isinstance(error, ModelwardError):
        return " ".join(error.problem.split())
    return " ".join(f"{type(error).__name__}: {error}".split())
