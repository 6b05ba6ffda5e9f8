"""Datasets that lie in S3: what their contents are, without reading them."""

import hashlib
from collections.abc import Iterable

from modelward.aws.storage import Listed
from modelward.core.errors import InputError
from modelward.services.context import Context


def digest_in_s3(context: Context, uri: str) -> str:
    """Compute a digest of an object, or of all that lies in a folder, from what S3 lists: nothing is downloaded.

    It is the SHA-256 of the sorted lines `<ETag>  <size>  <key behind the folder>`, so it changes with each change of a
    name or of contents, and it is the same at another place to which the data were copied as they are. An ETag is of
    the contents and of how they came: the same bytes uploaded in other parts, or encrypted by KMS, have another one. So
    equal digests mean equal data, and data whose digests differ may be equal still.

    It costs a call for each 1,000 objects, and one more where the URI does not end in `/`.

    Args:
        context: Gateways.
        uri: `s3://BUCKET/KEY` of an object, or of a folder.

    Returns:
        64 hexadecimal digits.

    Raises:
        InputError: it is no such URI, or nothing lies there.
        NotFoundError: there is no such bucket.
        AwsError: any other refusal.
    """
    found = context.storage.below(uri)
    if not found:
        raise InputError(f"dataset {uri}", found="nothing there", rule="it is an object, or a folder with objects")
    return _digest(found, uri)


def _digest(found: Iterable[Listed], uri: str) -> str:
    """Name each object by its key behind the folder; an object that is the dataset itself by its last part."""
    key = uri.removeprefix("s3://").partition("/")[2].rstrip("/")
    cut = {each.key: len(key) + 1 if each.key != key else key.rfind("/") + 1 for each in found}
    lines = "".join(f"{each.etag}  {each.size}  {each.key[cut[each.key] :]}\n" for each in found)
    return hashlib.sha256(lines.encode()).hexdigest()
