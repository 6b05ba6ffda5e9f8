"""Versions: the list, the card of one, and the line that a change ends with."""

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from modelward.cli.views.text import NONE, approval, clean, commit, figure, moment, person, stage, table
from modelward.config.spec import ModelSpec
from modelward.core.arn import who
from modelward.core.model_package import ModelPackage, StageStatus


def listing(spec: ModelSpec, packages: Sequence[ModelPackage]) -> Table:
    """List versions in the order given; the best figure of a metric whose direction is declared bears a *."""
    metrics = _metrics(spec, packages)
    best = _best(spec, packages)
    made = table("VERSION", "APPROVAL", "STAGE", *metrics, "WHEN (UTC)", "WHO", "COMMIT", "NOTES")
    for column in made.columns[:-1]:
        column.no_wrap = True
    for package in packages:
        made.add_row(
            f"v{package.version}",
            _short(approval(package), "ManualApproval"),
            _short(stage(package), f"/{StageStatus.APPROVED}"),
            *(_marked(package.metrics.get(name), best.get(name)) for name in metrics),
            moment(package.created_at),
            person(package.created_by.arn) or NONE,
            commit(package.lineage),
            clean(package.notes) or NONE,
        )
    return made


def _short(said: Text, tail: str) -> Text:
    """Leave out what goes without saying in a list: pending means pending approval, and a stage is held."""
    return Text(said.plain.removesuffix(tail), said.style)


def card(package: ModelPackage) -> Table:
    """Tell everything about one version."""
    made = table()
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in _facts(package):
        if str(value):
            made.add_row(name, value)
    return made


def line(package: ModelPackage) -> Text:
    """Say how a version stands, in one line."""
    return Text("  ").join((Text(f"{package.group} v{package.version}", "bold"), approval(package), stage(package)))


def _facts(package: ModelPackage) -> list[tuple[str, Text | str]]:
    lineage, data = package.lineage, package.lineage.dataset
    ours = package.to_json()["metadata"]
    return [
        ("version", Text(f"{package.group} v{package.version}", "bold")),
        ("approval", _with_reason(approval(package), package.approval_description)),
        ("stage", _with_reason(stage(package), package.life_cycle.description if package.life_cycle else "")),
        ("metrics", _pairs({name: figure(value) for name, value in package.metrics.items()})),
        ("notes", clean(package.notes)),
        ("registered", _by(moment(package.created_at), package.created_by.arn)),
        ("changed", _by(moment(package.modified_at), package.modified_by.arn)),
        ("commit", clean(lineage.commit + (" and uncommitted changes" if lineage.is_dirty else ""))),
        ("diff sha256", clean(lineage.diff_sha256)),
        ("branch", clean(lineage.branch)),
        ("repository", clean(lineage.repository)),
        ("dataset", clean(" ".join((data.name, data.version, data.uri))) if data else ""),
        ("dataset sha256", clean(data.sha256) if data else ""),
        *((f"dvc {name}", clean(value)) for name, value in package.dvc.items()),
        ("run", clean(lineage.run)),
        ("parent", f"v{lineage.parent}" if lineage.parent else ""),
        ("trained", f"{moment(lineage.trained_at)} UTC" if lineage.trained_at else ""),
        ("image", clean(package.image)),
        ("artifact", clean(package.artifact_uri)),
        ("sha256", clean(package.sha256)),
        ("smoke test", clean(package.smoke)),
        ("metadata", _pairs(ours)),
        ("status", "" if package.is_usable else clean(package.status)),
        ("arn", package.arn),
    ]


def _with_reason(what: Text, reason: str) -> Text:
    return Text.assemble(what, f"  {clean(reason)}") if reason else what


def _by(when: str, arn: str) -> str:
    return f"{when} UTC by {clean(who(arn))}" if arn else f"{when} UTC"


def _pairs(values: Mapping[str, str]) -> str:
    return "  ".join(f"{clean(name)} {clean(value)}" for name, value in values.items())


def _metrics(spec: ModelSpec, packages: Sequence[ModelPackage]) -> list[str]:
    """Choose the columns: the metrics that gates declare, or else all that were registered."""
    return list(spec.gates) or sorted({name for package in packages for name in package.metrics})


def _best(spec: ModelSpec, packages: Sequence[ModelPackage]) -> dict[str, float]:
    found = {}
    for name, gate in spec.gates.items():
        values = [package.metrics[name] for package in packages if name in package.metrics]
        if len(values) > 1 and gate.is_higher_better is not None:
            found[name] = max(values) if gate.is_higher_better else min(values)
    return found


def _marked(value: float | None, best: float | None) -> Text:
    is_best = value is not None and value == best
    return Text(figure(value) + ("*" if is_best else ""), "bold green" if is_best else "")
