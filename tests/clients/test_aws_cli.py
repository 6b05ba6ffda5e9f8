"""The AWS CLI: the life of a model as somebody types it, by three people."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelward.local.up import LocalAws

pytestmark = pytest.mark.client

IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
WAITERS = "awscli/lib/python*/site-packages/awscli/botocore/data/sagemaker/*/waiters-2.json"

Aws = Callable[..., Any]


@pytest.fixture
def cli(aws: LocalAws, run: Callable[..., str], installed: Callable[[str], str], hasty: Path) -> Aws:
    """Run `aws` with words, and options by name; return its answer."""
    program = installed("awscli/bin/aws")
    variables = {**aws.environment(), "AWS_DATA_PATH": str(hasty)}

    def call(*words: str, code: int = 0, **options: Any) -> Any:
        typed = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", told(value))]
        answer = run([program, *words, *typed], variables, code=code)
        return json.loads(answer) if answer.startswith("{") else answer

    return call


@pytest.fixture
def hasty(tmp_path: Path, installed: Callable[[str], str]) -> Path:
    """A data path on which the CLI's waiters ask each second; what they were shipped with is 30 seconds."""
    (shipped,) = Path(installed("awscli")).parent.glob(WAITERS)
    model = json.loads(shipped.read_text())
    for waiter in model["waiters"].values():
        waiter["delay"] = 1
    folder = tmp_path / "data" / "sagemaker" / shipped.parent.name
    folder.mkdir(parents=True)
    (folder / shipped.name).write_text(json.dumps(model))
    return tmp_path / "data"


def told(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def specification(url: str) -> dict[str, Any]:
    return {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": url}],
        "SupportedContentTypes": ["application/json"],
        "SupportedResponseMIMETypes": ["application/json"],
    }


def variant(model: str) -> list[dict[str, Any]]:
    return [
        {
            "VariantName": "all",
            "ModelName": model,
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
            "InitialVariantWeight": 1,
        }
    ]


def ask(cli: Aws, path: Path, endpoint: str) -> Any:
    words = ("sagemaker-runtime", "invoke-endpoint", str(path))
    options = {"endpoint_name": endpoint, "content_type": "application/json", "body": "[1, 2, 3]"}
    assert cli(*words, **options)["InvokedProductionVariant"] == "all"
    return json.loads(path.read_text())


def test_the_cli_registers_approves_and_serves(
    cli: Aws, role: str, model_url: Callable[[str], str], tmp_path: Path
) -> None:
    group = {"model_package_group_name": "cli-digits"}
    assert cli("sagemaker", "create-model-package-group", **group)["ModelPackageGroupArn"].endswith("/cli-digits")
    arns = [
        cli(
            "sagemaker",
            "create-model-package",
            **group,
            inference_specification=specification(model_url(name)),
            customer_metadata_properties="accuracy=0.97,trained_by=cli",
            profile="data-scientist",
        )["ModelPackageArn"]
        for name in ("cli-one", "cli-two")
    ]
    assert [arn.rpartition("/")[2] for arn in arns] == ["1", "2"]

    approval = {"model_approval_status": "Approved", "approval_description": "good"}
    for arn in arns:
        cli("sagemaker", "update-model-package", model_package_arn=arn, **approval, profile="approver")
    query = "ModelPackageSummaryList[].[ModelPackageVersion,ModelApprovalStatus]"
    listed = cli("sagemaker", "list-model-packages", **group, page_size="1", output="text", query=query)
    assert listed.split() == ["1", "Approved", "2", "Approved"]
    described = cli("sagemaker", "describe-model-package", model_package_name=arns[0])
    assert described["CustomerMetadataProperties"] == {"accuracy": "0.97", "trained_by": "cli"}
    assert described["LastModifiedBy"]["IamIdentity"]["Arn"].endswith(":user/approver")

    endpoint = {"endpoint_name": "cli-digits"}
    for number, arn in enumerate(arns, start=1):
        name = f"cli-digits-{number}"
        container = {"ModelPackageName": arn}
        cli("sagemaker", "create-model", model_name=name, primary_container=container, execution_role_arn=role)
        cli("sagemaker", "create-endpoint-config", endpoint_config_name=name, production_variants=variant(name))
    cli("sagemaker", "create-endpoint", **endpoint, endpoint_config_name="cli-digits-1")
    assert cli("sagemaker", "wait", "endpoint-in-service", **endpoint) == ""
    assert ask(cli, tmp_path / "first.json", "cli-digits") == {"model": "cli-one", "rows": 3}

    cli("sagemaker", "update-endpoint", **endpoint, endpoint_config_name="cli-digits-2")
    cli("sagemaker", "wait", "endpoint-in-service", **endpoint)
    assert cli("sagemaker", "describe-endpoint", **endpoint)["EndpointConfigName"] == "cli-digits-2"
    assert ask(cli, tmp_path / "second.json", "cli-digits") == {"model": "cli-two", "rows": 3}

    cli("sagemaker", "delete-endpoint", **endpoint)
    cli("sagemaker", "wait", "endpoint-deleted", **endpoint)
    for number, arn in enumerate(arns, start=1):
        cli("sagemaker", "delete-endpoint-config", endpoint_config_name=f"cli-digits-{number}")
        cli("sagemaker", "delete-model", model_name=f"cli-digits-{number}")
        cli("sagemaker", "delete-model-package", model_package_name=arn)
    cli("sagemaker", "delete-model-package-group", **group)
    left = cli("sagemaker", "list-model-package-groups", name_contains="cli-digits")
    assert left["ModelPackageGroupSummaryList"] == []


def test_the_cli_says_who_may_not_approve(cli: Aws) -> None:
    cli("sagemaker", "create-model-package-group", model_package_group_name="cli-denied")
    arn = cli(
        "sagemaker",
        "create-model-package",
        model_package_group_name="cli-denied",
        inference_specification=specification("s3://models/none"),
    )["ModelPackageArn"]
    refused = cli(
        "sagemaker",
        "update-model-package",
        model_package_arn=arn,
        model_approval_status="Approved",
        profile="data-scientist",
        code=255,
    )
    assert "(AccessDeniedException) when calling the UpdateModelPackage operation" in refused
    assert "user/data-scientist is not authorized to perform: sagemaker:UpdateModelPackage" in refused
