"""A reader who follows a document to the letter, and the local AWS that they work on."""

import io
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shutil import copy, copytree
from typing import Any
from urllib.parse import urlsplit

import pytest

from modelward.local import control, deployment
from modelward.local.surroundings import inherited
from modelward.local.up import ACCOUNT, REGION, LocalAws

ROOT = Path(__file__).parents[2]
LIMIT_S = 60.0

# Runs blocks of Python one after the other with the same names: a block as JSON in, "ok" out.
NOTEBOOK = """
import json, sys
answers, sys.stdout, names = sys.stdout, sys.stderr, {"__name__": "__main__"}
for line in sys.stdin:
    exec(compile(json.loads(line), "a block of the document", "exec"), names)
    print("ok", file=answers, flush=True)
"""


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Its lines without comments."""
        lines = (re.sub(r"(^|\s+)#\s.*", "", line).strip() for line in self.text.splitlines())
        return [line for line in lines if line]


@dataclass(frozen=True)
class Document:
    """A file in Markdown."""

    path: Path

    @property
    def blocks(self) -> list[Block]:
        found = re.findall(r"^```(\w+)\n(.*?)^```$", self.path.read_text(), re.MULTILINE | re.DOTALL)
        return [Block(*each) for each in found]

    @property
    def prose(self) -> str:
        return re.sub(r"^```.*?^```$", "", self.path.read_text(), flags=re.MULTILINE | re.DOTALL)

    @property
    def spans(self) -> list[str]:
        """What stands in the prose as code."""
        return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", self.prose)]

    @property
    def links(self) -> list[str]:
        return re.findall(r"\]\(([^)]+)\)", self.prose)


class Reader:
    """Somebody in a folder with a shell and a Python, both of which remember what was done before."""

    def __init__(self, folder: Path, tools: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._state = tools / "state"
        self._path = f"{tools}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._environment = {**inherited(), "PATH": self._path, **environment}
        self._running: list[subprocess.Popen[bytes]] = []
        self._notebook: subprocess.Popen[bytes] | None = None

    def shell(self, script: str) -> str:
        """Run a script in bash, where the one before has left off; return what it printed on stdout."""
        process = self._bash(f"set -euo pipefail\n{script}\n{{ pwd; export -p; }} > {self._state}")
        out, error = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, f"{script}\n{out.decode()}\n{error.decode()}"
        return out.decode()

    def variable(self, name: str) -> str:
        return self.shell(f'printf %s "${{{name}:-}}"')

    def python(self, code: str) -> None:
        """Run a block of Python in the process of those before it."""
        if self._notebook is None:
            command = f'exec "{sys.executable}" -W error -c "$NOTEBOOK"'
            self._notebook = self._bash(command, NOTEBOOK=NOTEBOOK)
        assert self._notebook.stdin is not None
        self._notebook.stdin.write(json.dumps(code).encode() + b"\n")
        if self.line_of(self._notebook) != "ok":
            raise AssertionError(f"{code}\n{self._notebook.communicate(timeout=LIMIT_S)[1].decode()}")

    def start(self, command: str) -> "subprocess.Popen[bytes]":
        """Start a command that serves until Ctrl-C."""
        return self._bash(f"exec {command}")

    def interrupt(self, process: "subprocess.Popen[bytes]") -> str:
        """Type Ctrl-C; return what else the command printed."""
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, error.decode()
        return out.decode()

    def line_of(self, process: "subprocess.Popen[bytes]") -> str:
        """Read a line of a command's stdout; an empty one when it has ended."""
        stream: Any = process.stdout
        readable, _, _ = select.select([stream], [], [], LIMIT_S)
        assert readable, "nothing was printed"
        return stream.readline().decode().rstrip("\n")  # type: ignore[no-any-return]

    def settle(self) -> None:
        """Wait until nothing is going on in the local AWS, if there is one."""
        port = urlsplit(self.variable("AWS_ENDPOINT_URL")).port
        if port:
            self.eventually(lambda: not control.busy(port))

    @staticmethod
    def eventually(ask: Callable[[], Any]) -> Any:
        """Ask until the answer is true."""
        deadline = time.monotonic() + LIMIT_S
        while not (answer := ask()):
            assert time.monotonic() < deadline, f"still {answer!r}"
            time.sleep(0.02)
        return answer

    def close(self) -> None:
        for process in self._running:
            with process:  # closes the pipes; children of its own may hold them for longer
                process.kill()

    def _bash(self, script: str, **more: str) -> "subprocess.Popen[bytes]":
        resume = f'cd "$(head -1 {self._state})"; source <(tail -n +2 {self._state})' if self._state.exists() else ""
        process = subprocess.Popen(
            ["bash", "-c", f"{resume}\n{script}"],
            cwd=self.folder,
            env={**self._environment, **more},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._running.append(process)
        return process


@pytest.fixture
def document(request: pytest.FixtureRequest) -> Document:
    """The document that a test names."""
    return Document(ROOT / request.param)


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stacks of this repository, synthesized."""
    target = tmp_path_factory.mktemp("synth") / "cdk.out"
    return deployment.synthesize(ROOT, target, account=ACCOUNT, region=REGION)


@pytest.fixture
def aws(assembly: Path) -> Iterator[LocalAws]:
    """A local AWS with the stacks of this repository in it; each reader's first version is v1."""
    with LocalAws() as started:
        started.deploy_assembly(assembly, io.StringIO())
        yield started


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a reader finds in a clone of this repository, as far as documents speak of it."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("registry.toml", "registry.schema.json", "app.py", "cdk.json"):
        copy(ROOT / name, folder)
    copytree(ROOT / "examples", folder / "examples", ignore=lambda *_: {"__pycache__"})
    return folder


@pytest.fixture
def follow(tmp_path: Path, installed: Callable[[str], str]) -> Iterator[Callable[..., Reader]]:
    """Begin to read: in a folder, with more variables in the environment, and with the AWS CLI at hand."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "aws").symlink_to(installed("awscli/bin/aws"))
    with ExitStack() as stack:

        def begin(folder: Path, **environment: str) -> Reader:
            reader = Reader(folder, tools, environment)
            stack.callback(reader.close)
            return reader

        yield begin
