"""What was recorded of a run, on one page."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from modelward.cli.views.text import clean, table


def sheet(record: Mapping[str, Any]) -> Table:
    """Tell each part of a record that is not empty, one value in a line."""
    made = table()
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for part in ("parameters", "metrics", "datasets", "schema", "code", "job", "hardware", "packages", "duration_s"):
        made.add_row(part, "\n".join(_lines(record.get(part)))) if record.get(part) else None
    return made


def _lines(told: Any) -> list[str]:
    if isinstance(told, Mapping):
        return [f"{clean(str(name))}={clean(str(value))}" for name, value in told.items() if value not in ("", None)]
    if isinstance(told, list):
        return ["  ".join(_lines(each)) for each in told]
    return [clean(str(told))]
