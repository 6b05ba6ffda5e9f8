"""The command lineage: a tree to read, JSON for programs, a picture for a browser."""

import re
from itertools import combinations
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from modelward.cli.views.lineage_page import page
from modelward.planning.lineage import Edge, Graph, Node, NodeKind

Shell = Any  # the fixtures' class; a conftest cannot be imported by name
SVG = re.compile("<svg.*</svg>", re.DOTALL)


def drawn(text: str) -> Any:
    found = SVG.search(text)
    assert found
    return ET.fromstring(found[0])


def test_a_version_is_the_root_of_a_tree(history: Shell) -> None:
    said = history("lineage", "digits", "1")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0].startswith("digits v1  approval Approved  stage Production/Approved  registered ")
    assert lines[1:3] == ["├── came from", "│   ├── dataset digits 1.0"]
    assert lines[-2].startswith("├── serves now: digits in staging  endpoint digits-staging  verified ")
    assert lines[-1].startswith("└── serves now: digits in production  endpoint digits-production  verified ")


def test_what_came_of_a_digest_is_a_tree_of_versions_and_environments(history: Shell) -> None:
    sha256 = history("show", "digits", "1", "--json").json["sha256"]
    lines = history("lineage", "--of", f"sha256:{sha256}").out.splitlines()
    assert lines[0] == f"sha256:{sha256}"
    assert lines[1].startswith("└── came of it: digits v1")
    assert lines[-1].startswith("    └── serves now: digits in production")


def test_as_json_it_is_nodes_and_the_edges_between_them(history: Shell) -> None:
    told = history("lineage", "digits", "1", "--json").json
    kinds = {node["id"]: node["kind"] for node in told["nodes"]}
    assert {(kinds[edge["source"]], edge["relation"], kinds[edge["target"]]) for edge in told["edges"]} == {
        ("dataset", "trained on", "version"),
        ("image", "served with", "version"),
        ("artifact", "weights of", "version"),
        ("version", "serves now", "environment"),
    }


def test_data_that_nothing_came_of_are_told_so(history: Shell) -> None:
    said = history("lineage", "--of", "s3://data/unknown.csv")
    assert (said.code, said.out, said.err) == (0, "", "no version came of s3://data/unknown.csv\n")


@pytest.mark.parametrize(
    "words", [(), ("digits",), ("digits", "1", "--of", "s3://b/k"), ("digits", "--of", "s3://b/k")]
)
def test_it_is_asked_about_a_version_or_about_what_came_of_something(history: Shell, words: tuple[str, ...]) -> None:
    said = history("lineage", *words)
    assert said.code != 0
    assert "next: modelward lineage MODEL VERSION, or modelward lineage --of WHAT" in said.err.replace("Next", "next")


def test_the_picture_is_one_file_that_loads_nothing(history: Shell) -> None:
    path = history.folder / "lineage.html"
    said = history("lineage", "digits", "1", "--html", str(path))
    assert (said.code, said.out, said.err) == (0, "", f"wrote {path}\n")
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<script|<link|@import|src=|href=|https?:", text)
    assert "prefers-color-scheme: dark" in text
    assert {"digits v1", "digits in production", "serves now digits v1"} <= {e.text for e in drawn(text).iter("text")}


def test_boxes_of_the_picture_overlap_nowhere_and_hold_their_text() -> None:
    place = Node(NodeKind.ENVIRONMENT, "digits in production", {"endpoint": "digits-production"})
    roots = [Node(NodeKind.DATASET, f"data {number}", {"uri": "s3://" + "x" * 50 * number}) for number in range(9)]
    versions = [Node(NodeKind.VERSION, f"digits v{number}") for number in range(3)]
    edges = [Edge(root.id, version.id, "trained on") for root in roots for version in versions]
    graph = Graph([*roots, *versions, place], [*edges, Edge(versions[0].id, place.id, "serves now")])
    picture = drawn(page(graph, "Lineage"))
    boxes = [[int(group[0].get(name)) for name in ("x", "y", "width", "height")] for group in picture.iter("g")]
    for (x, y, width, height), (other_x, other_y, other_width, other_height) in combinations(boxes, 2):
        assert x + width < other_x or other_x + other_width < x or y + height < other_y or other_y + other_height < y
    for group in picture.iter("g"):
        _, y, width, height = (int(group[0].get(name)) for name in ("x", "y", "width", "height"))
        for line in group.iter("text"):
            assert y < int(line.get("y")) < y + height
            assert len(line.text) * 7.5 < width
    assert len(list(picture.iter("path"))) == len(graph.edges) + 1
    right, bottom = max(x + width for x, _, width, _ in boxes), max(y + height for _, y, _, height in boxes)
    assert (int(picture.get("width")), int(picture.get("height"))) > (right, bottom)


def test_names_that_look_like_html_stay_text() -> None:
    evil = "<script>alert(1)</script>&\x1b[31m"
    text = page(Graph([Node(NodeKind.DATASET, evil, {"uri": evil})], []), evil)
    assert "<script" not in text
    assert "\x1b" not in text
