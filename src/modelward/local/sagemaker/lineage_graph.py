"""Lineage as a graph: entities, associations, and walks along them."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from modelward.local.sagemaker.listing import Shelf


class Kind(StrEnum):
    """LineageType."""

    ACTION = "Action"
    ARTIFACT = "Artifact"
    CONTEXT = "Context"


class Link(StrEnum):
    """AssociationType, as far as SageMaker sets it by itself here."""

    CONTRIBUTED_TO = "ContributedTo"
    ASSOCIATED_WITH = "AssociatedWith"


@dataclass(frozen=True, slots=True)
class Entity:
    """An action, an artifact or a context. `more` are the members that only its kind has, and the optional ones."""

    kind: Kind
    arn: str
    name: str
    type: str
    source: Mapping[str, Any]
    created_at: datetime
    created_by: Mapping[str, Any]
    more: Mapping[str, Any] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Return an entry of ListActions, ListArtifacts or ListContexts."""
        status = {"Status": self.more["Status"]} if "Status" in self.more else {}
        named = {f"{self.kind}Name": self.name} if self.name else {}
        return {
            f"{self.kind}Arn": self.arn,
            **named,
            "Source": self.source,
            f"{self.kind}Type": self.type,
            **status,
            "CreationTime": self.created_at,
            "LastModifiedTime": self.created_at,
        }

    def describe(self) -> dict[str, Any]:
        """Return the answer of DescribeAction, DescribeArtifact or DescribeContext."""
        group = f"{self.arn.rpartition(':')[0]}:lineage-group/sagemaker-default-lineage-group"
        who = {"CreatedBy": self.created_by, "LastModifiedBy": self.created_by}
        return {**self.summary(), **self.more, **who, "LineageGroupArn": group}


@dataclass(frozen=True, slots=True)
class Association:
    """An arrow from one entity to another."""

    source: Entity
    destination: Entity
    type: str
    created_at: datetime
    created_by: Mapping[str, Any]

    @property
    def key(self) -> str:
        """What there can be one of."""
        return f"{self.source.arn} {self.destination.arn}"

    def summary(self) -> dict[str, Any]:
        """Return an entry of ListAssociations."""
        names = {"SourceName": self.source.name, "DestinationName": self.destination.name}
        typed = {"AssociationType": self.type} if self.type else {}
        return {
            "SourceArn": self.source.arn,
            "DestinationArn": self.destination.arn,
            "SourceType": self.source.type,
            "DestinationType": self.destination.type,
            **typed,
            **{member: name for member, name in names.items() if name},
            "CreationTime": self.created_at,
            "CreatedBy": self.created_by,
        }

    def edge(self) -> dict[str, Any]:
        """Return it as QueryLineage does."""
        typed = {"AssociationType": self.type} if self.type else {}
        return {"SourceArn": self.source.arn, "DestinationArn": self.destination.arn, **typed}


@dataclass(frozen=True, slots=True)
class Walk:
    """What was found from some entities on: each with the one before it on the way."""

    found: Mapping[str, str]
    starts: tuple[str, ...]

    def on_the_way_to(self, arns: Iterator[str]) -> set[str]:
        """Return all that lies between the starts and some of what was found, these included."""
        kept: set[str] = set()
        for arn in arns:
            while arn in self.found and arn not in kept:
                kept.add(arn)
                arn = self.found[arn]  # noqa: PLW2901 - one step back
        return kept


class Graph:
    """All entities and associations of an account and region."""

    def __init__(self) -> None:
        self.shelves: dict[Kind, Shelf[Entity]] = {kind: Shelf() for kind in Kind}
        self.associations: Shelf[Association] = Shelf()
        self._out: dict[str, list[str]] = {}
        self._into: dict[str, list[str]] = {}

    def add(self, entity: Entity) -> Entity:
        """Put an entity in, or return the one that has its ARN."""
        shelf = self.shelves[entity.kind]
        known = shelf.get(entity.arn)
        if known is None:
            shelf.add(entity.arn, entity)
        return known or entity

    def find(self, arn: str) -> Entity | None:
        """Find an entity of any kind."""
        found = (shelf.get(arn.lower()) for shelf in self.shelves.values())
        return next((entity for entity in found if entity is not None), None)

    def link(self, association: Association) -> None:
        """Put an association in; one between the same entities is replaced."""
        if association.key in self.associations:
            self.associations.replace(association.key, association)
            return
        self.associations.add(association.key, association)
        source, destination = association.source.arn, association.destination.arn
        self._out.setdefault(source, []).append(destination)
        self._into.setdefault(destination, []).append(source)

    def unlink(self, source: str, destination: str) -> bool:
        """Take an association out; tell whether it was there."""
        key = f"{source} {destination}"
        if key not in self.associations:
            return False
        self.associations.remove(key)
        self._out[source].remove(destination)
        self._into[destination].remove(source)
        return True

    def walk(self, starts: tuple[str, ...], direction: str, depth: int) -> Walk:
        """Go from entities to what they came from (Ascendants), what came of them (Descendants), or both ways."""
        found: dict[str, str] = {}
        queue = deque((start, 0) for start in starts)
        while queue:
            here, far = queue.popleft()
            for arn in self._next_to(here, direction) if far < depth else ():
                if arn not in found and arn not in starts:
                    found[arn] = here
                    queue.append((arn, far + 1))
        return Walk(found, starts)

    def edges_within(self, arns: set[str]) -> list[dict[str, Any]]:
        """Return the associations between some entities."""
        return [each.edge() for each in self.associations if {each.source.arn, each.destination.arn} <= arns]

    def _next_to(self, arn: str, direction: str) -> list[str]:
        ways: Mapping[str, Callable[[], list[str]]] = {
            "Ascendants": lambda: self._into.get(arn, []),
            "Descendants": lambda: self._out.get(arn, []),
            "Both": lambda: self._into.get(arn, []) + self._out.get(arn, []),
        }
        return ways[direction]()
