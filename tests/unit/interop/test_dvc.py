"""What DVC's own files say, read without DVC; `tests/clients/test_dvc.py` holds the same against DVC."""

import subprocess
import sys

import pytest

from modelward.core.errors import ConfigError, InputError, NotFoundError, UnusualError
from modelward.interop.dvc import resolve
from modelward.interop.repository import Revision, WorkingTree, commit_of, root_of


def found(repository, path):
    return resolve(repository.root, WorkingTree(repository.root), path)


def test_an_added_file_is_found_with_its_object_in_the_default_remote(repository):
    md5 = repository.add("data/digits.csv", b"1,2\n")
    tracked, inputs = found(repository, "data/digits.csv")
    store = repository.root.parent / "store"
    assert (tracked.md5, tracked.size, tracked.remote, inputs) == (md5, 4, "store", ())
    assert tracked.url == f"{store}/files/md5/{md5[:2]}/{md5[2:]}"
    assert (store / "files" / "md5" / md5[:2] / md5[2:]).read_bytes() == b"1,2\n"


def test_an_output_of_dvc_2_lies_at_the_root_of_its_remote(repository):
    md5 = repository.add("old.csv", b"1,2\r\n", is_legacy=True)
    tracked, _ = found(repository, "old.csv")
    assert (tracked.url, tracked.is_legacy) == (f"{repository.root.parent}/store/{md5[:2]}/{md5[2:]}", True)


def test_the_output_of_a_stage_comes_with_what_the_stage_read(repository):
    repository.add("data/digits.csv", b"1,2\n")
    repository.stage({"models/m.tar.gz": b"m"}, {"data/digits.csv": b"1,2\n", "train.py": b"fit()"})
    tracked, (data, code) = found(repository, "models/m.tar.gz")
    assert (tracked.path, data.path, code.path) == ("models/m.tar.gz", "data/digits.csv", "train.py")
    assert data.url.endswith(f"/{data.md5[2:]}")
    assert code.url == ""  # git keeps it, no remote does


def test_an_input_inside_a_tracked_folder_has_the_remote_of_the_folder(repository):
    repository.yaml("data.dvc", {"outs": [{"md5": "0" * 32 + ".dir", "hash": "md5", "path": "data"}]})
    repository.stage({"m.tar.gz": b"m"}, {"data/a.csv": b"1"})
    _, (data,) = found(repository, "m.tar.gz")
    assert data.url.endswith(f"/store/files/md5/{data.md5[:2]}/{data.md5[2:]}")
    with pytest.raises(UnusualError, match="a part of the folder data"):
        found(repository, "data/a.csv")


def test_an_output_may_have_a_remote_of_its_own_in_a_dvc_file_or_in_dvc_yaml(repository):
    repository.config(
        "[core]\nremote = store\n['remote \"store\"']\nurl = s3://b\n['remote \"other\"']\nurl = s3://o/p/\n"
    )
    md5 = repository.add("data.csv", b"1", remote="other")
    repository.stage({"m.tar.gz": b"m"}, {"data.csv": b"1"}, {"remote": "other"})
    assert found(repository, "data.csv")[0].url == f"s3://o/p/files/md5/{md5[:2]}/{md5[2:]}"
    assert found(repository, "m.tar.gz")[0].remote == "other"


@pytest.mark.parametrize("flag", ["cache", "push"])
def test_what_is_not_pushed_is_nowhere_but_here(repository, flag):
    repository.stage({"m.tar.gz": b"m"}, {}, {flag: False})
    assert found(repository, "m.tar.gz")[0].url == ""


def test_the_configuration_that_git_does_not_keep_wins(repository):
    repository.config("['remote \"store\"']\n    url = s3://mine\n", "config.local")
    repository.add("data.csv", b"1")
    assert found(repository, "data.csv")[0].url.startswith("s3://mine/files/md5/")


def test_a_remote_with_an_endpoint_of_its_own_is_not_read_directly(repository):
    repository.config("['remote \"store\"']\n    url = s3://mine\n    endpointurl = http://there\n", "config.local")
    repository.add("data.csv", b"1")
    assert found(repository, "data.csv")[0].is_direct is False


def test_paths_are_relative_to_the_folder_of_the_stage_wherever_its_files_are(repository):
    entry = repository.entry("../models/m.tar.gz", b"m")
    repository.yaml("pipes/dvc.yaml", {"stages": {"train": {"wdir": "work", "outs": ["../models/m.tar.gz"]}}})
    repository.yaml("pipes/dvc.lock", {"schema": "2.0", "stages": {"train": {"outs": [entry]}}})
    assert found(repository, "pipes/models/m.tar.gz")[0].md5 == entry["md5"]
    assert found(repository, "models/m.tar.gz") is None


def test_a_stage_that_stands_for_several_is_found_by_what_the_lock_says(repository):
    entry = repository.entry("m-a.tar.gz", b"m")
    each = {"foreach": ["a"], "do": {"cmd": "train", "outs": ["m-${item}.tar.gz"]}}
    repository.yaml("dvc.yaml", {"stages": {"train": each}})
    repository.yaml("dvc.lock", {"schema": "2.0", "stages": {"train@a": {"outs": [entry]}}})
    assert found(repository, "m-a.tar.gz")[0].md5 == entry["md5"]
    each["do"]["outs"] = [{"m-${item}.tar.gz": {"remote": "other"}}]
    repository.yaml("dvc.yaml", {"stages": {"train": each}})
    with pytest.raises(UnusualError, match="computed"):
        found(repository, "m-a.tar.gz")


