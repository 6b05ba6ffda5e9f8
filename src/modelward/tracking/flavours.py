"""The frameworks whose models are known, and how each writes a model so that its `code` finds it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from modelward.core.errors import InputError

_CODE = "modelward.tracking.code"
_STEP = "Write it to a file by its framework's own means and register that, or pack a model.tar.gz yourself."


@dataclass(frozen=True, slots=True)
class Flavour:
    """A way to write a model.

    Args:
        name: What people call it.
        code: The module of `code` that loads it.
        packages: The distributions that loading it needs, beside NumPy.
        save: Writes a model into a folder; is given the sample too.
    """

    name: str
    code: str
    packages: tuple[str, ...]
    save: Callable[[Any, Path, Any], None]

    @property
    def is_pickled(self) -> bool:
        """Whether a model is written as Python objects, which are found again only where their modules are."""
        return self.code in ("joblib", "pickle")

    @property
    def inference(self) -> str:
        """The text of `code/inference.py`: how requests are read and answered, and how the model predicts."""
        formats, own = (files(_CODE).joinpath(f"{name}.py").read_text("utf-8") for name in ("formats", self.code))
        return f"{formats}\n\n{own[own.index('def model_fn') :]}"


def flavour_of(model: Any) -> Flavour:
    """Find the flavour of a model in memory, or of one that was written to a file or folder.

    Raises:
        InputError: it is nothing that could be served.
    """
    if isinstance(model, str | Path):
        return _of_file(Path(model))
    bases = type(model).__mro__
    roots = {base.__module__.partition(".")[0] for base in bases}
    names = {f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in bases}
    known = (flavour for needed, flavour in _KNOWN if needed in names or needed in roots)
    found = next(known, None)
    if found is None and not (callable(model) or hasattr(model, "predict")):
        rule = "a model predicts, or can be called"
        raise InputError("model", found=f"a {type(model).__name__}", rule=rule, next_step=_STEP)
    return found or _PICKLE


def _of_file(path: Path) -> Flavour:
    if not path.exists():
        raise InputError(f"model {path}", found="nothing there", rule="it is a model, or the path of one")
    flavour = _SAVED_MODEL if (path / "saved_model.pb").is_file() else _BY_SUFFIX.get(path.suffix.lower())
    if flavour is None:
        rule = f"a file of a model ends in one of {', '.join(sorted(_BY_SUFFIX))}, or is the folder of a SavedModel"
        raise InputError(f"model {path}", found="of an unknown kind", rule=rule, next_step=_STEP)
    return flavour


def _copy(model: Any, target: Path) -> bool:
    """Copy a model that is a file or folder already."""
    if not isinstance(model, str | Path):
        return False
    if Path(model).is_dir():
        shutil.copytree(model, target)
    else:
        shutil.copyfile(model, target)
    return True


def _save_joblib(model: Any, folder: Path, _sample: Any) -> None:
    if not _copy(model, folder / "model.joblib"):
        import joblib

        joblib.dump(model, folder / "model.joblib")


def _save_pickle(model: Any, folder: Path, _sample: Any) -> None:
    if not _copy(model, folder / "model.pkl"):
        import pickle

        with (folder / "model.pkl").open("wb") as file:
            pickle.dump(model, file, protocol=4)  # what Python 3.8 reads too


def _save_xgboost(model: Any, folder: Path, _sample: Any) -> None:
    model.save_model(folder / "model.ubj")


def _save_lightgbm(model: Any, folder: Path, _sample: Any) -> None:
    model.save_model(folder / "model.txt")


def _save_onnx(model: Any, folder: Path, _sample: Any) -> None:
    if not _copy(model, folder / "model.onnx"):
        (folder / "model.onnx").write_bytes(model.SerializeToString())


def _save_torchscript(model: Any, folder: Path, _sample: Any) -> None:
    if not _copy(model, folder / "model.pt"):
        model.save(str(folder / "model.pt"))


def _save_pytorch(model: Any, folder: Path, sample: Any) -> None:
    """Export the program: a pickled module would need the very code that defined it.

    Two rows at least are traced, for a dimension of one would be taken for a constant (`torch.export`).
    """
    if _copy(model, folder / "model.pt2"):
        return
    import torch

    rows = torch.as_tensor(sample)
    rows = rows if len(rows) > 1 else torch.cat([rows, rows])
    program = torch.export.export(model.eval(), (rows,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.export.save(program, folder / "model.pt2")


def _save_tensorflow(model: Any, folder: Path, _sample: Any) -> None:
    if _copy(model, folder / "model"):
        return
    if hasattr(model, "export"):
        model.export(str(folder / "model"), verbose=False)
    else:
        import tensorflow as tf

        tf.saved_model.save(model, str(folder / "model"))


_JOBLIB = Flavour("joblib", "joblib", ("joblib",), _save_joblib)
_SKLEARN = Flavour("scikit-learn", "joblib", ("joblib", "scikit-learn"), _save_joblib)
_LIGHTGBM_SKLEARN = Flavour("lightgbm", "joblib", ("joblib", "lightgbm", "scikit-learn"), _save_joblib)
_PICKLE = Flavour("pickle", "pickle", (), _save_pickle)
_XGBOOST = Flavour("xgboost", "xgboost", ("xgboost",), _save_xgboost)
_LIGHTGBM = Flavour("lightgbm", "lightgbm", ("lightgbm",), _save_lightgbm)
_ONNX = Flavour("onnx", "onnx", ("onnxruntime",), _save_onnx)
_TORCHSCRIPT = Flavour("torchscript", "torchscript", ("torch",), _save_torchscript)
_PYTORCH = Flavour("pytorch", "pytorch", ("torch",), _save_pytorch)
_SAVED_MODEL = Flavour("tensorflow", "tensorflow", ("tensorflow",), _save_tensorflow)

# The first that fits: models of XGBoost and LightGBM with scikit-learn's interface are of scikit-learn, too.
_KNOWN: tuple[tuple[str, Flavour], ...] = (
    ("xgboost.XGBModel", _XGBOOST),
    ("xgboost.Booster", _XGBOOST),
    ("lightgbm.LGBMModel", _LIGHTGBM_SKLEARN),
    ("lightgbm.Booster", _LIGHTGBM),
    ("sklearn", _SKLEARN),
    ("onnx.ModelProto", _ONNX),
    ("torch.ScriptModule", _TORCHSCRIPT),
    ("torch.Module", _PYTORCH),
    ("keras", _SAVED_MODEL),
    ("tensorflow", _SAVED_MODEL),
)
_BY_SUFFIX = {
    ".joblib": _JOBLIB,
    ".onnx": _ONNX,
    ".pickle": _PICKLE,
    ".pkl": _PICKLE,
    ".pt": _TORCHSCRIPT,
    ".pt2": _PYTORCH,
}
