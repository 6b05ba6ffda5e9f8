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
from ministack.services import cloudwatch, dynamodb, eventbridge, iam, kms, lambda_svc, s3, sns, sqs, sts
from ministack.services.cloudformation import provisioners, stacks

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
        (cloudwatch._dispatch_alarm_actions, ["alarm"]),
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
        (iam_actions.request_tag_context, ["service", "iam_action", "body"]),
        (iam_actions.s3_service_context, ["iam_action", "query_params", "path", "headers"]),
        (iam._extract_simulate_params, ["p"]),
        (iam._p, ["params", "key"]),
        (iam._IAM_HANDLERS["SimulatePrincipalPolicy"], ["p"]),
        (iam_evaluator._resolve_condition_key, ["key", "ctx"]),
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
        (dynamodb._delete_resource_policy, ["data"]),
        (dynamodb._put_resource_policy, ["data"]),
        (dynamodb._update_continuous_backups, ["data"]),
        (dynamodb._update_table, ["data"]),
        (eventbridge._invoke_target, ["target", "event", "rule", "view"]),
        (eventbridge._pattern_event_view, ["event"]),
        (iam_evaluator._resource_policy, ["service", "resource_arn"]),
        (kms._resolve_key, ["key_id_or_arn"]),
        (lambda_svc._create_esm, ["data"]),
        (lambda_svc._resolve_existing_esm_function, ["function_ref"]),
        (lambda_svc.function_policy_for_arn, ["resource_arn"]),
        (responses.error_response_json, ["code", "message", "status"]),
        (s3._bucket_has_versions, ["name"]),
        (s3._check_sse_c_copy_source, ["headers", "src_obj"]),
        (s3._check_sse_c_part, ["headers", "upload"]),
        (s3._check_sse_read_headers, ["headers", "obj"]),
        (s3._delete_bucket_encryption, ["name"]),
        (s3._delete_bucket_lifecycle, ["name"]),
        (s3._delete_bucket_tagging, ["name"]),
        (s3._error, ["code", "message", "status"]),
        (s3._head_object, ["bucket_name", "key", "headers", "query_params"]),
        (s3._put_bucket_encryption, ["name", "body"]),
        (s3._put_bucket_lifecycle, ["name", "body"]),
        (s3._put_bucket_logging, ["name", "body"]),
        (s3._put_bucket_tagging, ["name", "body"]),
        (s3._put_bucket_versioning, ["name", "body"]),
        (s3._resolve_sse_write_headers, ["headers", "bucket_name"]),
        (sns._deliver_to_sqs, ["endpoint", "envelope", "raw", "raw_message"]),
        (sns._error, ["code", "message", "status"]),
        (sns._get_topic, ["topic_arn", "action"]),
        (sns._topic_by_arn_any_scope, ["topic_arn"]),
        (sns.topic_policy_allows, ["topic_arn", "service", "source_arn", "source_account"]),
        (sqs._ensure_msg_fields, ["m"]),
        (sqs._Err, ["code", "message"]),
        (sqs._get_q, ["url", "action"]),
        (sqs._md5_msg_attrs, ["attrs"]),
        (sqs._queue_by_arn, ["arn"]),
        (sqs.queue_delay, ["q"]),
        (dynamodb.stream_records_since, ["table_name", "position", "limit"]),
        (dynamodb.stream_start_position, ["table_name"]),
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
    assert parameters(queue["update"]) == ["physical_id", "old_props", "new_props", "stack_name", "logical_id"]
    assert queue["update_with_logical_id"] is True
    assert len(parameters(queue["delete"])) == 2
    permission = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Permission"]
    assert permission["delete_with_logical_id"] is True
    assert len(parameters(permission["delete"])) == 3
    for caller in (provisioners._provision_resource, provisioners._update_resource, provisioners._delete_resource):
        assert "_RESOURCE_HANDLERS.get(resource_type)" in inspect.getsource(caller)
    assert not [name for name in provisioners._RESOURCE_HANDLERS if name.startswith("AWS::SageMaker::")]


