"""Bytes from a remote, held against their MD5."""

import hashlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath

from modelward.core.errors import InputError, IntegrityError, NotFoundError, UnusualError
from modelward.core.provenance import FOLDER, Tracked
from modelward.interop import full
from modelward.interop.dvc import object_url
from modelward.services.context import Downloads

_CHUNK = 1024 * 1024
_SIDE_BY_SIDE = 8


def fetch(root: Path, revision: str, tracked: Tracked, to: Path, storage: Downloads) -> None:
    """Write what a remote keeps to a path where nothing is yet; a file or folder whose MD5 is the tracked one.

    Args:
        root: The root of the DVC repository.
        revision: The commit that tracks it; empty for the files as they lie there.
        tracked: What is wanted.
        to: Where to write it; whatever is there after an error is not to be used.
        storage: Reads S3.

    Raises:
        IntegrityError: the bytes are others.
        NotFoundError: no remote keeps it, or the remote does not have it.
        UnusualError: only DVC itself reaches the remote, and it is not installed.
    """
    if not tracked.url:
        step = "`dvc remote add -d NAME URL`, then `dvc push` and register again."
        raise NotFoundError("DVC remote that keeps", tracked.path, next_step=step)
    if not tracked.is_direct:
        _by_dvc(root, revision, tracked, to)
    elif tracked.is_folder:
        _folder(tracked, to, storage)
    else:
        _file(tracked, to, storage)


def is_same(path: Path, tracked: Tracked) -> bool:
    """Tell whether what lies at a path is what is tracked."""
    if tracked.is_folder:
        return path.is_dir() and folder_md5(path) == tracked.md5
    return path.is_file() and tracked.md5 in _md5s(path, is_legacy=tracked.is_legacy)


def folder_md5(folder: Path) -> str:
    """Give the MD5 by which DVC knows a folder: that of its listing, which is sorted by name."""
    files = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
    listing = [{"md5": _md5s(path)[0], "relpath": name} for name, path in files]
    return _md5(json.dumps(listing).encode()) + FOLDER


def _by_dvc(root: Path, revision: str, tracked: Tracked, to: Path) -> None:
    if not full.is_installed():
        raise UnusualError(f"remote of {tracked.path}", found="it is reached by DVC's own settings")
    full.fetch(root, revision, tracked.path, to)
    if not is_same(to, tracked):
        found = folder_md5(to) if to.is_dir() else _md5s(to)[0]
        raise IntegrityError(tracked.url, expected=tracked.md5, found=found, algorithm="MD5")


def _file(tracked: Tracked, to: Path, storage: Downloads) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        if tracked.url.startswith("s3://"):
            storage.download(tracked.url, to)
        else:
            shutil.copyfile(tracked.url, to)
    except (NotFoundError, FileNotFoundError) as error:
        step = "`dvc push` where it was made."
        raise NotFoundError(f"object of {tracked.path}", tracked.url, next_step=step) from error
    found = _md5s(to, is_legacy=tracked.is_legacy)
    if tracked.md5 not in found:
        raise IntegrityError(tracked.url, expected=tracked.md5, found=found[0], algorithm="MD5")


def _folder(tracked: Tracked, to: Path, storage: Downloads) -> None:
    """Fetch the listing, which lies where its MD5 says, then the files that it names."""
    to.mkdir(parents=True)
    listing = to.with_name(to.name + FOLDER)
    try:
        bare = replace(tracked, md5=tracked.md5.removesuffix(FOLDER))
        _file(bare, listing, storage)
        members = [_member(tracked, each) for each in json.loads(listing.read_bytes())]
    finally:
        listing.unlink(missing_ok=True)
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        list(pool.map(lambda member: _file(member, to / member.path, storage), members))


def _member(folder: Tracked, told: dict[str, str]) -> Tracked:
    path = PurePosixPath(told["relpath"])
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in told["relpath"]:
        rule = "a folder's listing names files inside it"
        raise InputError(f"listing {folder.url}", found=repr(told["relpath"]), rule=rule)
    remote = folder.url.removesuffix(f"/{folder.md5[:2]}/{folder.md5[2:]}").removesuffix("/files/md5")
    url = object_url(remote, told["md5"], is_legacy=folder.is_legacy)
    return replace(folder, path=str(path), md5=told["md5"], size=None, url=url)


def _md5s(path: Path, *, is_legacy: bool = False) -> tuple[str, ...]:
    """Give the MD5 of a file, and for DVC 2 also that with each CRLF as LF, which it took for texts."""
    digest, plain = hashlib.md5(usedforsecurity=False), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if is_legacy:
                plain.update(chunk.replace(b"\r\n", b"\n"))
    return (digest.hexdigest(), plain.hexdigest()) if is_legacy else (digest.hexdigest(),)


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
