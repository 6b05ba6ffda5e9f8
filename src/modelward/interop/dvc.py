"""What DVC tracks and where its remote keeps it, read from DVC's own small files, without DVC.

Source: https://dvc.org/doc/user-guide/project-structure, and DVC 3.67, against which it is tested.
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelward.core.errors import ConfigError, InputError, UnusualError
from modelward.core.provenance import Tracked
from modelward.interop.repository import Tree

_CONFIG, _LOCAL_CONFIG = ".dvc/config", ".dvc/config.local"
_VERSION_3 = "files/md5"
_PLAIN_REMOTE = frozenset({"url", "jobs", "verify"})
"""What a remote may say without its objects being reached or named in another way."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A place where DVC keeps objects.

    Args:
        name: Its name in DVC's configuration.
        url: An s3:// URL or an absolute path, without a slash at its end.
        is_plain: Whether nothing else is told of it, such as credentials or an endpoint of its own.
    """

    name: str
    url: str
    is_plain: bool = True


@dataclass(frozen=True, slots=True)
class Output:
    """An output as DVC's files tell of it.

    Args:
        path: From the root.
        told: Its entry in the `.dvc` file or the `dvc.lock`.
        file: That file.
        remote: The remote of its own; empty for the default one.
        is_pushed: Whether a remote keeps it.
        deps: What its stage read, by path from the root.
    """

    path: str
    told: Mapping[str, Any]
    file: str
    remote: str = ""
    is_pushed: bool = True
    deps: Sequence[tuple[str, Mapping[str, Any]]] = ()


def resolve(root: Path, tree: Tree, path: str) -> tuple[Tracked, tuple[Tracked, ...]] | None:
    """Find what DVC tracks at a path, and what the stage read that makes it.

    Args:
        root: The root of the DVC repository.
        tree: Its files.
        path: From the root, with `/`.

    Returns:
        The output and the inputs, in the order of `dvc.lock`; None when no DVC file speaks of the path.

    Raises:
        ConfigError: a file of DVC's is broken, or names a remote that is not declared.
        UnusualError: only DVC itself can tell.
    """
    files = _Files(root, tree)
    output = files.output(path)
    if output is None:
        return None
    return files.tracked(output), tuple(files.input(*dep) for dep in output.deps)


class _Files:
    """The files of one state of a repository, each read once."""

    def __init__(self, root: Path, tree: Tree) -> None:
        self._root, self._tree = root, tree
        self._read: dict[str, bytes | None] = {}
        self._outputs: dict[str, list[Output]] = {}

    def output(self, path: str) -> Output | None:
        """Find the output at a path."""
        found = self._holder(path)
        if found and found.path != path:
            raise UnusualError(path, found=f"it is a part of the folder {found.path}, which is tracked as a whole")
        return found

    def tracked(self, output: Output) -> Tracked:
        """Tell what an output is and where it is kept."""
        return _tracked(output.file, output.path, output.told, self._remote_of(output))

    def input(self, path: str, told: Mapping[str, Any]) -> Tracked:
        """Tell what a stage read; its bytes are those of `dvc.lock`, whatever was tracked since."""
        holder = self._holder(path)
        return _tracked("dvc.lock", path, told, self._remote_of(holder) if holder else None)

    def _holder(self, path: str) -> Output | None:
        """Find the output that is a path or holds it, first where DVC usually tells of it, then in all files."""
        return self._among(path, _usual(path)) or self._among(path, self._tree.names())

    def _among(self, path: str, names: Sequence[str]) -> Output | None:
        locks = [name for name in names if posixpath.basename(name) == "dvc.lock"]
        self._load([_CONFIG, *names, *map(_yaml_of, locks)])
        outputs = [output for name in names for output in self._outputs_of(name)]
        exact = (output for output in outputs if output.path == path)
        return next(exact, None) or next((each for each in outputs if path.startswith(each.path + "/")), None)

    def _load(self, names: Sequence[str]) -> None:
        missing = [name for name in dict.fromkeys(names) if name not in self._read]
        found = self._tree.read(missing) if missing else {}
        self._read |= {name: found.get(name) for name in missing}

    def _outputs_of(self, name: str) -> list[Output]:
        if name not in self._outputs:
            told = self._parse(name)
            read = self._of_lock if posixpath.basename(name) == "dvc.lock" else _of_file
            self._outputs[name] = list(read(name, told)) if told else []
        return self._outputs[name]

    def _of_lock(self, name: str, lock: Mapping[str, Any]) -> Iterator[Output]:
        """Give the outputs of all stages of a `dvc.lock`; the `dvc.yaml` beside it tells what the lock does not."""
        if str(lock.get("schema", "")) != "2.0":
            raise UnusualError(name, found=f"its schema is {lock.get('schema')!r}")
        folder, declared = posixpath.dirname(name), self._parse(_yaml_of(name)).get("stages") or {}
        for stage, told in _mapping(name, lock.get("stages") or {}).items():
            body = _body(declared.get(stage) or declared.get(stage.partition("@")[0]) or {})
            base = _joined(folder, _literal(name, body.get("wdir", "")))
            deps = [(_joined(base, dep["path"]), dep) for dep in told.get("deps", ())]
            for out in told.get("outs", ()):
                said = _said(name, body, out["path"])
                is_pushed = bool(said.get("push", True)) and bool(said.get("cache", True))
                yield Output(_joined(base, out["path"]), out, name, str(said.get("remote", "")), is_pushed, deps)

    def _parse(self, name: str) -> Mapping[str, Any]:
        text = self._read[name]
        if text is None:
            return {}
        yaml = _library()
        try:
            told = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # both are safe ones
        except yaml.YAMLError as error:
            said = " ".join(str(error).split())
            raise ConfigError(name, "", found=f"no YAML ({said})", allowed="what DVC writes") from error
        return _mapping(name, told or {})

    def _remote_of(self, output: Output) -> Remote | None:
        return remote_of(self._root, self._config(), output.remote) if output.is_pushed else None

    def _config(self) -> bytes:
        return self._read[_CONFIG] or b""


def remote_of(root: Path, config: bytes, name: str = "") -> Remote | None:
    """Find a remote; the configuration that git does not keep (`.dvc/config.local`) wins.

    Args:
        root: The root of the DVC repository.
        config: The text of `.dvc/config`.
        name: The name of the remote; the default one when empty.

    Returns:
        The remote; None when there is no default one.

    Raises:
        ConfigError: there is none of that name.
        UnusualError: it keeps objects in a way, or at a place, of which only DVC itself knows.
    """
    local = root / _LOCAL_CONFIG
    sections = _sections(config, local.read_bytes() if local.is_file() else b"")
    name = name or sections.get("core", {}).get("remote", "")
    if not name:
        return None
    told = sections.get(f'remote "{name}"')
    if told is None or not told.get("url"):
        known = [section[8:-1] for section in sections if section.startswith('remote "')]
        raise ConfigError(_CONFIG, f'remote "{name}"', found="nothing", allowed=_allowed(known))
    if any(told.get(key, "false").lower() == "true" for key in ("version_aware", "worktree")):
        raise UnusualError(f"remote {name}", found="it keeps versions of files instead of objects")
    return Remote(name, _absolute(root, name, told["url"]), set(told) <= _PLAIN_REMOTE)


def _allowed(known: Sequence[str]) -> str:
    listed = f" (there are: {', '.join(known)})" if known else ""
    return f"a remote with a URL{listed}, declared by `dvc remote add`"


def _sections(*texts: bytes) -> dict[str, dict[str, str]]:
    """Read configurations, of which later ones win; DVC quotes the names of sections that hold a quote."""
    sections: dict[str, dict[str, str]] = {}
    for text in texts:
        parser = ConfigParser(interpolation=None, strict=False, default_section="")
        try:
            parser.read_string(text.decode())
        except (ConfigParserError, UnicodeDecodeError) as error:
            said = " ".join(str(error).split())
            raise ConfigError(_CONFIG, "", found=f"no configuration ({said})", allowed="what DVC writes") from error
        for section in parser.sections():
            values = {key: value.strip("\"'") for key, value in parser.items(section)}
            sections.setdefault(section.strip("'"), {}).update(values)
    return sections


def _absolute(root: Path, name: str, url: str) -> str:
    scheme, found, _ = url.partition("://")
    if not found:
        return posixpath.normpath(posixpath.join((root / ".dvc").as_posix(), url))
    if scheme != "s3":
        raise UnusualError(f"remote {name}", found=f"its URL begins with {scheme}://")
    return url.rstrip("/")


def _tracked(file: str, path: str, told: Mapping[str, Any], remote: Remote | None) -> Tracked:
    md5 = str(told.get("md5", ""))
    if not md5 or "cloud" in told or "files" in told:
        raise UnusualError(file, found=f"{path} has no MD5 of its own")
    is_legacy = told.get("hash") != "md5"
    url = object_url(remote.url, md5, is_legacy=is_legacy) if remote else ""
    named, is_direct = (remote.name, remote.is_plain) if remote else ("", True)
    return Tracked(path, md5, told.get("size"), url, named, is_legacy, is_direct)


def object_url(remote: str, md5: str, *, is_legacy: bool) -> str:
    """Tell where a remote keeps an object: DVC 3 below `files/md5`, DVC 2 at its root."""
    folder = remote if is_legacy else f"{remote}/{_VERSION_3}"
    return f"{folder}/{md5[:2]}/{md5[2:]}"


def _library() -> Any:
    """Import PyYAML: in a DVC repository it is there, since DVC needs it; nobody else has to install it."""
    try:
        import yaml
    except ImportError as error:
        rule, step = "DVC's files are YAML, which PyYAML reads", "pip install pyyaml"
        raise InputError("DVC repository", found="PyYAML is not installed", rule=rule, next_step=step) from error
    return yaml


def _usual(path: str) -> list[str]:
    """Name the files that usually speak of a path: beside it and above it."""
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    folders = [*above[1:], ""]
    return [*(f"{each}.dvc" for each in above), *(posixpath.join(folder, "dvc.lock") for folder in folders)]


def _of_file(name: str, told: Mapping[str, Any]) -> Iterator[Output]:
    """Give the outputs of a `.dvc` file."""
    base = _joined(posixpath.dirname(name), str(told.get("wdir", "")))
    is_elsewhere = any("repo" in dep for dep in told.get("deps") or ())
    for out in told.get("outs") or ():
        if is_elsewhere:
            raise UnusualError(name, found="it was imported from another repository")
        is_pushed = bool(out.get("push", True)) and bool(out.get("cache", True))
        yield Output(_joined(base, str(out["path"])), out, name, str(out.get("remote", "")), is_pushed)


def _yaml_of(lock: str) -> str:
    return posixpath.join(posixpath.dirname(lock), "dvc.yaml")


def _body(declared: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give what a stage of `dvc.yaml` says, also one that stands for several (`foreach`)."""
    body = declared.get("do", declared)
    return body if isinstance(body, Mapping) else {}


def _said(name: str, body: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """Give what `dvc.yaml` says of an output besides its path."""
    for entry in (*(body.get("outs") or ()), *(body.get("metrics") or ()), *(body.get("plots") or ())):
        if not isinstance(entry, Mapping):
            continue
        for declared, said in entry.items():
            if "${" in str(declared) and said:
                raise UnusualError(name, found=f"dvc.yaml says more of an output whose path is computed: {declared}")
            if declared == path:
                return _mapping(name, said or {})
    return {}


def _literal(name: str, text: Any) -> str:
    if "${" in str(text):
        raise UnusualError(name, found=f"dvc.yaml has a stage whose folder is computed: {text}")
    return str(text)


def _joined(folder: str, path: str) -> str:
    joined = posixpath.normpath(posixpath.join(folder, path))
    return "" if joined == "." else joined


def _mapping(name: str, told: Any) -> Mapping[str, Any]:
    if not isinstance(told, Mapping):
        raise ConfigError(name, "", found=type(told).__name__, allowed="what DVC writes")
    return told
