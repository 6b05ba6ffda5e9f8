"""DVC 3.67 itself: what it writes is read without it, and both say the same."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import modelward
from modelward.core.errors import UnusualError
from modelward.interop.dvc import resolve
from modelward.interop.fetching import folder_md5
from modelward.interop.repository import Revision, WorkingTree, commit_of

pytestmark = pytest.mark.client

FOLDER = Path(__file__).parent
IDENTITY = {f"GIT_{who}_{what}": "ana@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
OUTPUTS = ("data", "raw/in.csv", "old.csv", "models/m.tar.gz", "models/other.tar.gz")

Clone = Callable[..., str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "clone").mkdir()
    return tmp_path / "clone"


@pytest.fixture
def clone(run: Callable[..., str], installed: Callable[[str], str], root: Path) -> Clone:
    """Run a program in the clone: git, or one of .clients/dvc."""
    variables = {**IDENTITY, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(root.parent / "site")}

    def call(program: str, *arguments: str, **more: str) -> str:
        command = program if program == "git" else installed(f"dvc/bin/{program}")
        return run([command, *arguments], {**variables, **more}, folder=root)

    return call


@pytest.fixture
def made(clone: Clone, root: Path) -> Clone:
    """A repository with files, a folder, a stage, two remotes, and an output that DVC 2 wrote."""
    clone("git", "init", "--quiet")
    clone("dvc", "init", "--quiet")
    clone("dvc", "remote", "add", "--default", "store", "../store")
    clone("dvc", "remote", "add", "other", str(root.parent / "other"))
    clone("dvc", "remote", "add", "s3", "s3://bucket/prefix")
    for path, text in {"data/a.csv": "1\n", "data/b/c.csv": "2\n", "raw/in.csv": "3\n", "old.csv": "4\n"}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    clone("dvc", "add", "--quiet", "data", "raw/in.csv", "old.csv")
    _edit(root / "raw/in.csv.dvc", "  path: in.csv\n", "  path: in.csv\n  remote: other\n")
    _edit(root / "old.csv.dvc", "  hash: md5\n", "")
    (root / "models").mkdir()
    outs = ("--outs", "models/m.tar.gz", "--outs", "models/other.tar.gz")
    command = "cat data/a.csv raw/in.csv > models/m.tar.gz; cp raw/in.csv models/other.tar.gz"
    clone("dvc", "stage", "add", "--quiet", "--name", "train", "--deps", "data", "--deps", "raw/in.csv", *outs, command)
    _edit(root / "dvc.yaml", "    - models/other.tar.gz\n", "    - models/other.tar.gz:\n        remote: s3\n")
    clone("dvc", "repro", "--quiet")
    clone("git", "add", "--all")
    clone("git", "commit", "--quiet", "--message", "First")
    return clone


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _light(root: Path, revision: str, path: str) -> dict[str, Any]:
    tree = Revision(root, commit_of(root, revision)) if revision else WorkingTree(root)
    found = resolve(root, tree, path)
    assert found
    tracked, inputs = found
    deps = {each.path: each.md5 for each in inputs}
    return {"md5": tracked.md5, "size": tracked.size, "url": tracked.url, "inputs": deps}


def test_the_light_resolver_and_dvc_agree(made: Clone, root: Path, tmp_path: Path) -> None:
    first = made("git", "rev-parse", "HEAD").strip()
    (root / "raw/in.csv").write_text("5\n")
    made("dvc", "remote", "add", "--force", "--local", "--default", "other", str(tmp_path / "mine"))
    made("dvc", "repro", "--quiet")
    for revision in ("", first):
        made("python", str(FOLDER / "dvc_facts.py"), str(tmp_path / "facts.json"), revision, *OUTPUTS)
        facts = json.loads((tmp_path / "facts.json").read_text())
        assert {path: _light(root, revision, path) for path in OUTPUTS} == facts
    assert folder_md5(root / "data") == facts["data"]["md5"]


def test_with_dvc_at_hand_the_unusual_is_found_and_brought_too(made: Clone, root: Path, tmp_path: Path) -> None:
    made("dvc", "push", "--quiet", "data", "raw/in.csv", "models/m.tar.gz")
    first = made("git", "rev-parse", "HEAD").strip()
    with pytest.raises(UnusualError):
        resolve(root, WorkingTree(root), "data/b/c.csv")
    source = str(Path(modelward.__file__).parents[1])

    def full(path: str, revision: str) -> Any:
        out = tmp_path / "out" / "facts.json"
        out.parent.mkdir(exist_ok=True)
        made("python", str(FOLDER / "dvc_full.py"), str(out), path, revision, PYTHONPATH=source)
        return json.loads(out.read_text())

    inside = full("data/b/c.csv", first)
    assert (inside["content"], inside["revision"]) == ("2\n", first)
    assert inside["url"].startswith(str(tmp_path / "store" / "files" / "md5"))
    usual = full("models/m.tar.gz", "")
    made("dvc", "remote", "modify", "--local", "store", "version_aware", "false")
    made("dvc", "remote", "modify", "--local", "store", "shared", "group")  # one that the light resolver leaves to DVC
    assert full("models/m.tar.gz", first) == {**usual, "revision": first}
