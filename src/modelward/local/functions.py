"""What a function sees of this computer: its asset, the standard library, and the packages of Lambda's Python runtime.

MiniStack runs Python functions on the interpreter that runs itself, with all of its site-packages, so a package
that is missing from an asset would not be noticed. Here they run on the same interpreter without site-packages
(``-I -S``), with one more folder at the end of the path, made of links to just those packages that Lambda's runtime
brings.
"""

import importlib.util
import shutil
import sys
from pathlib import Path

# "Runtime-included SDK versions" of Lambda's page "Building Lambda functions with Python", and what boto3 needs.
RUNTIME_PACKAGES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")

# MiniStack's own settings must not reach a function: its LOG_LEVEL, for one, would be taken for the function's. What
# the function declares for itself comes later, by the worker's first line of input.
_PRELUDE = """\
import os, sys
sys.path.append({packages!r})
for _name in list(os.environ):
    if not _name.startswith(("AWS_", "_", "LAMBDA_")) and _name not in ("PATH", "LANG", "TZ", "TMPDIR"):
        del os.environ[_name]
"""


def prepare_runtime(folder: Path) -> tuple[str, str]:
    """Make the runtime of functions in a folder, in place of what is there.

    Returns:
        the program that runs a worker script, and the statements that must precede the script.
    """
    shutil.rmtree(folder, ignore_errors=True)
    packages = folder / "packages"
    packages.mkdir(parents=True)
    for name in RUNTIME_PACKAGES:
        source = _location(name)
        (packages / source.name).symlink_to(source)
    launcher = folder / "python"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    launcher.chmod(0o700)
    return str(launcher), _PRELUDE.format(packages=str(packages))


def _location(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{package}, which Lambda's runtime brings, is not installed here")
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin
