"""Each private name of MiniStack that `modelward.local.ministack` uses: is it there, and does it take what we give it?

When MiniStack is to be raised to another version, this is where it shows what has changed.
"""

import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import ministack.app
import pytest
from ministack.core import concurrency, iam_actions, iam_evaluator, lambda_runtime, responses, router
from ministack.services import cloudwatch, dynamodb, eventbridge, iam, lambda_svc, s3, sts
from ministack.services.cloudformation import provisioners

from modelward.local import ministack as ours


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_the_version_is_the_one_that_these_names_were_read_from() -> None:
    assert version("ministack") == ours.VERSION


@pytest.mark.parametrize(
    ("function", "first"),
    [
        (ministack.app.app, ["scope", "receive", "send"]),
        (cloudwatch._calc_stats, ["points"]),
        (cloudwatch._dims_key, ["dims"]),
        (cloudwatch._evaluate_alarm, ["alarm"]),
        (cloudwatch._metric_bucket, ["key"]),
        (cloudwatch._set_alarm_state, ["params", "cbor_data", "is_cbor"]),
        (cloudwatch._stat_value, ["stats", "stat_name", "points"]),
        (concurrency.run_offloop, ["fn"]),
        (concurrency.spawn_background, ["fn"]),
        (eventbridge._archive_event, ["event"]),
        (eventbridge._dispatch_event, ["event"]),
        (
            eventbridge._dispatch_to_event_bus,
            ["spec", "event", "rule", "event_path", "target_input_payload"],
        ),
        (eventbridge._ensure_default_bus, []),
        (eventbridge._put_events, ["data", "allow_aws_source"]),
        (eventbridge._put_permission, ["data"]),
        (eventbridge._rule_key, ["rule_name", "bus_name"]),
        (iam_actions._s3_action, ["method", "path", "query_params"]),
        (iam_actions.identity_denial_message, ["action", "principal_arn", "resource", "explicit_deny"]),
        (
            iam_evaluator.enforce,
            ["access_key_id", "iam_action", "service", "region", "resource_arn", "service_context"],
        ),
        (iam_evaluator._account_from_arn, ["arn"]),
        (iam_evaluator._gather_role_policies, ["role_name", "account_id"]),
        (iam_evaluator._permissions_boundary, ["store", "name", "account_id"]),
        (iam_evaluator.caller_arn, []),
        (iam_evaluator.combine_resource_policy, ["identity", "ctx", "policy", "owner_account", "required", "limits"]),
        (iam_evaluator.evaluate, ["ctx", "policies", "limits"]),
        (iam_evaluator.evaluate_resource_policy, ["doc", "ctx", "service"]),
        (iam_evaluator.evaluate_trust_policy, ["trust_doc", "caller_arn", "ctx"]),
        (iam_evaluator.parse_policy_document, ["doc"]),
        (iam_evaluator.resolve_credential, ["access_key_id", "account_id"]),
        (iam_evaluator.resolve_principal, ["access_key_id", "account_id"]),
        (iam_evaluator.validate_policy_document, ["doc"]),
        (lambda_runtime._detect_runtime_binary, ["runtime"]),
        (lambda_runtime.execution_credentials, ["config"]),
        (lambda_runtime.reset, []),
        (lambda_svc._apply_filter_criteria, ["records", "esm"]),
        (lambda_svc._execute_function, ["func", "event"]),
        (lambda_svc._get_func_record_for_qualifier, ["name", "qualifier"]),
        (lambda_svc._init_stream_position, ["esm_id", "source_arn", "starting"]),
        (lambda_svc._iter_all_esms, []),
        (lambda_svc._poll_dynamodb_streams, []),
        (lambda_svc._send_ddb_stream_failure_record, ["esm", "func_rec", "batch", "stream_arn", "result", "condition"]),
        (dynamodb.stream_records_since, ["table_name", "position", "limit"]),
        (dynamodb.stream_start_position, ["table_name"]),
        (responses.error_response_json, ["code", "message", "status"]),
        (responses.get_account_id, []),
        (responses.json_response, ["data"]),
        (responses.get_region, []),
        (responses.request_scope, ["account_id", "region"]),
        (router.extract_access_key_id, ["headers", "query_params"]),
        (
            s3._foreign_bucket_allows,
            ["owner_account", "bucket_name", "key", "method", "query_params", "caller", "headers"],
        ),
        (s3._policy_is_public, ["policy_text"]),
        (sts._error, ["status", "code", "message", "ns"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_function_that_we_call_takes_what_we_give(function: Callable[..., Any], first: list[str]) -> None:
    assert parameters(function)[: len(first)] == first


def test_requests_are_served_by_a_table_that_can_be_added_to() -> None:
    assert "sagemaker" not in ministack.app.SERVICE_REGISTRY, "MiniStack has a SageMaker of its own now"
    handler = ministack.app.SERVICE_HANDLERS["cloudformation"]
    assert parameters(handler) == ["method", "path", "headers", "body", "query_params"]


def test_requests_for_sagemaker_are_routed_by_their_signature() -> None:
    signed = (
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/sagemaker/aws4_request, SignedHeaders=host, Signature=0"
    )
    control = {"authorization": signed, "x-amz-target": "SageMaker.ListEndpoints", "host": "localhost"}
    assert "if svc_name in SERVICE_PATTERNS:" in inspect.getsource(router.detect_service)
    assert router.detect_service("POST", "/", control, {}) == "sagemaker"
    runtime = {"authorization": signed, "host": "localhost"}
    assert router.detect_service("POST", "/endpoints/digits/invocations", runtime, {}) == "sagemaker"


def test_resource_types_are_made_by_three_functions() -> None:
    queue = provisioners._RESOURCE_HANDLERS["AWS::SQS::Queue"]
    assert parameters(queue["create"]) == ["logical_id", "props", "stack_name"]
    assert len(parameters(queue["delete"])) == 2
    assert not [name for name in provisioners._RESOURCE_HANDLERS if name.startswith("AWS::SageMaker::")]


def test_a_denial_and_a_credential_have_the_members_that_we_read() -> None:
    assert {"decision", "principal_arn"} <= set(parameters(iam_evaluator.EvalResult))
    assert {"code", "message"} <= set(parameters(iam_evaluator.AuthError))
    assert {"principal_arn", "principal_id", "account_id"} <= set(parameters(iam_evaluator.ResolvedCredential))
    assert inspect.isclass(iam_evaluator.CredentialResolutionError)


def test_the_poller_looks_the_stream_reader_up_each_time() -> None:
    assert "_poll_dynamodb_streams()" in inspect.getsource(lambda_svc._poll_loop)
    assert hasattr(lambda_svc, "_dynamodb_stream_positions")
    assert hasattr(concurrency, "esm_wake")


def test_a_worker_is_a_script_after_whose_start_the_path_may_grow() -> None:
    binary, script = lambda_runtime._detect_runtime_binary("python3.14")
    assert binary
    assert "sys.path.insert(0, code_dir)" in script
    assert "[binary, worker_path]" in inspect.getsource(lambda_runtime.Worker._spawn)


def test_the_dispatcher_looks_the_resource_of_a_call_up_each_time() -> None:
    source = inspect.getsource(ministack.app._dispatch_service_request)
    assert "from ministack.core.iam_actions import" in source
    assert "extract_resource_arn(" in source


def test_alarms_and_metrics_are_kept_by_account_and_region() -> None:
    for store in (cloudwatch._alarms, cloudwatch._composite_alarms, cloudwatch._metrics):
        assert isinstance(store, responses.AccountRegionScopedDict)
        assert isinstance(store._data, dict)
    source = inspect.getsource(cloudwatch)
    assert source.count("_evaluate_alarm(alarm)") > 2, "it is looked up at each call"
    assert '"Unchecked: Initial alarm creation"' in source


def test_a_request_is_asked_about_with_the_members_that_we_fill() -> None:
    ours_fill = {"principal_arn", "principal_type", "principal_account", "action", "resource_arn", "region"}
    ours_fill |= {"secure_transport", "service_context", "principal_keys"}
    assert ours_fill <= set(parameters(iam_evaluator.EvalContext))
    assert {"arn", "type", "account", "policies", "keys", "limits"} <= set(parameters(iam_evaluator.PrincipalInfo))


def test_a_boundary_comes_before_the_policies_of_a_session() -> None:
    source = inspect.getsource(iam_evaluator.resolve_principal)
    assert source.index("limits = _permissions_boundary") < source.index("limits += _session_policy_limits")
    assert '"SessionPolicies"' in inspect.getsource(sts.handle_request)


def test_an_assumed_role_is_a_session_by_its_key_and_trusted_by_a_function_looked_up_each_time() -> None:
    assert isinstance(sts._sessions, dict)
    source = inspect.getsource(sts.handle_request)
    assert "from ministack.core.iam_evaluator import EvalContext, evaluate_trust_policy" in source
    assert "</AssumeRoleResult>" in source


def test_buses_and_their_policies_and_targets_are_kept_by_account() -> None:
    for name in ("_event_buses", "_event_bus_policies", "_targets"):
        assert type(getattr(eventbridge, name)).__name__ == "AccountRegionScopedDict"
    assert callable(iam._roles.get_scoped)
    assert callable(s3._bucket_policies.get_scoped)
    assert "_dispatch_to_event_bus(spec, event, rule" in inspect.getsource(eventbridge._invoke_target)
    assert '"PutPermission": _put_permission' in inspect.getsource(eventbridge.handle_request)
    assert "_foreign_bucket_allows(" in inspect.getsource(s3._apply_bucket_scope)
