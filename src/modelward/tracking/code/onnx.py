"""Models in ONNX, run by onnxruntime on the processor."""

from pathlib import Path
from typing import Any


def model_fn(model_dir: str) -> Any:
    """Load the model."""
    import onnxruntime

    return onnxruntime.InferenceSession(str(Path(model_dir) / "model.onnx"), providers=["CPUExecutionProvider"])


def predict_fn(data: Any, model: Any) -> Any:
    """Predict for rows; several outputs come by their names."""
    (first, *_), outputs = model.get_inputs(), [output.name for output in model.get_outputs()]
    answers = model.run(outputs, {first.name: data})
    return answers[0] if len(answers) == 1 else {name: answers[place] for place, name in enumerate(outputs)}
