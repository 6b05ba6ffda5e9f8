"""Serve this model in any SageMaker container that calls model_fn, input_fn, predict_fn and output_fn.

Written by Modelward. Takes JSON (rows, or {"instances": rows}), CSV and npy; answers JSON or CSV.
"""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

SCHEMA = json.loads((Path(__file__).parent / "schema.json").read_text(encoding="utf-8"))


def input_fn(body: Any, content_type: str) -> Any:
    """Read a request into what the model was trained on."""
    kind = content_type.split(";", maxsplit=1)[0].strip().lower()
    if kind == "application/x-npy":
        return shaped(np.load(io.BytesIO(body), allow_pickle=False))
    text = body if isinstance(body, str) else bytes(body).decode("utf-8")
    if kind == "text/csv":
        return shaped([row for row in csv.reader(io.StringIO(text)) if row])
    if kind == "application/json":
        told = json.loads(text)
        return shaped(told.get("instances", told) if isinstance(told, dict) else told)
    raise ValueError(f"content type {content_type!r} is none of application/json, text/csv and application/x-npy")


def shaped(rows: Any) -> Any:
    """Give rows the columns or the type of the sample with which the model was registered."""
    given = SCHEMA["input"]
    if "columns" not in given:
        return np.asarray(rows, dtype=given["dtype"])
    import pandas as pd

    names = [column["name"] for column in given["columns"]]
    rows = rows[1:] if len(rows) and list(rows[0]) == names and not isinstance(rows[0], dict) else rows
    frame = pd.DataFrame(rows, columns=names)
    return frame.astype({column["name"]: column["dtype"] for column in given["columns"]})


def output_fn(prediction: Any, accept: str) -> str:
    """Write a prediction as CSV where that is asked for, else as JSON."""
    told = plain(prediction)
    if accept.split(";", maxsplit=1)[0].strip().lower() != "text/csv":
        return json.dumps(told)
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(row if isinstance(row, list) else [row] for row in told)
    return lines.getvalue()


def plain(value: Any) -> Any:
    """Turn arrays, frames and what holds them into lists."""
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    value = value.to_numpy() if hasattr(value, "to_numpy") else value
    return value.tolist() if hasattr(value, "tolist") else value
