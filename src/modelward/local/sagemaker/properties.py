"""Dotted property names of searchable resources: what they mean in the API model, what they find in a record.

The part of a name behind a map is one key, dots and all: `CustomerMetadataProperties.metric:f1.macro`. So is the part
behind `Tags`. A list on the way stands for all of its elements.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from modelward.local.sagemaker.errors import invalid


class Kind(Enum):
    """How values of a property compare."""

    TEXT = auto()
    NUMBER = auto()
    TIME = auto()
    TRUTH = auto()
    COMPOUND = auto()  # has parts; can only be asked for existence


_KINDS = {
    "string": Kind.TEXT,
    "integer": Kind.NUMBER,
    "long": Kind.NUMBER,
    "float": Kind.NUMBER,
    "double": Kind.NUMBER,
    "timestamp": Kind.TIME,
    "boolean": Kind.TRUTH,
}


@dataclass(frozen=True, slots=True)
class Property:
    """A property: the steps to it and the kind of its values."""

    name: str
    steps: tuple[str, ...]
    kind: Kind

    def values(self, document: Any) -> list[Any]:
        """Return what a record has there: nothing, one value, or one for each element of a list."""
        return list(self._found(document))

    def first(self, document: Any) -> Any:
        """Return the first value, or None."""
        return next(self._found(document), None)

    def _found(self, document: Any) -> Iterator[Any]:
        if self.steps[:1] == ("Tags",) and len(self.steps) > 1:
            return (tag["Value"] for tag in document.get("Tags", ()) if tag["Key"] == self.steps[1])
        return _reach(document, self.steps)


def resolve(name: str, shape: StructureShape) -> Property:
    """Find a property of a resource by its dotted name, or answer that it is unknown."""
    steps: list[str] = []
    rest = name
    found: Shape = shape
    while rest:
        if isinstance(found, MapShape) or steps == ["Tags"]:
            return Property(name, (*steps, rest), Kind.TEXT)
        current = _element(found)
        step, _, rest = rest.partition(".")
        if not isinstance(current, StructureShape) or step not in current.members:
            raise invalid(f"Unknown property name: {name}")
        steps.append(step)
        found = current.members[step]
    return Property(name, tuple(steps), _KINDS.get(_element(found).type_name, Kind.COMPOUND))


def _element(shape: Shape) -> Any:
    return shape.member if isinstance(shape, ListShape) else shape


def _reach(value: Any, steps: tuple[str, ...]) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _reach(item, steps)
    elif not steps:
        if value is not None:
            yield value
    elif isinstance(value, Mapping) and steps[0] in value:
        yield from _reach(value[steps[0]], steps[1:])


def parse(kind: Kind, text: str, name: str) -> Any:
    """Read the value of a filter as its property demands."""
    try:
        match kind:
            case Kind.NUMBER:
                return float(text)
            case Kind.TIME:
                moment = datetime.fromisoformat(text)
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            case Kind.TRUTH:
                return {"true": True, "false": False}[text.lower()]
            case _:
                return text
    except (KeyError, ValueError):
        raise invalid(f"Invalid value for property {name}: {text}") from None
