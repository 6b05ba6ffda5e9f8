"""A test of your own code on the local SageMaker, in-process and without a server.

    pip install 'modelward[local]' pytest
    pytest examples/test_with_moto.py

`install()` puts the local SageMaker in the place of moto's; all else inside `mock_aws` stays moto's.
"""

import boto3
import pytest
from moto import mock_aws

from modelward.local.moto import events, install

ACCOUNT, REGION = "123456789012", "eu-west-1"


def reject_below(sagemaker, group, floor):
    """Stand for your own code: reject each pending version whose accuracy is below a floor; give their numbers."""
    rejected = []
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, ModelApprovalStatus="PendingManualApproval"
    )
    for summary in pages.search("ModelPackageSummaryList[]"):
        arn = summary["ModelPackageArn"]
        version = sagemaker.describe_model_package(ModelPackageName=arn)
        if float(version["CustomerMetadataProperties"]["metric:accuracy"]) < floor:
            sagemaker.update_model_package(
                ModelPackageArn=arn, ModelApprovalStatus="Rejected", ApprovalDescription=f"accuracy below {floor}"
            )
            rejected.append(summary["ModelPackageVersion"])
    return rejected


@pytest.fixture
def sagemaker():
    install()
    with mock_aws():
        client = boto3.client("sagemaker", region_name=REGION)
        client.create_model_package_group(ModelPackageGroupName="digits")
        for accuracy in ("0.97", "0.62"):
            client.create_model_package(
                ModelPackageGroupName="digits",
                InferenceSpecification={"Containers": [{"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz"}]},
                CustomerMetadataProperties={"metric:accuracy": accuracy},
            )
        yield client


def test_a_weak_version_is_rejected_and_keeps_its_figures(sagemaker):
    assert reject_below(sagemaker, "digits", 0.9) == [2]
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/digits/2"
    version = sagemaker.describe_model_package(ModelPackageName=arn)
    assert version["ModelApprovalStatus"] == "Rejected"
    assert version["CustomerMetadataProperties"] == {"metric:accuracy": "0.62"}


def test_the_rejection_is_announced_as_an_event(sagemaker):
    reject_below(sagemaker, "digits", 0.9)
    *_, last = events(ACCOUNT, REGION)
    assert last["detail-type"] == "SageMaker Model Package State Change"
    assert last["detail"]["UpdatedModelPackageFields"] == ["ModelApprovalStatus", "ApprovalDescription"]
