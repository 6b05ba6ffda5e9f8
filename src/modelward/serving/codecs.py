"""Read requests and write answers as SageMaker's inference toolkits do: JSON, CSV and NPY.

Source: `sagemaker_inference/decoder.py` and `encoder.py` of aws/sagemaker-inference-toolkit. Data are numpy arrays
where numpy is installed, else nested lists; NPY needs numpy.
"""

import csv
import io
import json
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"


def content(body: bytes, content_type: str) -> str | bytes:
    """Give a body as the toolkits hand it to `input_fn`: text for JSON and CSV, else bytes."""
    return body.decode("utf-8-sig") if media_type(content_type) in {JSON, CSV} else body


def decode(body: str | bytes, content_type: str) -> Any:
    """Turn a request body of a type that `is_known` into data."""
    return _DECODERS[media_type(content_type)](body)


def encode(data: Any, accept: str) -> bytes:
    """Turn predictions into a response body."""
    return _ENCODERS[media_type(accept)](data)


def is_known(content_type: str) -> bool:
    """Tell whether there is a codec for a type, parameters such as `charset` aside."""
    kind = media_type(content_type)
    return kind in _DECODERS and (kind != NPY or _numpy() is not None)


def media_type(text: str) -> str:
    """Cut the parameters off a Content-Type."""
    return text.partition(";")[0].strip().lower()


def choose(accept: str) -> str:
    """Pick the type of the answer from an Accept header: the first that is known; JSON where anything will do.

    A header that names nothing known comes back as it is, since a model's own `output_fn` may know it.
    """
    offers = [media_type(part) for part in accept.split(",") if part.strip()] or ["*/*"]
    for offer in offers:
        if offer in {"*/*", "application/*"}:
            return JSON
        if is_known(offer):
            return offer
    return accept


@cache
def _numpy() -> Any:
    return import_module("numpy") if find_spec("numpy") else None


def _array(rows: Any) -> Any:
    numpy = _numpy()
    return numpy.array(rows) if numpy else rows


def _read_json(body: Any) -> Any:
    return _array(json.loads(body))


def _read_csv(body: Any) -> Any:
    rows = csv.reader(io.StringIO(body))
    return _array([[_number(cell) for cell in row] for row in rows if row])


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _read_npy(body: Any) -> Any:
    # A pickle inside the file would run code of whoever sent the request, so unlike the toolkit this refuses it.
    return _numpy().load(io.BytesIO(body), allow_pickle=False)


def _write_json(data: Any) -> bytes:
    return json.dumps(data, default=_plain).encode()


def _plain(value: Any) -> Any:
    """Unwrap what numpy and pandas wrap."""
    for method in ("tolist", "to_dict"):
        if hasattr(value, method):
            return getattr(value, method)()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _write_csv(data: Any) -> bytes:
    plain = data.tolist() if hasattr(data, "tolist") else data
    rows = plain if isinstance(plain, list | tuple) else [plain]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows(row if isinstance(row, list | tuple) else [row] for row in rows)
    return out.getvalue().encode()


def _write_npy(data: Any) -> bytes:
    numpy, out = _numpy(), io.BytesIO()
    numpy.save(out, numpy.asarray(data), allow_pickle=False)
    return out.getvalue()


_DECODERS: dict[str, Callable[[Any], Any]] = {JSON: _read_json, CSV: _read_csv, NPY: _read_npy}
_ENCODERS: dict[str, Callable[[Any], bytes]] = {JSON: _write_json, CSV: _write_csv, NPY: _write_npy}
