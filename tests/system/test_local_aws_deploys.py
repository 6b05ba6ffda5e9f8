"""What a deployment of a cloud assembly does and says, on an assembly written by hand."""

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from modelward.core.errors import AwsError
from modelward.local.up import LocalAws

pytestmark = pytest.mark.system

BOOTSTRAP = {
    "BootstrapVersion": {
        "Type": "AWS::SSM::Parameter::Value<String>",
        "Default": "/cdk-bootstrap/hnb659fds/version",
    }
}
ASSETS = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
HANDLER = "def handler(event, context): return 'from the asset'"


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as started:
        yield started


def write_assembly(folder: Path, stacks: Mapping[str, Any], dependencies: Mapping[str, list[str]]) -> Path:
    """Write what the CDK would, for stacks that may use the folder `asset.code` as asset `code`."""
    (folder / "asset.code").mkdir(parents=True)
    (folder / "asset.code" / "app.py").write_text(HANDLER)
    destination = {
        "bucketName": ASSETS,
        "objectKey": "code.zip",
        "assumeRoleArn": "arn:${AWS::Partition}:iam::1:role/r",
    }
    files: dict[str, Any] = {
        "code": {"source": {"path": "asset.code", "packaging": "zip"}, "destinations": {"d": destination}}
    }
    artifacts: dict[str, Any] = {"assets": {"type": "cdk:asset-manifest", "properties": {"file": "s.assets.json"}}}
    for name, resources in stacks.items():
        template = {"Parameters": BOOTSTRAP, "Resources": resources}
        (folder / f"{name}.json").write_text(json.dumps(template))
        templates = {"destinations": {"d": {**destination, "objectKey": f"{name}-template.json"}}}
        files[name] = {"source": {"path": f"{name}.json", "packaging": "file"}, **templates}
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "properties": {
                "templateFile": f"{name}.json",
                "stackTemplateAssetObjectUrl": f"s3://{ASSETS}/{name}-template.json",
            },
            "dependencies": ["assets", *dependencies.get(name, [])],
        }
    (folder / "s.assets.json").write_text(json.dumps({"files": files}))
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return folder


def queue(name: str) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}


def test_stacks_are_created_in_order_with_their_assets_and_updated_afterwards(aws: LocalAws, tmp_path: Path) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    function = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "asset",
                "Handler": "app.handler",
                "Runtime": "python3.14",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"S3Bucket": {"Fn::Sub": ASSETS}, "S3Key": "code.zip"},
            },
        },
    }
    stacks = {"second": function, "first": {"Queue": queue("made")}}
    assembly = write_assembly(tmp_path / "one", stacks, {"second": ["first"]})
    talk = io.StringIO()
    assert [stack.name for stack in aws.deploy_assembly(assembly, talk)] == ["first", "second"]
    assert "first: 1 resources in " in talk.getvalue()
    answer = aws.client("admin", "lambda").invoke(FunctionName="asset")
    assert json.load(answer["Payload"]) == "from the asset"

    (first,) = aws.deploy_assembly(
        write_assembly(tmp_path / "two", {"first": {"Queue": queue("made"), "More": queue("more")}}, {}), talk
    )
    assert sorted(url.rpartition("/")[2] for _, url in first.resources) == ["made", "more"]
    aws.deploy_assembly(tmp_path / "two", talk)  # and once more, with nothing to do


def test_a_template_that_is_too_long_for_a_request_is_deployed_all_the_same(aws: LocalAws, tmp_path: Path) -> None:
    many = {f"Queue{number}": queue(f"{number}-{'x' * 70}") for number in range(400)}
    assembly = write_assembly(tmp_path / "long", {"long": many}, {})
    assert (assembly / "long.json").stat().st_size > 51_200
    [stack] = aws.deploy_assembly(assembly, io.StringIO())
    assert len(stack.resources) == 400


def test_a_stack_that_fails_names_the_resource_and_the_reason(aws: LocalAws, tmp_path: Path) -> None:
    group = {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": "no_underscores"}}
    assembly = write_assembly(tmp_path / "bad", {"bad": {"Group": group}}, {})
    with pytest.raises(AwsError, match=r"Group \(AWS::SageMaker::ModelPackageGroup\): .*regular expression") as failed:
        aws.deploy_assembly(assembly, io.StringIO())
    assert failed.value.operation == "CreateStack bad"


def test_a_type_that_nothing_here_makes_is_refused_by_name(aws: LocalAws, tmp_path: Path) -> None:
    assembly = write_assembly(tmp_path / "odd", {"odd": {"X": {"Type": "AWS::SageMaker::NotebookInstance"}}}, {})
    with pytest.raises(AwsError, match="AWS::SageMaker::NotebookInstance"):
        aws.deploy_assembly(assembly, io.StringIO())
