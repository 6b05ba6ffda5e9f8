"""The commands that read, and plans, over a registry with a past, down to boto3 and the local SageMaker in moto."""

from typing import Any

import pytest

Shell = Any  # the fixtures' class; a conftest cannot be imported by name


def test_versions_are_listed_newest_first(history: Shell) -> None:
    said = history("versions", "digits")
    lines = said.out.splitlines()
    assert (said.code, said.err) == (0, "")
    assert [line.split()[0] for line in lines] == ["VERSION", "v3", "v2", "v1"]
    assert "Production" in lines[3]
    assert "Production/" not in lines[3]
    assert "0.981*" in lines[2]


def test_versions_as_json_carry_all_that_is_known(history: Shell) -> None:
    newest, second, oldest = history("versions", "digits", "--json").json
    assert (newest["version"], second["metadata"], oldest["stage"]) == (3, {"ticket": "ML-7"}, "Production")
    assert oldest["lineage"]["dataset"] == {"name": "digits", "version": "1.0", "uri": "", "sha256": ""}


def test_show_is_the_card_of_one_version(history: Shell) -> None:
    said = history("show", "digits", "v1")
    assert said.code == 0
    assert "approval    Approved  a good start\n" in said.out
    assert "stage       Production/Approved  a week in staging\n" in said.out
    assert history("show", "digits", "1", "--json").json["notes"] == "baseline"


def test_compare_recommends_the_better_version_and_says_why(history: Shell) -> None:
    said = history("compare", "digits", "1", "2")
    assert said.code == 0
    assert "▲ +0.008 better" in said.out
    assert said.out.splitlines()[-1].startswith("v2 should go to production: both pass their gates")
    as_json = history("compare", "digits", "1", "2", "--json").json
    assert (as_json["winner"], as_json["live"]) == (2, 1)


def test_compare_shows_the_gates_that_do_not_hold(history: Shell) -> None:
    assert "✗ 0.61" in history("compare", "digits", "1", "3").out


def test_current_shows_the_holder_of_a_stage(history: Shell) -> None:
    assert history("current", "digits", "Production", "--json").json["version"] == 1


def test_current_of_an_empty_stage_ends_with_the_code_for_what_is_not_there(history: Shell) -> None:
    said = history("current", "digits", "Archived")
    assert (said.code, said.out) == (5, "")
    assert said.err.startswith("error: version of digits that holds stage 'Archived' does not exist.\n  next: ")


def test_history_tells_what_happened_newest_first_and_no_more_than_asked_for(history: Shell) -> None:
    entries = history("history", "digits", "--json").json
    assert {"registered", "approved", "staged", "deploying", "verified"} <= {entry["kind"] for entry in entries}
    assert [entry["at"] for entry in entries] == sorted((entry["at"] for entry in entries), reverse=True)
    assert history("history", "digits", "--limit", "2", "--json").json == entries[:2]
    assert len(history("history", "digits", "--limit", "2").out.splitlines()) == 3


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["versions", "digit"], "There are: digits."),
        (["show", "digits", "9"], "'digits/9'"),
        (["compare", "digits", "1", "9"], "'digits/9'"),
        (["current", "digits", "Prod"], "There are: Development, Staging, Production, Archived."),
        (["approve", "digits", "9", "--reason", "x"], "'digits/9'"),
        (["promote", "digits", "1", "Prod", "--reason", "x"], "stage 'Prod'"),
        (["deploy", "digits", "prod"], "There are: staging, production."),
        (["rollback", "digits", "prod", "--reason", "x"], "There are: staging, production."),
        (["--registry", "nowhere.toml", "versions", "digits"], "nowhere.toml"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(history: Shell, words: list[str], named: str) -> None:
    said = history(*words)
    assert (said.code, said.out) == (5, "")
    assert named in said.err
    assert "\n  next: " in said.err


# --- plans --------------------------------------------------------------------------------------------------------

PLANS = [
    (
        ["approve", "digits", "2", "--reason", "x"],
        "UpdateModelPackage  v2: Approved (x) stage Staging/InProgress (approved: x)",
    ),
    (["reject", "digits", "2", "--reason", "x"], "UpdateModelPackage  v2: Rejected (x)"),
    (
        ["promote", "digits", "2", "Development", "--reason", "x"],
        "UpdateModelPackage  v2: stage Development/Approved (x)",
    ),
    (["rollback", "digits", "production", "--reason", "x", "--to", "1"], ""),
    (["deploy", "digits", "production"], ""),
]


@pytest.mark.parametrize(("words", "line"), PLANS)
def test_a_plan_is_printed_and_nothing_is_changed(history: Shell, words: list[str], line: str) -> None:
    before = history("versions", "digits", "--json").json
    said = history(*words, "--plan")
    assert (said.code, said.out.strip()) == (0, line)
    assert said.err.startswith("plan: ")
    assert ("nothing would be changed" in said.err) == (line == "")
    assert history("versions", "digits", "--json").json == before


@pytest.mark.parametrize(("words", "line"), PLANS)
def test_a_plan_as_json_has_a_reason_and_changes(history: Shell, words: list[str], line: str) -> None:
    plan = history(*words, "--plan", "--json").json
    assert plan["why"]
    assert bool(plan["changes"]) == bool(line)


def test_status_shows_what_serves_where_and_since_when(history: Shell) -> None:
    said = history("status")
    header, staging, production = (line.split() for line in said.out.splitlines())
    assert (said.code, said.err) == (0, "")
    assert header[:5] == ["MODEL", "ENVIRONMENT", "STATE", "LIVE", "WANTED"]
    assert production[:5] == ["digits", "production", "serving", "v1", "v1"]
    assert staging[:2] == ["digits", "staging"]


def test_status_of_one_model_as_json_carries_all_that_is_known(history: Shell) -> None:
    told = {each["environment"]: each for each in history("status", "digits", "--json").json}
    assert told["production"]["state"] == "serving"
    assert told["production"]["verified_at"].startswith("20")
    assert set(told["staging"]) == set(told["production"])


def test_a_watch_of_what_is_served_ends_at_once_with_a_line_each(history: Shell) -> None:
    said = history("status", "--watch")
    assert said.code == 0
    assert "digits in production: serving, live v1, wanted v1" in said.out.splitlines()


def test_status_of_a_model_that_nobody_declared_names_those_that_are(history: Shell) -> None:
    said = history("status", "digit")
    assert (said.code, said.out) == (5, "")
    assert "There are: digits." in said.err
