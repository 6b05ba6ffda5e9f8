"""How events leave: as they come, unless a test wants them doubled, lost, late or out of order.

Each switch holds for the next events that match, `count` of them, or for all if `count` is None; the first switch that
matches an event decides::

    core.deliveries.duplicate(of("SageMaker Model Package State Change"))
    core.deliveries.delay(30, count=1)
    core.deliveries.swap()          # the next two arrive in the other order
    core.deliveries.lose(count=None)
    core.deliveries.clear()         # normal again; what is held back leaves
"""

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from modelward.local.sagemaker.scope import Event

Matches = Callable[[Event], bool]
Handle = Callable[[Event, datetime], None]


def of(detail_type: str, **details: str) -> Matches:
    """Match events of a type whose detail has these members, for instance `EndpointStatus="IN_SERVICE"`."""

    def matches(event: Event) -> bool:
        said = event["detail"]
        return event["detail-type"] == detail_type and all(said.get(name) == value for name, value in details.items())

    return matches


def every(_event: Event) -> bool:
    """Match all events."""
    return True


@dataclass(slots=True)
class _Switch:
    matches: Matches
    handle: Handle
    left: int | None


@dataclass(slots=True)
class Deliveries:
    """The events on their way. `lost` are those that never arrive."""

    lost: list[Event] = field(default_factory=list)
    _switches: list[_Switch] = field(default_factory=list)
    _waiting: list[tuple[datetime, int, Event]] = field(default_factory=list)
    _held: list[Event] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def duplicate(self, matches: Matches = every, *, copies: int = 2, count: int | None = 1) -> None:
        """Let events arrive more than once."""

        def handle(event: Event, at: datetime) -> None:
            for _ in range(copies):
                self._send(event, at)

        self._add(matches, handle, count)

    def lose(self, matches: Matches = every, *, count: int | None = 1) -> None:
        """Let events not arrive."""
        self._add(matches, lambda event, _at: self.lost.append(event), count)

    def delay(self, seconds: float, matches: Matches = every, *, count: int | None = 1) -> None:
        """Let events arrive later, on the core's clock."""
        self._add(matches, lambda event, at: self._send(event, at + timedelta(seconds=seconds)), count)

    def swap(self, matches: Matches = every, *, count: int | None = 1) -> None:
        """Let an event arrive after the next one that matches; `count` pairs."""
        self._add(matches, self._swap, None if count is None else 2 * count)

    def clear(self) -> None:
        """Deliver as usual from now on; what was held back or delayed leaves at once."""
        self._switches.clear()
        released = [event for _, _, event in sorted(self._waiting)] + self._held
        self._waiting.clear()
        self._held.clear()
        for event in released:
            self._send(event, event["time"])

    # For the core

    @property
    def next_due(self) -> datetime | None:
        """When the next event leaves."""
        return self._waiting[0][0] if self._waiting else None

    def accept(self, event: Event, at: datetime) -> None:
        """Take an event that has just come about."""
        switch = next((each for each in self._switches if each.matches(event)), None)
        if switch is None:
            self._send(event, at)
            return
        switch.handle(event, at)
        if switch.left is not None:
            switch.left -= 1
            self._switches = [each for each in self._switches if each.left != 0]

    def take(self, at: datetime) -> Event | None:
        """Return an event that leaves by now, the one that is due first."""
        if not self._waiting or self._waiting[0][0] > at:
            return None
        return heapq.heappop(self._waiting)[2]

    def _add(self, matches: Matches, handle: Handle, count: int | None) -> None:
        self._switches.append(_Switch(matches, handle, count))

    def _send(self, event: Event, at: datetime) -> None:
        heapq.heappush(self._waiting, (at, next(self._numbers), event))

    def _swap(self, event: Event, at: datetime) -> None:
        if not self._held:
            self._held.append(event)
            return
        self._send(event, at)
        self._send(self._held.pop(), at)
