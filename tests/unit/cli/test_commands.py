"""The commands through everything below them, down to boto3, against the local SageMaker in moto."""

import hashlib
import json
from typing import Any

import boto3
import pytest

Shell = Any  # the fixtures' class; a conftest cannot be imported by name
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"


def numbers(shell: Shell) -> list[int]:
    return [version["version"] for version in shell("versions", "digits", "--json").json]


def test_a_model_without_versions_is_talk_and_not_a_result(shell: Shell) -> None:
    said = shell("versions", "digits")
    assert (said.code, said.out) == (0, "")
    assert "has no version yet" in said.err
    assert shell("versions", "digits", "--json").json == []
    assert shell("history", "digits").code == 0


def test_the_plan_of_a_registration_lists_uploads_and_the_call(shell: Shell) -> None:
    said = shell.register("one", 0.97, "--plan")
    assert [line.split()[0] for line in said.out.splitlines()] == ["PutObject", "PutObject", "CreateModelPackage"]
    assert numbers(shell) == []


def test_the_version_that_training_went_on_from_is_told(shell: Shell) -> None:
    shell.register("one", 0.95)
    shell.register("two", 0.96, "--parent", "v1")
    assert shell("show", "digits", "2", "--json").json["lineage"]["parent"] == 1
    assert [line.split() for line in shell("show", "digits", "2").out.splitlines()].count(["parent", "v1"]) == 1
    assert "── parent digits v1\n" in shell("lineage", "digits", "2").out


def test_registering_prints_the_version_and_the_same_again_is_the_same_version(shell: Shell) -> None:
    artifact = shell.archive("model.tar.gz")
    words = ("register", "digits", "--artifact", artifact, "--image", IMAGE, "--metric", "accuracy=0.97")
    first, again = shell(*words), shell(*words)
    assert first.code == 0
    assert first.out.startswith("digits v1  arn:aws:sagemaker:eu-west-1:123456789012:model-package/digits/1")
    assert again.out == first.out
    assert numbers(shell) == [1]


def test_figures_come_from_a_file_and_the_command_line_wins(shell: Shell) -> None:
    (shell.folder / "metrics.json").write_text('{"accuracy": 0.5, "log_loss": 0.2}')
    words = ("--artifact", shell.archive("model.tar.gz"), "--image", IMAGE, "--metrics", "metrics.json")
    said = shell("register", "digits", *words, "--metric", "accuracy=0.97", "--json")
    assert said.json["metrics"] == {"accuracy": 0.97, "log_loss": 0.2}


@pytest.mark.parametrize(
    ("text", "found"),
    [(None, "No such file"), ("{", "is not JSON"), ("[1]", "is something else"), ('{"a": "b"}', "is something else")],
)
def test_a_file_of_figures_that_is_none_is_refused_by_name(shell: Shell, text: str | None, found: str) -> None:
    if text is not None:
        (shell.folder / "metrics.json").write_text(text)
    said = shell("register", "digits", "--artifact", "a", "--image", IMAGE, "--metrics", "metrics.json")
    assert said.code == 4
    assert said.err.startswith("error: --metrics metrics.json: ")
    assert found in said.err


def test_a_smoke_test_comes_from_a_file_and_is_seen_in_show_and_compare(shell: Shell) -> None:
    (shell.folder / "smoke.json").write_text('{"payload": [1, 2], "expected": [0], "tolerance": 0.1}')
    shell.register("one", 0.97)
    plan = shell.register("two", 0.98, "--smoke", "smoke.json", "--plan")
    assert [line.split()[0] for line in plan.out.splitlines()] == ["PutObject"] * 3 + ["CreateModelPackage"]
    shell.register("two", 0.98, "--smoke", "smoke.json")
    digest = shell("show", "digits", "2", "--json").json["smoke"]
    assert len(digest) == 64
    assert digest in shell("show", "digits", "2").out.replace("\n", "").replace(" ", "")
    assert "smoke test" in shell("compare", "digits", "1", "2").out
    assert "smoke test" not in shell("compare", "digits", "1", "1").out


