"""What is there already is used, and neither made nor changed nor removed."""

import json
from pathlib import Path
from typing import Any

import pytest

ACCOUNT = "111122223333"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TOPIC = f"arn:aws:sns:eu-central-1:{ACCOUNT}:ml-platform"
TABLE = f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/ml-history"
STREAM = f"{TABLE}/stream/2026-01-05T12:00:00.000"
EXISTING = f"""
[existing]
bucket = "their-artifacts"
key_arn = "{KEY}"
topic_arn = "{TOPIC}"
artifacts = ["s3://their-old-models/churn/", "s3://their-lake/"]
artifact_key_arns = ["{KEY}-old"]
[notifications]
email = ["ml@example.com"]
"""


@pytest.fixture(scope="module")
def existing(synthesize: Any) -> Any:
    """Give the stacks of a registry that owns next to nothing."""
    adopted = synthesize.declare("digits", "letters").replace(
        '[models.digits]\nowner = "team"', '[models.digits]\nowner = "team"\nexisting = true'
    )
    return synthesize(adopted + EXISTING)


def test_a_group_that_is_there_already_is_no_resource_and_the_others_are(existing) -> None:
    groups = existing.resources("registry", "AWS::SageMaker::ModelPackageGroup").values()
    assert [group["Properties"]["ModelPackageGroupName"] for group in groups] == ["letters"]


@pytest.mark.parametrize("handler", ["model_package", "reconcile", "notify"])
def test_functions_may_do_the_same_on_a_group_that_is_there_already(existing, handler: str) -> None:
    allowed = {
        (action, resource.rpartition(":")[2].replace("letters", "digits"))
        for statement in existing.statements(handler)
        for action in statement["Action"]
        for resource in statement["Resource"]
        if "letters" in resource
    }
    same = {
        (action, resource.rpartition(":")[2])
        for statement in existing.statements(handler)
        for action in statement["Action"]
        for resource in statement["Resource"]
        if "digits" in resource
    }
    assert allowed == same != set()


def test_events_of_a_group_that_is_there_already_are_heard(existing) -> None:
    patterns = [
        each["Properties"].get("EventPattern", {})
        for each in existing.resources("workflow", "AWS::Events::Rule").values()
    ]
    [names] = [each["detail"]["ModelPackageGroupName"] for each in patterns if "ModelPackageGroupName" in str(each)]
    assert names == ["digits", "letters"]


def test_neither_bucket_nor_key_nor_topic_is_made(existing) -> None:
    kinds = {each["Type"] for stack in ("registry", "workflow") for each in existing.resources(stack).values()}
    assert not kinds & {
        "AWS::KMS::Key",
        "AWS::KMS::Alias",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Topic",
        "AWS::SNS::TopicPolicy",
    }


def test_clients_and_functions_are_told_of_what_is_there(existing) -> None:
    values = {
        each["Properties"]["Name"]: each["Properties"]["Value"]
        for each in existing.resources("workflow", "AWS::SSM::Parameter").values()
    }
    assert values["/modelward/acme/bucket"] == "their-artifacts"
    assert (values["/modelward/acme/key-arn"], values["/modelward/acme/topic-arn"]) == (KEY, TOPIC)


@pytest.fixture(scope="module")
def kept(synthesize: Any) -> Any:
    """Give the stacks of a registry whose history is kept in somebody else's table."""
    return synthesize(f'{synthesize.declare("digits")}\n[existing]\ntable_stream_arn = "{STREAM}"\n')


def test_no_table_is_made_beside_the_one_that_is_there_and_everybody_is_told_of_it(kept) -> None:
    assert kept.resources("registry", "AWS::DynamoDB::Table") == {}
    parameters = kept.resources("workflow", "AWS::SSM::Parameter").values()
    values = {each["Properties"]["Name"]: each["Properties"]["Value"] for each in parameters}
    assert (values["/modelward/acme/table"], values["/modelward/acme/table-arn"]) == ("ml-history", TABLE)
    for handler in ("model_package", "reconcile", "notify"):
        variables = kept.function(handler)[1]["Properties"]["Environment"]["Variables"]
        assert (variables["MODELWARD_TABLE"], variables["MODELWARD_TABLE_ARN"]) == ("ml-history", TABLE)


