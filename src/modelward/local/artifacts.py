"""How an endpoint uses S3 and SNS, with the rights of its model's execution role: models, captures, answers."""

from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from modelward.local.ministack import access
from modelward.local.sagemaker import HostedVariant


class Artifacts:
    """Reads from the S3 of the local AWS what endpoints need, writes what they leave there, and tells of it."""

    def __init__(self, endpoint_url: str) -> None:
        """Use the local AWS at an URL."""
        self._endpoint_url = endpoint_url

    def fetch(self, variant: HostedVariant) -> bytes:
        """Return the bytes of a variant's archive.

        Raises:
            ValueError: it has none, or not as an ``s3://`` URI.
            OSError: the execution role may not read it, or it is not there.
        """
        uri = urlsplit(variant.model_data_url or "")
        if uri.scheme != "s3" or not uri.path.strip("/"):
            raise ValueError(f"the model data {variant.model_data_url!r} is not an s3:// URI of an object")
        try:
            return self.get(variant, variant.model_data_url)
        except OSError as error:
            raise OSError(f"Could not access model data: {error}") from error

    def get(self, variant: HostedVariant, uri: str) -> bytes:
        """Read an object."""
        place = urlsplit(uri)
        try:
            answer = self._client(variant).get_object(Bucket=place.netloc, Key=place.path[1:])
            body: bytes = answer["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise OSError(f"{variant.execution_role_arn} could not read {uri}: {error}") from error
        return body

    def keys(self, variant: HostedVariant, uri: str) -> list[str]:
        """List objects."""
        place = urlsplit(uri)
        try:
            pages = self._client(variant).get_paginator("list_objects_v2")
            found = pages.paginate(Bucket=place.netloc, Prefix=place.path[1:]).search("Contents[].Key")
            return [f"s3://{place.netloc}/{key}" for key in found if key]
        except (ClientError, BotoCoreError) as error:
            raise OSError(f"{variant.execution_role_arn} could not list {uri}: {error}") from error

    def put(self, variant: HostedVariant, uri: str, body: bytes, key_id: str) -> None:
        """Write an object, encrypted with a key."""
        place = urlsplit(uri)
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id} if key_id else {}
        try:
            self._client(variant).put_object(Bucket=place.netloc, Key=place.path[1:], Body=body, **encryption)
        except (ClientError, BotoCoreError) as error:
            raise OSError(f"{variant.execution_role_arn} could not write {uri}: {error}") from error

    def publish(self, variant: HostedVariant, topic_arn: str, message: str) -> None:
        """Publish a message."""
        try:
            sns = self._client(variant, "sns", topic_arn.split(":")[3])
            sns.publish(TopicArn=topic_arn, Message=message)
        except (ClientError, BotoCoreError) as error:
            raise OSError(f"{variant.execution_role_arn} could not publish to {topic_arn}: {error}") from error

    def _client(self, variant: HostedVariant, service: str = "s3", region: str = "us-east-1") -> Any:
        role_arn = variant.execution_role_arn
        if not access.service_may_assume("sagemaker.amazonaws.com", role_arn, variant.endpoint_arn):
            raise OSError(f"{role_arn} is not there, or does not let sagemaker.amazonaws.com assume it")
        key, secret, token = access.role_credentials(role_arn)
        session = botocore.session.get_session()
        return session.create_client(
            service,
            region_name=region,  # S3 serves a bucket of any region under any name of a region here
            endpoint_url=self._endpoint_url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2}),
        )
