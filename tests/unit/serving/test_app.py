"""The server: real archives, real requests, a stage that changes under them."""

import asyncio
import hashlib
import io
import json
import tarfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from modelward.core.errors import ArtifactError, IntegrityError
from modelward.serving.app import build
from modelward.serving.artifact import LoadedModel, loader
from modelward.serving.switch import Switch

ECHO = """
import threading, number
from pathlib import Path
ENTERED, GATE = threading.Semaphore(0), threading.Semaphore(0)
def model_fn(folder): return Path(folder, "weights").read_text()
def predict_fn(data, model):
    if data == "wait":
        ENTERED.release()
        assert GATE.acquire(timeout=20)
    if data == "raise": raise ValueError("cannot")
    import number
    return [number.N, model]
def input_fn(body, content_type): return body.decode() if isinstance(body, bytes) else body
"""


def archive(number: int, code: str = ECHO, *, extra: dict[str, bytes] | None = None) -> bytes:
    files = {
        "code/inference.py": code.encode(),
        "code/number.py": f"N = {number}".encode(),
        "weights": b"w%d" % number,
        **(extra or {}),
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@dataclass(frozen=True)
class Version:
    """A version whose bytes are at hand; its download checks the digest as the service's does."""

    version: int
    data: bytes
    registered: bytes = b""

    @property
    def arn(self) -> str:
        return f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/digits/{self.version}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.registered or self.data).hexdigest()

    def download(self, folder: Path) -> Path:
        found = hashlib.sha256(self.data).hexdigest()
        if found != self.sha256:
            raise IntegrityError(f"digits {self.version}", expected=self.sha256, found=found)
        (folder / "model.tar.gz").write_bytes(self.data)
        return folder / "model.tar.gz"


@dataclass
class Server:
    """An application over a stage that a test sets."""

    root: Path
    stage: Version | None = None
    checked: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.switch: Switch[LoadedModel] = Switch(
            current=lambda: self.stage,
            load=loader(self.root, self.checked.append),
            clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        )
        self.app = build(self.switch, model="digits", stage="Production")

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://server")

    def put(self, version: Version) -> None:
        self.stage = version
        self.switch.poll()


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


async def ask(client: httpx.AsyncClient, text: str = "go") -> httpx.Response:
    return await client.post("/invocations", content=text, headers={"content-type": "text/plain"})


def run_one(server: Server, text: str = "go") -> httpx.Response:
    async def go() -> httpx.Response:
        async with server.client() as client:
            return await ask(client, text)

    return asyncio.run(go())


def get(server: Server, path: str) -> httpx.Response:
    async def go() -> httpx.Response:
        async with server.client() as client:
            return await client.get(path)

    return asyncio.run(go())


def test_before_a_version_is_loaded_ping_and_invocations_say_503(server: Server) -> None:
    assert get(server, "/ping").status_code == 503
    assert run_one(server).status_code == 503
    assert get(server, "/version").json()["version"] is None


def test_a_loaded_version_answers_and_says_which_one_it_is(server: Server) -> None:
    version = Version(3, archive(3))
    server.put(version)
    assert get(server, "/ping").status_code == 200
    answer = run_one(server)
    assert (answer.json(), answer.headers["x-modelward-version"]) == ([3, "w3"], "3")
    assert get(server, "/version").json() == {
        "model": "digits",
        "stage": "Production",
        "version": 3,
        "arn": version.arn,
        "sha256": version.sha256,
        "loaded_at": "2026-01-01T00:00:00+00:00",
        "failed": None,
        "registry": "ok",
    }


def test_an_archive_is_checked_before_it_is_unpacked(server: Server) -> None:
    server.put(Version(1, archive(1)))
    assert [path.name for path in server.checked] == ["model.tar.gz"]


