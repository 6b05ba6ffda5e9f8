"""A DVC repository for tests, written file by file as DVC 3.67 and DVC 2 write it."""

import hashlib
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

IDENTITY = ("-c", "user.name=Ana", "-c", "user.email=ana@example.com", "-c", "init.defaultBranch=main")
CONFIG = "[core]\n    remote = store\n['remote \"store\"']\n    url = ../../store\n"


@dataclass(frozen=True)
class Repository:
    root: Path

    def git(self, *arguments: str) -> str:
        command = ["git", *IDENTITY, *arguments]
        return subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--message", "State", "--allow-empty")
        return self.git("rev-parse", "HEAD")

    def write(self, path: str, content: str | bytes) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def config(self, text: str = CONFIG, name: str = "config") -> None:
        self.write(f".dvc/{name}", text)

    def yaml(self, path: str, told: Mapping[str, Any]) -> None:
        self.write(path, yaml.safe_dump(told))

    def entry(self, path: str, content: bytes, *, is_legacy: bool = False, **more: Any) -> dict[str, Any]:
        """Keep bytes in the remote, and tell of them as DVC does."""
        md5 = hashlib.md5(content.replace(b"\r\n", b"\n") if is_legacy else content).hexdigest()
        self.keep(md5, content, is_legacy=is_legacy)
        return {"md5": md5, "size": len(content), **({} if is_legacy else {"hash": "md5"}), "path": path, **more}

    def keep(self, md5: str, content: bytes, *, is_legacy: bool = False) -> Path:
        store = self.root.parent / "store" / ("" if is_legacy else "files/md5")
        kept = store / md5[:2] / md5[2:]
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(content)
        return kept

    def add(self, path: str, content: bytes, **more: Any) -> str:
        """Do as `dvc add` and `dvc push`; return the MD5."""
        self.write(path, content)
        entry = self.entry(path.rpartition("/")[2], content, **more)
        self.yaml(f"{path}.dvc", {"outs": [entry]})
        return str(entry["md5"])

    def stage(
        self, outs: Mapping[str, bytes], deps: Mapping[str, bytes], said: Mapping[str, Any] | None = None
    ) -> None:
        """Do as `dvc stage add`, `dvc repro` and `dvc push`; what `dvc.yaml` says of each output may be given."""
        for path, content in {**outs, **deps}.items():
            self.write(path, content)
        body = {"cmd": "train", "deps": list(deps), "outs": [{path: dict(said)} if said else path for path in outs]}
        self.yaml("dvc.yaml", {"stages": {"train": body}})
        told = {"outs": outs, "deps": deps}
        entries = {part: [self.entry(*item) for item in paths.items()] for part, paths in told.items()}
        self.yaml("dvc.lock", {"schema": "2.0", "stages": {"train": {"cmd": "train", **entries}}})
