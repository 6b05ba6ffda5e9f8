"""Frameworks whose packages are too large for every run: tested where somebody has installed them.

pip install torch        (or tensorflow)
"""

from pathlib import Path

import numpy as np
import pytest

from modelward.tracking.packing import Packed, pack

ROWS = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)


def packed(tmp_path: Path, model: object, rows: np.ndarray = ROWS) -> Packed:
    folder = tmp_path / f"packed-{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    return pack(model, rows, folder)


@pytest.fixture
def network():
    torch = pytest.importorskip("torch")
    return torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Softmax(dim=1))


@pytest.mark.filterwarnings("ignore")  # of the framework itself
@pytest.mark.parametrize("rows", [1, 3])
def test_a_module_of_pytorch_is_exported_and_answers_any_number_of_rows(tmp_path, network, rows):
    made = packed(tmp_path, network, ROWS[:rows])
    expected = network(pytest.importorskip("torch").as_tensor(ROWS[:rows])).tolist()
    assert np.allclose(made.smoke.expected, expected, atol=1e-5)
    assert made.schema["flavour"] == "pytorch"
    assert packed(tmp_path, network, ROWS[:rows]).archive.read_bytes() == made.archive.read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_torchscript_is_kept_as_it_is(tmp_path, network):
    torch = pytest.importorskip("torch")
    script = torch.jit.script(network)
    made = packed(tmp_path, script)
    assert np.allclose(made.smoke.expected, network(torch.as_tensor(ROWS)).tolist(), atol=1e-5)
    script.save(tmp_path / "kept.pt")
    assert packed(tmp_path, tmp_path / "kept.pt").smoke.expected == made.smoke.expected


@pytest.mark.filterwarnings("ignore")
def test_a_model_of_keras_becomes_a_saved_model(tmp_path):
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    made = packed(tmp_path, model)
    assert np.allclose(made.smoke.expected, np.asarray(model(ROWS)), atol=1e-5)
    assert made.schema["flavour"] == "tensorflow"
