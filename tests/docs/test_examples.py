"""The examples, as their own words say to run them. `listen.py` is run where docs/local.md is
followed, `register_with_the_sdk.py` by tests/clients, where the SDK is."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = {
    "quickstart.py",
    "approve_like_the_console.py",
    "listen.py",
    "test_with_moto.py",
    "register_with_the_sdk.py",
}
BETTER = "--metric accuracy=0.99 --metric log_loss=0.05"
WORSE = "--metric accuracy=0.50 --metric log_loss=0.05"


def test_no_example_is_forgotten_here() -> None:
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == EXAMPLES


def test_a_test_with_moto_needs_no_server_and_no_configuration(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path]
    done = subprocess.run(
        [*command, ROOT / "examples" / "test_with_moto.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.mark.system
def test_a_version_goes_to_production_and_the_next_one_is_approved_by_a_plain_client(
    clone: Path, follow: Callable[..., Any], aws: Any
) -> None:
    reader = follow(clone, **aws.environment())
    said = reader.shell("python -W error examples/quickstart.py").splitlines()
    assert said[:2] == ["v1 serves staging", "v1 serves production"]
    reader.settle()

    register = "modelward register digits --artifact build/model.tar.gz --image image"
    assert approved_after(reader, f"{register} {BETTER}", "better") == "Approved  Staging  Approved  better"
    refused = approved_after(reader, f"{register} {WORSE}", "cheaper")
    assert refused.startswith("Rejected  Refused: accuracy 0.5, at least 0.9: refused; ")
    assert refused.endswith("(approved by admin)")
    current = json.loads(reader.shell("modelward current digits Staging --json"))
    assert current["version"] == 2


def approved_after(reader: Any, registration: str, reason: str) -> str:
    """Register a version, approve it by the example, and give what the example says at last."""
    reader.shell(registration)
    said = reader.shell(f"python -W error examples/approve_like_the_console.py digits {reason}")
    reader.settle()
    return str(said.splitlines()[-1])
