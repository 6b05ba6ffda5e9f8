"""`make test-live`, on a local AWS that takes the place of the caller's account, over HTTP and in real time."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.fidelity import leftovers

from modelward.local.surroundings import inherited
from modelward.local.up import LocalAws

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
ONE = ("--live-endpoints", "-k", "endpoint-events")  # a test that makes one of nearly everything
LIMIT_S = 300.0


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as started:
        yield started


class Eyes:
    """Sees what is in the account."""

    def __init__(self, aws: LocalAws) -> None:
        self.client = lambda service: aws.client("admin", service)

    def close(self) -> None:
        """Leave the clients to the local AWS."""

    @property
    def kinds(self) -> set[str]:
        return {leftover.kind for leftover in leftovers.find(self)}


@pytest.fixture
def eyes(aws: LocalAws) -> Eyes:
    return Eyes(aws)


def start(environment: Mapping[str, str], *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--live", "tests/fidelity", *options]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**inherited(), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(environment: Mapping[str, str], *options: str) -> tuple[int, str]:
    process = start(environment, *options)
    told, _ = process.communicate(timeout=LIMIT_S)
    return process.returncode, told


def interrupt(aws: LocalAws, number: signal.Signals, *options: str) -> str:
    """Send a run a signal as soon as its endpoint is there; return what it told."""
    process = start(aws.environment(), "--yes", *ONE, *options)
    deadline = time.monotonic() + LIMIT_S
    while not aws.client("admin", "sagemaker").list_endpoints()["Endpoints"]:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, number)
    return process.communicate(timeout=LIMIT_S)[0]


def test_every_row_is_tried_and_nothing_stays(aws: LocalAws, eyes: Eyes) -> None:
    code, told = run(aws.environment(), "--yes", "--live-endpoints")
    assert code == 0, told
    before, _, after = told.partition("in all")
    assert f"account  {aws.account}" in before
    assert f"at       {aws.endpoint_url}" in before
    assert "holds" not in before
    outcome = [line.split(maxsplit=1) for line in after.splitlines() if line.startswith(("holds", "DIFFERS", "not"))]
    assert {word for word, _ in outcome} == {"holds"}
    assert "metadata-merges" in {row for _, row in outcome}
    assert eyes.kinds == set()


def test_what_a_killed_run_leaves_is_swept_once_it_has_expired(aws: LocalAws, eyes: Eyes) -> None:
    interrupt(aws, signal.SIGKILL, "--expire-after", "0")
    assert eyes.kinds >= {"endpoint", "endpoint config", "model", "model package group", "queue", "bucket", "role"}
    code, told = run(aws.environment(), "--sweep")
    assert (code, eyes.kinds) == (0, set()), told
    assert "model package group modelward-live-" in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_tidies_up(aws: LocalAws, eyes: Eyes, number: signal.Signals) -> None:
    told = interrupt(aws, number)
    assert "KeyboardInterrupt" in told
    assert eyes.kinds == set()


def test_nothing_is_made_without_leave(aws: LocalAws, eyes: Eyes) -> None:
    code, told = run(aws.environment(), "-k", "metadata-merges")
    assert code == 2
    assert "Nothing was made: nobody can be asked here, and there is no --yes." in told
    assert "in all" in told
    assert eyes.kinds == set()


def test_without_credentials_it_says_so() -> None:
    nowhere = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1", "AWS_CONFIG_FILE": "/dev/null"}
    code, told = run({**nowhere, "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"})
    assert code == 2
    assert "No AWS account to test in: Unable to locate credentials" in told


def test_a_row_that_differs_is_told_without_the_account(aws: LocalAws, eyes: Eyes) -> None:
    denied = {"Effect": "Deny", "Action": "sagemaker:UpdateModelPackage", "Resource": "*"}
    named = {"UserName": "admin", "PolicyName": "differ"}
    iam = aws.root_client("iam")
    iam.put_user_policy(**named, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [denied]}))
    try:
        code, told = run(aws.environment(), "--yes", "-k", "metadata-merges or group-exists")
    finally:
        iam.delete_user_policy(**named)
    assert code == 1
    [line] = [line for line in told.splitlines() if line.startswith("DIFFERS")]
    assert "metadata-merges: botocore.exceptions.ClientError: An error occurred (AccessDeniedException)" in line
    assert "<account>" in line
    assert aws.account not in line
    assert "holds     group-exists" in told
    assert eyes.kinds == set()