@pytest.mark.parametrize(
    ("data", "found"),
    [(None, "No such file"), (b"{", "no JSON"), (b"\xff", "is no UTF-8"), (b'{"payload": ""}', "payload: 0 bytes")],
)
def test_a_smoke_test_that_is_none_is_refused_by_name(shell: Shell, data: bytes | None, found: str) -> None:
    if data is not None:
        (shell.folder / "smoke.json").write_bytes(data)
    said = shell("register", "digits", "--artifact", "a", "--image", IMAGE, "--smoke", "smoke.json")
    assert said.code == 4
    assert found in said.err
    assert numbers(shell) == []


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--dataset-version", "1.0"], "--dataset-name: missing"),
        (["--metric", "accuracy=nan"], "metric accuracy"),
        (["--notes", "two\nlines"], "notes"),
        (["--artifact", "nowhere.tar.gz"], "nowhere.tar.gz"),
    ],
)
def test_what_cannot_be_registered_is_refused_before_anything_is_sent(
    shell: Shell, more: list[str], named: str
) -> None:
    said = shell("register", "digits", "--artifact", shell.archive("model.tar.gz"), "--image", IMAGE, *more)
    assert said.code == 4
    assert named in said.err
    assert numbers(shell) == []


def test_the_way_of_two_versions_to_production_and_back(shell: Shell) -> None:
    shell.register("one", 0.973)
    shell.register("two", 0.981)
    for version in ("1", "2"):
        assert shell("approve", "digits", version, "--reason", "good").out.startswith(f"digits v{version}  Approved")
        shell.settle(int(version))
        said = shell("promote", "digits", version, "Production", "--reason", "better")
        assert said.out == f"digits v{version}  Approved  Production/InProgress\n"
        shell.settle(1, 2)
        assert shell("current", "digits", "Production", "--json").json["version"] == int(version)
    assert shell("deploy", "digits", "production").out == "digits v2  Approved  Production/Approved\n"
    planned = shell("rollback", "digits", "production", "--reason", "sevens", "--plan")
    assert planned.out.splitlines() == [
        "UpdateModelPackage  v1: stage Production/InProgress (sevens)",
        "PutEvents           reconcile digits in production",
    ]
    assert shell("rollback", "digits", "production", "--reason", "sevens").out.startswith("digits v1  Approved")
    shell.settle(1)
    assert shell("current", "digits", "Production", "--json").json["version"] == 1


def test_two_versions_share_the_calls_until_somebody_finishes_that(shell: Shell) -> None:
    declared = shell.folder / "registry.toml"
    declared.write_text(
        declared.read_text().replace("[models.digits]", '[environments.production.rollout]\nstrategy = "ab"\n'
        "percent = 20\n[models.digits]", 1).replace("instance_count = 2", "instance_count = 1")
    )  # fmt: skip
    live(shell, "one", 0.973)
    live(shell, "two", 0.981)
    assert shell("current", "digits", "Production", "--json").json["version"] == 1
    words = ("digits", "production", "60", "--reason", "no complaints")
    planned = shell("ab", "share", *words, "--plan")
    assert planned.out.splitlines() == [
        "UpdateModelPackage  v2: stage Production/InProgress (no complaints) 60 % of the calls",
        "PutEvents           reconcile digits in production",
    ]
    assert shell("ab", "share", *words).out == "digits v2  Approved  Production/InProgress\n"
    shell.settle(1, 2)
    assert shell("history", "digits", "--json").json[0]["why"] == "v2 gets 60 % of the calls: no complaints"
    refused = shell("ab", "finish", "digits", "production", "3", "--reason", "a slip")
    assert "v2 is tried beside v1" in refused.err
    shell("ab", "finish", "digits", "production", "2", "--reason", "more of its answers are taken")
    shell.settle(1, 2)
    assert shell("current", "digits", "Production", "--json").json["version"] == 2


def live(shell: Shell, content: str, accuracy: float) -> None:
    version = str(shell.register(content, accuracy, "--json").json["version"])
    shell("approve", "digits", version, "--reason", "good")
    shell.settle(int(version))
    shell("promote", "digits", version, "Production", "--reason", "better")
    shell.settle(1, int(version))


