"""Synthesis is a pure function of the repository."""

import ast
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Runs an app.py where nothing can be reached, and tells which modules it took.
_SEALED = """
import runpy, socket, sys

def refuse(*_):
    raise OSError("no network during synthesis")

socket.socket.connect = refuse
socket.getaddrinfo = refuse
runpy.run_path("app.py", run_name="__main__")
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def _run_app(folder: Path, *, umask: int = 0o022, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of the app with no credentials, no region, no Node and no Git to be found."""
    folder.mkdir()
    for name in ("app.py", "registry.toml"):
        shutil.copy(ROOT / name, folder)
    # HOME holds the CDK as jsii has unpacked it, which takes long the first time.
    environ = {"PATH": "", **{name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ}, **more}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", _SEALED],
        cwd=folder,
        env={"CDK_OUTDIR": str(folder / "cdk.out"), **environ},
        capture_output=True,
        text=True,
        check=True,
        umask=umask,
    )


def _bytes_of(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("one") / "project"
    return folder, _run_app(folder, PYTHONHASHSEED="1").stdout


def test_the_app_synthesizes_offline_without_credentials_node_or_git(run: tuple[Path, str]) -> None:
    assert {path.name for path in (run[0] / "cdk.out").glob("*.template.json")} == {
        "acme-access.template.json",
        "acme-registry.template.json",
        "acme-workflow.template.json",
    }


def test_synthesis_needs_no_boto3(run: tuple[Path, str]) -> None:
    assert not {"boto3", "botocore"} & set(run[1].split())


def test_two_folders_users_and_hash_seeds_give_the_same_bytes(run: tuple[Path, str], tmp_path: Path) -> None:
    _run_app(tmp_path / "elsewhere", umask=0o077, PYTHONHASHSEED="2", LANG="tr_TR.UTF-8", TZ="Asia/Kolkata")
    one, other = _bytes_of(run[0] / "cdk.out"), _bytes_of(tmp_path / "elsewhere/cdk.out")
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []


def _templates(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.glob("*.template.json")}


def test_feature_flags_and_settings_of_the_surrounding_app_change_nothing(synthesize, assembly) -> None:
    with tarfile.open(next(_jsii_folder().glob("aws-cdk-lib@*.jsii.tgz"))) as package:
        flags = json.load(package.extractfile("package/recommended-feature-flags.json"))
    of_the_command_line = {
        "aws:cdk:enable-asset-metadata": True,
        "aws:cdk:enable-path-metadata": True,
        "aws:cdk:version-reporting": True,
    }
    flagged = synthesize(context={**flags, **of_the_command_line})
    assert _templates(flagged.folder) == _templates(assembly.folder)


def test_the_repository_s_cdk_json_carries_the_flags_that_the_cdk_recommends() -> None:
    with tarfile.open(next(_jsii_folder().glob("aws-cdk-lib@*.jsii.tgz"))) as package:
        flags = json.load(package.extractfile("package/recommended-feature-flags.json"))
    assert json.loads((ROOT / "cdk.json").read_text())["context"] == flags


def _jsii_folder() -> Path:
    import aws_cdk

    return Path(aws_cdk.__file__).parent / "_jsii"


def test_an_explicit_account_and_region_give_the_same_resources(synthesize, assembly) -> None:
    from aws_cdk import Environment

    bound = synthesize(env=Environment(account="210987654321", region="cn-north-1"))
    for stack in ("registry", "workflow"):
        assert bound.resources(stack).keys() == assembly.resources(stack).keys()
    assert '"arn:aws:' not in json.dumps(bound.template("workflow"))


def test_the_app_only_instantiates() -> None:
    tree = ast.parse((ROOT / "app.py").read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.If | ast.For | ast.While | ast.FunctionDef)]


def test_init_writes_the_app_that_this_repository_has() -> None:
    from modelward.cli.starting import APP

    assert (ROOT / "app.py").read_text() == APP


def test_importing_the_package_keeps_a_node_that_was_chosen() -> None:
    code = "import os, modelward_infra; print(os.environ['JSII_NODE'])"
    told = subprocess.run(
        [sys.executable, "-c", code], env={"JSII_NODE": "/my/node"}, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "/my/node"


def test_importing_the_package_finds_a_node_without_starting_the_cdk() -> None:
    code = "import os, sys, modelward_infra; print(os.environ['JSII_NODE'], 'aws_cdk' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True, check=True)
    node, is_started = told.stdout.split()
    assert os.access(node, os.X_OK)
    assert is_started == "False"


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    import modelward_infra

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = modelward_infra.nothing
    assert set(modelward_infra.__all__) <= set(dir(modelward_infra))
