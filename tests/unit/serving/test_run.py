"""The server as a process: it listens, answers, and ends when it is told to."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import httpx
import pytest

from modelward.core.errors import InputError, NotFoundError
from modelward.serving.run import Listen, serve_stage

INFERENCE = """
import sys
def model_fn(folder): return 7
def predict_fn(data, model):
    if data == "wait":
        print("waiting", file=sys.stderr, flush=True)
        sys.stdin.readline()
    return model
"""
SERVER = """
import io, sys, tarfile
from dataclasses import dataclass
from pathlib import Path
from modelward.serving.run import Listen, serve_stage

@dataclass
class Version:
    version: int = 1
    arn: str = "arn:1"
    sha256: str = "00"
    def download(self, folder):
        path = Path(folder) / "model.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            data = sys.argv[1].encode()
            info = tarfile.TarInfo("code/inference.py")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        return path

class Model:
    name = "digits"
    def current(self, stage): return Version()
    def report_served(self, stage, version): tell(f"{stage} runs {version}")

try:
    tell = lambda line: print(line, file=sys.stderr, flush=True)
    serve_stage(Model(), "Production", Listen("127.0.0.1", 0, 60), tell)
except KeyboardInterrupt:
    sys.exit(130)
"""


@contextmanager
def server(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, INFERENCE],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(process: "subprocess.Popen[str]", text: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return line.strip()
    raise AssertionError(f"the server ended without saying {text!r}")


def test_a_server_answers_and_an_interrupt_waits_for_the_request_in_flight(tmp_path: Path) -> None:
    with server(tmp_path) as process:
        url = until(process, "serving digits in Production on ").split()[-1]
        until(process, "version 1 is live")
        assert httpx.get(f"{url}/ping").status_code == 200
        assert httpx.post(f"{url}/invocations", json="go").json() == 7
        answers: list[httpx.Response] = []
        request = Thread(target=lambda: answers.append(httpx.post(f"{url}/invocations", json="wait", timeout=30)))
        request.start()
        until(process, "waiting")
        process.send_signal(signal.SIGINT)
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        request.join(30)
        assert [(answer.status_code, answer.json()) for answer in answers] == [(200, 7)]
        assert process.wait(30) == 130
    assert list(tmp_path.iterdir()) == []


class Model:
    """A model whose stage is not declared."""

    name = "digits"

    def current(self, stage: str) -> None:
        if stage != "Production":
            raise NotFoundError("stage", stage, known=["Production"])


def test_a_port_that_is_taken_is_told_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"127.0.0.1:{port} cannot be opened"):
            serve_stage(Model(), "Production", Listen("127.0.0.1", port, 60), print)


def test_a_stage_that_is_not_declared_is_told_before_anything_starts() -> None:
    with pytest.raises(NotFoundError, match="There are: Production"):
        serve_stage(Model(), "Prod", Listen("127.0.0.1", 0, 60), print)
