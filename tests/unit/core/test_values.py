"""Versions, stamps, entries and verdicts as values."""

import json
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelward.core.gates import Verdict
from modelward.core.ledger import Entry, EntryKind, Snapshot
from modelward.core.model_package import (
    ApprovalStatus,
    Caller,
    Dataset,
    Entered,
    LifeCycle,
    Lineage,
    ModelPackage,
    packed,
    unpacked,
)

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ZONES = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=ZONES)  # noqa: DTZ001  # it adds zones
STAGES = st.from_regex(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,20}", fullmatch=True)
VERSION = ModelPackage(
    arn="arn:aws:sagemaker:eu-west-1:123456789012:model-package/digits/3",
    group="digits",
    version=3,
    status="Completed",
    approval_status=ApprovalStatus.APPROVED,
    created_at=NOON,
    modified_at=NOON,
    life_cycle=LifeCycle("Production", "Approved", "released"),
    created_by=Caller("arn:aws:iam::123456789012:user/ana"),
    commit="abc",
    repository="https://example.com/r.git",
    run="arn:run",
    metadata={
        "metric:accuracy": "0.95",
        "metric:log_loss": "0.2",
        "modelward:sha256": "0" * 64,
        "modelward:entered": "Production@2026-01-05T12:00:00+00:00",
        "modelward:branch": "main",
        "modelward:dirty": "true",
        "modelward:diff-sha256": "ab" * 32,
        "modelward:trained-at": "2026-01-05T11:00:00+00:00",
        "modelward:dataset-name": "digits",
        "modelward:dataset-version": "1.0",
        "team": "vision",
    },
)


@given(stage=STAGES, at=MOMENTS)
def test_a_stamp_survives_being_spelled_and_read_in_any_time_zone(stage, at):
    stamp = Entered(stage, at)
    assert Entered.parse(str(stamp)) == stamp
    assert str(Entered.parse(str(stamp))) == str(stamp)
    assert len(str(stamp)) <= 256


@given(text=st.text())
def test_whatever_stands_in_the_metadata_reading_a_stamp_raises_nothing(text):
    stamp = Entered.parse(text)
    assert stamp is None or stamp.at.tzinfo is not None


@pytest.mark.parametrize(
    "text", ["", "Production", "Production@", "Production@yesterday", "Production@2026-01-05T12:00:00"]
)
def test_a_stamp_without_a_moment_in_a_zone_is_none(text):
    assert Entered.parse(text) is None


@given(text=st.text(max_size=300))
def test_any_reason_survives_as_metadata_as_far_as_it_fits(text):
    value = packed(text)
    assert len(value) <= 256
    assert all(char in "_.:/=+-@" or unicodedata.category(char)[0] in "LZN" for char in value)
    assert text.startswith(unpacked(value))
    assert unpacked(value) == text or len(value) > 256 - 12


@given(value=st.text(max_size=256))
def test_whatever_stands_in_the_metadata_reading_a_reason_raises_nothing(value):
    assert isinstance(unpacked(value), str)


def test_a_stamp_counts_only_for_the_stage_where_the_version_stands():
    assert VERSION.entered == Entered("Production", NOON)
    assert replace(VERSION, life_cycle=LifeCycle("Staging", "Approved")).entered is None
    assert replace(VERSION, life_cycle=None).entered is None


def test_a_version_tells_its_figures_and_where_it_came_from():
    assert VERSION.metrics == {"accuracy": 0.95, "log_loss": 0.2}
    assert VERSION.lineage == Lineage(
        commit="abc",
        repository="https://example.com/r.git",
        branch="main",
        is_dirty=True,
        diff_sha256="ab" * 32,
        dataset=Dataset("digits", "1.0"),
        run="arn:run",
        trained_at=NOON - timedelta(hours=1),
    )
    assert (VERSION.stage, VERSION.stage_status, VERSION.is_usable, VERSION.is_approved) == (
        "Production", "Approved", True, True,
    )  # fmt: skip


def test_a_version_registered_by_other_means_tells_that_it_knows_little():
    bare = replace(VERSION, metadata={}, life_cycle=None, commit="", repository="", run="")
    assert (bare.metrics, bare.sha256, bare.entered, bare.stage, bare.stage_status) == ({}, "", None, None, None)
    assert bare.lineage == Lineage()


def test_a_version_is_plain_json_and_keeps_the_people_s_metadata_apart_from_ours():
    told = json.loads(json.dumps(VERSION.to_json()))
    assert told["metadata"] == {"team": "vision"}
    assert told["lineage"]["dataset"] == {"name": "digits", "version": "1.0", "uri": "", "sha256": ""}
    assert json.loads(json.dumps(replace(VERSION, metadata={}).to_json()))["lineage"]["dataset"] is None


def entry(**fields):
    given = {
        "model": "digits", "version": 3, "seq": 2, "at": NOON, "kind": EntryKind.VERIFIED,
        "who": "arn:aws:iam::123456789012:user/ana", "why": "it is InService",
        "stage": "Production", "environment": "production",
    }  # fmt: skip
    return Entry(**(given | fields))


def test_entries_sort_by_version_and_number_as_texts_too():
    keys = [entry(version=v, seq=s).key for v, s in ((1, 1), (1, 2), (1, 10), (2, 1), (10, 1), (999_999_999, 999_999))]
    assert keys == sorted(keys)
    assert keys[0] == "000000001#000001"


def test_an_entry_reads_as_a_line_and_is_plain_json():
    verdict = Verdict("accuracy", "at_least", 0.9, 0.95, None, True)
    full = entry(figures={"accuracy": 0.95}, verdicts=(verdict,), facts={"config": "c"})
    assert str(full) == "2026-01-05 12:00:00 v3 verified (production) by ana: it is InService"
    assert str(entry(environment="", stage="")) == "2026-01-05 12:00:00 v3 verified by ana: it is InService"
    told = json.loads(json.dumps(full.to_json()))
    assert (told["kind"], told["figures"], told["verdicts"][0]["text"]) == (
        "verified", {"accuracy": 0.95}, "accuracy 0.95, at least 0.9: holds",
    )  # fmt: skip


def test_a_snapshot_shows_what_was_seen_of_a_version():
    assert Snapshot.of(replace(VERSION, approval_description="good")) == Snapshot(
        "Approved", "good", "Production", "Approved", "Production@2026-01-05T12:00:00.000000+00:00"
    )
    assert Snapshot.of(replace(VERSION, life_cycle=None)).stage == ""


def test_a_life_cycle_leaves_out_a_description_that_is_empty():
    assert LifeCycle("Staging", "InProgress").to_api() == {"Stage": "Staging", "StageStatus": "InProgress"}
    assert LifeCycle("Staging", "InProgress", "go").to_api()["StageDescription"] == "go"
