"""Check a request against the API model, as the service itself does, and answer in its words.

botocore checks types, required members and some ranges before it sends; enums, patterns and most lengths it leaves to
the service. Here a shape becomes a *rule* once; a rule takes a value, notes the problems, and returns the value as the
core wants it: copied, members unknown to the shape dropped, epoch seconds as datetimes.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from modelward.local.sagemaker.errors import ApiError, invalid
from modelward.local.sagemaker.patterns import Pattern, translate

_JSON_KINDS = {bool: "TRUE_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE", str: "STRING_VALUE"}


@cache
def service_model(service: str) -> ServiceModel:
    """Load a service's API model from botocore, once."""
    return botocore.session.get_session().get_service_model(service)


def check(operation: str, request: Mapping[str, Any], service: str = "sagemaker") -> dict[str, Any]:
    """Return a checked copy of a request.

    Raises ApiError ValidationException with every problem found, or SerializationException for a wrong JSON type.
    """
    rule = _rule_of(service, operation)
    if rule is None:
        return {}
    problems: list[str] = []
    checked: dict[str, Any] = rule.take(request, "", problems)
    if problems:
        plural = "s" if len(problems) > 1 else ""
        raise invalid(f"{len(problems)} validation error{plural} detected: {'; '.join(problems)}")
    return checked


@cache
def _rule_of(service: str, operation: str) -> "_Structure | None":
    shape = service_model(service).operation_model(operation).input_shape
    return _Structure(shape, {}) if isinstance(shape, StructureShape) else None


class _Rule:
    """What a shape demands of a value. `limits` are the constraints in AWS's words."""

    def take(self, value: Any, path: str, problems: list[str]) -> Any:
        raise NotImplementedError


class _Scalar(_Rule):
    """A leaf: one Python type, and constraints that can be listed. As it stands it takes anything."""

    def __init__(self, shape: Shape) -> None:
        self._low = shape.metadata.get("min")
        self._high = shape.metadata.get("max")

    def limits(self) -> list[str]:
        return []

    def broken(self, value: Any) -> list[str]:  # noqa: ARG002 - most leaves are unconstrained
        return []

    def convert(self, value: Any) -> Any:
        return value

    def take(self, value: Any, path: str, problems: list[str]) -> Any:
        value = self.convert(value)
        problems.extend(_failed(_java(value), path, limit) for limit in self.broken(value))
        return value


class _Text(_Scalar):
    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self._shortest = int(shape.metadata.get("min", 0))
        self._words = tuple(shape.metadata.get("enum", ()))
        text = shape.metadata.get("pattern")
        self._pattern: Pattern | None = translate(text) if text else None

    def limits(self) -> list[str]:
        words = [_enum_limit(self._words)] if self._words else []
        return [
            *words,
            *_length_limits(self._shortest, self._high),
            *([_pattern_limit(self._pattern)] if self._pattern else []),
        ]

    def broken(self, value: Any) -> list[str]:
        found = []
        if self._words and value not in self._words:
            found.append(_enum_limit(self._words))
        if self._pattern and not self._pattern.is_held_by(value):
            found.append(_pattern_limit(self._pattern))
        found += _length_broken(len(value), self._shortest, self._high)
        return found

    def convert(self, value: Any) -> Any:
        if isinstance(value, str):
            return value
        raise _unconvertible(value, "String")


class _Number(_Scalar):
    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self._is_whole = shape.type_name in {"integer", "long"}

    def limits(self) -> list[str]:
        return [text for text, _ in self._bounds(0)]

    def broken(self, value: Any) -> list[str]:
        return [text for text, is_broken in self._bounds(value) if is_broken]

    def _bounds(self, value: float) -> list[tuple[str, bool]]:
        bounds = []
        if self._low is not None:
            bounds.append((f"Member must have value greater than or equal to {self._low}", value < self._low))
        if self._high is not None:
            bounds.append((f"Member must have value less than or equal to {self._high}", value > self._high))
        return bounds

    def convert(self, value: Any) -> Any:
        kinds = (int,) if self._is_whole else (int, float)
        if isinstance(value, kinds) and not isinstance(value, bool):
            return value
        raise _unconvertible(value, "Integer" if self._is_whole else "Float")


class _Truth(_Scalar):
    def convert(self, value: Any) -> Any:
        if isinstance(value, bool):
            return value
        raise _unconvertible(value, "Boolean")


