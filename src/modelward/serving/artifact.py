"""Bring the archive of a version to disk and make it answer."""

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelward.serving.inference import Inference
from modelward.serving.switch import Registered

# Python 3.11 has the filter from 3.11.4 on.
_AS_DATA: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A version that answers, and the folder that it may go on reading from while it does."""

    inference: Inference
    folder: "TemporaryDirectory[str]"

    def close(self) -> None:
        """Remove its folder."""
        self.folder.cleanup()


def loader(root: Path, check: Callable[[Path], object]) -> Callable[[Registered], LoadedModel]:
    """Make the function that loads a version for a `Switch`.

    Args:
        root: Folder that exists; each load takes a new folder in it.
        check: Refuses an archive that is broken or unsafe (`services.archive`), before anything is unpacked.
    """

    def load(version: Registered) -> LoadedModel:
        folder = TemporaryDirectory(prefix=f"v{version.version}-", dir=root)
        try:
            return LoadedModel(Inference.load(_unpacked(version, Path(folder.name), check)), folder)
        except BaseException:
            folder.cleanup()
            raise

    return load


def _unpacked(version: Registered, folder: Path, check: Callable[[Path], object]) -> Path:
    archive = version.download(folder)
    check(archive)
    model = folder / f"version-{version.version}"
    with tarfile.open(archive) as tar:
        tar.extractall(model, **_AS_DATA)  # noqa: S202 - `check` has refused links and paths that lead out
    archive.unlink()
    return model
