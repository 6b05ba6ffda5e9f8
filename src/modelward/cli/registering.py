"""Commands that move artifacts, code and data: register, download, reproduce."""

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelward.cli import exits
from modelward.cli.changing import show_plan
from modelward.cli.context import Context
from modelward.core.errors import InputError
from modelward.core.model_package import Dataset
from modelward.core.smoke import SmokeTest

if TYPE_CHECKING:
    from modelward.services.reproduction import Part


def register(
    context: Context, *, model: str, plan: bool, json: bool, smoke: str | None, parent: int | None, **given: Any
) -> None:
    """Register an artifact as a new version."""
    what = {**_what(**given), "smoke": _smoke_test(Path(smoke)) if smoke else None, "parent": parent}
    line = context.model(model)
    if plan:
        from modelward.services.registration import Submission

        show_plan(context.terminal, line.plan_register(Submission(**what)), json=json)
        return
    with context.terminal.upload(f"uploading {given['artifact']}") as progress:
        version = line.register(**what, progress=progress)
    if json:
        context.terminal.json(version.package.to_json())
        return
    # Only what the answer to the registration tells: showing more would cost another read.
    context.terminal.line(f"{model} v{version.version}  {version.arn}")
    context.terminal.say(f"  next: modelward show {model} {version.version}")


def download(context: Context, *, model: str, version: int, to: str) -> None:
    """Download an artifact."""
    path = context.model(model).version(version).download(Path(to))
    context.terminal.line(str(path))


def reproduce(context: Context, *, model: str, version: int, to: str, plan: bool, json: bool) -> int:
    """Fetch what a version was made of."""
    folder = Path(to or f"{model}-v{version}")
    found = context.model(model).version(version)
    parts = found.plan_reproduce(folder) if plan else found.reproduce(folder)
    missing = [part for part in parts if part.is_missing]
    if json:
        context.terminal.json([part.to_json() for part in parts])
    else:
        for part in parts:
            context.terminal.line(f"{'missing' if part.is_missing else 'fetch' if plan else 'fetched'}  {_line(part)}")
    context.terminal.say(f"{len(missing)} missing" if missing else "nothing is missing")
    return exits.INCOMPLETE if missing else exits.DONE


def _line(part: "Part") -> str:
    from modelward.cli.views.text import clean

    return f"{clean(part.subject)}: {clean(part.text)}"


def _what(
    *,
    artifact: str,
    image: str,
    run: str,
    notes: str,
    metric: list[tuple[str, float]] | None,
    metrics: str | None,
    metadata: list[tuple[str, str]] | None,
    **dataset: str,
) -> dict[str, Any]:
    figures = _figures(Path(metrics)) if metrics else {}
    return {
        "artifact": artifact,
        "image": image,
        "metrics": {**figures, **dict(metric or [])},
        "dataset": _dataset({name.removeprefix("dataset_"): value for name, value in dataset.items()}),
        "notes": notes,
        "metadata": dict(metadata or []),
        "run": run,
    }


def _dataset(given: dict[str, str]) -> Dataset | None:
    if not any(given.values()):
        return None
    if not given["name"]:
        raise InputError(
            "--dataset-name",
            found="missing",
            rule="a dataset that has a version, URI or digest has a name",
            next_step="Add --dataset-name NAME.",
        )
    return Dataset(**given)


def _smoke_test(path: Path) -> SmokeTest:
    name = f"--smoke {path}"
    try:
        return SmokeTest.parse(path.read_text(encoding="utf-8"), name)
    except OSError as error:
        found, rule = error.strerror or "cannot be read", "it is a JSON file"
    except UnicodeDecodeError:
        found, rule = "is no UTF-8", "it is a JSON file"
    raise InputError(name, found=found, rule=rule)


def _figures(path: Path) -> dict[str, float]:
    """Read figures by name from a JSON file."""
    try:
        figures = json_format.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(path, error.strerror or "cannot be read") from error
    except ValueError as error:
        raise _unreadable(path, f"is not JSON ({error})") from error
    if not isinstance(figures, dict) or not all(_is_number(value) for value in figures.values()):
        raise _unreadable(path, "is something else")
    return {name: float(value) for name, value in figures.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unreadable(path: Path, found: str) -> InputError:
    return InputError(
        f"--metrics {path}",
        found=found,
        rule='it holds one JSON object of numbers by name, such as {"accuracy": 0.97}',
        next_step="Correct the file, or give each figure with --metric NAME=NUMBER.",
    )
