"""Models that are pickled: whatever predicts, or can be called."""

from pathlib import Path
from typing import Any


def model_fn(model_dir: str) -> Any:
    """Load the model."""
    import pickle

    with (Path(model_dir) / "model.pkl").open("rb") as file:
        return pickle.load(file)  # noqa: S301  # the archive's digest was compared with the registered one


def predict_fn(data: Any, model: Any) -> Any:
    """Predict for rows."""
    return model.predict(data) if hasattr(model, "predict") else model(data)
