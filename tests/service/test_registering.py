"""Registering: what is recorded, once, under numbers of their own; and what is refused before anything is changed."""

import hashlib
import io
import json
import math
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest

import modelward
from modelward.core.errors import ArtifactError, AwsError, InputError, ModelwardError, NotFoundError
from modelward.services.registration import Submission

IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"


def test_a_version_carries_all_that_was_said_and_seen(world):
    path = world.pack("model.tar.gz")
    dataset = modelward.Dataset(name="digits", version="1.0", uri="s3://data/digits.csv", sha256="ab" * 32)
    version = world.digits.register(
        path, IMAGE, {"accuracy": 0.973, "log_loss": 0.11, "epochs": 12}, dataset=dataset,
        notes="baseline: 10 % more data, naïve", metadata={"team": "vision"}, run="arn:aws:sagemaker:x:1:pipeline/p",
    ).refresh()  # fmt: skip

    assert (version.version, version.approval_status, version.stage) == (1, "PendingManualApproval", None)
    assert version.metrics == {"accuracy": 0.973, "log_loss": 0.11, "epochs": 12.0}
    assert version.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert version.artifact_uri == f"s3://acme-models/models/digits/{version.sha256}/model.tar.gz"
    assert version.image == IMAGE
    assert version.notes == "baseline: 10 % more data, naïve"
    assert version.lineage.dataset == dataset
    assert version.lineage.run.endswith("pipeline/p")
    assert version.lineage.trained_at.isoformat() == "2023-11-14T22:13:20+00:00"
    assert version.package.metadata["team"] == "vision"
    assert version.created_by.startswith("arn:aws:")


def test_the_metrics_file_holds_all_figures_and_its_digest_is_on_the_version(world):
    version = world.register(0.97)
    answer = world.sagemaker.describe_model_package(ModelPackageName=version.arn)
    statistics = answer["ModelMetrics"]["ModelQuality"]["Statistics"]
    bucket, key = statistics["S3Uri"].removeprefix("s3://").split("/", 1)
    text = world.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()

    assert json.loads(text)["metrics"]["accuracy"] == {"value": 0.97}
    assert statistics["ContentDigest"] == "sha256:" + hashlib.sha256(text).hexdigest()


def test_registering_the_same_twice_gives_one_version(world):
    once = world.register(0.97, notes="a retried job")
    since = len(world.calls)
    again = world.register(0.97, notes="a retried job")

    assert again.arn == once.arn
    assert world.changing(since) == []
    assert len(world.digits.versions()) == 1


OTHERS = [{"notes": "other"}, {"metadata": {"team": "x"}}, {"run": "r"}, {"log_loss": 0.1}]


@pytest.mark.parametrize("change", OTHERS)
def test_registering_anything_else_gives_another_version(world, change):
    assert world.register(0.97).version == 1
    assert world.register(0.97, **change).version == 2


def test_the_time_of_training_alone_makes_no_other_version(world):
    world.register(0.97)
    path = world.folder / "model.tar.gz"
    path.touch()
    assert world.digits.register(path, IMAGE, {"accuracy": 0.97, "log_loss": 0.2}).version == 1


def test_processes_that_register_at_the_same_time_get_numbers_of_their_own(world):
    paths = [world.pack(f"{number}.tar.gz", f"weights {number}") for number in range(6)]
    for service in ("sagemaker", "s3"):
        world.client(service)
    assert world.context.sagemaker
    assert world.context.storage

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda path: world.digits.register(path, IMAGE, {"accuracy": 0.95}), paths))

    assert sorted(version.version for version in made) == [1, 2, 3, 4, 5, 6]
    assert len({version.sha256 for version in made}) == 6


def test_what_git_tells_is_recorded_even_from_a_branch_whose_name_sagemaker_would_refuse(world):
    person = ["-c", "user.name=ana", "-c", "user.email=ana@example.com"]
    for command in (
        ["init", "--quiet", "--initial-branch=fix#12(b)"],
        [*person, "commit", "--quiet", "--allow-empty", "--message=one"],
        ["remote", "add", "origin", "https://token@example.com/r.git"],
    ):
        subprocess.run(["git", *command], cwd=world.folder, check=True, capture_output=True)
    lineage = world.register().refresh().lineage

    assert lineage.branch == "fix_12_b_"
    assert len(lineage.commit) == 40
    assert lineage.repository == "https://example.com/r.git"
    assert lineage.is_dirty is False


