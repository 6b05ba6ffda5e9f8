"""What `import modelward` shows, and what it costs."""

import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import modelward
from modelward.core.errors import ModelwardError
from modelward.core.model_package import Dataset
from modelward.core.smoke import SmokeTest

ROOT = Path(__file__).parents[3]
HEAVY = {"boto3", "botocore", "dataclasses", "inspect", "typer", "rich", "tomllib", "tarfile", "modelward.core.errors"}


def test_the_public_names_are_these():
    assert modelward.__all__ == ["Dataset", "ModelwardError", "SmokeTest", "__version__", "connect", "track"]
    assert dir(modelward) == sorted(modelward.__all__)


def test_each_public_name_is_what_it_says():
    assert modelward.Dataset is Dataset
    assert modelward.ModelwardError is ModelwardError
    assert modelward.SmokeTest is SmokeTest
    assert callable(modelward.connect)
    assert modelward.connect.__module__ == "modelward.bootstrap"


def test_a_name_that_is_not_public_is_refused_as_python_does():
    with pytest.raises(AttributeError, match="module 'modelward' has no attribute 'Datasets'"):
        modelward.Datasets  # noqa: B018
    assert not hasattr(modelward, "nothing_of_the_kind")


def test_the_version_is_that_of_the_distribution():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert modelward.__version__ == declared == version("modelward")


def loaded_by(statement):
    """The modules that a fresh Python loads for a statement, beyond those it has anyway."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    return set(done.stdout.split())


def test_importing_the_package_loads_next_to_nothing():
    assert not loaded_by("import modelward") & HEAVY


def test_finding_connect_loads_no_boto3():
    assert not loaded_by("import modelward; modelward.connect") & {"boto3", "typer", "rich"}


def test_a_dataset_is_found_without_boto3():
    assert not loaded_by("import modelward; modelward.Dataset(name='digits')") & {"boto3", "botocore"}
