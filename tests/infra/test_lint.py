"""cdk-nag and cfn-lint find nothing that was not meant."""

import json
from pathlib import Path
from typing import Any

import pytest


def _linted(template: Path) -> list[str]:
    """Ask cfn-lint for all it knows, of which two rules concern policies: does each action exist, on such resources?"""
    from cfnlint.api import lint_file
    from cfnlint.config import ManualArgs

    return [str(finding) for finding in lint_file(template, config=ManualArgs(include_checks=["I"]))]


def test_cfn_lint_finds_nothing_not_even_advice(assembly) -> None:
    templates = sorted(assembly.folder.glob("*.template.json"))
    assert len(templates) >= 2
    for template in templates:
        assert _linted(template) == []


@pytest.mark.parametrize(
    ("action", "resource", "finding"),
    [
        ("sagemaker:ReadModelPackage", "model-package/digits/1", "is not one of"),
        ("modelward:Read", "model-package/digits/1", "is not one of"),
        ("sagemaker:DescribeModelPackage", "endpoint/digits-production", "requires a resource"),
    ],
)
def test_cfn_lint_would_find_an_action_that_does_not_exist_or_not_on_such_a_resource(
    tmp_path: Path, action: str, resource: str, finding: str
) -> None:
    arn = f"arn:aws:sagemaker:eu-central-1:123456789012:{resource}"
    statement = {"Effect": "Allow", "Action": [action], "Resource": [arn]}
    policy = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}},
    }
    template = tmp_path / "bare.template.json"
    template.write_text(json.dumps({"Resources": {"Policy": policy}}))
    [found] = _linted(template)
    assert finding in found


def test_cdk_nag_finds_nothing(assembly) -> None:
    # Synthesis has raised otherwise; the report tells that the rules were asked at all.
    report = json.loads((assembly.folder / "validation-report.json").read_text())
    assert report["pluginReports"] == []


def test_cdk_nag_would_find_what_is_not_meant(tmp_path: Path) -> None:
    from aws_cdk import Stack
    from aws_cdk import aws_sqs as sqs

    from modelward_infra import App, check

    app = App(outdir=str(tmp_path / "cdk.out"))
    sqs.Queue(Stack(app, "bare"), "queue")
    check(app)
    with pytest.raises(RuntimeError, match="AwsSolutions-SQS3"):
        app.synth()


# Rules without a part in brackets find a whole resource, so they are acknowledged on that resource.
OF_WHOLE_RESOURCES = ("SQS3", "SNSRedrivePolicy", "SQSRedrivePolicy", "LambdaDLQ", "EventSourceMappingDestination")


def _acknowledged(assembly: Any) -> list[tuple[str, str, str]]:
    """Give construct, rule and reason of each acknowledged finding."""
    return [
        (path.removeprefix("/"), rule.removeprefix("Annotation::"), reason)
        for file in sorted(assembly.folder.glob("*.metadata.json"))
        for path, entries in json.loads(file.read_text()).items()
        for entry in entries
        if entry["type"] == "aws:cdk:acknowledged-rules"
        for rule, reason in entry["data"].items()
    ]


def test_every_acknowledged_finding_names_a_resource_and_a_reason(assembly) -> None:
    acknowledged = _acknowledged(assembly)
    assert acknowledged
    for _path, rule, reason in acknowledged:
        assert rule.endswith(OF_WHOLE_RESOURCES) or "[Resource::" in rule
        assert reason.endswith(".")


def _found(template: Path) -> set[tuple[str, str]]:
    """Let cdk-nag look at a template in which nothing is acknowledged; give construct and rule of each finding."""
    from aws_cdk import App, Stack
    from aws_cdk import cloudformation_include as include
    from cdk_nag import AwsSolutionsChecks, ServerlessChecks

    resources = json.loads(template.read_text())["Resources"]
    app = App(outdir=str(template.parent / "bare"))
    include.CfnInclude(Stack(app, "bare"), "template", template_file=str(template))
    return {
        (resources[resource.construct_path.rpartition("/")[2]]["Metadata"]["aws:cdk:path"], violation.rule_name)
        for pack in (AwsSolutionsChecks(), ServerlessChecks())
        for violation in pack.validate_scope(app).violations
        for resource in violation.violating_resources
    }


def test_no_finding_is_acknowledged_that_is_not_there(assembly) -> None:
    found = {each for file in sorted(assembly.folder.glob("*.template.json")) for each in _found(file)}
    unused = [
        (path, rule)
        for path, rule, _reason in _acknowledged(assembly)
        if not any(rule == other and f"{place}/".startswith(f"{path}/") for place, other in found)
    ]
    assert unused == []
    # And so it sees what there is to acknowledge: nothing else is found.
    assert {rule for _path, rule in found} == {rule for _path, rule, _reason in _acknowledged(assembly)}
