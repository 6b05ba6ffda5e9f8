"""What somebody would be paged for, and what it must not be silent about."""

import json
from typing import Any

import pytest

HANDLERS = {"model_package": 60, "reconcile": 120, "notify": 60}


def _queues(assembly: Any) -> dict[str, Any]:
    return {key: each["Properties"] for key, each in assembly.resources("workflow", "AWS::SQS::Queue").items()}


def _mapping(assembly: Any, handler: str) -> Any:
    function = {"Ref": assembly.function(handler)[0]}
    [found] = [
        each["Properties"]
        for each in assembly.resources("workflow", "AWS::Lambda::EventSourceMapping").values()
        if each["Properties"]["FunctionName"] == function
    ]
    return found


def _dead_letters(assembly: Any) -> set[str]:
    redriven = {
        queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for queue in _queues(assembly).values()
        if "RedrivePolicy" in queue
    }
    stream = _mapping(assembly, "notify")["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
    return redriven | {stream}


def test_each_queue_is_a_dead_letter_queue_or_has_one(assembly) -> None:
    dead_letters = _dead_letters(assembly)
    assert len(dead_letters) == 3
    for key, queue in _queues(assembly).items():
        assert (key in dead_letters) != ("RedrivePolicy" in queue)


def test_the_first_dead_letter_raises_an_alarm_that_people_get(assembly) -> None:
    [topic] = assembly.resources("workflow", "AWS::SNS::Topic")
    watched = set()
    for alarm in assembly.resources("workflow", "AWS::CloudWatch::Alarm").values():
        properties = alarm["Properties"]
        if properties["MetricName"] != "ApproximateNumberOfMessagesVisible":
            continue
        assert (properties["Threshold"], properties["EvaluationPeriods"]) == (1, 1)
        assert properties["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert properties["AlarmActions"] == [{"Ref": topic}]
        watched.add(properties["Dimensions"][0]["Value"]["Fn::GetAtt"][0])
    assert watched == _dead_letters(assembly)


def test_alarms_may_publish_to_the_encrypted_topic(assembly) -> None:
    topic = assembly.one("workflow", "AWS::SNS::Topic")["Properties"]
    assert "KmsMasterKeyId" in topic
    statements = assembly.one("workflow", "AWS::SNS::TopicPolicy")["Properties"]["PolicyDocument"]["Statement"]
    [allowed] = [each for each in statements if each["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_queues_are_encrypted_without_a_key_that_eventbridge_would_need(assembly) -> None:
    for queue in _queues(assembly).values():
        assert queue["SqsManagedSseEnabled"] is True
        assert "KmsMasterKeyId" not in queue


def test_dead_letters_wait_for_two_weeks(assembly) -> None:
    for key in _dead_letters(assembly):
        assert _queues(assembly)[key]["MessageRetentionPeriod"] == 14 * 24 * 3600


@pytest.mark.parametrize("handler", ["model_package", "reconcile"])
def test_a_message_stays_hidden_six_times_as_long_as_its_function_may_run(assembly, handler: str) -> None:
    queue = _queues(assembly)[_mapping(assembly, handler)["EventSourceArn"]["Fn::GetAtt"][0]]
    timeout = assembly.function(handler)[1]["Properties"]["Timeout"]
    assert timeout == HANDLERS[handler]
    assert queue["VisibilityTimeout"] >= 6 * timeout
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5


@pytest.mark.parametrize("handler", HANDLERS)
def test_one_bad_message_does_not_bring_its_batch_back(assembly, handler: str) -> None:
    assert _mapping(assembly, handler)["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_notifier_reads_the_ledger_s_stream_from_its_beginning_and_a_bad_entry_does_not_block_it(assembly) -> None:
    mapping = _mapping(assembly, "notify")
    assert "StreamArn" in json.dumps(mapping["EventSourceArn"])
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 0 < mapping["MaximumRetryAttempts"] <= 100
    assert 0 < mapping["MaximumRecordAgeInSeconds"] < 24 * 3600  # the stream itself keeps records for a day


def _rules(assembly: Any) -> dict[str, Any]:
    rules = [each["Properties"] for each in assembly.resources("workflow", "AWS::Events::Rule").values()]
    return {rule.get("EventPattern", {}).get("detail-type", ["sweep"])[0]: rule for rule in rules}


def test_every_rule_delivers_into_a_queue_and_into_dead_letters_when_it_cannot(assembly) -> None:
    rules = _rules(assembly)
    assert len(rules) == 4
    for rule in rules.values():
        [target] = rule["Targets"]
        assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0] in _dead_letters(assembly)
        queue = _queues(assembly)[target["Arn"]["Fn::GetAtt"][0]]
        assert queue["RedrivePolicy"]["deadLetterTargetArn"] == target["DeadLetterConfig"]["Arn"]
        assert rule["State"] == "ENABLED"


def test_eventbridge_may_send_from_our_rules_only(assembly) -> None:
    rules = set(assembly.resources("workflow", "AWS::Events::Rule"))
    for policy in assembly.resources("workflow", "AWS::SQS::QueuePolicy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                assert statement["Principal"] == {"Service": "events.amazonaws.com"}
                assert statement["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::GetAtt"][0] in rules


def test_the_rule_of_versions_catches_every_change_of_declared_models(assembly) -> None:
    # Created as Approved, approved, rejected, moved, edited: no filter on status or on updated fields may lose one.
    rule = _rules(assembly)["SageMaker Model Package State Change"]
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": ["digits"]},
    }


def test_the_rule_of_endpoints_names_them_as_the_reconciler_does(assembly) -> None:
    from modelward.core.names import endpoint_name

    rule = _rules(assembly)["SageMaker Endpoint State Change"]
    assert set(rule["EventPattern"]["detail"]["EndpointName"]) == {
        endpoint_name("digits", "production"),
        endpoint_name("digits", "staging"),
    }


def test_rollouts_are_asked_for_on_a_bus_of_their_own_that_wakes_the_reconciler(assembly) -> None:
    [bus] = assembly.resources("workflow", "AWS::Events::EventBus")
    rules = _rules(assembly)
    rule = rules.pop("Rollout Requested")
    assert rule["EventBusName"] == {"Ref": bus}
    assert rule["EventPattern"] == {"source": ["modelward"], "detail-type": ["Rollout Requested"]}
    assert rule["Targets"][0]["Arn"] == _mapping(assembly, "reconcile")["EventSourceArn"]
    assert "Input" not in rule["Targets"][0]  # the handler is given the event as it is
    assert not [each for each in rules.values() if "EventBusName" in each]  # AWS's own events come by the default bus


def test_without_other_accounts_nobody_else_may_put_events_on_the_bus(assembly) -> None:
    assert assembly.one("workflow", "AWS::Events::EventBus")["Properties"]["Name"] == "acme-rollouts"
    assert assembly.resources("workflow", "AWS::Events::EventBusPolicy") == {}


def test_the_sweep_runs_every_quarter_of_an_hour_with_a_constant_message(assembly) -> None:
    rule = _rules(assembly)["sweep"]
    assert rule["ScheduleExpression"] == "rate(15 minutes)"
    assert json.loads(rule["Targets"][0]["Input"]) == {"sweep": True}


ALARM_CHANGED = "CloudWatch Alarm State Change"


def _alarm_rule(assembly: Any) -> Any:
    return _rules(assembly)[ALARM_CHANGED]


def _declaring(synthesize: Any, *names: str) -> Any:
    kind = "instance_type = 'ml.m5.large'"
    return synthesize(synthesize.declare("digits").replace(kind, f"{kind}\nroll_back_on = {list(names)}"))


def test_alarms_that_bring_versions_back_wake_the_reconciler_when_they_go_off(assembly, synthesize) -> None:
    declared = _declaring(synthesize, "Too slow", "odd")
    rule = _alarm_rule(declared)
    assert rule["EventPattern"] == {
        "source": ["aws.cloudwatch"],
        "detail-type": [ALARM_CHANGED],
        "detail": {"alarmName": ["Too slow", "odd"], "state": {"value": ["ALARM"]}},
    }
    assert rule["Targets"][0]["Arn"] == _mapping(declared, "reconcile")["EventSourceArn"]
    assert "Input" not in rule["Targets"][0]
    assert ALARM_CHANGED not in _rules(assembly)


def test_alarms_whose_names_are_too_long_for_one_pattern_are_left_to_the_function(synthesize) -> None:
    rule = _alarm_rule(_declaring(synthesize, *(f"{number} {'a' * 250}" for number in range(10))))
    assert rule["EventPattern"]["detail"] == {"state": {"value": ["ALARM"]}}


def test_rules_know_names_with_capitals_as_sagemaker_may_write_them_too(synthesize) -> None:
    rules = _rules(synthesize(synthesize.declare("Churn")))
    patterns = {
        kind: rule["EventPattern"] for kind, rule in rules.items() if kind not in ("sweep", "Rollout Requested")
    }
    names = {kind: pattern["detail"] for kind, pattern in patterns.items()}
    assert names == {
        "SageMaker Model Package State Change": {"ModelPackageGroupName": ["Churn", "churn"]},
        "SageMaker Endpoint State Change": {
            "EndpointName": ["Churn-production", "churn-production", "Churn-staging", "churn-staging"]
        },
    }


def test_patterns_stay_within_eventbridge_s_limit_whatever_the_number_of_models(many) -> None:
    for rule in _rules(many).values():
        assert len(json.dumps(rule.get("EventPattern", {}))) <= 2048
        assert "detail" not in rule.get("EventPattern", {})


def test_the_number_of_functions_queues_and_rules_does_not_grow_with_the_models(assembly, many) -> None:
    for kind in ("Lambda::Function", "SQS::Queue", "Events::EventBus", "Events::Rule", "CloudWatch::Alarm"):
        ours = {key for key in assembly.resources("workflow", f"AWS::{kind}") if not key.startswith("Guardrails")}
        assert ours
        assert many.resources("workflow", f"AWS::{kind}").keys() == ours


def test_a_registry_without_endpoints_or_models_has_no_rule_that_matches_everybody_s(synthesize) -> None:
    unserved = synthesize(synthesize.declare("digits", are_served=False))
    assert set(_rules(unserved)) == {"SageMaker Model Package State Change", "Rollout Requested", "sweep"}
    empty = synthesize(synthesize.declare())
    assert set(_rules(empty)) == {"Rollout Requested", "sweep"}


def test_functions_run_on_the_newest_python_on_arm_with_a_log_that_ends(assembly) -> None:
    for handler, timeout in HANDLERS.items():
        properties = assembly.function(handler)[1]["Properties"]
        assert properties["Runtime"] == "python3.14"
        assert properties["Architectures"] == ["arm64"]
        assert (properties["MemorySize"], properties["Timeout"]) == (512, timeout)
        assert properties["TracingConfig"] == {"Mode": "Active"}
        log_group = assembly.resources("workflow")[properties["LoggingConfig"]["LogGroup"]["Ref"]]
        assert log_group["Properties"]["RetentionInDays"] == 90
        assert log_group["Properties"]["LogGroupName"] == f"/aws/lambda/{properties['FunctionName']}"


def test_functions_have_names_that_people_know_from_the_history(assembly, synthesize) -> None:
    # A function's name is the name of its session, which SageMaker keeps as who changed a version.
    tasks = {"model_package": "review", "reconcile": "rollout", "notify": "notify"}
    for handler, task in tasks.items():
        assert assembly.function(handler)[1]["Properties"]["FunctionName"] == f"acme-{task}"
    longest = synthesize(synthesize.declare("digits").replace("acme", "a" * 63))
    names = [longest.function(handler)[1]["Properties"]["FunctionName"] for handler in tasks]
    assert [len(name) for name in names] == [63, 63, 63]
    assert len(set(names)) == 3


def test_functions_share_one_asset(assembly) -> None:
    codes = [json.dumps(assembly.function(handler)[1]["Properties"]["Code"]) for handler in HANDLERS]
    assert len(set(codes)) == 1


def test_functions_get_their_settings_and_nothing_else(assembly) -> None:
    from modelward.config import Settings

    names = Settings(*["x"] * 8).to_env().keys() | {"POWERTOOLS_SERVICE_NAME"}
    for handler in HANDLERS:
        variables = assembly.function(handler)[1]["Properties"]["Environment"]["Variables"]
        assert variables.keys() == names
        assert variables["POWERTOOLS_SERVICE_NAME"] == handler.replace("_", "-")


def test_the_deployment_is_found_by_its_parameters(assembly) -> None:
    from modelward.config import Settings

    parameters = {
        each["Properties"]["Name"]: each["Properties"]["Value"]
        for each in assembly.resources("workflow", "AWS::SSM::Parameter").values()
    }
    found = Settings.from_parameters(parameters, registry="acme")
    assert found.reconcile_queue_url == {"Ref": _mapping(assembly, "reconcile")["EventSourceArn"]["Fn::GetAtt"][0]}
    variables = assembly.function("reconcile")[1]["Properties"]["Environment"]["Variables"]
    assert found.to_env() == {key: value for key, value in variables.items() if key.startswith("MODELWARD_")}


def test_declared_addresses_are_subscribed(assembly, synthesize) -> None:
    subscription = assembly.one("workflow", "AWS::SNS::Subscription")["Properties"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ml-platform@example.com")
    silent = synthesize(synthesize.declare("digits"))
    assert silent.resources("workflow", "AWS::SNS::Subscription") == {}


def test_no_template_holds_a_secret_or_asks_for_one(assembly) -> None:
    for stack in ("registry", "workflow"):
        text = json.dumps(assembly.template(stack))
        assert "resolve:secretsmanager" not in text
        assert "hooks.slack.com" not in text
        assert set(assembly.template(stack)["Parameters"]) == {"BootstrapVersion"}
