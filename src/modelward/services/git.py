"""The state of the code, as git tells it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class CodeState:
    """Commit, branch, remote and whether tracked files differ from the commit; empty outside a repository."""

    commit: str = ""
    branch: str = ""
    repository: str = ""
    is_dirty: bool | None = None


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
    return CodeState(
        commit="" if commit == "(initial)" else commit,
        branch="" if branch == "(detached)" else branch,
        repository=without_secrets(remote[0]),
        is_dirty=any(line and not line.startswith("#") for line in status),
    )


def without_secrets(url: str) -> str:
    """Drop user name and password from a URL: a remote may carry a token, and the registry is read by many."""
    parts = urlsplit(url)
    if not parts.hostname or "@" not in parts.netloc or parts.scheme == "ssh":
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _git(folder: Path, *arguments: str) -> list[str] | None:
    try:
        done = subprocess.run(  # noqa: S603  # fixed arguments, no shell
            ["git", *arguments],  # noqa: S607  # the user's own git
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.splitlines() if done.returncode == 0 else None
