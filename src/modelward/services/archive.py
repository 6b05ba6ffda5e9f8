"""Looking at a model archive without unpacking it, let alone loading what is inside."""

import gzip
import hashlib
import itertools
import tarfile
import zlib
from collections.abc import Set
from pathlib import Path, PurePosixPath
from typing import IO

from modelward.core.errors import ArtifactError

_MOST_MEMBERS = 100_000
_MOST_BYTES = 100 * 1024**3
_MOST_RATIO = 1000  # more is a bomb: model weights hardly shrink
_CHUNK = 1024 * 1024


def inspect_file(path: Path, name: str = "") -> str:
    """Make sure that a file is a safe model archive and return the SHA-256 of its bytes.

    SageMaker unpacks `model.tar.gz` into the container, so what would leave that folder is refused here: absolute
    paths, `..`, links that point outside, devices. Also what is no gzip, no tar, empty or a bomb.

    Args:
        path: The archive.
        name: What errors shall call it; its path when left out.

    Returns:
        64 hexadecimal digits.

    Raises:
        ArtifactError: it is missing, broken or unsafe.
    """
    name = name or str(path)
    if not path.is_file():
        raise ArtifactError(name, found="no such file", rule="an artifact is a file or an s3:// URI")
    if path.stat().st_size == 0:
        raise ArtifactError(name, found="an empty file", rule="SageMaker takes a gzipped tar")
    _check(name, path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(name: str, path: Path) -> None:
    try:
        with path.open("rb") as raw, gzip.GzipFile(fileobj=raw) as packed:
            with tarfile.open(fileobj=packed, mode="r|") as archive:
                _check_members(name, archive, raw)
            while packed.read(_CHUNK):  # to the end, where gzip compares its checksum and a file cut short shows
                pass
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ArtifactError(
            name, found=f"no readable gzipped tar ({error})", rule="SageMaker takes nothing else"
        ) from None


def _check_members(name: str, archive: tarfile.TarFile, raw: IO[bytes]) -> None:
    files = total = 0
    names, links = set[str](), set[str]()
    for count, member in enumerate(archive, 1):
        fault = _fault(member)
        total += member.size
        files += member.isfile()
        names.add(member.name)
        links.update([member.name] if member.issym() else [])
        is_bomb = count > _MOST_MEMBERS or total > min(_MOST_BYTES, _MOST_RATIO * max(raw.tell(), _CHUNK))
        if fault or is_bomb:
            found = f"{member.name!r} {fault}" if fault else f"more than {_MOST_RATIO} times its size when unpacked"
            raise ArtifactError(name, found=found, rule="unpacking must stay inside its folder and within bounds")
    behind = next((each for each in names if _is_behind(each, links)), None)
    if behind:
        raise ArtifactError(name, found=f"{behind!r} lies behind a link", rule="a folder in an archive is no link")
    if not files:
        raise ArtifactError(name, found="no file in it", rule="a model has at least one")


def _fault(member: tarfile.TarInfo) -> str:
    """Say what makes a member unsafe; empty when nothing does."""
    path = PurePosixPath(member.name)
    if ".." in path.parts or _is_outside(path):
        return "lies outside the archive"
    if member.issym() and (_turns_back(member.linkname) or _is_outside(path.parent / member.linkname)):
        return f"is a link to {member.linkname!r}, outside the archive"
    if member.islnk() and (_turns_back(member.linkname) or _is_outside(PurePosixPath(member.linkname))):
        return f"is a link to {member.linkname!r}, outside the archive"
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        return "is neither file, folder nor link"
    return ""


def _turns_back(target: str) -> bool:
    """Tell whether a link goes up after it went down: what it went down through may itself be a link."""
    parts = PurePosixPath(target).parts
    return any(after == ".." and before != ".." for before, after in itertools.pairwise(parts))


def _is_behind(name: str, links: Set[str]) -> bool:
    """Tell whether the way to a member leads through a link, so that its name does not tell where it ends."""
    return bool(links) and any(str(parent) in links for parent in PurePosixPath(name).parents)


def _is_outside(path: PurePosixPath) -> bool:
    if path.is_absolute() or "\\" in str(path):
        return True
    depth = 0
    for part in path.parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False
