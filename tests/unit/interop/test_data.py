"""What a registration learns from the DVC repository around it, and what a remote brings."""

import pytest

from modelward.core.errors import InputError, IntegrityError, NotFoundError
from modelward.core.model_package import Dataset
from modelward.core.provenance import Provenance, Tracked
from modelward.interop.data import Data
from modelward.interop.fetching import fetch, folder_md5, is_same


class NoS3:
    def download(self, uri, to):
        raise AssertionError(uri)


def bring(repository, uri, to):
    return Data(repository.root).bring(uri, to / "model.tar.gz", NoS3())


def test_an_artifact_is_told_with_inputs_commit_and_repository(repository):
    repository.add("data.csv", b"1")
    repository.stage({"m.tar.gz": b"m"}, {"data.csv": b"1"})
    repository.git("remote", "add", "origin", "https://ana:token@example.com/r.git")
    commit = repository.commit()
    told = Data(repository.root).provenance("m.tar.gz", None)
    assert (told.artifact.path, [each.path for each in told.inputs]) == ("m.tar.gz", ["data.csv"])
    assert (told.revision, told.repository) == (commit, "https://example.com/r.git")
    assert Provenance.from_json(told.to_json()) == told


def test_a_state_that_no_commit_holds_yet_has_no_revision(repository):
    repository.add("m.tar.gz", b"old")
    repository.commit()
    repository.add("m.tar.gz", b"new")
    assert Data(repository.root).provenance("m.tar.gz", None).revision == ""


def test_a_dataset_that_is_a_tracked_path_is_the_input_where_no_stage_tells(repository):
    repository.add("m.tar.gz", b"m")
    md5 = repository.add("data.csv", b"1")
    for uri in ("data.csv", "data.csv.dvc"):
        (data,) = Data(repository.root).provenance("m.tar.gz", Dataset("digits", uri=uri)).inputs
        assert data.md5 == md5
    (repository.root / "other.tar.gz").write_bytes(b"git keeps it")
    alone = Data(repository.root).provenance("other.tar.gz", Dataset("digits", uri="data.csv"))
    assert (alone.artifact, [each.md5 for each in alone.inputs]) == (None, [md5])


def test_without_anything_that_dvc_tracks_there_is_nothing_to_tell(repository, tmp_path):
    assert Data(repository.root).provenance("train.py", Dataset("digits", uri="s3://b/data.csv")) is None
    assert Data(tmp_path).provenance("m.tar.gz", None) is None
    assert Data(repository.root).provenance("s3://b/m.tar.gz", None) is None


def test_bytes_that_dvc_does_not_track_are_refused(repository):
    repository.add("m.tar.gz", b"m")
    repository.write("m.tar.gz", "changed since")
    with pytest.raises(InputError, match="dvc commit"):
        Data(repository.root).provenance("m.tar.gz", None)


def test_a_file_comes_from_the_remote_as_a_revision_tracks_it(repository, tmp_path):
    md5 = repository.add("m.tar.gz", b"old")
    commit = repository.commit()
    repository.add("m.tar.gz", b"new")
    repository.git("rm", "--cached", "m.tar.gz")
    told = bring(repository, f"dvc://m.tar.gz@{commit[:10]}", tmp_path)
    assert (tmp_path / "model.tar.gz").read_bytes() == b"old"
    assert (told.artifact.md5, told.revision) == (md5, commit)
    assert bring(repository, "dvc://m.tar.gz", tmp_path).revision == ""
    assert (tmp_path / "model.tar.gz").read_bytes() == b"new"


def test_a_text_of_dvc_2_is_right_with_either_line_end(repository, tmp_path):
    repository.add("old.tar.gz", b"1\r\n", is_legacy=True)
    bring(repository, "dvc://old.tar.gz", tmp_path)
    assert (tmp_path / "model.tar.gz").read_bytes() == b"1\r\n"


def test_wrong_bytes_in_the_remote_are_refused_and_leave_nothing(repository, tmp_path):
    repository.keep(repository.add("m.tar.gz", b"m"), b"swapped")
    with pytest.raises(IntegrityError, match="has MD5"):
        bring(repository, "dvc://m.tar.gz", tmp_path)
    assert not (tmp_path / "model.tar.gz").exists()


def test_what_was_never_pushed_is_told_so(repository, tmp_path):
    repository.keep(repository.add("m.tar.gz", b"m"), b"").unlink()
    with pytest.raises(NotFoundError, match="dvc push"):
        bring(repository, "dvc://m.tar.gz", tmp_path)


def test_without_a_remote_there_is_nowhere_to_bring_it_from(repository, tmp_path):
    repository.config("")
    repository.add("m.tar.gz", b"m")
    with pytest.raises(NotFoundError, match="dvc remote add"):
        bring(repository, "dvc://m.tar.gz", tmp_path)


def test_a_path_that_is_not_tracked_a_folder_and_a_place_without_dvc_are_refused(repository, tmp_path):
    with pytest.raises(NotFoundError, match="dvc list"):
        bring(repository, "dvc://nothing.tar.gz", tmp_path)
    repository.yaml("data.dvc", {"outs": [{"md5": "0" * 32 + ".dir", "hash": "md5", "path": "data"}]})
    with pytest.raises(InputError, match="it is a folder"):
        bring(repository, "dvc://data", tmp_path)
    with pytest.raises(InputError, match="no DVC repository here"):
        Data(tmp_path).bring("dvc://m.tar.gz", tmp_path / "x", NoS3())


@pytest.mark.parametrize("uri", ["dvc://", "dvc:///etc/passwd", "dvc://../m.tar.gz", "dvc://m.tar.gz@", "dvc://@v1"])
def test_uris_that_name_no_path_inside_are_refused(repository, tmp_path, uri):
    with pytest.raises(InputError, match="dvc://PATH"):
        bring(repository, uri, tmp_path)


def folder_of(repository, listing):
    content = listing.encode()
    md5 = f"{repository.entry('x', content)['md5']}"
    store = repository.root.parent / "store"
    repository.keep(f"{md5}.dir", content)
    return Tracked("data", f"{md5}.dir", url=f"{store}/files/md5/{md5[:2]}/{md5[2:]}.dir")


def test_a_folder_comes_whole_and_has_the_md5_of_its_listing(repository, tmp_path):
    first, second = (repository.entry("x", content)["md5"] for content in (b"1", b"2"))
    told = f'[{{"md5": "{first}", "relpath": "a.csv"}}, {{"md5": "{second}", "relpath": "b/c.csv"}}]'
    folder = folder_of(repository, told)
    fetch(repository.root, "", folder, tmp_path / "data", NoS3())
    assert (tmp_path / "data" / "b" / "c.csv").read_bytes() == b"2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clone", "data", "store"]
    assert folder_md5(tmp_path / "data") == folder.md5
    assert is_same(tmp_path / "data", folder)


@pytest.mark.parametrize("name", ["../x", "/x", "", "..\\\\x"])
def test_a_listing_that_leads_out_of_its_folder_is_refused(repository, tmp_path, name):
    folder = folder_of(repository, f'[{{"md5": "{"1" * 32}", "relpath": "{name}"}}]')
    with pytest.raises(InputError, match="names files inside it"):
        fetch(repository.root, "", folder, tmp_path / "data", NoS3())
