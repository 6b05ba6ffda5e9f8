"""Run a model's `code/inference.py` by the contract of SageMaker's inference toolkits.

`model_fn(model_dir)` is required. `input_fn(body, content_type)`, `predict_fn(data, model)` and
`output_fn(prediction, accept)` have defaults: JSON, CSV and NPY in and out, and `model.predict(data)`; or
`transform_fn(model, body, content_type, accept)` does all three. The body of JSON and CSV comes as text.

Source: https://github.com/aws/sagemaker-inference-toolkit (`transformer.py`) and sagemaker-scikit-learn-container.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelward.core.errors import ArtifactError
from modelward.serving import codecs
from modelward.serving.modules import ModelModules


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to whoever asked: an HTTP status, the body and its type."""

    status: int
    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Inference:
    """A loaded model and the functions of its code; safe to call from several threads if the model is."""

    model: Any
    own: dict[str, Callable[..., Any]]

    @classmethod
    def load(cls, folder: Path) -> "Inference":
        """Import `code/inference.py` of an unpacked model and call its `model_fn`.

        Raises:
            ArtifactError: There is no such file, or no `model_fn` in it.
        """
        modules = ModelModules(_code(folder))
        with modules.visible():
            code = modules.load("inference")
            own = {name: getattr(code, name) for name in _CONTRACT if hasattr(code, name)}
            if "model_fn" not in own:
                raise ArtifactError(folder.name, found="no model_fn in code/inference.py", rule="it loads the model")
            return cls(own["model_fn"](str(folder)), own)

    def answer(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Predict for one request.

        415 for a Content-Type and 406 for an Accept that neither the model nor a default knows. What the model's own
        functions raise comes out.
        """
        kind = codecs.choose(accept)
        refusal = self._refusal(content_type, kind)
        if refusal:
            return refusal
        content = codecs.content(body, content_type)
        if "transform_fn" in self.own:
            return _answer(self.own["transform_fn"](self.model, content, content_type, kind), kind)
        steps = {**_DEFAULTS, **self.own}
        prediction = steps["predict_fn"](steps["input_fn"](content, content_type), self.model)
        return _answer(steps["output_fn"](prediction, kind), kind)

    def _refusal(self, content_type: str, kind: str) -> Answer | None:
        if "transform_fn" in self.own:
            return None
        if "input_fn" not in self.own and not codecs.is_known(content_type):
            return refuse(415, f"Content-Type {content_type!r} is not {_KNOWN}")
        if "output_fn" not in self.own and not codecs.is_known(kind):
            return refuse(406, f"Accept {kind!r} is not {_KNOWN}")
        return None


def refuse(status: int, why: str) -> Answer:
    """Answer with an error that a program can read."""
    return Answer(status, codecs.encode({"error": why}, codecs.JSON), codecs.JSON)


_CONTRACT = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")
_KNOWN = f"{codecs.JSON}, {codecs.CSV} or {codecs.NPY}"


def _code(folder: Path) -> Path:
    for place in (folder / "code", folder):
        if (place / "inference.py").is_file():
            return place
    raise ArtifactError(folder.name, found="no code/inference.py in it", rule="a served model carries one")


def _predict(data: Any, model: Any) -> Any:
    return model.predict(data) if hasattr(model, "predict") else model(data)


_DEFAULTS: dict[str, Callable[..., Any]] = {
    "input_fn": codecs.decode,
    "predict_fn": _predict,
    "output_fn": codecs.encode,
}


def _answer(out: Any, kind: str) -> Answer:
    """Take what an `output_fn` may give: a body, or a pair of body and Content-Type; other data are encoded."""
    body, content_type = out if isinstance(out, tuple) else (out, kind)
    if isinstance(body, str):
        return Answer(200, body.encode(), content_type)
    if isinstance(body, bytes | bytearray | memoryview):
        return Answer(200, bytes(body), content_type)
    return Answer(200, codecs.encode(body, content_type), content_type)
