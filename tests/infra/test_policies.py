"""Who may do what: no more than the work needs, and nothing that it needs is missing."""

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from modelward.config import EndpointSpec
from modelward.core.model_package import ModelPackage
from modelward.core.names import endpoint_name, rollout_name
from modelward.planning.scene import config_name

ROOT = Path(__file__).resolve().parents[2]
ARN = "arn:aws:sagemaker:eu-central-1:123456789012:"
HANDLERS = ("model_package", "reconcile", "notify")

# Resource "*" because AWS knows no resource for the action; each is acknowledged towards cdk-nag with its reason.
ANYWHERE = {
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "sagemaker:ListEndpointConfigs",
    "sagemaker:ListModels",
    "sagemaker:Search",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
_EVERY_FUNCTION = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sagemaker:DescribeModelPackage",
    "sagemaker:Search",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
_QUEUE_READER = {
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
}
_REVIEWER = {"dynamodb:PutItem", "dynamodb:Query", "events:PutEvents", "sagemaker:UpdateModelPackage"}
EXPECTED = {
    "model_package": _EVERY_FUNCTION | _QUEUE_READER | _REVIEWER,
    "reconcile": _EVERY_FUNCTION
    | _QUEUE_READER
    | _REVIEWER
    | {
        "application-autoscaling:DeregisterScalableTarget",
        "cloudwatch:DescribeAlarms",
        "iam:PassRole",
        "sagemaker:AddTags",
        "sagemaker:CreateEndpoint",
        "sagemaker:CreateEndpointConfig",
        "sagemaker:CreateModel",
        "sagemaker:DeleteEndpoint",
        "s3:GetObject",
        "s3:ListBucket",
        "sagemaker:DeleteEndpointConfig",
        "sagemaker:DeleteModel",
        "sagemaker:DescribeEndpoint",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:InvokeEndpoint",
        "sagemaker:ListEndpointConfigs",
        "sagemaker:ListModelPackages",
        "sagemaker:ListModels",
        "sagemaker:UpdateEndpoint",
        "sqs:SendMessage",
    },
    "notify": _EVERY_FUNCTION
    | {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
        "sagemaker:ListModelPackages",
        "secretsmanager:GetSecretValue",
        "sns:Publish",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:SendMessage",
    },
}


def _all_statements(assembly: Any) -> list[dict[str, Any]]:
    return [*assembly.execution_statements(), *(each for name in HANDLERS for each in assembly.statements(name))]


def _may(statements: list[dict[str, Any]], action: str, resource: str) -> bool:
    return any(
        action in statement["Action"] and any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        for statement in statements
    )


def test_no_statement_allows_every_action(assembly) -> None:
    for statement in _all_statements(assembly):
        assert not [action for action in statement["Action"] if "*" in action]


def test_only_actions_without_resources_are_allowed_on_everything(assembly) -> None:
    for statement in _all_statements(assembly):
        if "*" in statement["Resource"]:
            assert set(statement["Action"]) <= ANYWHERE


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_function_may_do_its_work_and_nothing_else(assembly, handler: str) -> None:
    allowed = {action for statement in assembly.statements(handler) for action in statement["Action"]}
    assert {action for action in allowed if not action.startswith("kms:")} == EXPECTED[handler]


def test_each_function_has_a_role_of_its_own(assembly) -> None:
    roles = [json.dumps(assembly.function(name)[1]["Properties"]["Role"]) for name in HANDLERS]
    assert len(set(roles)) == len(HANDLERS)


def test_no_role_carries_a_managed_policy(assembly) -> None:
    for stack in ("registry", "workflow"):
        for role in assembly.resources(stack, "AWS::IAM::Role").values():
            assert "ManagedPolicyArns" not in role["Properties"]


@pytest.mark.parametrize("handler", HANDLERS)
def test_versions_of_declared_models_only_are_in_reach(assembly, handler: str) -> None:
    statements = assembly.statements(handler)
    assert _may(statements, "sagemaker:DescribeModelPackage", f"{ARN}model-package/digits/7")
    assert not _may(statements, "sagemaker:DescribeModelPackage", f"{ARN}model-package/letters/7")
    assert not _may(statements, "sagemaker:DescribeModelPackage", f"{ARN}model-package/digits-secret/7")


def test_the_notifier_changes_no_version_and_no_history(assembly) -> None:
    actions = {action for statement in assembly.statements("notify") for action in statement["Action"]}
    assert not {"sagemaker:UpdateModelPackage", "dynamodb:PutItem"} & actions


def test_only_the_reconciler_touches_endpoints(assembly) -> None:
    for handler in ("model_package", "notify"):
        actions = {action for statement in assembly.statements(handler) for action in statement["Action"]}
        assert not [action for action in actions if "Endpoint" in action]


def test_the_reconciler_operates_what_it_names_and_nobody_else_s(assembly) -> None:
    statements = assembly.statements("reconcile")
    endpoint = endpoint_name("digits", "production")
    made = rollout_name("digits", "production", 123_456_789, "0123abcd")
    for action, resource in {
        "CreateEndpoint": f"endpoint/{endpoint}",
        "UpdateEndpoint": f"endpoint/{endpoint}",
        "DeleteEndpoint": f"endpoint/{endpoint}",
        "CreateEndpointConfig": f"endpoint-config/{made}",
        "CreateModel": f"model/{made}",
        "DeleteEndpointConfig": f"endpoint-config/{made}",
        "DeleteModel": f"model/{made}",
        "AddTags": f"model/{made}",
    }.items():
        assert _may(statements, f"sagemaker:{action}", ARN + resource)
        assert not _may(statements, f"sagemaker:{action}", ARN + resource.replace("digits", "letters"))
    # CreateEndpoint and UpdateEndpoint are checked against the config too, CreateModel against the version.
    assert _may(statements, "sagemaker:UpdateEndpoint", f"{ARN}endpoint-config/{made}")
    assert _may(statements, "sagemaker:CreateModel", f"{ARN}model-package/digits/3")


def test_the_names_of_rollouts_that_are_planned_are_those_in_the_policy(synthesize) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for model in ("digits", "A-Model-Whose-Name-Is" + "X" * 42):
        statements = synthesize(synthesize.declare(model)).statements("reconcile")
        package = ModelPackage(f"{ARN}model-package/{model}/7", model, 7, "Completed", "Approved", now, now)
        made = config_name(package, EndpointSpec("production", None, "ml.m5.large"), "arn:aws:iam::1:role/r")
        assert _may(statements, "sagemaker:CreateEndpointConfig", f"{ARN}endpoint-config/{made}")
        assert _may(statements, "sagemaker:CreateModel", f"{ARN}model/{made}")


def test_names_that_had_to_be_cut_or_are_written_in_lower_case_are_in_reach_too(synthesize) -> None:
    names = [("A-Model-Whose-Name-Is" + "X" * 42)[:length] for length in (63, 48, 44, 36, 33, 32, 1)]
    statements = synthesize(synthesize.declare(*names)).statements("reconcile")
    for name, environment, form in product(names, ("staging", "production"), (str, str.lower)):
        endpoint = form(endpoint_name(name, environment))
        assert _may(statements, "sagemaker:UpdateEndpoint", f"{ARN}endpoint/{endpoint}")
        for version in (1, 999_999_999):
            made = form(rollout_name(name, environment, version, "0123abcd"))
            assert _may(statements, "sagemaker:CreateEndpointConfig", f"{ARN}endpoint-config/{made}")
            assert _may(statements, "sagemaker:CreateModel", f"{ARN}model/{made}")
        assert _may(statements, "sagemaker:UpdateModelPackage", f"{ARN}model-package/{form(name)}/1")
        assert _may(statements, "sagemaker:ListModelPackages", f"{ARN}model-package-group/{form(name)}")


def test_the_reconciler_reads_smoke_tests_and_no_artifact(assembly) -> None:
    statements, bucket = assembly.statements("reconcile"), "ExportsOutputFnGetAttArtifactsBucket88671897Arn65502B7F"
    digest = "ab" * 32
    assert _may(statements, "s3:GetObject", f"{bucket}/models/digits/{digest}/smoke-{digest}.json")
    assert not _may(statements, "s3:GetObject", f"{bucket}/models/digits/{digest}/model.tar.gz")
    assert not _may(statements, "sagemaker:InvokeEndpoint", f"{ARN}endpoint/letters-production")


def test_the_execution_role_can_be_passed_to_sagemaker_only(assembly) -> None:
    [statement] = [each for each in assembly.statements("reconcile") if "iam:PassRole" in each["Action"]]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    assert statement["Resource"] == ["ExportsOutputFnGetAttModelExecutionRole3A27A226ArnBE52596E"]


def test_the_execution_role_reads_and_never_writes_artifacts(assembly) -> None:
    statements = assembly.execution_statements()
    actions = {action for statement in statements for action in statement["Action"]}
    assert {action for action in actions if action.startswith(("s3:", "kms:"))} == {
        "s3:AbortMultipartUpload",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GenerateDataKey",
    }
    [where] = [each["Resource"] for each in statements if "s3:PutObject" in each["Action"]]
    assert where == ["ArtifactsBucket88671897.Arn/transform/*"]
    role = assembly.one("registry", "AWS::IAM::Role")["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert [each["Principal"] for each in role] == [{"Service": "sagemaker.amazonaws.com"}]


def test_functions_ask_for_rollouts_on_the_registry_s_bus_and_the_reconciler_sends_to_its_own_queue(
    assembly,
) -> None:
    [bus] = assembly.resources("workflow", "AWS::Events::EventBus")
    [queue] = [key for key in assembly.resources("workflow", "AWS::SQS::Queue") if key.startswith("RolloutsQueue")]
    assert {handler: _reach(assembly, handler, "events:PutEvents") for handler in HANDLERS} == {
        "model_package": {f"{bus}.Arn"},
        "reconcile": {f"{bus}.Arn"},
        "notify": set(),
    }
    assert _reach(assembly, "reconcile", "sqs:SendMessage") == {f"{queue}.Arn"}


def _reach(assembly: Any, handler: str, action: str) -> set[str]:
    allowed = [each for each in assembly.statements(handler) if action in each["Action"]]
    return {resource for each in allowed for resource in each["Resource"]}


KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
EC2 = "arn:aws:ec2:eu-central-1:123456789012:"


@pytest.fixture(scope="module")
def placed(synthesize: Any) -> Any:
    """Give the stacks of a registry whose endpoints have a volume key and a VPC."""
    settings = f"""volume_key_arn = "{KEY}"
vpc = {{ subnets = ["subnet-0000000b", "subnet-0000000a"], security_groups = ["sg-0000000a"] }}
data_capture = {{ percent = 10 }}"""
    kind = "instance_type = 'ml.m5.large'"
    return synthesize(synthesize.declare("digits", "letters").replace(kind, f"{kind}\n{settings}"))


@pytest.fixture(scope="module")
def scaled(synthesize: Any) -> Any:
    """Give the stacks of a registry of which one endpoint is scaled, and another one is not."""
    kind = "instance_type = 'ml.m5.large'"
    setting = f"{kind}\nautoscaling = {{ min = 1, max = 4, invocations_per_instance = 100 }}"
    return synthesize(synthesize.declare("digits", "letters").replace(kind, setting, 1))


@pytest.fixture(scope="module")
def tried(synthesize: Any) -> Any:
    """Give the stacks of a registry of which one endpoint tries new versions beside the live one, and another not."""
    kind = "instance_type = 'ml.m5.large'"
    setting = f'{kind}\nrollout = {{ strategy = "ab", percent = 10 }}'
    return synthesize(synthesize.declare("digits", "letters").replace(kind, setting, 1))


@pytest.fixture(scope="module")
def alarmed(synthesize: Any) -> Any:
    """Give the stacks of a registry of which one endpoint goes back on alarms of the team's own."""
    kind = "instance_type = 'ml.m5.large'"
    return synthesize(synthesize.declare("digits", "letters").replace(kind, f"{kind}\nroll_back_on = ['odd']", 1))


def test_all_alarms_may_be_seen_where_some_bring_versions_back_and_nowhere_else(assembly, alarmed) -> None:
    """CloudWatch tells of composite alarms to those only who may see all."""
    assert _by_action(alarmed.statements("reconcile"), "cloudwatch") == {"cloudwatch:DescribeAlarms": (["*"], None)}
    [some] = _by_action(assembly.statements("reconcile"), "cloudwatch")["cloudwatch:DescribeAlarms"][0]
    assert some.endswith(":alarm:*"), "a rollout behind alarms names them, so those of metrics are enough"
    for handler in ("model_package", "notify"):
        assert not _by_action(alarmed.statements(handler), "cloudwatch")
    assert "cloudwatch:DescribeAlarms" not in _by_action(alarmed.execution_statements(), "cloudwatch")


def test_calls_are_shifted_and_compared_where_versions_are_tried_and_nowhere_else(assembly, tried) -> None:
    shifted = _by_action(tried.statements("reconcile"), "sagemaker")["sagemaker:UpdateEndpointWeightsAndCapacities"]
    assert [str(resource).rsplit("endpoint/", 1)[-1].strip("\"]}' ") for resource in _listed(shifted[0])] == [
        "digits-production"
    ]
    assert "cloudwatch:GetMetricData" in _by_action(tried.statements("reconcile"), "cloudwatch")
    assert _by_action(assembly.statements("reconcile"), "cloudwatch").keys() == {"cloudwatch:DescribeAlarms"}


@pytest.mark.parametrize("declared", ["assembly", "tried", "scaled", "alarmed"])
def test_each_right_on_endpoints_and_their_configs_is_given_once(request, declared: str) -> None:
    given = [
        (action, json.dumps(resource), json.dumps(statement.get("Condition")))
        for statement in request.getfixturevalue(declared).statements("reconcile")
        for action in statement["Action"]
        for resource in _listed(statement["Resource"])
    ]
    assert [each for each, times in Counter(given).items() if times > 1 and "sagemaker:" in each[0]] == []


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _by_action(statements: list[dict[str, Any]], service: str) -> dict[str, tuple[list[str], Any]]:
    return {
        action: (statement["Resource"], statement.get("Condition"))
        for statement in statements
        for action in statement["Action"]
        if action.startswith(f"{service}:")
    }


def test_models_join_the_declared_subnets_and_no_others(placed) -> None:
    subnets = [f"{EC2}subnet/subnet-0000000a", f"{EC2}subnet/subnet-0000000b"]
    interfaces, inside = [f"{EC2}network-interface/*"], {"ArnEquals": {"ec2:Subnet": subnets}}
    assert _by_action(placed.execution_statements(), "ec2") == {
        "ec2:CreateNetworkInterface": ([*interfaces, f"{EC2}security-group/sg-0000000a", *subnets], None),
        "ec2:CreateNetworkInterfacePermission": (interfaces, inside),
        "ec2:DeleteNetworkInterface": (interfaces, inside),
        "ec2:DeleteNetworkInterfacePermission": (interfaces, None),
        "ec2:DescribeDhcpOptions": (["*"], None),
        "ec2:DescribeNetworkInterfaces": (["*"], None),
        "ec2:DescribeSecurityGroups": (["*"], None),
        "ec2:DescribeSubnets": (["*"], None),
        "ec2:DescribeVpcs": (["*"], None),
    }


def test_a_volume_key_is_granted_to_aws_alone_by_those_who_make_and_run_the_endpoint(placed) -> None:
    wanted = ([KEY], {"Bool": {"kms:GrantIsForAWSResource": "true"}})
    for statements in (placed.execution_statements(), placed.statements("reconcile")):
        assert _by_action(statements, "kms")["kms:CreateGrant"] == wanted
    for handler in ("model_package", "notify"):
        assert "kms:CreateGrant" not in _by_action(placed.statements(handler), "kms")


def test_captured_calls_go_to_their_place_in_the_bucket_and_nowhere_else(placed) -> None:
    statements = placed.execution_statements()
    [where] = [each["Resource"] for each in statements if each["Action"] == ["s3:PutObject"]]
    assert where == ["ArtifactsBucket88671897.Arn/capture/*"]
    [key] = [each["Resource"] for each in statements if "kms:GenerateDataKey" in each["Action"]]
    assert key == [next(each["Resource"] for each in statements if "kms:Decrypt" in each["Action"])[0]]
    writing = {action for each in statements for action in each["Action"] if action.startswith(("s3:", "kms:"))}
    assert writing - {"kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "s3:GetObject", "s3:ListBucket"} == {
        "kms:GenerateDataKey",
        "s3:AbortMultipartUpload",
        "s3:PutObject",
    }


def test_batch_transform_answers_in_its_place_and_logs_beside_endpoints(synthesize) -> None:
    statements = synthesize(synthesize.declare("digits")).execution_statements()
    [adding] = [each for each in statements if "s3:PutObject" in each["Action"]]
    assert adding["Resource"] == ["ArtifactsBucket88671897.Arn/transform/*"]
    [logs] = [each["Resource"] for each in statements if "logs:PutLogEvents" in each["Action"]]
    assert [each.rpartition("/aws/")[2] for each in logs] == ["sagemaker/Endpoints/*", "sagemaker/TransformJobs*"]


def test_asynchronous_answers_go_to_their_place_and_to_the_declared_topics(synthesize) -> None:
    topics = [f"arn:aws:sns:eu-central-1:123456789012:{name}" for name in ("bad", "good")]
    kind = "instance_type = 'ml.m5.large'"
    setting = f'asynchronous = {{ success_topic_arn = "{topics[1]}", error_topic_arn = "{topics[0]}" }}'
    assembly = synthesize(synthesize.declare("digits").replace(kind, f"{kind}\n{setting}"))
    statements = assembly.execution_statements()
    adding = [each["Resource"] for each in statements if each["Action"] == ["s3:AbortMultipartUpload", "s3:PutObject"]]
    assert adding == [[f"ArtifactsBucket88671897.Arn/{place}/*" for place in ("async", "transform")]]
    assert [each["Resource"] for each in statements if "sns:Publish" in each["Action"]] == [topics]
    assert [each for each in statements if "kms:GenerateDataKey" in each["Action"]]


SCALING = "sagemaker.application-autoscaling.amazonaws.com"


def test_the_reconciler_scales_instances_of_endpoints_and_nothing_else(scaled) -> None:
    targets = ["arn:aws:application-autoscaling:eu-central-1:123456789012:scalable-target/*"]
    instances = {
        "StringEquals": {
            "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
            "application-autoscaling:service-namespace": "sagemaker",
        }
    }
    assert _by_action(scaled.statements("reconcile"), "application-autoscaling") == {
        "application-autoscaling:DeregisterScalableTarget": (targets, instances),
        "application-autoscaling:PutScalingPolicy": (targets, instances),
        "application-autoscaling:RegisterScalableTarget": (targets, instances),
    }
    for handler in ("model_package", "notify"):
        assert not _by_action(scaled.statements(handler), "application-autoscaling")


def test_what_application_auto_scaling_tries_as_its_caller_is_allowed_to_it_alone(scaled) -> None:
    statements, by_aws = scaled.statements("reconcile"), {"Bool": {"aws:ViaAWSService": "true"}}
    alarms = (["arn:aws:cloudwatch:eu-central-1:123456789012:alarm:*"], by_aws)
    names = ("DeleteAlarms", "DescribeAlarms", "PutMetricAlarm")
    assert _by_action(statements, "cloudwatch") == {f"cloudwatch:{name}": alarms for name in names}
    asked = _by_action(statements, "sagemaker")
    assert asked["sagemaker:UpdateEndpointWeightsAndCapacities"] == ([f"{ARN}endpoint/digits-production"], by_aws)
    role = f"role/aws-service-role/{SCALING}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    assert _by_action(statements, "iam")["iam:CreateServiceLinkedRole"] == (
        [f"arn:aws:iam::123456789012:{role}"],
        {"StringEquals": {"iam:AWSServiceName": SCALING}},
    )


def test_a_registry_without_instances_scales_nothing(synthesize) -> None:
    kind, serverless = "instance_type = 'ml.m5.large'", "serverless = { memory_mb = 1024, max_concurrency = 1 }"
    plain = synthesize(synthesize.declare("digits").replace(kind, serverless))
    assert not _by_action(plain.statements("reconcile"), "application-autoscaling")


def test_the_lint_of_templates_finds_nothing_in_scaling(scaled) -> None:
    from cfnlint.api import lint_file
    from cfnlint.config import ManualArgs

    for template in sorted(scaled.folder.glob("*.template.json")):
        assert [str(each) for each in lint_file(template, config=ManualArgs(include_checks=["I"]))] == []


def test_the_lint_of_templates_finds_nothing_in_the_settings_of_endpoints(placed) -> None:
    from cfnlint.api import lint_file
    from cfnlint.config import ManualArgs

    for template in sorted(placed.folder.glob("*.template.json")):
        assert [str(each) for each in lint_file(template, config=ManualArgs(include_checks=["I"]))] == []


def test_what_no_endpoint_declares_no_role_may_do(assembly) -> None:
    for statement in _all_statements(assembly):
        assert not [action for action in statement["Action"] if action.startswith(_DECLARED)]


_DECLARED = (
    "application-autoscaling:PutScalingPolicy",
    "application-autoscaling:RegisterScalableTarget",
    "ec2:",
    "iam:CreateServiceLinkedRole",
    "kms:CreateGrant",
    "sagemaker:UpdateEndpointWeightsAndCapacities",
)


def test_the_settings_of_endpoints_lead_to_no_other_resources(placed, synthesize) -> None:
    plain = synthesize(synthesize.declare("digits", "letters"))
    for stack in ("registry", "workflow"):
        assert placed.resources(stack).keys() == plain.resources(stack).keys()


def test_the_webhook_s_secret_and_no_other_is_read(assembly) -> None:
    secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:modelward/slack-"
    assert _may(assembly.statements("notify"), "secretsmanager:GetSecretValue", f"{secret}AbC123")
    assert not _may(assembly.statements("notify"), "secretsmanager:GetSecretValue", f"{secret}of-another-team-AbC123")


def test_a_notifier_that_tells_nobody_may_tell_nobody(synthesize) -> None:
    silent = synthesize(synthesize.declare("digits")).statements("notify")
    assert not [each for each in silent if {"secretsmanager:GetSecretValue", "sns:Publish"} & set(each["Action"])]


@pytest.mark.parametrize("handler", HANDLERS)
@pytest.mark.parametrize("models", [8, 16, 32, 100])
def test_a_role_s_policies_fit_iam_s_limits_whatever_the_number_of_models(
    sized: Callable[[int], Any], handler: str, models: int
) -> None:
    inline, *managed = (_size(document) for document in sized(models).policies(handler))
    assert inline <= 10_240
    assert max(managed, default=0) <= 6_144
    assert len(managed) <= 10


@pytest.mark.parametrize("models", [8, 16, 32])
def test_policies_name_models_and_endpoints_as_long_as_they_fit(sized: Callable[[int], Any], models: int) -> None:
    statements = sized(models).statements("reconcile")
    last = _usual_name(models - 1)
    assert _may(statements, "sagemaker:UpdateModelPackage", f"{ARN}model-package/{last}/1")
    assert _may(statements, "sagemaker:UpdateEndpoint", f"{ARN}endpoint/{last}-production")
    assert not _may(statements, "sagemaker:UpdateModelPackage", f"{ARN}model-package/{_usual_name(models)}/1")
    assert not _may(statements, "sagemaker:UpdateEndpoint", f"{ARN}endpoint/{_usual_name(models)}-production")


@pytest.fixture(scope="module")
def sized(synthesize: Any) -> Callable[[int], Any]:
    """Give the stacks of a registry with a number of models of usual names."""
    return cache(lambda models: synthesize(synthesize.declare(*map(_usual_name, range(models)))))


def _usual_name(number: int) -> str:
    return f"churn-model-{number:03d}"


def _size(document: Any) -> int:
    """Measure a policy as IAM does, without white space, in the partition and region with the longest names."""
    text = json.dumps(document, separators=(",", ":"))
    return len(text) + 15 * text.count("arn:aws:") + 60 * text.count("Exports")


def test_functions_may_make_every_call_that_their_gateways_make(assembly, scaled, tried, alarmed) -> None:
    """Read the calls out of the gateways' code; artifacts and registrations are the clients', not the functions'."""
    allowed = {
        action.partition(":")[2].lower()
        for stacks in (assembly, scaled, tried, alarmed)
        for name in HANDLERS
        for statement in stacks.statements(name)
        for action in statement["Action"]
    }
    code = "".join(path.read_text() for path in sorted((ROOT / "src/modelward/aws").glob("*.py")))
    calls = set(re.findall(r"self\._client\.(\w+)\(", code)) - {"get_paginator"}
    calls |= set(re.findall(r'get_paginator\("(\w+)"\)', code))
    calls = {call.removesuffix("_batch") for call in calls}  # sqs:SendMessage allows SendMessageBatch too
    calls = {"put_item" if call == "transact_write_items" else call for call in calls}  # IAM asks for what they do
    of_clients = {
        "create_model_package",
        "get_metric_data",
        "create_transform_job",
        "describe_transform_job",
        "get_object",
        "get_parameters",
        "list_model_package_groups",
        "list_endpoints",
        "list_objects_v2",
        "describe_model",
        "describe_table",
        "describe_images",
        "get_function_configuration",
        "get_products",
        "get_role",
        "head_object",
        "list_stack_resources",
        "list_transform_jobs",
        "put_metric_data",
        "put_object",
        "simulate_principal_policy",
        "upload_file",
    }
    assert {call for call in calls - of_clients if call.replace("_", "") not in allowed} == set()
    assert len(calls) > 10


def test_people_and_jobs_are_granted_by_what_they_do(tmp_path: Path) -> None:
    from modelward_infra import App, build, check

    app = App(outdir=str(tmp_path / "cdk.out"))
    scaled = "autoscaling = { min = 2, max = 4, invocations_per_instance = 100 }"
    declared = (ROOT / "registry.toml").read_text().replace("instance_count = 2", scaled)
    (tmp_path / "registry.toml").write_text(declared)
    registry = build(app, tmp_path / "registry.toml")
    check(app)
    granted = {}
    from aws_cdk import Stack, aws_iam as iam  # isort: skip

    team = Stack(app, "team")
    for name in ("read", "register", "approve", "deploy"):
        role = iam.Role(team, name, assumed_by=iam.AccountRootPrincipal())
        getattr(registry, f"grant_{name}")(role)
    app.synth()
    template = json.loads((tmp_path / "cdk.out/team.template.json").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::IAM::Policy":
            name = resource["Properties"]["Roles"][0]["Ref"]
            granted[re.sub(r"[0-9A-F]{8}$", "", name)] = json.dumps(resource["Properties"]["PolicyDocument"])
    assert all("ssm:GetParameters" in text and "dynamodb:Query" in text for text in granted.values())
    has = lambda action: {name for name, text in granted.items() if action in text}  # noqa: E731
    assert has("sagemaker:CreateModelPackage") == {"register"}
    assert has("s3:PutObject") == {"register"}
    assert has("sagemaker:UpdateModelPackage") == {"approve"}
    assert has("events:PutEvents") == has("sagemaker:DescribeEndpointConfig") == {"deploy"}
    assert has("sqs:") == set()
    assert has("dynamodb:PutItem") == has("DeleteObject") == set()
    assert has('"Effect": "Deny"') == {"register"}
    assert "sagemaker:ModelApprovalStatus" in granted["register"]
