"""docs/fidelity.md and the tests say the same: each row is carried by a test, and each mark on a test names a row."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
LIVE = TESTS / "fidelity"
TABLE = re.compile(r"^\| row \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)
ROW = re.compile(r"^\| `([a-z0-9-]+)` \| .+ \| (.+) \| .+ \|$")
REASON = re.compile(r"no live test: \S+ \S+ \S+")


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """The rows of all tables whose rows have names."""
    text = (ROOT / "docs" / "fidelity.md").read_text()
    return [line for table in TABLE.findall(text) for line in table.splitlines()]


@pytest.fixture(scope="module")
def sources(lines: list[str]) -> dict[str, str]:
    """What each row says of its source."""
    return {found[1]: found[2] for line in lines if (found := ROW.match(line))}


@pytest.fixture(scope="module")
def marks() -> dict[str, set[Path]]:
    """Which files carry each mark."""
    found: dict[str, set[Path]] = {}
    for path in TESTS.rglob("test_*.py"):
        for row in _marks(ast.parse(path.read_text())):
            found.setdefault(row, set()).add(path)
    return found


def _marks(tree: ast.AST) -> Iterator[str]:
    for test in ast.walk(tree):
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
            for decorator in test.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("fidelity"):
                    yield from (ast.literal_eval(argument) for argument in decorator.args)


def test_every_row_has_a_name_of_its_own(lines: list[str], sources: dict[str, str]) -> None:
    assert [line for line in lines if not ROW.match(line)] == []
    assert len(lines) == len(sources) > 80


def test_every_row_is_carried_by_a_test(sources: dict[str, str], marks: dict[str, set[Path]]) -> None:
    assert sorted(sources.keys() - marks.keys()) == []


def test_every_mark_names_a_row(sources: dict[str, str], marks: dict[str, set[Path]]) -> None:
    assert sorted(marks.keys() - sources.keys()) == []


def test_what_is_unconfirmed_can_be_tried_live_or_says_why_not(
    sources: dict[str, str], marks: dict[str, set[Path]]
) -> None:
    unconfirmed = {row for row, source in sources.items() if "UNCONFIRMED" in source}
    live = {row for row, paths in marks.items() if any(path.is_relative_to(LIVE) for path in paths)}
    explained = {row for row, source in sources.items() if REASON.search(source)}
    assert sorted(unconfirmed - live - explained) == []
    assert sorted(explained & live) == [], "there is a live test after all"
    assert sorted(explained - unconfirmed) == []
