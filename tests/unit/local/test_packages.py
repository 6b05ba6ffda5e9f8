from datetime import timedelta

import pytest

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/digits/1"
OTHER = {"Containers": [{"Image": "registry/digits:2"}]}


@pytest.fixture
def digits(api):
    api.group()
    return api


def test_versions_count_from_one(digits) -> None:
    assert digits.version() == ARN
    found = digits.package(ARN)
    assert (found["ModelPackageGroupName"], found["ModelPackageVersion"]) == ("digits", 1)
    assert digits.version(group="arn:aws:sagemaker:eu-west-1:123456789012:model-package-group/digits").endswith("/2")


def test_a_number_is_never_given_twice(digits) -> None:
    digits.version()
    latest = digits.version()
    digits("DeleteModelPackage", ModelPackageName=latest)
    assert digits.version().endswith("/3")


def test_a_version_waits_for_approval_unless_told_otherwise(digits) -> None:
    assert digits.package(digits.version())["ModelApprovalStatus"] == "PendingManualApproval"
    assert digits.package(digits.version(ModelApprovalStatus="Approved"))["ModelApprovalStatus"] == "Approved"


def test_a_version_keeps_all_that_it_was_registered_with(digits) -> None:
    given = {
        "ModelPackageDescription": "first",
        "ModelPackageRegistrationType": "Registered",
        "MetadataProperties": {"CommitId": "abc"},
        "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/m"}}},
        "CustomerMetadataProperties": {"metric:accuracy": "0.97"},
        "ModelLifeCycle": {"Stage": "Development", "StageStatus": "Approved"},
        "ModelCard": {"ModelCardContent": "{}", "ModelCardStatus": "Draft"},
        "SecurityConfig": {"KmsKeyId": "key"},
        "SkipModelValidation": "All",
        "Domain": "COMPUTER_VISION",
    }
    found = digits.package(digits.version(**given))
    assert {member: found[member] for member in given} == given
    assert (found["ModelPackageStatus"], found["CertifyForMarketplace"]) == ("Completed", False)
    assert digits("DescribeModelPackage", ModelPackageName=ARN, IncludedData="MetadataOnly")["ModelCard"] == {
        "ModelCardContent": "",
        "ModelCardStatus": "Draft",
    }


@pytest.mark.fidelity("version-without-name")
def test_a_version_is_described_by_group_and_number_and_has_no_name(digits) -> None:
    digits.version()
    found = digits.package(ARN)
    assert (found["ModelPackageGroupName"], found["ModelPackageVersion"]) == ("digits", 1)
    assert "ModelPackageName" not in found


def test_the_same_client_token_registers_once(digits) -> None:
    first = digits.version(ClientToken="run-1")
    assert digits.version(ClientToken="run-1") == first
    assert digits.version(ClientToken="run-2") != first
    assert len(digits.events) == 2


@pytest.mark.fidelity("update-with-a-token")
def test_the_same_client_token_updates_once(digits) -> None:
    arn = digits.version(ClientToken="run-1")
    change = {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved", "ClientToken": "run-1"}
    digits("UpdateModelPackage", **change)
    digits("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    digits("UpdateModelPackage", **change)
    assert digits.package(arn)["ModelApprovalStatus"] == "Rejected"
    other = change | {"ModelApprovalStatus": "PendingManualApproval"}
    assert digits.refusal("UpdateModelPackage", **other).code == "ConflictException"


@pytest.mark.fidelity("tokens-do-not-expire")
def test_a_client_token_is_remembered_for_good(digits) -> None:
    first = digits.version(ClientToken="run-1")
    digits.pass_s(400 * 24 * 3600)
    assert digits.version(ClientToken="run-1") == first


def test_a_client_token_belongs_to_one_request(digits) -> None:
    digits.version(ClientToken="run-1")
    request = {"ModelPackageGroupName": "digits", "InferenceSpecification": OTHER, "ClientToken": "run-1"}
    assert digits.refusal("CreateModelPackage", **request).code == "ConflictException"


def test_a_refused_request_does_not_use_up_its_token_or_a_number(digits) -> None:
    request = {"ModelPackageGroupName": "digits", "InferenceSpecification": OTHER, "ClientToken": "run-1"}
    digits.refusal("CreateModelPackage", **request, Tags=[{"Key": "a", "Value": "b"}])
    assert digits("CreateModelPackage", **request)["ModelPackageArn"] == ARN


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"ModelPackageGroupName": "digits", "ModelPackageName": "x"}, "Cannot determine which one to use"),
        ({}, "Missing ARN"),
        ({"ModelPackageGroupName": "letters"}, "does not exist"),
        ({"ModelPackageGroupName": "digits", "Tags": [{"Key": "a", "Value": "b"}]}, "Tags cannot be specified"),
        ({"ModelPackageGroupName": "digits", "InferenceSpecification": None}, "must be specified"),
    ],
)
def test_what_cannot_be_registered_is_refused_with_a_reason(digits, request_, text) -> None:
    refusal = digits.refusal("CreateModelPackage", **{"InferenceSpecification": OTHER, **request_})
    assert refusal.code == "ValidationException"
    assert text in refusal.message


