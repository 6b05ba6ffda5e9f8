"""What servers of our own say they run, where no endpoint of SageMaker serves a stage."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

NOTHING = 0
"""Reported in the place of a version by a server that has loaded none yet."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The servers of a model in a stage, in one minute.

    Args:
        at: When that minute began.
        servers: How many of them there are, by the version that they run; `NOTHING` while they run none. Where more
            than a few versions are run at once, those between are missing.
    """

    at: datetime
    servers: Mapping[int, int]

    @property
    def count(self) -> int:
        """How many servers reported."""
        return sum(self.servers.values())

    @property
    def most_run(self) -> int | None:
        """The version that most of them run, the newest of several; None when they run none."""
        running = {version: count for version, count in self.servers.items() if version != NOTHING}
        return max(running, key=lambda version: (running[version], version), default=None)

    def others_than(self, version: int) -> int:
        """Count the servers that do not run a version."""
        return self.count - self.servers.get(version, 0)

    def __str__(self) -> str:
        """Say it in one line."""
        said = [f"{_servers(count)} {_what(version)}" for version, count in sorted(self.servers.items(), reverse=True)]
        return f"{', '.join(said)} ({self.at:%H:%M} UTC)"


def _servers(count: int) -> str:
    return f"{count} server{'s' if count > 1 else ''}"


def _what(version: int) -> str:
    return "without a version yet" if version == NOTHING else f"on v{version}"
