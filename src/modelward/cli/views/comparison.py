"""Two versions side by side in one table, so that every figure stands under its version."""

from collections.abc import Callable, Sequence
from itertools import zip_longest

from rich.table import Table
from rich.text import Text

from modelward.cli.views.text import NONE, approval, clean, commit, dataset, figure, moment, person, stage, table
from modelward.core.gates import Verdict
from modelward.core.model_package import ModelPackage
from modelward.planning.comparison import Comparison, MetricDelta

_RULES = {
    "at_least": "at least {limit}",
    "at_most": "at most {limit}",
    "worse_than_live_by_at_most": "worse than live by at most {limit}",
}
Cell = Text | str
Row = tuple[Cell, Cell, Cell, Cell]


def side_by_side(comparison: Comparison) -> Table:
    """Show figures with their differences, the verdict of each gate, and where the versions came from."""
    a, b = comparison.a, comparison.b
    made = table(clean(a.group), f"v{a.version}", f"v{b.version}", "")
    live = f"v{comparison.live.version}" if comparison.live else "no version"
    _section(made, "", _overview(a, b))
    _section(made, f"metrics: v{b.version} against v{a.version}", [_figures(delta) for delta in comparison.deltas])
    _section(made, f"gates: live is {live}", _gates(comparison))
    _section(made, "lineage", _lineage(a, b))
    return made


def recommendation(comparison: Comparison) -> Text:
    """Say which version should go to production, and why."""
    if comparison.winner is None:
        return Text.assemble(("Neither is recommended", "bold yellow"), f": {clean(comparison.why)}.")
    head = (f"v{comparison.winner} should go to production", "bold green")
    return Text.assemble(head, f": {clean(comparison.why)}.")


def _section(made: Table, title: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    if title:
        made.add_row()
        made.add_row(Text(title, "bold"))
    for name, *cells in rows:
        made.add_row(Text(f"  {name}") if title else name, *cells)


def _overview(a: ModelPackage, b: ModelPackage) -> list[Row]:
    def row(name: str, of: Callable[[ModelPackage], Cell]) -> Row:
        return name, of(a), of(b), ""

    return [
        row("approval", approval),
        row("stage", stage),
        row("registered", lambda package: moment(package.created_at)),
        row("by", lambda package: person(package.created_by.arn) or NONE),
        row("notes", lambda package: clean(package.notes) or NONE),
        *([row("smoke test", lambda package: "yes" if package.smoke else NONE)] if a.smoke or b.smoke else []),
    ]


def _figures(delta: MetricDelta) -> Row:
    return clean(delta.metric), figure(delta.a), figure(delta.b), _difference(delta)


def _difference(delta: MetricDelta) -> Text:
    if delta.delta is None:
        return Text("only one has it" if (delta.a is None) != (delta.b is None) else "none has it", "yellow")
    if delta.delta == 0:
        return Text("= equal", "dim")
    arrow = "\N{BLACK UP-POINTING TRIANGLE}" if delta.delta > 0 else "\N{BLACK DOWN-POINTING TRIANGLE}"
    word, style = {True: (" better", "green"), False: (" worse", "red"), None: ("", "")}[delta.is_better]
    return Text(f"{arrow} {delta.delta:+.6g}{word}", style)


def _gates(comparison: Comparison) -> list[Row]:
    pairs = zip_longest(comparison.verdicts_a, comparison.verdicts_b)
    return [(_rule(x or y), _verdict(x), _verdict(y), "") for x, y in pairs]


def _rule(verdict: Verdict) -> str:
    return clean(f"{verdict.metric} {_RULES.get(verdict.rule, verdict.rule).format(limit=f'{verdict.limit:g}')}")


def _verdict(verdict: Verdict | None) -> Text:
    if verdict is None:
        return Text(NONE)
    value = "no figure" if verdict.value is None else figure(verdict.value)
    if verdict.is_held:
        return Text(f"\N{CHECK MARK} {value}", "green")
    return Text(f"\N{BALLOT X} {value}", "bold red")


def _lineage(a: ModelPackage, b: ModelPackage) -> list[Row]:
    x, y = a.lineage, b.lineage
    image_a, image_b = _shortest(a.image, b.image)
    rows: list[tuple[str, str, str, Text]] = [
        ("commit", commit(x), commit(y), _commits(a, b)),
        ("branch", clean(x.branch), clean(y.branch), _is_same(x.branch == y.branch)),
        ("dataset", dataset(x), dataset(y), _is_same(x.dataset == y.dataset)),
        ("image", clean(image_a), clean(image_b), _is_same(a.image == b.image)),
        ("run", clean(x.run), clean(y.run), _is_same(x.run == y.run)),
    ]
    return [(name, p or NONE, q or NONE, note) for name, p, q, note in rows if {p, q} - {"", NONE}]


def _is_same(is_same: bool) -> Text:  # noqa: FBT001
    return Text("same", "dim") if is_same else Text("differs", "yellow")


def _commits(a: ModelPackage, b: ModelPackage) -> Text:
    x, y = a.commit, b.commit
    if x and y and x != y:
        return Text(f"git diff {clean(x[:8])} {clean(y[:8])}", "yellow")
    return _is_same(x == y and a.lineage.is_dirty == b.lineage.is_dirty)


def _shortest(x: str, y: str) -> tuple[str, str]:
    """Cut the registry's host off two images, unless that is where they differ."""
    short = x.rpartition("/")[2], y.rpartition("/")[2]
    return (x, y) if x != y and short[0] == short[1] else short
