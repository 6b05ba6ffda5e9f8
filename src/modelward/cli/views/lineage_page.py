"""Lineage as a picture: one HTML file that needs nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap

from modelward.cli.views.text import clean
from modelward.planning.lineage import Graph, Node, NodeKind

# Pixels; a character of the monospaced letters is at most 0.62 of their size wide.
_COLUMNS, _LETTER, _LINE, _PAD = 46, 12, 18, 12
_WIDTH = round(_COLUMNS * _LETTER * 0.62) + 2 * _PAD
_BETWEEN, _ABOVE, _MARGIN = 110, 24, 24

_STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --box: #f6f8fa; --line: #57606a; --text: #1f2328; --soft: #57606a;
  --version: #0969da; --environment: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --ground: #0d1117; --box: #161b22; --line: #8b949e; --text: #e6edf3;
  --soft: #9ea7b3; --version: #58a6ff; --environment: #3fb950; } }
body { margin: 0; background: var(--ground); }
text { font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: var(--text); }
.kind { fill: var(--soft); } .name { font-weight: bold; } .relation { fill: var(--environment); }
rect { fill: var(--box); stroke: var(--line); } path { fill: none; stroke: var(--line); }
.version rect { stroke: var(--version); stroke-width: 2; }
.environment rect { stroke: var(--environment); stroke-width: 2; }
.arrow { fill: var(--line); stroke: none; }
""".strip()

_MARKER = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path class="arrow" d="M0 0 L8 4 L0 8 z"/></marker></defs>'
)


@dataclass(frozen=True, slots=True)
class _Box:
    """Where a node stands, and its lines of text with their classes."""

    node: Node
    left: int
    top: int
    lines: Sequence[tuple[str, str]]

    @property
    def height(self) -> int:
        return len(self.lines) * _LINE + 2 * _PAD

    @property
    def middle(self) -> int:
        return self.top + self.height // 2


def page(graph: Graph, title: str) -> str:
    """Draw a graph as HTML with an SVG in it: what was first stands left, what came of it right."""
    boxes = _placed(graph)
    width = max((box.left for box in boxes.values()), default=0) + _WIDTH + _MARGIN
    height = max((box.top + box.height for box in boxes.values()), default=0) + _MARGIN
    named = escape(clean(title))
    return "\n".join(
        [
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{named}</title>',
            f"<style>{_STYLE}</style></head><body>",
            f'<svg role="img" aria-label="{named}" width="{width}" height="{height}">',
            _MARKER,
            *_arrows(graph, boxes),
            *(_drawn(box) for box in boxes.values()),
            "</svg></body></html>\n",
        ]
    )


def _placed(graph: Graph) -> Mapping[str, _Box]:
    """Put nodes into columns by what they are, each column in the middle of the height."""
    columns: list[list[Node]] = [[], [], []]
    for node in graph.nodes:
        columns[_column(node)].append(node)
    texts = {node.id: _text(graph, node) for node in graph.nodes}
    heights = [sum(len(texts[n.id]) * _LINE + 2 * _PAD + _ABOVE for n in column) for column in columns]
    boxes, used = {}, [(column, height) for column, height in zip(columns, heights, strict=True) if column]
    for number, (column, height) in enumerate(used):
        top = _MARGIN + (max(heights) - height) // 2
        for node in column:
            box = _Box(node, _MARGIN + number * (_WIDTH + _BETWEEN), top, texts[node.id])
            boxes[node.id] = box
            top += box.height + _ABOVE
    return boxes


def _column(node: Node) -> int:
    return {NodeKind.VERSION: 1, NodeKind.ENVIRONMENT: 2}.get(node.kind, 0)


def _text(graph: Graph, node: Node) -> list[tuple[str, str]]:
    """Give the lines of a box; what an environment does with a version stands in it, where nothing can cross it."""
    is_place = node.kind is NodeKind.ENVIRONMENT
    served = [f"{how} {source.name}" for how, source in graph.into(node.id)] if is_place else []
    parts = {
        "kind": [node.kind.value],
        "name": [clean(node.name)],
        "relation": served,
        "fact": [f"{name} {clean(value)}" for name, value in node.facts.items()],
    }
    return [(line, kind) for kind, texts in parts.items() for text in texts for line in _wrapped(text)]


def _wrapped(text: str) -> list[str]:
    return wrap(text, _COLUMNS, break_on_hyphens=False)


def _drawn(box: _Box) -> str:
    lines = "".join(
        f'<text class="{kind}" x="{box.left + _PAD}" y="{box.top + _PAD + number * _LINE + 13}">{escape(line)}</text>'
        for number, (line, kind) in enumerate(box.lines)
    )
    frame = f'<rect x="{box.left}" y="{box.top}" width="{_WIDTH}" height="{box.height}" rx="8"/>'
    return f'<g class="{box.node.kind.value}">{frame}{lines}</g>'


def _arrows(graph: Graph, boxes: Mapping[str, _Box]) -> Iterator[str]:
    for edge in graph.edges:
        source, target = boxes[edge.source], boxes[edge.target]
        x, y, to_x, to_y = source.left + _WIDTH, source.middle, target.left, target.middle
        bend = (x + to_x) // 2
        yield f'<path d="M{x} {y} C{bend} {y} {bend} {to_y} {to_x} {to_y}" marker-end="url(#arrow)"/>'
