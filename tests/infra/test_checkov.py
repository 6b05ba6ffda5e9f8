"""checkov, as platform teams run it, finds nothing in the templates but what says beside itself why it is so."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.client


@pytest.fixture
def checked(installed: Callable[[str], str]) -> Callable[[Path], dict[str, list[Any]]]:
    """Let checkov look at the templates of a folder, offline, and give what it found by outcome."""

    def check(folder: Path) -> dict[str, list[Any]]:
        words = [installed("checkov/bin/python"), "-m", "checkov.main", "--directory", folder, "--output", "json"]
        offline = ["--framework", "cloudformation", "--skip-download", "--soft-fail"]
        done = subprocess.run([*words, *offline], env={}, capture_output=True, text=True, check=True)
        results: dict[str, list[Any]] = json.loads(done.stdout)["results"]
        return results

    return check


def test_checkov_finds_nothing_that_does_not_say_why_it_is_so(assembly, checked: Any) -> None:
    results = checked(assembly.folder)
    assert [(each["check_id"], each["resource"]) for each in results["failed_checks"]] == []
    assert len(results["passed_checks"]) > 50
    assert results["parsing_errors"] == []
    for each in results["skipped_checks"]:
        assert each["check_result"]["suppress_comment"].endswith(".")


def test_no_check_is_skipped_that_would_pass(assembly, checked: Any, tmp_path: Path) -> None:
    skipped = set()
    for file in sorted(assembly.folder.glob("*.template.json")):
        template = json.loads(file.read_text())
        for key, resource in template["Resources"].items():
            skips = resource.get("Metadata", {}).pop("checkov", {"skip": []})["skip"]
            skipped |= {(each["id"], f"{resource['Type']}.{key}") for each in skips}
        (tmp_path / file.name).write_text(json.dumps(template, indent=1))
    failed = {(each["check_id"], each["resource"]) for each in checked(tmp_path)["failed_checks"]}
    assert failed == skipped
