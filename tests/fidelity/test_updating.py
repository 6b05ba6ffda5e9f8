"""What an update changes, and what it leaves alone."""

import json

import pytest
from botocore.exceptions import ClientError
from tests.fidelity.account import Ground

fidelity = pytest.mark.fidelity
METADATA = "CustomerMetadataProperties"


@fidelity("update-keeps-the-rest")
def test_an_update_leaves_alone_what_it_does_not_name(ground: Ground) -> None:
    cycle = {"Stage": "Staging", "StageStatus": "InProgress"}
    arn = ground.version(ground.group(), **{METADATA: {"accuracy": "0.97"}}, ModelLifeCycle=cycle)
    ground.update(arn, ModelApprovalStatus="Approved", ApprovalDescription="good")
    ground.update(arn, **{METADATA: {"stamp": "1"}})
    found = ground.package(arn)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Approved", "good")
    assert found["ModelLifeCycle"] == cycle
    assert found["InferenceSpecification"]["Containers"][0]["Image"] == ground.account.image


@fidelity("metadata-merges")
def test_metadata_is_merged_key_by_key(ground: Ground) -> None:
    arn = ground.version(ground.group(), **{METADATA: {"a": "1", "b": "1"}})
    ground.update(arn, **{METADATA: {"b": "2", "c": "2"}})
    assert ground.package(arn)[METADATA] == {"a": "1", "b": "2", "c": "2"}


@fidelity("metadata-removed-first")
def test_a_key_that_is_removed_and_given_is_there_afterwards(ground: Ground) -> None:
    arn = ground.version(ground.group(), **{METADATA: {"a": "1", "b": "1"}})
    ground.update(arn, **{METADATA: {"a": "2"}}, CustomerMetadataPropertiesToRemove=["a", "b"])
    assert ground.package(arn)[METADATA] == {"a": "2"}


@fidelity("metadata-unknown-removal")
def test_removing_a_key_that_is_not_there_is_no_error(ground: Ground) -> None:
    arn = ground.version(ground.group(), **{METADATA: {"a": "1"}})
    ground.update(arn, CustomerMetadataPropertiesToRemove=["z"])
    assert ground.package(arn)[METADATA] == {"a": "1"}


@fidelity("metadata-fifty")
def test_the_fifty_first_key_is_refused(ground: Ground) -> None:
    fifty = {f"key{number}": "1" for number in range(50)}
    arn = ground.version(ground.group(), **{METADATA: fifty})
    with pytest.raises(ClientError, match="50") as caught:
        ground.update(arn, **{METADATA: {"one-more": "1"}})
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert ground.package(arn)[METADATA] == fifty


@fidelity("update-with-a-token")
def test_a_client_token_updates_once_and_belongs_to_one_request(ground: Ground) -> None:
    arn, token = ground.version(ground.group()), ground.name("token")[-36:]
    ground.update(arn, ModelApprovalStatus="Approved", ClientToken=token)
    ground.update(arn, ModelApprovalStatus="Rejected")
    ground.update(arn, ModelApprovalStatus="Approved", ClientToken=token)
    assert ground.package(arn)["ModelApprovalStatus"] == "Rejected"
    with pytest.raises(ClientError) as caught:
        ground.update(arn, ApprovalDescription="another", ClientToken=token)
    assert caught.value.response["Error"]["Code"] == "ConflictException"


@fidelity("last-update-wins")
def test_the_later_of_two_updates_wins_without_a_question(ground: Ground) -> None:
    arn = ground.version(ground.group())
    ground.update(arn, ModelApprovalStatus="Approved", ApprovalDescription="first")
    ground.update(arn, ModelApprovalStatus="Rejected", ApprovalDescription="second")
    found = ground.package(arn)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Rejected", "second")


@fidelity("life-cycle-replaced-whole")
def test_a_life_cycle_takes_the_place_of_the_one_before(ground: Ground) -> None:
    before = {"Stage": "Staging", "StageStatus": "InProgress", "StageDescription": "a day of traffic"}
    arn = ground.version(ground.group(), ModelLifeCycle=before)
    after = {"Stage": "Production", "StageStatus": "Approved"}
    ground.update(arn, ModelLifeCycle=after)
    assert ground.package(arn)["ModelLifeCycle"] == after


@fidelity("any-approval-transition")
def test_an_approval_can_be_taken_back_to_pending(ground: Ground) -> None:
    arn = ground.version(ground.group())
    for status in ("Approved", "PendingManualApproval", "Rejected", "PendingManualApproval", "Approved", "Rejected"):
        ground.update(arn, ModelApprovalStatus=status)
        assert ground.package(arn)["ModelApprovalStatus"] == status


@fidelity("fixed-at-creation")
def test_an_image_can_be_changed_and_figures_cannot(ground: Ground) -> None:
    arn = ground.version(ground.group(), MetadataProperties={"CommitId": "abc"})
    changed = ground.specification("other")
    ground.update(arn, InferenceSpecification=changed)
    found = ground.package(arn)
    assert found["InferenceSpecification"]["Containers"][0]["ModelDataUrl"].endswith("other.tar.gz")
    assert found["MetadataProperties"] == {"CommitId": "abc"}
    members = ground.sagemaker.meta.service_model.operation_model("UpdateModelPackage").input_shape.members
    assert not {"ModelMetrics", "MetadataProperties", "DriftCheckBaselines", "ModelPackageDescription"} & members.keys()


def card(**more: str) -> dict[str, str]:
    return {"ModelCardContent": json.dumps({"model_overview": {"model_creator": "ann"}}), **more}


@fidelity("card-merges")
def test_a_card_keeps_its_content_when_only_its_status_is_given(ground: Ground) -> None:
    arn = ground.version(ground.group(), ModelCard=card(ModelCardStatus="Draft"))
    content = json.loads(ground.package(arn)["ModelCard"]["ModelCardContent"])
    ground.update(arn, ModelCard={"ModelCardStatus": "PendingReview"})
    found = ground.package(arn)["ModelCard"]
    assert found["ModelCardStatus"] == "PendingReview"
    assert json.loads(found["ModelCardContent"]) == content


@fidelity("archived-card-closed")
def test_an_archived_card_takes_no_new_content(ground: Ground) -> None:
    arn = ground.version(ground.group(), ModelCard=card(ModelCardStatus="Draft"))
    ground.update(arn, ModelCard={"ModelCardStatus": "Archived"})
    with pytest.raises(ClientError) as caught:
        ground.update(arn, ModelCard=card())
    assert caught.value.response["Error"]["Code"] == "ValidationException"
