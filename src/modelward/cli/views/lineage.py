"""Lineage as a tree."""

from collections.abc import Mapping

from rich.text import Text
from rich.tree import Tree

from modelward.cli.views.text import clean
from modelward.planning.lineage import Graph, Node, NodeKind

_STYLES = {"serves now": "bold green", "on trial": "yellow", "served": "dim"}


def tree(graph: Graph, root: Node) -> Tree:
    """Draw what something came from, and what came of it."""
    made = Tree(_label(root))
    sources = graph.into(root.id)
    if sources:
        branch = made.add(Text("came from", "bold"))
        for _, each in sources:
            branch.add(_label(each))
    for relation, each in graph.out_of(root.id):
        _grow(made, graph, relation, each)
    return made


def _grow(branch: Tree, graph: Graph, relation: str, node: Node) -> None:
    label = Text.assemble((f"{relation}: ", _STYLES.get(relation, "bold")), _label(node))
    below = branch.add(label)
    for next_relation, each in graph.out_of(node.id):
        _grow(below, graph, next_relation, each)


def _label(node: Node) -> Text:
    kind = "" if node.kind in (NodeKind.VERSION, NodeKind.ENVIRONMENT, NodeKind.ORIGIN) else f"{node.kind.value} "
    return Text.assemble(kind, (clean(node.name), "bold"), _facts(node.facts))


def _facts(facts: Mapping[str, str]) -> str:
    return "".join(f"  {name} {clean(value)}" for name, value in facts.items())
