"""What a deployment of a cloud assembly does and says, on an assembly written by hand."""

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

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


def function(name: str) -> dict[str, Any]:
    """Return a function whose code is the asset."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    properties = {
        "FunctionName": name,
        "Handler": "app.handler",
        "Runtime": "python3.14",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Code": {"S3Bucket": {"Fn::Sub": ASSETS}, "S3Key": "code.zip"},
    }
    role = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}
    return {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": properties},
    }


def test_stacks_are_created_in_order_with_their_assets_and_updated_afterwards(aws: LocalAws, tmp_path: Path) -> None:
    stacks = {"second": function("asset"), "first": {"Queue": queue("made")}}
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


# Several accounts

A, B = "111111111111", "222222222222"


def in_places(assembly: Path, places: Mapping[str, str]) -> Path:
    """Say of stacks where they belong, as the CDK does of those that have an `env`."""
    manifest = json.loads((assembly / "manifest.json").read_text())
    for name, place in places.items():
        manifest["artifacts"][name]["environment"] = place
    (assembly / "manifest.json").write_text(json.dumps(manifest))
    return assembly


def test_each_stack_is_created_in_its_own_account_and_region_with_its_own_assets(aws: LocalAws, tmp_path: Path) -> None:
    stacks = {"here": {"Queue": queue("here")}, "there": function("there"), "abroad": {"Queue": queue("abroad")}}
    assembly = write_assembly(tmp_path / "three", stacks, {"here": ["there"], "there": ["abroad"]})
    places = {"there": f"aws://{B}/us-east-1", "abroad": f"aws://{A}/eu-central-1"}
    in_places(assembly, {"here": "aws://unknown-account/unknown-region", **places})
    talk = io.StringIO()
    deployed = aws.deploy_assembly(assembly, talk)
    assert [(stack.name, stack.place.account, stack.place.region) for stack in deployed] == [
        ("abroad", A, "eu-central-1"),
        ("there", B, "us-east-1"),
        ("here", aws.account, "us-east-1"),
    ]
    assert f"there: 2 resources of {B} in us-east-1 in " in talk.getvalue()
    assert "here: 1 resources in " in talk.getvalue()
    answer = aws.root_client("lambda", account=B).invoke(FunctionName="there")
    assert json.load(answer["Payload"]) == "from the asset"
    assert not aws.root_client("sqs", account=A).list_queues().get("QueueUrls")
    assert len(aws.root_client("sqs", account=A, region="eu-central-1").list_queues()["QueueUrls"]) == 1
    for account, region in ((A, "eu-central-1"), (B, "us-east-1")):
        parameters = aws.root_client("ssm", account=account, region=region)
        assert parameters.get_parameter(Name="/cdk-bootstrap/hnb659fds/version")["Parameter"]["Value"] == "30"
        bucket = f"cdk-hnb659fds-assets-{account}-{region}"
        aws.root_client("s3", account=account, region=region).head_object(Bucket=bucket, Key="code.zip")
        with pytest.raises(ClientError):
            aws.client("data-scientist", "s3").get_object(Bucket=bucket, Key="code.zip")

    aws.deploy_assembly(assembly, talk)  # and once more, with nothing to do


def test_a_registry_that_names_its_account_and_region_makes_them_those_of_the_identities(tmp_path: Path) -> None:
    group = {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": "digits"}}
    assembly = write_assembly(tmp_path / "a", {"serving": {"Queue": queue("q")}, "registry": {"Group": group}}, {})
    in_places(assembly, {"serving": f"aws://{B}/eu-central-1", "registry": f"aws://{A}/eu-central-1"})
    with LocalAws() as aws:
        port = aws.port
        aws.move_to_registry(assembly)
        assert (aws.account, aws.region, aws.port) == (A, "eu-central-1", port)
        aws.deploy_assembly(assembly, io.StringIO())
        for profile in ("admin", "data-scientist"):
            arn = aws.session(profile).client("sts").get_caller_identity()["Arn"]
            assert arn == f"arn:aws:iam::{A}:user/{profile}"
        groups = aws.session("data-scientist").client("sagemaker").list_model_package_groups()
        assert [each["ModelPackageGroupArn"] for each in groups["ModelPackageGroupSummaryList"]] == [
            f"arn:aws:sagemaker:eu-central-1:{A}:model-package-group/digits"
        ]
        aws.switch("fault", operation="ListModelPackageGroups", kind="throttle")


def test_a_registry_that_leaves_its_account_open_stays_where_the_identities_are(aws: LocalAws, tmp_path: Path) -> None:
    keys = aws.keys
    aws.move_to_registry(write_assembly(tmp_path / "open", {"only": {"Queue": queue("only")}}, {}))
    assert aws.keys is keys
