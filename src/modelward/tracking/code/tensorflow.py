"""Models of TensorFlow and Keras as SavedModel."""

from pathlib import Path
from typing import Any


def model_fn(model_dir: str) -> Any:
    """Load the model's serving signature; it keeps the model that it belongs to."""
    import tensorflow as tf

    model = tf.saved_model.load(str(Path(model_dir) / "model"))
    served = model.signatures["serving_default"]
    served.keeps = model
    return served


def predict_fn(data: Any, model: Any) -> Any:
    """Predict for rows; several outputs come by their names."""
    import tensorflow as tf

    (name, wanted), *_ = model.structured_input_signature[1].items()
    answers = model(**{name: tf.constant(data, dtype=wanted.dtype)})
    told = {each: answer.numpy() for each, answer in answers.items()}
    return next(iter(told.values())) if len(told) == 1 else told
