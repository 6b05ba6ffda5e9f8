"""What people are told, and how: e-mail through SNS, Slack by a real POST."""

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from modelward.core.errors import AccessError, AwsError, ThrottledError
from modelward.core.gates import Verdict
from modelward.core.ledger import Entry, EntryKind
from modelward.services.notification import headline, next_step, slack_message, subject, tell

SLACK = '\nslack = { webhook_secret = "modelward/slack" }\n'
AT = datetime(2026, 1, 5, 12, 30, tzinfo=UTC)


@dataclass
class Receiver:
    """A Slack that answers with what it was told to."""

    answers: list[int] = field(default_factory=list)
    messages: list[dict] = field(default_factory=list)

    def __enter__(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.answers.pop(0) if receiver.answers else 200
                if status == 200:
                    receiver.messages.append(json.loads(body))
                if status:
                    self.send_response(status)
                    self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/services/T0/B0/s3cret"


@pytest.fixture
def slack(world):
    with Receiver() as receiver:
        world.use(world.declaration + SLACK)
        world.client("secretsmanager").create_secret(Name="modelward/slack", SecretString=receiver.url + "\n")
        yield receiver


def entry(kind=EntryKind.VERIFIED, **fields):
    given = {
        "model": "digits", "version": 2, "seq": 5, "at": AT, "kind": kind, "who": "arn:aws:iam::123456789012:user/ana",
        "why": "good figures", "stage": "Production", "environment": "production",
        "figures": {"accuracy": 0.97, "log_loss": 0.2},
    }  # fmt: skip
    return Entry(**(given | fields))


def texts(message):
    """All that a person reads of a Slack message."""
    return "\n".join(
        part["text"] for block in message["blocks"] for part in (block.get("text"), *block.get("elements", ())) if part
    )


def test_an_approval_is_told_to_slack_and_by_mail_with_all_that_one_must_know(world, slack):
    world.release(0.95)
    second = world.register(0.97)
    world.finish()
    world.mails()
    slack.messages.clear()
    second.approve(reason="better on <both> & all")
    world.finish()

    mail = world.mails()[0]
    assert mail["Subject"] == "[acme] digits v2 was approved"
    for line in ("Why:  better on <both> & all", "accuracy 0.97  (live v1: 0.95)", "accuracy 0.97, at least 0.9: holds",
                 "Next: modelward promote digits 2 STAGE --reason '...'", "When: 2026-01-05"):  # fmt: skip
        assert line in mail["Message"]
    assert "Who:  " in mail["Message"]

    message = slack.messages[0]
    assert message["text"] == "digits v2 was approved"
    told = texts(message)
    assert "*Why* better on &lt;both&gt; &amp; all" in told
    assert "accuracy 0.97  (live v1: 0.95)" in told
    assert "modelward promote digits 2 STAGE --reason '...'" in told
    assert "acme" in told


def test_a_whole_release_is_told_step_by_step_and_nothing_twice(world, slack):
    world.release(0.95)
    told = [
        "digits v1 was registered and waits for approval",
        "digits v1 was approved",
        "digits v1 was promoted: its rollout begins in staging",
        "digits v1 is live and verified in staging",
        "digits v1 was promoted: its rollout begins in production",
        "digits v1 is live and verified in production",
    ]
    assert [mail["Subject"] for mail in world.mails()] == [f"[acme] {line}" for line in told]
    assert [message["text"] for message in slack.messages] == told


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_slack_that_asks_to_wait_is_told_again_and_only_then_the_mail_goes_out(world, slack, status):
    slack.answers = [status, status]
    world.register()
    world.finish()
    assert len(slack.messages) == len(world.mails()) == 1
    assert world.dead == []


def test_a_webhook_that_is_dead_holds_no_mail_up_and_the_mail_says_so_without_the_secret(world, slack):
    slack.answers = [403]
    world.register()
    world.finish()
    (mail,) = world.mails()
    assert "Slack was not told: Slack webhook: 403" in mail["Message"]
    assert "s3cret" not in mail["Message"]


def test_a_secret_that_does_not_exist_is_told_by_mail(world):
    world.use(world.declaration + SLACK)
    world.register()
    world.finish()
    assert "secret 'modelward/slack' does not exist" in world.mails()[0]["Message"]


def silent(world):
    """Declare Slack and no e-mail."""
    world.use(world.declaration.replace('email = ["ml-platform@example.com"]', SLACK))


def test_where_there_is_only_slack_its_refusal_is_an_error(world):
    silent(world)
    with pytest.raises(AccessError, match="modelward/slack"):
        tell(world.context, entry())
    world.client("secretsmanager").create_secret(Name="modelward/slack", SecretString="not a URL")
    with pytest.raises(AccessError, match="holds no URL"):
        tell(world.context, entry())


REFUSALS = [(429, ThrottledError), (502, ThrottledError), (404, AwsError), (0, ThrottledError)]


@pytest.mark.parametrize(("status", "kind"), REFUSALS)
def test_a_refusal_of_slack_never_tells_the_secret_url(world, status, kind):
    with Receiver(answers=[status]) as receiver:
        silent(world)
        world.client("secretsmanager").create_secret(Name="modelward/slack", SecretString=receiver.url)
        with pytest.raises(AwsError) as refused:
            tell(world.context, entry())
    assert type(refused.value) is kind
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_nobody_is_told_where_nobody_is_declared(world):
    world.use(world.declaration.replace('email = ["ml-platform@example.com"]', ""))
    assert tell(world.context, entry()) is False
    world.register()
    world.finish()
    assert world.mails() == []


@pytest.mark.parametrize("kind", [EntryKind.DEPLOYING, EntryKind.ARCHIVED])
def test_what_its_outcome_tells_is_not_told_by_itself(world, slack, kind):
    assert tell(world.context, entry(kind)) is False
    assert slack.messages == world.mails() == []


@pytest.mark.parametrize("kind", EntryKind)
def test_every_kind_of_entry_has_a_headline_a_next_step_and_a_message_within_slack_s_limits(kind):
    long = entry(
        kind,
        why="<" * 1024,
        figures={f"metric-{number}-{'x' * 60}": 0.123456789 for number in range(50)},
        verdicts=tuple(Verdict(f"m{n}", "at_least", 0.9, 0.8, None, False) for n in range(50)),
    )
    message = slack_message("acme", long, None)
    assert len(message["blocks"]) <= 50
    header, *others = message["blocks"]
    assert header["type"] == "header"
    assert 0 < len(header["text"]["text"]) <= 150
    for block in others:
        for part in (block.get("text"), *block.get("elements", ())):
            assert part is None or 0 < len(part["text"]) <= 3000
            assert part is None or part["text"].count("```") % 2 == 0
    assert headline(long).startswith("digits v2 ")
    assert next_step(long).startswith("modelward ")


def test_a_name_of_63_characters_still_makes_a_header(world):
    named = entry(model="m" * 63, environment="e" * 63, kind=EntryKind.FAILED)
    assert len(slack_message("acme", named, None)["blocks"][0]["text"]["text"]) <= 150


def test_the_subject_of_a_mail_is_one_that_sns_takes(world):
    from modelward.aws.messages import Topic

    world.context.topic.publish(subject("acmé", entry(model="m" * 63, environment="e" * 63)) + "\n", "text")
    (mail,) = world.mails()
    assert len(mail["Subject"]) == 100
    assert mail["Subject"].startswith("[acm?] mmm")
    assert mail["Subject"].isascii()
    assert mail["Subject"].isprintable()
    with pytest.raises(AwsError, match=r"topic .* is part of the deployment"):
        Topic(world.client("sns"), world.settings.topic_arn + "2").publish("subject", "text")


def test_the_live_version_is_not_compared_with_itself(world):
    world.release(0.95)
    assert "(live" not in world.mails()[-1]["Message"]


def test_an_entry_of_a_system_says_so(world):
    told = texts(slack_message("acme", entry(who="modelward"), None))
    assert "*Who* modelward" in told
