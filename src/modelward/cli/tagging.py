"""The command that tells git what a version is."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modelward.cli.context import Context

if TYPE_CHECKING:
    from modelward.interop.tags import Placed


def tag(  # noqa: PLR0913  # a command's parameters are its arguments
    context: Context, *, model: str, version: int, stage: str, deprecate: bool, message: str, plan: bool, json: bool
) -> None:
    """Write the tags of a version, or list those of a model."""
    from modelward.interop import tags

    folder = Path.cwd()
    if not (version or stage or deprecate):
        _listed(context, tags.tags_of(folder, model), json=json)
        return
    wish = tags.Wish(stage, deprecate, message)
    planned = tags.plan_tags(context.connect(), folder, model, version, wish)
    if not plan:
        tags.write(folder, planned)
    _listed(context, planned, json=json)
    if plan:
        context.terminal.say("plan: these tags would be written")
    elif planned:
        named = " ".join(f"'{each.name}'" for each in planned)  # a shell takes # as the begin of a comment
        context.terminal.say(f"  next: git push origin {named}")


def _listed(context: Context, found: "Sequence[Placed]", *, json: bool) -> None:
    if json:
        context.terminal.json([each.to_json() for each in found])
        return
    for each in found:
        context.terminal.line(f"{each.name}  {each.commit[:10]}")
    if not found:
        context.terminal.say("no such tag is there, and none would be new")
