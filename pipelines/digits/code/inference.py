"""Serve a scikit-learn model in SageMaker's contract: load, read a request, predict, write the answer.

Loading runs whatever the file says, as joblib files do: only load what was registered by people you trust.
"""

import json
from pathlib import Path

import joblib
import numpy as np


def model_fn(model_dir):
    """Load the model."""
    return joblib.load(Path(model_dir) / "model.joblib")


def input_fn(body, content_type):
    """Read rows of 64 pixels, as JSON lists or CSV lines."""
    text = body.decode() if isinstance(body, bytes) else body
    if content_type == "application/json":
        return np.asarray(json.loads(text), dtype=float).reshape(-1, 64)
    if content_type == "text/csv":
        return np.atleast_2d(np.loadtxt(text.splitlines(), delimiter=","))
    raise ValueError(f"{content_type} is not understood; send application/json or text/csv")


def predict_fn(data, model):
    """Predict a digit for each row."""
    return model.predict(data)


def output_fn(prediction, accept):
    """Write the digits as JSON, or one to a line."""
    if accept == "text/csv":
        return "\n".join(str(digit) for digit in prediction), accept
    return json.dumps([int(digit) for digit in prediction]), "application/json"
