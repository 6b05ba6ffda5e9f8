"""A clock that stands still until it is told to move."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class ManualClock:
    """Call it for the time."""

    def __init__(self, start: datetime = START) -> None:
        """Begin at a moment, with a time zone."""
        self._start = start
        self._now = start

    def __call__(self) -> datetime:
        """Tell the time."""
        return self._now

    def set(self, moment: datetime) -> None:
        """Jump to a moment."""
        self._now = moment

    def advance(self, seconds: float) -> datetime:
        """Move forward; return the new time."""
        self._now += timedelta(seconds=seconds)
        return self._now

    def reset(self) -> None:
        """Return to where it began."""
        self._now = self._start
