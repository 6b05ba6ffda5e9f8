"""Register and approve a version with the SageMaker Python SDK, version 3 (`pip install 'sagemaker>=3.27,<4'`).

In an environment of its own, since its packages and those of `modelward[local]` exclude each other:

    source local.env
    python examples/register_with_the_sdk.py build/model.tar.gz
"""

import os
import sys

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import ModelPackage
from sagemaker.serve import ModelBuilder

ACCOUNT = "123456789012"
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"


def main(archive):
    """Upload, register, approve."""
    # Left to itself, the SDK asks AWS's own STS which account this is, whatever AWS_ENDPOINT_URL says.
    session = Session(default_bucket=f"sagemaker-{os.environ['AWS_REGION']}-{ACCOUNT}")
    url = session.upload_data(archive, key_prefix="digits")
    builder = ModelBuilder(
        s3_model_data_url=url,
        image_uri=IMAGE,
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/any",
        sagemaker_session=session,
    )
    arn = builder.register(model_package_group_name="digits", approval_status="PendingManualApproval")
    version = ModelPackage.get(model_package_name=arn)
    version.update(model_approval_status="Approved", approval_description="registered by the SDK")
    print(arn, ModelPackage.get(model_package_name=arn).model_approval_status)


if __name__ == "__main__":
    main(*sys.argv[1:])
