"""S3 for endpoints: moto keeps what they capture, in the buckets of the mock."""

import logging
from urllib.parse import urlsplit

from moto.core.exceptions import ServiceException
from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

from modelward.local.sagemaker import HostedVariant

logger = logging.getLogger(__name__)


class MotoStore:
    """The buckets of one account; no policy is asked, as for the artifacts that nobody reads in a mock."""

    def __init__(self, account: str, region: str) -> None:
        self._account = account
        self._partition = get_partition(region)

    def put(self, variant: HostedVariant, uri: str, body: bytes, key_id: str) -> None:
        """Write an object; one whose bucket is not there is lost, and logged."""
        place = urlsplit(uri)
        encryption = "aws:kms" if key_id else None
        try:
            buckets = s3_backends[self._account][self._partition]
            buckets.put_object(place.netloc, place.path[1:], body, encryption=encryption, kms_key_id=key_id or None)
        except ServiceException as error:
            logger.warning("Could not write captured data to %s with %s: %s", uri, variant.execution_role_arn, error)
