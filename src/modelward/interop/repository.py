"""The files of a DVC repository, as they lie there or as a commit has them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from modelward.core.errors import InputError, NotFoundError
from modelward.services.git import git


class Tree(Protocol):
    """The files of a repository in one state."""

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Read those files that are there; paths are relative to the root, with `/`."""

    def names(self) -> list[str]:
        """Name all `.dvc` files and all `dvc.lock`."""


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """The files as they lie there."""

    root: Path

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Read those files that are there."""
        found = ((path, self.root / path) for path in paths)
        return {path: file.read_bytes() for path, file in found if file.is_file()}

    def names(self) -> list[str]:
        """Name all files that may speak of outputs, also those that git does not know yet."""
        arguments = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.dvc", "*dvc.lock")
        listed = git(self.root, *arguments)
        if listed is not None:
            return listed.decode(errors="replace").split("\0")[:-1]
        found = (*self.root.rglob("*.dvc"), *self.root.rglob("dvc.lock"))
        return [path.relative_to(self.root).as_posix() for path in found if path.is_file()]


@dataclass(frozen=True, slots=True)
class Revision:
    """The files as a commit has them."""

    root: Path
    commit: str

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Read those files that are there, all by one git (`cat-file --batch`)."""
        asked = list(paths)
        told = git(self.root, "cat-file", "--batch", text="".join(f"{self.commit}:./{path}\n" for path in asked)) or b""
        found, at = {}, 0
        for path in asked:
            head, _, _ = told[at:].partition(b"\n")
            at += len(head) + 1
            if head.endswith((b" missing", b" ambiguous")) or not head:
                continue
            _, kind, size = head.rsplit(b" ", 2)
            if kind == b"blob":
                found[path] = told[at : at + int(size)]
            at += int(size) + 1
        return found

    def names(self) -> list[str]:
        """Name all files that may speak of outputs."""
        listed = git(self.root, "ls-tree", "-r", "-z", "--name-only", self.commit) or b""
        names = listed.decode(errors="replace").split("\0")
        return [name for name in names if name.endswith(".dvc") or name.rpartition("/")[2] == "dvc.lock"]


def root_of(folder: Path) -> Path | None:
    """Find the root of the DVC repository around a folder: where `.dvc` is; None when there is none."""
    folder = folder.absolute()  # links stay: DVC may link a file to its cache
    return next((each for each in (folder, *folder.parents) if (each / ".dvc").is_dir()), None)


def commit_of(root: Path, revision: str) -> str:
    """Find the commit that a branch, tag or abbreviation names.

    Raises:
        InputError: there is no git, or no git repository.
        NotFoundError: git knows no such revision, perhaps because the clone is shallow.
    """
    if revision.startswith("-"):
        raise InputError("revision", found=repr(revision), rule="a revision does not begin with -")
    inside = git(root, "rev-parse", "--is-shallow-repository")
    if inside is None:
        rule = "a revision is one of git's"
        step = "Leave @REVISION out for the files as they lie there, or install git and call in a clone."
        raise InputError(f"revision {revision}", found=f"{root} is no git repository", rule=rule, next_step=step)
    found = git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found:
        return found.decode().strip()
    is_shallow = inside.strip() == b"true"
    step = "This clone is shallow: `git fetch --unshallow --tags`." if is_shallow else "Perhaps: `git fetch --tags`."
    raise NotFoundError("revision", revision, next_step=step)


def head(root: Path) -> str:
    """Give the commit that is checked out; empty outside a git repository and before the first commit."""
    return (git(root, "rev-parse", "--verify", "--quiet", "HEAD") or b"").decode().strip()
