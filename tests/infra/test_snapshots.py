"""A change of the infrastructure shows in the review as lines that a person reads; templates are too long for that."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.infra.summary import DECLARED, summarize


@pytest.fixture(scope="module", params=DECLARED, ids=lambda folder: folder.name)
def declared(request: Any, synthesize: Any) -> tuple[Path, dict[str, str]]:
    """Give a folder of snapshots, and what they should be: a summary for each stack, by name."""
    assembly = synthesize((DECLARED[request.param] / "registry.toml").read_text())
    templates = sorted(assembly.folder.glob("*.template.json"))
    stacks = {path.name.removesuffix(".template.json"): summarize(json.loads(path.read_text())) for path in templates}
    return request.param, stacks


def test_the_snapshots_tell_what_the_stacks_are_now(declared) -> None:
    # If a change is meant: `python -m tests.infra.summary`, and look at the difference before you commit it.
    folder, stacks = declared
    for name, summary in stacks.items():
        assert (folder / f"{name}.txt").read_text() == summary


def test_there_is_a_snapshot_for_each_stack_and_none_of_a_stack_that_is_gone(declared) -> None:
    folder, stacks = declared
    assert {path.stem for path in folder.glob("*.txt")} == stacks.keys()


def test_the_summary_shows_policies_and_what_is_kept_and_no_code() -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": {"Fn::GetAtt": ["B", "Arn"]}}
    resources = {
        "P": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Statement": [statement]}}},
        "B": {
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": "Retain",
            "Properties": {"Code": "x", "VersioningConfiguration": {"Status": "Enabled"}},
        },
    }
    assert summarize({"Resources": resources}).splitlines() == [
        "AWS::IAM::Policy P",
        "    PolicyDocument: allow s3:GetObject on B.Arn",
        "AWS::S3::Bucket B  kept: Retain",
        "    VersioningConfiguration.Status: Enabled",
    ]
