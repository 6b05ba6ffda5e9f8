"""Training runs end in a version that says where it came from, and whose model answers."""

import hashlib
from copy import copy
from pathlib import Path
from types import SimpleNamespace

import moto.s3.models
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.naive_bayes import GaussianNB

from modelward.core.errors import InputError, IntegrityError, NotFoundError
from modelward.core.names import record_key
from modelward.tracking.run import Run

IMAGE = "1.dkr.ecr.eu-west-1.amazonaws.com/serve:1"
IMAGES, LABELS = load_digits(return_X_y=True)
JOB = "arn:aws:sagemaker:eu-west-1:123456789012:training-job/digits-7"


@pytest.fixture
def run(world):
    world.use(world.declaration.replace("[models.digits]\n", f'[models.digits]\nimage = "{IMAGE}"\n'))
    return Run(world.digits, {"TRAINING_JOB_ARN": JOB, "SM_HPS": '{"var_smoothing": 1e-9}'}, world.context.clock)


@pytest.fixture
def model():
    return GaussianNB().fit(IMAGES, LABELS)


def test_a_run_registers_its_model_with_all_that_it_was_told_and_noticed(world, run, model, tmp_path):
    (tmp_path / "train.csv").write_text("1,2\n")
    dataset = run.log_dataset("digits", tmp_path / "train.csv", version="1.0")
    run.log_parameters(kind="bayes", seed=np.random.default_rng)
    run.log_metrics({"accuracy": 0.9}, log_loss=0.3)
    run.log_metrics(accuracy=0.95)
    world.pause(60)
    version = run.register(model, sample=IMAGES[:3], notes="baseline")
    assert (version.image, version.notes, version.lineage.run) == (IMAGE, "baseline", JOB)
    assert version.metrics == {"accuracy": 0.95, "log_loss": 0.3}
    assert version.lineage.dataset == dataset
    record = version.record()
    assert record["parameters"].keys() == {"kind", "seed", "var_smoothing", "priors"}
    assert record["parameters"]["kind"] == "bayes"
    assert record["datasets"] == [{"name": "digits", "version": "1.0", "uri": dataset.uri, "sha256": dataset.sha256}]
    assert record["schema"]["input"] == {"dtype": "float64", "shape": [None, 64]}
    assert record["packages"]["scikit-learn"]
    assert record["duration_s"] >= 60
    assert record["job"] == {"job": JOB}


def test_the_container_finds_the_code_and_the_sample_is_the_smoke_test(world, run, model):
    version = run.register(model, sample=IMAGES[:3])
    told = world.sagemaker.describe_model_package(ModelPackageName=version.arn)
    assert told["InferenceSpecification"]["Containers"][0]["Environment"] == {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    }
    assert version.package.smoke
    assert run.register(model, sample=IMAGES[:3], is_smoke_tested=False).package.smoke == ""


def test_a_script_that_is_run_again_registers_no_second_version(world, run, model):
    first = run.register(model, sample=IMAGES[:3])
    world.pause(600)
    assert run.register(model, sample=IMAGES[:3]).version == first.version
    run.log_metrics(accuracy=0.5)
    assert run.register(model, sample=IMAGES[:3]).version == first.version + 1


def test_an_archive_is_registered_as_it_is_and_asks_for_no_sample(world, run):
    path = world.pack("model.tar.gz")
    version = run.register(path, image="other:1")
    assert version.image == "other:1"
    assert version.record()["schema"] == {}


def test_nothing_is_registered_without_a_sample_or_an_image(world, run, model):
    with pytest.raises(InputError, match=r"register\(model, sample=X\[:5\]\)"):
        run.register(model)
    world.use(world.declaration)
    with pytest.raises(InputError, match='image = "…" in the table of the model'):
        Run(world.digits, {}, world.context.clock).register(model, sample=IMAGES[:3])
    assert list(world.digits.versions()) == []


def test_a_figure_that_is_no_number_keeps_the_run_from_registering(world, run, model):
    run.log_metrics(accuracy=float("nan"))
    with pytest.raises(InputError, match="metric accuracy"):
        run.register(model, sample=IMAGES[:3])
    assert list(world.digits.versions()) == []


