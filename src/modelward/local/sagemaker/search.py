"""Search over model packages and their groups."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore.model import StructureShape

from modelward.local.sagemaker import groups, packages
from modelward.local.sagemaker.errors import invalid, unsupported
from modelward.local.sagemaker.expressions import Predicate, compile_expression, compile_filter
from modelward.local.sagemaker.interface import Caller
from modelward.local.sagemaker.listing import LARGEST_PAGE, read_token, write_token
from modelward.local.sagemaker.properties import Kind, resolve
from modelward.local.sagemaker.search_index import SearchIndex
from modelward.local.sagemaker.tags import Tags
from modelward.local.sagemaker.validation import service_model

SEARCHABLE = frozenset({packages.KIND, groups.KIND})
_SORTED_BY_DEFAULT = {packages.KIND: "LastModifiedTime", groups.KIND: "CreationTime"}
_PAGING = frozenset({"NextToken", "MaxResults"})


class Search:
    """Search, as far as its index has come.

    The last result is kept: the pages of one search cost one search, unless something changes in between.
    """

    def __init__(self, index: SearchIndex, tags: Tags) -> None:
        self._index = index
        self._tags = tags
        self._last: tuple[Any, list[dict[str, Any]]] = (None, [])

    def search(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """Search."""
        resource = request["Resource"]
        if resource not in SEARCHABLE:
            raise unsupported(f"Search of {resource}")
        asked = repr(sorted((name, value) for name, value in request.items() if name not in _PAGING))
        start = read_token(request, asked) or 0
        end = start + request.get("MaxResults", LARGEST_PAGE)
        found = self._found(asked, request)
        answer: dict[str, Any] = {
            "Results": [{resource: document} for document in found[start:end]],
            "TotalHits": {"Value": len(found), "Relation": "EqualTo"},
        }
        if end < len(found):
            answer["NextToken"] = write_token(asked, end)
        return answer

    def _found(self, asked: str, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        self._index.catch_up()
        state = (asked, self._index.revision, self._tags.revision)
        if self._last[0] != state:
            self._last = (state, self._sorted(request))
        return self._last[1]

    def _sorted(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        resource = request["Resource"]
        shape = _shape_of(resource)
        by = resolve(request.get("SortBy", _SORTED_BY_DEFAULT[resource]), shape)
        if by.kind is Kind.COMPOUND:
            raise invalid(f"Cannot sort by {by.name}: name one of its properties.")
        matches = _predicates(request, shape)
        found = [each for each in self._documents(request) if all(match(each) for match in matches)]
        with_value = [each for each in found if by.first(each) is not None]
        without = [each for each in found if by.first(each) is None]
        # Reversed on both sides of the sort, so that among equals, too, the later one is the larger.
        is_descending = request.get("SortOrder", "Descending") == "Descending"
        with_value.sort(key=by.first)
        return (with_value[::-1] if is_descending else with_value) + without

    def _documents(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        if request.get("CrossAccountFilterOption") == "CrossAccount":
            return
        if request["Resource"] == groups.KIND:
            for group in self._index.read(groups.KIND).values():
                yield {**group.describe(), "Tags": self._tags.listed(group.arn)}
            return
        for shelf in self._shelves(request):
            for package in self._index.read(shelf).values():
                yield {**package.describe(), "Tags": self._tags.listed(package.tagged_arn)}

    def _shelves(self, request: Mapping[str, Any]) -> Iterable[str]:
        """Name the shelves to read: one, if the expression asks for one group."""
        expression = request.get("SearchExpression", {})
        if expression.get("Operator", "And") == "And":
            for each in expression.get("Filters", ()):
                if each["Name"] == "ModelPackageGroupName" and each.get("Operator", "Equals") == "Equals":
                    return [packages.index_shelf(each.get("Value"))]
        return list(self._index.shelves(f"{packages.KIND}/"))


def _shape_of(resource: str) -> StructureShape:
    shape = service_model("sagemaker").shape_for(resource)
    assert isinstance(shape, StructureShape)  # noqa: S101 - both are
    return shape


def _predicates(request: Mapping[str, Any], shape: StructureShape) -> list[Predicate]:
    conditions = [
        compile_filter({"Name": each["Key"], "Value": each["Value"]}, shape)
        for each in request.get("VisibilityConditions", ())
    ]
    return [compile_expression(request.get("SearchExpression", {}), shape), *conditions]
