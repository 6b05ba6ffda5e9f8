"""Commands that read: versions, show, record, lineage, status, compare, current, history."""

from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING

from modelward.cli.context import Context
from modelward.cli.terminal import Terminal
from modelward.core.errors import InputError, NotFoundError
from modelward.core.model_package import ModelPackage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelward.planning.lineage import Graph
    from modelward.planning.status import Status


def versions(context: Context, *, model: str, json: bool) -> None:
    """List the versions of a model."""
    line = context.model(model)
    packages = [version.package for version in line.versions()]
    if json:
        context.terminal.json([package.to_json() for package in packages])
        return
    if not packages:
        context.terminal.say(f"{model} has no version yet\n  next: modelward register {model} --help")
        return
    from modelward.cli.views.versions import listing

    context.terminal.show(listing(line.spec, packages))


def show(context: Context, *, model: str, version: int, json: bool) -> None:
    """Show one version."""
    _show(context, context.model(model).version(version).package, json=json)


def record(context: Context, *, model: str, version: int, json: bool) -> None:
    """Tell what was recorded of the run that made a version."""
    told = context.model(model).version(version).record()
    if json:
        context.terminal.json(told)
        return
    from modelward.cli.views.record import sheet

    context.terminal.show(sheet(told))


def lineage(context: Context, *, model: str, version: int, of: str, html: str, json: bool) -> None:
    """Tell what a version came from and where it serves, or what came of data or code."""
    if bool(version) == bool(of) or (of and model):
        rule = "it is about one version, or about what came of something"
        step = "modelward lineage MODEL VERSION, or modelward lineage --of WHAT"
        raise InputError("lineage", found="both" if of else "neither of the two", rule=rule, next_step=step)
    graph = context.connect().reach(of) if of else context.model(model).version(version).graph()
    if graph.note:
        context.terminal.say(graph.note)
    if html:
        from modelward.cli.views.lineage_page import page

        Path(html).write_text(page(graph, f"Lineage of {of or f'{model} v{version}'}"), encoding="utf-8")
        context.terminal.say(f"wrote {html}")
    if json:
        context.terminal.json(graph.to_json())
    elif not html:
        _draw(context.terminal, graph)


def _draw(terminal: Terminal, graph: "Graph") -> None:
    from modelward.cli.views.lineage import tree
    from modelward.planning.lineage import NodeKind

    origins = [node for node in graph.nodes if node.kind is NodeKind.ORIGIN]
    versions = [node for node in graph.nodes if node.kind is NodeKind.VERSION]
    if not versions:
        terminal.say(f"no version came of {origins[0].name}")
        return
    terminal.show(tree(graph, (origins or versions)[0]))


def current(context: Context, *, model: str, stage: str, json: bool) -> None:
    """Show the version that a stage has."""
    found = context.model(model).current(stage)
    if found is None:
        step = f"modelward promote {model} VERSION {stage} --reason WHY"
        raise NotFoundError(f"version of {model} that holds stage", stage, next_step=step)
    _show(context, found.package, json=json)


def status(context: Context, *, models: list[str], watch: bool, json: bool) -> None:
    """Tell how models stand in their environments."""
    registry = context.connect()
    if watch:
        _watch(context.terminal, registry.watch(models), json=json)
        return
    found = registry.status(models)
    if json:
        context.terminal.json([each.to_json() for each in found])
        return
    if not found:
        context.terminal.say("no environment serves a model\n  next: declare [models.<name>.endpoints.<environment>]")
        return
    from modelward.cli.views.status import blocks

    context.terminal.show(*blocks(found))


def _watch(terminal: Terminal, looks: "Iterator[list[Status]]", *, json: bool) -> None:
    """Show each look in the place of the one before; where nothing can be overwritten, a line for each change."""
    from modelward.cli.views.status import blocks, line

    told: dict[tuple[str, str], str] = {}
    for found in looks:
        if terminal.is_tty and not json:
            terminal.redraw(*blocks(found))
            continue
        for each in found:
            said = line(each)
            if told.get((each.model, each.environment)) != said:
                terminal.line(dumps(each.to_json(), ensure_ascii=False) if json else said)
            told[each.model, each.environment] = said


def compare(context: Context, *, model: str, a: int, b: int, json: bool) -> None:
    """Compare two versions."""
    comparison = context.model(model).compare(a, b)
    if json:
        context.terminal.json(comparison.to_json())
        return
    from modelward.cli.views.comparison import recommendation, side_by_side

    context.terminal.show(side_by_side(comparison), recommendation(comparison))


def history(context: Context, *, model: str, limit: int, json: bool) -> None:
    """Tell what happened to a model."""
    entries = context.model(model).history(limit)
    if json:
        context.terminal.json([entry.to_json() for entry in entries])
        return
    if not entries:
        context.terminal.say(f"nothing has happened to {model} yet")
        return
    from modelward.cli.views.history import lines, timeline

    context.terminal.show(timeline(entries) if context.terminal.is_tty else lines(entries))


def _show(context: Context, package: ModelPackage, *, json: bool) -> None:
    if json:
        context.terminal.json(package.to_json())
        return
    from modelward.cli.views.versions import card

    context.terminal.show(card(package))
