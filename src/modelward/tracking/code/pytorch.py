"""Models of PyTorch as exported programs, which need none of the code that made them."""

from pathlib import Path
from typing import Any


def model_fn(model_dir: str) -> Any:
    """Load the model."""
    import torch

    return torch.export.load(str(Path(model_dir) / "model.pt2")).module()


def predict_fn(data: Any, model: Any) -> Any:
    """Predict for rows."""
    import torch

    with torch.inference_mode():
        return model(torch.as_tensor(data)).numpy()
