"""Commands that look at a whole account: adopt, plan."""

from collections.abc import Sequence
from pathlib import Path

from modelward.cli import exits
from modelward.cli.changing import show_findings
from modelward.cli.context import Context
from modelward.config import FILE_NAME, find, parse
from modelward.config.spec import is_plain
from modelward.core.account import Held
from modelward.core.arn import who
from modelward.core.errors import ConfigError

_NOBODY = "unknown"


def adopt(context: Context, *, groups: Sequence[str], write: bool, plan: bool, json: bool) -> None:
    """List the groups of the account, and declare those that are not declared."""
    found = context.connect().held(groups)
    path = Path(context.registry) if context.registry else find(Path.cwd())
    text = path.read_text(encoding="utf-8-sig")
    addition = entries([each for each in found if not each.is_declared])
    _check(text, addition)
    is_written = write and not plan and bool(addition)
    if is_written:
        _append(path, text, addition)
    if json:
        context.terminal.json(
            {"groups": [each.to_json() for each in found], "toml": addition, "is_written": is_written}
        )
        return
    _tell(context, found, addition, path=path, is_written=is_written)


def _tell(context: Context, found: Sequence[Held], addition: str, *, path: Path, is_written: bool) -> None:
    from modelward.cli.views.account import listing

    if not found:
        context.terminal.say("this account and region has no model package group")
        return
    context.terminal.show(listing(found))
    if not addition:
        context.terminal.say("all of them are declared")
    elif is_written:
        context.terminal.say(f"written to {path}\n  next: say who owns them, then `modelward plan`")
    else:
        context.terminal.line("\n" + addition.strip("\n"))
        context.terminal.say(f"  next: the same with --write adds these lines to {path}")


def entries(found: Sequence[Held]) -> str:
    """Write the tables that declare groups as existing; who registered the last version counts as owner for now."""
    return "".join(f'\n[models.{each.group.name}]\nowner = "{_owner(each)}"\nexisting = true\n' for each in found)


def _owner(each: Held) -> str:
    name = who(each.last.created_by.arn)[:256].strip() if each.last else ""
    return name if name and is_plain(name) else _NOBODY


def _check(text: str, addition: str) -> None:
    """Make sure that the file is right with the addition, before it is written."""
    try:
        parse(text + "\n" + addition)
    except ConfigError as error:
        if not addition:
            raise
        raise ConfigError(
            FILE_NAME, error.key, found="what does not fit what would be added", allowed=f"so: {error.problem}"
        ) from error


def _append(path: Path, text: str, addition: str) -> None:
    """Add lines at the end and leave every byte before them as it is."""
    end = "" if text.endswith("\n") or not text else "\n"
    newline = "\r\n" if "\r\n" in path.read_bytes().decode("utf-8-sig") else "\n"
    with path.open("a", encoding="utf-8", newline=newline) as file:
        file.write(end + addition)


def plan(context: Context, *, json: bool) -> int:
    """Compare registry.toml with the account, before a deployment."""
    found = context.connect().deployment_findings()
    if json:
        context.terminal.json([finding.to_json() for finding in found])
    else:
        show_findings(context.terminal, found, purpose="a deployment")
    return exits.BLOCKED if any(finding.is_blocking for finding in found) else exits.DONE
