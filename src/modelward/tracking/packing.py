"""A model in memory, or a file of one, becomes an archive that was seen to answer."""

import json
import pickle
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

from modelward.core.errors import InputError
from modelward.core.smoke import SmokeTest
from modelward.tracking.archive import write_archive
from modelward.tracking.flavours import Flavour, flavour_of
from modelward.tracking.rehearsal import Rehearsed, rehearse
from modelward.tracking.schema import rows_of, schema_of

_CLOSE = 1e-4
"""How far figures of the same model may lie apart on another machine, relative to the largest of them."""
_UNSAVABLE = (pickle.PickleError, TypeError, AttributeError, ValueError, RuntimeError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Packed:
    """A model that is ready to be registered.

    Args:
        archive: Its model.tar.gz.
        schema: Flavour, class, and what it takes and gives.
        smoke: The sample and the answer that it got.
    """

    archive: Path
    schema: Mapping[str, Any]
    smoke: SmokeTest


def pack(model: Any, sample: Any, folder: Path, code: Sequence[str | Path] = ()) -> Packed:
    """Write a model with the code that serves it, and see it answer.

    The archive holds the model, `code/inference.py`, `code/schema.json`, `code/requirements.txt` and code of one's own;
    the same model gives the same bytes.

    Args:
        model: An object of a known framework, anything else that pickles and predicts, or the path of a file.
        sample: A few rows, as the model takes them.
        folder: An empty folder for the archive and its contents.
        code: Files and folders that the model needs to import.

    Raises:
        InputError: the model cannot be written or is none, the sample is no rows, the code is not there, or the packed
            model does not answer the sample.
    """
    flavour, rows = flavour_of(model), rows_of(sample)
    schema = {
        "flavour": flavour.name,
        "class": "" if isinstance(model, str | Path) else type(model).__name__,
        "input": schema_of(sample),
    }
    content = folder / "content"
    (content / "code").mkdir(parents=True)
    _save(flavour, model, content, sample)
    _copy_code(code, content / "code")
    (content / "code" / "inference.py").write_text(flavour.inference, encoding="utf-8")
    needed = {"numpy", *flavour.packages, *(["pandas"] if "columns" in schema["input"] else [])}
    needed |= _imported_by(model) if flavour.is_pickled else set()
    (content / "code" / "requirements.txt").write_text("".join(f"{pin}\n" for pin in _pinned(needed)), encoding="utf-8")
    _write_schema(content, schema)
    answered = rehearse(content, json.dumps(rows))
    schema["output"] = _output(answered)
    _write_schema(content, schema)
    write_archive(content, folder / "model.tar.gz")
    smoke = SmokeTest(rows, expected=answered.answer, tolerance=_tolerance(answered.answer))
    return Packed(folder / "model.tar.gz", schema, smoke)


def _save(flavour: Flavour, model: Any, content: Path, sample: Any) -> None:
    try:
        flavour.save(model, content, sample)
    except _UNSAVABLE as error:
        raise InputError(
            "model",
            found=f"a {type(model).__name__} that cannot be written ({error})",
            rule=f"{flavour.name} can write it, and read it again where the training script is not",
            next_step="Define its functions and classes in a module, or write it by its framework's own means.",
        ) from error


def _copy_code(code: Sequence[str | Path], target: Path) -> None:
    for each in map(Path, code):
        if each.is_dir():
            shutil.copytree(each, target / each.name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        elif each.is_file():
            shutil.copyfile(each, target / each.name)
        else:
            raise InputError(f"code {each}", found="nothing there", rule="it is a file or a folder")


def _write_schema(content: Path, schema: Mapping[str, Any]) -> None:
    text = json.dumps(schema, indent=1, sort_keys=True)
    (content / "code" / "schema.json").write_text(f"{text}\n", encoding="utf-8")


def _output(answered: Rehearsed) -> dict[str, Any]:
    if not answered.dtype:
        return {}
    return {"dtype": answered.dtype, "shape": [None, *answered.shape[1:]]}


def _tolerance(answer: Any) -> float:
    """Let figures differ as far as processors do; classes and texts have to be the same."""
    figures = [abs(each) for each in _leaves(answer) if isinstance(each, float)]
    return _CLOSE * max(1.0, *figures) if figures else 0.0


def _leaves(value: Any) -> Iterable[Any]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)
    else:
        yield value


class _Witness(pickle.Pickler):
    """Pickles into nowhere, and notes the packages of all that it meets."""

    def __init__(self) -> None:
        super().__init__(_Nowhere(), protocol=4)
        self.roots: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        named = obj if hasattr(obj, "__qualname__") else type(obj)
        self.roots.add(str(getattr(named, "__module__", "") or "").partition(".")[0])
        return NotImplemented


class _Nowhere:
    def write(self, data: bytes) -> int:
        return len(data)


def _imported_by(model: Any) -> set[str]:
    """Find the distributions whose classes and functions a pickled model refers to."""
    witness = _Witness()
    witness.dump(model)
    roots = witness.roots - sys.stdlib_module_names
    found = packages_distributions()
    return {distribution for root in roots for distribution in found.get(root, ())[:1]}


def _pinned(names: Iterable[str]) -> list[str]:
    """Pin distributions as they are installed here, under the name that is installed."""
    found = packages_distributions()
    by_root = {root.lower(): names[0] for root, names in found.items()}
    installed = {name.lower() for names in found.values() for name in names}
    pins = set()
    for name in names:
        actual = name if name.lower() in installed else by_root.get(name.lower())
        # What follows a + is a build of somebody's own, such as 2.13.0+cpu, which an index does not have.
        pins |= {f"{actual.replace('_', '-')}=={version(actual).partition('+')[0]}"} if actual else set()
    return sorted(pins, key=str.lower)
