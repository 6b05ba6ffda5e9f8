"""The ledger table: append and read, never change."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from modelward.aws.errors import translated
from modelward.core.gates import Verdict
from modelward.core.ledger import BY_TIME, Entry, EntryKind, Snapshot

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class Ledger:
    """The entries of all models, in one DynamoDB table.

    An item is one entry: key `model` and `entry` (version and number), the index `by-time` sorts a model's entries by
    `at`. Entries are only ever added; nobody has permission to change one.
    """

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Take a boto3 client and the name of the table."""
        self._client = client
        self._table = table

    def append(self, *entries: Entry) -> None:
        """Add entries, all or none, if their numbers are free.

        One is a `PutItem` with a condition, several are a `TransactWriteItems` of them: one call, and nobody ever sees
        the half of what happened at once. IAM asks for `PutItem` in both cases.

        Raises:
            ConflictError: another writer took a number: read the chain again.
            AwsError: any other refusal.
        """
        puts = [self._put(entry) for entry in entries]
        if len(puts) == 1:
            with translated("PutItem", kind="table", name=self._table):
                self._client.put_item(**puts[0])
        elif puts:
            with translated("TransactWriteItems", kind="table", name=self._table):
                self._client.transact_write_items(TransactItems=[{"Put": put} for put in puts])

    def _put(self, entry: Entry) -> Any:
        return {
            "TableName": self._table,
            "Item": item_of(entry),
            "ConditionExpression": "attribute_not_exists(entry)",
        }

    def chain(self, model: str, version: int) -> tuple[Entry, ...]:
        """Read the entries of one version, oldest first, as they are at this moment (consistent `Query`).

        Raises:
            AwsError: a refusal.
        """
        return tuple(
            self._query(
                KeyConditionExpression="model = :model AND begins_with(entry, :version)",
                ExpressionAttributeValues={":model": {"S": model}, ":version": {"S": f"{version:09d}#"}},
                ConsistentRead=True,
            )
        )

    def heads(self, model: str) -> dict[int, Entry]:
        """Read the newest entry of each version of a model; costs what `entries` costs.

        Raises:
            AwsError: a refusal.
        """
        return {entry.version: entry for entry in self.entries(model)}

    def entries(self, model: str) -> Iterator[Entry]:
        """Read all entries of a model, version by version, oldest first (consistent `Query`, 1 MB for each call).

        Raises:
            AwsError: a refusal.
        """
        return self._query(
            KeyConditionExpression="model = :model",
            ExpressionAttributeValues={":model": {"S": model}},
            ConsistentRead=True,
        )

    def history(self, model: str) -> Iterator[Entry]:
        """Read the entries of a model, newest first (`Query` on the index, which may lag by moments).

        Raises:
            AwsError: a refusal.
        """
        return self._query(
            IndexName=BY_TIME,
            KeyConditionExpression="model = :model",
            ExpressionAttributeValues={":model": {"S": model}},
            ScanIndexForward=False,
        )

    def _query(self, **request: Any) -> Iterator[Entry]:
        pages = self._client.get_paginator("query").paginate(TableName=self._table, **request)
        with translated("Query", kind="table", name=self._table):
            for page in pages:
                yield from (entry_of(item) for item in page["Items"])


def item_of(entry: Entry) -> dict[str, Any]:
    """Spell an entry as a DynamoDB item; what is empty is left out."""
    seen = {name: getattr(entry.seen, name) for name in Snapshot.__slots__}
    item: dict[str, Any] = {
        "model": {"S": entry.model},
        "entry": {"S": entry.key},
        "at": {"S": entry.at.astimezone(UTC).isoformat(timespec="microseconds")},
        "kind": {"S": entry.kind.value},
        "who": {"S": entry.who},
        "why": {"S": entry.why},
        "stage": {"S": entry.stage},
        "environment": {"S": entry.environment},
        "token": {"S": entry.token},
        "figures": {"M": {name: _number(value) for name, value in entry.figures.items()}},
        "verdicts": {"L": [{"M": _verdict_item(verdict)} for verdict in entry.verdicts]},
        "facts": {"M": {name: {"S": value} for name, value in entry.facts.items()}},
        "seen": {"M": {name: {"S": value} for name, value in seen.items() if value}},
    }
    return {name: value for name, value in item.items() if next(iter(value.values()))}


def entry_of(item: Any) -> Entry:
    """Read an entry from a DynamoDB item, or from the image in a stream record."""
    version, _, seq = item["entry"]["S"].partition("#")
    return Entry(
        model=item["model"]["S"],
        version=int(version),
        seq=int(seq),
        at=datetime.fromisoformat(item["at"]["S"]),
        kind=EntryKind(item["kind"]["S"]),
        who=_text(item, "who"),
        why=_text(item, "why"),
        stage=_text(item, "stage"),
        environment=_text(item, "environment"),
        token=_text(item, "token"),
        figures={name: _float(value) for name, value in _map(item, "figures").items()},
        verdicts=tuple(_verdict(each["M"]) for each in item.get("verdicts", {}).get("L", [])),
        facts={name: value["S"] for name, value in _map(item, "facts").items()},
        seen=Snapshot(**{name: value["S"] for name, value in _map(item, "seen").items()}),
    )


def _verdict_item(verdict: Verdict) -> dict[str, Any]:
    numbers = {"limit": verdict.limit, "value": verdict.value, "live": verdict.live}
    return {
        "metric": {"S": verdict.metric},
        "rule": {"S": verdict.rule},
        "is_held": {"BOOL": verdict.is_held},
        **{name: _number(value) for name, value in numbers.items() if value is not None},
    }


def _verdict(item: Any) -> Verdict:
    return Verdict(
        metric=item["metric"]["S"],
        rule=item["rule"]["S"],
        limit=_float(item["limit"]),
        value=_float(item["value"]) if "value" in item else None,
        live=_float(item["live"]) if "live" in item else None,
        is_held=item["is_held"]["BOOL"],
    )


def _number(value: float) -> dict[str, str]:
    """Spell a number; DynamoDB has none beyond 1E-130 and 1E+126, so those are kept as text."""
    is_within = value == 0 or 1e-130 <= abs(value) < 1e126
    return {"N" if is_within else "S": repr(value)}


def _float(item: Any) -> float:
    return float(next(iter(item.values())))


def _text(item: Any, name: str) -> str:
    return str(item.get(name, {}).get("S", ""))


def _map(item: Any, name: str) -> Any:
    return item.get(name, {}).get("M", {})