def test_requests_in_flight_end_on_the_old_version_new_ones_go_to_the_new_and_none_is_dropped(server: Server) -> None:
    server.put(Version(1, archive(1)))

    async def scene() -> tuple[list[httpx.Response], list[httpx.Response]]:
        async with server.client() as client:
            waiting = [asyncio.create_task(ask(client, "wait")) for _ in range(8)]
            with server.switch.lease() as leased:
                assert leased is not None
                old = leased[1]
            entered = old.inference.own["model_fn"].__globals__["ENTERED"]
            for _ in waiting:
                assert await asyncio.to_thread(entered.acquire, timeout=20)
            await asyncio.to_thread(server.put, Version(2, archive(2)))
            after = [await ask(client) for _ in range(8)]
            assert Path(old.folder.name).is_dir()
            for _ in waiting:
                old.inference.own["model_fn"].__globals__["GATE"].release()
            before = await asyncio.gather(*waiting)
            assert not Path(old.folder.name).exists()
            return before, after

    before, after = asyncio.run(scene())
    assert {(r.status_code, *r.json()) for r in before} == {(200, 1, "w1")}
    assert {(r.status_code, *r.json()) for r in after} == {(200, 2, "w2")}


def test_a_stream_of_requests_through_many_switches_gets_only_whole_answers(server: Server) -> None:
    data = [archive(n) for n in range(6)]
    server.put(Version(0, data[0]))

    async def stream(client: httpx.AsyncClient, done: asyncio.Event) -> list[httpx.Response]:
        answers = []
        while not done.is_set():
            answers.append(await ask(client))
        return answers

    async def scene() -> list[httpx.Response]:
        async with server.client() as client:
            done = asyncio.Event()
            streams = [asyncio.create_task(stream(client, done)) for _ in range(6)]
            for number in (1, 2, 3, 4, 5):
                await asyncio.to_thread(server.put, Version(number, data[number]))
                await ask(client)
            done.set()
            return [answer for answers in await asyncio.gather(*streams) for answer in answers]

    answers = asyncio.run(scene())
    assert Counter(r.status_code for r in answers) == {200: len(answers)}
    for answer in answers:
        number = int(answer.headers["x-modelward-version"])
        assert answer.json() == [number, f"w{number}"]
    assert server.switch.report().to_json()["version"] == 5


def test_a_version_whose_bytes_were_replaced_is_not_swapped_in(server: Server) -> None:
    server.put(Version(1, archive(1)))
    server.put(Version(2, archive(66), registered=archive(2)))
    said = get(server, "/version").json()
    assert (said["version"], run_one(server).json()) == (1, [1, "w1"])
    assert said["failed"].startswith("version 2: digits 2 has SHA-256 ")


FILTERED = pytest.mark.skipif(
    not hasattr(tarfile, "data_filter"), reason="Python has the filter from 3.11.4 on; before, the check alone refuses"
)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (archive(2, "raise RuntimeError('no weights')"), "RuntimeError: no weights"),
        (archive(2, "def nothing(): pass"), "no model_fn"),
        pytest.param(archive(2, extra={"../out": b"x"}), "OutsideDestinationError", marks=FILTERED),
        (b"not a gzip", "ReadError"),
    ],
)
def test_a_version_that_cannot_be_loaded_leaves_the_one_before_and_no_files(
    server: Server, data: bytes, why: str
) -> None:
    server.put(Version(1, archive(1)))
    server.put(Version(2, data))
    assert run_one(server).json() == [1, "w1"]
    assert why in get(server, "/version").json()["failed"]
    assert len(list(server.root.iterdir())) == 1


def test_what_the_check_refuses_is_not_unpacked(tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise ArtifactError(path.name, found="60 GB once unpacked", rule="at most 50 GB")

    with pytest.raises(ArtifactError, match="60 GB"):
        loader(tmp_path, refuse)(Version(1, archive(1)))
    assert list(tmp_path.iterdir()) == []


def test_what_the_model_raises_is_a_500_and_the_server_goes_on(server: Server) -> None:
    server.put(Version(1, archive(1)))
    answer = run_one(server, "raise")
    assert (answer.status_code, json.loads(answer.text)) == (500, {"error": "ValueError: cannot"})
    assert run_one(server).status_code == 200


def test_closing_removes_the_files_of_the_live_version(server: Server) -> None:
    server.put(Version(1, archive(1)))
    server.switch.close()
    assert list(server.root.iterdir()) == []
