"""Endpoints that serve, with real processes."""

import io
import json
import os
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from modelward.local import container
from modelward.local.hosting import ProcessHosting
from modelward.local.sagemaker import HostedVariant

KEY = "123456789012/us-east-1/digits-production/1/AllTraffic"
DOUBLE = """
import json
import os
def model_fn(model_dir):
    return json.load(open(model_dir + "/factor.json"))
def predict_fn(data, model):
    return [value * model for value in data]
"""


def archive(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def variant(environment: dict[str, str] | None = None) -> HostedVariant:
    return HostedVariant(
        endpoint_name="digits-production",
        endpoint_config_name="digits-production-v1",
        variant_name="AllTraffic",
        model_name="digits-v1",
        image="sklearn",
        model_data_url="s3://bucket/model.tar.gz",
        environment=environment or {},
    )


class Stage:
    """A hosting with one variant, and what it said when it changed."""

    def __init__(self, folder: Path) -> None:
        self.changes: Queue[bool | None] = Queue()
        self.content: bytes | OSError = b""
        self.hosting = ProcessHosting(self._fetch, folder, on_change=self._changed)

    def start(self, files: dict[str, str] | bytes | OSError, environment: dict[str, str] | None = None) -> None:
        self.content = archive(files) if isinstance(files, dict) else files
        self.hosting.start(KEY, variant(environment))

    def started(self) -> bool | None:
        return self.changes.get(timeout=60)

    def ask(self, body: str, content_type: str = "application/json", accept: str = "") -> tuple[int, str, str]:
        status, kind, answer = self.hosting.invoke(KEY, body.encode(), content_type, accept)
        return status, kind, answer.decode()

    def _fetch(self, _variant: HostedVariant) -> bytes:
        if isinstance(self.content, OSError):
            raise self.content
        return self.content

    def _changed(self) -> None:
        self.changes.put(self.hosting.healthy(KEY))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.hosting.close()


def test_a_model_answers_from_a_process_of_its_own(stage: Stage) -> None:
    code = (
        "import os\ndef model_fn(folder): return os.getpid()\ndef predict_fn(data, model): return [model, os.getpid()]"
    )
    stage.start({"code/inference.py": code})
    assert stage.started() is True
    status, kind, answer = stage.ask("[]")
    loaded_in, answered_in = json.loads(answer)
    assert (status, kind) == (200, "application/json")
    assert loaded_in == answered_in != os.getpid()


def test_what_the_script_leaves_out_is_json_in_and_json_out(stage: Stage) -> None:
    stage.start({"code/inference.py": DOUBLE, "factor.json": "2"})
    assert stage.started() is True
    assert stage.ask("[1, 2.5]") == (200, "application/json", "[2.0, 5.0]")


def test_csv_goes_in_and_out_if_asked_for(stage: Stage) -> None:
    stage.start({"code/inference.py": DOUBLE, "factor.json": "3"})
    assert stage.started() is True
    assert stage.ask("1,2\n3,4\n", "text/csv", "text/csv") == (200, "text/csv", "3.0,6.0\n9.0,12.0\n")


def test_the_script_may_do_all_by_itself(stage: Stage) -> None:
    code = """
def model_fn(model_dir): return "m"
def input_fn(body, content_type): return f"{content_type}:{type(body).__name__}"
def predict_fn(data, model): return data + ":" + model
def output_fn(prediction, accept): return prediction + ":" + accept, "text/plain"
"""
    stage.start({"code/inference.py": code})
    assert stage.started() is True
    assert stage.ask("x", "text/csv", "text/html") == (200, "text/plain", "text/csv:str:m:text/html")
    assert stage.ask("x", "application/x-npy", "a/b")[2] == "application/x-npy:bytes:m:a/b"


def test_the_script_finds_its_neighbours_and_its_environment(stage: Stage) -> None:
    code = """
import os, neighbour
def model_fn(model_dir): return neighbour.NAME + os.environ["MODE"]
def predict_fn(data, model): return model
"""
    stage.start({"code/inference.py": code, "code/neighbour.py": "NAME = 'n'"}, {"MODE": "fast"})
    assert stage.started() is True
    assert stage.ask("[]")[2] == '"nfast"'


def test_nothing_of_the_users_aws_account_reaches_a_model(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    code = "import os\ndef model_fn(d): return sorted(os.environ)\ndef predict_fn(d, m): return m"
    stage.start({"code/inference.py": code})
    assert stage.started() is True
    assert not [name for name in json.loads(stage.ask("[]")[2]) if name.startswith("AWS_")]


def test_what_a_model_prints_does_not_disturb_its_answers(stage: Stage) -> None:
    code = "print('loading')\ndef model_fn(d): return print('x' * 99999)\ndef predict_fn(d, m): print('hi'); return d"
    stage.start({"code/inference.py": code})
    assert stage.started() is True
    assert stage.ask('["a"]')[2] == '["a"]'


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"code/inference.py": "def model_fn(d): raise RuntimeError('no weights')"}, "RuntimeError: no weights"),
        ({"code/inference.py": "def model_fn(d): raise SystemExit(3)"}, "SystemExit: 3"),
        ({"code/inference.py": "import os\nos._exit(1)"}, "it ended or did not answer in time"),
        ({"code/inference.py": "x = 1"}, "inference.py has no model_fn(model_dir)"),
        ({"weights.json": "1"}, "the archive has no code/inference.py"),
        (b"not a tar", "not a gzip file"),
        (OSError("Access Denied"), "Access Denied"),
        ({"../escape.py": "x = 1"}, "../escape.py"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_unhealthy_and_says_why(
    stage: Stage, files: dict[str, str] | bytes | OSError, reason: str
) -> None:
    stage.start(files)
    assert stage.started() is False
    assert reason in (stage.hosting.reason(KEY) or "")
    assert stage.hosting.is_without_model(KEY) is isinstance(files, OSError)
    assert stage.ask("[]")[0] == 503


def test_an_error_in_a_prediction_is_an_answer_and_the_next_request_is_served(stage: Stage) -> None:
    code = "def model_fn(d): return 1\ndef predict_fn(d, m): return [1 / v for v in d.tolist()]"
    stage.start({"code/inference.py": code})
    assert stage.started() is True
    assert stage.ask("[0]") == (500, "text/plain", "ZeroDivisionError: division by zero")
    assert stage.ask("[2]")[0] == 200


def test_a_content_type_that_nothing_understands_is_the_clients_mistake(stage: Stage) -> None:
    stage.start({"code/inference.py": DOUBLE, "factor.json": "2"})
    assert stage.started() is True
    assert stage.ask("x", "image/png")[0] == 415
    assert stage.ask("[1]", accept="image/png")[0] == 406


def test_a_process_that_dies_is_replaced(stage: Stage) -> None:
    code = "import os\ndef model_fn(d): return 1\ndef predict_fn(d, m): return [1] if len(d) else os._exit(1)"
    stage.start({"code/inference.py": code})
    assert stage.started() is True
    assert stage.ask("[]")[0] == 500
    assert stage.ask("[1]")[0] == 200


def test_a_slow_start_holds_nobody_up_and_can_be_given_up(stage: Stage) -> None:
    began = time.monotonic()
    stage.start({"code/inference.py": "import time\ndef model_fn(d): time.sleep(600)"})
    assert stage.hosting.healthy(KEY) is None
    stage.hosting.stop(KEY)
    stage.hosting.stop(KEY)
    assert time.monotonic() - began < 30


def test_requests_that_come_together_are_all_answered(stage: Stage) -> None:
    stage.start({"code/inference.py": DOUBLE, "factor.json": "2"})
    assert stage.started() is True
    answers: Queue[tuple[int, str, str]] = Queue()
    threads = [threading.Thread(target=_ask_into, args=(stage, answers, number)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(json.loads(answers.get()[2])[0] for _ in threads) == [2.0 * number for number in range(20)]


def _ask_into(stage: Stage, answers: "Queue[tuple[int, str, str]]", number: int) -> None:
    answers.put(stage.ask(f"[{number}]"))


def test_a_stopped_variant_leaves_no_process_and_no_files(stage: Stage, tmp_path: Path) -> None:
    code = "import os\ndef model_fn(d): return os.getpid()\ndef predict_fn(d, m): return m"
    stage.start({"code/inference.py": code})
    assert stage.started() is True
    pid = int(stage.ask("[]")[2])
    stage.hosting.stop(KEY)
    assert stage.hosting.healthy(KEY) is False
    stage.hosting.close()
    assert not _is_running(pid)
    assert not list(tmp_path.rglob("model.tar.gz"))


def _is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(
    ("name", "kind", "is_plain"),
    [
        ("code/inference.py", tarfile.REGTYPE, True),
        ("code", tarfile.DIRTYPE, True),
        ("/etc/passwd", tarfile.REGTYPE, False),
        ("a/../../b", tarfile.REGTYPE, False),
        ("link", tarfile.SYMTYPE, False),
        ("hard", tarfile.LNKTYPE, False),
        ("device", tarfile.CHRTYPE, False),
    ],
)
def test_a_python_without_the_filter_for_data_unpacks_plain_files_alone(name: str, kind: bytes, is_plain: bool) -> None:
    member = tarfile.TarInfo(name)
    member.type = kind
    if is_plain:
        container.check_plain(member)
    else:
        with pytest.raises(tarfile.TarError, match="not a file or a folder"):
            container.check_plain(member)