def test_a_version_answers_all_that_lies_in_a_place(shell: Shell) -> None:
    shell.register("one", 0.973)
    shell("approve", "digits", "1", "--reason", "good")
    s3 = boto3.client("s3", region_name="eu-west-1")
    s3.create_bucket(Bucket="acme-data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    asked = ("transform", "digits", "--version", "v1", "--input", "s3://acme-data/monday/")
    nothing = shell(*asked)
    assert (nothing.code, "object below 's3://acme-data/monday/' does not exist" in nothing.err) == (5, True)

    s3.put_object(Bucket="acme-data", Key="monday/a.csv", Body=b"1,2")
    planned = shell(*asked, "--plan").out.splitlines()
    assert [line.split()[0] for line in planned] == ["CreateModel", "CreateTransformJob"]
    done = shell(*asked, "--output", "s3://acme-data/answers", "--split-type", "None")
    assert (done.code, done.err) == (0, "transforming s3://acme-data/monday/ with digits\n")
    assert done.out.split(maxsplit=1)[1] == "digits v1  Completed  s3://acme-data/answers\n"
    assert s3.get_object(Bucket="acme-data", Key="answers/a.csv.out")
    begun = shell(*asked, "--no-wait", "--json")
    assert begun.json["status"] == "InProgress"
    assert (
        "next: aws sagemaker describe-transform-job --transform-job-name digits-v1-" in shell(*asked, "--no-wait").err
    )
    refused = shell(*asked, "--split-type", "Words")
    assert (refused.code, "'Words' is not Line or None" in refused.err) == (2, True)


def test_asking_for_a_rollout_without_waiting_returns_at_once(shell: Shell) -> None:
    shell.register("one", 0.973)
    shell("approve", "digits", "1", "--reason", "good")
    shell.settle(1)
    shell("promote", "digits", "1", "Production", "--reason", "better")
    said = shell("deploy", "digits", "production", "--no-wait", "--json")
    assert (said.code, said.json["stage_status"]) == (0, "InProgress")


def test_a_version_whose_gates_do_not_hold_is_refused_figure_by_figure(shell: Shell) -> None:
    shell.register("three", 0.61)
    said = shell("approve", "digits", "1", "--reason", "please")
    assert (said.code, said.out) == (6, "")
    assert "  - accuracy 0.61, at least 0.9: refused\n" in said.err


@pytest.mark.parametrize("reason", ["", "   ", "two\nlines"])
def test_a_reason_that_is_none_is_refused(shell: Shell, reason: str) -> None:
    shell.register("one", 0.973)
    assert shell("reject", "digits", "1", "--reason", reason).code == 4


def test_a_rejected_version_says_so(shell: Shell) -> None:
    shell.register("one", 0.973)
    assert shell("reject", "digits", "1", "--reason", "spoiled").out == "digits v1  Rejected  -\n"


def test_a_download_is_the_registered_bytes_and_prints_its_path(shell: Shell) -> None:
    shell.register("one", 0.973)
    said = shell("download", "digits", "1", "--to", "build/x")
    assert said.out == "build/x/model.tar.gz\n"
    digest = hashlib.sha256((shell.folder / "build/x/model.tar.gz").read_bytes()).hexdigest()
    assert digest == shell("show", "digits", "1", "--json").json["sha256"]


def test_bytes_that_were_replaced_are_not_handed_out(shell: Shell) -> None:
    import boto3

    shell.register("one", 0.973)
    uri = shell("show", "digits", "1", "--json").json["artifact_uri"]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=b"other")
    said = shell("download", "digits", "1", "--to", "build")
    assert (said.code, said.out) == (7, "")
    assert list((shell.folder / "build").iterdir()) == []


# --- surroundings -------------------------------------------------------------------------------------------------


def test_a_registry_that_is_not_deployed_here_is_told(shell: Shell) -> None:
    other = (shell.folder / "registry.toml").read_text().replace('"acme"', '"elsewhere"')
    (shell.folder / "other.toml").write_text(other)
    said = shell("--registry", "other.toml", "show", "digits", "1")
    assert said.code == 5
    assert "cdk deploy" in said.err


def test_a_declaration_that_is_wrong_is_told_with_its_key(shell: Shell) -> None:
    (shell.folder / "registry.toml").write_text("[registry]\nnme = 1\n")
    said = shell("versions", "digits")
    assert said.code == 3
    assert "nme" in said.err


def test_another_region_may_be_named(shell: Shell) -> None:
    said = shell("--region", "us-east-1", "show", "digits", "1")
    assert said.code == 5
    assert "deployment 'acme'" in said.err


def test_a_profile_that_does_not_exist_is_a_matter_of_access(shell: Shell) -> None:
    said = shell("--profile", "nobody", "show", "digits", "1")
    assert said.code == 8
    assert "nobody" in said.err


def test_the_listing_is_json_without_any_talk(shell: Shell) -> None:
    shell.register("one", 0.973)
    said = shell("versions", "digits", "--json")
    assert said.err == ""
    assert json.loads(said.out)[0]["version"] == 1


def test_status_before_the_first_version_has_nothing_to_complain_of(shell: Shell) -> None:
    said = shell("status")
    assert [line.split()[2] for line in said.out.splitlines()[1:]] == ["empty", "empty"]
    assert "next:" not in said.out