def test_an_update_leaves_alone_what_it_does_not_name(digits) -> None:
    digits.version(CustomerMetadataProperties={"metric:accuracy": "0.97"}, ModelPackageDescription="first")
    digits("UpdateModelPackage", ModelPackageArn=ARN, ModelApprovalStatus="Approved", ApprovalDescription="good")
    digits("UpdateModelPackage", ModelPackageArn=ARN, CustomerMetadataProperties={"deployed": "yes"})
    digits("UpdateModelPackage", ModelPackageArn=ARN, ModelLifeCycle={"Stage": "Staging", "StageStatus": "Approved"})
    found = digits.package(ARN)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Approved", "good")
    assert found["CustomerMetadataProperties"] == {"metric:accuracy": "0.97", "deployed": "yes"}
    assert found["ModelLifeCycle"] == {"Stage": "Staging", "StageStatus": "Approved"}
    assert found["ModelPackageDescription"] == "first"


def test_metadata_is_merged_by_key_and_removed_by_key(digits) -> None:
    digits.version(CustomerMetadataProperties={"a": "1", "b": "2", "c": "3"})
    change = {"CustomerMetadataProperties": {"b": "20"}, "CustomerMetadataPropertiesToRemove": ["c", "unknown"]}
    digits("UpdateModelPackage", ModelPackageArn=ARN, **change)
    assert digits.package(ARN)["CustomerMetadataProperties"] == {"a": "1", "b": "20"}
    digits("UpdateModelPackage", ModelPackageArn=ARN, CustomerMetadataPropertiesToRemove=["a", "b"])
    assert "CustomerMetadataProperties" not in digits.package(ARN)


def test_metadata_stays_within_fifty_keys(digits) -> None:
    digits.version(CustomerMetadataProperties={f"k{n}": "v" for n in range(50)})
    refusal = digits.refusal("UpdateModelPackage", ModelPackageArn=ARN, CustomerMetadataProperties={"one": "more"})
    assert "at most 50" in refusal.message
    assert len(digits.package(ARN)["CustomerMetadataProperties"]) == 50


def test_what_is_fixed_at_creation_cannot_be_updated(digits) -> None:
    """The API has no such members in an update; AWS ignores members that it does not know."""
    digits.version(ModelPackageDescription="first", MetadataProperties={"CommitId": "abc"})
    digits("UpdateModelPackage", ModelPackageArn=ARN, ModelPackageDescription="x", MetadataProperties={"CommitId": "x"})
    found = digits.package(ARN)
    assert (found["ModelPackageDescription"], found["MetadataProperties"]) == ("first", {"CommitId": "abc"})


def test_the_last_to_change_a_version_is_told_apart_from_who_made_it(digits) -> None:
    digits.version()
    assert "LastModifiedBy" not in digits.package(ARN)
    digits.who = "bob"
    digits.clock.advance(60)
    digits("UpdateModelPackage", ModelPackageArn=ARN, ModelApprovalStatus="Approved")
    found = digits.package(ARN)
    assert found["CreatedBy"]["IamIdentity"]["Arn"].endswith("user/ann")
    assert found["LastModifiedBy"]["IamIdentity"]["Arn"].endswith("user/bob")
    assert found["LastModifiedTime"] - found["CreationTime"] == timedelta(seconds=60)


def test_an_archived_card_keeps_its_content(digits) -> None:
    digits.version(ModelCard={"ModelCardContent": "{}", "ModelCardStatus": "Draft"})
    digits("UpdateModelPackage", ModelPackageArn=ARN, ModelCard={"ModelCardStatus": "Archived"})
    assert digits.package(ARN)["ModelCard"] == {"ModelCardContent": "{}", "ModelCardStatus": "Archived"}
    refusal = digits.refusal("UpdateModelPackage", ModelPackageArn=ARN, ModelCard={"ModelCardContent": "new"})
    assert "archived" in refusal.message


def test_additional_specifications_are_added_under_names_of_their_own(digits) -> None:
    digits.version()
    fast = [{"Name": "fast", **OTHER}]
    digits("UpdateModelPackage", ModelPackageArn=ARN, AdditionalInferenceSpecificationsToAdd=fast)
    assert [each["Name"] for each in digits.package(ARN)["AdditionalInferenceSpecifications"]] == ["fast"]
    request = {"ModelPackageArn": ARN, "AdditionalInferenceSpecificationsToAdd": fast}
    assert "unique names" in digits.refusal("UpdateModelPackage", **request).message


