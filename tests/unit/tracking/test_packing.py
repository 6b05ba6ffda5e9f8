"""Models of each framework become archives that answer, twice the same, and nothing else does."""

import hashlib
import json
import subprocess
import sys
import tarfile
from importlib.metadata import packages_distributions, version
from pathlib import Path

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from modelward.core.errors import InputError
from modelward.services.archive import inspect_file
from modelward.tracking.packing import pack

IMAGES, LABELS = load_digits(return_X_y=True)
FRAME = pd.DataFrame({"age": [30.5, 41.0, None, 22.0], "city": ["x", "y", "x", "y"], "visits": [1, 2, 3, 4]})
[XGBOOST] = packages_distributions()["xgboost"]  # xgboost-cpu on Linux
NUMBERS = {"dtype": "float64", "shape": [None, 64]}


def booster():
    data = xgboost.DMatrix(IMAGES, LABELS)
    return xgboost.train({"objective": "multi:softprob", "num_class": 10, "nthread": 1}, data, num_boost_round=2)


def packed(tmp_path, model, sample, **more):
    folder = tmp_path / f"packed-{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    return pack(model, sample, folder, **more)


def members(archive):
    with tarfile.open(archive) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


@pytest.mark.parametrize(
    ("train", "file", "needs"),
    [
        (lambda: GaussianNB().fit(IMAGES, LABELS), "model.joblib", {"joblib", "numpy", "scikit-learn"}),
        (lambda: xgboost.XGBClassifier(n_estimators=2, n_jobs=1).fit(IMAGES, LABELS), "model.ubj", {"numpy", XGBOOST}),
        (booster, "model.ubj", {"numpy", XGBOOST}),
        (
            lambda: lightgbm.LGBMClassifier(n_estimators=2, n_jobs=1, verbose=-1).fit(IMAGES, LABELS),
            "model.joblib",
            {"joblib", "lightgbm", "numpy", "scikit-learn"},
        ),
        (
            lambda: lightgbm.train(
                {"num_threads": 1, "verbose": -1}, lightgbm.Dataset(IMAGES, LABELS), num_boost_round=2
            ),
            "model.txt",
            {"lightgbm", "numpy"},
        ),
    ],
    ids=["scikit-learn", "xgboost", "xgboost booster", "lightgbm", "lightgbm booster"],
)
def test_a_model_answers_the_sample_where_the_script_is_not_as_it_does_here(tmp_path, train, file, needs):
    model = train()
    made = packed(tmp_path, model, IMAGES[:3])
    given = xgboost.DMatrix(IMAGES[:3]) if isinstance(model, xgboost.Booster) else IMAGES[:3]
    assert np.allclose(made.smoke.expected, model.predict(given), atol=made.smoke.tolerance)
    assert made.smoke.payload == IMAGES[:3].tolist()
    assert made.schema["input"] == NUMBERS
    inside = members(made.archive)
    assert sorted(inside) == sorted([file, *(f"code/{n}" for n in ("inference.py", "requirements.txt", "schema.json"))])
    assert json.loads(inside["code/schema.json"]) == made.schema
    pins = dict(line.split("==") for line in inside["code/requirements.txt"].decode().splitlines())
    assert pins == {name: version(name) for name in needs}


def test_the_same_model_gives_the_same_bytes_and_another_one_others(tmp_path):
    model = GaussianNB().fit(IMAGES, LABELS)
    one, again = (packed(tmp_path, model, IMAGES[:2]).archive for _ in range(2))
    other = packed(tmp_path, GaussianNB().fit(IMAGES[:900], LABELS[:900]), IMAGES[:2]).archive
    assert one.read_bytes() == again.read_bytes() != other.read_bytes()
    assert inspect_file(one) == hashlib.sha256(again.read_bytes()).hexdigest()


def test_a_data_frame_comes_back_with_its_columns_and_types(tmp_path):
    encoder = make_column_transformer((OneHotEncoder(), ["city"]), remainder="drop")
    model = make_pipeline(encoder, LogisticRegression()).fit(FRAME, [0, 1, 0, 1])
    made = packed(tmp_path, model, FRAME)
    assert made.smoke.expected == [0, 1, 0, 1]
    assert made.schema["input"] == {
        "columns": [
            {"name": "age", "dtype": "float64"},
            {"name": "city", "dtype": "object"},
            {"name": "visits", "dtype": "int64"},
        ]
    }
    assert made.smoke.payload[2] == [None, "x", 3]


def test_onnx_is_run_by_onnxruntime_and_names_its_outputs(tmp_path):
    classifier = GaussianNB().fit(IMAGES, LABELS)
    model = to_onnx(classifier, IMAGES[:1].astype(np.float32), options={"zipmap": False})
    made = packed(tmp_path, model, IMAGES[:3].astype(np.float32))
    assert made.smoke.expected["label"] == classifier.predict(IMAGES[:3]).tolist()
    assert made.schema["input"]["dtype"] == "float32"
    assert "onnxruntime==" in members(made.archive)["code/requirements.txt"].decode()


