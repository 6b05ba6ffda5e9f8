"""Files on their way to the artifact bucket."""

from pathlib import Path
from typing import Any

from modelward.aws.storage import Storage


class Client:
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.put: list[dict[str, Any]] = []
        self.transferred: list[tuple[Any, ...]] = []

    def put_object(self, **request: Any) -> None:
        self.put.append({**request, "Body": request["Body"].read()})

    def upload_file(self, *arguments: Any, **_: Any) -> None:
        self.transferred.append(arguments)


def test_a_small_file_is_one_put_with_a_checksum_and_tells_its_size(tmp_path: Path):
    path, client, told = tmp_path / "model.tar.gz", Client(), list[int]()
    path.write_bytes(b"weights")

    Storage(client).upload(path, "bucket", "key", told.append)

    assert client.put == [{"Bucket": "bucket", "Key": "key", "Body": b"weights", "ChecksumAlgorithm": "SHA256"}]
    assert told == [7]


def test_a_large_file_is_left_to_the_transfer_manager(tmp_path: Path):
    path, client = tmp_path / "model.tar.gz", Client()
    with path.open("wb") as file:
        file.truncate(8 * 1024 * 1024 + 1)

    Storage(client).upload(path, "bucket", "key")

    assert client.transferred == [(str(path), "bucket", "key")]
    assert client.put == []
