"""Search expressions, compiled to predicates over records."""

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.model import StructureShape

from modelward.local.sagemaker.errors import invalid
from modelward.local.sagemaker.properties import Kind, Property, parse, resolve

Predicate = Callable[[Any], bool]
LARGEST = 50
_ORDERINGS: Mapping[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


def compile_expression(expression: Mapping[str, Any], shape: StructureShape) -> Predicate:
    """Return a predicate for a SearchExpression on resources of a shape.

    Raises ApiError for unknown properties, operators that a property's kind does not allow, and expressions too large.
    """
    filters = list(_filters(expression))
    if len(filters) + sum(1 for _ in _subexpressions(expression)) > LARGEST:
        raise invalid(f"A search expression can have at most {LARGEST} filters and sub-expressions.")
    if sum(each.get("Operator") == "Contains" for each in filters) > 1:
        raise invalid("'CONTAINS' operator usage limit of 1 exceeded.")
    return _compile(expression, shape)


def _compile(expression: Mapping[str, Any], shape: StructureShape) -> Predicate:
    parts = [
        *(compile_filter(each, shape) for each in expression.get("Filters", ())),
        *(_nested(each, shape) for each in expression.get("NestedFilters", ())),
        *(_compile(each, shape) for each in expression.get("SubExpressions", ())),
    ]
    if not parts:
        return lambda _document: True
    if expression.get("Operator", "And") == "Or":
        return lambda document: any(part(document) for part in parts)
    return lambda document: all(part(document) for part in parts)


def compile_filter(given: Mapping[str, Any], shape: StructureShape) -> Predicate:
    """Return a predicate for one filter."""
    return _test(given, resolve(given["Name"], shape))


def _nested(given: Mapping[str, Any], shape: StructureShape) -> Predicate:
    """Let one element of a list satisfy all filters; their names begin with the list's."""
    parent = resolve(given["NestedPropertyName"], shape)
    prefix = parent.name + "."
    tests = []
    for each in given["Filters"]:
        if not each["Name"].startswith(prefix):
            raise invalid(f"Nested filter {each['Name']} must begin with {prefix}")
        whole = resolve(each["Name"], shape)
        inner = Property(whole.name, whole.steps[len(parent.steps) :], whole.kind)
        tests.append(_test(each, inner))
    return lambda document: any(all(test(item) for test in tests) for item in parent.values(document))


def _test(given: Mapping[str, Any], prop: Property) -> Predicate:
    action = given.get("Operator", "Equals" if "Value" in given else "Exists")
    if action == "Exists":
        return lambda document: bool(prop.values(document))
    if action == "NotExists":
        return lambda document: not prop.values(document)
    if "Value" not in given:
        raise invalid(f"Filter on {prop.name} with operator {action} must have a Value.")
    return _comparison(action, prop, given["Value"])


def _comparison(action: str, prop: Property, text: str) -> Predicate:
    _check_kind(action, prop)
    if action == "In":
        allowed = {each.strip() for each in text.split(",")}
        return lambda document: any(value in allowed for value in prop.values(document))
    if action == "Contains":
        return lambda document: any(text in value for value in prop.values(document))
    wanted = parse(prop.kind, text, prop.name)
    if action == "NotEquals":
        return lambda document: wanted not in prop.values(document)
    if action == "Equals":
        return lambda document: wanted in prop.values(document)
    compare = _ORDERINGS[action]
    return lambda document: any(compare(value, wanted) for value in prop.values(document))


def _check_kind(action: str, prop: Property) -> None:
    is_text = prop.kind is Kind.TEXT
    if prop.kind is Kind.COMPOUND:
        raise invalid(f"Operator {action} is not supported for {prop.name}: name one of its properties.")
    if action in {"In", "Contains"} and not is_text:
        raise invalid(f"Operator {action} is only supported for text properties, and {prop.name} is none.")
    if action in _ORDERINGS and (is_text or prop.kind is Kind.TRUTH):
        raise invalid(f"Operator {action} is not supported for text properties such as {prop.name}.")


def _subexpressions(expression: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for each in expression.get("SubExpressions", ()):
        yield each
        yield from _subexpressions(each)


def _filters(expression: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for each in (expression, *_subexpressions(expression)):
        yield from each.get("Filters", ())
        for nested in each.get("NestedFilters", ()):
            yield from nested["Filters"]