def test_a_file_of_a_model_is_packed_as_the_model_would_be(tmp_path):
    model = GaussianNB().fit(IMAGES, LABELS)
    joblib.dump(model, tmp_path / "kept.joblib")
    made = packed(tmp_path, tmp_path / "kept.joblib", IMAGES[:3])
    assert made.smoke.expected == model.predict(IMAGES[:3]).tolist()
    assert members(made.archive)["model.joblib"] == (tmp_path / "kept.joblib").read_bytes()


OWN = """
class Threshold:
    def __init__(self, at): self.at = at
    def predict(self, rows): return [int(row[0] > self.at) for row in rows]
"""


def test_a_model_of_ones_own_needs_its_code_which_is_packed_where_it_is_named(tmp_path):
    (tmp_path / "thresholds.py").write_text(OWN)
    script = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from thresholds import Threshold
from modelward.core.errors import InputError
from modelward.tracking.packing import pack
folder = Path(sys.argv[1])
try:
    pack(Threshold(2), [[1], [3]], folder / "one")
except InputError as error:
    print(error)
print(pack(Threshold(2), [[1], [3]], folder / "two", code=[folder / "thresholds.py"]).smoke.expected)
"""
    said = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True).stdout
    assert "No module named 'thresholds'" in said
    assert "code=['features.py']" in said
    assert said.endswith("[0, 1]\n")
    assert members(tmp_path / "two" / "model.tar.gz")["code/thresholds.py"].decode() == OWN


@pytest.mark.parametrize(
    ("model", "sample", "found"),
    [
        (lambda rows: rows, [[1]], "cannot be written"),
        (3, [[1]], "a int"),
        ("nowhere.pkl", [[1]], "nothing there"),
        (np.sum, [], "no rows"),
        (np.sum, 7, "7"),
        (np.sum, [[1], [2, 3]], "inhomogeneous"),
        (np.sum, [[object()]], "not JSON serializable"),
        (int, [["text"]], "TypeError"),
    ],
    ids=["unpicklable", "no model", "no file", "empty", "no array", "ragged", "no JSON", "raises"],
)
def test_what_cannot_be_served_is_refused_and_says_why(tmp_path, model, sample, found):
    with pytest.raises(InputError, match=found):
        packed(tmp_path, model, sample)


def test_a_file_of_no_known_kind_is_refused(tmp_path):
    (tmp_path / "model.docx").write_text("weights")
    with pytest.raises(InputError, match=r"ends in one of \.joblib, \.onnx"):
        packed(tmp_path, tmp_path / "model.docx", [[1]])


def test_code_that_is_not_there_is_refused_and_folders_come_whole(tmp_path):
    with pytest.raises(InputError, match="nothing there"):
        packed(tmp_path, np.sum, [[1]], code=["nowhere.py"])
    (tmp_path / "features" / "__pycache__").mkdir(parents=True)
    (tmp_path / "features" / "__init__.py").write_text("")
    (tmp_path / "features" / "__pycache__" / "x.pyc").write_text("")
    made = packed(tmp_path, np.sum, [[1, 2]], code=[tmp_path / "features"])
    assert [name for name in members(made.archive) if "features" in name] == ["code/features/__init__.py"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"instances": [[1, 2], [3, 4]]}'),
        ("text/csv; charset=utf-8", b"1,2\n3,4\n"),
        ("application/json", b"[[1, 2], [3, 4]]"),
    ],
)
def test_the_inference_code_takes_what_sagemaker_clients_send(tmp_path, kind, body):
    made = packed(tmp_path, np.sum, [[1.0, 2.0]])
    assert call(made.archive.parent / "content", kind, body, "application/json") == "10.0"


def test_the_inference_code_answers_csv_where_it_is_asked_for(tmp_path):
    made = packed(tmp_path, np.negative, [[1.0, 2.0]])
    assert call(made.archive.parent / "content", "text/csv", b"1,2\n3,4", "text/csv") == "-1.0,-2.0\n-3.0,-4.0\n"


def test_the_inference_code_refuses_other_types_by_their_name(tmp_path):
    made = packed(tmp_path, np.sum, [[1.0, 2.0]])
    with pytest.raises(subprocess.CalledProcessError) as failed:
        call(made.archive.parent / "content", "image/png", b"", "text/csv")
    assert "'image/png' is none of application/json, text/csv and application/x-npy" in failed.value.stderr


def call(content: Path, kind: str, body: bytes, accept: str) -> str:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1] + '/code'); import inference as i\n"
        "data = i.input_fn(sys.stdin.buffer.read(), sys.argv[2])\n"
        "print(i.output_fn(i.predict_fn(data, i.model_fn(sys.argv[1])), sys.argv[3]), end='')"
    )
    command = [sys.executable, "-c", script, content, kind, accept]
    return subprocess.run(command, input=body.decode(), capture_output=True, text=True, check=True).stdout
