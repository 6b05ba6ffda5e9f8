"""`modelward adopt` and `modelward plan`, over an account with groups that nobody declared."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from modelward.cli import adopting
from modelward.cli.terminal import Terminal
from modelward.config import load
from modelward.local import moto
from modelward.planning.deployment import Finding

Shell = Any  # the fixtures' class; a conftest cannot be imported by name
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"


@pytest.fixture
def old(shell: Shell) -> Shell:
    """Give an account where two groups were there before, one of them served."""
    sagemaker = boto3.client("sagemaker")
    for name in ("churn", "Fraud-2"):
        sagemaker.create_model_package_group(ModelPackageGroupName=name)
    for _ in range(3):
        arn = register("churn", ModelApprovalStatus="Approved")
        moto.advance(5)
    sagemaker.create_model(
        ModelName="old", PrimaryContainer={"ModelPackageName": arn}, ExecutionRoleArn="arn:aws:iam::123456789012:role/r"
    )
    variant = {"VariantName": "all", "ModelName": "old", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="old", ProductionVariants=[variant])  # type: ignore[list-item]
    sagemaker.create_endpoint(EndpointName="churn-live", EndpointConfigName="old")
    return shell


def register(group: str, **more: Any) -> str:
    container: Any = {"Image": IMAGE, "ModelDataUrl": "s3://theirs/model.tar.gz"}
    types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    return boto3.client("sagemaker").create_model_package(
        ModelPackageGroupName=group, InferenceSpecification={"Containers": [container], **types}, **more
    )["ModelPackageArn"]


def declaration(shell: Shell) -> Path:
    return Path(shell.folder / "registry.toml")


def test_adopt_lists_what_there_is_and_shows_what_it_would_write(old: Shell) -> None:
    before = declaration(old).read_bytes()

    said = old("adopt")

    rows = {line.split()[0]: line.split() for line in said.out.splitlines()[1:4]}
    assert said.code == 0
    assert rows["churn"][1:3] == ["3", "v3"]
    assert rows["churn"][-2:] == ["churn-live", "no"]
    assert rows["digits"][-1] == "yes"
    assert "[models.churn]\nowner = " in said.out
    assert "[models.Fraud-2]\n" in said.out
    assert declaration(old).read_bytes() == before
    assert old("adopt", "--write", "--plan").code == 0
    assert declaration(old).read_bytes() == before


def test_adopt_writes_at_the_end_and_leaves_every_byte_before_as_it_was(old: Shell) -> None:
    before = b"# ours\r\n" + declaration(old).read_bytes().replace(b"\n", b"\r\n").rstrip() + b"  # no end of line"
    declaration(old).write_bytes(before)

    said = old("adopt", "--write")

    after = declaration(old).read_bytes()
    assert said.code == 0, said.err
    assert after.startswith(before)
    assert b"\n" not in after.replace(b"\r\n", b"")
    models = load(declaration(old)).models
    assert list(models) == ["digits", "Fraud-2", "churn"] or list(models) == ["digits", "churn", "Fraud-2"]
    assert models["churn"].existing
    assert not models["digits"].existing


def test_adopt_a_second_time_has_nothing_to_write(old: Shell) -> None:
    old("adopt", "--write")
    once = declaration(old).read_bytes()

    said = old("adopt", "--write")

    assert (said.code, declaration(old).read_bytes()) == (0, once)
    assert "all of them are declared" in said.err


def test_adopt_takes_only_the_groups_that_are_named(old: Shell) -> None:
    said = old("adopt", "churn", "--write", "--json")

    assert [each["group"] for each in said.json["groups"]] == ["churn"]
    assert (said.json["groups"][0]["versions"], said.json["groups"][0]["last"]["version"]) == (3, 3)
    assert said.json["is_written"] is True
    assert "Fraud-2" not in load(declaration(old)).models


def test_adopt_says_when_there_is_no_such_group(old: Shell) -> None:
    said = old("adopt", "chrun")
    assert (said.code, "model package group 'chrun' does not exist" in said.err) == (5, True)


def test_adopt_writes_nothing_where_the_file_would_be_wrong_after_it(old: Shell) -> None:
    text = declaration(old).read_text().split("[models.digits]")[0]
    declaration(old).write_text("models = { }\n" + text)
    before = declaration(old).read_bytes()

    said = old("adopt", "--write")

    assert said.code == 3
    assert declaration(old).read_bytes() == before


@dataclass
class Account:
    """A registry whose account was looked at."""

    found: tuple[Finding, ...]

    def deployment_findings(self) -> tuple[Finding, ...]:
        return self.found


@dataclass
class Desk:
    """What a command is given."""

    terminal: Terminal
    account: Account

    def connect(self) -> Account:
        return self.account


NOTE = Finding("group churn", "is not declared", "`modelward adopt churn`, if it should be.")
BLOCK = Finding("group digits", "is there", "Set existing = true.", is_blocking=True)


@pytest.mark.parametrize(("found", "code"), [((), 0), ((NOTE,), 0), ((BLOCK, NOTE), 13)])
def test_plan_s_exit_code_tells_whether_anything_is_in_the_way(found: tuple[Finding, ...], code: int) -> None:
    for as_json in (False, True):
        out, err = io.StringIO(), io.StringIO()
        desk: Any = Desk(Terminal(out, err), Account(found))
        assert adopting.plan(desk, json=as_json) == code
        assert all(finding.next_step in out.getvalue() for finding in found)
        assert as_json or err.getvalue().startswith("1 to settle" if code else "nothing is in the way")
