"""What was recorded of a run, on one page."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from modelward.cli.views.text import clean, table

_PARTS = ("parameters", "metrics", "datasets", "dvc", "schema", "job", "hardware", "packages", "duration_s")


def sheet(record: Mapping[str, Any]) -> Table:
    """Tell each part of a record that is not empty, one value in a line."""
    made = table()
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for part in _PARTS:
        told = _tracked(record[part]) if part == "dvc" and part in record else record.get(part)
        made.add_row(part, "\n".join(_lines(told))) if told else None
    return made


def _lines(told: Any) -> list[str]:
    if isinstance(told, Mapping):
        return [f"{clean(str(name))}={clean(str(value))}" for name, value in told.items() if value not in ("", None)]
    if isinstance(told, list):
        return ["  ".join(_lines(each)) for each in told]
    return [clean(str(told))]


def _tracked(dvc: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the artifact and its inputs, of each what tells it from others."""
    found = [("artifact", dvc["artifact"]), *(("input", each) for each in dvc["inputs"])]
    return [{as_: each["path"], "md5": each["md5"], "url": each["url"]} for as_, each in found if each]