class _Time(_Scalar):
    def convert(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        raise _unconvertible(value, "Timestamp")


class _List(_Rule):
    def __init__(self, shape: ListShape, known: dict[str, _Rule]) -> None:
        self._member = _compile(shape.member, known)
        self._low = shape.metadata.get("min", 0)
        self._high = shape.metadata.get("max")

    def take(self, value: Any, path: str, problems: list[str]) -> Any:
        if not isinstance(value, list | tuple):
            raise _unconvertible(value, "List")
        problems.extend(
            _failed(_java(value), path, limit) for limit in _length_broken(len(value), self._low, self._high)
        )
        if isinstance(self._member, _Scalar):
            return self._scalars(self._member, value, path, problems)
        return [
            self._member.take(item, f"{path}.{number}.member", problems) for number, item in enumerate(value, start=1)
        ]

    @staticmethod
    def _scalars(member: _Scalar, value: Any, path: str, problems: list[str]) -> list[Any]:
        taken = [member.convert(item) for item in value]
        if any(member.broken(item) for item in taken):
            problems.append(
                _failed(_java(value), path, f"Member must satisfy constraint: [{', '.join(member.limits())}]")
            )
        return taken


class _Map(_Rule):
    """A map of text to text: SageMaker has no other in the requests that we take."""

    def __init__(self, shape: MapShape, known: dict[str, _Rule]) -> None:
        self._key = _compile(shape.key, known)
        self._value = _compile(shape.value, known)
        self._low = shape.metadata.get("min", 0)
        self._high = shape.metadata.get("max")

    def take(self, value: Any, path: str, problems: list[str]) -> Any:
        if not isinstance(value, Mapping):
            raise _unconvertible(value, "Map")
        problems.extend(
            _failed(_java(value), path, limit) for limit in _length_broken(len(value), self._low, self._high)
        )
        self._check_all(self._key, value, value.keys(), path, problems)
        if isinstance(self._value, _Scalar):
            self._check_all(self._value, value, value.values(), path, problems)
            return dict(value)
        return {key: self._value.take(item, f"{path}.{key}.member", problems) for key, item in value.items()}

    def _check_all(self, rule: _Rule, whole: Any, items: Any, path: str, problems: list[str]) -> None:
        side = "keys" if rule is self._key else "value"
        if isinstance(rule, _Scalar) and any(rule.broken(rule.convert(item)) for item in items):
            limit = f"Map {side} must satisfy constraint: [{', '.join(rule.limits())}]"
            problems.append(_failed(_java(whole), path, limit))


class _Structure(_Rule):
    def __init__(self, shape: StructureShape, known: dict[str, _Rule]) -> None:
        known[shape.name] = self
        self._required = tuple(shape.required_members)
        self._members = {name: (_lower_camel(name), _compile(member, known)) for name, member in shape.members.items()}

    def take(self, value: Any, path: str, problems: list[str]) -> Any:
        if not isinstance(value, Mapping):
            raise _unconvertible(value, "structure")
        prefix = f"{path}." if path else ""
        problems.extend(
            _failed("null", prefix + self._members[name][0], "Member must not be null", quote=False)
            for name in self._required
            if value.get(name) is None
        )
        taken = {}
        for name, item in value.items():
            if item is not None and name in self._members:
                member_path, rule = self._members[name]
                taken[name] = rule.take(item, prefix + member_path, problems)
        return taken


def _compile(shape: Shape, known: dict[str, _Rule]) -> _Rule:
    if shape.name not in known:
        known[shape.name] = _new_rule(shape, known)
    return known[shape.name]


_LEAVES: Mapping[str, Callable[[Shape], _Scalar]] = {
    "string": _Text,
    "integer": _Number,
    "long": _Number,
    "float": _Number,
    "double": _Number,
    "boolean": _Truth,
    "timestamp": _Time,
}


def _new_rule(shape: Shape, known: dict[str, _Rule]) -> _Rule:
    match shape:
        case StructureShape():
            return _Structure(shape, known)
        case ListShape():
            return _List(shape, known)
        case MapShape():
            return _Map(shape, known)
    return _LEAVES.get(shape.type_name, _Scalar)(shape)


def _lower_camel(name: str) -> str:
    return name[0].lower() + name[1:]


def _failed(value: str, path: str, limit: str, *, quote: bool = True) -> str:
    shown = f"'{value}'" if quote else value
    return f"Value {shown} at '{path}' failed to satisfy constraint: {limit}"


def _enum_limit(words: tuple[str, ...]) -> str:
    return f"Member must satisfy enum value set: [{', '.join(words)}]"


def _pattern_limit(pattern: Pattern) -> str:
    return f"Member must satisfy regular expression pattern: {pattern.text}"


def _length_limits(low: int, high: int | None) -> list[str]:
    most = [] if high is None else [f"Member must have length less than or equal to {high}"]
    return [*most, f"Member must have length greater than or equal to {low}"]


def _length_broken(length: int, low: int, high: int | None) -> list[str]:
    if high is not None and length > high:
        return [f"Member must have length less than or equal to {high}"]
    return [f"Member must have length greater than or equal to {low}"] if length < low else []


def _java(value: Any) -> str:
    """Print a value as Java's toString does, which is what AWS's messages show."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={_java(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_java(item) for item in value)}]"
    return str(value)


def _unconvertible(value: Any, wanted: str) -> ApiError:
    kind = _JSON_KINDS.get(type(value))
    if kind is None:
        return ApiError("SerializationException", "Start of structure or map found where not expected.")
    if isinstance(value, bool) and not value:
        kind = "FALSE_VALUE"
    return ApiError("SerializationException", f"{kind} can not be converted to a {wanted}")
