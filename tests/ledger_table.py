"""moto's DynamoDB, quick enough for a ledger of thousands of entries. What it answers is moto's own affair still."""

from collections.abc import Sequence
from typing import Any

from moto.core import serialize
from moto.dynamodb.models import Table, dynamodb_backends

_INDEX = 4
"""Where moto hands the name of an index, after three arguments that are of interest here."""


class Partitions(Table):
    """A table that does not sort and compare all that it holds for each query: only what the query can give at all.

    Its indexes have the same hash key as itself.
    """

    within: Sequence[Any] | None = None

    def query(self, hash_key: Any, comparison: str | None, values: Any, *rest: Any, **named: Any) -> Any:
        """Query as moto does, among the items of the key whose range key begins as asked for."""
        is_narrow = comparison == "BEGINS_WITH" and rest[_INDEX] is None
        begin = values[0].value if is_narrow else ""
        items = self.items.get(hash_key, {})
        self.within = [item for key, item in items.items() if key.value.startswith(begin)]
        try:
            return super().query(hash_key, comparison, values, *rest, **named)
        finally:
            self.within = None

    def all_items(self) -> Sequence[Any]:
        """Give the items that a query is to look at, or all."""
        return super().all_items() if self.within is None else self.within


class Serializer(serialize.JSONSerializer):
    """Leaves values of items as they are: moto looks for each kind of value, in each of them, by a dozen names."""

    def _serialize_type_structure(self, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue":
            serialized[key] = value
        else:
            super()._serialize_type_structure(serialized, value, shape, key)


def quicken(account: str, region: str, name: str) -> None:
    """Make a table quick, and all answers of DynamoDB."""
    serialize.SERVICE_SPECIFIC_SERIALIZERS["dynamodb"] = {"json": Serializer}
    dynamodb_backends[account][region].tables[name].__class__ = Partitions
