"""A change of the infrastructure shows in the review as lines that a person reads; templates are too long for that."""

import json

from tests.infra.summary import SNAPSHOTS, summarize


def test_the_snapshots_tell_what_the_stacks_are_now(assembly) -> None:
    # If a change is meant: `python -m tests.infra.summary`, and look at the difference before you commit it.
    for path in sorted(assembly.folder.glob("*.template.json")):
        snapshot = SNAPSHOTS / f"{path.name.removesuffix('.template.json')}.txt"
        assert snapshot.read_text() == summarize(json.loads(path.read_text()))


def test_there_is_a_snapshot_for_each_stack_and_none_of_a_stack_that_is_gone(assembly) -> None:
    stacks = {path.name.removesuffix(".template.json") for path in assembly.folder.glob("*.template.json")}
    assert {path.stem for path in SNAPSHOTS.iterdir()} == stacks


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
