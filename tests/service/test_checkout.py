"""What DVC tracks of a version comes back as it was."""

from dataclasses import replace

import pytest
from tests.dvc_repository import Repository
from tests.service.conftest import IMAGE, archive

from modelward.core.errors import InputError, IntegrityError, NotFoundError
from modelward.interop.checkout import carry_out, plan_checkout
from modelward.interop.data import Data
from modelward.services.registry import Registry

FIGURES = {"accuracy": 0.95, "log_loss": 0.2}


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path / "clone")
    made.config()
    made.git("init")
    return made


@pytest.fixture
def first(world, repository):
    """Version 1, after which model, data and script have changed."""
    digits = Registry(replace(world.context, folder=repository.root, data=Data(repository.root))).model("digits")
    repository.add("data/in.csv", b"old")
    repository.stage({"m.tar.gz": archive("old")}, {"data/in.csv": b"old", "train.py": b"fit()"})
    repository.commit()
    version = digits.register(repository.root / "m.tar.gz", IMAGE, FIGURES)
    repository.write("m.tar.gz", archive("new"))
    repository.write("data/in.csv", b"new")
    return version


def test_model_and_data_come_back_and_what_git_keeps_stays(repository, first):
    repository.write("train.py", "fit(more=True)")
    plan = plan_checkout(first, repository.root / "data", is_forced=True)
    carry_out(plan, first.storage)
    assert (repository.root / "m.tar.gz").read_bytes() == archive("old")
    assert (repository.root / "data" / "in.csv").read_bytes() == b"old"
    assert [each.path for each in plan.kept] == ["train.py"]
    assert not list(repository.root.glob(".modelward-*"))
    again = plan_checkout(first, repository.root)
    assert (again.wanted, [each.path for each in again.same]) == ((), ["m.tar.gz", "data/in.csv"])


def test_files_that_are_something_else_now_are_not_overwritten_unasked(repository, first):
    with pytest.raises(InputError, match=r"there are m\.tar\.gz, data/in\.csv"):
        plan_checkout(first, repository.root)
    for path in ("m.tar.gz", "data/in.csv"):
        (repository.root / path).unlink()
    carry_out(plan_checkout(first, repository.root), first.storage)
    assert (repository.root / "data" / "in.csv").read_bytes() == b"old"


def test_wrong_bytes_in_the_remote_change_nothing(repository, first):
    plan = plan_checkout(first, repository.root, is_forced=True)
    repository.keep(plan.wanted[1].md5, b"swapped")
    with pytest.raises(IntegrityError, match="has MD5"):
        carry_out(plan, first.storage)
    assert (repository.root / "m.tar.gz").read_bytes() == archive("new")
    assert not list(repository.root.glob(".modelward-*"))


def test_a_folder_takes_the_place_of_the_folder_that_is_there(repository, first):
    entry = repository.entry("x", b"1")
    listing = f'[{{"md5": "{entry["md5"]}", "relpath": "a.csv"}}]'.encode()
    md5 = repository.entry("x", listing)["md5"] + ".dir"
    repository.keep(md5, listing)
    plan = plan_checkout(first, repository.root, is_forced=True)
    base = plan.wanted[1].url.rpartition("/files/md5/")[0]
    folder = replace(plan.wanted[1], path="data", md5=md5, url=f"{base}/files/md5/{md5[:2]}/{md5[2:]}")
    carry_out(replace(plan, wanted=(folder,)), first.storage)
    assert [path.name for path in (repository.root / "data").iterdir()] == ["a.csv"]


def test_without_dvc_here_or_in_the_record_it_is_told_so(world, repository, first, tmp_path):
    with pytest.raises(InputError, match="no DVC repository here"):
        plan_checkout(first, tmp_path)
    with pytest.raises(NotFoundError, match="modelward download"):
        plan_checkout(world.register(), repository.root)
