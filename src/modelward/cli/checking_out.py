"""The command that restores what DVC tracks of a version."""

from pathlib import Path

from modelward.cli.context import Context


def checkout(context: Context, *, model: str, version: int, force: bool, plan: bool, json: bool) -> None:
    """Restore model and data of a version."""
    from modelward.interop.checkout import carry_out, plan_checkout

    found = context.model(model).version(version)
    planned = plan_checkout(found, Path.cwd(), is_forced=force)
    if not plan:
        carry_out(planned, found.storage)
    if json:
        parts = ("wanted", "same", "kept")
        told = {part: [each.path for each in getattr(planned, part)] for part in parts}
        context.terminal.json({**told, "revision": planned.revision})
        return
    for each in planned.wanted:
        context.terminal.line(f"{each.path}  {each.md5}")
    for each in planned.same:
        context.terminal.say(f"  {each.path} is that already")
    for each in planned.kept:
        context.terminal.say(f"  {each.path} is something else now, and no remote keeps what it was")
    if planned.revision:
        context.terminal.say(f"  the code is commit {planned.revision}: git checkout {planned.revision[:10]}")
