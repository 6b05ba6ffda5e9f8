"""Models of XGBoost, in its own format: boosters and those with scikit-learn's interface."""

from pathlib import Path
from typing import Any

from modelward.tracking.code.formats import SCHEMA


def model_fn(model_dir: str) -> Any:
    """Load the model as the class that it was."""
    import xgboost

    model = getattr(xgboost, SCHEMA["class"])()
    model.load_model(str(Path(model_dir) / "model.ubj"))
    return model


def predict_fn(data: Any, model: Any) -> Any:
    """Predict for rows."""
    import xgboost

    return model.predict(xgboost.DMatrix(data) if isinstance(model, xgboost.Booster) else data)
