"""Writing an archive whose bytes depend on its contents alone."""

import gzip
import tarfile
from pathlib import Path

_LEVEL = 6  # weights hardly shrink more, and take longer


def write_archive(folder: Path, path: Path) -> None:
    """Pack a folder as model.tar.gz: by name, without times, owners or anything else of the machine.

    Args:
        folder: What to pack; its files and folders become the members.
        path: The archive to write, outside the folder.
    """
    with (
        path.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=_LEVEL, mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for file in sorted(each for each in folder.rglob("*") if each.is_file()):
            member = tarfile.TarInfo(file.relative_to(folder).as_posix())
            member.size, member.mode = file.stat().st_size, 0o644
            with file.open("rb") as content:
                archive.addfile(member, content)
