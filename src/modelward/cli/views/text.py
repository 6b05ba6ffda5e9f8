"""Words, figures and times, the same in every view."""

import unicodedata
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from modelward.core.model_package import ApprovalStatus, Lineage, ModelPackage, StageStatus

NONE = "-"
_PERSON_WIDTH = 32
_APPROVAL_STYLES = {ApprovalStatus.APPROVED: "green", ApprovalStatus.REJECTED: "red", ApprovalStatus.PENDING: "yellow"}
_STAGE_STYLES = {StageStatus.APPROVED: "green", StageStatus.IN_PROGRESS: "yellow", StageStatus.REJECTED: "red"}


def clean(text: str) -> str:
    """Make one harmless line of what somebody registered: no control characters, no line ends, no runs of spaces."""
    spaced = " ".join(text.split())
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(char)[0] == "C" else char for char in spaced)


def person(arn: str) -> str:
    """Spell who did something by the tail of the ARN: a user's name, a session's, cut where it is a machine's."""
    tail = clean(arn.rpartition("/")[2] or arn)
    tail = "root" if tail.endswith(":root") else tail
    return tail if len(tail) <= _PERSON_WIDTH else tail[: _PERSON_WIDTH - 1] + "\N{HORIZONTAL ELLIPSIS}"


def figure(value: float | None) -> str:
    """Spell a metric."""
    return NONE if value is None else f"{value:.6g}"


def moment(at: datetime) -> str:
    """Spell a time, in UTC, to the minute."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def commit(lineage: Lineage) -> str:
    """Spell where the code stood."""
    if not lineage.commit:
        return NONE
    return clean(lineage.commit[:8]) + ("+changes" if lineage.is_dirty else "")


def dataset(lineage: Lineage) -> str:
    """Spell what it was trained on."""
    data = lineage.dataset
    return clean(f"{data.name} {data.version}") if data else NONE


def approval(package: ModelPackage) -> Text:
    """Spell the verdict of the review."""
    return Text(package.approval_status.value, _APPROVAL_STYLES[package.approval_status])


def stage(package: ModelPackage) -> Text:
    """Spell stage and status."""
    if package.life_cycle is None:
        return Text(NONE)
    style = next((s for status, s in _STAGE_STYLES.items() if status == package.stage_status), "dim")
    return Text(clean(f"{package.stage}/{package.stage_status}"), style)


def table(*headers: str) -> Table:
    """Make a table without lines."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=bool(headers), header_style="bold")
    for header in headers:
        made.add_column(header, overflow="fold")
    return made
