"""Endpoints that serve: one process per hosted variant, which runs the model's own ``code/inference.py``.

`ProcessHosting` is the `Hosting` that `modelward local up` gives to the local SageMaker. `start` returns at once: a
thread fetches the archive, starts `container` on it and waits for its first answer, so neither a slow download nor
a slow `model_fn` delays another request. A model that cannot be fetched, unpacked or loaded is unhealthy; why is in
the log, as it is in CloudWatch on AWS. The processes end with their standard input, that is with this one, however
it ends.
"""

import itertools
import logging
import select
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from modelward.local import container
from modelward.local.sagemaker import HostedVariant
from modelward.local.sagemaker.interface import INVOKE_LIMIT_S
from modelward.local.surroundings import inherited

logger = logging.getLogger(__name__)

START_LIMIT_S = 180.0  # what a serverless container has to answer its first ping
_STOP_LIMIT_S = 2.0

Fetch = Callable[[HostedVariant], bytes]


@dataclass(slots=True)
class _Hosted:
    """A variant's process, or the reason why there is none."""

    variant: HostedVariant
    folder: Path
    busy: threading.Lock = field(default_factory=threading.Lock)
    started: threading.Event = field(default_factory=threading.Event)
    process: "subprocess.Popen[bytes] | None" = None
    reason: str | None = None
    is_unread: bool = False
    is_stopped: bool = False


class ProcessHosting:
    """Host each variant in a process of its own, on the interpreter that runs this one."""

    def __init__(self, fetch: Fetch, folder: Path, *, on_change: Callable[[], None] = lambda: None) -> None:
        """Host models whose archives come from `fetch`.

        Args:
            fetch: reads a variant's archive; whatever OSError or ValueError it raises makes the variant unhealthy.
            folder: where archives are unpacked and logs are kept; made when missing.
            on_change: called from a thread whenever a variant has become healthy or unhealthy.
        """
        self._fetch = fetch
        self._folder = folder
        self._on_change = on_change
        self._hosted: dict[str, _Hosted] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._ending: list[threading.Thread] = []

    def start(self, endpoint_key: str, config: HostedVariant) -> None:
        """Begin to load a variant's model and return at once; `healthy` tells how it went."""
        hosted = _Hosted(config, self._folder / f"{config.endpoint_name}-{next(self._numbers)}")
        with self._lock:
            self._hosted[endpoint_key] = hosted
        threading.Thread(target=self._load, args=(endpoint_key, hosted), daemon=True, name="modelward-host").start()

    def healthy(self, key: str) -> bool | None:
        """Tell whether a variant answers; None while it is still loading."""
        hosted = self._hosted.get(key)
        if hosted is None:
            return False
        if not hosted.started.is_set():
            return None
        return hosted.reason is None

    def is_without_model(self, key: str) -> bool:
        """Tell whether a variant is unhealthy because its archive could not be fetched."""
        hosted = self._hosted.get(key)
        return hosted is not None and hosted.started.is_set() and hosted.is_unread

    def reason(self, key: str) -> str | None:
        """Tell why a variant is unhealthy; None if it is not."""
        hosted = self._hosted.get(key)
        return None if hosted is None else hosted.reason

    def invoke(
        self, key: str, body: bytes, content_type: str, accept: str, limit_s: float = INVOKE_LIMIT_S
    ) -> tuple[int, str, bytes]:
        """Send one request to a variant and return the HTTP status, content type and body of its answer."""
        hosted = self._hosted.get(key)
        if hosted is None or not hosted.started.wait(START_LIMIT_S):
            return 503, "text/plain", b"The container does not answer."
        with hosted.busy:
            if hosted.process is None:
                return 503, "text/plain", b"The container is not healthy."
            answer = _exchange(hosted.process, {"content_type": content_type, "accept": accept}, body, limit_s)
            if answer is None:
                return self._restart(hosted, limit_s)
        head, content = answer
        return head["status"], head["content_type"], content

    def stop(self, key: str) -> None:
        """Begin to end a variant's process and to remove its files; nothing happens if there is none."""
        with self._lock:
            hosted = self._hosted.pop(key, None)
        if hosted is not None:
            ending = threading.Thread(target=_end, args=(hosted,), daemon=True, name="modelward-host-end")
            self._ending.append(ending)
            ending.start()

    def close(self) -> None:
        """End every process; return once they have ended."""
        for key in list(self._hosted):
            self.stop(key)
        for ending in self._ending:
            ending.join()

    def _load(self, key: str, hosted: _Hosted) -> None:
        try:
            hosted.folder.mkdir(parents=True, exist_ok=True)
            (hosted.folder / "model.tar.gz").write_bytes(self._read(hosted))
            self._spawn(hosted)
        except (OSError, ValueError) as error:
            hosted.reason = f"{type(error).__name__}: {error}"
        if hosted.reason is not None and not hosted.is_stopped:
            logger.warning("%s: the container is not healthy: %s", key, hosted.reason)
        hosted.started.set()
        if hosted.is_stopped:
            _end(hosted)
        self._on_change()

    def _read(self, hosted: _Hosted) -> bytes:
        hosted.is_unread = True
        archive = self._fetch(hosted.variant)
        hosted.is_unread = False
        return archive

    def _spawn(self, hosted: _Hosted) -> None:
        shutil.rmtree(hosted.folder / "model", ignore_errors=True)
        with hosted.folder.with_suffix(".log").open("ab") as log:  # beside the folder: it outlives the container
            hosted.process = _process(hosted.folder, _environment(hosted), log)
        answer = _read(hosted.process, START_LIMIT_S)
        hosted.reason = "it ended or did not answer in time" if answer is None else answer[0]["reason"]
        if hosted.reason is not None:
            _kill(hosted.process)
            hosted.process = None

    def _restart(self, hosted: _Hosted, limit_s: float) -> tuple[int, str, bytes]:
        """Replace a process that died or hangs, as SageMaker does, and answer as it does meanwhile."""
        if hosted.process is not None:
            _kill(hosted.process)
            hosted.process = None
        if not hosted.is_stopped:
            self._spawn(hosted)
        return 500, "text/plain", b"The container ended, or did not answer within %d seconds." % limit_s


