"""Entries as DynamoDB items, there and back."""

from datetime import UTC, datetime, timedelta, timezone

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelward.aws.ledger import Ledger, entry_of, item_of
from modelward.core.errors import AwsError, ConflictError
from modelward.core.gates import Verdict
from modelward.core.ledger import Entry, EntryKind, Snapshot

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=40)
ZONES = st.integers(-12, 12).map(lambda hours: timezone(timedelta(hours=hours)))
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=ZONES)  # noqa: DTZ001  # it adds zones
VERDICTS = st.builds(
    Verdict,
    metric=TEXTS.filter(bool),
    rule=st.sampled_from(["at_least", "at_most", "worse_than_live_by_at_most"]),
    limit=NUMBERS,
    value=st.none() | NUMBERS,
    live=st.none() | NUMBERS,
    is_held=st.booleans(),
)
ENTRIES = st.builds(
    Entry,
    model=st.just("digits"),
    version=st.integers(1, 999_999_999),
    seq=st.integers(1, 999_999),
    at=MOMENTS,
    kind=st.sampled_from(EntryKind),
    who=TEXTS,
    why=TEXTS,
    stage=TEXTS,
    environment=TEXTS,
    token=TEXTS,
    figures=st.dictionaries(TEXTS.filter(bool), NUMBERS, max_size=4),
    verdicts=st.lists(VERDICTS, max_size=3).map(tuple),
    facts=st.dictionaries(TEXTS.filter(bool), TEXTS, max_size=3),
    seen=st.builds(Snapshot, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS),
)


@given(entry=ENTRIES)
def test_an_entry_survives_being_stored_and_read(entry):
    assert entry_of(item_of(entry)) == entry


@given(entry=ENTRIES)
def test_an_item_holds_only_what_dynamodb_takes(entry):
    for kind, value in leaves(item_of(entry)):
        assert kind in {"S", "N", "BOOL"}
        if kind == "N":
            assert float(value) == 0 or 1e-130 <= abs(float(value)) < 1e126
            assert len(value.partition("e")[0].strip("-").replace(".", "")) <= 38


def leaves(item):
    for each in item.values():
        yield from leaf(each)


def leaf(value):
    ((kind, inner),) = value.items()
    if kind == "M":
        yield from leaves(inner)
    elif kind == "L":
        for each in inner:
            yield from leaf(each)
    else:
        yield kind, inner


@given(one=MOMENTS, other=MOMENTS)
def test_entries_sort_by_time_as_texts_whatever_zone_they_were_seen_in(one, other):
    spelled = [item_of(entry(at=at))["at"]["S"] for at in (one, other)]
    assert (spelled[0] < spelled[1]) == (one < other)


def entry(**fields):
    given = {"model": "digits", "version": 1, "seq": 1, "at": datetime(2026, 1, 5, tzinfo=UTC),
             "kind": EntryKind.REGISTERED, "who": "ana", "why": "new"}  # fmt: skip
    return Entry(**(given | fields))


def test_an_entry_may_be_read_that_lacks_what_was_empty():
    item = {"model": {"S": "digits"}, "entry": {"S": "000000001#000001"}, "kind": {"S": "registered"},
            "at": {"S": "2026-01-05T00:00:00+00:00"}}  # fmt: skip
    assert entry_of(item) == entry(who="", why="")


@pytest.fixture
def ledger(monkeypatch):
    from moto import mock_aws

    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        client = boto3.Session(region_name="eu-west-1").client("dynamodb")
        keys = {"model": "HASH", "entry": "RANGE"}
        client.create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in (*keys, "at")],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-time",
                    "KeySchema": [
                        {"AttributeName": "model", "KeyType": "HASH"},
                        {"AttributeName": "at", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        yield Ledger(client, "ledger")


def test_a_number_is_taken_by_one_writer_only(ledger):
    ledger.append(entry(why="first"))
    with pytest.raises(ConflictError):
        ledger.append(entry(why="second"))
    assert [each.why for each in ledger.chain("digits", 1)] == ["first"]


def test_entries_that_are_written_together_are_all_there_or_none(ledger):
    ledger.append(entry(seq=1), entry(seq=2))
    assert [each.seq for each in ledger.chain("digits", 1)] == [1, 2]
    with pytest.raises(ConflictError):
        ledger.append(entry(seq=3), entry(seq=2, why="late"))
    assert [each.seq for each in ledger.chain("digits", 1)] == [1, 2]
    ledger.append()


def test_chains_heads_and_history_are_read_in_their_order(ledger):
    start = datetime(2026, 1, 5, tzinfo=UTC)
    for minute, (version, seq) in enumerate([(1, 1), (2, 1), (1, 2), (10, 1), (1, 3)]):
        ledger.append(entry(version=version, seq=seq, at=start + timedelta(minutes=minute)))
    ledger.append(entry(model="other", at=start))

    assert [each.seq for each in ledger.chain("digits", 1)] == [1, 2, 3]
    assert ledger.chain("digits", 7) == ()
    assert {version: each.seq for version, each in ledger.heads("digits").items()} == {1: 3, 2: 1, 10: 1}
    assert [each.key for each in ledger.history("digits")] == [
        "000000001#000003", "000000010#000001", "000000001#000002", "000000002#000001", "000000001#000001",
    ]  # fmt: skip


def test_a_missing_table_is_a_broken_deployment_and_not_an_end_of_the_matter(ledger):
    with pytest.raises(AwsError, match="table elsewhere is part of the deployment"):
        Ledger(ledger._client, "elsewhere").chain("digits", 1)
