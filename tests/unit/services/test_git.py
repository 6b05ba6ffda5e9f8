"""What git tells of the code."""

import os
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
    expected = CodeState(git(repository, "rev-parse", "HEAD"), "main", "https://example.com/team/models.git", False)
    assert code_state(repository) == expected


def test_a_changed_file_makes_it_dirty(repository):
    (repository / "train.py").write_text("fit(more=True)")
    assert code_state(repository).is_dirty is True


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
