"""However a local AWS ends, nothing of it is left: no process, no folder, no port."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import boto3
import pytest

from modelward.core.errors import InputError
from modelward.local.up import LocalAws

pytestmark = pytest.mark.system

RUN = """
import sys
from pathlib import Path
from modelward.local.up import run_local
sys.exit(run_local(None, is_bare="--bare" in sys.argv, folder=Path.cwd(), out=sys.stdout, talk=sys.stdout))
"""


@contextmanager
def local_up(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", dict[str, str]]]:
    """Run what `modelward local up --bare` runs, until it is ready."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", RUN, "--bare"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        yield process, dict(_exports(process.stdout))
        process.kill()


def _exports(lines: IO[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, _, value = line.removeprefix("export ").strip().partition("=")
        if line.startswith("export "):
            yield name, value
        if name == "AWS_SHARED_CREDENTIALS_FILE":
            return


def start_a_function(exported: dict[str, str]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return 1")
    session = boto3.Session(
        aws_access_key_id=exported["AWS_ACCESS_KEY_ID"], aws_secret_access_key=exported["AWS_SECRET_ACCESS_KEY"]
    )
    region, url = exported["AWS_REGION"], exported["AWS_ENDPOINT_URL"]
    iam = session.client("iam", region_name=region, endpoint_url=url)
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Statement": [statement]})
    arn = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    client = session.client("lambda", region_name=region, endpoint_url=url)
    client.create_function(
        FunctionName="f", Runtime="python3.14", Handler="app.handler", Role=arn, Code={"ZipFile": buffer.getvalue()}
    )
    assert client.invoke(FunctionName="f")["Payload"].read() == b"1"
    iam.close()
    client.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_code_0_and_leaves_nothing(
    tmp_path: Path, number: int, processes_of: Callable[[Path], list[str]], nothing_is_left: Callable[[Path], None]
) -> None:
    with local_up(tmp_path) as (process, exported):
        start_a_function(exported)
        assert len(processes_of(tmp_path)) >= 2, "the server and the function's worker"
        process.send_signal(number)
        assert process.wait(15) == 0
    nothing_is_left(tmp_path)


def test_an_interrupted_deployment_leaves_nothing(tmp_path: Path, nothing_is_left: Callable[[Path], None]) -> None:
    scratch, app = tmp_path / "scratch", tmp_path / "app"
    scratch.mkdir()
    app.mkdir()
    (app / "app.py").write_text("import time\ntime.sleep(600)")
    environment = {**os.environ, "TMPDIR": str(scratch)}
    command = [sys.executable, "-c", RUN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=app) as process:
        assert process.stdout is not None
        assert any("Synthesizing" in line for line in iter(process.stdout.readline, ""))
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    nothing_is_left(scratch)


def test_if_it_is_killed_the_server_notices_and_leaves_nothing(
    tmp_path: Path, nothing_is_left: Callable[[Path], None]
) -> None:
    with local_up(tmp_path) as (process, exported):
        start_a_function(exported)
        process.kill()
        process.wait(15)
    nothing_is_left(tmp_path)


def test_the_credentials_file_has_a_profile_for_each_identity(tmp_path: Path) -> None:
    with local_up(tmp_path) as (_, exported):
        text = Path(exported["AWS_SHARED_CREDENTIALS_FILE"]).read_text()
    assert [line for line in text.splitlines() if line.startswith("[")] == [
        "[default]",
        "[admin]",
        "[data-scientist]",
        "[approver]",
    ]


def test_a_port_that_is_taken_is_refused_with_the_way_out() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(InputError, match="cannot be opened: Address already in use"):
            LocalAws(port=other.getsockname()[1]).__enter__()


def test_a_second_one_begins_where_the_first_was_ended() -> None:
    with LocalAws() as first:
        port = first.port
        first.client("admin", "sagemaker").create_model_package_group(ModelPackageGroupName="digits")
    with LocalAws(port=port) as second:
        assert second.client("admin", "sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    assert not second.folder.exists()
