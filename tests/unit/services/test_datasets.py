"""The digest of a dataset is what the usual tools compute."""

import hashlib
import subprocess

import pytest

from modelward.core.errors import InputError
from modelward.services.datasets import digest_of


def test_a_file_has_the_sha256_of_its_bytes(tmp_path):
    (tmp_path / "train.csv").write_bytes(b"1,2\n")
    assert digest_of(tmp_path / "train.csv") == hashlib.sha256(b"1,2\n").hexdigest()


def test_a_folder_has_the_digest_of_what_sha256sum_says_of_its_sorted_files(tmp_path):
    for name in ("b/2.csv", "a.csv", "b/10.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    command = "find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-64"
    said = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert digest_of(tmp_path) == said.strip()


def test_a_file_that_is_renamed_or_changed_changes_the_folder(tmp_path):
    (tmp_path / "a").write_text("1")
    before = digest_of(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = digest_of(tmp_path)
    (tmp_path / "b").write_text("2")
    assert len({before, renamed, digest_of(tmp_path)}) == 3


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_what_is_not_there_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="it is a file, or a folder with files"):
        digest_of(tmp_path / name)
