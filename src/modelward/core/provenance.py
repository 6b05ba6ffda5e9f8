"""What a repository of data says of a file: which bytes, and where they are kept."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from modelward.core.model_package import DVC_KEY, packed, unpacked

_PAIRED_INPUTS = 3
FOLDER = ".dir"


@dataclass(frozen=True, slots=True)
class Tracked:
    """A file or folder that DVC tracks.

    Args:
        path: From the root of the DVC repository, with `/`.
        md5: 32 hexadecimal digits; of a folder those of its listing, with `.dir` at the end.
        size: Its bytes; None where DVC does not tell.
        url: Where the remote keeps it: a URL or an absolute path. Empty where no remote does.
        remote: The name of the remote.
        is_legacy: Whether DVC 2 wrote it, which counted a text with CRLF as one with LF.
        is_direct: Whether it can be read at its URL; a remote with an endpoint or credentials of its own needs DVC.
    """

    path: str
    md5: str
    size: int | None = None
    url: str = ""
    remote: str = ""
    is_legacy: bool = False
    is_direct: bool = True

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.md5.endswith(FOLDER)


@dataclass(frozen=True, slots=True)
class Provenance:
    """An artifact and what it was made from.

    Args:
        artifact: The artifact; None where only inputs are tracked.
        inputs: What it was made from.
        revision: The commit that holds this very state; empty where none does yet.
        repository: The URL of the git remote; empty without one.
    """

    artifact: Tracked | None = None
    inputs: tuple[Tracked, ...] = field(default=())
    revision: str = ""
    repository: str = ""

    def to_json(self) -> dict[str, Any]:
        """Spell it for the record of a version."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Provenance":
        """Read what `to_json` spelled."""
        artifact = Tracked(**told["artifact"]) if told["artifact"] else None
        inputs = tuple(Tracked(**each) for each in told["inputs"])
        return cls(artifact, inputs, told["revision"], told["repository"])

    def pairs(self) -> dict[str, str]:
        """Spell what matters most as metadata pairs, the weightiest first; the record of the version has all of it."""
        told = {}
        if self.artifact:
            told = {"md5": self.artifact.md5, "path": self.artifact.path, "url": self.artifact.url}
        told["rev"] = self.revision
        for number, each in enumerate(self.inputs[:_PAIRED_INPUTS], 1):
            told[f"input-{number}"] = _line(each)
        return {DVC_KEY + name: packed(value) for name, value in told.items() if value}


def _line(tracked: Tracked) -> str:
    """Give md5, path and URL; a URL that does not fit is left out, since half of one leads nowhere."""
    short = f"{tracked.md5} {tracked.path}"
    whole = f"{short} {tracked.url}".rstrip()
    return whole if unpacked(packed(whole)) == whole else short
