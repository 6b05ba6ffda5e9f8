"""What a function's worker can import."""

import subprocess
from pathlib import Path

import pytest

from modelward.local.functions import RUNTIME_PACKAGES, prepare_runtime


def run(folder: Path, statement: str) -> subprocess.CompletedProcess[str]:
    launcher, prelude = prepare_runtime(folder / "runtime")
    script = folder / "worker.py"
    script.write_text(prelude + statement)
    return subprocess.run([launcher, str(script)], capture_output=True, text=True, check=False, cwd=folder)


def test_lambdas_own_packages_are_there(tmp_path: Path) -> None:
    done = run(tmp_path, f"import {', '.join(RUNTIME_PACKAGES)}\nboto3.client('sts', region_name='us-east-1')")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("package", ["modelward", "rich", "ministack", "aws_cdk", "sklearn", "pip", "numpy"])
def test_packages_of_this_environment_are_not_there(tmp_path: Path, package: str) -> None:
    done = run(tmp_path, f"import {package}")
    assert f"ModuleNotFoundError: No module named '{package}'" in done.stderr


def test_the_folder_of_the_worker_script_is_not_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("")
    assert "No module named 'beside'" in run(tmp_path, "import beside").stderr


def test_settings_of_the_process_that_starts_it_do_not_reach_a_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "WARNING")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    done = run(tmp_path, "print(os.environ.get('LOG_LEVEL'), os.environ['AWS_REGION'])")
    assert done.stdout == "None eu-west-1\n"


def test_an_asset_that_brings_its_own_boto3_gets_that_one(tmp_path: Path) -> None:
    (tmp_path / "asset").mkdir()
    (tmp_path / "asset" / "boto3.py").write_text("MINE = True")
    done = run(tmp_path, f"sys.path.insert(0, {str(tmp_path / 'asset')!r})\nimport boto3\nprint(boto3.MINE)")
    assert done.stdout == "True\n"