def test_a_clone_of_an_algorithm_has_no_empty_specification(digits) -> None:
    algorithm = {"SourceAlgorithms": [{"AlgorithmName": "trees"}]}
    request = {"ModelPackageGroupName": "digits"}
    made = digits("CreateModelPackage", **request, SourceAlgorithmSpecification=algorithm)["ModelPackageArn"]
    clone = digits.package(digits("CreateModelPackage", **request, SourceUri=made)["ModelPackageArn"])
    assert clone["SourceAlgorithmSpecification"] == algorithm
    assert "InferenceSpecification" not in clone


def test_a_version_can_be_cloned_by_its_arn(digits) -> None:
    digits.version()
    clone = digits("CreateModelPackage", ModelPackageGroupName="digits", SourceUri=ARN)["ModelPackageArn"]
    assert digits.package(clone)["InferenceSpecification"] == digits.package(ARN)["InferenceSpecification"]
    assert digits.package(clone)["SourceUri"] == ARN


def test_a_clone_of_an_algorithms_model_has_that_algorithm_and_no_specification(digits) -> None:
    algorithm = {"SourceAlgorithms": [{"AlgorithmName": "trees", "ModelDataUrl": "s3://bucket/trees.tar.gz"}]}
    group = {"ModelPackageGroupName": "digits"}
    arn = digits("CreateModelPackage", **group, SourceAlgorithmSpecification=algorithm)["ModelPackageArn"]
    clone = digits.package(digits("CreateModelPackage", **group, SourceUri=arn)["ModelPackageArn"])
    assert clone["SourceAlgorithmSpecification"] == algorithm
    assert "InferenceSpecification" not in clone


def test_a_model_can_be_registered_by_its_arn(digits) -> None:
    container = {"Image": "registry/digits:2", "ModelDataUrl": "s3://bucket/two.tar.gz", "Environment": {"A": "b"}}
    arn = digits("CreateModel", ModelName="two", PrimaryContainer={**container, "Mode": "SingleModel"})["ModelArn"]
    version = digits("CreateModelPackage", ModelPackageGroupName="digits", SourceUri=arn)["ModelPackageArn"]
    assert digits.package(version)["InferenceSpecification"] == {"Containers": [container]}
    assert digits.package(version)["SourceUri"] == arn


def test_a_model_made_from_a_version_is_registered_with_that_versions_container(digits) -> None:
    original = digits.version(ModelApprovalStatus="Approved")
    container = {"ModelPackageName": original, "Environment": {"THREADS": "2"}}
    arn = digits("CreateModel", ModelName="two", PrimaryContainer=container)["ModelArn"]
    version = digits("CreateModelPackage", ModelPackageGroupName="digits", SourceUri=arn)["ModelPackageArn"]
    (expected,) = digits.package(original)["InferenceSpecification"]["Containers"]
    (found,) = digits.package(version)["InferenceSpecification"]["Containers"]
    assert found == {**expected, "Environment": {"THREADS": "2"}}


@pytest.mark.parametrize("account", ["123456789012", "210987654321"])
def test_a_model_that_is_not_here_cannot_be_registered(digits, account) -> None:
    digits("CreateModel", ModelName="two", PrimaryContainer={"Image": "registry/digits:2"})
    name = "one" if account == "123456789012" else "two"
    source = f"arn:aws:sagemaker:eu-west-1:{account}:model/{name}"
    refusal = digits.refusal("CreateModelPackage", ModelPackageGroupName="digits", SourceUri=source)
    assert "Could not find model" in refusal.message


@pytest.mark.parametrize("operation", ["DescribeModelPackage", "DeleteModelPackage"])
@pytest.mark.parametrize("name", ["digits/7", ARN, "unversioned"])
def test_a_missing_version_does_not_exist(digits, operation, name) -> None:
    refusal = digits.refusal(operation, ModelPackageName=name)
    assert refusal.code == "ValidationException"
    assert refusal.message.startswith("ModelPackage arn:aws:sagemaker:eu-west-1:123456789012:model-package/")
    assert refusal.message.endswith("does not exist.")


def test_a_batch_tells_what_is_there_and_what_is_not(digits) -> None:
    digits.version(CustomerMetadataProperties={"a": "b"})
    missing = ARN.replace("/1", "/9")
    answer = digits("BatchDescribeModelPackage", ModelPackageArnList=[ARN, missing])
    summary = answer["ModelPackageSummaries"][ARN]
    assert (summary["ModelPackageGroupName"], summary["ModelPackageVersion"]) == ("digits", 1)
    assert "CustomerMetadataProperties" not in summary
    assert "does not exist" in answer["BatchDescribeModelPackageErrorMap"][missing]["ErrorResponse"]


