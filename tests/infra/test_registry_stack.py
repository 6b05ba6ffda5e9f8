"""What must never be lost."""

from typing import Any

import pytest

# A changed logical id is a new, empty resource beside the old one. Never edit these to make a test pass.
FROZEN = {
    "AWS::KMS::Key": ["Key9BCD29C7"],
    "AWS::KMS::Alias": ["KeyAlias711EE8F4"],
    "AWS::S3::Bucket": ["ArtifactsAccessLogs4D97777C", "ArtifactsBucket88671897"],
    "AWS::S3::BucketPolicy": ["ArtifactsAccessLogsPolicy78EDC0E2", "ArtifactsBucketPolicyBC103148"],
    "AWS::DynamoDB::Table": ["LedgerTable9343E4AA"],
    "AWS::SageMaker::ModelPackageGroup": ["Groupsdigits1CEC7D8D"],
    "AWS::IAM::Role": ["ModelExecutionRole3A27A226"],
    "AWS::IAM::Policy": ["ModelExecutionRoleDefaultPolicy1AD77B71"],
}
STATEFUL = ("AWS::KMS::Key", "AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SageMaker::ModelPackageGroup")


def test_the_logical_ids_never_change(assembly) -> None:
    found: dict[str, list[str]] = {}
    for key, resource in sorted(assembly.resources("registry").items()):
        found.setdefault(resource["Type"], []).append(key)
    assert found == FROZEN


@pytest.mark.parametrize("kind", [*STATEFUL, "AWS::IAM::Role", "AWS::IAM::Policy"])
def test_what_is_stateful_outlives_its_stack(assembly, kind: str) -> None:
    for resource in assembly.resources("registry", kind).values():
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_nothing_stateful_is_in_the_workflow_stack(assembly) -> None:
    kinds = {resource["Type"] for resource in assembly.resources("workflow").values()}
    assert not kinds & set(STATEFUL)


def test_the_registry_stack_is_protected_from_termination(assembly) -> None:
    import json

    manifest = json.loads((assembly.folder / "manifest.json").read_text())["artifacts"]
    assert manifest["acme-registry"]["properties"]["terminationProtection"] is True
    assert "acme-registry" in manifest["acme-workflow"]["dependencies"]


def test_a_group_s_text_never_changes_and_its_owner_is_a_tag(assembly) -> None:
    group = assembly.one("registry", "AWS::SageMaker::ModelPackageGroup")["Properties"]
    # CloudFormation replaces a group when its description changes, so this text is for ever.
    assert group["ModelPackageGroupDescription"] == "Versions of one model, registered and approved through Modelward."
    assert group["ModelPackageGroupName"] == "digits"
    assert {"Key": "modelward:owner", "Value": "vision-team"} in group["Tags"]
    assert {"Key": "modelward:registry", "Value": "acme"} in group["Tags"]


def test_another_model_moves_no_group(synthesize, assembly) -> None:
    more = synthesize(synthesize.declare("digits", "a-new-one"))
    kind = "AWS::SageMaker::ModelPackageGroup"
    assert assembly.resources("registry", kind).keys() < more.resources("registry", kind).keys()


def test_the_ledger_cannot_be_lost(assembly) -> None:
    table = assembly.one("registry", "AWS::DynamoDB::Table")["Properties"]
    assert table["DeletionProtectionEnabled"] is True
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"]["SSEType"] == "KMS"
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}


def test_the_ledger_is_found_by_version_and_by_time(assembly) -> None:
    table = assembly.one("registry", "AWS::DynamoDB::Table")["Properties"]
    assert _keys(table) == ["model", "entry"]
    [index] = table["GlobalSecondaryIndexes"]
    assert (index["IndexName"], _keys(index)) == ("by-time", ["model", "at"])
    assert index["Projection"] == {"ProjectionType": "ALL"}


def _keys(of: Any) -> list[str]:
    return [each["AttributeName"] for each in of["KeySchema"]]


def test_nobody_may_rewrite_history(assembly) -> None:
    table = assembly.one("registry", "AWS::DynamoDB::Table")["Properties"]
    statement, appending = table["ResourcePolicy"]["PolicyDocument"]["Statement"]
    for each in (statement, appending):
        assert (each["Effect"], each["Principal"]) == ("Deny", {"AWS": "*"})
    assert {"dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"} <= set(statement["Action"])
    assert {"dynamodb:PartiQLUpdate", "dynamodb:PartiQLDelete"} <= set(statement["Action"])
    assert "dynamodb:UpdateTimeToLive" in statement["Action"]
    assert appending["Action"] == ["dynamodb:PartiQLInsert", "dynamodb:PutItem"]
    assert appending["Condition"] == {"StringNotEquals": {"aws:PrincipalTag/modelward:ledger": "append"}}


def test_buckets_are_private_encrypted_and_reached_by_tls_only(assembly) -> None:
    for key, bucket in assembly.resources("registry", "AWS::S3::Bucket").items():
        assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["Properties"]["BucketEncryption"]
        [policy] = [
            each["Properties"]["PolicyDocument"]["Statement"]
            for each in assembly.resources("registry", "AWS::S3::BucketPolicy").values()
            if each["Properties"]["Bucket"] == {"Ref": key}
        ]
        deny = next(each for each in policy if each["Effect"] == "Deny")
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_artifacts_are_versioned_encrypted_with_our_key_and_their_access_logged(assembly) -> None:
    bucket = assembly.resources("registry")["ArtifactsBucket88671897"]["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert rule["BucketKeyEnabled"] is True
    assert bucket["LoggingConfiguration"] == {"DestinationBucketName": {"Ref": "ArtifactsAccessLogs4D97777C"}}


def test_no_rule_of_the_artifact_bucket_expires_an_artifact(assembly) -> None:
    bucket = assembly.resources("registry")["ArtifactsBucket88671897"]["Properties"]
    for rule in bucket["LifecycleConfiguration"]["Rules"]:
        assert set(rule) == {"AbortIncompleteMultipartUpload", "Status"}


def test_the_key_rotates_and_alarms_of_this_account_may_use_it(assembly) -> None:
    key = assembly.one("registry", "AWS::KMS::Key")["Properties"]
    assert key["EnableKeyRotation"] is True
    services = [each for each in key["KeyPolicy"]["Statement"] if "Service" in each["Principal"]]
    [alarms] = services
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
