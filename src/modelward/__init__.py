"""Modelward: a model registry as code for AWS SageMaker.

The public face. Names are looked up on first use, because `import modelward` must cost a training script nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelward.bootstrap import connect as connect
    from modelward.bootstrap import track as track
    from modelward.core.errors import ModelwardError as ModelwardError
    from modelward.core.model_package import Dataset as Dataset
    from modelward.core.smoke import SmokeTest as SmokeTest

__version__ = "0.1.0"
__all__ = ["Dataset", "ModelwardError", "SmokeTest", "__version__", "connect", "track"]

_HOMES = {
    "Dataset": "modelward.core.model_package",
    "ModelwardError": "modelward.core.errors",
    "SmokeTest": "modelward.core.smoke",
    "connect": "modelward.bootstrap",
    "track": "modelward.bootstrap",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'modelward' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
