"""Models of PyTorch as TorchScript."""

from pathlib import Path
from typing import Any


def model_fn(model_dir: str) -> Any:
    """Load the model, ready to predict."""
    import torch

    return torch.jit.load(str(Path(model_dir) / "model.pt"), map_location="cpu").eval()


def predict_fn(data: Any, model: Any) -> Any:
    """Predict for rows."""
    import torch

    with torch.inference_mode():
        return model(torch.as_tensor(data)).numpy()
