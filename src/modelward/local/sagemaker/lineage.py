"""The operations on lineage: what SageMaker recorded by itself, and what others add."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from modelward.local.sagemaker.errors import ApiError, invalid
from modelward.local.sagemaker.interface import Caller
from modelward.local.sagemaker.lineage_graph import Association, Entity, Graph, Kind
from modelward.local.sagemaker.lineage_records import Recorder, artifact_arn
from modelward.local.sagemaker.listing import behind_cursor, is_within, page, read_token, sorted_listing
from modelward.local.sagemaker.scope import Scope
from modelward.local.sagemaker.tags import Tags

DEEPEST = 10

Answer = dict[str, Any]
Request = Mapping[str, Any]


def _by_name(entity: Entity) -> tuple[str, str]:
    return entity.name, entity.arn


_SORT_KEYS: Mapping[str, Callable[[Association], Any]] = {
    "SourceArn": lambda each: (each.source.arn, each.key),
    "DestinationArn": lambda each: (each.destination.arn, each.key),
    "SourceType": lambda each: (each.source.type, each.key),
    "DestinationType": lambda each: (each.destination.type, each.key),
}
_KEPT = ("Description", "Status", "Properties", "MetadataProperties")


class Lineage:
    """The lineage of an account and region. The journal is read when an operation needs it."""

    def __init__(self, scope: Scope, tags: Tags) -> None:
        self._scope = scope
        self._tags = tags
        self._entities = Graph()
        self._recorder = Recorder(scope, self._entities)

    @property
    def _graph(self) -> Graph:
        journal = self._scope.journal
        for note in journal:
            self._recorder.record(note)
        journal.clear()
        return self._entities

    # Making

    def create_artifact(self, request: Request, caller: Caller) -> Answer:
        """CreateArtifact. A source has one artifact: a second one is the first."""
        arn = artifact_arn(self._scope, request["Source"]["SourceUri"])
        return self._make(Kind.ARTIFACT, arn, request, caller)

    def create_action(self, request: Request, caller: Caller) -> Answer:
        """CreateAction."""
        return self._make_named(Kind.ACTION, request, caller)

    def create_context(self, request: Request, caller: Caller) -> Answer:
        """CreateContext."""
        return self._make_named(Kind.CONTEXT, request, caller)

    def add_association(self, request: Request, caller: Caller) -> Answer:
        """AddAssociation."""
        source, destination = self._end(request["SourceArn"]), self._end(request["DestinationArn"])
        kind = request.get("AssociationType", "")
        self._graph.link(Association(source, destination, kind, self._scope.now(), caller.user_context()))
        return {"SourceArn": source.arn, "DestinationArn": destination.arn}

    def delete_association(self, request: Request, _caller: Caller) -> Answer:
        """DeleteAssociation."""
        source, destination = request["SourceArn"].lower(), request["DestinationArn"].lower()
        if not self._graph.unlink(source, destination):
            raise _missing(f"Association from {source} to {destination}")
        return {"SourceArn": source, "DestinationArn": destination}

    def _make_named(self, kind: Kind, request: Request, caller: Caller) -> Answer:
        arn = self._scope.arn(kind.lower(), request[f"{kind}Name"])
        if arn in self._graph.shelves[kind]:
            raise invalid(f"{kind} already exists: {arn}")
        return self._make(kind, arn, request, caller)

    def _make(self, kind: Kind, arn: str, request: Request, caller: Caller) -> Answer:
        more = {member: request[member] for member in _KEPT if member in request}
        who, name, now = caller.user_context(), request.get(f"{kind}Name", ""), self._scope.now()
        entity = Entity(kind, arn, name, request[f"{kind}Type"], request["Source"], now, who, more)
        if self._graph.add(entity) is entity:
            self._tags.open(arn, request.get("Tags", ()))
        return {f"{kind}Arn": arn}

    # Reading

    def describe_artifact(self, request: Request, _caller: Caller) -> Answer:
        """DescribeArtifact."""
        return self._find(Kind.ARTIFACT, request["ArtifactArn"]).describe()

    def describe_action(self, request: Request, _caller: Caller) -> Answer:
        """DescribeAction."""
        return self._find(Kind.ACTION, request["ActionName"]).describe()

    def describe_context(self, request: Request, _caller: Caller) -> Answer:
        """DescribeContext."""
        return self._find(Kind.CONTEXT, request["ContextName"]).describe()

    def list_artifacts(self, request: Request, _caller: Caller) -> Answer:
        """ListArtifacts."""
        return self._listed(Kind.ARTIFACT, request)

    def list_actions(self, request: Request, _caller: Caller) -> Answer:
        """ListActions."""
        return self._listed(Kind.ACTION, request)

    def list_contexts(self, request: Request, _caller: Caller) -> Answer:
        """ListContexts."""
        return self._listed(Kind.CONTEXT, request)

    def list_associations(self, request: Request, _caller: Caller) -> Answer:
        """ListAssociations."""
        found = (
            (cursor, each)
            for cursor, each in sorted_listing(self._graph.associations, request, "associations", _SORT_KEYS)
            if _is_association_wanted(each, request)
        )
        return page(found, request, "AssociationSummaries", "associations", Association.summary)

    def _listed(self, kind: Kind, request: Request) -> Answer:
        found = (
            (cursor, entity)
            for cursor, entity in sorted_listing(self._graph.shelves[kind], request, kind, {"Name": _by_name})
            if _is_entity_wanted(entity, request)
        )
        return page(found, request, f"{kind}Summaries", kind, Entity.summary)

    def _find(self, kind: Kind, name_or_arn: str) -> Entity:
        is_arn = name_or_arn.startswith("arn:")
        arn = name_or_arn.lower() if is_arn else self._scope.arn(kind.lower(), name_or_arn)
        entity = self._graph.shelves[kind].get(arn)
        if entity is None:
            raise _missing(f"{kind} {arn}")
        return entity

    def _end(self, arn: str) -> Entity:
        entity = self._graph.find(arn)
        if entity is None:
            raise _missing(f"Lineage entity {arn}")
        return entity

    # Walking

    def query(self, request: Request, _caller: Caller) -> Answer:
        """QueryLineage."""
        starts = tuple(self._end(arn).arn for arn in request.get("StartArns", ()))
        walk = self._graph.walk(starts, request.get("Direction", "Both"), request.get("MaxDepth", DEEPEST))
        filters = request.get("Filters", {})
        wanted = [arn for arn in walk.found if _matches(self._end(arn), filters)]
        if not request.get("IncludeEdges", True):
            return self._vertices(wanted, request)
        on_the_way = walk.on_the_way_to(iter(wanted)) | set(starts)
        edges = self._graph.edges_within(on_the_way)
        return {**self._vertices([arn for arn in walk.found if arn in on_the_way], request), "Edges": edges}

    def _vertices(self, arns: list[str], request: Request) -> Answer:
        behind = read_token(request, "lineage")
        cursors = ((number, self._end(arn)) for number, arn in enumerate(arns))
        found: Iterator[tuple[int, Entity]] = behind_cursor(cursors, behind, is_descending=False)
        return page(found, request, "Vertices", "lineage", _vertex)


def _vertex(entity: Entity) -> Answer:
    return {"Arn": entity.arn, "Type": entity.type, "LineageType": str(entity.kind)}


def _is_entity_wanted(entity: Entity, request: Request) -> bool:
    return (
        request.get("SourceUri", entity.source["SourceUri"]) == entity.source["SourceUri"]
        and request.get(f"{entity.kind}Type", entity.type) == entity.type
        and _is_in_time(entity, request)
    )


def _is_association_wanted(each: Association, request: Request) -> bool:
    said = {
        "SourceArn": each.source.arn,
        "DestinationArn": each.destination.arn,
        "SourceType": each.source.type,
        "DestinationType": each.destination.type,
        "AssociationType": each.type,
    }
    return all(request.get(name, value) == value for name, value in said.items()) and _is_in_time(each, request)


def _is_in_time(record: Entity | Association, request: Request) -> bool:
    return is_within(record.created_at, request, "Created")


def _matches(entity: Entity, filters: Request) -> bool:
    return (
        entity.type in filters.get("Types", (entity.type,))
        and entity.kind in filters.get("LineageTypes", (entity.kind,))
        and is_within(entity.created_at, filters, "Created")
        and is_within(entity.created_at, filters, "Modified")
        and _has_any(entity.more.get("Properties", {}), filters.get("Properties", {}))
    )


def _has_any(properties: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return not wanted or any(properties.get(key) == value for key, value in wanted.items())


def _missing(what: str) -> ApiError:
    return ApiError("ResourceNotFound", f"{what} does not exist.")
