"""Models that joblib writes: scikit-learn's, and others that keep to its interface."""

from pathlib import Path
from typing import Any


def model_fn(model_dir: str) -> Any:
    """Load the model."""
    import joblib

    return joblib.load(Path(model_dir) / "model.joblib")


def predict_fn(data: Any, model: Any) -> Any:
    """Predict for rows."""
    return model.predict(data)
