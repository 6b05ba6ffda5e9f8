"""Model archives that are safe to unpack, and those that are not."""

import gzip
import hashlib
import io
import random
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelward.core.errors import ArtifactError
from modelward.services.archive import inspect_file


def member(name, *, kind=tarfile.REGTYPE, link="", size=0):
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size
    return made


def link(name, target):
    return member(name, kind=tarfile.SYMTYPE, link=target)


def packed(*members, content=b"x"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for each in members:
            each.size = len(content) if each.isfile() else 0
            tar.addfile(each, io.BytesIO(content) if each.isfile() else None)
    return buffer.getvalue()


FOLDER = member("code", kind=tarfile.DIRTYPE)
GOOD = {
    "one file": packed(member("model.joblib")),
    "a folder": packed(FOLDER, member("code/inference.py"), member("model.joblib")),
    "made with -C .": packed(member(".", kind=tarfile.DIRTYPE), member("./model.joblib")),
    "an empty file in it": packed(member("empty"), content=b""),
    "a link beside it": packed(member("model-1"), link("model", "model-1")),
    "a link upwards that stays inside": packed(member("model"), link("code/deep/model", "../../model")),
    "a hard link": packed(member("model-1"), member("model", kind=tarfile.LNKTYPE, link="model-1")),
    "a name with two dots": packed(member("weights..bin"), member("..hidden")),
}
BAD = {
    "a path out": (packed(member("../evil")), "'../evil' lies outside"),
    "a path out and in again": (packed(member("../model/evil")), "lies outside"),
    "a path that turns in the middle": (packed(member("a/../../evil")), "lies outside"),
    "an absolute path": (packed(member("/etc/passwd")), "'/etc/passwd' lies outside"),
    "a path of Windows": (packed(member("..\\evil")), "lies outside"),
    "a link out": (packed(member("m"), link("l", "../evil")), "is a link to '../evil', outside"),
    "an absolute link": (packed(member("m"), link("l", "/etc/passwd")), "is a link to '/etc/passwd', outside"),
    "a deep link out": (packed(member("m"), link("a/b/l", "../../../evil")), "outside"),
    "a hard link out": (packed(member("m"), member("l", kind=tarfile.LNKTYPE, link="../evil")), "outside"),
    "a file behind a link": (packed(link("a/b", ".."), member("a/b/c")), "'a/b/c' lies behind a link"),
    "a way out through a link": (packed(link("x/y/z", "../.."), member("x/y/z/../evil")), "lies outside"),
    "a link out through a link": (packed(member("m"), link("x/y/z", "../.."), link("w", "x/y/z/../evil")), "outside"),
    "a link behind a link": (packed(link("x/y", "../.."), link("x/y/l", "../../evil"), member("m")), "outside"),
    "a file before the link that it lies behind": (packed(member("a/b/c"), link("a/b", "../d")), "behind a link"),
    "a device": (packed(member("m"), member("null", kind=tarfile.CHRTYPE)), "'null' is neither file, folder nor link"),
    "a pipe": (packed(member("m"), member("pipe", kind=tarfile.FIFOTYPE)), "is neither file"),
    "no member": (packed(), "no file in it"),
    "folders only": (packed(FOLDER), "no file in it"),
    "no bytes": (b"", "an empty file"),
    "a text": (b"weights", "no readable gzipped tar"),
    "a gzip of something else": (gzip.compress(b"weights"), "no readable gzipped tar"),
    "a gzip of nothing": (gzip.compress(b""), "no readable gzipped tar"),
    "a gzip whose checksum is wrong": (packed(member("m"))[:-8] + bytes(8), "CRC check failed"),
    "bytes behind its end": (packed(member("m")) + b"more", "no readable gzipped tar"),
    "a tar without gzip": (gzip.decompress(packed(member("m"))), "no readable gzipped tar"),
}


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "model.tar.gz"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD)
def test_a_safe_archive_gives_its_digest(file, content):
    assert inspect_file(file(content)) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(("content", "found"), BAD.values(), ids=BAD)
def test_an_unsafe_archive_is_refused_with_what_was_found_and_what_to_do(file, content, found):
    with pytest.raises(ArtifactError) as refused:
        inspect_file(file(content))
    assert found in refused.value.problem
    assert "model.tar.gz" in refused.value.problem
    assert refused.value.next_step.startswith("Pack the model again")


def test_an_archive_that_unpacks_to_far_more_than_it_weighs_is_refused_before_it_is_read(file):
    head = member("zeros", size=100 * 1024**4).tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(ArtifactError, match="times its size when unpacked"):
        inspect_file(file(gzip.compress(head + bytes(4096))))


def test_many_zeros_that_gzip_shrinks_within_reason_are_no_bomb(file):
    inspect_file(file(packed(member("zeros"), content=bytes(3_000_000))))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ArtifactError, match="no-such-model") as refused:
        inspect_file(tmp_path / "no-such-model.tar.gz")
    assert "no such file" in refused.value.problem


def test_a_folder_is_no_archive(tmp_path):
    with pytest.raises(ArtifactError, match=r"a file or an s3:// URI"):
        inspect_file(tmp_path)


def test_an_archive_cut_short_anywhere_is_refused(file):
    noise = random.Random(1).randbytes(20_000)
    whole = packed(member("a"), member("b"), content=noise)
    for length in (1, 9, 10, 30, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        with pytest.raises(ArtifactError):
            inspect_file(file(whole[:length]))


WHOLE = gzip.decompress(GOOD["a folder"])


@given(places=st.lists(st.tuples(st.integers(0, 2600), st.integers(0, 255)), min_size=1, max_size=8))
def test_an_archive_damaged_anywhere_is_taken_or_refused_but_never_breaks_the_look(tmp_path_factory, places):
    damaged = bytearray(WHOLE)
    for place, value in places:
        damaged[place] = value
    path = tmp_path_factory.getbasetemp() / "damaged.tar.gz"
    path.write_bytes(gzip.compress(bytes(damaged), 1))
    try:
        assert len(inspect_file(path)) == 64
    except ArtifactError:
        return
