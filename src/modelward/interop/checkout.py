"""The way back from a version to its bytes: model and data, as its record names them, out of DVC's remote."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from modelward.core.errors import InputError, NotFoundError
from modelward.core.provenance import Provenance, Tracked
from modelward.interop.fetching import fetch, is_same
from modelward.interop.repository import root_of
from modelward.services.context import Downloads
from modelward.services.registry import Version


@dataclass(frozen=True, slots=True)
class Checkout:
    """What a checkout writes.

    Args:
        root: The root of the DVC repository.
        revision: The commit that tracks it; empty when none does.
        wanted: What is to be written.
        same: What lies there already.
        kept: What no remote keeps: git has it, if anything.
    """

    root: Path
    revision: str
    wanted: tuple[Tracked, ...]
    same: tuple[Tracked, ...]
    kept: tuple[Tracked, ...]


def plan_checkout(version: Version, folder: Path, *, is_forced: bool = False) -> Checkout:
    """Plan to restore the model and the data of a version that DVC tracks, and change nothing.

    Args:
        version: The version.
        folder: A folder of the DVC repository.
        is_forced: Whether to overwrite files that are something else now.

    Raises:
        InputError: there is no DVC repository, or files would be overwritten.
        IntegrityError: the version's record is not what was registered.
        NotFoundError: the version was not registered from a DVC repository.
    """
    name = f"{version.package.group}/{version.version}"
    root = root_of(folder)
    if root is None:
        rule = "what DVC tracks is restored in its repository"
        raise InputError(f"checkout of {name}", found="there is no DVC repository here", rule=rule)
    told = version.record().get("dvc") if version.package.record else None
    if told is None:
        step = f"`modelward download {version.package.group} {version.version} --to FOLDER` has the archive."
        raise NotFoundError("what DVC tracks of version", name, next_step=step)
    origin = Provenance.from_json(told)
    tracked = [each for each in (origin.artifact, *origin.inputs) if each]
    for each in tracked:
        _check_inside(each)
    same = tuple(each for each in tracked if is_same(root / each.path, each))
    kept = tuple(each for each in tracked if each not in same and not each.url)
    wanted = tuple(each for each in tracked if each not in same and each.url)
    in_the_way = [each.path for each in wanted if os.path.lexists(root / each.path)]
    if in_the_way and not is_forced:
        rule = "files that are something else now are overwritten only when that is asked for"
        step = "Save them (`dvc commit`, `dvc push`), then add --force."
        raise InputError(f"checkout of {name}", found=f"there are {', '.join(in_the_way)}", rule=rule, next_step=step)
    return Checkout(root, origin.revision, wanted, same, kept)


def carry_out(plan: Checkout, storage: Downloads) -> None:
    """Fetch everything, hold it against its MD5, and only then put each into its place.

    Raises:
        IntegrityError: a remote has other bytes; nothing was changed.
        NotFoundError: a remote has not got it; nothing was changed.
        UnusualError: only DVC itself reaches the remote, and it is not installed.
    """
    with TemporaryDirectory(prefix=".modelward-", dir=plan.root) as made:  # of one file system, so that a move is one
        parts = [Path(made) / str(number) / "new" for number in range(len(plan.wanted))]
        for part, each in zip(parts, plan.wanted, strict=True):
            part.parent.mkdir()
            fetch(plan.root, plan.revision, each, part, storage)
        for part, each in zip(parts, plan.wanted, strict=True):
            _put(part, plan.root / each.path)


def _put(part: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if part.is_dir() or (target.is_dir() and not target.is_symlink()):
        old = part.with_name("old")
        if os.path.lexists(target):
            target.replace(old)
        part.replace(target)
        shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink(missing_ok=True)
        return
    part.replace(target)


def _check_inside(tracked: Tracked) -> None:
    parts: Sequence[str] = Path(tracked.path).parts
    if not parts or ".." in parts or parts[0] in ("/", ".git", ".dvc"):
        raise InputError("record", found=repr(tracked.path), rule="what is restored lies inside the DVC repository")
