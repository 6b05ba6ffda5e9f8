"""What follows when an alarm of a team's own goes off while a version serves: the one verified before comes back.

It happens once to a decision. What is recorded first, under the decision's token, is the memory of it: from then on the
alarm may be off again, or the function may have stopped, and the version to come back is still brought in; and when it
is in, or nobody can come back, nothing more is done.

The version that gives way is not marked: it serves, and so it holds the stage, until the other one is verified. Then it
is archived with the alarm as the reason, as after any way back.

The decision that brings the other one in follows from the one that it undoes, so its time is just after that one's: a
decision that a person has taken since outranks it, whoever writes first.

When an alarm went off, as CloudWatch tells, is compared with when the version was verified, by the function's clock.
An alarm that went off before says nothing about the version, as long as it stays on.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from modelward.core.ledger import Entry, EntryKind
from modelward.core.model_package import ModelPackage
from modelward.planning.changes import UpdateVersion
from modelward.planning.review import entry_into
from modelward.planning.standing import decided_after

ALARM = "Alarm: "
"""How the reason begins for which a version comes back after an alarm."""


def alarmed(chain: Sequence[Entry], package: ModelPackage, environment: str) -> Entry | None:
    """Find the entry that an alarm left on the decision by which a version serves an environment."""
    token = str(package.entered)
    told = (e for e in chain if e.kind is EntryKind.ALARMED and e.environment == environment and e.token == token)
    return next(told, None)


def tripped(alarms: Mapping[str, datetime], since: datetime) -> tuple[str, datetime] | None:
    """Give the first of the alarms that are on to go off after a moment, and when it did."""
    after = [(at, name) for name, at in alarms.items() if at > since]
    return next(((name, at) for at, name in sorted(after)), None)


def has_come(heir: ModelPackage, package: ModelPackage) -> bool:
    """Tell whether a version stands beside another one by a later decision, whatever became of that."""
    if heir.stage != package.stage or heir.entered is None or package.entered is None:
        return False
    return heir.entered.at > package.entered.at


def is_heir_due(entry: Entry, package: ModelPackage, standing: Sequence[ModelPackage]) -> bool:
    """Tell whether the version that an entry announces is still to be brought in."""
    heir = entry.facts.get("heir")
    return bool(heir) and not any(str(each.version) == heir and has_come(each, package) for each in standing)


def facts_of(alarm: str, at: datetime, heir: ModelPackage | None) -> dict[str, str]:
    """Give the facts of an alarm's entry: which one, when, and the number of the version that comes back, if any."""
    came = {"alarm": alarm, "went_off": at.astimezone(UTC).isoformat()}
    return {**came, "heir": str(heir.version)} if heir else came


def reason(facts: Mapping[str, str], version: int) -> str:
    """Say in one sentence what went off, and when."""
    at = datetime.fromisoformat(facts["went_off"])
    return f"{ALARM}{facts['alarm']} went off at {at:%Y-%m-%d %H:%M:%S} UTC while v{version} served"


def bring(heir: ModelPackage, package: ModelPackage, facts: Mapping[str, str]) -> UpdateVersion:
    """Bring a version back in the place of the one that serves."""
    if package.stage is None or package.entered is None:
        raise AssertionError("a version that serves stands in a stage")
    at = decided_after(package.entered.at, [package, heir])
    return entry_into(package.stage, heir, reason(facts, package.version), at)
