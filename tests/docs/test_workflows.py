"""The workflows that teams copy, and our own: a linter finds nothing, and their scripts do what they say."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.docs.test_following_documents import CDK_CLI

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / "examples/github/deploy.yml"
ACTION = ROOT / "examples/github/actions/promote/action.yml"
OURS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def lint(*files: Path) -> "subprocess.CompletedProcess[str]":
    """Ask zizmor, which reads GitHub's schemas too, about everything it knows; it needs no network for that."""
    words = [Path(sys.executable).parent / "zizmor", "--offline", "--strict-collection", "--persona", "pedantic"]
    return subprocess.run([*words, "--no-config", *files], capture_output=True, text=True, check=False)


def steps(file: Path) -> dict[str, Any]:
    """Give the steps of a file that have a name."""
    written = yaml.safe_load(file.read_text())
    jobs = written["jobs"].values() if "jobs" in written else [written["runs"]]
    return {step["name"]: step for job in jobs for step in job["steps"] if "name" in step}


def test_the_linter_finds_nothing() -> None:
    done = lint(WORKFLOW, ACTION, *OURS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("    steps:", "    stepz:"),
        ("08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0", "v5"),
        ('"$PULL_REQUEST"', "${{ github.event.pull_request.title }}"),
        ("permissions: {}", "permissions: write-all"),
    ],
)
def test_the_linter_would_find_what_is_wrong(tmp_path: Path, good: str, bad: str) -> None:
    file = tmp_path / ".github/workflows/deploy.yml"
    file.parent.mkdir(parents=True)
    file.write_text(WORKFLOW.read_text().replace(good, bad))
    assert file.read_text() != WORKFLOW.read_text()
    assert lint(file).returncode != 0


def test_the_workflow_runs_the_cdk_that_the_documents_name() -> None:
    assert yaml.safe_load(WORKFLOW.read_text())["env"]["CDK"] == CDK_CLI


def test_the_document_names_every_variable_of_the_workflow() -> None:
    variables = set(re.findall(r"vars\.(\w+)", WORKFLOW.read_text()))
    assert variables == {"AWS_DIFF_ROLE", "AWS_DEPLOY_ROLE", "AWS_REGION", "STACKS"}
    document = (ROOT / "docs/deploy.md").read_text()
    assert [name for name in variables if f"`{name}`" not in document] == []


def test_only_jobs_that_a_role_trusts_ask_for_a_token_and_each_asks_for_one_role() -> None:
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    roles = {name: re.findall(r"vars\.(AWS_\w+_ROLE)", str(job)) for name, job in jobs.items()}
    assert roles == {"diff": ["AWS_DIFF_ROLE"], "deploy": ["AWS_DEPLOY_ROLE"]}
    # The subject of a job without an environment names the pull request, of one with it the environment.
    assert ("environment" in jobs["diff"], "environment" in jobs["deploy"]) == (False, True)


def test_the_action_uses_the_inputs_that_it_declares() -> None:
    declared = yaml.safe_load(ACTION.read_text())["inputs"]
    body = ACTION.read_text().partition("\nruns:")[2]
    assert set(re.findall(r"inputs\.(\w+)", body)) == set(declared)


@pytest.fixture
def bash(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run a step's script as GitHub's runner does, with a program of our own in the place of one."""

    def run(script: str, program: str, code: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / program).write_text(f"#!/bin/bash\n{code}\n")
        (folder / program).chmod(0o755)
        path = f"{folder}{os.pathsep}{os.environ['PATH']}"
        words = [str(shutil.which("bash")), "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(
            words, cwd=tmp_path, env={"PATH": path, **variables}, capture_output=True, text=True, check=False
        )

    return run


@pytest.mark.parametrize("code", [0, 1])
def test_a_difference_is_told_also_when_the_comparison_failed(tmp_path: Path, bash: Any, code: int) -> None:
    script = steps(WORKFLOW)["Compare with what is deployed"]["run"]
    program = f'echo "$@"; printf "x%.0s" {{1..70000}}; exit {code}'
    done = bash(script, "npx", program, CDK=CDK_CLI, GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
    assert done.returncode == code
    comment = (tmp_path / "difference.md").read_text()
    assert comment.startswith(f"```text\n--yes {CDK_CLI} diff --all --method=template --no-color\nxxx")
    assert comment.endswith("xxx\n```\n")
    assert 60_000 < len(comment) < 65_536
    assert (tmp_path / "summary.md").read_text() == comment


def test_the_stacks_of_an_environment_are_deployed_and_no_pattern_is_taken_for_files(tmp_path: Path, bash: Any) -> None:
    (tmp_path / "acme-notes.txt").touch()
    script = steps(WORKFLOW)["Deploy"]["run"]
    done = bash(script, "npx", 'printf "%s|" "$@"', CDK=CDK_CLI, STACKS="acme-* other")
    assert done.stdout.endswith("|deploy|--require-approval|never|--no-color|acme-*|other|")


def test_a_run_that_gives_no_reason_is_the_reason_and_without_an_environment_nothing_is_waited_for(bash: Any) -> None:
    given = {"REGISTRY": "r.toml", "MODEL": "digits", "VERSION": "2", "STAGE": "Production", "ENVIRONMENT": ""}
    told = 'printf "%s|" "$@"; echo'
    done = bash(steps(ACTION)["Promote"]["run"], "modelward", told, **given, REASON="", RUN="run 7")
    assert done.stdout == "--registry|r.toml|promote|digits|2|Production|--reason|run 7|\n"


@pytest.mark.system
def test_the_action_promotes_an_approved_version_and_waits_until_it_serves(
    clone: Path, follow: Callable[..., Any], aws: Any
) -> None:
    reader = follow(clone, **aws.environment())
    reader.shell("python -W error examples/quickstart.py")
    better = "--metric accuracy=0.99 --metric log_loss=0.05"
    reader.shell(f"modelward register digits --artifact build/model.tar.gz --image image {better}")
    reader.settle()
    reader.shell('modelward approve digits 2 --reason "good"')
    reader.settle()
    given = {"REGISTRY": "registry.toml", "MODEL": "digits", "VERSION": "2", "STAGE": "Production"}
    more = {"ENVIRONMENT": "production", "REASON": "", "RUN": "Tests passed in run 7"}
    exports = "\n".join(f"export {name}='{value}'" for name, value in {**given, **more}.items())
    reader.shell(f"{exports}\n{steps(ACTION)['Promote']['run']}")
    assert '"version": 2' in reader.shell("modelward current digits Production --json")
    assert "Tests passed in run 7" in reader.shell("modelward history digits")
