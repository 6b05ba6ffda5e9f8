"""The alarms of the machinery and the dashboard, as somebody would be paged by them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from modelward.core.measures import Measure

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = {"model_package", "reconcile", "notify"}


@pytest.fixture(scope="module")
def alarms(assembly: Any) -> list[dict[str, Any]]:
    return [each["Properties"] for each in assembly.resources("workflow", "AWS::CloudWatch::Alarm").values()]


def _on(alarms: list[dict[str, Any]], metric: str) -> list[dict[str, Any]]:
    return [each for each in alarms if each["MetricName"] == metric]


def _watched(alarm: dict[str, Any]) -> str:
    [dimension] = alarm["Dimensions"]
    target = dimension["Value"]
    return str(target.get("Ref") or target["Fn::GetAtt"][0])


@pytest.mark.parametrize(("metric", "periods"), [("Errors", 1), ("Throttles", 3)])
def test_each_function_that_crashes_or_is_not_started_raises_an_alarm(assembly, alarms, metric, periods) -> None:
    found = _on(alarms, metric)
    assert {_watched(each) for each in found} == {assembly.function(name)[0] for name in FUNCTIONS}
    for alarm in found:
        assert (alarm["Namespace"], alarm["Statistic"]) == ("AWS/Lambda", "Sum")
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
        assert (alarm["Period"], alarm["EvaluationPeriods"]) == (300, periods)
        assert alarm["TreatMissingData"] == "notBreaching"


def test_each_queue_in_front_of_a_function_raises_an_alarm_before_its_messages_are_given_up(assembly, alarms) -> None:
    queues = assembly.resources("workflow", "AWS::SQS::Queue")
    inboxes = {key: each["Properties"] for key, each in queues.items() if "RedrivePolicy" in each["Properties"]}
    found = _on(alarms, "ApproximateAgeOfOldestMessage")
    assert {_watched(each) for each in found} == set(inboxes)
    for alarm in found:
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1800)
        assert alarm["TreatMissingData"] == "notBreaching"
    slowest = max(inboxes.values(), key=lambda queue: queue["VisibilityTimeout"])
    assert slowest["VisibilityTimeout"] * slowest["RedrivePolicy"]["maxReceiveCount"] > 1800


def test_a_ledger_entry_that_cannot_be_told_raises_an_alarm_long_before_it_is_given_up(assembly, alarms) -> None:
    [alarm] = _on(alarms, "IteratorAge")
    assert _watched(alarm) == assembly.function("notify")[0]
    assert (alarm["Threshold"], alarm["Statistic"]) == (1800 * 1000, "Maximum")
    [stream] = [
        each["Properties"]
        for each in assembly.resources("workflow", "AWS::Lambda::EventSourceMapping").values()
        if "MaximumRecordAgeInSeconds" in each["Properties"]
    ]
    assert stream["MaximumRecordAgeInSeconds"] > 1800


def test_a_sweep_that_does_not_come_three_times_raises_an_alarm(assembly, alarms) -> None:
    [alarm] = _on(alarms, Measure.SWEEPS)
    service = assembly.function("reconcile")[1]["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == {"registry": "acme", "service": service}
    assert (alarm["ComparisonOperator"], alarm["Threshold"], alarm["Statistic"]) == ("LessThanThreshold", 1, "Sum")
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (45 * 60, 1)
    assert alarm["TreatMissingData"] == "breaching"


def test_each_environment_that_is_out_of_step_for_an_hour_raises_an_alarm(alarms) -> None:
    found = _on(alarms, Measure.OUT_OF_STEP)
    told = [{each["Name"]: each["Value"] for each in alarm["Dimensions"]} for alarm in found]
    assert sorted(each["environment"] for each in told) == ["production", "staging"]
    assert {(each["registry"], each["service"]) for each in told} == {("acme", "reconcile")}
    for alarm in found:
        assert (alarm["Threshold"], alarm["Statistic"]) == (3600, "Maximum")
        assert alarm["Period"] > 15 * 60  # a sweep tells of it every quarter of an hour
        assert alarm["TreatMissingData"] == "notBreaching"


def test_a_change_that_no_event_told_of_raises_an_alarm_where_versions_are_reviewed(assembly, alarms) -> None:
    [alarm] = _on(alarms, Measure.UNHEARD)
    assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == {"registry": "acme", "service": "reconcile"}
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    assert (alarm["Statistic"], alarm["TreatMissingData"]) == ("Sum", "notBreaching")
    queue = assembly.resources("workflow", "AWS::Lambda::EventSourceMapping")
    inbox = next(
        each["Properties"]["EventSourceArn"]["Fn::GetAtt"][0] for key, each in queue.items() if "Reviews" in key
    )
    assert "list-rule-names-by-target" in json.dumps(alarm["AlarmDescription"])
    assert inbox in json.dumps(alarm["AlarmDescription"])


def test_alarms_have_names_that_people_can_read(alarms) -> None:
    names = {each["AlarmName"] for each in alarms}
    assert len(names) == len(alarms)
    assert {"acme-workflow-ReviewErrors", "acme-workflow-RolloutsAge", "acme-workflow-RolloutsFailed"} <= names
    assert {"acme-workflow-Sweep", "acme-workflow-stagingOutOfStep", "digits-production-errors"} <= names


def test_every_alarm_tells_people_when_it_goes_off_and_when_it_is_over(assembly, alarms) -> None:
    [topic] = assembly.resources("workflow", "AWS::SNS::Topic")
    for alarm in alarms:
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]


def test_every_alarm_of_the_machinery_names_a_command_and_fits(alarms) -> None:
    for alarm in alarms:
        text = json.dumps(alarm["AlarmDescription"])
        assert len(text) < 900  # CloudWatch takes 1,024 characters, with names and addresses filled in
        if alarm["Namespace"] != "AWS/SageMaker":
            assert re.search(r"\b(aws [a-z]+ [a-z-]+|modelward [a-z]+)", text), text


def test_commands_of_descriptions_exist(alarms, assembly) -> None:
    texts = [json.dumps(each["AlarmDescription"]) for each in alarms] + [json.dumps(_body(assembly))]
    commands = {command for text in texts for command in re.findall(r"modelward ([a-z]+)(?: <model>|`)", text)}
    assert commands == {"history", "deploy", "rollback", "status"}
    reference = (ROOT / "docs/cli.md").read_text()
    assert all(f"\nmodelward {command} " in reference for command in commands)


def _body(assembly: Any) -> Any:
    body = assembly.one("workflow", "AWS::CloudWatch::Dashboard")["Properties"]["DashboardBody"]
    parts = body["Fn::Join"][1] if isinstance(body, dict) else [body]
    return json.loads("".join(part if isinstance(part, str) else next(iter(_targets(part))) for part in parts))


def _targets(value: Any) -> list[str]:
    [target] = value.values()
    return [target] if isinstance(target, str) else [target[0]]


def test_the_dashboard_begins_with_what_to_do_and_shows_every_alarm(assembly, alarms) -> None:
    widgets = _body(assembly)["widgets"]
    assert widgets[0]["type"] == "text"
    assert "modelward rollback" in widgets[0]["properties"]["markdown"]
    shown = [arn for each in widgets if each["type"] == "alarm" for arn in each["properties"]["alarms"]]
    assert len(shown) == len(set(shown)) == len(alarms)


def test_the_dashboard_shows_the_figures_behind_the_alarms(assembly, alarms) -> None:
    graphs = [each["properties"] for each in _body(assembly)["widgets"] if each["type"] == "metric"]
    shown = {(metric[0], metric[1]) for graph in graphs for metric in graph["metrics"]}
    assert {(each["Namespace"], each["MetricName"]) for each in alarms} - shown == {("AWS/Lambda", "IteratorAge")}
    assert {("AWS/Lambda", "Duration"), ("AWS/SageMaker", "Invocation4XXErrors")} <= shown


def test_the_dashboard_stays_within_what_cloudwatch_shows(many) -> None:
    body = _body(many)
    assert len(body["widgets"]) <= 500
    graphs = [each["properties"]["metrics"] for each in body["widgets"] if each["type"] == "metric"]
    assert max(map(len, graphs)) <= 500
    assert sum(map(len, graphs)) <= 2500
    assert "150 more endpoints are not shown" in body["widgets"][0]["properties"]["markdown"]


def test_the_dashboard_shows_of_asynchronous_endpoints_what_sagemaker_publishes_of_them(synthesize) -> None:
    kind = "instance_type = 'ml.m5.large'"
    text = synthesize.declare("digits", "letters").replace(kind, f"{kind}\nasynchronous = {{}}", 1)
    graphs = [each["properties"] for each in _body(synthesize(text))["widgets"] if each["type"] == "metric"]
    shown = {(metric[1], *metric[2:-1]) for graph in graphs for metric in graph["metrics"]}
    variant = ("VariantName", "AllTraffic")
    assert ("Invocations", "EndpointName", "letters-production", *variant) in shown
    assert ("Invocations", "EndpointName", "digits-production", *variant) not in shown
    assert {each for each in shown if each[0].startswith(("Approximate", "Expired", "InvocationFailures"))} >= {
        ("ApproximateBacklogSize", "EndpointName", "digits-production"),
        ("ApproximateAgeOfOldestRequest", "EndpointName", "digits-production"),
        ("InvocationFailures", "EndpointName", "digits-production", *variant),
        ("ExpiredRequests", "EndpointName", "digits-production", *variant),
    }
    assert not [each for each in shown if each[0].startswith("Expired") and "letters-production" in each]


def test_a_registry_without_endpoints_has_a_dashboard_without_their_graphs(synthesize) -> None:
    body = _body(synthesize(synthesize.declare()))
    assert not [each for each in body["widgets"] if "Endpoints" in each["properties"].get("title", "")]
