"""Groups, versions, their bucket and a table were there before; then Modelward is deployed, on a local AWS."""

import io
import json
import os
import tarfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from modelward import bootstrap
from modelward.cli.demo.inbox import Mailbox
from modelward.cli.main import main
from modelward.local.up import LocalAws

pytestmark = pytest.mark.system

IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
CODE = "def model_fn(folder):\n    return 'as ever'\ndef predict_fn(data, model):\n    return model\n"
DECLARATION = """
[registry]
name   = "acme"
stages = ["Development", "Staging", "Archived"]
[environments.staging]
stage = "Staging"
enter = "on-approval"
[models.fresh]
owner = "growth-team"
[models.churn]
owner = "growth-team"
existing = true
[models.churn.endpoints.staging]
serverless = {{ memory_mb = 2048, max_concurrency = 5 }}
[existing]
artifacts = ["s3://their-models/churn/"]
table_stream_arn = "{stream}"
[notifications]
email = ["ml@example.com"]
"""
TABLE: dict[str, Any] = {
    "TableName": "their-history",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("model", "entry", "at")],
    "KeySchema": [{"AttributeName": "model", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-time",
            "KeySchema": [{"AttributeName": "model", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "DeletionProtectionEnabled": True,
}
IMAGES = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}


def eventually(look: Callable[[], Any], *, limit_s: float = 30.0) -> Any:
    """Look until there is something to see; say what was last seen if there never is."""
    deadline = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"still {found!r}"
        time.sleep(0.02)
    return found


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(CODE)
        tar.addfile(member, io.BytesIO(CODE.encode()))
    return buffer.getvalue()


def before_modelward(aws: LocalAws) -> None:
    """Make a group with two versions, both approved, by plain boto3."""
    s3, sagemaker = aws.client("admin", "s3"), aws.client("admin", "sagemaker")
    place = {"LocationConstraint": aws.region}
    s3.create_bucket(
        Bucket="their-models", **({"CreateBucketConfiguration": place} if aws.region != "us-east-1" else {})
    )
    s3.put_object(Bucket="their-models", Key="churn/model.tar.gz", Body=archive())
    sagemaker.create_model_package_group(ModelPackageGroupName="churn", ModelPackageGroupDescription="by a notebook")
    container = {"Image": IMAGE, "ModelDataUrl": "s3://their-models/churn/model.tar.gz"}
    for _ in range(2):
        sagemaker.create_model_package(
            ModelPackageGroupName="churn",
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["application/json"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )


def their_table(aws: LocalAws) -> str:
    """Make the table of the history as docs/adopting.md asks for it; give the ARN of its stream."""
    dynamodb = aws.client("admin", "dynamodb")
    made = dynamodb.create_table(**TABLE, StreamSpecification=IMAGES, ResourcePolicy=_documented_policy())
    return str(made["TableDescription"]["LatestStreamArn"])


def _documented_policy() -> str:
    text = (Path(__file__).resolve().parents[2] / "docs/adopting.md").read_text(encoding="utf-8")
    [block] = [each for each in text.split("```") if "NobodyRewritesHistory" in each]
    return block.removeprefix("text")


def planned(folder: Path) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    with redirect_stdout(out):
        code = main(["plan", "--json", "--registry", str(folder / "registry.toml")])
    return code, {each["subject"]: each for each in json.loads(out.getvalue())}


def test_an_old_group_is_adopted_as_it_is_and_an_approval_of_today_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declaration = tmp_path / "registry.toml"
    root = Path(__file__).resolve().parents[2]
    (tmp_path / "app.py").write_text((root / "app.py").read_text())
    with LocalAws() as aws:
        before_modelward(aws)
        for name, value in aws.environment("admin").items():
            monkeypatch.setitem(os.environ, name, value)
        stream = their_table(aws)
        declaration.write_text(DECLARATION.format(stream=f"{stream}9"))
        assert planned(tmp_path)[1]["table their-history"]["text"] == "has another stream than the declared one"
        declaration.write_text(DECLARATION.format(stream=stream))
        assert planned(tmp_path)[0] == 0
        assert planned(tmp_path)[1]["group fresh"]["text"] == "will be made"

        aws.deploy(tmp_path, io.StringIO())
        aws.wait_idle()
        code, found = planned(tmp_path)
        assert (code, list(found)) == (0, [stream.partition("/stream/")[0]])  # what its owner must see to
        context = bootstrap.context_of(declaration, session=aws.session("admin"))
        mailbox = Mailbox(aws.client("admin", "sqs"), aws.client("admin", "sns"), context.settings.topic_arn)

        sagemaker = aws.client("admin", "sagemaker")
        churn = bootstrap.connect(tmp_path / "registry.toml", session=aws.session("admin")).model("churn")
        assert [version.approval_status for version in churn.versions()] == ["Approved", "Approved"]
        assert sagemaker.list_endpoints()["Endpoints"] == []

        sagemaker.update_model_package(
            ModelPackageArn=churn.version(1).arn, ModelApprovalStatus="Approved", ApprovalDescription="serve it here"
        )
        eventually(lambda: churn.version(1).stage_status == "Approved")
        answer = aws.client("admin", "sagemaker-runtime").invoke_endpoint(
            EndpointName="churn-staging", ContentType="application/json", Body=b"[[1]]"
        )
        assert json.load(answer["Body"]) == "as ever"
        assert (
            sagemaker.describe_model_package_group(ModelPackageGroupName="churn")["ModelPackageGroupDescription"]
            == "by a notebook"
        )
        assert context.settings.table == "their-history"
        assert len(aws.client("admin", "dynamodb").list_tables()["TableNames"]) == 1
        assert "approved" in [entry.kind.value for entry in churn.history() if entry.version == 1]
        assert "churn" in str(eventually(mailbox.read))
        kinds = [entry.kind.value for entry in churn.history() if entry.version == 2]
        assert kinds in ([], ["found"])
