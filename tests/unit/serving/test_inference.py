"""The contract of SageMaker's inference toolkits."""

import json
from pathlib import Path

import pytest

from modelward.core.errors import ArtifactError
from modelward.serving.inference import Answer, Inference

DOUBLE = """
class Model:
    def predict(self, rows): return [[2 * float(cell) for cell in row] for row in rows]
def model_fn(folder): return Model()
"""


def load(tmp_path: Path, code: str) -> Inference:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text(code)
    return Inference.load(tmp_path)


def test_json_goes_in_and_out_without_a_line_of_the_models_own(tmp_path: Path) -> None:
    answer = load(tmp_path, DOUBLE).answer(b"[[1, 2], [3, 4]]", "application/json; charset=utf-8", "*/*")
    assert answer == Answer(200, b"[[2.0, 4.0], [6.0, 8.0]]", "application/json")


def test_csv_goes_in_and_out_without_a_line_of_the_models_own(tmp_path: Path) -> None:
    answer = load(tmp_path, DOUBLE).answer("\ufeff1,2\n3,4\n".encode(), "text/csv", "text/csv")
    assert answer == Answer(200, b"2.0,4.0\n6.0,8.0\n", "text/csv")


def test_npy_goes_in_and_out_where_numpy_is_installed(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    import io

    out = io.BytesIO()
    numpy.save(out, numpy.array([[1.0]]))
    answer = load(tmp_path, DOUBLE).answer(out.getvalue(), "application/x-npy", "application/x-npy")
    assert numpy.load(io.BytesIO(answer.body)).tolist() == [[2.0]]


def test_a_pickle_inside_an_npy_request_is_refused(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    import io

    out = io.BytesIO()
    numpy.save(out, numpy.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        load(tmp_path, DOUBLE).answer(out.getvalue(), "application/x-npy", "*/*")


def test_numpy_predictions_are_written_as_json(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    code = "import numpy\ndef model_fn(folder): return lambda data: {'label': numpy.int64(3), 'all': numpy.array([1])}"
    assert json.loads(load(tmp_path, code).answer(b"[]", "application/json", "").body) == {"label": 3, "all": [1]}


def test_a_model_without_predict_is_called(tmp_path: Path) -> None:
    code = "def model_fn(folder): return lambda rows: len(rows)"
    assert load(tmp_path, code).answer(b"[1, 2, 3]", "application/json", "*/*").body == b"3"


def test_the_models_own_functions_are_used_for_types_that_have_no_default(tmp_path: Path) -> None:
    code = """
def model_fn(folder): return "m"
def input_fn(body, content_type): return [content_type, body]
def predict_fn(data, model): return [*data, model]
def output_fn(prediction, accept): return repr((*prediction, accept)), "text/plain"
"""
    answer = load(tmp_path, code).answer(b"\x01", "image/png", "text/html")
    assert answer == Answer(200, b"('image/png', b'\\x01', 'm', 'text/html')", "text/plain")


def test_an_input_fn_gets_text_for_json_and_csv_as_in_the_toolkits(tmp_path: Path) -> None:
    code = """
def model_fn(folder): return None
def input_fn(body, content_type): return type(body).__name__
def predict_fn(data, model): return data
"""
    inference = load(tmp_path, code)
    kinds = [inference.answer(b"1", kind, "*/*").body for kind in ("text/csv", "application/json", "text/plain")]
    assert kinds == [b'"str"', b'"str"', b'"bytes"']


def test_a_transform_fn_does_all_three(tmp_path: Path) -> None:
    code = """
def model_fn(folder): return 7
def transform_fn(model, body, content_type, accept): return f"{model} {body!r} {content_type} {accept}", accept
"""
    answer = load(tmp_path, code).answer(b"x", "a/b", "c/d")
    assert answer == Answer(200, b"7 b'x' a/b c/d", "c/d")


@pytest.mark.parametrize("out", ["bytearray(b'7')", "b'7'", "'7'", "7"])
def test_an_output_fn_may_give_text_bytes_or_plain_data(tmp_path: Path, out: str) -> None:
    code = f"def model_fn(folder): return len\ndef output_fn(prediction, accept): return {out}"
    assert load(tmp_path, code).answer(b"[]", "application/json", "*/*").body == b"7"


def test_a_type_that_nobody_reads_is_415_and_one_that_nobody_writes_is_406(tmp_path: Path) -> None:
    inference = load(tmp_path, DOUBLE)
    unread = inference.answer(b"x", "image/png", "*/*")
    unwritten = inference.answer(b"[]", "application/json", "image/png")
    assert (unread.status, unwritten.status) == (415, 406)
    assert json.loads(unread.body)["error"].startswith("Content-Type 'image/png' is not application/json")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("image/png, text/csv;q=0.5", "text/csv"),
        ("text/html, */*", "application/json"),
        ("TEXT/CSV", "text/csv"),
    ],
)
def test_the_first_type_of_an_accept_header_that_is_known_is_written(tmp_path: Path, accept: str, kind: str) -> None:
    assert load(tmp_path, DOUBLE).answer(b"[[1]]", "application/json", accept).content_type == kind


def test_model_fn_gets_the_folder_of_the_unpacked_archive(tmp_path: Path) -> None:
    (tmp_path / "weights.txt").write_text("42")
    code = "from pathlib import Path\ndef model_fn(folder): return lambda _: Path(folder, 'weights.txt').read_text()"
    assert load(tmp_path, code).answer(b"1", "application/json", "*/*").body == b'"42"'


def test_an_archive_without_inference_code_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"no code/inference\.py"):
        Inference.load(tmp_path)


def test_inference_code_without_model_fn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no model_fn"):
        load(tmp_path, "")
