"""S3 and SNS for endpoints: moto keeps what they read, write and tell, in the buckets and topics of the mock."""

from urllib.parse import urlsplit

from moto.core.exceptions import ServiceException
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.utilities.utils import get_partition

from modelward.local.sagemaker import HostedVariant


class MotoStore:
    """The buckets and topics of one account; no policy is asked, as for the artifacts that nobody reads in a mock."""

    def __init__(self, account: str, region: str) -> None:
        self._account = account
        self._partition = get_partition(region)

    def keys(self, variant: HostedVariant, uri: str) -> list[str]:  # noqa: ARG002 - the protocol's signature
        """List objects."""
        place = urlsplit(uri)
        try:
            found = s3_backends[self._account][self._partition].get_bucket(place.netloc).keys
        except ServiceException as error:
            raise OSError(f"{uri} could not be listed: {error}") from error
        return [f"s3://{place.netloc}/{key}" for key in sorted(found) if key.startswith(place.path[1:])]

    def get(self, variant: HostedVariant, uri: str) -> bytes:  # noqa: ARG002 - the protocol's signature
        """Read an object."""
        place = urlsplit(uri)
        try:
            found = s3_backends[self._account][self._partition].get_object(place.netloc, place.path[1:])
        except ServiceException as error:
            raise OSError(f"{uri} could not be read: {error}") from error
        if found is None:
            raise FileNotFoundError(f"{uri} is not there")
        body: bytes = found.value
        return body

    def put(self, variant: HostedVariant, uri: str, body: bytes, key_id: str) -> None:  # noqa: ARG002 - as above
        """Write an object."""
        place = urlsplit(uri)
        encryption = "aws:kms" if key_id else None
        try:
            buckets = s3_backends[self._account][self._partition]
            buckets.put_object(place.netloc, place.path[1:], body, encryption=encryption, kms_key_id=key_id or None)
        except ServiceException as error:
            raise OSError(f"{uri} could not be written: {error}") from error

    def publish(self, variant: HostedVariant, topic_arn: str, message: str) -> None:  # noqa: ARG002 - as above
        """Publish a message to a topic of any account of the mock."""
        _, _, _, region, account, _ = topic_arn.split(":", 5)
        try:
            sns_backends[account][region].publish(message, arn=topic_arn)
        except ServiceException as error:
            raise OSError(f"{topic_arn} could not be told: {error}") from error