def _environment(hosted: _Hosted) -> dict[str, str]:
    folder = str(hosted.folder / "model")
    # One thread per model: a laptop hosts several, and their thread pools would fight for its cores.
    ours = {"SM_MODEL_DIR": folder, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    return {**inherited(), **ours, **hosted.variant.environment}


def _process(folder: Path, environment: Mapping[str, str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
    # -P: without it, the folder of the script would come first on the path and hide packages with its own names.
    command = [sys.executable, "-P", container.__file__, str(folder)]
    return subprocess.Popen(  # noqa: S603 - our own script
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=dict(environment), cwd=folder
    )


def _exchange(
    process: "subprocess.Popen[bytes]", head: dict[str, Any], body: bytes, limit_s: float
) -> tuple[dict[str, Any], bytes] | None:
    assert process.stdin is not None  # noqa: S101 - for the type checker: it was started with a pipe
    try:
        container.write_frame(process.stdin, head, body)  # type: ignore[arg-type]
    except OSError:
        return None
    return _read(process, limit_s)


def _read(process: "subprocess.Popen[bytes]", limit_s: float) -> tuple[dict[str, Any], bytes] | None:
    assert process.stdout is not None  # noqa: S101 - for the type checker: it was started with a pipe
    readable, _, _ = select.select([process.stdout], [], [], limit_s)
    return container.read_frame(process.stdout) if readable else None  # type: ignore[arg-type]


def _end(hosted: _Hosted) -> None:
    hosted.is_stopped = True
    process = hosted.process
    if not hosted.started.is_set():
        if process is not None:
            process.terminate()  # the thread that waits for it sees it end, and comes here again
        return
    if process is not None:
        _kill(process)
    shutil.rmtree(hosted.folder, ignore_errors=True)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            _close(pipe)


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return  # what was left in the buffer has no reader any more
