"""Serve a scikit-learn model to the new app, which sends {"pixels": [...]}: tried with nothing else.

The model is as good as ever, and loads; but callers send bare rows, and each of their calls fails. `modelward demo`
shows what becomes of a version like this.
"""

import json
from pathlib import Path

import joblib
import numpy as np


def model_fn(model_dir):
    """Load the model."""
    return joblib.load(Path(model_dir) / "model.joblib")


def input_fn(body, content_type):
    """Read what the new app sends."""
    if content_type != "application/json":
        raise ValueError(f"{content_type} is not understood; send application/json")
    return np.asarray(json.loads(body)["pixels"], dtype=float).reshape(-1, 64)


def predict_fn(data, model):
    """Predict a digit for each row."""
    return model.predict(data)


def output_fn(prediction, _accept):
    """Write the digits as JSON."""
    return json.dumps([int(digit) for digit in prediction]), "application/json"
