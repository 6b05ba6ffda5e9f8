"""What documents say without being run: links, names, figures that can be looked up."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from modelward.cli.commands import COMMANDS
from modelward.cli.parser import parse
from modelward.config import json_schema
from modelward.config import parse as read_registry

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("pipelines/*.md"))
)
PROBE = """
[registry]
name   = "acme"
stages = ["Production", "Archived"]
[models.digits]
owner = "vision-team"
[models.digits.gates]
"""


@pytest.mark.parametrize("document", DOCUMENTS, indirect=True)
def test_every_link_leads_to_a_file(document: Any) -> None:
    inside = [link.partition("#")[0] for link in document.links if "://" not in link]
    assert [link for link in inside if link and not (document.path.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, indirect=True)
def test_every_command_in_the_prose_is_one(document: Any) -> None:
    for span in document.spans:
        if not span.startswith("modelward "):
            continue
        words = shlex.split(re.sub(r" …$", "", span).replace(" VERSION ", " 1 "))
        is_named_only = any(command.name.split() == words[1:] for command in COMMANDS)
        assert is_named_only or parse(words[1:])


@pytest.mark.parametrize("document", DOCUMENTS, indirect=True)
def test_every_make_target_in_the_prose_is_there(document: Any) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {span.split()[1] for span in document.spans if re.match(r"make [a-z-]+$", span)} <= targets


@pytest.mark.parametrize("document", DOCUMENTS, indirect=True)
def test_every_block_says_its_language(document: Any) -> None:
    fences = len(re.findall(r"^```", document.path.read_text(), re.MULTILINE))
    assert fences == 2 * len(document.blocks)
    assert {block.language for block in document.blocks} <= {"sh", "python", "text", "toml"}


@pytest.mark.parametrize("document", ["README.md"], indirect=True)
def test_the_readme_has_at_most_80_lines(document: Any) -> None:
    assert len(document.path.read_text().splitlines()) <= 80


@pytest.mark.parametrize("document", DOCUMENTS, indirect=True)
def test_every_declaration_is_accepted(document: Any) -> None:
    for block in document.blocks:
        if block.language == "toml":
            read_registry(block.text if "[registry]" in block.text else PROBE + block.text)


@pytest.mark.parametrize("document", ["docs/registry-toml.md"], indirect=True)
def test_the_reference_has_every_key_in_the_schemas_own_words(document: Any) -> None:
    rows = re.findall(r"^\| `([\w.]+)` \|.*\| (.+) \|$", document.path.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(keys(json_schema()))


def keys(table: Any, prefix: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """List all keys that are not tables with a heading of their own, with their descriptions."""
    found = []
    for name, schema in table.get("properties", {}).items():
        inner = keys(schema, f"{name}." if depth else "", depth + 1)
        inner += keys(schema.get("additionalProperties") or {}, "", depth + 1)
        found += [*([(f"{prefix}{name}", schema["description"])] if depth else []), *inner]
    return found


@pytest.mark.parametrize("document", ["docs/architecture.md"], indirect=True)
def test_the_metadata_keys_of_the_architecture_are_those_of_the_code(document: Any) -> None:
    from modelward.core import model_package

    text = document.path.read_text()
    declared = {value for name, value in vars(model_package).items() if name.endswith("_KEY") and value[-1] != ":"}
    for key in declared:
        assert key in text or key.removeprefix("modelward:") in text, key
