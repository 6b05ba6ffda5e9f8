"""What git tells of the code."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from modelward.services.git import CodeState, code_state, without_secrets

IDENTITY = ("-c", "user.name=Ana", "-c", "user.email=ana@example.com", "-c", "init.defaultBranch=main")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init")
    (tmp_path / "train.py").write_text("fit()")
    git(tmp_path, "add", "train.py")
    git(tmp_path, "commit", "--message", "Train")
    git(tmp_path, "remote", "add", "origin", "https://ana:token@example.com/team/models.git")
    return tmp_path


def test_it_tells_commit_branch_and_remote_without_the_token(repository):
    expected = CodeState(git(repository, "rev-parse", "HEAD"), "main", "https://example.com/team/models.git", False, "")
    assert code_state(repository) == expected


def test_a_changed_file_makes_it_dirty(repository):
    (repository / "train.py").write_text("fit(more=True)")
    assert code_state(repository).is_dirty is True


def test_uncommitted_changes_have_the_digest_of_their_diff(repository):
    (repository / "train.py").write_text("fit(more=True)")
    diff = git(repository, "diff", "HEAD", "--full-index") + "\n"
    assert code_state(repository).diff_sha256 == hashlib.sha256(diff.encode()).hexdigest()


def test_staged_changes_are_changes_too(repository):
    (repository / "train.py").write_text("fit(more=True)")
    before = code_state(repository).diff_sha256
    git(repository, "add", "train.py")
    assert code_state(repository).diff_sha256 == before


@pytest.mark.parametrize(
    "setting",
    [
        ("diff.external", "false"),
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("diff.context", "0"),
        ("diff.renames", "copies"),
        ("diff.relative", "true"),
        ("diff.suppressBlankEmpty", "true"),
        ("color.ui", "always"),
        ("core.abbrev", "7"),
        ("core.quotePath", "false"),
    ],
)
def test_the_digest_is_the_same_whatever_somebody_has_configured(repository, setting):
    (repository / "träin.py").write_text("a\n\nb\nc\n")
    git(repository, "add", ".")
    git(repository, "commit", "--message", "More")
    git(repository, "mv", "train.py", "fit.py")
    (repository / "träin.py").write_text("a\n\nb\nd\n")
    (folder := repository / "sub").mkdir()
    before = code_state(repository)
    git(repository, "config", *setting)
    assert (code_state(repository), code_state(folder)) == (before, before)
    assert before.diff_sha256


def test_changed_bytes_that_are_no_text_change_the_digest(repository):
    digests = set()
    for content in (b"\0one", b"\0two"):
        (repository / "train.py").write_bytes(content)
        digests.add(code_state(repository).diff_sha256)
    assert len(digests) == 2


def test_changes_before_the_first_commit_differ_from_nothing(tmp_path):
    git(tmp_path, "init")
    (tmp_path / "train.py").write_text("fit()")
    git(tmp_path, "add", "train.py")
    assert code_state(tmp_path) == CodeState("", "main", "", True, "")


def test_a_shallow_clone_tells_what_a_whole_one_does(repository, tmp_path_factory):
    (repository / "train.py").write_text("fit(1)")
    git(repository, "commit", "--all", "--message", "Train more")
    shallow = tmp_path_factory.mktemp("shallow") / "models"
    git(repository, "clone", "--depth", "1", repository.as_uri(), str(shallow))
    for folder in (repository, shallow):
        (folder / "train.py").write_text("fit(2)")
    told, whole = code_state(shallow), code_state(repository)
    assert (told.commit, told.diff_sha256) == (whole.commit, whole.diff_sha256)
    assert told.diff_sha256


def test_what_changed_in_a_submodule_makes_it_dirty(repository, tmp_path_factory):
    other = tmp_path_factory.mktemp("outer")
    git(other, "init")
    git(other, "-c", "protocol.file.allow=always", "submodule", "add", repository.as_uri(), "inner")
    git(other, "commit", "--message", "Add")
    assert code_state(other).diff_sha256 == ""
    (other / "inner" / "train.py").write_text("fit(3)")
    assert code_state(other).is_dirty
    assert code_state(other).diff_sha256
    assert code_state(other / "inner").diff_sha256 != code_state(other).diff_sha256


def test_a_clean_tree_costs_two_processes(repository, tmp_path_factory):
    assert _runs_of_git(repository, tmp_path_factory.mktemp("bin")) == ["status", "config"]


def _runs_of_git(repository: Path, folder: Path) -> list[str]:
    """Tell the first words of all calls, by a git in front of git that writes them down."""
    path, log, real = os.environ["PATH"], folder / "log", shutil.which("git")
    (folder / "git").write_text(f'#!/bin/sh\necho "$1" >> {log}\nexec {real} "$@"\n')
    (folder / "git").chmod(0o755)
    os.environ["PATH"] = f"{folder}{os.pathsep}{path}"
    try:
        code_state(repository)
    finally:
        os.environ["PATH"] = path
    return log.read_text().split()


def test_a_file_that_git_does_not_track_does_not_make_it_dirty(repository):
    (repository / "model.tar.gz").write_bytes(b"weights")
    assert code_state(repository).is_dirty is False


def test_a_repository_without_commit_or_remote_has_a_branch_only(tmp_path):
    git(tmp_path, "init")
    assert code_state(tmp_path) == CodeState("", "main", "", False)


def test_a_detached_head_has_no_branch(repository):
    git(repository, "checkout", "--detach")
    assert code_state(repository).branch == ""


def test_outside_a_repository_there_is_nothing_to_record(tmp_path):
    assert code_state(tmp_path) == CodeState()


def test_a_folder_that_does_not_exist_has_nothing_to_record(tmp_path):
    assert code_state(tmp_path / "gone") == CodeState()


def test_without_git_there_is_nothing_to_record(repository):
    path = os.environ.pop("PATH")
    os.environ["PATH"] = str(repository)
    try:
        assert code_state(repository) == CodeState()
    finally:
        os.environ["PATH"] = path


@pytest.mark.parametrize(
    "url",
    ["git@example.com:team/models.git", "ssh://git@example.com/team/models.git", "https://example.com/models.git"],
)
def test_a_url_without_a_secret_stays_as_it_is(url):
    assert without_secrets(url) == url
