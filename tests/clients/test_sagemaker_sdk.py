"""The SageMaker Python SDK, version 3: what its users write, in an environment that has nothing of ours."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelward.local.up import LocalAws

pytestmark = pytest.mark.client

FOLDER = Path(__file__).parent
EXAMPLES = FOLDER.parents[1] / "examples"
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
# The SDK sends telemetry to AWS itself, unless told not to.
SETTINGS = "SchemaVersion: '1.0'\nSageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}\n"

Script = Callable[..., Any]


@pytest.fixture
def python(aws: LocalAws, run: Callable[..., str], installed: Callable[[str], str], tmp_path: Path) -> Script:
    """Run a script in the SDK's environment and return what it printed."""
    settings = tmp_path / "config.yaml"
    settings.write_text(SETTINGS)
    variables = {**aws.environment(), "SAGEMAKER_USER_CONFIG_OVERRIDE": str(settings)}
    return lambda *command: run([installed("sagemaker/bin/python"), *map(str, command)], variables)


@pytest.fixture
def script(python: Script, tmp_path: Path) -> Script:
    """Run a script of this folder and return the facts that it wrote."""

    def call(name: str, *arguments: str) -> Any:
        out = tmp_path / "facts.json"
        python(FOLDER / name, out, *arguments)
        return json.loads(out.read_text())

    return call


def test_the_sdk_registers_lists_and_approves(aws: LocalAws, script: Script, archive: Callable[[str], Path]) -> None:
    # Its own default for the bucket's name asks AWS's STS, not AWS_ENDPOINT_URL's, who is asking: so it is named.
    bucket = f"sagemaker-{aws.region}-{aws.account}"
    facts = script("sdk_registry.py", bucket, str(archive("one")), str(archive("two")))
    assert facts["bucket"] == bucket
    assert facts["urls"] == [f"s3://{bucket}/sdk/{name}.tar.gz" for name in ("one", "two")]

    root = f"arn:aws:sagemaker:{aws.region}:{aws.account}:model-package/sdk-digits/"
    assert facts["arns"] == [f"{root}{number}" for number in range(1, 12)]
    assert facts["listed"] == facts["arns"]  # two pages, oldest first

    who = f"arn:aws:iam::{aws.account}:user/admin"
    assert facts["approved"] == {
        "statuses": ["PendingManualApproval", "Approved"],
        "reason": "good",
        "stage": "Staging",
        "metadata": {"accuracy": "0.97", "reviewed": "yes"},
        "by": [who, who],
        "version": 1,
        "image": IMAGE,
        "url": facts["urls"][0],
    }
    assert facts["batch"] == ["Approved", "PendingManualApproval"]
    assert facts["approved_versions"] == [1]
    assert all('Missing required parameter in input: "ModelPackageName"' in refusal for refusal in facts["refusals"])
    assert facts["groups"] == []


def test_the_sdk_creates_updates_asks_and_deletes_an_endpoint(
    aws: LocalAws, role: str, script: Script, model_url: Callable[[str], str]
) -> None:
    client = aws.client("admin", "sagemaker")
    client.create_model_package_group(ModelPackageGroupName="sdk-served")
    arns = [
        client.create_model_package(
            ModelPackageGroupName="sdk-served",
            ModelApprovalStatus="Approved",
            InferenceSpecification={"Containers": [{"Image": IMAGE, "ModelDataUrl": model_url(name)}]},
        )["ModelPackageArn"]
        for name in ("sdk-one", "sdk-two")
    ]
    facts = script("sdk_hosting.py", role, *arns)
    assert facts == {
        "created": ["sdk-digits-0", 1, {"model": "sdk-one", "rows": 3}],
        "updated": ["sdk-digits-1", 1, {"model": "sdk-two", "rows": 3}],
        "scaled": ["sdk-digits-1", 2, {"model": "sdk-two", "rows": 3}],
        "before": ["sdk-digits", "sdk-digits-1", "sdk-digits-0", "sdk-digits-1", "sdk-digits-0"],
        "after": [],
    }


def test_the_example_registers_and_approves(aws: LocalAws, python: Script, archive: Callable[[str], Path]) -> None:
    aws.client("admin", "sagemaker").create_model_package_group(ModelPackageGroupName="digits")
    said = python(EXAMPLES / "register_with_the_sdk.py", archive("example"))
    arn = f"arn:aws:sagemaker:{aws.region}:{aws.account}:model-package/digits/1"
    assert said.splitlines()[-1] == f"{arn} Approved"
