"""From an app to a cloud assembly, and what of it is deployed in which order."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from modelward.core.errors import InputError
from modelward.local.deployment import _in_order, _zipped, synthesize

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


def test_stacks_come_after_those_that_they_depend_on() -> None:
    stack = "aws:cdk:stack"
    artifacts = {
        "Tree": {"type": "cdk:tree"},
        "workflow": {"type": stack, "dependencies": ["registry", "workflow.assets"]},
        "workflow.assets": {"type": "cdk:asset-manifest"},
        "registry": {"type": stack},
    }
    for artifact in artifacts.values():
        if artifact["type"] == stack:
            artifact["type"] = "aws:cloudformation:stack"
    assert _in_order(artifacts) == ["registry", "workflow"]


def test_a_folder_makes_the_same_zip_whenever_its_files_are_the_same(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "package").mkdir(parents=True)
        (tmp_path / name / "package" / "module.py").write_text("x = 1")
    first, second = (_zipped(tmp_path / name) for name in ("one", "two"))
    assert first == second
    assert zipfile.ZipFile(io.BytesIO(first)).namelist() == ["package/module.py"]
