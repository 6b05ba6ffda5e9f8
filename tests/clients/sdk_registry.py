"""The registry by the SageMaker SDK, in an environment that has nothing else: OUT BUCKET ARCHIVE ARCHIVE.

Writes what it was told to the file OUT, as JSON. Not a test, but what one runs.
"""

import json
import sys
from pathlib import Path
from typing import Any

from botocore.exceptions import ParamValidationError
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import ModelPackage, ModelPackageGroup
from sagemaker.core.shapes import ModelLifeCycle, Tag
from sagemaker.serve import ModelBuilder

GROUP = "sdk-digits"
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"


def register(session: Session, url: str) -> str:
    builder = ModelBuilder(
        s3_model_data_url=url,
        image_uri=IMAGE,
        role_arn="arn:aws:iam::123456789012:role/Endpoints",
        sagemaker_session=session,
    )
    arn: str = builder.register(
        model_package_group_name=GROUP,
        content_types=["application/json"],
        response_types=["application/json"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.large"],
        approval_status="PendingManualApproval",
        description="by the SDK",
        customer_metadata_properties={"accuracy": "0.97"},
    )
    return arn


def approve(arn: str) -> dict[str, Any]:
    package = ModelPackage.get(model_package_name=arn)
    before = package.model_approval_status
    package.update(
        model_approval_status="Approved",
        approval_description="good",
        model_life_cycle=ModelLifeCycle(stage="Staging", stage_status="Approved"),
        customer_metadata_properties={"reviewed": "yes"},
    )
    return {
        "statuses": [before, package.model_approval_status],
        "reason": package.approval_description,
        "stage": package.model_life_cycle.stage,
        "metadata": package.customer_metadata_properties,
        "by": [package.created_by.iam_identity.arn, package.last_modified_by.iam_identity.arn],
        "version": package.model_package_version,
        "image": package.inference_specification.containers[0].image,
        "url": package.inference_specification.containers[0].model_data_url,
    }


def delete(arn: str) -> str:
    """Delete a version; return why the plain call is refused, which takes the ModelPackageName that no version has."""
    package = ModelPackage.get(model_package_name=arn)
    try:
        package.delete()
    except ParamValidationError as error:
        package.model_package_name = arn
        package.delete()
        return str(error)
    return ""


def versions() -> list[str]:
    return [package.model_package_arn for package in ModelPackage.get_all(model_package_group_name=GROUP)]


def group() -> ModelPackageGroup:
    made = ModelPackageGroup.create(
        model_package_group_name=GROUP,
        model_package_group_description="by the SDK",
        tags=[Tag(key="team", value="vision")],
    )
    made.wait_for_status("Completed", poll=1, timeout=30)
    return made


def main(out: str, bucket: str, *archives: str) -> None:
    session = Session(default_bucket=bucket)
    urls = [session.upload_data(archive, key_prefix="sdk") for archive in archives]
    made = group()
    arns = [register(session, urls[number % len(urls)]) for number in range(11)]
    facts: dict[str, Any] = {"bucket": session.default_bucket(), "urls": urls, "arns": arns, "listed": versions()}
    facts["approved"] = approve(arns[0])
    batch = ModelPackage.get(model_package_name=arns[0]).batch_get(model_package_arn_list=arns[:2])
    facts["batch"] = [each.model_approval_status for each in batch.model_package_summaries.values()]
    facts["approved_versions"] = [
        package.model_package_version
        for package in ModelPackage.get_all(model_package_group_name=GROUP, model_approval_status="Approved")
    ]
    facts["refusals"] = [delete(arn) for arn in arns]
    made.delete()
    made.wait_for_delete(poll=1, timeout=30)
    facts["groups"] = [each.model_package_group_name for each in ModelPackageGroup.get_all(name_contains=GROUP)]
    Path(out).write_text(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
