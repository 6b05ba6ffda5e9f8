"""Boosters of LightGBM, in its own format."""

from pathlib import Path
from typing import Any


def model_fn(model_dir: str) -> Any:
    """Load the model."""
    import lightgbm

    return lightgbm.Booster(model_file=str(Path(model_dir) / "model.txt"))


def predict_fn(data: Any, model: Any) -> Any:
    """Predict for rows."""
    return model.predict(data)
