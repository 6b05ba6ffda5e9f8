"""A registry that is deployed in moto, as the commands find it: files in a folder, parameters in SSM."""

import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from tests.declaration import DIGITS

from modelward.bootstrap import context_of
from modelward.cli.main import main
from modelward.config.settings import Settings
from modelward.local import moto
from modelward.services.context import Context
from modelward.services.reconcile import reconcile
from modelward.services.review import review

REGION = "eu-west-1"
ACCOUNT = "123456789012"
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
KEYS = [{"AttributeName": name, "AttributeType": "S"} for name in ("model", "entry", "at")]
INDEX = {
    "IndexName": "by-time",
    "KeySchema": [{"AttributeName": "model", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
    "Projection": {"ProjectionType": "ALL"},
}


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Shell:
    """Where commands are typed."""

    folder: Path

    def __call__(self, *words: str) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(words)
        return Said(code, out.getvalue(), err.getvalue())

    def archive(self, name: str, content: str = "weights") -> str:
        """Make a model.tar.gz."""
        path = self.folder / name
        with tarfile.open(path, "w:gz") as tar:
            info = tarfile.TarInfo("weights")
            info.size = len(content.encode())
            tar.addfile(info, io.BytesIO(content.encode()))
        return str(path)

    def register(self, content: str, accuracy: float, *more: str) -> Said:
        figures = ("--metric", f"accuracy={accuracy}", "--metric", "log_loss=0.11")
        artifact = self.archive(f"{content}.tar.gz", content)
        return self("register", "digits", "--artifact", artifact, "--image", IMAGE, *figures, *more)

    @cached_property
    def context(self) -> Context:
        """What the functions work with."""
        return context_of(self.folder / "registry.toml")

    def settle(self, *versions: int) -> None:
        """Do what the functions do once the events have come, until nothing is left to do."""
        is_moving = True
        while is_moving:
            for version in versions:
                review(self.context, "digits", version)
            moves = [reconcile(self.context, "digits", environment) for environment in ("staging", "production")]
            is_moving = not all(plans[0].is_empty for plans in moves)


@contextmanager
def deployed(folder: Path) -> Iterator[Shell]:
    """Give a folder with a registry.toml that is deployed in an account and region."""
    (folder / "registry.toml").write_text(DIGITS)
    moto.install()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.delenv(name, raising=False)
        with mock_aws():
            _deploy()
            yield Shell(folder)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Give a registry without versions."""
    with deployed(tmp_path) as shell:
        yield shell


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Give a registry where v1 went to production, v2 is better and v3 fails its gates; tests only read it."""
    with deployed(tmp_path_factory.mktemp("registry")) as shell:
        shell.register("one", 0.973, "--notes", "baseline", "--dataset-name", "digits", "--dataset-version", "1.0")
        shell.register("two", 0.981, "--notes", "more trees", "--metadata", "ticket=ML-7")
        shell.register("three", 0.61)
        shell("approve", "digits", "1", "--reason", "a good start")
        shell.settle(1, 2, 3)
        shell("promote", "digits", "1", "Production", "--reason", "a week in staging")
        shell.settle(1)
        yield shell


def _deploy() -> None:
    place = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
    boto3.client("s3").create_bucket(Bucket="acme-models", **place)  # type: ignore[arg-type]
    boto3.client("dynamodb").create_table(
        TableName="acme-ledger",
        AttributeDefinitions=KEYS,  # type: ignore[arg-type]
        KeySchema=[{"AttributeName": "model", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[INDEX],  # type: ignore[list-item]
        BillingMode="PAY_PER_REQUEST",
    )
    boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName="digits")
    boto3.client("events").create_event_bus(Name="acme-rollouts")
    settings = Settings(
        registry="acme",
        bucket="acme-models",
        key_arn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1",
        table="acme-ledger",
        table_arn=f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/acme-ledger",
        topic_arn=boto3.client("sns").create_topic(Name="acme")["TopicArn"],
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/acme-models",
        reconcile_queue_url=boto3.client("sqs").create_queue(QueueName="acme-reconcile")["QueueUrl"],
    )
    for name, value in settings.to_parameters().items():
        boto3.client("ssm").put_parameter(Name=name, Value=value, Type="String")
