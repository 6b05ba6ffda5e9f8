"""What wakes the reconciler, and whom it looks at then."""

import json
from datetime import UTC, datetime

import pytest

from modelward.handlers.reconcile import handler

ENDPOINT = {"detail-type": "SageMaker Endpoint State Change", "detail": {"EndpointName": "Digits-EU-production"}}


def brought(*bodies):
    records = [{"messageId": str(number), "body": body if isinstance(body, str) else json.dumps(body)}
               for number, body in enumerate(bodies, 1)]  # fmt: skip
    return [each["itemIdentifier"] for each in handler({"Records": records}, None)["batchItemFailures"]]


def swept(function):
    """Give the models that a sweep's one call asks for, in messages that may be seen at once."""
    [(operation, request)] = function.asked
    assert (operation, request["QueueUrl"]) == ("send_message_batch", "reconcile_queue_url")
    assert {entry["DelaySeconds"] for entry in request["Entries"]} == {0}
    assert len({entry["Id"] for entry in request["Entries"]}) == len(request["Entries"])
    return [json.loads(entry["MessageBody"]) for entry in request["Entries"]]


def test_the_schedule_asks_for_each_model_by_a_message_of_its_own(function):
    function.answers["send_message_batch"] = {}
    assert brought({"sweep": True}) == []
    assert swept(function) == [{"model": "Digits-EU"}, {"model": "fraud"}, {"tidy": True}]


def test_a_sweep_of_which_one_message_was_refused_comes_again(function, capsys):
    refused = {"Id": "1", "Code": "InternalError", "Message": "try later", "SenderFault": False}
    function.answers["send_message_batch"] = {"Successful": [{"Id": "0"}], "Failed": [refused]}
    assert brought({"sweep": True}) == ["1"]
    assert figures(capsys) == []


def figures(capsys):
    """Give what CloudWatch reads out of the log."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if "_aws" in line]


def test_a_sweep_that_began_is_told_as_a_metric(function, capsys, monkeypatch):
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "reconcile")
    function.answers["send_message_batch"] = {}
    brought({"sweep": True})
    [figure] = figures(capsys)
    [directive] = figure["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("Modelward", [["registry", "service"]])
    assert (figure["registry"], figure["service"], figure["Sweeps"]) == ("acme", "reconcile", [1.0])


def test_a_sweep_that_could_not_begin_is_not_told(function, capsys):
    assert brought({"sweep": True}) == ["1"]
    assert figures(capsys) == []


@pytest.mark.parametrize("name", ["Digits-EU-production", "digits-eu-production", "DIGITS-EU-PRODUCTION"])
def test_an_event_of_an_endpoint_of_ours_looks_at_it_in_whatever_case_it_is_named(function, name):
    brought({**ENDPOINT, "detail": {"EndpointName": name, "EndpointStatus": "IN_SERVICE"}})
    assert function.asked[0] == ("describe_endpoint", {"EndpointName": "Digits-EU-production"})


@pytest.mark.parametrize("detail", [{}, {"EndpointName": "somebody-s"}, {"EndpointName": "Digits-EU-staging"}])
def test_an_event_of_another_endpoint_is_dropped_without_a_call(function, detail):
    assert brought({**ENDPOINT, "detail": detail}) == []
    assert function.asked == []


def test_an_alarm_that_nobody_declares_is_dropped_without_a_call(function):
    event = {"detail-type": "CloudWatch Alarm State Change", "detail": {"alarmName": "somebody-s"}}
    assert brought(event) == []
    assert function.asked == []


def test_a_message_for_an_environment_looks_there(function):
    brought({"model": "Digits-EU", "environment": "production", "version": 3})
    assert function.asked[0] == ("describe_endpoint", {"EndpointName": "Digits-EU-production"})


def requested(**detail):
    """Give an event that asks for a rollout, as the bus's rule brings it."""
    return {
        "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Rollout Requested",
        "source": "modelward", "account": "123456789012", "time": "2026-01-05T00:00:00Z", "region": "eu-west-1",
        "resources": [], "detail": detail,
    }  # fmt: skip


