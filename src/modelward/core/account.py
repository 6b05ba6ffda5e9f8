"""What an account holds besides what is declared, as values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelward.core.model_package import ModelPackage


@dataclass(frozen=True, slots=True)
class Group:
    """A Model Package Group, as ListModelPackageGroups tells of it."""

    name: str
    description: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A group with what people want to know before they adopt it.

    Args:
        group: The group.
        versions: How many versions it has, as far as the search index knows.
        last: The newest of them; None when there is none.
        endpoints: Names of the endpoints that serve any of them, sorted.
        is_declared: Whether registry.toml declares it.
    """

    group: Group
    versions: int
    last: ModelPackage | None
    endpoints: tuple[str, ...]
    is_declared: bool

    def to_json(self) -> dict[str, Any]:
        """Spell it for programs."""
        return {
            "group": self.group.name,
            "created_at": self.group.created_at.isoformat(),
            "versions": self.versions,
            "last": self.last and self.last.to_json(),
            "endpoints": list(self.endpoints),
            "is_declared": self.is_declared,
        }
