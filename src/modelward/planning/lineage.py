"""Lineage as a graph: what a version came from, and where it serves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from modelward.config.spec import RegistrySpec
from modelward.core.ledger import Entry, EntryKind
from modelward.core.model_package import Dataset, ModelPackage
from modelward.core.names import endpoint_name
from modelward.planning.status import State, Status


class NodeKind(StrEnum):
    """What stands in a graph of lineage."""

    ORIGIN = "origin"
    """What was asked for: data, a commit or a digest."""
    DATASET = "dataset"
    COMMIT = "commit"
    RUN = "run"
    IMAGE = "image"
    ARTIFACT = "artifact"
    PARENT = "parent"
    VERSION = "version"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Node:
    """One thing: what it is, what it is called, and what else is known of it, by name."""

    kind: NodeKind
    name: str
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What edges call it."""
        return " ".join((f"{self.kind.value}:{self.name}", *([self.facts["uri"]] if "uri" in self.facts else [])))


@dataclass(frozen=True, slots=True)
class Edge:
    """From what something came, what came of it, and how."""

    source: str
    target: str
    relation: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Things and how one came of another: `edges` lead from what was first to what came of it.

    `note` says what is not known, in one sentence; it is empty when nothing is missing.
    """

    nodes: Sequence[Node]
    edges: Sequence[Edge]
    note: str = ""

    def into(self, node: str) -> list[tuple[str, Node]]:
        """Give what something came from, and how."""
        return self._ends({edge.source: edge.relation for edge in self.edges if edge.target == node})

    def out_of(self, node: str) -> list[tuple[str, Node]]:
        """Give what came of something, and how."""
        return self._ends({edge.target: edge.relation for edge in self.edges if edge.source == node})

    def _ends(self, relations: Mapping[str, str]) -> list[tuple[str, Node]]:
        return [(relations[each.id], each) for each in self.nodes if each.id in relations]

    def to_json(self) -> dict[str, Any]:
        """Spell it for programs."""
        nodes = [{"id": n.id, "kind": n.kind.value, "name": n.name, "facts": dict(n.facts)} for n in self.nodes]
        edges = [{"source": e.source, "target": e.target, "relation": e.relation} for e in self.edges]
        return {"nodes": nodes, "edges": edges, "note": self.note}


@dataclass(frozen=True, slots=True)
class Served:
    """What is known of where versions serve.

    Args:
        spec: The declaration.
        statuses: How their models stand in each environment.
        chain: The ledger's entries of the version that is asked for, oldest first; empty when several are.
        note: What is not known of it.
    """

    spec: RegistrySpec
    statuses: Sequence[Status]
    chain: Sequence[Entry] = ()
    note: str = ""


def lineage_of(package: ModelPackage, datasets: Sequence[Dataset], served: Served) -> Graph:
    """Draw where a version came from, all data included, and which environments serve it or did."""
    version = version_node(package)
    sources = {node.id: (relation, node) for relation, node in _sources(package, datasets)}
    reached = list(_reached(package, served))
    return Graph(
        nodes=(*(node for _, node in sources.values()), version, *(node for _, node in reached)),
        edges=(
            *(Edge(node.id, version.id, relation) for relation, node in sources.values()),
            *(Edge(version.id, node.id, relation) for relation, node in reached),
        ),
        note=served.note,
    )


def reach_of(origin: str, packages: Sequence[ModelPackage], served: Served) -> Graph:
    """Draw what came of data, of a commit or of bytes: versions, and the environments that serve them now."""
    root = Node(NodeKind.ORIGIN, origin)
    nodes, edges = {root.id: root}, []
    for package in packages:
        version = version_node(package)
        nodes[version.id] = version
        edges.append(Edge(root.id, version.id, "came of it"))
        for relation, node in _reached(package, served):
            known = nodes.get(node.id, node)
            nodes[node.id] = replace(node, facts={**known.facts, **node.facts})
            edges.append(Edge(version.id, node.id, relation))
    by_layer = sorted(nodes.values(), key=lambda node: node.kind is NodeKind.ENVIRONMENT)
    return Graph(by_layer, edges, served.note)


def version_node(package: ModelPackage) -> Node:
    """Make the node of a version."""
    stage = f"{package.stage}/{package.stage_status}" if package.stage else ""
    told = {"approval": package.approval_status.value, "stage": stage, "registered": moment(package.created_at)}
    return _node(NodeKind.VERSION, f"{package.group} v{package.version}", told)


def moment(at: datetime) -> str:
    """Spell a time, to the minute."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _node(kind: NodeKind, name: str, facts: Mapping[str, str]) -> Node:
    return Node(kind, name, {key: value for key, value in facts.items() if value})


def _sources(package: ModelPackage, datasets: Sequence[Dataset]) -> Iterator[tuple[str, Node]]:
    lineage = package.lineage
    if lineage.parent:
        yield "trained on from", Node(NodeKind.PARENT, f"{package.group} v{lineage.parent}")
    for data in datasets:
        told = {"uri": data.uri, "sha256": data.sha256}
        yield "trained on", _node(NodeKind.DATASET, f"{data.name} {data.version}".strip(), told)
    if lineage.commit:
        changes = {None: "", False: "none", True: lineage.diff_sha256 or "some"}[lineage.is_dirty]
        told = {"branch": lineage.branch, "repository": lineage.repository, "uncommitted changes": changes}
        yield "code of", _node(NodeKind.COMMIT, lineage.commit, told)
    if lineage.run:
        trained = moment(lineage.trained_at) if lineage.trained_at else ""
        yield "made by", _node(NodeKind.RUN, lineage.run, {"trained": trained})
    if package.image:
        yield "served with", Node(NodeKind.IMAGE, package.image)
    if package.artifact_uri:
        yield "weights of", _node(NodeKind.ARTIFACT, package.artifact_uri, {"sha256": package.sha256})


def _reached(package: ModelPackage, served: Served) -> Iterator[tuple[str, Node]]:
    """Tell of each environment that serves the version or was seen to, and when that was verified last."""
    now = {each.environment: each for each in served.statuses if each.model == package.group}
    verified = {name: each.verified_at for name, each in now.items() if each.live == package.version}
    verified |= {each.environment: each.at for each in served.chain if each.kind is EntryKind.VERIFIED}
    endpoints = served.spec.models[package.group].endpoints
    for environment in dict.fromkeys([*now, *verified]):
        relation = _relation(package.version, now.get(environment)) or ("served" if environment in verified else "")
        at, has_endpoint = verified.get(environment), environment in endpoints
        if relation:
            told = {
                "endpoint": endpoint_name(package.group, environment) if has_endpoint else "",
                "verified": moment(at) if at else "",
            }
            yield relation, _node(NodeKind.ENVIRONMENT, f"{package.group} in {environment}", told)


def _relation(version: int, status: Status | None) -> str:
    if status is None:
        return ""
    if status.live == version:
        return "serves now"
    return "on trial" if status.state is State.ON_TRIAL and status.wanted == version else ""
