"""What the default bus tells of versions."""

from datetime import datetime

import pytest
from tests.fidelity.account import Ground

fidelity = pytest.mark.fidelity


@pytest.fixture
def heard(ground: Ground) -> Ground:
    ground.listen()
    return ground


@fidelity("event-on-creation")
def test_a_new_version_is_told_without_a_list_of_updated_fields(heard: Ground) -> None:
    group = heard.group()
    arn = heard.version(group)
    event = heard.event(arn)
    assert event["detail-type"] == "SageMaker Model Package State Change"
    assert (event["account"], event["resources"]) == (heard.account.identity["Account"], [arn])
    detail = event["detail"]
    assert (detail["ModelPackageGroupName"], detail["ModelPackageVersion"]) == (group, 1)
    assert detail["ModelApprovalStatus"] == "PendingManualApproval"
    assert "UpdatedModelPackageFields" not in detail


@fidelity("event-names-fields", "stamp-says-approved-again")
def test_an_update_is_told_with_the_fields_that_it_named(heard: Ground) -> None:
    arn = heard.version(heard.group())
    heard.update(arn, ModelApprovalStatus="Approved", ApprovalDescription="good")
    told = heard.event(arn, lambda detail: detail["ModelApprovalStatus"] == "Approved")["detail"]
    assert sorted(told["UpdatedModelPackageFields"]) == ["ApprovalDescription", "ModelApprovalStatus"]
    heard.update(arn, CustomerMetadataProperties={"stamp": "1"})
    told = heard.event(arn, lambda detail: "CustomerMetadataProperties" in detail)["detail"]
    assert told["UpdatedModelPackageFields"] == ["CustomerMetadataProperties"]
    assert told["ModelApprovalStatus"] == "Approved", "a stamp looks like an approval to a careless rule"


@fidelity("event-spelling")
def test_the_source_uri_is_spelled_with_a_small_letter(heard: Ground) -> None:
    arn = heard.version(heard.group())
    heard.update(arn, SourceUri=arn)
    told = heard.event(arn, lambda detail: "UpdatedModelPackageFields" in detail)["detail"]
    assert told["UpdatedModelPackageFields"] == ["sourceUri"]


@fidelity("event-without-change")
def test_an_update_that_changes_nothing_is_told_too(heard: Ground) -> None:
    arn = heard.version(heard.group())
    heard.update(arn, ModelApprovalStatus="Approved")
    heard.event(arn, lambda detail: detail["ModelApprovalStatus"] == "Approved")
    before = len(heard.events_so_far(arn))
    heard.update(arn, ModelApprovalStatus="Approved")
    assert heard.eventually(lambda: len(heard.events_so_far(arn)) > before)


@fidelity("event-without-actor")
def test_an_event_does_not_tell_who_it_was(heard: Ground) -> None:
    arn = heard.version(heard.group())
    heard.update(arn, ModelApprovalStatus="Approved")
    for event in heard.events(arn, lambda detail: detail["ModelApprovalStatus"] == "Approved"):
        assert not {"CreatedBy", "LastModifiedBy", "UserContext"} & event["detail"].keys()
        assert heard.account.identity["Arn"] not in str(event)


@fidelity("event-on-deletion")
def test_a_deleted_version_is_told_as_deleting(heard: Ground) -> None:
    arn = heard.version(heard.group())
    heard.sagemaker.delete_model_package(ModelPackageName=arn)
    assert heard.event(arn, lambda detail: detail["ModelPackageStatus"] == "Deleting")


@fidelity("event-times-in-milliseconds")
def test_times_are_milliseconds_and_the_envelopes_is_iso_text(heard: Ground) -> None:
    arn = heard.version(heard.group())
    event = heard.event(arn)
    created_ms = heard.package(arn)["CreationTime"].timestamp() * 1000
    assert event["detail"]["CreationTime"] == pytest.approx(created_ms, abs=1000)
    assert abs(datetime.fromisoformat(event["time"]).timestamp() * 1000 - created_ms) < 300_000


@fidelity("model-and-config-events")
def test_models_and_configs_are_told_of_when_they_come_and_when_they_go(heard: Ground) -> None:
    config = heard.config()
    described = heard.sagemaker.describe_endpoint_config(EndpointConfigName=config)
    arn, model = described["EndpointConfigArn"], described["ProductionVariants"][0]["ModelName"]
    told = heard.event(arn, lambda detail: detail["Tags"])
    assert told["detail-type"] == "SageMaker Endpoint Config State Change"
    assert (told["detail"]["EndpointConfigName"], told["detail"]["Tags"]) == (config, heard.account.run.tags)
    model_arn = heard.sagemaker.describe_model(ModelName=model)["ModelArn"]
    told = heard.event(model_arn, lambda detail: detail["Tags"])
    assert (told["detail-type"], told["detail"]["ModelName"]) == ("SageMaker Model State Change", model)
    heard.sagemaker.delete_endpoint_config(EndpointConfigName=config)
    assert heard.event(arn, lambda detail: not detail["Tags"])["detail"]["EndpointConfigName"] == config
