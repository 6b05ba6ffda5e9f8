"""Tags and promotions by them, as people and CI type them."""

import subprocess
from typing import Any

Shell = Any  # the fixtures' class; a conftest cannot be imported by name


def git(shell: Shell, *arguments: str) -> str:
    command = ["git", "-c", "init.defaultBranch=main", *arguments]
    return subprocess.run(command, cwd=shell.folder, check=True, capture_output=True, text=True).stdout.strip()


def committed(shell: Shell) -> None:
    git(shell, "init")
    git(shell, "config", "user.name", "Ana")
    git(shell, "config", "user.email", "ana@example.com")
    git(shell, "commit", "--allow-empty", "--message", "First")


def test_a_version_is_tagged_listed_and_promoted_by_its_tag(shell: Shell) -> None:
    committed(shell)
    shell.register("one", 0.973)
    planned = shell("tag", "digits", "1", "--stage", "production", "--plan")
    assert "would be written" in planned.err
    assert git(shell, "tag", "--list") == ""
    said = shell("tag", "digits", "1", "--stage", "production", "--message", "a week in staging")
    assert said.out == planned.out
    assert said.err == "  next: git push origin 'digits@v1.0.0' 'digits#production#1'\n"
    listed = shell("tag", "digits", "--json").json
    assert {each["tag"] for each in listed} == {"digits@v1.0.0", "digits#production#1"}
    refused = shell("promote", "--from-tag", "refs/tags/digits#production#1")
    assert "not approved" in refused.err or "Pending" in refused.err
    shell("approve", "digits", "1", "--reason", "good")
    promoted = shell("promote", "--from-tag", "refs/tags/digits#production#1", "--json")
    assert (promoted.code, promoted.json["stage"]) == (0, "Production")
    assert "git tag digits#production#1: a week in staging" in shell("show", "digits", "1", "--json").out


def test_without_tags_that_is_said(shell: Shell) -> None:
    committed(shell)
    assert "no such tag" in shell("tag", "digits").err


def test_a_promotion_takes_all_or_a_tag(shell: Shell) -> None:
    for words in (["digits", "1", "Production"], ["digits"], [], ["digits", "--from-tag", "digits#production"]):
        said = shell("promote", *words)
        assert said.code != 0
        assert "--reason WHY, or --from-tag TAG" in said.err
