"""The artifact bucket."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelward.aws.errors import translated
from modelward.core.errors import InputError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_CHUNK = 1024 * 1024
_SMALL = 8 * 1024 * 1024  # up to here a transfer manager, with its threads, takes longer than it saves
_ONE_PART = 64 * 1024 * 1024  # a larger file goes up in parts, side by side


@dataclass(frozen=True, slots=True)
class Stored:
    """What S3 tells of an object.

    Args:
        size: Its bytes.
        modified_at: When it was written.
        sha256: The SHA-256 of the whole of it, 64 hexadecimal digits; empty where S3 keeps none.
    """

    size: int
    modified_at: datetime
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """What a listing of S3 tells of an object.

    Args:
        key: Its key.
        size: Its bytes.
        etag: What S3 tells contents apart by: the MD5 of what came in one part and is not encrypted by a key of KMS.
    """

    key: str
    size: int
    etag: str


class Storage:
    """The S3 operations that Modelward uses."""

    def __init__(self, client: "S3Client") -> None:
        """Take a boto3 client."""
        self._client = client

    def upload(self, path: Path, bucket: str, key: str, progress: Callable[[int], None] | None = None) -> None:
        """Put a file (`PutObject`; a multipart upload above 64 MiB), with a SHA-256 that S3 checks on arrival.

        Args:
            path: The file.
            bucket: The bucket.
            key: The key.
            progress: Called with the number of bytes sent since the last call.

        Raises:
            AwsError: a refusal.
        """
        with translated("PutObject", kind="bucket", name=bucket):
            if path.stat().st_size <= _SMALL:
                self._put_file(path, bucket, key, progress)
            else:
                self._transfer(path, bucket, key, progress)

    def _put_file(self, path: Path, bucket: str, key: str, progress: Callable[[int], None] | None) -> None:
        with path.open("rb") as body:
            self._client.put_object(Bucket=bucket, Key=key, Body=body, ChecksumAlgorithm="SHA256")
            if progress:
                progress(body.tell())

    def _transfer(self, path: Path, bucket: str, key: str, progress: Callable[[int], None] | None) -> None:
        from boto3.exceptions import S3UploadFailedError
        from boto3.s3.transfer import TransferConfig

        try:
            self._client.upload_file(
                str(path),
                bucket,
                key,
                ExtraArgs={"ChecksumAlgorithm": "SHA256"},
                Callback=progress,
                Config=TransferConfig(multipart_threshold=_ONE_PART, multipart_chunksize=_ONE_PART // 4),
            )
        except S3UploadFailedError as error:  # boto3's own wrapping, which hides code and text
            raise error.__context__ or error from None

    def put_text(self, text: str, bucket: str, key: str) -> None:
        """Put a JSON text (`PutObject`).

        Raises:
            AwsError: a refusal.
        """
        with translated("PutObject", kind="bucket", name=bucket):
            self._client.put_object(
                Bucket=bucket,
                Key=key,
                Body=text.encode(),
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",
            )

    def first(self, uri: str) -> str | None:
        """Find the first object whose URI begins with one (`ListObjectsV2`); None when there is none.

        Raises:
            InputError: it is not an s3:// URI.
            NotFoundError: there is no such bucket.
            AwsError: any other refusal.
        """
        bucket, prefix = split_uri(uri)
        with translated("ListObjectsV2", kind="bucket", name=bucket):
            found = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("Contents", [])
        return f"s3://{bucket}/{found[0]['Key']}" if found else None

    def below(self, uri: str) -> list[Listed]:
        """List an object, or what lies in the folder of that name, by key (`ListObjectsV2`, 1,000 for each call).

        One call more, where the URI does not end in `/`, tells which of the two it is. Keys that end in `/` are left
        out: with such objects the console of AWS shows folders.

        Returns:
            The objects; none where there are none.

        Raises:
            InputError: it is not an s3:// URI.
            NotFoundError: there is no such bucket.
            AwsError: any other refusal.
        """
        bucket, key = split_uri(uri)
        with translated("ListObjectsV2", kind="bucket", name=bucket):
            if not key.endswith("/"):
                first = self._client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
                if first and first[0]["Key"] == key:
                    return [_listed(first[0])]
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{key.rstrip('/')}/")
            found = [_listed(each) for page in pages for each in page.get("Contents", [])]
        return sorted((each for each in found if not each.key.endswith("/")), key=lambda each: each.key)

    def look(self, uri: str) -> Stored:
        """Read what S3 tells of an object without reading it (`HeadObject`).

        Of what came in several parts it keeps a digest of the parts' digests (`ChecksumType` COMPOSITE), which says
        nothing about the whole.

        Raises:
            InputError: it is not an s3:// URI.
            NotFoundError: there is no such object.
            AwsError: any other refusal.
        """
        bucket, key = split_uri(uri)
        with translated("HeadObject", kind="object", name=uri):
            told = self._client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        kept = told.get("ChecksumSHA256", "")
        is_whole = "-" not in kept and told.get("ChecksumType") != "COMPOSITE"
        digest = base64.b64decode(kept).hex() if is_whole else ""
        return Stored(told["ContentLength"], told["LastModified"].astimezone(UTC), digest)

    def read(self, uri: str, etag: str = "") -> Iterator[bytes]:
        """Read an object in pieces of 1 MiB (`GetObject`).

        Args:
            uri: The object.
            etag: What it was listed with; another one is refused.

        Raises:
            InputError: it is not an s3:// URI.
            NotFoundError: there is no such object.
            AwsError: any other refusal.
        """
        bucket, key = split_uri(uri)
        with translated("GetObject", kind="object", name=uri):
            same: Any = {"IfMatch": f'"{etag}"'} if etag else {}
            body = self._client.get_object(Bucket=bucket, Key=key, **same)["Body"]
            try:
                yield from body.iter_chunks(_CHUNK)
            finally:
                body.close()

    def download(self, uri: str, to: Path, etag: str = "") -> str:
        """Write an object to a file and return the SHA-256 of its bytes, 64 hexadecimal digits.

        Args:
            uri: The object.
            to: The file.
            etag: What it was listed with; another one is refused.

        Raises:
            InputError: it is not an s3:// URI.
            NotFoundError: there is no such object.
            AwsError: any other refusal.
        """
        digest = hashlib.sha256()
        with to.open("wb") as file:
            for chunk in self.read(uri, etag):
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()


def _listed(told: Any) -> Listed:
    return Listed(told["Key"], told["Size"], told["ETag"].strip('"'))


def split_uri(uri: str) -> tuple[str, str]:
    """Split an s3:// URI into bucket and key.

    Raises:
        InputError: it is none.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not key:
        raise InputError("s3 URI", found=repr(uri), rule="an object's URI reads s3://BUCKET/KEY")
    return bucket, key