def test_a_denial_and_a_credential_have_the_members_that_we_read() -> None:
    assert {"decision", "principal_arn"} <= set(parameters(iam_evaluator.EvalResult))
    assert {"code", "message"} <= set(parameters(iam_evaluator.AuthError))
    assert {"principal_arn", "principal_id", "account_id"} <= set(parameters(iam_evaluator.ResolvedCredential))
    assert inspect.isclass(iam_evaluator.CredentialResolutionError)


def test_topics_say_for_which_topic_they_deliver() -> None:
    assert "topic_arn" in parameters(sns._deliver_to_sqs)
    assert "topic_arn=topic_arn" in inspect.getsource(sns._fanout)


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


def test_an_exception_of_a_maker_is_the_reason_that_the_events_of_a_stack_tell() -> None:
    assert "str(exc)" in inspect.getsource(stacks._deploy_stack_async)


@pytest.mark.parametrize(
    ("caller", "call"),
    [
        (eventbridge._dispatch_event, "_invoke_target(target, event, rule, view)"),
        (eventbridge._tick_scheduled_rules, "_invoke_target(target, event, rule, view)"),
        (cloudwatch._set_alarm_state, "_dispatch_alarm_actions(alarm, "),
        (eventbridge.handle_request, '"PutEvents": _put_events'),
        (iam_evaluator._conditions_met, "_resolve_condition_key(key, ctx)"),
        (iam_evaluator.enforce, "_resource_policy(service, resource_arn)"),
        (ministack.app._dispatch_service_request, "request_tag_context(service, iam_action, body, "),
        (s3._copy_object, "_check_sse_c_copy_source(headers, src_obj)"),
        (s3._create_multipart_upload, "_resolve_sse_write_headers(headers, bucket_name)"),
        (s3._get_object, "_check_sse_read_headers(headers, obj)"),
        (s3._head_object, "_check_sse_read_headers(headers, obj)"),
        (s3._put_object, "_resolve_sse_write_headers(headers, bucket_name)"),
        (s3._upload_part, "_check_sse_c_part(headers, upload)"),
        (lambda_svc._poll_dynamodb_streams, "_iter_all_esms()"),
        (lambda_svc._poll_sqs, "_iter_all_esms()"),
        (sns._fanout, "_deliver_to_sqs(endpoint,"),
        (sns._publish, '_get_topic(topic_arn, "sns:Publish")'),
        (sqs._act_receive_message, '_get_q(url, "sqs:ReceiveMessage")'),
        (sqs._act_send_message, '_get_q(url, "sqs:SendMessage")'),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_we_put_in_the_place_of_a_function_is_looked_up_at_each_call(
    caller: Callable[..., Any], call: str
) -> None:
    assert call in inspect.getsource(caller)


def test_what_services_keep_is_kept_under_the_names_that_we_read() -> None:
    for store in (
        dynamodb._resource_policies,
        dynamodb._tables,
        iam._roles,
        lambda_svc._esms,
        s3._bucket_versioning,
        s3._buckets,
        sns._topics,
    ):
        assert {"get", "get_scoped"} <= set(dir(store))
    assert "kms" in iam_evaluator._POLICY_REQUIRED
    assert s3.S3_NS == "http://s3.amazonaws.com/doc/2006-03-01/"
    assert iam_evaluator._verified_key.get() == ""
    assert iam_evaluator._anonymous.get() is False
    assert "preserved_headers" in inspect.getsource(s3._stored_sse_headers)
    assert len(iam_evaluator._request_origin.get()) == 2
    assert "_request_origin.set((source_ip, secure_transport))" in inspect.getsource(iam_evaluator.pin_request_origin)
    assert "_request_origin.get()[1]" in inspect.getsource(iam_evaluator.EvalContext)
    assert {"secure_transport", "service_context", "principal_type"} <= set(parameters(iam_evaluator.EvalContext))


def test_a_view_of_an_event_gives_the_event_that_is_delivered() -> None:
    view = eventbridge._pattern_event_view({"Source": "s", "DetailType": "t", "Detail": '{"a": 1}', "EventId": "1"})
    told = view.event_with_detail()
    assert (told["source"], told["detail-type"], told["detail"]) == ("s", "t", {"a": 1})
