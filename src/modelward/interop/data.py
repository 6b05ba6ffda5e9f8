"""What a registration asks of the DVC repository around it, and the way back: what `Context.data` is for people."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelward.core.errors import InputError, NotFoundError, UnusualError
from modelward.core.model_package import Dataset
from modelward.core.provenance import Provenance, Tracked
from modelward.interop import dvc, full
from modelward.interop.fetching import fetch, is_same
from modelward.interop.repository import Revision, Tree, WorkingTree, commit_of, head, root_of
from modelward.services.context import Downloads
from modelward.services.git import git, without_secrets

_SCHEME = "dvc://"
_Found = tuple[Tracked, tuple[Tracked, ...]]


@dataclass(frozen=True, slots=True)
class Data:
    """The DVC repository around a folder, if there is one."""

    folder: Path

    def provenance(self, artifact: str | Path, dataset: Dataset | None) -> Provenance | None:
        """Tell what DVC knows of an artifact and its inputs; None when it tracks none of them.

        Inputs are what the stage read that makes the artifact; without a stage, what the dataset's URI names.

        Raises:
            ConfigError: a file of DVC's is broken.
            InputError: the artifact's bytes are not those that DVC tracks, or only DVC itself could tell.
        """
        found = None if "://" in str(artifact) else self._tracked(artifact)
        data = self._tracked(dataset.uri) if dataset and dataset.uri and "://" not in dataset.uri else None
        if found is None and data is None:
            return None
        root, (tracked, inputs) = found or (None, (None, ()))
        if root and tracked and not is_same(root / tracked.path, tracked):
            raise _differs(tracked)
        more = (data[1][0],) if data and not inputs else ()
        where = root or (data[0] if data else self.folder)
        told = [each for each in (tracked, *more) if each]
        return Provenance(tracked, (*inputs, *more), _committed(where, told), _origin(where))

    def bring(self, uri: str, to: Path, storage: Downloads) -> Provenance:
        """Write the file of a `dvc://PATH@REVISION` from its remote to a path, and tell where it comes from.

        Args:
            uri: PATH is from the root of the DVC repository; without a revision the files tell as they lie there.
            to: Where to write it; after an error there is nothing.
            storage: Reads S3.

        Raises:
            ConfigError: a file of DVC's is broken.
            InputError: there is no DVC repository or no git, it is a folder, or only DVC itself could tell.
            IntegrityError: the remote has other bytes.
            NotFoundError: DVC does not track the path at that revision, there is no such revision, no remote, or no
                such object.
        """
        path, revision = _parts(uri)
        root = root_of(self.folder)
        if root is None:
            rule = "such an artifact is found by the DVC repository around the working folder"
            raise InputError(
                uri, found="there is no DVC repository here", rule=rule, next_step="Call in a clone of it."
            )
        commit = commit_of(root, revision) if revision else ""
        found = resolve(root, commit, path)
        if found is None:
            step = f"`dvc list . --dvc-only -R{f' --rev {revision}' if revision else ''}` lists what is tracked."
            raise NotFoundError("DVC output", uri, next_step=step)
        tracked, inputs = found
        if tracked.is_folder:
            raise InputError(uri, found="it is a folder", rule="an artifact is one model.tar.gz")
        try:
            fetch(root, commit, tracked, to, storage)
        except BaseException:
            to.unlink(missing_ok=True)
            raise
        return Provenance(tracked, inputs, commit or _committed(root, [tracked]), _origin(root))

    def _tracked(self, path: str | Path) -> tuple[Path, _Found] | None:
        absolute = Path(os.path.abspath(self.folder / path))  # noqa: PTH100  # resolve() would follow DVC's links
        root = root_of(absolute.parent)
        if root is None:
            return None
        found = resolve(root, "", absolute.relative_to(root).as_posix().removesuffix(".dvc"))
        return (root, found) if found else None


def resolve(root: Path, commit: str, path: str) -> _Found | None:
    """Find what is tracked at a path, by DVC itself where it is installed and nothing else understands it.

    Args:
        root: The root of the DVC repository.
        commit: The commit to look at; empty for the files as they lie there.
        path: From the root, with `/`.

    Returns:
        The output and what its stage read; None when nothing is tracked at the path.

    Raises:
        ConfigError: a file of DVC's is broken.
        UnusualError: only DVC itself can tell, and it is not installed.
    """
    tree: Tree = Revision(root, commit) if commit else WorkingTree(root)
    try:
        return dvc.resolve(root, tree, path)
    except UnusualError:
        if not full.is_installed():
            raise
    return full.resolve(root, commit, path)


def _parts(uri: str) -> tuple[str, str]:
    path, has_revision, revision = uri.removeprefix(_SCHEME).rpartition("@")
    path, revision = (path, revision) if has_revision else (revision, "")
    is_inside = path and not path.startswith("/") and ".." not in path.split("/")
    if not is_inside or (has_revision and not revision):
        rule = "it reads dvc://PATH or dvc://PATH@REVISION, with a path from the root of the DVC repository"
        raise InputError("artifact", found=repr(uri), rule=rule)
    return path, revision


def _committed(root: Path, tracked: Sequence[Tracked]) -> str:
    """Give the commit that is checked out, if it tracks the very same bytes."""
    commit = head(root)
    if not commit:
        return ""
    found = [resolve(root, commit, each.path) for each in tracked]
    is_there = all(each and each[0].md5 == wanted.md5 for each, wanted in zip(found, tracked, strict=True))
    return commit if is_there else ""


def _origin(root: Path) -> str:
    told = git(root, "config", "--get", "remote.origin.url") or b""
    return without_secrets(told.decode(errors="replace").strip())


def _differs(tracked: Tracked) -> InputError:
    return InputError(
        f"artifact {tracked.path}",
        found=f"its bytes are not those with MD5 {tracked.md5}, which DVC tracks",
        rule="a version tells where its bytes come from",
        next_step=f"`dvc commit {tracked.path}` if the change was meant, else `dvc checkout {tracked.path}`.",
    )
