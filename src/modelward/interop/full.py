"""What DVC itself says, and what it brings: for whatever is unusual. Needs the extra `[dvc]`."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modelward.core.errors import AccessError, NotFoundError
from modelward.core.provenance import Tracked


def is_installed() -> bool:
    """Tell whether DVC can be imported, without importing it."""
    return find_spec("dvc") is not None


def resolve(root: Path, revision: str, path: str) -> tuple[Tracked, tuple[Tracked, ...]] | None:
    """Ask DVC for an output and what its stage read; arguments and result are those of `modelward.interop.dvc.resolve`.

    Args:
        root: The root of the DVC repository.
        revision: A commit; empty for the files as they lie there.
        path: From the root, with `/`.

    Raises:
        AccessError: DVC failed; its words are in the error.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root), rev=revision or None) as repo:
            info = repo.dvcfs.info(path).get("dvc_info") if repo.dvcfs.exists(path) else None
            if not info or not info.get("md5"):
                return None
            found = repo.find_outs_by_path(repo.fs.join(repo.root_dir, *path.split("/")), strict=False)
            deps = found[0].stage.deps if found else []
            return _tracked(root, revision, path, info), tuple(_dep(repo, dep) for dep in deps if dep.hash_info)
    except (DvcException, ImportError, OSError) as error:
        raise _refused(path, error) from error


def fetch(root: Path, revision: str, path: str, to: Path) -> None:
    """Let DVC bring a file or folder from its cache or remote.

    Raises:
        AccessError: DVC failed; its words are in the error.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException

    try:
        DVCFileSystem(str(root), rev=revision or None).get(path, str(to), recursive=True)
    except (DvcException, ImportError, OSError) as error:
        raise _refused(path, error) from error


def _tracked(root: Path, revision: str, path: str, info: Any) -> Tracked:
    from dvc.api import get_url

    is_legacy = getattr(info.get("entry"), "hash_info", None) is not None and info["entry"].hash_info.name != "md5"
    url = str(get_url(path, str(root), revision or None))
    return Tracked(path, info["md5"], info.get("size"), url, is_legacy=is_legacy, is_direct=False)


def _dep(repo: Any, dep: Any) -> Tracked:
    path = repo.fs.relpath(dep.fs_path, repo.root_dir).replace("\\", "/")
    return Tracked(path, str(dep.hash_info.value), dep.meta.size, is_direct=False)


def _refused(path: str, error: Exception) -> AccessError:
    if isinstance(error, FileNotFoundError):
        raise NotFoundError("object", path, next_step="`dvc push` where it was made.") from error
    return AccessError("dvc", type(error).__name__, str(error), "Try `dvc pull`, which has the same to say.")