@pytest.mark.parametrize("handler", ["model_package", "reconcile", "notify"])
def test_functions_may_do_the_same_on_a_table_that_is_there_already(kept, synthesize, handler: str) -> None:
    own = synthesize(synthesize.declare("digits"))
    assert _on_tables(kept, handler) == _on_tables(own, handler) != {}


def _on_tables(assembly: Any, handler: str) -> dict[str, int]:
    return {
        action: len(statement["Resource"])
        for statement in assembly.statements(handler)
        for action in statement["Action"]
        if action.startswith("dynamodb:")
    }


def test_permissions_and_notifications_name_the_table_that_is_there(kept) -> None:
    named = {
        (action, resource)
        for handler in ("model_package", "notify")
        for statement in kept.statements(handler)
        for action in statement["Action"]
        for resource in statement["Resource"]
    }
    assert {("dynamodb:PutItem", TABLE), ("dynamodb:Query", f"{TABLE}/index/by-time")} <= named
    assert ("dynamodb:GetRecords", STREAM) in named
    sources = kept.resources("workflow", "AWS::Lambda::EventSourceMapping").values()
    assert STREAM in [each["Properties"]["EventSourceArn"] for each in sources]
    assert TABLE in (kept.folder / "acme-access.template.json").read_text()


def test_the_documents_give_the_owner_of_a_table_the_policy_of_our_own(assembly) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/adopting.md").read_text(encoding="utf-8")
    [block] = [each for each in text.split("```") if "NobodyRewritesHistory" in each]
    policy = json.loads(block.removeprefix("text"))
    table = assembly.one("registry", "AWS::DynamoDB::Table")["Properties"]
    ours = table["ResourcePolicy"]["PolicyDocument"]["Statement"]
    assert [{**each, "Principal": each["Principal"]["AWS"]} for each in ours] == policy["Statement"]


def test_the_ledger_is_encrypted_with_the_key_that_is_there(existing) -> None:
    table = existing.one("registry", "AWS::DynamoDB::Table")["Properties"]
    assert table["SSESpecification"]["KMSMasterKeyId"] == KEY


def test_addresses_are_subscribed_to_the_topic_that_is_there_and_alarms_use_it(existing) -> None:
    assert existing.one("workflow", "AWS::SNS::Subscription")["Properties"]["TopicArn"] == TOPIC
    alarms = existing.resources("workflow", "AWS::CloudWatch::Alarm").values()
    assert {json.dumps(alarm["Properties"]["AlarmActions"]) for alarm in alarms} == {json.dumps([TOPIC])}


def test_endpoints_read_where_older_versions_keep_their_artifacts_and_nowhere_else(existing) -> None:
    reads = {
        resource
        for statement in existing.execution_statements()
        if "s3:GetObject" in statement["Action"]
        for resource in statement["Resource"]
    }
    assert reads == {
        "arn:aws:s3:::their-artifacts/*",
        "arn:aws:s3:::their-old-models/churn/*",
        "arn:aws:s3:::their-lake/*",
    }
    decrypts = {r for s in existing.execution_statements() if "kms:Decrypt" in s["Action"] for r in s["Resource"]}
    assert decrypts == {KEY, f"{KEY}-old"}


def test_people_are_granted_the_same_on_a_bucket_that_is_there(tmp_path) -> None:
    from modelward_infra import App, build, check  # isort: skip
    from aws_cdk import Stack, aws_iam as iam  # isort: skip

    text = '[registry]\nname = "acme"\nstages = ["Development", "Archived"]\n' + EXISTING
    (tmp_path / "registry.toml").write_text(text)
    app = App(outdir=str(tmp_path / "cdk.out"))
    registry = build(app, tmp_path / "registry.toml")
    role = iam.Role(Stack(app, "team"), "Scientist", assumed_by=iam.AccountRootPrincipal())
    registry.grant_register(role)
    check(app)
    app.synth()
    assert "their-artifacts/*" in (tmp_path / "cdk.out/team.template.json").read_text()
