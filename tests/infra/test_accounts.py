"""Environments in accounts of their own: who may do what in whose account, and that one account is the same code."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

HOME, STAGING, PRODUCTION = "111111111111", "222222222222", "333333333333"
REGION = "eu-central-1"


def placed(declare: Callable[..., str], staging: str, production: str, *, region: str = REGION, more: str = "") -> str:
    """Declare a model with two endpoints, one without any, and accounts for the environments."""
    text = declare("digits") + '[models.letters]\nowner = "team"\n'
    text = text.replace('name = "acme"\n', f'name = "acme"\naccount = "{HOME}"\nregion = "{region}"\n')
    text = text.replace('stage = "Staging"\n', f'stage = "Staging"\naccount = "{staging}"\n')
    return text.replace('stage = "Production"\n', f'stage = "Production"\naccount = "{production}"\n') + more


@pytest.fixture(scope="module")
def three(synthesize: Any) -> Any:
    return synthesize(placed(synthesize.declare, STAGING, PRODUCTION))


def statements(assembly: Any, stack: str, spelled: Callable[..., Any], kind: str, key: str) -> Iterator[dict[str, Any]]:
    for resource in assembly.resources(stack, kind).values():
        if document := resource["Properties"].get(key):
            yield from spelled(document)


def roles(assembly: Any, stack: str) -> dict[str, Any]:
    """Give the roles of a stack that have a name, by it."""
    found = assembly.resources(stack, "AWS::IAM::Role").items()
    return {each["Properties"]["RoleName"]: (key, each) for key, each in found if "RoleName" in each["Properties"]}


def allowed(assembly: Any, stack: str, role: str, spelled: Callable[..., Any]) -> set[str]:
    """Give the actions that a named role is allowed."""
    key = roles(assembly, stack)[role][0]
    return {
        action
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        for policy in assembly.resources(stack, kind).values()
        if {"Ref": key} in policy["Properties"].get("Roles", [])
        for statement in spelled(policy["Properties"]["PolicyDocument"])
        for action in statement["Action"]
    }


def test_each_stack_goes_into_its_own_account(three) -> None:
    manifest = json.loads((three.folder / "manifest.json").read_text())["artifacts"]
    stacks = {name: each for name, each in manifest.items() if each["type"] == "aws:cloudformation:stack"}
    accounts = {"production": PRODUCTION, "staging": STAGING}
    assert {name.removeprefix("acme-"): each["environment"] for name, each in stacks.items()} == {
        name: f"aws://{accounts.get(name, HOME)}/{REGION}"
        for name in ("access", "production", "registry", "staging", "workflow")
    }
    assert all(stacks[f"acme-{name}"]["properties"]["terminationProtection"] for name in accounts)


def test_no_stack_waits_for_a_value_of_another_account(three) -> None:
    for name in ("staging", "production"):
        text = json.dumps(three.template(name))
        assert "Fn::ImportValue" not in text
        assert "Fn::GetStackOutput" not in text


@pytest.mark.parametrize("account", ["", HOME])
def test_one_account_is_the_same_code_with_equal_ids(synthesize, account: str) -> None:
    declaration = placed(synthesize.declare, account or HOME, account or HOME)
    equal = synthesize(declaration)
    unsaid = synthesize(declaration.replace(f'account = "{HOME}"\nenter', "enter"))
    assert sorted(path.name for path in equal.folder.glob("*.template.json")) == [
        "acme-access.template.json",
        "acme-registry.template.json",
        "acme-workflow.template.json",
    ]
    for stack in ("registry", "workflow", "access"):
        assert equal.template(stack) == unsaid.template(stack)


def test_what_the_registry_keeps_has_the_same_ids_when_environments_move_out(three, synthesize) -> None:
    before = synthesize(placed(synthesize.declare, HOME, HOME)).resources("registry")
    after = three.resources("registry")
    assert {key: each["Type"] for key, each in before.items()} == {key: each["Type"] for key, each in after.items()}


def test_others_are_let_in_by_role_and_only_to_what_serves(three, spelled) -> None:
    [bucket] = [
        [each for each in spelled(policy["Properties"]["PolicyDocument"]) if each["Effect"] == "Allow"]
        for key, policy in three.resources("registry", "AWS::S3::BucketPolicy").items()
        if "AccessLogs" not in key
    ]
    key = list(statements(three, "registry", spelled, "AWS::KMS::Key", "KeyPolicy"))
    groups = list(
        statements(three, "registry", spelled, "AWS::SageMaker::ModelPackageGroup", "ModelPackageGroupPolicy")
    )
    guests = {
        (each["Condition"]["ArnEquals"]["aws:PrincipalArn"].rpartition("/")[2], each["Principal"]["AWS"], action)
        for each in (*bucket, *key, *groups)
        if "ArnEquals" in each.get("Condition", {})
        for action in each["Action"]
    }
    per_account = {
        ("models", "s3:GetObject"),
        ("models", "s3:ListBucket"),
        ("models", "kms:Decrypt"),
        ("models", "kms:DescribeKey"),
        ("rollout", "sagemaker:CreateModel"),
        ("rollout", "sagemaker:DescribeModelPackage"),
    }
    assert guests == {
        (f"acme-{name}-{role}", f"arn:aws:iam::{account}:root", action)
        for name, account in (("staging", STAGING), ("production", PRODUCTION))
        for role, action in per_account
    }
    assert all(each["Condition"] for each in (*bucket, *groups)), "nobody is let in without a condition"
    assert {resource.rpartition(".Arn")[2] for each in bucket for resource in each["Resource"]} == {
        "/models/digits/*",
        "",
    }
    assert {resource.rpartition(":")[2] for each in groups for resource in each["Resource"]} == {
        "model-package/digits/*"
    }, "nobody serves letters"


def test_a_rollout_abroad_may_do_these_things_and_no_others(three, spelled) -> None:
    home = allowed(three, "workflow", "acme-production-registry", spelled)
    assert {each for each in home if not each.startswith("kms:")} == {
        "dynamodb:PutItem",
        "dynamodb:Query",
        "s3:GetObject",
        "s3:ListBucket",
        "sagemaker:DescribeModelPackage",
        "sagemaker:Search",
        "sagemaker:UpdateModelPackage",
        "ssm:GetParameters",
    }
    there = allowed(three, "production", "acme-production-rollout", spelled)
    assert {each for each in there if each.partition(":")[0] not in ("logs", "sqs", "xray")} == {
        "application-autoscaling:DeregisterScalableTarget",
        "iam:PassRole",
        "sagemaker:AddTags",
        "sagemaker:CreateEndpoint",
        "sagemaker:CreateEndpointConfig",
        "sagemaker:CreateModel",
        "sagemaker:DeleteEndpoint",
        "sagemaker:DeleteEndpointConfig",
        "sagemaker:DeleteModel",
        "sagemaker:DescribeEndpoint",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:DescribeModelPackage",
        "sagemaker:InvokeEndpoint",
        "sagemaker:ListEndpointConfigs",
        "sagemaker:ListModels",
        "sagemaker:UpdateEndpoint",
        "sts:AssumeRole",
    }
    assert allowed(three, "production", "acme-production-look", spelled) == {
        "iam:GetRole",
        "iam:SimulatePrincipalPolicy",
        "sagemaker:DescribeEndpoint",
        "servicequotas:ListAWSDefaultServiceQuotas",
        "servicequotas:ListServiceQuotas",
    }


def test_the_registry_s_role_is_for_one_function_and_only_there_does_it_append_to_the_ledger(three, render) -> None:
    for name, account in (("staging", STAGING), ("production", PRODUCTION)):
        role = roles(three, "workflow")[f"acme-{name}-registry"][1]["Properties"]
        [trust] = render(role["AssumeRolePolicyDocument"])["Statement"]
        assert trust["Principal"] == {"AWS": f"arn:aws:iam::{account}:root"}
        assert trust["Condition"] == {
            "ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{account}:role/acme-{name}-rollout"}
        }
        assert {"Key": "modelward:ledger", "Value": "append"} in role["Tags"]
        assert roles(three, name).keys() == {f"acme-{name}-{part}" for part in ("rollout", "models", "look")}


def test_only_the_registry_asks_on_the_bus_and_only_for_rollouts(three, render) -> None:
    policy = render(three.one("production", "AWS::Events::EventBusPolicy")["Properties"]["Statement"])
    assert policy["Principal"] == {"AWS": f"arn:aws:iam::{HOME}:root"}
    assert policy["Condition"]["StringEquals"] == {
        "events:source": "modelward",
        "events:detail-type": "Rollout Requested",
    }
    assert not three.resources("workflow", "AWS::Events::EventBusPolicy"), "at home IAM is enough"


def test_review_and_people_ask_in_every_account_and_people_look_there(three, spelled) -> None:
    buses = {
        f"arn:aws:events:{REGION}:{account}:event-bus/{name}"
        for account, name in ((STAGING, "acme-staging-rollouts"), (PRODUCTION, "acme-production-rollouts"))
    }
    asking = [each for each in three.statements("model_package") if "events:PutEvents" in each["Action"]]
    assert buses < {resource for each in asking for resource in each["Resource"]}
    approver = next(
        spelled(each["Properties"]["PolicyDocument"])
        for key, each in three.resources("access", "AWS::IAM::ManagedPolicy").items()
        if "Approver" in key
    )
    by_action = {
        action: set(each["Resource"]) for each in approver for action in each["Action"] if len(each["Action"]) == 1
    }
    assert buses < by_action["events:PutEvents"]
    assert by_action["sts:AssumeRole"] == {
        f"arn:aws:iam::{STAGING}:role/acme-staging-look",
        f"arn:aws:iam::{PRODUCTION}:role/acme-production-look",
    }


def test_at_home_nothing_operates_or_watches_the_endpoints_of_others(three) -> None:
    text = json.dumps(three.template("workflow")["Resources"])
    assert "endpoint/digits" not in text
    assert "digits-production-errors" not in text
    assert "digits" in text


def test_alarms_bring_versions_back_in_the_account_of_the_endpoint(synthesize, spelled) -> None:
    kind = "instance_type = 'ml.m5.large'"
    text = placed(synthesize.declare, STAGING, PRODUCTION).replace(kind, f"{kind}\nroll_back_on = ['odd']")
    made = synthesize(text)
    heard = {
        stack: [
            rule["Properties"]["EventPattern"]["detail"]["alarmName"]
            for rule in made.resources(stack, "AWS::Events::Rule").values()
            if rule["Properties"].get("EventPattern", {}).get("source") == ["aws.cloudwatch"]
        ]
        for stack in ("production", "staging", "workflow")
    }
    assert heard == {"production": [["odd"]], "staging": [], "workflow": []}
    assert "cloudwatch:DescribeAlarms" in allowed(made, "production", "acme-production-rollout", spelled)
    door = allowed(made, "workflow", "acme-production-registry", spelled)
    assert {"dynamodb:Query", "sagemaker:UpdateModelPackage", "sagemaker:DescribeModelPackage"} <= door


def test_an_environment_watches_its_own_machinery_and_tells_people_there(three) -> None:
    alarms = three.resources("production", "AWS::CloudWatch::Alarm")
    assert {each["Properties"]["AlarmName"].removeprefix("acme-production-") for each in alarms.values()} == {
        "RolloutErrors",
        "RolloutThrottles",
        "RolloutsAge",
        "RolloutsFailed",
        "Sweep",
        "productionOutOfStep",
    }
    [topic] = three.resources("production", "AWS::SNS::Topic")
    assert all(each["Properties"]["AlarmActions"] == [{"Ref": topic}] for each in alarms.values())
    steps = [each["Properties"] for key, each in alarms.items() if "OutOfStep" in key]
    dimensions = {each["Name"]: each["Value"] for each in steps[0]["Dimensions"]}
    assert dimensions == {"registry": "acme-production", "environment": "production", "service": "reconcile"}


@pytest.mark.parametrize(
    ("region", "partition", "s3"),
    [
        ("us-gov-west-1", "aws-us-gov", "s3.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "aws-cn", "s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_other_partitions_have_names_of_their_own(synthesize, render, region: str, partition: str, s3: str) -> None:
    declaration = placed(synthesize.declare, HOME, PRODUCTION, region=region)
    there = json.dumps(synthesize(declaration).template("production"))
    assert f"arn:{partition}:iam::{HOME}:role/acme-production-registry" in there
    assert f"arn:{partition}:s3:::acme-registry*" in there
    assert f'"kms:ViaService": "{s3}"' in there
    assert '"arn:aws:' not in there.replace(f'"arn:{partition}:', "")


def test_a_bucket_and_a_key_that_were_there_are_named_exactly(synthesize, spelled) -> None:
    key = f"arn:aws:kms:{REGION}:{HOME}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    more = f'[existing]\nbucket = "their-artifacts"\nkey_arn = "{key}"\n'
    assembly = synthesize(placed(synthesize.declare, HOME, PRODUCTION, more=more))
    name = roles(assembly, "production")["acme-production-models"][0]
    [policy] = [
        each["Properties"]["PolicyDocument"]
        for each in assembly.resources("production", "AWS::IAM::Policy").values()
        if {"Ref": name} in each["Properties"]["Roles"]
    ]
    resources = {resource for each in spelled(policy) for resource in each["Resource"]}
    assert {"arn:aws:s3:::their-artifacts/*", "arn:aws:s3:::their-artifacts", key} < resources


def test_path_and_boundary_hold_in_every_account(synthesize) -> None:
    more = '[access]\nrole_path = "/ml/"\npermissions_boundary = "Bound"\n'
    assembly = synthesize(placed(synthesize.declare, HOME, PRODUCTION, more=more))
    for each in assembly.resources("production", "AWS::IAM::Role").values():
        assert each["Properties"]["Path"] == "/ml/"
        assert "policy/Bound" in json.dumps(each["Properties"]["PermissionsBoundary"])
    assert "role/ml/acme-production-rollout" in json.dumps(assembly.template("registry"))


def test_cfn_lint_finds_nothing_in_any_account(three) -> None:
    from cfnlint.api import lint_file
    from cfnlint.config import ManualArgs

    for template in sorted(three.folder.glob("*.template.json")):
        assert [str(each) for each in lint_file(template, config=ManualArgs(include_checks=["I"]))] == []


def test_images_of_one_s_own_may_be_pulled_by_what_serves_abroad_and_by_nobody_else(synthesize, render) -> None:
    declaration = placed(synthesize.declare, HOME, PRODUCTION)
    images = 'images = ["ml/sklearn"]\n'
    assembly = synthesize(declaration.replace("[environments.staging]", f"{images}[environments.staging]"))
    repository = assembly.one("registry", "AWS::ECR::Repository")
    assert repository["DeletionPolicy"] == "Retain"
    assert repository["Properties"]["RepositoryName"] == "ml/sklearn"
    [statement] = render(repository["Properties"]["RepositoryPolicyText"]["Statement"])
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{PRODUCTION}:root"}
    assert statement["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{PRODUCTION}:role/acme-production-models"}
    }
    assert set(statement["Action"]) == {
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    }


def test_calls_that_are_captured_abroad_go_to_the_registry_s_bucket_and_to_no_other_place_in_it(
    synthesize, spelled
) -> None:
    declaration = placed(synthesize.declare, HOME, PRODUCTION)
    kind = "instance_type = 'ml.m5.large'"
    assembly = synthesize(declaration.replace(kind, f"{kind}\ndata_capture = {{ percent = 10 }}"))
    guest = {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{PRODUCTION}:role/acme-production-models"}}
    bucket = [
        each
        for each in statements(assembly, "registry", spelled, "AWS::S3::BucketPolicy", "PolicyDocument")
        if each.get("Condition") == guest
    ]
    writing = [each["Resource"] for each in bucket if each["Action"] == ["s3:PutObject"]]
    assert [[resource.rpartition(".Arn")[2] for resource in each] for each in writing] == [
        ["/capture/digits-production/*"]
    ]
    key = statements(assembly, "registry", spelled, "AWS::KMS::Key", "KeyPolicy")
    assert ["kms:GenerateDataKey"] in [each["Action"] for each in key if each.get("Condition") == guest]
    there = list(statements(assembly, "production", spelled, "AWS::IAM::Policy", "PolicyDocument"))
    [put] = [each for each in there if each["Action"] == ["s3:PutObject"]]
    assert put["Resource"] == ["arn:aws:s3:::acme-registry*/capture/*"]
    assert put["Condition"] == {"StringEquals": {"aws:ResourceAccount": HOME}}


def test_asynchronous_endpoints_abroad_use_their_place_in_the_registry_s_bucket(synthesize, spelled) -> None:
    declaration = placed(synthesize.declare, HOME, PRODUCTION)
    kind = "instance_type = 'ml.m5.large'"
    assembly = synthesize(declaration.replace(kind, f"{kind}\nasynchronous = {{}}"))
    guest = {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{PRODUCTION}:role/acme-production-models"}}
    bucket = statements(assembly, "registry", spelled, "AWS::S3::BucketPolicy", "PolicyDocument")
    [shared] = [each for each in bucket if each.get("Condition") == guest and "s3:PutObject" in each["Action"]]
    assert set(shared["Action"]) == {"s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"}
    assert [each.rpartition(".Arn")[2] for each in shared["Resource"]] == ["/async/digits-production/*"]
    key = statements(assembly, "registry", spelled, "AWS::KMS::Key", "KeyPolicy")
    assert ["kms:GenerateDataKey"] in [each["Action"] for each in key if each.get("Condition") == guest]
    there = list(statements(assembly, "production", spelled, "AWS::IAM::Policy", "PolicyDocument"))
    [put] = [each for each in there if "s3:PutObject" in each["Action"]]
    assert put["Resource"] == ["arn:aws:s3:::acme-registry*/async/*"]
    assert put["Condition"] == {"StringEquals": {"aws:ResourceAccount": HOME}}