def test_a_revision_tells_what_was_tracked_then(repository):
    old = repository.add("data/digits.csv", b"1")
    repository.commit()
    repository.git("tag", "old")
    repository.add("data/digits.csv", b"2")
    repository.commit()
    then = Revision(repository.root, commit_of(repository.root, "old"))
    assert resolve(repository.root, then, "data/digits.csv")[0].md5 == old
    assert found(repository, "data/digits.csv")[0].md5 != old


def test_a_dvc_repository_in_a_folder_of_a_git_repository_is_read_at_a_revision_too(repository):
    inner = type(repository)(repository.root / "inner")
    inner.config()
    md5 = inner.add("data.csv", b"1")
    commit = repository.commit()
    assert root_of(inner.root / "deep") == inner.root
    assert resolve(inner.root, Revision(inner.root, commit), "data.csv")[0].md5 == md5


def test_what_dvc_does_not_track_is_nothing(repository):
    repository.commit()
    assert found(repository, "train.py") is None
    assert resolve(repository.root, Revision(repository.root, "HEAD"), "train.py") is None
    assert root_of(repository.root.parent) is None


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"etag": "x", "path": "data.csv"}, "no MD5"),
        ({"md5": "1" * 32, "hash": "md5", "path": "data.csv", "cloud": {"store": {"version_id": "1"}}}, "no MD5"),
    ],
)
def test_what_is_unusual_is_said_with_the_extra_that_knows_more(repository, entry, said):
    repository.yaml("data.csv.dvc", {"outs": [entry]})
    with pytest.raises(UnusualError, match=said) as refused:
        found(repository, "data.csv")
    assert "modelward[dvc]" in refused.value.next_step


@pytest.mark.parametrize("told", ["url = gs://b", "url = remote://x/y", "url = s3://b\nversion_aware = true"])
def test_remotes_that_keep_objects_in_other_ways_are_unusual(repository, told):
    repository.config(f"[core]\nremote = store\n['remote \"store\"']\n{told}\n")
    repository.add("data.csv", b"1")
    with pytest.raises(UnusualError, match="remote store"):
        found(repository, "data.csv")


def test_an_import_from_another_repository_is_unusual(repository):
    entry = repository.entry("data.csv", b"1")
    repository.yaml("data.csv.dvc", {"deps": [{"path": "data.csv", "repo": {"url": "x"}}], "outs": [entry]})
    with pytest.raises(UnusualError, match="imported"):
        found(repository, "data.csv")


def test_a_lock_of_another_schema_is_unusual(repository):
    repository.yaml("dvc.lock", {"train": {"outs": []}})
    with pytest.raises(UnusualError, match="schema"):
        found(repository, "m.tar.gz")


def test_without_any_remote_it_is_known_and_kept_nowhere(repository):
    repository.config("")
    repository.add("data.csv", b"1")
    assert found(repository, "data.csv")[0].url == ""


def test_a_remote_that_is_named_and_not_declared_is_an_error_that_lists_the_others(repository):
    repository.add("data.csv", b"1", remote="nowhere")
    with pytest.raises(ConfigError, match=r'remote "nowhere".*there are: store'):
        found(repository, "data.csv")


@pytest.mark.parametrize(("name", "text"), [("data.csv.dvc", "outs: ["), ("data.csv.dvc", "- 1"), (".dvc/config", "x")])
def test_a_broken_file_is_named(repository, name, text):
    repository.add("data.csv", b"1")
    repository.write(name, text)
    with pytest.raises(ConfigError, match=name):
        found(repository, "data.csv")


def test_an_unknown_revision_of_a_shallow_clone_is_told_so(repository, tmp_path):
    first = repository.commit()
    repository.commit()
    repository.git("clone", "--depth=1", repository.root.as_uri(), str(tmp_path / "shallow"))
    with pytest.raises(NotFoundError, match="--unshallow"):
        commit_of(tmp_path / "shallow", first)
    with pytest.raises(NotFoundError, match="git fetch --tags"):
        commit_of(repository.root, "v9")


def test_a_revision_needs_git_and_is_no_option(repository, tmp_path):
    with pytest.raises(InputError, match="no git repository"):
        commit_of(tmp_path, "v1")
    with pytest.raises(InputError, match="does not begin with -"):
        commit_of(repository.root, "--all")


def test_without_pyyaml_the_error_says_what_to_install(repository):
    repository.add("data.csv", b"1")
    script = (
        "import sys; sys.modules['yaml'] = None\n"
        "from modelward.interop.data import Data; from pathlib import Path\n"
        "Data(Path.cwd()).provenance('data.csv', None)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=repository.root, capture_output=True, text=True, check=False)
    assert "InputError: DVC repository: PyYAML is not installed" in done.stderr
    assert "pip install pyyaml" in done.stderr
