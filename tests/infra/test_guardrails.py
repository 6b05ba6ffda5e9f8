"""The alarms of endpoints, as somebody would be paged by them."""

from typing import Any

import pytest

from modelward.core.endpoint import VARIANT, Symptom, alarm_name

DECLARED = """
[registry]
name = "acme"
stages = ["Development", "Staging", "Production", "Archived"]
[environments.staging]
stage = "Staging"
[environments.production]
stage = "Production"
[models.Churn]
owner = "team"
[models.Churn.endpoints.staging]
serverless = {{ memory_mb = 1024, max_concurrency = 1 }}
[models.Churn.endpoints.production]
instance_type = "ml.m5.large"
alarms = {{ {} }}
"""
ALL = "errors_5xx_at_most = 2, latency_p90_ms_at_most = 500, silent_for_minutes = 30"


def _guardrails(assembly: Any) -> dict[str, Any]:
    alarms = [each["Properties"] for each in assembly.resources("workflow", "AWS::CloudWatch::Alarm").values()]
    return {each["AlarmName"]: each for each in alarms if each["Namespace"] == "AWS/SageMaker"}


@pytest.fixture(scope="module")
def declared(synthesize: Any) -> Any:
    return synthesize(DECLARED.format(ALL))


@pytest.fixture(scope="module")
def guardrails(declared: Any) -> dict[str, Any]:
    return _guardrails(declared)


def test_each_declared_limit_is_an_alarm_whose_name_follows_from_the_endpoint(guardrails) -> None:
    assert set(guardrails) == {"Churn-production-errors", "Churn-production-latency", "Churn-production-silence"}
    assert set(guardrails) == {alarm_name("Churn-production", symptom) for symptom in Symptom}


def test_alarms_watch_the_variant_that_the_reconciler_makes(guardrails) -> None:
    for alarm in guardrails.values():
        assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == {
            "EndpointName": "Churn-production",
            "VariantName": VARIANT,
        }


def test_people_learn_when_an_alarm_goes_off_and_when_it_is_over(declared, guardrails) -> None:
    [topic] = declared.resources("workflow", "AWS::SNS::Topic")
    for alarm in guardrails.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]


def test_one_minute_with_more_errors_than_allowed_is_enough_and_one_without_calls_is_none(guardrails) -> None:
    alarm = guardrails["Churn-production-errors"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("Invocation5XXErrors", "Sum")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 2)
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (60, 1)
    assert alarm["TreatMissingData"] == "notBreaching"


def test_milliseconds_become_the_microseconds_that_sagemaker_measures(guardrails) -> None:
    alarm = guardrails["Churn-production-latency"]
    assert (alarm["MetricName"], alarm["ExtendedStatistic"]) == ("ModelLatency", "p90")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 500_000)
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (3, 5)
    assert alarm["TreatMissingData"] == "notBreaching"


def test_silence_is_no_data_at_all(guardrails) -> None:
    alarm = guardrails["Churn-production-silence"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("Invocations", "Sum")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (30 * 60, 1)
    assert alarm["TreatMissingData"] == "breaching"


def test_descriptions_name_the_endpoint_the_limit_and_the_next_step(guardrails) -> None:
    told = {name: alarm["AlarmDescription"] for name, alarm in guardrails.items()}
    assert all("Churn-production" in text for text in told.values())
    assert "more than 2 calls" in told["Churn-production-errors"]
    assert "aws logs tail /aws/sagemaker/Endpoints/Churn-production" in told["Churn-production-errors"]
    assert "500 ms" in told["Churn-production-latency"]
    assert "30 minutes" in told["Churn-production-silence"]


@pytest.mark.parametrize(
    ("limit", "symptom"),
    [
        ("errors_5xx_at_most = 0", "errors"),
        ("latency_p90_ms_at_most = 1", "latency"),
        ("silent_for_minutes = 1", "silence"),
    ],
)
def test_what_has_no_limit_is_not_watched(synthesize, limit: str, symptom: str) -> None:
    assert set(_guardrails(synthesize(DECLARED.format(limit)))) == {f"Churn-production-{symptom}"}


def test_without_declared_alarms_there_are_none(synthesize) -> None:
    assert _guardrails(synthesize(synthesize.declare("digits"))) == {}


def test_guardrails_stand_alone_in_somebody_else_s_stack(tmp_path) -> None:
    from aws_cdk import App, Stack
    from aws_cdk.assertions import Template

    from modelward.config import AlarmSpec
    from modelward_infra.guardrails import EndpointGuardrails, EndpointGuardrailsProps

    stack = Stack(App(outdir=str(tmp_path)), "theirs")
    made = EndpointGuardrails(
        stack, "Guardrails", EndpointGuardrailsProps("churn", AlarmSpec(errors_5xx_at_most=5), variant="blue")
    )
    assert list(made.alarms) == [Symptom.ERRORS]
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::CloudWatch::Alarm", 1)
    template.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            "AlarmName": "churn-errors",
            "Dimensions": [{"Name": "EndpointName", "Value": "churn"}, {"Name": "VariantName", "Value": "blue"}],
        },
    )
