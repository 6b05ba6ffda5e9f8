"""From an app to a cloud assembly, and what of it is deployed in which order."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from modelward.core.errors import InputError
from modelward.local.deployment import Place, _stacks, _zipped, home, synthesize

APP = """
import json, os, pathlib
out = pathlib.Path(os.environ["CDK_OUTDIR"])
out.mkdir()
seen = {name: os.environ[name] for name in os.environ if name.startswith(("CDK", "AWS"))}
(out / "seen.json").write_text(json.dumps(seen))
"""


def test_an_app_is_run_as_the_cdk_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "cdk.json").write_text('{"app": "python app.py", "context": {"flag": true}}')
    out = synthesize(tmp_path, tmp_path / "cdk.out", account="111122223333", region="eu-west-1")
    seen = json.loads((out / "seen.json").read_text())
    assert json.loads(seen.pop("CDK_CONTEXT_JSON")) == {"flag": True}
    assert seen == {
        "CDK_OUTDIR": str(tmp_path / "cdk.out"),
        "CDK_DEFAULT_ACCOUNT": "111122223333",
        "CDK_DEFAULT_REGION": "eu-west-1",
    }


def test_a_folder_without_an_app_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no app\.py") as refused:
        synthesize(tmp_path, tmp_path / "cdk.out", account="1", region="r")
    assert "--bare" in refused.value.next_step


def test_an_app_that_fails_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit('registry.toml: stage: what is that?')")
    with pytest.raises(InputError, match=r"registry.toml: stage: what is that\?"):
        synthesize(tmp_path, tmp_path / "cdk.out", account="1", region="r")


def write(folder: Path, **stacks: Any) -> Path:
    """Write an assembly of stacks, each given by its place and the resources of its template."""
    artifacts = {}
    for name, (place, resources) in stacks.items():
        (folder / f"{name}.json").write_text(json.dumps({"Resources": resources}))
        properties = {"templateFile": f"{name}.json"}
        artifacts[name] = {"type": "aws:cloudformation:stack", "environment": place, "properties": properties}
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return folder


def test_the_home_of_an_app_is_where_its_groups_are(tmp_path: Path) -> None:
    default, there = Place("123456789012", "us-east-1"), "aws://222222222222/eu-west-1"
    group = {"Group": {"Type": "AWS::SageMaker::ModelPackageGroup"}}
    assert home(write(tmp_path, serving=(there, {}), registry=("aws://111111111111/eu-west-1", group)), default) == (
        Place("111111111111", "eu-west-1")
    )
    anywhere = "aws://unknown-account/unknown-region"
    assert home(write(tmp_path, serving=(there, {}), registry=(anywhere, group)), default) == default
    assert home(write(tmp_path, serving=(there, {}), other=(anywhere, {})), default) == (
        Place("222222222222", "eu-west-1")
    )
    assert home(write(tmp_path, other=("aws://unknown-account/eu-west-1", {})), default) == (
        Place("123456789012", "eu-west-1")
    )
    assert home(write(tmp_path), default) == default


def test_stacks_come_after_those_that_they_depend_on(tmp_path: Path) -> None:
    stack = "aws:cloudformation:stack"
    artifacts = {
        "Tree": {"type": "cdk:tree"},
        "workflow": {"type": stack, "dependencies": ["registry", "workflow.assets"]},
        "workflow.assets": {"type": "cdk:asset-manifest"},
        "registry": {"type": stack},
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    assert [name for name, _ in _stacks(tmp_path)] == ["registry", "workflow"]


def test_a_folder_makes_the_same_zip_whenever_its_files_are_the_same(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "package").mkdir(parents=True)
        (tmp_path / name / "package" / "module.py").write_text("x = 1")
    first, second = (_zipped(tmp_path / name) for name in ("one", "two"))
    assert first == second
    assert zipfile.ZipFile(io.BytesIO(first)).namelist() == ["package/module.py"]