def test_changes_that_are_not_committed_are_known_by_their_digest_and_make_no_second_version(world):
    person = ["-c", "user.name=ana", "-c", "user.email=ana@example.com"]
    (world.folder / "train.py").write_text("fit(1)")
    for command in (
        ["init", "--quiet"],
        ["add", "train.py"],
        [*person, "commit", "--quiet", "--message=one"],
    ):
        subprocess.run(["git", *command], cwd=world.folder, check=True, capture_output=True)
    (world.folder / "train.py").write_text("fit(2)")
    version = world.register().refresh()
    (world.folder / "train.py").write_text("fit(3)")

    assert version.lineage.diff_sha256 == digest_of_diff(b"fit(1)", b"fit(2)")
    assert version.package.to_json()["lineage"]["diff_sha256"] == version.lineage.diff_sha256
    assert world.register().version == version.version


def digest_of_diff(before, after):
    names = [hashlib.sha1(b"blob %d\0%s" % (len(text), text)).hexdigest().encode() for text in (before, after)]
    diff = (
        b"diff --git a/train.py b/train.py\nindex %s..%s 100644\n--- a/train.py\n+++ b/train.py\n"
        b"@@ -1 +1 @@\n-%s\n\\ No newline at end of file\n+%s\n\\ No newline at end of file\n"
    )
    return hashlib.sha256(diff % (*names, before, after)).hexdigest()


def test_more_metrics_than_fit_keep_those_with_a_gate_on_the_version_and_all_in_the_file(world):
    metrics = {f"metric-{number}": float(number) for number in range(60)} | {"accuracy": 0.95, "log_loss": 0.1}
    version = world.digits.register(world.pack("model.tar.gz"), IMAGE, metrics).refresh()
    assert version.metrics == {"accuracy": 0.95, "log_loss": 0.1}

    objects = world.client("s3").list_objects_v2(Bucket="acme-models")["Contents"]
    (key,) = (each["Key"] for each in objects if "metrics-" in each["Key"])
    text = world.client("s3").get_object(Bucket="acme-models", Key=key)["Body"].read()
    assert len(json.loads(text)["metrics"]) == 62


def test_as_many_pairs_as_sagemaker_keeps_leave_room_for_the_stage(world):
    version = world.register(metadata={f"key-{number}": "x" for number in range(40)})
    world.finish()
    version.approve(reason="good")
    world.finish()
    assert version.refresh().stage == "Staging"
    assert len(version.refresh().package.metadata) <= 50


def test_an_unsafe_artifact_in_s3_is_refused_by_its_uri_and_nothing_is_registered(world):
    world.client("s3").put_object(Bucket="acme-models", Key="jobs/7/model.tar.gz", Body=b"no archive")
    since = len(world.calls)
    with pytest.raises(ArtifactError, match=r"jobs/7/model\.tar\.gz: no readable gzipped tar"):
        world.digits.register("s3://acme-models/jobs/7/model.tar.gz", IMAGE, {"accuracy": 0.95})
    assert world.changing(since) == []


def test_an_artifact_in_s3_stays_where_it_is_and_gets_a_digest(world):
    data = world.pack("model.tar.gz").read_bytes()
    world.client("s3").put_object(Bucket="acme-models", Key="jobs/7/model.tar.gz", Body=data)
    version = world.digits.register("s3://acme-models/jobs/7/model.tar.gz", IMAGE, {"accuracy": 0.95}).refresh()

    assert version.artifact_uri == "s3://acme-models/jobs/7/model.tar.gz"
    assert version.sha256 == hashlib.sha256(data).hexdigest()


def test_numbers_of_numpy_are_numbers(world):
    numpy = pytest.importorskip("numpy")
    metrics = {"accuracy": numpy.float32(0.95), "log_loss": numpy.float64(0.1), "n": numpy.int64(3)}
    version = world.digits.register(world.pack("model.tar.gz"), IMAGE, metrics).refresh()
    assert version.metrics["n"] == 3.0
    assert math.isclose(version.metrics["accuracy"], 0.95, rel_tol=1e-6)


