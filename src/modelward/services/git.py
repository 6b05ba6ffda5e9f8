"""The state of the code, as git tells it."""

import hashlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryFile
from urllib.parse import urlsplit, urlunsplit

from modelward.core.errors import InputError, NotFoundError

_TIMEOUT_S = 10
_FETCH_S = 3600  # large repositories take their time
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SETTINGS = ("core.quotePath=true", "diff.suppressBlankEmpty=false")
_DIFF = (
    *("--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--no-renames", "--no-indent-heuristic"),
    *("--binary", "--full-index", "--submodule=short", "--ignore-submodules=none", "--diff-algorithm=myers"),
    *("--unified=3", "--inter-hunk-context=0", "--src-prefix=a/", "--dst-prefix=b/", "-O/dev/null"),
)
"""How `git diff` gives the same bytes on every machine, whatever somebody has configured there."""


@dataclass(frozen=True, slots=True)
class CodeState:
    """Commit, branch, remote and whether tracked files differ from the commit; empty outside a repository.

    `diff_sha256` is the SHA-256 of `git diff HEAD`, 64 hexadecimal digits; empty where nothing differs, and where there
    is no commit to differ from.
    """

    commit: str = ""
    branch: str = ""
    repository: str = ""
    is_dirty: bool | None = None
    diff_sha256: str = ""


def code_state(folder: Path) -> CodeState:
    """Read the state of the repository around a folder; without git or a repository there is nothing to record.

    Files that git does not track do not make it dirty: a build leaves them behind.
    """
    status = _git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if status is None:
        return CodeState()
    heads = {key: value for key, _, value in (line[2:].partition(" ") for line in status if line.startswith("# "))}
    commit, branch = heads.get("branch.oid", ""), heads.get("branch.head", "")
    remote = _git(folder, "config", "--get", "remote.origin.url") or [""]
    is_dirty = any(line and not line.startswith("#") for line in status)
    return CodeState(
        commit="" if commit == "(initial)" else commit,
        branch="" if branch == "(detached)" else branch,
        repository=without_secrets(remote[0]),
        is_dirty=is_dirty,
        diff_sha256=_diff_sha256(folder) if is_dirty else "",
    )


def _diff_sha256(folder: Path) -> str:
    """Compute the digest of what differs from the commit; the diff goes through a file, for it may be large."""
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    with TemporaryFile() as file:
        try:
            done = subprocess.run(  # noqa: S603  # fixed arguments, no shell
                ["git", *settings, "diff", "HEAD", *_DIFF],  # noqa: S607  # the user's own git
                cwd=folder,
                stdout=file,
                stderr=subprocess.DEVNULL,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        file.seek(0)
        return "" if done.returncode else hashlib.file_digest(file, "sha256").hexdigest()


def check_out(commit: str, to: Path, *, here: Path, repository: str) -> None:
    """Check a commit out into a new folder: from the repository around a folder if it has it, else from its own.

    The former gets a further working tree, the latter is cloned. No hook of either runs.

    Args:
        commit: 40 or 64 hexadecimal digits.
        to: The folder, which does not exist yet.
        here: A folder, maybe in a repository that has the commit.
        repository: Its URL; empty when none was recorded.

    Raises:
        InputError: the commit is none.
        NotFoundError: the commit is in neither, or git cannot fetch it.
    """
    if not _COMMIT.fullmatch(commit):
        raise InputError("commit", found=repr(commit), rule="a commit has 40 or 64 hexadecimal digits")
    if _git(here, "cat-file", "-e", f"{commit}^{{commit}}") is not None:
        _run(here, "worktree", "add", "--quiet", "--force", "--detach", str(to.absolute()), commit)
        return
    if not repository:
        raise NotFoundError("commit", commit, next_step="Go to a clone of its repository, whose URL was not recorded.")
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        _run(to.parent, "clone", "--quiet", "--no-checkout", "--", repository, str(to.absolute()))
        if _git(to, "cat-file", "-e", f"{commit}^{{commit}}") is None:  # no branch leads there any more
            _run(to, "fetch", "--quiet", "origin", commit)
        _run(to, "checkout", "--quiet", "--detach", commit)
    except BaseException:
        rmtree(to, ignore_errors=True)
        raise


def _run(folder: Path, *arguments: str) -> None:
    """Run git where it changes something; it asks nobody for a password."""
    try:
        done = subprocess.run(  # noqa: S603  # no shell, and a URL stands behind --
            ["git", "-c", f"core.hooksPath={os.devnull}", *arguments],  # noqa: S607  # the user's own git
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_FETCH_S,
            check=False,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotFoundError("code", str(error), next_step="Install git, or clone the repository by hand.") from None
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"git {arguments[0]} failed"
        raise NotFoundError("code", said, next_step="Clone the repository by hand.")


def without_secrets(url: str) -> str:
    """Drop user name and password from a URL: a remote may carry a token, and the registry is read by many."""
    parts = urlsplit(url)
    if not parts.hostname or "@" not in parts.netloc or parts.scheme == "ssh":
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _git(folder: Path, *arguments: str) -> list[str] | None:
    """Give the lines of what git says within seconds: a registration waits no longer for what it records unasked."""
    told = git(folder, *arguments, timeout_s=_TIMEOUT_S)
    return None if told is None else told.decode(errors="replace").splitlines()


def git(folder: Path, *arguments: str, text: str = "", timeout_s: float = 60) -> bytes | None:
    """Run git and return what it wrote; None when there is no git or it refuses.

    Args:
        folder: Where to run it.
        arguments: What to tell it.
        text: What it reads.
        timeout_s: After how many seconds it counts as refused.
    """
    try:
        done = subprocess.run(  # noqa: S603  # no shell
            ["git", *arguments],  # noqa: S607  # the user's own git
            cwd=folder,
            input=text.encode(),
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
