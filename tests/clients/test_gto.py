"""GTO 1.10 itself: tags that it writes are read, and those that are written here it reads."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelward.interop.tags import Placed, Tag, tags_of, write

pytestmark = pytest.mark.client

FOLDER = Path(__file__).parent
TEXTS = """
digits@v1.2.0 digits@v1.2.0-rc.1+b5#7 digits@v1.2.0!#2 digits#production#3 digits#production digits#prod!#4
digits@deprecated digits@deprecated#9 models=digits@v1.0.0 team/digits-2#a_b#1 v1.0.0 digits digits@1.0.0
digits@v1.0 digits@v01.0.0 digits# -d@v1.0.0 d@v1.0.0#x d@v1.0.0#-1 a=b=c@v1.0.0 d##1 d@v1.0.0-01 d@v1.0.0-0a
""".split()  # noqa: SIM905  # easier to read
SCRIPT = """
import json, sys
from gto.tag import parse_name
def told(text):
    found = parse_name(text, raise_on_fail=False)
    return {**found, "action": found["action"].value} if found else None
print(json.dumps([told(text) for text in json.loads(sys.argv[1])]))
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for command in ("init", "config user.name Ana", "config user.email a@example.com", "commit --allow-empty -m First"):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


@pytest.fixture
def gto(run: Callable[..., str], installed: Callable[[str], str], clone: Path) -> Callable[..., Any]:
    def call(*arguments: str) -> Any:
        told = run([installed("dvc/bin/gto"), *arguments], {}, folder=clone)
        return json.loads(told) if "--json" in arguments else told

    return call


def _as_gto_tells(tag: Tag) -> dict[str, Any]:
    what, undo = ("stage", "unassign") if tag.stage else ("version", "deregister")
    action = {"stage": "assign", "version": "register"}[what]
    named = {what: tag.stage or tag.version} if tag.stage or tag.version else {}
    counter = {} if tag.counter is None else {"counter": tag.counter}
    is_whole = not named
    return (
        {"name": tag.artifact, "action": "deprecate" if is_whole else undo if tag.is_cancelled else action}
        | named
        | counter
    )


def test_both_read_the_same_of_each_tag(run: Callable[..., str], installed: Callable[[str], str]) -> None:
    told = json.loads(run([installed("dvc/bin/python"), "-c", SCRIPT, json.dumps(TEXTS)], {}))
    parsed = [Tag.parse(text) for text in TEXTS]
    assert [tag and _as_gto_tells(tag) for tag in parsed] == told


def test_gto_sees_versions_and_stages_that_are_written_here(gto: Callable[..., Any], clone: Path) -> None:
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=clone, check=True, capture_output=True, text=True)
    tags = (Tag("digits", "v3.0.0"), Tag("digits", "", "production", 1))
    write(clone, [Placed(tag, commit.stdout.strip(), "good") for tag in tags])
    (shown,) = gto("show", "digits", "--json")
    assert (shown["version"], [each["stage"] for each in shown["stages"]]) == ("v3.0.0", ["production"])


def test_tags_that_gto_writes_are_read_here(gto: Callable[..., Any], clone: Path) -> None:
    gto("register", "digits", "--version", "v1.0.0")
    gto("assign", "digits", "--version", "v1.0.0", "--stage", "production")
    gto("deprecate", "digits")
    listed = {each.tag for each in tags_of(clone, "digits")}
    assert {Tag("digits", "v1.0.0"), Tag("digits", "", "production", 1)} <= listed
    assert any(tag.is_cancelled and not tag.version and not tag.stage for tag in listed)
