"""Calls of endpoints (`sagemaker-runtime`)."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from modelward.aws.errors import translated
from modelward.core.smoke import Answer, SmokeTest

if TYPE_CHECKING:
    from types_boto3_sagemaker_runtime import SageMakerRuntimeClient


class Runtime:
    """The one operation on endpoints that users of models call."""

    def __init__(self, client: "SageMakerRuntimeClient") -> None:
        """Take a boto3 client of the endpoints' account and region."""
        self._client = client

    def invoke_endpoint(self, name: str, test: SmokeTest) -> Answer:
        """Make a sample call (`InvokeEndpoint`).

        What the model's container refuses is an answer, too, and so is one that it does not give within 60 seconds:
        SageMaker tells of both as ModelError.

        Raises:
            ThrottledError: SageMaker cannot pass calls on for now.
            NotFoundError: there is no endpoint of that name.
            AwsError: any other refusal.
        """
        request: dict[str, Any] = {"Accept": test.accept} if test.accept else {}
        with translated("InvokeEndpoint", kind="endpoint", name=name):
            try:
                answer = self._client.invoke_endpoint(
                    EndpointName=name, Body=test.body, ContentType=test.content_type, **request
                )
                return Answer(200, answer.get("ContentType", ""), answer["Body"].read())
            except ClientError as error:
                if error.response["Error"]["Code"] != "ModelError":
                    raise
                return _refusal(error.response)


def _refusal(response: Any) -> Answer:
    text = response.get("OriginalMessage") or response["Error"].get("Message", "")
    return Answer(int(response.get("OriginalStatusCode") or 500), "text/plain", str(text).encode())
