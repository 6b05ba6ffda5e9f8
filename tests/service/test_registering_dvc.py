"""What DVC knows of an artifact is registered with it, and an artifact may come from DVC's remote."""

from dataclasses import replace

import pytest
from tests.dvc_repository import Repository
from tests.service.conftest import IMAGE, archive

from modelward.core.errors import InputError, IntegrityError, NotFoundError
from modelward.core.model_package import Dataset
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
def digits(world, repository):
    context = replace(world.context, folder=repository.root, data=Data(repository.root))
    return Registry(context).model("digits")


def test_md5_url_and_commit_of_artifact_and_inputs_are_registered_unasked(repository, digits):
    repository.add("data.csv", b"1")
    repository.stage({"m.tar.gz": archive()}, {"data.csv": b"1"})
    commit = repository.commit()
    version = digits.register(repository.root / "m.tar.gz", IMAGE, FIGURES)
    told = version.package.dvc
    assert (told["path"], told["rev"]) == ("m.tar.gz", commit)
    assert told["url"].endswith(f"/store/files/md5/{told['md5'][:2]}/{told['md5'][2:]}")
    assert told["input-1"].split()[1] == "data.csv"
    record = version.record()["dvc"]
    assert record["artifact"]["md5"] == told["md5"]
    assert [each["path"] for each in record["inputs"]] == ["data.csv"]
    assert digits.register(repository.root / "m.tar.gz", IMAGE, FIGURES).version == version.version


def test_a_run_that_is_recorded_keeps_its_record_beside_what_dvc_tells(repository, digits):
    repository.add("m.tar.gz", archive())
    record = digits.register(
        repository.root / "m.tar.gz", IMAGE, FIGURES, record='{"parameters": {"seed": 1}}'
    ).record()
    assert record["parameters"] == {"seed": 1}
    assert record["dvc"]["artifact"]["path"] == "m.tar.gz"


def test_an_artifact_comes_from_the_remote_at_a_revision_with_the_commit_that_made_it(repository, digits):
    repository.add("m.tar.gz", archive("old"))
    old = repository.commit()
    repository.git("tag", "v1")
    repository.add("m.tar.gz", archive("new"))
    repository.commit()
    (repository.root / "m.tar.gz").unlink()
    version = digits.register("dvc://m.tar.gz@v1", IMAGE, FIGURES)
    assert (version.lineage.commit, version.lineage.is_dirty, version.lineage.trained_at) == (old, False, None)
    assert version.package.dvc["rev"] == old
    assert version.download(repository.root / "out").read_bytes() == archive("old")
    assert digits.register("dvc://m.tar.gz@v1", IMAGE, FIGURES).version == version.version
    assert digits.register("dvc://m.tar.gz", IMAGE, FIGURES).version == version.version + 1


def test_a_remote_in_s3_is_read_by_the_callers_own_rights(world, repository, digits):
    s3 = world.client("s3")
    s3.create_bucket(Bucket="dvc-store", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    repository.config("[core]\nremote = s\n['remote \"s\"']\nurl = s3://dvc-store/deep\n")
    md5 = repository.add("m.tar.gz", archive())
    with pytest.raises(NotFoundError, match="dvc push"):
        digits.register("dvc://m.tar.gz", IMAGE, FIGURES)
    key = f"deep/files/md5/{md5[:2]}/{md5[2:]}"
    s3.put_object(Bucket="dvc-store", Key=key, Body=archive("swapped"))
    with pytest.raises(IntegrityError, match=md5):
        digits.register("dvc://m.tar.gz", IMAGE, FIGURES)
    assert digits.versions() == []
    s3.put_object(Bucket="dvc-store", Key=key, Body=archive())
    assert digits.register("dvc://m.tar.gz", IMAGE, FIGURES).package.dvc["url"] == f"s3://dvc-store/{key}"


def test_a_plan_for_an_artifact_in_the_remote_changes_nothing(repository, digits):
    from modelward.services.registration import Submission

    repository.add("m.tar.gz", archive())
    assert digits.plan_register(Submission("dvc://m.tar.gz", IMAGE, FIGURES)).changes
    assert digits.versions() == []


def test_bytes_that_dvc_does_not_track_are_not_registered(repository, digits):
    repository.add("m.tar.gz", archive())
    repository.write("m.tar.gz", archive("changed"))
    with pytest.raises(InputError, match="dvc commit"):
        digits.register(repository.root / "m.tar.gz", IMAGE, FIGURES)
    assert digits.versions() == []


def test_what_dvc_tells_takes_no_room_from_what_was_asked_for(repository, digits):
    repository.add("m.tar.gz", archive())
    repository.commit()
    asked = {f"key-{number}": "x" for number in range(38)}
    version = digits.register(repository.root / "m.tar.gz", IMAGE, FIGURES, metadata=asked)
    assert asked.items() <= version.package.metadata.items()
    assert version.metrics == FIGURES
    assert version.package.dvc == {}
    assert version.record()["dvc"]["artifact"]["path"] == "m.tar.gz"


def test_a_dataset_that_dvc_tracks_is_an_input(repository, digits):
    md5 = repository.add("data.csv", b"1")
    repository.write("m.tar.gz", archive())
    version = digits.register(repository.root / "m.tar.gz", IMAGE, FIGURES, dataset=Dataset("digits", uri="data.csv"))
    assert version.package.dvc["input-1"].startswith(f"{md5} data.csv ")


def test_without_a_repository_of_data_a_dvc_uri_is_refused(world):
    with pytest.raises(InputError, match="no repository of data"):
        world.digits.register("dvc://m.tar.gz", IMAGE, FIGURES)
