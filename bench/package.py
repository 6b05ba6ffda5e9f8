"""The size of what Lambda is given: one zip for all functions."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.account import ROOT
from bench.figure import Figure
from modelward_infra.asset import assemble

PART = "package"
_GOAL_BYTES = 1_500_000


def measure() -> Iterator[Figure]:
    """Pack the functions' code as the CDK does, and weigh it."""
    with TemporaryDirectory() as folder:
        assemble(Path(folder), ROOT / "registry.toml")
        size, count = _packed(Path(folder))
    measured = f"{size / 1e6:.2f} MB ({count} files)"
    what = "a function's zip, Powertools inside"
    yield Figure(what, f"at most {_GOAL_BYTES / 1e6:.1f} MB", measured, size <= _GOAL_BYTES, PART)


def _packed(folder: Path) -> tuple[int, int]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(folder))
    return len(packed.getvalue()), len(files)
