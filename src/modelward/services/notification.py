"""Telling people: one e-mail and one Slack message for each entry that concerns them.

The ledger is the outbox: its stream brings every entry here, at least once, so nothing that was recorded goes untold.
"""

from collections.abc import Mapping
from typing import Any

from modelward.aws.ledger import entry_of
from modelward.core.arn import who as short
from modelward.core.errors import AwsError, NotFoundError, ThrottledError
from modelward.core.ledger import Entry, EntryKind, Failure
from modelward.core.model_package import ModelPackage
from modelward.core.names import endpoint_name
from modelward.planning.failures import remedy
from modelward.services import reading
from modelward.services.context import Context

# What follows by itself and is told by its outcome: a rollout that was asked for, a version that made room. And what
# was there long before anybody could be told: an adopted group may hold thousands of versions.
_QUIET = frozenset({EntryKind.DEPLOYING, EntryKind.POSTPONED, EntryKind.ARCHIVED, EntryKind.ADOPTED, EntryKind.FOUND})
_SIGNS = {
    EntryKind.VERIFIED: ":white_check_mark:",
    EntryKind.ALARMED: ":rotating_light:",
    EntryKind.FAILED: ":x:",
    EntryKind.WAITING: ":hourglass:",
    EntryKind.REFUSED: ":no_entry:",
    EntryKind.REJECTED: ":no_entry:",
    EntryKind.ROLLED_BACK: ":rewind:",
}
_HEADER_LIMIT = 150
_SECTION_LIMIT = 3000


def tell_item(context: Context, item: Mapping[str, Any]) -> bool:
    """Tell people of an entry that comes as a DynamoDB item, see `tell`."""
    return tell(context, entry_of(item))


def tell(context: Context, entry: Entry) -> bool:
    """Tell people of an entry, unless it is one that its outcome will tell, or that was told before.

    Slack is tried first: it refuses more often, and what was sent already is sent again when the entry comes back. A
    Slack that is not set up (no secret, a dead webhook) holds nothing up where there is e-mail: the mail says so.

    Args:
        context: Gateways.
        entry: What happened.

    Returns:
        Whether anybody was told.

    Raises:
        ThrottledError: Slack or SNS asks to come back later.
        AwsError: SNS refused; or Slack did, and there is no e-mail that could say so.
        NotFoundError: Slack's secret does not exist, and there is no e-mail that could say so.
    """
    if entry.kind in _QUIET or entry.facts.get("again") or entry.model not in context.spec.models:
        return False
    live = _live(context, entry)
    trouble = _post(context, entry, live)
    if context.spec.notifications.email:
        context.topic.publish(subject(context.spec.name, entry), email_text(entry, live) + trouble)
    return bool(context.webhook or context.spec.notifications.email)


def _post(context: Context, entry: Entry, live: ModelPackage | None) -> str:
    """Post to Slack where it is declared, and return what the e-mail must say of it."""
    if context.webhook is None:
        return ""
    try:
        context.webhook.post(slack_message(context.spec.name, entry, live))
    except ThrottledError:
        raise
    except (AwsError, NotFoundError) as error:
        if not context.spec.notifications.email:
            raise
        return f"\n\nSlack was not told: {error.problem}\nNext: {error.next_step}"
    return ""


def _live(context: Context, entry: Entry) -> ModelPackage | None:
    stage = entry.stage if context.spec.environment_of(entry.stage) else reading.last_stage(context)
    return reading.current(context, entry.model, stage) if stage else None


def subject(registry: str, entry: Entry) -> str:
    """Say it in the line that an inbox shows."""
    return f"[{registry}] {headline(entry)}"


def headline(entry: Entry) -> str:
    """Say what happened to which version, and where."""
    where = f" in {entry.environment or entry.stage}" if entry.environment or entry.stage else ""
    if entry.kind is EntryKind.STAGED and not entry.environment:
        return f"{entry.model} v{entry.version} was put into stage {entry.stage}"
    ends = _ENDS.get(entry.facts.get("failure", ""))
    if ends and entry.kind is EntryKind.FAILED:
        return f"{entry.model} v{entry.version} failed {ends[0]}{where}; {ends[1]}"
    return f"{entry.model} v{entry.version} {_WORDS[entry.kind]}{where}"


