"""What Search sees: each change, some time after it was made."""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any


class SearchIndex:
    """References to the records as Search knows them; records never change, they are replaced."""

    def __init__(self, now: Callable[[], datetime], lag_s: Callable[[], float]) -> None:
        self._now = now
        self._lag_s = lag_s
        self._waiting: deque[tuple[datetime, str, str, Any]] = deque()
        self._known: dict[str, dict[str, Any]] = {}
        self.revision = 0

    def put(self, shelf: str, arn: str, record: Any) -> None:
        """Tell of a record that is new or changed, or gone (None). A shelf is what one search reads."""
        lag_s = self._lag_s()
        if lag_s or self._waiting:
            self._waiting.append((self._now() + timedelta(seconds=lag_s), shelf, arn, record))
        else:
            self._apply(shelf, arn, record)

    def read(self, shelf: str) -> dict[str, Any]:
        """Return the records of a shelf by ARN, as far as the index has come."""
        self.catch_up()
        return self._known.get(shelf, {})

    def shelves(self, prefix: str) -> Iterator[str]:
        """Yield the shelves whose name begins with a prefix."""
        self.catch_up()
        return (shelf for shelf in self._known if shelf.startswith(prefix))

    def catch_up(self) -> None:
        """Take in the changes that are old enough."""
        now = self._now()
        while self._waiting and self._waiting[0][0] <= now:
            self._apply(*self._waiting.popleft()[1:])

    def _apply(self, shelf: str, arn: str, record: Any) -> None:
        self.revision += 1
        records = self._known.setdefault(shelf, {})
        if record is None:
            records.pop(arn, None)
        else:
            records[arn] = record
