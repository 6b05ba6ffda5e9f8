"""What all changing commands share: the plan instead of the change, and the version that a change leaves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelward.cli.terminal import Terminal

if TYPE_CHECKING:
    from modelward.planning.changes import Plan
    from modelward.planning.deployment import Finding
    from modelward.services.registry import Version


def show_plan(terminal: Terminal, plan: "Plan", *, json: bool) -> None:
    """Print what would be done, and why."""
    if json:
        terminal.json(plan.to_json())
        return
    from modelward.cli.views.text import clean

    terminal.say(f"plan: {clean(plan.why)}")
    for line in plan.lines():
        terminal.line(line)
    if plan.is_empty:
        terminal.say("nothing would be changed")


def show_plans(terminal: Terminal, plans: "Sequence[Plan]", *, is_done: bool, json: bool) -> None:
    """Print what would be done, or was done, at several places."""
    if json:
        terminal.json([plan.to_json() for plan in plans])
        return
    lines = [line for plan in plans for line in plan.lines()]
    for line in lines:
        terminal.line(line)
    if not lines:
        terminal.say("nothing was there to be changed" if is_done else "nothing would be changed")


def show_findings(terminal: Terminal, found: Sequence["Finding"], *, purpose: str) -> None:
    """Print what was found before something is done: what would be in its way is marked, with what to do."""
    from modelward.cli.views.account import findings

    if found:
        terminal.show(findings(found))
    blocking = sum(finding.is_blocking for finding in found)
    terminal.say(f"{blocking} to settle before {purpose}" if blocking else f"nothing is in the way of {purpose}")


def show_outcome(terminal: Terminal, version: "Version", *, json: bool, next_step: str = "") -> None:
    """Print how a version stands after a change, and what one may do next."""
    if json:
        terminal.json(version.package.to_json())
        return
    from modelward.cli.views.versions import line

    terminal.show(line(version.package))
    if next_step:
        terminal.say(f"  next: {next_step}")
