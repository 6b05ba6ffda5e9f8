"""What the contents of a dataset are: one digest for a file, a folder, or what lies in S3."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from modelward.aws.storage import Listed
from modelward.core.errors import InputError
from modelward.services.context import Context


def digest_of(path: Path) -> str:
    """Compute the SHA-256 of a file; of a folder, that of the sorted lines `<SHA-256>  <relative path>` of its files.

    The lines are those of `sha256sum`, so a folder's digest can be computed anew by the usual tools.

    Raises:
        InputError: nothing is there, or no file is in it.
    """
    if path.is_file():
        return _of_file(path)
    files = sorted((each.relative_to(path).as_posix(), each) for each in path.rglob("*") if each.is_file())
    if not files:
        found = "an empty folder" if path.is_dir() else "nothing there"
        raise InputError(f"dataset {path}", found=found, rule="it is a file, or a folder with files")
    lines = "".join(f"{_of_file(file)}  {name}\n" for name, file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
    found = objects_of(context, uri)
    return digest_of_listing(uri, found)


def objects_of(context: Context, uri: str) -> list[Listed]:
    """List the objects of a dataset in S3; arguments, errors and cost are those of `digest_in_s3`."""
    found = context.storage.below(uri)
    if not found:
        raise InputError(f"dataset {uri}", found="nothing there", rule="it is an object, or a folder with objects")
    return found


def digest_of_listing(uri: str, found: Iterable[Listed]) -> str:
    """Compute the digest of a dataset from its objects."""
    lines = "".join(f"{each.etag}  {each.size}  {name_in(uri, each)}\n" for each in found)
    return hashlib.sha256(lines.encode()).hexdigest()


def name_in(uri: str, listed: Listed) -> str:
    """Name an object by its key behind the dataset's folder; one that is the dataset itself by the key's last part."""
    key = uri.removeprefix("s3://").partition("/")[2].rstrip("/")
    return listed.key[key.rfind("/") + 1 if listed.key == key else len(key) + 1 :]
