"""Functions read the declaration at each cold start, so the package must stay light."""

import subprocess
import sys

import pytest

LOADED = "import sys, modelward.config; print(*sys.modules)"


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "heavy", ["boto3", "aws_cdk", "pydantic", "jsonschema", "json", "tomllib", "difflib", "asyncio"]
)
def test_importing_the_package_leaves_out(loaded: set[str], heavy: str):
    assert heavy not in loaded


def test_of_modelward_it_loads_core_only(loaded: set[str]):
    ours = {name.split(".")[1] for name in loaded if name.startswith("modelward.")}
    assert ours == {"config", "core"}
