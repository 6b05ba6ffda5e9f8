"""What the bytes of a dataset are: one digest for a file, or for all files of a folder."""

import hashlib
from pathlib import Path

from modelward.core.errors import InputError


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
