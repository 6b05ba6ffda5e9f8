"""A smoke test of a version, run by the deployed function with its own rights, at home and in another account."""

import io
import json
import shutil
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import modelward
from modelward import bootstrap
from modelward.local.up import LocalAws

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
HOME, ABROAD = "111111111111", "222222222222"
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
GOOD = "def model_fn(folder): return 7\ndef predict_fn(data, model): return model\n"
BAD = "def model_fn(folder): return 7\ndef predict_fn(data, model): return data['no such column']\n"
DECLARED = """[registry]
name = "acme"
stages = ["Production", "Archived"]
account = "{home}"
region = "eu-central-1"
[environments.production]
stage = "Production"
account = "{account}"
enter = "on-approval"
[models.digits]
owner = "vision-team"
[models.digits.endpoints.production]
instance_type = "ml.m5.large"
"""


def packed(path: Path, code: str) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(code)
        tar.addfile(member, io.BytesIO(code.encode()))
    return path


def until(look: Callable[[], Any], *, limit_s: float = 60.0) -> None:
    deadline = time.monotonic() + limit_s
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("account", [HOME, ABROAD])
def test_a_version_that_raises_on_its_sample_call_gives_way_and_one_that_answers_is_verified(tmp_path, account) -> None:
    shutil.copy(ROOT / "app.py", tmp_path)
    (tmp_path / "registry.toml").write_text(DECLARED.format(home=HOME, account=account))
    smoke = modelward.SmokeTest([[1]], expected=7.2, tolerance=0.5)
    with LocalAws(account=HOME, region="eu-central-1") as aws:
        aws.deploy(tmp_path, io.StringIO())
        digits = bootstrap.connect(tmp_path / "registry.toml", session=aws.session("admin")).model("digits")
        first = digits.register(packed(tmp_path / "1.tar.gz", GOOD), IMAGE, {}, smoke=smoke)
        aws.wait_idle()
        first.approve(reason="good figures")
        until(lambda: first.refresh().stage_status == "Approved")
        second = digits.register(packed(tmp_path / "2.tar.gz", BAD), IMAGE, {}, smoke=smoke)
        aws.wait_idle()
        second.approve(reason="good figures")
        until(lambda: second.refresh().stage_status == "Rejected")
        assert "its smoke test failed: the model answered 500" in second.refresh().package.life_cycle.description
        until(lambda: digits.history(1)[0].kind == "verified")
        verified = [each for each in digits.history() if each.kind == "verified"]
        assert [each.version for each in verified] == [1, 1]
        assert verified[-1].facts["smoke"] == "its smoke test was answered as expected, within 0.5"
        endpoint = aws.root_client("sagemaker", account=account).describe_endpoint(EndpointName="digits-production")
        assert "-v1-" in endpoint["EndpointConfigName"]
        runtime = aws.root_client("sagemaker-runtime", account=account)
        answer = runtime.invoke_endpoint(
            EndpointName="digits-production", Body=b"[[1]]", ContentType="application/json"
        )
        assert json.load(answer["Body"]) == 7