def test_a_record_that_somebody_replaced_or_deleted_is_not_believed(world, run, model):
    version = run.register(model, sample=IMAGES[:3])
    place = {"Bucket": world.settings.bucket, "Key": record_key("digits", version.sha256, version.package.record)}
    world.client("s3").put_object(**place, Body=b"{}")
    with pytest.raises(IntegrityError):
        version.record()
    world.client("s3").delete_object(**place)
    with pytest.raises(NotFoundError):
        version.record()


def test_a_version_that_was_registered_by_other_means_has_no_record(world):
    with pytest.raises(NotFoundError, match=r"modelward\.track"):
        world.register().record()


def test_a_dataset_is_where_its_path_is_unless_it_says_otherwise(world, run, tmp_path):
    (tmp_path / "a.csv").write_text("1")
    assert run.log_dataset("a", tmp_path / "a.csv").uri == Path(tmp_path / "a.csv").as_uri()
    assert run.log_dataset("b", uri="https://example.com/b.csv").sha256 == ""


@pytest.fixture
def put(world):
    world.client("s3").create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return lambda key, body: world.client("s3").put_object(Bucket="data", Key=key, Body=body)


def test_data_in_s3_have_a_digest_that_tells_names_and_contents_apart(run, put):
    def digest(uri="s3://data/train"):
        return run.log_dataset("digits", uri=uri).sha256

    for key, body in {"train/a.csv": b"1", "train/b/c.csv": b"2", "train.csv": b"3", "train/": b""}.items():
        put(key, body)
    lines = [f"{hashlib.md5(body).hexdigest()}  1  {name}\n" for name, body in (("a.csv", b"1"), ("b/c.csv", b"2"))]
    first = digest()
    assert first == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert digest("s3://data/train/") == first
    assert digest("s3://data/train/a.csv") == hashlib.sha256(lines[0].encode()).hexdigest()
    put("copy/train/a.csv", b"1")
    put("copy/train/b/c.csv", b"2")
    assert digest("s3://data/copy/train/") == first
    put("train/a.csv", b"4")
    changed = digest()
    put("train/d.csv", b"")
    assert len({first, changed, digest()}) == 3


def test_ten_thousand_objects_cost_a_call_for_each_thousand(world, run, put):
    contents = moto.s3.models.s3_backends["123456789012"]["aws"].buckets
    put("train/0.csv", b"1")
    one = contents["data"].keys["train/0.csv"]
    for number in range(1, 10_000):
        contents["data"].keys[f"train/{number}.csv"] = alike = copy(one)
        alike.name = f"train/{number}.csv"
    since = len(world.calls)
    assert run.log_dataset("digits", uri="s3://data/train/").sha256
    assert [name for _, name in world.calls[since:]] == ["ListObjectsV2"] * 10


def test_data_that_are_not_there_are_not_logged(run, put):
    with pytest.raises(InputError, match="s3://data/gone: nothing there"):
        run.log_dataset("digits", uri="s3://data/gone")
    with pytest.raises(NotFoundError, match="nowhere"):
        run.log_dataset("digits", uri="s3://nowhere/train/")
    assert run.datasets == []


def test_who_may_not_list_the_data_logs_them_without_a_digest(world, run):
    def refuse(**_):
        answer = {"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}
        return SimpleNamespace(status_code=403, headers={}), answer

    world.client("s3").meta.events.register_first("before-call.s3.ListObjectsV2", refuse)
    try:
        assert run.log_dataset("digits", uri="s3://data/train").sha256 == ""
    finally:
        world.client("s3").meta.events.unregister("before-call.s3.ListObjectsV2", refuse)


def test_of_several_datasets_the_first_stands_on_the_version_and_all_in_the_record(world, run, put):
    put("train.csv", b"1")
    first = run.log_dataset("train", uri="s3://data/train.csv")
    run.log_dataset("weather", uri="https://example.com/weather", version="7")
    version = run.register(world.pack("model.tar.gz"), image=IMAGE)
    assert version.refresh().lineage.dataset == first
    assert [each["name"] for each in version.record()["datasets"]] == ["train", "weather"]