def test_progress_is_told_up_to_the_last_byte(world):
    told = []
    path = world.pack("model.tar.gz")
    world.digits.register(path, IMAGE, {}, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (path.stat().st_size, path.stat().st_size)


def test_a_plan_to_register_changes_nothing_and_is_what_registering_then_does(world):
    path = world.pack("model.tar.gz")
    plan = world.digits.plan_register(Submission(path, IMAGE, {"accuracy": 0.95}))
    assert world.changing() == []
    assert [type(change).__name__ for change in plan.changes] == ["UploadFile", "PutText", "CreateVersion"]

    world.digits.register(path, IMAGE, {"accuracy": 0.95})
    assert world.changing() == ["PutObject", "PutObject", "CreateModelPackage"]
    assert world.digits.plan_register(Submission(path, IMAGE, {"accuracy": 0.95})).is_empty


def bomb():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("../evil")
        tar.addfile(member)
    return buffer.getvalue()


# What is wrong, the class of the error, what its text names.
BAD = {
    "a missing file": ({"artifact": "no-such.tar.gz"}, ArtifactError, "no-such.tar.gz"),
    "an empty file": ({"artifact": b""}, ArtifactError, "an empty file"),
    "no gzip": ({"artifact": b"weights"}, ArtifactError, "no readable gzipped tar"),
    "a path out": ({"artifact": bomb()}, ArtifactError, "'../evil' lies outside"),
    "a missing object": ({"artifact": "s3://acme-models/none"}, NotFoundError, "'s3://acme-models/none'"),
    "a missing bucket": ({"artifact": "s3://nobody-s/model.tar.gz"}, NotFoundError, "'s3://nobody-s/model.tar.gz'"),
    "half a URI": ({"artifact": "s3://acme-models"}, InputError, "s3://BUCKET/KEY"),
    "NaN": ({"metrics": {"accuracy": math.nan}}, InputError, "metric accuracy: nan"),
    "infinity": ({"metrics": {"accuracy": math.inf}}, InputError, "metric accuracy: inf"),
    "a boolean": ({"metrics": {"accuracy": True}}, InputError, "metric accuracy: True"),
    "a text as a metric": ({"metrics": {"accuracy": "0.9"}}, InputError, "a metric is a finite number"),
    "a number beyond floats": ({"metrics": {"accuracy": 10**400}}, InputError, "a metric is a finite number"),
    "a key of metrics": ({"metadata": {"metric:x": "1"}}, InputError, "Modelward's own"),
    "our own key": ({"metadata": {"modelward:sha256": "x"}}, InputError, "'modelward:sha256'"),
    "too many pairs": ({"metadata": {f"k{n}": "v" for n in range(48)}}, InputError, "at most 50 pairs"),
    "a comma in a value": ({"metadata": {"team": "a,b"}}, InputError, "metadata team: the character ','"),
    "a bracket in a key": ({"metadata": {"a(b": "x"}}, InputError, "the character '('"),
    "an empty value": ({"metadata": {"team": ""}}, InputError, "metadata team: 0 characters"),
    "a long value": ({"metadata": {"team": "x" * 257}}, InputError, "257 characters; SageMaker takes 1 to 256"),
    "a long key": ({"metadata": {"x" * 129: "v"}}, InputError, "129 characters"),
    "a line break in notes": ({"notes": "one\ntwo"}, InputError, "notes: the character '\\n'"),
    "a control character in notes": ({"notes": "a\x07b"}, InputError, "notes: the character '\\x07'"),
    "long notes": ({"notes": "x" * 1025}, InputError, "notes: 1025 characters"),
    "a tab in the run": ({"run": "a\tb"}, InputError, "run: the character '\\t'"),
    "no image": ({"image": ""}, InputError, "image: none"),
    "a space in the image": ({"image": "a b"}, InputError, "no spaces"),
    "a long image": ({"image": "x" * 256}, InputError, "1 to 255"),
    "a dataset without a name": ({"dataset": modelward.Dataset(name="")}, InputError, "a dataset has a name"),
    "half a digest": ({"dataset": modelward.Dataset("d", sha256="ab")}, InputError, "64 hexadecimal digits"),
    "a question mark in the dataset": ({"dataset": modelward.Dataset("d", uri="s3://b/?x")}, InputError, "'?'"),
}  # fmt: skip


def test_bad_input_is_refused_with_thing_rule_and_next_step_before_anything_is_changed(world):
    for what, (change, kind, named) in BAD.items():
        given = {"artifact": world.pack("model.tar.gz"), "image": IMAGE, "metrics": {"accuracy": 0.95}} | change
        if isinstance(given["artifact"], bytes):
            path = world.folder / "bad.tar.gz"
            path.write_bytes(given["artifact"])
            given["artifact"] = path
        with pytest.raises(ModelwardError) as refused:
            world.digits.register(**given)
        assert isinstance(refused.value, kind), (what, refused.value)
        assert named in refused.value.problem, (what, refused.value)
        assert refused.value.next_step, what
    assert world.changing() == []


def test_a_bucket_that_is_gone_is_named_as_such(world):
    world.client("s3").delete_bucket(Bucket="acme-models")
    with pytest.raises(NotFoundError, match="bucket 'acme-models' does not exist"):
        world.register()
    assert world.digits.versions() == []


def test_a_large_artifact_that_s3_refuses_is_an_error_of_ours(world):
    world.client("s3").delete_bucket(Bucket="acme-models")
    path = world.folder / "large.tar.gz"
    with path.open("wb") as file:
        file.truncate(70 * 1024 * 1024)
    with pytest.raises((NotFoundError, AwsError)):
        world.context.storage.upload(path, "acme-models", "key")


def test_a_group_that_is_not_deployed_is_named(world):
    world.sagemaker.delete_model_package_group(ModelPackageGroupName="digits")
    with pytest.raises(NotFoundError, match="model package group 'digits'"):
        world.register()
