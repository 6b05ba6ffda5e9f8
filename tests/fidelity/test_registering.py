"""Making groups and versions, and deleting them."""

import pytest
from botocore.exceptions import ClientError
from tests.fidelity.account import Ground

fidelity = pytest.mark.fidelity


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    """Code and text."""
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


@fidelity("group-exists")
def test_a_second_group_of_a_name_is_refused(ground: Ground) -> None:
    name = ground.group()
    with pytest.raises(ClientError) as caught:
        ground.group()
    code, text = refusal(caught)
    arn = ground.account.arn("sagemaker", f"model-package-group/{name}")
    assert (code, text) == ("ValidationException", f"Model Package Group already exists: {arn}")


@fidelity("missing-does-not-exist")
def test_what_is_missing_in_the_registry_does_not_exist(ground: Ground) -> None:
    group = ground.group()
    arn = ground.version(group).removesuffix("1") + "77"
    for ask in (
        lambda: ground.sagemaker.describe_model_package_group(ModelPackageGroupName=ground.name("none")),
        lambda: ground.package(arn),
        lambda: ground.update(arn, ModelApprovalStatus="Approved"),
        lambda: ground.sagemaker.delete_model_package(ModelPackageName=arn),
    ):
        with pytest.raises(ClientError, match="does not exist") as caught:
            ask()
        assert refusal(caught)[0] == "ValidationException"


@fidelity("one-name-exactly")
def test_a_version_is_given_a_group_or_a_name(ground: Ground) -> None:
    group = ground.group()
    with pytest.raises(ClientError, match="Both ModelPackageName and ModelPackageGroupName are provided"):
        ground.version(group, ModelPackageName=ground.name("both"))
    with pytest.raises(ClientError, match=r"Missing ARN\."):
        ground.sagemaker.create_model_package(InferenceSpecification=ground.specification())


@fidelity("something-to-serve")
def test_a_version_of_nothing_is_refused(ground: Ground) -> None:
    group = ground.group()
    with pytest.raises(ClientError, match="InferenceSpecification") as caught:
        ground.sagemaker.create_model_package(ModelPackageGroupName=group)
    assert refusal(caught)[0] == "ValidationException"


@fidelity("no-tags-on-versions")
def test_a_version_takes_no_tags(ground: Ground) -> None:
    group = ground.group()
    with pytest.raises(ClientError, match=r"(?i)tag") as caught:
        ground.version(group, Tags=[{"Key": "team", "Value": "vision"}])
    assert refusal(caught)[0] == "ValidationException"


@fidelity("pending-by-default")
def test_a_version_waits_for_approval_unless_told_otherwise(ground: Ground) -> None:
    group = ground.group()
    assert ground.package(ground.version(group))["ModelApprovalStatus"] == "PendingManualApproval"
    assert ground.package(ground.version(group, ModelApprovalStatus="Approved"))["ModelApprovalStatus"] == "Approved"


@fidelity("completed-at-once")
def test_a_version_is_completed_as_soon_as_it_is_made(ground: Ground) -> None:
    assert ground.package(ground.version(ground.group()))["ModelPackageStatus"] == "Completed"


@fidelity("no-image-digest")
def test_the_digest_of_an_image_is_not_filled_in(ground: Ground) -> None:
    container = ground.package(ground.version(ground.group()))["InferenceSpecification"]["Containers"][0]
    assert "ImageDigest" not in container
    assert container["Image"] == ground.account.image


@fidelity("same-token-same-version")
def test_a_client_token_makes_one_version(ground: Ground) -> None:
    group, token = ground.group(), ground.name("token")[-36:]
    first = ground.version(group, ClientToken=token)
    assert ground.version(group, ClientToken=token) == first
    found = ground.sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    assert len(found) == 1


@fidelity("same-token-other-request")
def test_a_client_token_belongs_to_one_request(ground: Ground) -> None:
    group, token = ground.group(), ground.name("token")[-36:]
    ground.version(group, ClientToken=token)
    with pytest.raises(ClientError) as caught:
        ground.version(group, ClientToken=token, ModelPackageDescription="another")
    assert refusal(caught)[0] == "ConflictException"


@fidelity("group-with-versions-stays")
def test_a_group_with_versions_is_not_deleted(ground: Ground) -> None:
    group = ground.group()
    arn = ground.version(group)
    with pytest.raises(ClientError) as caught:
        ground.sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    assert refusal(caught)[0] == "ConflictException"
    ground.sagemaker.delete_model_package(ModelPackageName=arn)
    ground.sagemaker.delete_model_package_group(ModelPackageGroupName=group)


@fidelity("group-without-policy")
def test_a_group_without_a_policy_has_none_to_give(ground: Ground) -> None:
    group = ground.group()
    with pytest.raises(ClientError) as caught:
        ground.sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


@fidelity("lengths-in-characters")
def test_lengths_count_characters_and_not_bytes_or_code_units(ground: Ground) -> None:
    longest = "\U00010400" * 256  # a letter beyond the basic plane: two UTF-16 units, four bytes
    arn = ground.version(ground.group(), CustomerMetadataProperties={"note": longest})
    assert ground.package(arn)["CustomerMetadataProperties"] == {"note": longest}


@fidelity("pattern-tail-ignored")
def test_the_stray_end_of_the_metadata_patterns_means_nothing(ground: Ground) -> None:
    arn = ground.version(ground.group(), CustomerMetadataProperties={"k": "v"})
    assert ground.package(arn)["CustomerMetadataProperties"] == {"k": "v"}


@fidelity("clone-by-source")
def test_a_version_is_cloned_and_a_model_registered_by_its_arn(ground: Ground) -> None:
    group = ground.group()
    original = ground.package(ground.version(group))["InferenceSpecification"]
    model = ground.model()
    model_arn = ground.sagemaker.describe_model(ModelName=model)["ModelArn"]
    for source in (ground.account.arn("sagemaker", f"model-package/{group}/1"), model_arn):
        made = ground.sagemaker.create_model_package(ModelPackageGroupName=group, SourceUri=source)
        taken = ground.package(made["ModelPackageArn"])["InferenceSpecification"]["Containers"][0]
        assert taken["Image"] == original["Containers"][0]["Image"]
        assert taken["ModelDataUrl"].startswith("s3://")
