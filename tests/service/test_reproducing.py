"""What a version was made of comes back: code, data, packages; and what does not is told."""

import hashlib
import json
import subprocess
from dataclasses import replace

import pytest

from modelward.core.errors import InputError
from modelward.core.model_package import Dataset

PERSON = ["-c", "user.name=ana", "-c", "user.email=ana@example.com", "-c", "protocol.file.allow=always"]
PACKAGES = {"numpy": "2.1.0", "scikit-learn": "1.5.2", "--index-url": "http://evil", "evil": "1 --pre"}


def git(folder, *arguments):
    command = ["git", *PERSON, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def origin(tmp_path_factory):
    """A repository with a script."""
    folder = tmp_path_factory.mktemp("origin")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    (folder / "train.py").write_text("fit(1)")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=one")
    return folder


@pytest.fixture
def laptop(world, origin, tmp_path_factory):
    """A clone of it, in which people work."""
    folder = tmp_path_factory.mktemp("laptop") / "models"
    git(folder.parent, "clone", "--quiet", origin.as_uri(), str(folder))
    work_in(world, folder)
    return folder


def work_in(world, folder):
    world.context = replace(world.context, folder=folder)
    world.registry._context = world.context


@pytest.fixture
def put(world):
    world.client("s3").create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return lambda key, body: world.client("s3").put_object(Bucket="data", Key=key, Body=body)


def told(parts):
    return {part.subject: part.is_missing for part in parts}


def text_of(parts, subject):
    [text] = [part.text for part in parts if part.subject == subject]
    return text


def files(folder):
    found = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(folder)): path.read_text() for path in found}


def test_code_data_and_packages_come_back(world, laptop, put, tmp_path):
    put("train/a.csv", b"1")
    put("train/b/c.csv", b"2")
    put("weather.csv", b"3")
    (laptop.parent / "local.csv").write_text("4")
    sets = [
        Dataset("digits", "1.0", "s3://data/train/", world.digits.data_digest("s3://data/train/")),
        Dataset("weather", "", "s3://data/weather.csv", hashlib.sha256(b"3").hexdigest()),
        Dataset("../local", "", (laptop.parent / "local.csv").as_uri(), hashlib.sha256(b"4").hexdigest()),
    ]
    record = {"datasets": [{"name": d.name, "version": d.version, "uri": d.uri, "sha256": d.sha256} for d in sets]}
    version = world.register(record=json.dumps({**record, "packages": PACKAGES}))
    (laptop / "train.py").write_text("fit(2)")
    git(laptop, "commit", "--quiet", "--all", "--message=two")

    planned = version.refresh().plan_reproduce(tmp_path / "again")
    assert not (tmp_path / "again").exists()
    parts = version.refresh().reproduce(tmp_path / "again")

    assert parts == planned
    assert not any(part.is_missing for part in parts)
    assert files(tmp_path / "again") == {
        "code/train.py": "fit(1)",
        "data/digits_1_0/a.csv": "1",
        "data/digits_1_0/b/c.csv": "2",
        "data/weather-2/weather.csv": "3",
        "data/_local-3/local.csv": "4",
        "requirements.txt": "numpy==2.1.0\nscikit-learn==1.5.2\n",
    }
    assert git(tmp_path / "again" / "code", "rev-parse", "HEAD") == version.lineage.commit


@pytest.mark.parametrize("is_on_a_branch", [True, False])
def test_elsewhere_the_code_is_cloned_even_if_no_branch_leads_to_it(world, laptop, origin, tmp_path, is_on_a_branch):
    version = world.register().refresh()
    if not is_on_a_branch:
        git(origin, "commit", "--quiet", "--amend", "--message=another")
    work_in(world, tmp_path)
    assert not told(world.digits.version(1).reproduce(tmp_path / "again"))["code"]
    assert git(tmp_path / "again" / "code", "rev-parse", "HEAD") == version.lineage.commit


def test_code_that_is_nowhere_is_missing_and_leaves_no_half_of_a_clone(world, laptop, origin, tmp_path):
    world.register()
    work_in(world, tmp_path)
    origin.rename(origin.with_name("gone"))
    parts = world.digits.version(1).reproduce(tmp_path / "again")
    assert told(parts)["code"]
    assert "does not exist" in text_of(parts, "code")
    assert files(tmp_path / "again") == {}
    assert not (tmp_path / "again" / "code").exists()


def test_what_was_never_recorded_is_missing(world, tmp_path):
    parts = world.register().refresh().reproduce(tmp_path / "again")
    assert told(parts) == {"code": True, "data": True, "packages": True}


def test_changes_that_were_not_committed_are_missing_and_known_by_their_digest(world, laptop, tmp_path):
    (laptop / "train.py").write_text("fit(3)")
    version = world.register().refresh()
    parts = version.reproduce(tmp_path / "again")
    assert told(parts)["uncommitted changes"]
    assert version.lineage.diff_sha256 in text_of(parts, "uncommitted changes")
    assert (tmp_path / "again" / "code" / "train.py").read_text() == "fit(1)"


def test_submodules_are_told_to_be_fetched(world, laptop, origin, tmp_path):
    git(laptop, "submodule", "--quiet", "add", origin.as_uri(), "inner")
    git(laptop, "commit", "--quiet", "--message=two")
    assert told(world.register().refresh().reproduce(tmp_path / "again"))["submodules"]


@pytest.mark.parametrize("uri", ["s3://data/train/", "s3://data/train/a.csv"])
def test_data_that_are_others_now_are_not_kept(world, put, tmp_path, uri):
    put("train/a.csv", b"1")
    version = world.register(dataset=Dataset("digits", "", uri, world.digits.data_digest(uri)))
    put("train/a.csv", b"2")
    parts = version.refresh().reproduce(tmp_path / "again")
    assert "was registered" in text_of(parts, "data digits")
    assert files(tmp_path / "again") == {}


def test_data_without_a_digest_are_fetched_and_told_to_be_unproven(world, put, tmp_path):
    put("a.csv", b"1")
    parts = world.register(dataset=Dataset("digits", uri="s3://data/a.csv")).refresh().reproduce(tmp_path / "again")
    assert (told(parts)["data digits"], told(parts)["digest of data digits"]) == (False, True)
    assert files(tmp_path / "again") == {"data/digits/a.csv": "1"}


@pytest.mark.parametrize("uri", ["", "https://example.com/a.csv", "file:///gone/a.csv", "s3://data/gone", "s3://no/a"])
def test_data_that_cannot_be_had_are_missing(world, put, tmp_path, uri):
    version = world.register(dataset=Dataset("digits", uri=uri, sha256="ab" * 32)).refresh()
    assert told(version.reproduce(tmp_path / "again"))["data digits"]
    assert files(tmp_path / "again") == {}


def test_an_object_whose_name_leads_out_of_the_folder_is_not_written(world, put, tmp_path):
    put("train/../../../evil.csv", b"1")
    version = world.register(dataset=Dataset("digits", uri="s3://data/train/")).refresh()
    parts = version.reproduce(tmp_path / "again")
    assert "it would lie elsewhere" in text_of(parts, "data digits")
    assert not list(tmp_path.rglob("evil.csv"))


def test_a_folder_with_something_in_it_is_left_alone(world, tmp_path):
    version = world.register().refresh()
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "mine").write_text("1")
    with pytest.raises(InputError, match="something is in it"):
        version.reproduce(tmp_path / "again")
    with pytest.raises(InputError, match="something is in it"):
        version.reproduce(tmp_path / "again" / "mine")
