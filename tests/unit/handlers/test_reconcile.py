"""What wakes the reconciler, and whom it looks at then."""

import json

import pytest

from modelward.handlers.reconcile import handler

ENDPOINT = {"detail-type": "SageMaker Endpoint State Change", "detail": {"EndpointName": "Digits-EU-production"}}


def brought(*bodies):
    records = [{"messageId": str(number), "body": body if isinstance(body, str) else json.dumps(body)}
               for number, body in enumerate(bodies, 1)]  # fmt: skip
    return [each["itemIdentifier"] for each in handler({"Records": records}, None)["batchItemFailures"]]


def test_the_schedule_asks_for_each_model_by_a_message_of_its_own(function):
    function.answers["send_message"] = {}
    assert brought({"sweep": True}) == []
    assert [json.loads(request["MessageBody"]) for _, request in function.asked] == [
        {"model": "Digits-EU"}, {"model": "fraud"},
    ]  # fmt: skip


def figures(capsys):
    """Give what CloudWatch reads out of the log."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if "_aws" in line]


def test_a_sweep_that_began_is_told_as_a_metric(function, capsys, monkeypatch):
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "reconcile")
    function.answers["send_message"] = {}
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


def test_a_message_for_an_environment_looks_there(function):
    brought({"model": "Digits-EU", "environment": "production", "version": 3})
    assert function.asked[0] == ("describe_endpoint", {"EndpointName": "Digits-EU-production"})


@pytest.mark.parametrize(
    "message",
    [
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
    function.answers["send_message"] = {}
    assert brought({"sweep": True}, "not json", {**ENDPOINT, "detail": {}}) == ["2"]
