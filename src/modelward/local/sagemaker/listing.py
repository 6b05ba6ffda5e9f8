"""Records in the order of their creation, and pages of them by cursor.

A page starts behind the last record of the page before, wherever that record now is: nothing is sorted again, and
records that come or go between two pages neither repeat nor hide others.
"""

import base64
import binascii
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Generic, TypeVar

from modelward.local.sagemaker.errors import invalid

R = TypeVar("R")
DEFAULT_PAGE = 10
LARGEST_PAGE = 100


class Order:
    """Sequence numbers, ascending."""

    def __init__(self) -> None:
        self._numbers: list[int] = []

    def __len__(self) -> int:
        return len(self._numbers)

    def append(self, number: int) -> None:
        """Add a number larger than all others."""
        self._numbers.append(number)

    def remove(self, number: int) -> None:
        """Take a number out."""
        del self._numbers[bisect_left(self._numbers, number)]

    def walk(self, *, is_descending: bool, behind: int | None = None) -> Iterator[int]:
        """Yield the numbers in either direction, from behind one of them."""
        numbers = self._numbers
        if is_descending:
            start = len(numbers) if behind is None else bisect_left(numbers, behind)
            return (numbers[index] for index in range(start - 1, -1, -1))
        start = 0 if behind is None else bisect_right(numbers, behind)
        return islice(numbers, start, None)


class Shelf(Generic[R]):
    """Records by key, which also remember the order in which they came."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._records: dict[int, R] = {}
        self._order = Order()
        self._last = 0

    def __contains__(self, key: str) -> bool:
        return key in self._numbers

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[R]:
        return iter(self._records.values())

    def get(self, key: str) -> R | None:
        """Find a record."""
        number = self._numbers.get(key)
        return None if number is None else self._records.get(number)  # it may go while somebody looks without a lock

    def add(self, key: str, record: R) -> int:
        """Put a record last; return its number."""
        self._last += 1
        self._numbers[key] = self._last
        self._records[self._last] = record
        self._order.append(self._last)
        return self._last

    def replace(self, key: str, record: R) -> None:
        """Put a record where its predecessor was."""
        self._records[self._numbers[key]] = record

    def remove(self, key: str) -> int:
        """Take a record away; return the number it had."""
        number = self._numbers.pop(key)
        del self._records[number]
        self._order.remove(number)
        return number

    def at(self, number: int) -> R:
        """Find a record by its number."""
        return self._records[number]

    def walk(
        self, *, is_descending: bool, behind: int | None = None, order: Order | None = None
    ) -> Iterator[tuple[int, R]]:
        """Yield (number, record) by creation, all or those of an order."""
        walked = self._order if order is None else order
        return ((number, self._records[number]) for number in walked.walk(is_descending=is_descending, behind=behind))


def read_token(request: Mapping[str, Any], kind: str) -> Any:
    """Return the cursor that a NextToken carries, or None; a token of another request is refused."""
    token = request.get("NextToken")
    if not token:
        return None
    try:
        found_kind, cursor = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError, TypeError):
        raise invalid("Invalid pagination token.") from None
    if found_kind != kind:
        raise invalid("Invalid pagination token: it belongs to another request.")
    return tuple(cursor) if isinstance(cursor, list) else cursor


def write_token(kind: str, cursor: Any) -> str:
    """Return a NextToken."""
    return base64.urlsafe_b64encode(json.dumps([kind, cursor]).encode()).decode()


def page(
    found: Iterable[tuple[Any, R]], request: Mapping[str, Any], member: str, kind: str, show: Callable[[R], Any]
) -> dict[str, Any]:
    """Return one page of (cursor, record) pairs as a List operation answers it."""
    limit = request.get("MaxResults", DEFAULT_PAGE)
    taken = list(islice(found, limit + 1))
    answer: dict[str, Any] = {member: [show(record) for _, record in taken[:limit]]}
    if len(taken) > limit:
        answer["NextToken"] = write_token(kind, taken[limit - 1][0])
    return answer


def is_within(moment: datetime, request: Mapping[str, Any], member: str) -> bool:
    """Tell whether a time passes the filters `<member>After` and `<member>Before`, both exclusive."""
    after, before = request.get(f"{member}After"), request.get(f"{member}Before")
    return (after is None or moment > after) and (before is None or moment < before)


def sorted_listing(
    shelf: Shelf[R],
    request: Mapping[str, Any],
    kind: str,
    keys: Mapping[str, Callable[[R], Any]],
    *,
    default_order: str = "Descending",
) -> Iterator[tuple[Any, R]]:
    """Yield (cursor, record) in the order that SortBy and SortOrder ask for, from behind the token.

    By time, which is the default, a cursor is a number. By anything else it is what the function of that name in `keys`
    returns, which must be different for each record.
    """
    is_descending = request.get("SortOrder", default_order) == "Descending"
    behind = read_token(request, kind)
    key = keys.get(request.get("SortBy", ""))
    if key is None:
        return shelf.walk(is_descending=is_descending, behind=behind)
    return behind_cursor(((key(record), record) for record in shelf), behind, is_descending=is_descending)


def behind_cursor(pairs: Iterable[tuple[Any, R]], behind: Any, *, is_descending: bool) -> Iterator[tuple[Any, R]]:
    """Sort (cursor, record) pairs and yield those from behind a cursor."""
    ordered = sorted(pairs, key=lambda pair: pair[0], reverse=is_descending)
    return (pair for pair in ordered if behind is None or (pair[0] < behind if is_descending else pair[0] > behind))
