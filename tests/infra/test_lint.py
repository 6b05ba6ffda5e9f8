"""cdk-nag and cfn-lint find nothing that was not meant."""

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("stack", ["registry", "workflow"])
def test_cfn_lint_finds_nothing(assembly, stack: str) -> None:
    from cfnlint.api import lint_file

    findings = lint_file(assembly.folder / f"{assembly.name}-{stack}.template.json")
    assert [str(finding) for finding in findings] == []


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
