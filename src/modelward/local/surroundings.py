"""What a process that we start inherits: enough to find programs and folders, and nothing that names an AWS account."""

import os

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")


def inherited() -> dict[str, str]:
    """Return the part of this process's environment that a child may have."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}
