"""The CDK's own command line, with the default synthesizer: the life of the stacks that `app.py` makes."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modelward.local.up import LocalAws

pytestmark = pytest.mark.client

ROOT = Path(__file__).resolve().parents[2]
STACKS = ("acme-registry", "acme-workflow")
SETTINGS = {
    "CI": "true",
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "CDK_DISABLE_VERSION_CHECK": "true",
    "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path.home() / ".cache/aws/jsii/package-cache"),  # 200 MB, where it always is
}
ANOTHER = '[models.letters]\nowner = "vision-team"\n\n[notifications]'

Cdk = Callable[..., str]


@pytest.fixture
def fresh() -> Iterator[LocalAws]:
    """A local AWS in which nobody has deployed anything."""
    with LocalAws() as started:
        yield started


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A copy of our app, to change."""
    folder = tmp_path / "app"
    folder.mkdir()
    for name in ("app.py", "cdk.json", "registry.toml"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def cdk(fresh: LocalAws, app: Path, run: Callable[..., str], installed: Callable[[str], str]) -> Cdk:
    """Run the command line in the app's folder and return what it says, without colours."""
    program = installed("cdk/node_modules/aws-cdk/bin/cdk")

    def call(*words: str, code: int = 0) -> str:
        variables = {**fresh.environment(), **SETTINGS}
        return run(["node", program, "--no-color", "--no-notices", *words], variables, folder=app, code=code)

    return call


def statuses(aws: LocalAws) -> dict[str, str]:
    client = aws.client("admin", "cloudformation")
    return {
        stack["StackName"]: stack["StackStatus"]
        for stack in client.list_stacks()["StackSummaries"]
        if stack["StackName"] in STACKS
    }


def groups(aws: LocalAws) -> list[str]:
    client = aws.client("admin", "sagemaker")
    return [
        group["ModelPackageGroupName"] for group in client.list_model_package_groups()["ModelPackageGroupSummaryList"]
    ]


def resources(aws: LocalAws, *types: str) -> dict[str, Any]:
    """Give the physical ids of a stack's resources of some types, by type."""
    client = aws.client("admin", "cloudformation")
    found = client.describe_stack_resources(StackName="acme-registry")["StackResources"]
    return {each["ResourceType"]: each["PhysicalResourceId"] for each in found if each["ResourceType"] in types}


def test_the_cdk_bootstraps_deploys_changes_and_destroys_our_app(fresh: LocalAws, app: Path, cdk: Cdk) -> None:
    assert f"Environment aws://{fresh.account}/{fresh.region} bootstrapped" in cdk("bootstrap")
    deploy = ("deploy", "--all", "--require-approval", "never")
    cdk(*deploy)
    assert statuses(fresh) == dict.fromkeys(STACKS, "CREATE_COMPLETE")
    assert groups(fresh) == ["digits"]

    again = cdk(*deploy)
    assert [stack for stack in STACKS if f"{stack} (no changes)" not in again] == []
    assert "Number of stacks with differences: 0" in cdk("diff", "--all")

    declaration = app / "registry.toml"
    declaration.write_text(declaration.read_text().replace("[notifications]", ANOTHER))
    difference = cdk("diff", "--all")
    assert "Number of stacks with differences: 3" in difference
    assert re.findall(r"^\[([+-])\] (AWS::\S+)", difference, re.MULTILINE) == [
        ("+", "AWS::SageMaker::ModelPackageGroup"),
    ]
    cdk(*deploy)
    assert statuses(fresh) == dict.fromkeys(STACKS, "UPDATE_COMPLETE")
    assert groups(fresh) == ["digits", "letters"]

    kept = resources(fresh, "AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key")
    assert len(kept) == 3
    # What holds the versions is protected: somebody has to say that it may go, and then its resources stay.
    refused = cdk("destroy", "--all", "--force", code=1)
    assert "acme-registry" in refused
    assert "cannot be deleted while TerminationProtection is enabled" in refused
    assert statuses(fresh) == {"acme-registry": "UPDATE_COMPLETE", "acme-workflow": "DELETE_COMPLETE"}
    stacks = fresh.client("admin", "cloudformation")
    stacks.update_termination_protection(StackName="acme-registry", EnableTerminationProtection=False)
    cdk("destroy", "acme-registry", "--force")
    assert statuses(fresh) == dict.fromkeys(STACKS, "DELETE_COMPLETE")
    assert groups(fresh) == ["digits", "letters"]
    fresh.client("admin", "s3").head_bucket(Bucket=kept["AWS::S3::Bucket"])
    fresh.client("admin", "dynamodb").describe_table(TableName=kept["AWS::DynamoDB::Table"])
    key = fresh.client("admin", "kms").describe_key(KeyId=kept["AWS::KMS::Key"])["KeyMetadata"]
    assert key["KeyState"] == "Enabled"
