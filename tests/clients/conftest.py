"""Real clients on a local AWS: what `make clients` has installed, started as its users start it.

They get the variables that `modelward local up` prints, a home of their own and nothing else of this computer's
settings.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from modelward.local.surroundings import inherited
from modelward.local.up import LocalAws

BUCKET = "models"
PROGRAM = """
import json

def model_fn(model_dir):
    return {name!r}

def predict_fn(data, model):
    return {{"model": model, "rows": len(data)}}
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
USE_THE_BUCKET = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket", "s3:PutObject"], "Resource": "*"}],
}

Run = Callable[..., str]


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    """A bare local AWS that the tests of one process share: what they make has names of their own."""
    with LocalAws() as started:
        started.client("admin", "s3").create_bucket(Bucket=BUCKET)
        yield started


@pytest.fixture(scope="session")
def role(aws: LocalAws) -> str:
    """The ARN of a role by which an endpoint reads its model, and a transform job its data, and writes its answers."""
    iam = aws.client("admin", "iam")
    arn: str = iam.create_role(RoleName="Endpoints", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="Endpoints", PolicyName="models", PolicyDocument=json.dumps(USE_THE_BUCKET))
    return arn


@pytest.fixture
def archive(tmp_path: Path) -> Callable[[str], Path]:
    """Write the model archive of a name, whose predictions tell that name."""

    def write(name: str) -> Path:
        code = PROGRAM.format(name=name).encode()
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(code)
        path = tmp_path / f"{name}.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            tar.addfile(member, io.BytesIO(code))
        return path

    return write


@pytest.fixture
def model_url(aws: LocalAws, archive: Callable[[str], Path]) -> Callable[[str], str]:
    """Put the model archive of a name into the bucket, and return its URL."""

    def put(name: str) -> str:
        aws.client("admin", "s3").upload_file(str(archive(name)), BUCKET, f"{name}/model.tar.gz")
        return f"s3://{BUCKET}/{name}/model.tar.gz"

    return put


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command to its end and return what it wrote on its output; fail with all it said otherwise."""

    def run_command(
        command: Sequence[str], variables: Mapping[str, str], *, folder: Path | None = None, code: int = 0
    ) -> str:
        path = os.pathsep.join((str(Path(sys.executable).parent), inherited().get("PATH", os.defpath)))
        done = subprocess.run(
            command,
            cwd=folder or tmp_path,
            env={**inherited(), "PATH": path, "HOME": str(tmp_path), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        told = f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == code, told
        return done.stdout if code == 0 else told

    return run_command