def test_an_unversioned_package_has_a_name_tags_and_no_environment(digits) -> None:
    tags = [{"Key": "team", "Value": "vision"}]
    request = {"ModelPackageName": "scanner", "InferenceSpecification": OTHER, "Tags": tags}
    arn = digits("CreateModelPackage", **request)["ModelPackageArn"]
    found = digits("DescribeModelPackage", ModelPackageName="scanner")
    assert found["ModelPackageName"] == "scanner"
    assert not {"ModelPackageGroupName", "ModelPackageVersion", "ModelApprovalStatus"} & found.keys()
    assert digits("ListTags", ResourceArn=arn)["Tags"] == tags
    assert "already exists" in digits.refusal("CreateModelPackage", **request).message
    specification = {"Containers": [{"Image": "i", "Environment": {"A": "b"}}]}
    refusal = digits.refusal("CreateModelPackage", ModelPackageName="reader", InferenceSpecification=specification)
    assert refusal.message.startswith("Environment variable map cannot be specified")


def test_an_answer_cannot_be_used_to_reach_into_the_registry(digits) -> None:
    given = {"a": "b"}
    digits.version(CustomerMetadataProperties=given)
    given["a"] = "changed"
    digits.package(ARN)["CustomerMetadataProperties"]["a"] = "changed"
    assert digits.package(ARN)["CustomerMetadataProperties"] == {"a": "b"}


def test_creation_is_told_without_a_list_of_updated_fields(digits) -> None:
    digits.version(CustomerMetadataProperties={"metric:accuracy": "0.97"})
    (event,) = digits.events
    assert event["source"] == "aws.sagemaker"
    assert event["detail-type"] == "SageMaker Model Package State Change"
    assert event["resources"] == [ARN]
    assert (event["account"], event["region"], event["time"]) == ("123456789012", "eu-west-1", digits.clock())
    detail = event["detail"]
    assert detail["CreationTime"] == round(digits.clock().timestamp() * 1000)
    assert (detail["ModelPackageVersion"], detail["ModelApprovalStatus"]) == (1, "PendingManualApproval")
    assert not {"UpdatedModelPackageFields", "CreatedBy", "LastModifiedBy", "ModelPackageName"} & detail.keys()


def test_an_update_is_told_with_the_fields_it_named_in_awss_spelling(digits) -> None:
    digits.version()
    change = {
        "ModelApprovalStatus": "Approved",
        "ApprovalDescription": "good",
        "SourceUri": "s3://bucket/source",
        "CustomerMetadataPropertiesToRemove": ["gone"],
        "ModelLifeCycle": {"Stage": "Staging", "StageStatus": "Approved"},
    }
    digits("UpdateModelPackage", ModelPackageArn=ARN, **change)
    detail = digits.events[-1]["detail"]
    assert detail["UpdatedModelPackageFields"] == [
        "ModelLifeCycle",
        "ModelApprovalStatus",
        "ApprovalDescription",
        "sourceUri",
        "CustomerMetadataProperties",
    ]
    assert detail["ModelApprovalStatus"] == "Approved"
    assert not {"LastModifiedBy", "previousModelApprovalStatus"} & detail.keys()


def test_a_metadata_stamp_on_an_approved_version_says_approved_again(digits) -> None:
    digits.version(ModelApprovalStatus="Approved")
    digits("UpdateModelPackage", ModelPackageArn=ARN, CustomerMetadataProperties={"deployed": "yes"})
    detail = digits.events[-1]["detail"]
    assert detail["ModelApprovalStatus"] == "Approved"
    assert detail["UpdatedModelPackageFields"] == ["CustomerMetadataProperties"]


def test_a_deletion_is_told_as_deleting(digits) -> None:
    digits.version()
    digits("DeleteModelPackage", ModelPackageName=ARN)
    assert digits.events[-1]["detail"]["ModelPackageStatus"] == "Deleting"


def test_an_event_stays_as_it_was_told(digits) -> None:
    digits.version(CustomerMetadataProperties={"a": "1"})
    digits("UpdateModelPackage", ModelPackageArn=ARN, CustomerMetadataProperties={"a": "2"})
    digits.events[-1]["detail"]["CustomerMetadataProperties"]["a"] = "3"
    assert digits.events[0]["detail"]["CustomerMetadataProperties"] == {"a": "1"}
    assert digits.package(ARN)["CustomerMetadataProperties"] == {"a": "2"}
