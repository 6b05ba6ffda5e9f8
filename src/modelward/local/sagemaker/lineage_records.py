"""What SageMaker records by itself of registering, reviewing and deploying, as entities of lineage.

::

    image ------+                            +--> group (Context)
    model data -+--> version (Artifact) -----+
                |      ^     |
                |   approval |  life cycle (Actions, both point to the version)
                |            v
                +-------> deployment (Action) --> endpoint (Context)
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from modelward.local.sagemaker.interface import HostedVariant
from modelward.local.sagemaker.lineage_graph import Association, Entity, Graph, Kind, Link
from modelward.local.sagemaker.scope import Happening, Note, Scope

LONGEST_NAME = 120
_OF_GROUPS, _OF_ENDPOINTS = "aws-model-group", "aws-endpoint"


def artifact_arn(scope: Scope, uri: str) -> str:
    """Return the ARN of the one artifact that a URI has."""
    return scope.arn("artifact", hashlib.sha256(uri.encode()).hexdigest()[:32])


class Recorder:
    """Makes entities of notes, in a graph."""

    def __init__(self, scope: Scope, graph: Graph) -> None:
        self._scope = scope
        self._graph = graph

    def record(self, note: Note) -> None:
        """Add what a note tells."""
        match note.what:
            case Happening.GROUP:
                self._group(note, note.arn)
            case Happening.VERSION:
                self._version(note)
            case Happening.APPROVAL:
                self._approval(note, self._artifact(note, note.arn, "Model"))
            case Happening.LIFE_CYCLE:
                self._life_cycle(note, self._artifact(note, note.arn, "Model"))
            case Happening.DEPLOYMENT:
                self._deployment(note)

    def _group(self, note: Note, arn: str) -> Entity:
        name = _fitting(arn.rpartition("/")[2], f"-1-{_OF_GROUPS}")
        return self._add(Kind.CONTEXT, name, "ModelGroup", note, arn)

    def _version(self, note: Note) -> None:
        version = self._artifact(note, note.arn, "Model", note.facts.get("MetadataProperties"))
        for container in note.facts.get("InferenceSpecification", {}).get("Containers", ()):
            for part in self._parts(note, container.get("Image", ""), _data_of(container)):
                self._link(note, part, version, Link.CONTRIBUTED_TO)
        group_arn, is_versioned = _group_of(note.arn)
        if is_versioned:
            self._link(note, version, self._group(note, group_arn), Link.ASSOCIATED_WITH)
        self._approval(note, version)
        if "ModelLifeCycle" in note.facts:
            self._life_cycle(note, version)

    def _approval(self, note: Note, version: Entity) -> None:
        status = note.facts.get("ModelApprovalStatus", "Approved")
        told = {"ModelApprovalStatus": status, "ApprovalDescription": note.facts.get("ApprovalDescription", "")}
        self._act(note, version, "Approval", status, told)

    def _life_cycle(self, note: Note, version: Entity) -> None:
        life = note.facts["ModelLifeCycle"]
        self._act(note, version, "ModelLifeCycle", "ModelLifeCycle", life)

    def _act(self, note: Note, version: Entity, kind: str, what: str, told: Mapping[str, str]) -> None:
        version_name = note.arn.partition("/")[2].replace("/", "-")
        name = self._free(version_name, f"-{what}-{note.at.timestamp():.0f}-{_OF_GROUPS}")
        properties = {key: value for key, value in told.items() if value}
        action = self._add(Kind.ACTION, name, kind, note, note.arn, Status="Completed", Properties=properties)
        self._link(note, action, version, Link.CONTRIBUTED_TO)

    def _deployment(self, note: Note) -> None:
        name = note.arn.rpartition("/")[2]
        context = self._add(Kind.CONTEXT, _fitting(name, f"-{_OF_ENDPOINTS}"), "Endpoint", note, note.arn)
        action_name = self._free(name, f"-{note.at.timestamp():.0f}-{_OF_ENDPOINTS}")
        properties = {"EndpointConfigName": note.facts["Config"]}
        action = self._add(
            Kind.ACTION, action_name, "ModelDeployment", note, note.arn, Status="Completed", Properties=properties
        )
        self._link(note, action, context, Link.ASSOCIATED_WITH)
        for hosted in note.facts["Hosted"]:
            for part in self._deployed(note, hosted):
                self._link(note, part, action, Link.CONTRIBUTED_TO)

    def _deployed(self, note: Note, hosted: HostedVariant) -> Iterator[Entity]:
        yield from self._parts(note, hosted.image, hosted.model_data_url)
        if hosted.model_package_arn:
            yield self._artifact(note, hosted.model_package_arn, "Model")

    def _parts(self, note: Note, image: str, data: str) -> Iterator[Entity]:
        if image:
            yield self._artifact(note, image, "Image")
        if data:
            yield self._artifact(note, data, "Model")

    def _artifact(self, note: Note, uri: str, kind: str, metadata: Mapping[str, str] | None = None) -> Entity:
        more = {"MetadataProperties": metadata} if metadata else {}
        source = {"SourceUri": uri, "SourceTypes": []}
        arn = artifact_arn(self._scope, uri)
        return self._graph.add(Entity(Kind.ARTIFACT, arn, "", kind, source, note.at, note.by, more))

    def _add(self, kind: Kind, name: str, kind_of: str, note: Note, uri: str, **more: Any) -> Entity:
        source = {"SourceUri": uri, "SourceType": "ARN", "SourceId": f"{note.at:%a %b %d %H:%M:%S UTC %Y}"}
        arn = self._scope.arn(kind.lower(), name)
        return self._graph.add(Entity(kind, arn, name, kind_of, source, note.at, note.by, more))

    def _link(self, note: Note, source: Entity, destination: Entity, kind: Link) -> None:
        self._graph.link(Association(source, destination, kind, note.at, note.by))

    def _free(self, begin: str, end: str) -> str:
        """Return a name for an action: one second may see several."""
        name, number = _fitting(begin, end), 1
        while self._scope.arn("action", name) in self._graph.shelves[Kind.ACTION]:
            number += 1
            name = _fitting(begin, f"-{number}{end}")
        return name


def _fitting(begin: str, end: str) -> str:
    return begin[: LONGEST_NAME - len(end)].rstrip("-") + end


def _group_of(arn: str) -> tuple[str, bool]:
    head, _, version = arn.rpartition("/")
    return head.replace(":model-package/", ":model-package-group/"), version.isdigit() and "/" in head


def _data_of(container: Mapping[str, Any]) -> str:
    source = container.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri", "")
    return str(container.get("ModelDataUrl", source))
