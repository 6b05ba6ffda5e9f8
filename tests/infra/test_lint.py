"""cdk-nag and cfn-lint find nothing that was not meant."""

import json
from pathlib import Path

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


def test_every_acknowledged_finding_names_a_resource_and_a_reason(assembly) -> None:
    acknowledged = [
        rule
        for stack in ("registry", "workflow")
        for entries in json.loads((assembly.folder / f"{assembly.name}-{stack}.metadata.json").read_text()).values()
        for entry in entries
        if entry["type"] == "aws:cdk:acknowledged-rules"
        for rule in entry["data"].items()
    ]
    assert acknowledged
    for rule, reason in acknowledged:
        assert rule.endswith("SQS3") or "[Resource::" in rule
        assert reason.endswith(".")