_WORDS = {
    EntryKind.ADOPTED: "was adopted",
    EntryKind.FOUND: "was there when the group was adopted",
    EntryKind.REGISTERED: "was registered and waits for approval",
    EntryKind.APPROVED: "was approved",
    EntryKind.REJECTED: "was rejected",
    EntryKind.PENDING: "waits for approval again",
    EntryKind.STAGED: "was promoted: its rollout begins",
    EntryKind.ROLLED_BACK: "comes back",
    EntryKind.REFUSED: "was refused and put back",
    EntryKind.DEPLOYING: "is being deployed",
    EntryKind.TRYING: "is tried beside the live version",
    EntryKind.POSTPONED: "waits for its turn",
    EntryKind.WAITING: "waits for a quota",
    EntryKind.VERIFIED: "is live and verified",
    EntryKind.ALARMED: "set off an alarm of yours",
    EntryKind.FAILED: "failed to deploy; what served before still serves",
    EntryKind.ARCHIVED: "was archived",
}


_ENDS = {
    Failure.SMOKE_TEST.value: ("its smoke test", "what served before comes back"),
    Failure.MIX.value: ("to deploy", "the endpoint serves a mix"),
}


def figures(entry: Entry, live: ModelPackage | None) -> list[str]:
    """Set the version's metrics against those of the live version, one line each."""
    other = live.metrics if live and live.version != entry.version else {}
    return [
        f"{name} {value:.6g}" + (f"  (live v{live.version}: {other[name]:.6g})" if live and name in other else "")
        for name, value in entry.figures.items()
    ]


def next_step(entry: Entry) -> str:  # noqa: PLR0911 - a table with a command for each kind
    """Give the command for the next step."""
    model, version = entry.model, entry.version
    if entry.kind is EntryKind.FAILED:
        return remedy(entry, endpoint_name(model, entry.environment))
    match entry.kind:
        case EntryKind.REGISTERED | EntryKind.PENDING:
            return f"modelward approve {model} {version} --reason '...'"
        case EntryKind.APPROVED:
            return f"modelward promote {model} {version} STAGE --reason '...'"
        case EntryKind.VERIFIED:
            return f"modelward rollback {model} {entry.environment} --reason '...'"
        case EntryKind.STAGED | EntryKind.ROLLED_BACK if entry.environment:
            return f"modelward deploy {model} {entry.environment}"
        case EntryKind.WAITING:
            return f"modelward status {model}  # the next sweep goes on once Service Quotas has raised the quota"
        case EntryKind.ALARMED if not entry.facts.get("heir"):
            return f"modelward promote {model} VERSION {entry.stage} --reason '...'"
    return f"modelward history {model}"


def email_text(entry: Entry, live: ModelPackage | None) -> str:
    """Write the e-mail: plain text."""
    rules = [f"  {verdict.text}" for verdict in entry.verdicts]
    return "\n".join(
        [
            f"{headline(entry)}.",
            "",
            f"Who:  {short(entry.who)}",
            f"When: {entry.at:%Y-%m-%d %H:%M:%S %Z}",
            f"Why:  {entry.why}",
            *(["", "Metrics:", *(f"  {line}" for line in figures(entry, live))] if entry.figures else []),
            *(["", "Gates:", *rules] if rules else []),
            "",
            f"Next: {next_step(entry)}",
        ]
    )


def slack_message(registry: str, entry: Entry, live: ModelPackage | None) -> dict[str, Any]:
    """Write the Slack message in Block Kit, within its limits and with user text escaped."""
    title = f"{_SIGNS.get(entry.kind, ':package:')} {headline(entry)}"
    said = f"*Who* {_escaped(short(entry.who))}\n*Why* {_escaped(entry.why)}"
    lines = [*figures(entry, live), *(verdict.text for verdict in entry.verdicts)]
    blocks: list[Mapping[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": title[:_HEADER_LIMIT], "emoji": True}},
        _section(said),
        *([_section("```" + _escaped("\n".join(lines)) + "```")] if lines else []),
        _section(f"*Next* `{next_step(entry)}`"),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": f"{registry} · {entry.at:%Y-%m-%d %H:%M:%S %Z}"}]},
    ]
    return {"text": _escaped(headline(entry)), "blocks": blocks}


def _section(text: str) -> dict[str, Any]:
    cut = (
        text
        if len(text) <= _SECTION_LIMIT
        else text[: _SECTION_LIMIT - 4] + "…" + ("```" if text.endswith("```") else "")
    )
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut}}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
