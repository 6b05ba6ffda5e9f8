"""Getting back what a version was made of: code, data, packages; and telling what cannot be had, and why."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from modelward.core.errors import AccessError, InputError, IntegrityError, ModelwardError, NotFoundError
from modelward.core.model_package import Dataset, Lineage, ModelPackage
from modelward.services.context import Context
from modelward.services.datasets import digest_of, digest_of_listing, name_in, objects_of
from modelward.services.git import check_out
from modelward.services.lineage import datasets_of
from modelward.services.record import record_of

_NAME, _VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"), re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a version was made of.

    Args:
        subject: What it is.
        text: What is done about it, or why it cannot be had.
        is_missing: Whether it cannot be had.
    """

    subject: str
    text: str
    is_missing: bool = False

    def to_json(self) -> dict[str, Any]:
        """Spell it for programs."""
        return {"subject": self.subject, "text": self.text, "is_missing": self.is_missing}


@dataclass(frozen=True, slots=True)
class _Task:
    part: Part
    run: Callable[[], None] | None = None


def plan_reproduction(context: Context, package: ModelPackage, folder: Path) -> list[Part]:
    """Tell what `reproduce` would fetch and what is known to be missing; nothing is written or fetched.

    Raises:
        InputError: the folder is not empty.
        IntegrityError: the record of its run is not what was registered.
    """
    return [task.part for task in _tasks(context, package, folder)]


def reproduce(context: Context, package: ModelPackage, folder: Path) -> list[Part]:
    """Fetch code, data and the list of packages of a version into a folder: `code`, `data`, `requirements.txt`.

    Code comes from the repository around the present folder, if it has the commit, else from the recorded one; data
    come from S3 and from files here, and only those stay whose digest is the registered one. What fails is told, and
    the rest goes on.

    Raises:
        InputError: the folder is not empty.
        IntegrityError: the record of its run is not what was registered.
    """
    tasks = _tasks(context, package, folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts = [_done(task) for task in tasks]
    if (folder / "code" / ".gitmodules").exists():
        parts.append(Part("submodules", "in the folder of the code: git submodule update --init", is_missing=True))
    return parts


def _done(task: _Task) -> Part:
    try:
        if task.run:
            task.run()
    except ModelwardError as error:
        return Part(task.part.subject, error.problem, is_missing=True)
    except OSError as error:
        return Part(task.part.subject, str(error), is_missing=True)
    return task.part


def _tasks(context: Context, package: ModelPackage, folder: Path) -> list[_Task]:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"folder {folder}", found="something is in it", rule="it is an empty folder, or a new one")
    data = datasets_of(context, package)
    return [
        *_code(context, package.lineage, folder / "code"),
        *(task for number, each in enumerate(data) for task in _data(context, each, _place(folder, each, number))),
        *([] if data else [_missing("data", "no dataset was recorded")]),
        _packages(context, package, folder / "requirements.txt"),
    ]


def _missing(subject: str, why: str) -> _Task:
    return _Task(Part(subject, why, is_missing=True))


def _code(context: Context, lineage: Lineage, to: Path) -> Iterator[_Task]:
    commit = lineage.commit
    if not commit:
        yield _missing("code", "no commit was recorded")
        return
    run = partial(check_out, commit, to, here=context.folder, repository=lineage.repository)
    yield _Task(Part("code", f"commit {commit} into {to}"), run)
    if lineage.is_dirty:
        known = f"only the SHA-256 of `git diff HEAD` is known: {lineage.diff_sha256}" if lineage.diff_sha256 else ""
        yield _missing("uncommitted changes", known or "their text was not kept")


def _place(folder: Path, data: Dataset, number: int) -> Path:
    """Name a folder after a dataset, without what could lead elsewhere; its number keeps it apart from others."""
    name = re.sub(r"[^\w-]+", "_", f"{data.name} {data.version}".strip())
    return folder / "data" / (f"{name}-{number + 1}" if number else name)


def _data(context: Context, data: Dataset, to: Path) -> Iterator[_Task]:
    subject = f"data {data.name} {data.version}".strip()
    fetch = {"s3": _fetch_from_s3, "file": _copy}.get(data.uri.partition("://")[0])
    if fetch is None:
        why = f"they cannot be fetched from {data.uri}" if data.uri else "where they lie was not recorded"
        yield _missing(subject, why)
        return
    yield _Task(Part(subject, f"{data.uri} into {to}"), partial(_fetched, partial(fetch, context, data, to), to))
    if not data.sha256:
        yield _missing(f"digest of {subject}", "none was recorded, so nobody knows whether they are still the same")


def _fetched(fetch: Callable[[], None], to: Path) -> None:
    """Leave nothing of data that did not come whole, or are others."""
    to.mkdir(parents=True)
    try:
        fetch()
    except BaseException:
        shutil.rmtree(to)
        raise


def _fetch_from_s3(context: Context, data: Dataset, to: Path) -> None:
    """Download what is listed, and nothing that has replaced it since; its digest is of the listing or of the bytes."""
    found = objects_of(context, data.uri)
    bucket = data.uri.removeprefix("s3://").partition("/")[0]
    for each in found:
        path = to / _inside(name_in(data.uri, each))
        path.parent.mkdir(parents=True, exist_ok=True)
        context.storage.download(f"s3://{bucket}/{each.key}", path, each.etag)
    if data.sha256 != digest_of_listing(data.uri, found):
        is_object = len(found) == 1 and data.uri.endswith(found[0].key)
        _check(data, to / name_in(data.uri, found[0]) if is_object else to)


def _copy(_: Context, data: Dataset, to: Path) -> None:
    source = Path(unquote(urlsplit(data.uri).path))
    if not source.exists():
        raise NotFoundError("file or folder", str(source), next_step="Look for it on the machine of the training.")
    _check(data, source)
    if source.is_dir():
        shutil.copytree(source, to, dirs_exist_ok=True)
    else:
        shutil.copy2(source, to)


def _check(data: Dataset, path: Path) -> None:
    found = digest_of(path)
    if data.sha256 and found != data.sha256:
        raise IntegrityError(data.uri, expected=data.sha256, found=found)


def _inside(name: str) -> PurePosixPath:
    """Take the name of an object as a path below a folder; keys may be anything."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise InputError(f"object {name!r}", found="it would lie elsewhere", rule="its name stays inside the folder")
    return path


def _packages(context: Context, package: ModelPackage, to: Path) -> _Task:
    """Write the packages that were recorded as requirements, but for what no package is called."""
    if not package.record:
        return _missing("packages", "nothing was recorded of the run; `modelward.track` does")
    try:
        told = record_of(context, package)
    except (AccessError, NotFoundError) as error:
        return _missing("packages", error.problem)
    named = told.get("packages") if isinstance(told, dict) else None
    items = named.items() if isinstance(named, dict) else ()
    lines = [f"{name}=={version}\n" for name, version in items if _is_package(name, version)]
    if not lines:
        return _missing("packages", "the record of the run tells none")
    return _Task(Part("packages", f"{len(lines)} into {to}"), partial(_write, to, "".join(lines)))


def _is_package(name: str, version: object) -> bool:
    return bool(_NAME.fullmatch(name) and isinstance(version, str) and _VERSION.fullmatch(version))


def _write(to: Path, text: str) -> None:
    to.write_text(text, encoding="utf-8")
