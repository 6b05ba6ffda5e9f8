"""An AWS account in this process, with Modelward deployed: what the stacks make, as far as the SDK needs it."""

import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import boto3
from moto import mock_aws

import modelward
from bench.traffic import Traffic
from modelward.bootstrap import context_of
from modelward.config.settings import Settings
from modelward.core.names import EVENT_SOURCE, ROLLOUT_REQUESTED, bus_name
from modelward.local import moto as local
from modelward.local.sagemaker import Caller, SageMaker
from modelward.services.context import Context
from modelward.services.reconcile import reconcile
from modelward.services.registry import Model, Registry, Version

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = "123456789012"
REGION: Final = "eu-west-1"
BUCKET, TABLE = "acme-models", "acme-ledger"
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
MODEL = "digits"
METRICS = {"accuracy": 0.973, "log_loss": 0.11}
ENVIRON = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}
_SOMEBODY = Caller(f"arn:aws:iam::{ACCOUNT}:user/ana", "AIDABENCH", ACCOUNT)


@dataclass(frozen=True, slots=True)
class Account:
    """The account, and somebody who is connected to it."""

    folder: Path
    traffic: Traffic
    registry: Registry
    context: Context

    @property
    def digits(self) -> Model:
        """The declared model."""
        return self.registry.model(MODEL)

    @property
    def core(self) -> SageMaker:
        """The local SageMaker itself."""
        return local.core(ACCOUNT, REGION)

    def artifact(self, content: str, size: int = 100_000) -> Path:
        """Write a model archive of about so many bytes that hardly shrink, as weights do."""
        path = self.folder / "model.tar.gz"
        data = content.encode() + os.urandom(size)
        with tarfile.open(path, "w:gz") as archive:
            member = tarfile.TarInfo("model.joblib")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        return path

    def register(self, content: str) -> Version:
        """Register a version as a training script does."""
        return self.register_from(self.artifact(content), "baseline")

    def register_from(self, path: Path, notes: str) -> Version:
        """Register a version from an archive that is there; other notes make it another version."""
        return self.digits.register(
            artifact=path,
            image=IMAGE,
            metrics=METRICS,
            dataset=modelward.Dataset(name="digits", version="1.0", uri="s3://data/digits.csv", sha256="0" * 64),
            notes=notes,
        )

    def fill(self, count: int) -> None:
        """Add versions that look like registered ones, straight into the local SageMaker: 10,000 take 2 s."""
        for number in range(count):
            self.call("CreateModelPackage", package(number))

    def call(self, operation: str, request: Mapping[str, Any]) -> Any:
        """Call the local SageMaker without a client, so that nobody hears it."""
        return self.core.call(operation, request, _SOMEBODY)

    def update(self, version: int, **changes: Any) -> None:
        """Change a version behind the SDK's back."""
        self.call("UpdateModelPackage", {"ModelPackageArn": self.arn(version), **changes})

    def forget_above(self, version: int) -> None:
        """Delete the versions above a number."""
        newest = {"ModelPackageGroupName": MODEL, "SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": 10}
        for listed in self.call("ListModelPackages", newest)["ModelPackageSummaryList"]:
            if listed["ModelPackageVersion"] > version:
                self.call("DeleteModelPackage", {"ModelPackageName": listed["ModelPackageArn"]})

    def arn(self, version: int) -> str:
        """Spell the ARN of a version."""
        return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{MODEL}/{version}"

    def deploy(self, version: Version) -> None:
        """Take an approved version to production, as the events would."""
        version.promote("Production", reason="released")
        while not reconcile(self.context, MODEL, "production")[-1].is_empty:
            local.advance(1)


def package(number: int) -> dict[str, Any]:
    """Give what registers a version, as Modelward registers one; each number is another."""
    types = ["application/json", "text/csv"]
    return {
        "ModelPackageGroupName": MODEL,
        "ModelPackageDescription": f"run {number}",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/models/{number}/model.tar.gz"}],
            "SupportedContentTypes": types,
            "SupportedResponseMIMETypes": types,
        },
        "CustomerMetadataProperties": {
            "modelward:sha256": f"{number:064x}",
            "modelward:branch": "main",
            **{f"metric:{name}": repr(value) for name, value in METRICS.items()},
        },
    }


@contextmanager
def connected() -> Iterator[Account]:
    """Open an account with one model without versions, connected to by the SDK's own way in.

    What comes once for each process is behind it: clients are made, the deployment is found.
    """
    local.install()
    before = dict(os.environ)
    os.environ.update(ENVIRON)
    try:
        with TemporaryDirectory() as folder, mock_aws():
            yield _connect(Path(folder))
    finally:
        os.environ.clear()
        os.environ.update(before)


def _connect(folder: Path) -> Account:
    _deploy(boto3.Session())
    session, traffic = boto3.Session(), Traffic()
    traffic.listen(session)
    context = context_of(ROOT / "registry.toml", session=session)
    account = Account(folder, traffic, Registry(context), context)
    account.digits.versions()
    account.digits.history()
    return account


def _deploy(session: boto3.Session) -> None:
    session.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    table = session.client("dynamodb").create_table(**_LEDGER)["TableDescription"]["TableArn"]
    session.client("sagemaker").create_model_package_group(ModelPackageGroupName=MODEL)
    settings = Settings(
        registry="acme",
        bucket=BUCKET,
        key_arn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1",
        table=TABLE,
        table_arn=table,
        topic_arn=f"arn:aws:sns:{REGION}:{ACCOUNT}:told",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/model-execution",
        reconcile_queue_url=_inbox(session),
    )
    for name, value in settings.to_parameters().items():
        session.client("ssm").put_parameter(Name=name, Value=value, Type="String")


def _inbox(session: boto3.Session) -> str:
    """Make the reconciler's queue behind the bus on which rollouts are asked for; give its URL."""
    url: str = session.client("sqs").create_queue(QueueName="reconcile")["QueueUrl"]
    events, bus = session.client("events"), bus_name("acme")
    pattern = json.dumps({"source": [EVENT_SOURCE], "detail-type": [ROLLOUT_REQUESTED]})
    events.create_event_bus(Name=bus)
    events.put_rule(Name="asked", EventBusName=bus, EventPattern=pattern)
    target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:reconcile"}
    events.put_targets(Rule="asked", EventBusName=bus, Targets=[target])
    return url


_LEDGER: dict[str, Any] = {
    "TableName": TABLE,
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "model", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("model", "entry", "at")],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-time",
            "KeySchema": [{"AttributeName": "model", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}