def test_a_rollout_that_is_asked_for_on_the_bus_is_looked_at(function):
    function.answers["describe_endpoint"] = {
        "EndpointName": "Digits-EU-production", "EndpointStatus": "InService", "EndpointConfigName": "x",
        "CreationTime": datetime(2026, 1, 1, tzinfo=UTC), "LastModifiedTime": datetime(2026, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    function.answers["search"] = {"Results": []}
    brought(requested(model="Digits-EU", environment="production", version=3))
    assert function.asked[0] == ("describe_endpoint", {"EndpointName": "Digits-EU-production"})
    [hinted] = [request for operation, request in function.asked if operation == "describe_model_package"]
    assert hinted["ModelPackageName"].endswith(":model-package/Digits-EU/3")


HOME, IN_PRODUCTION = "", "production"
OF_PRODUCTION = {"model": "Digits-EU", "environment": "production", "version": 3}
OF_STAGING = {"model": "Digits-EU", "environment": "staging", "version": 3}
# Where a model has no endpoint, there is nothing abroad: the registry's account sees to the stage.
UNSERVED = {"model": "fraud", "environment": "production", "version": 3}


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (HOME, OF_PRODUCTION),
        (HOME, requested(**OF_PRODUCTION)),
        (HOME, {**ENDPOINT, "detail": {"EndpointName": "Digits-EU-production", "EndpointStatus": "IN_SERVICE"}}),
        (IN_PRODUCTION, OF_STAGING),
        (IN_PRODUCTION, requested(**OF_STAGING)),
        (IN_PRODUCTION, requested(**UNSERVED)),
    ],
    indirect=["function"],
)
def test_a_message_for_what_is_in_another_account_is_put_aside_with_a_line_in_the_log(function, message, caplog):
    assert brought(message) == []
    assert function.asked == []
    [line] = caplog.records
    about = message.get("detail", message)
    name = about.get("EndpointName") or f"{about['model']}-{about['environment']}"
    assert (line.levelname, line.message) == ("WARNING", "not ours")
    assert f"{line.model}-{line.environment}" == name


@pytest.mark.parametrize(
    ("function", "message", "first"),
    [
        (IN_PRODUCTION, OF_PRODUCTION, "describe_endpoint"),
        (IN_PRODUCTION, requested(**OF_PRODUCTION), "describe_endpoint"),
        (HOME, requested(**OF_STAGING), "search"),
        (HOME, requested(**UNSERVED), "search"),
    ],
    indirect=["function"],
)
def test_what_is_in_the_account_of_the_function_is_looked_at(function, message, first, caplog):
    brought(message)
    assert function.operations[0] == first
    assert "not ours" not in caplog.messages


@pytest.mark.parametrize(
    ("function", "models"),
    [(HOME, ["Digits-EU", "fraud"]), (IN_PRODUCTION, ["Digits-EU"])],
    indirect=["function"],
)
def test_the_schedule_of_an_account_asks_for_the_models_that_are_reconciled_there(function, models):
    function.answers["send_message_batch"] = {}
    assert brought({"sweep": True}) == []
    assert [message.get("model") for message in swept(function)] == [*models, None]


@pytest.mark.parametrize(
    "message",
    [
        requested(model="undeclared", environment="production", version=1),
        requested(model="Digits-EU", environment="undeclared", version=1),
        {"model": "undeclared", "environment": "production"},
        {"model": "Digits-EU", "environment": "undeclared"},
        {"model": "undeclared"},
    ],
)
def test_a_message_about_what_is_no_longer_declared_is_finished_with(function, message):
    assert brought(message) == []
    assert function.asked == []


@pytest.mark.parametrize("body", ["", "not json", "[]", "null", "{}", '{"environment": "production"}'])
def test_a_body_that_cannot_be_read_goes_back_and_in_the_end_to_the_dead_letters(function, body):
    assert brought(body) == ["1"]


def test_of_three_messages_only_the_one_that_failed_comes_again(function):
    function.answers["send_message_batch"] = {}
    assert brought({"sweep": True}, "not json", {**ENDPOINT, "detail": {}}) == ["2"]
