"""Stand in for SageMaker's framework container: one process that loads a model and answers requests on its pipes.

Run as a script, ``python -P container.py WORKDIR``, by `hosting`: it is a program of its own, which imports nothing of
Modelward and reads only its folder, its environment and its standard input. It unpacks ``WORKDIR/model.tar.gz`` into
``WORKDIR/model``, imports the model's inference script as AWS's framework containers do, and calls

* ``model_fn(model_dir)``, required;
* ``input_fn(body, content_type)``, ``predict_fn(data, model)``, ``output_fn(prediction, accept)``, each with a default
  for JSON and CSV, or ``transform_fn(model, body, content_type, accept)`` instead of the three.

What travels on the pipes is a line of JSON, then as many bytes as its ``size`` says. The first answer tells whether the
model was loaded. A closed standard input ends the process, so that no model outlives the local AWS that started it.
"""

import csv
import importlib.util
import io
import json
import os
import sys
import tarfile
import traceback
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any, BinaryIO

MAX_MEMBERS = 100_000
MAX_UNPACKED_BYTES = 5 * 1024**3  # the disk that a serverless endpoint has

_JSON = "application/json"
_CSV = "text/csv"
_TEXT = (_JSON, _CSV)


class Refused(Exception):  # noqa: N818 - it is an HTTP answer
    """An answer other than 200 that the model's code did not raise itself."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP status and the text of the answer."""
        super().__init__(message)
        self.status = status


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a model archive; refuse one that leaves its folder, is too large or has too many members."""
    with tarfile.open(archive, "r:gz") as tar:
        members = size = 0
        for member in tar:
            members, size = members + 1, size + member.size
            if members > MAX_MEMBERS or size > MAX_UNPACKED_BYTES:
                raise tarfile.TarError(f"more than {MAX_MEMBERS} members or {MAX_UNPACKED_BYTES} bytes once unpacked")
            _extract(tar, member, folder)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    if hasattr(tarfile, "data_filter"):
        tar.extract(member, folder, filter="data")
        return
    # Python 3.11 has the filter from 3.11.4 on; before, what it would have to look into is refused.
    check_plain(member)
    tar.extract(member, folder)


def check_plain(member: tarfile.TarInfo) -> None:
    """Refuse what is neither a file nor a folder, and what leads out of the folder."""
    path = PurePosixPath(member.name)
    if not (member.isfile() or member.isdir()) or path.is_absolute() or ".." in path.parts:
        raise tarfile.TarError(f"{member.name!r} is not a file or a folder within the archive's own")


class Model:
    """A loaded model and the functions that serve it."""

    def __init__(self, folder: Path, program: str) -> None:
        """Import the inference script of an unpacked archive and call its `model_fn`."""
        script = _script(folder, program)
        sys.path.insert(0, str(script.parent))
        module = _import(script)
        load = getattr(module, "model_fn", None)
        if load is None:
            raise NotImplementedError(f"{program} has no model_fn(model_dir)")
        self._input: Callable[..., Any] = getattr(module, "input_fn", _default_input)
        self._predict: Callable[..., Any] = getattr(module, "predict_fn", _default_predict)
        self._output: Callable[..., Any] = getattr(module, "output_fn", _default_output)
        self._transform: Callable[..., Any] | None = getattr(module, "transform_fn", None)
        self._model = load(str(folder))

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[str, bytes]:
        """Predict for one request and return the content type and the bytes of the answer."""
        content: str | bytes = body.decode() if content_type in _TEXT else body
        if self._transform is not None:
            return _encoded(self._transform(self._model, content, content_type, accept), accept)
        prediction = self._predict(self._input(content, content_type), self._model)
        return _encoded(self._output(prediction, accept), accept)


def _script(folder: Path, program: str) -> Path:
    for candidate in (folder / "code" / program, folder / program):
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(f"the archive has no code/{program}")


def _import(script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(script.stem, script)
    if spec is None or spec.loader is None:
        raise ImportError(f"{script.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[script.stem] = module
    spec.loader.exec_module(module)
    return module


def _default_input(body: str | bytes, content_type: str) -> Any:
    if content_type == _JSON:
        return _array(json.loads(body))
    if content_type == _CSV:
        rows = csv.reader(io.StringIO(body if isinstance(body, str) else body.decode()))
        return _array([[float(cell) for cell in row] for row in rows if row])
    raise Refused(415, f"Content type {content_type} is not supported by this framework.")


def _array(rows: Any) -> Any:
    try:
        import numpy as np  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return rows
    return np.asarray(rows)


def _default_predict(data: Any, model: Any) -> Any:
    return model.predict(data)


def _default_output(prediction: Any, accept: str) -> tuple[bytes, str]:
    plain = json.loads(json.dumps(prediction, default=_plain))
    if accept in (_JSON, "*/*", ""):
        return json.dumps(plain).encode(), _JSON
    if accept == _CSV:
        rows = [row if isinstance(row, list) else [row] for row in plain]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue().encode(), _CSV
    raise Refused(406, f"Accept type {accept} is not supported by this framework.")


def _plain(value: Any) -> Any:
    """Give json an array or a number of numpy's."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a prediction holds a {type(value).__name__}; write an output_fn for it")


def _encoded(answer: Any, accept: str) -> tuple[str, bytes]:
    body, content_type = answer if isinstance(answer, tuple) else (answer, accept)
    return content_type or _JSON, body if isinstance(body, bytes) else str(body).encode()


def write_frame(stream: BinaryIO, head: dict[str, Any], body: bytes = b"") -> None:
    """Write a line of JSON and the bytes that belong to it."""
    stream.write(json.dumps({**head, "size": len(body)}).encode() + b"\n" + body)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Read what `write_frame` wrote; None once the other side has gone."""
    line = stream.readline()
    if not line:
        return None
    head = json.loads(line)
    return head, stream.read(head["size"])


def _load(workdir: Path) -> Model:
    folder = workdir / "model"
    folder.mkdir()
    unpack(workdir / "model.tar.gz", folder)
    return Model(folder, os.environ.get("SAGEMAKER_PROGRAM", "inference.py"))


def _answer(model: Model, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        content_type, answer = model.answer(body, head["content_type"], head["accept"])
    except Refused as refusal:
        return {"status": refusal.status, "content_type": "text/plain"}, str(refusal).encode()
    except Exception as error:  # noqa: BLE001 - whatever the model's code raises is an answer of this server
        traceback.print_exc()
        return {"status": 500, "content_type": "text/plain"}, f"{type(error).__name__}: {error}".encode()
    return {"status": 200, "content_type": content_type}, answer


def serve(workdir: Path, requests: BinaryIO, answers: BinaryIO) -> None:
    """Load the model, say so, then answer until the requests end."""
    try:
        model = _load(workdir)
    except BaseException as error:  # noqa: BLE001 - a model that calls exit() is as unhealthy as one that raises
        traceback.print_exc()
        write_frame(answers, {"reason": f"{type(error).__name__}: {error}"})
        return
    write_frame(answers, {"reason": None})
    while (request := read_frame(requests)) is not None:
        write_frame(answers, *_answer(model, *request))


def main() -> None:
    """Keep the pipes for the protocol and give the model's own prints to the log."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    serve(Path(sys.argv[1]), requests, answers)


if __name__ == "__main__":
    main()
