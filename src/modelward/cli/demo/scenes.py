"""The scenes, in order. Each one checks what it claims."""

import io
import json
import math
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

from modelward import bootstrap
from modelward.cli.demo.callers import Callers
from modelward.cli.demo.inbox import Mailbox
from modelward.cli.demo.stagehand import MODEL, Stagehand
from modelward.core.endpoint import VARIANT, Symptom, alarm_name
from modelward.core.ledger import EntryKind
from modelward.core.names import endpoint_name, version_in

SCIENTIST, APPROVER, ADMIN = "data-scientist", "approver", "admin"
_BATCH = 180


def deploy_the_stacks(hand: Stagehand) -> None:
    """Synthesize the app, deploy it to a local AWS, list what was made."""
    tell, aws = hand.narrator, hand.aws
    tell.say(f"  app.py and registry.toml of {hand.folder.name}/ -> AWS on {aws.endpoint_url}, account {aws.account}")
    stacks = aws.deploy(hand.folder, io.StringIO())
    for stack in stacks:
        kinds = Counter(_kinds(aws.client(ADMIN, "cloudformation"), stack.name))
        made = ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in sorted(kinds.items()))
        tell.say(f"  {stack.name}: {made}")
    settings = bootstrap.context_of(hand.folder / "registry.toml", session=aws.session(ADMIN)).settings
    aws.client(ADMIN, "secretsmanager").create_secret(Name="modelward/slack", SecretString=hand.slack.url)
    hand.mailbox = Mailbox(aws.client(ADMIN, "sqs"), aws.client(ADMIN, "sns"), settings.topic_arn)
    groups = aws.client(SCIENTIST, "sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
    names = [group["ModelPackageGroupName"] for group in groups]
    tell.check(f"the model package group {MODEL} is there, and the SDK finds the deployment", MODEL in names, names)


def _kinds(cloudformation: Any, stack: str) -> Iterator[str]:
    for resource in cloudformation.describe_stack_resources(StackName=stack)["StackResources"]:
        yield resource["ResourceType"].removeprefix("AWS::").replace("::", " ")


def register_two(hand: Stagehand) -> None:
    """Train two models for real, and register them from the training script."""
    tell = hand.narrator
    hand.train("--kind", "logistic", "--notes", "baseline: logistic regression")
    hand.train("--kind", "svm", "--notes", "support vectors, RBF kernel")
    hand.modelward(SCIENTIST, "versions", MODEL)
    version = hand.model(SCIENTIST).version(2)
    dataset = version.lineage.dataset
    tell.check(
        "the version says who registered it", version.created_by.endswith(f"user/{SCIENTIST}"), version.created_by
    )
    tell.check("and on which data", dataset is not None and len(dataset.sha256) == 64, dataset)
    if version.lineage.commit:
        tell.check(f"and from which commit ({version.lineage.commit[:12]})", len(version.lineage.commit) == 40)


def compare_them(hand: Stagehand) -> None:
    """Say which one should go to production, and why."""
    hand.modelward(APPROVER, "compare", MODEL, "1", "2")
    comparison = hand.model(APPROVER).compare(1, 2)
    hand.narrator.check(f"v2 should go to production: {comparison.why}", comparison.winner == 2, comparison.winner)


def release_both(hand: Stagehand) -> None:
    """Approve v1 as the console does; promote it; then the same with v2, by command line."""
    tell, model = hand.narrator, hand.model(APPROVER)
    tell.command(APPROVER, "boto3: sagemaker.update_model_package(ModelApprovalStatus='Approved', ...)")
    hand.aws.client(APPROVER, "sagemaker").update_model_package(
        ModelPackageArn=model.version(1).arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="figures are fine, docs are there",
    )
    tell.wait_for("v1 reaches the staging endpoint by itself, and is verified", lambda: _is_live(hand, 1, "staging"))
    hand.modelward(APPROVER, "promote", MODEL, "1", "Production", "--reason", "first release")
    hand.modelward(APPROVER, "deploy", MODEL, "production")
    tell.check("v1 serves production", _is_live(hand, 1, "production"), _serving(hand, "production"))

    hand.modelward(APPROVER, "approve", MODEL, "2", "--reason", "better on all figures")
    tell.wait_for("v2 reaches staging", lambda: _is_live(hand, 2, "staging"))
    hand.modelward(APPROVER, "promote", MODEL, "2", "Production", "--reason", "one week in staging without complaint")
    hand.modelward(APPROVER, "deploy", MODEL, "production")
    tell.check("v2 serves production", _is_live(hand, 2, "production"), _serving(hand, "production"))
    tell.wait_for("v1 is archived", lambda: model.version(1).stage == "Archived")


def predict(hand: Stagehand) -> None:
    """Predict the held-out images through the endpoint, with plain boto3."""
    _check_accuracy(hand, 2)


def _check_accuracy(hand: Stagehand, version: int) -> None:
    rows, truth = hand.held_out()
    answered = _answers(hand, rows)
    accuracy = sum(a == b for a, b in zip(answered, truth, strict=True)) / len(truth)
    registered = hand.model(SCIENTIST).version(version).metrics["accuracy"]
    claim = f"{len(truth)} answers of the endpoint are {accuracy:.2%} right, as registered for v{version}"
    hand.narrator.check(claim, abs(accuracy - registered) < 1e-9, registered)


def _answers(hand: Stagehand, rows: list[list[float]]) -> list[int]:
    runtime = hand.aws.client(SCIENTIST, "sagemaker-runtime")
    answered: list[int] = []
    for start in range(0, len(rows), _BATCH):
        answer = runtime.invoke_endpoint(
            EndpointName=endpoint_name(MODEL, "production"),
            ContentType="application/json",
            Body=json.dumps(rows[start : start + _BATCH]).encode(),
        )
        answered += json.loads(answer["Body"].read())
    return answered


def refuse_a_bad_one(hand: Stagehand) -> None:
    """Train on spoiled labels: the gate refuses it, also through the raw API."""
    tell, model = hand.narrator, hand.model(APPROVER)
    hand.train("--kind", "logistic", "--spoil", "0.6", "--notes", "new labels from the vendor")
    hand.modelward(APPROVER, "approve", MODEL, "3", "--reason", "looks new and shiny", is_refused=True)
    tell.command(APPROVER, "boto3: sagemaker.update_model_package(ModelApprovalStatus='Approved')")
    hand.aws.client(APPROVER, "sagemaker").update_model_package(
        ModelPackageArn=model.version(3).arn, ModelApprovalStatus="Approved"
    )
    refused = tell.wait_for("it is put back", lambda: _rejected(hand, 3))
    tell.say(f"    {refused}")
    tell.check("v2 still serves staging and production", all(_is_live(hand, 2, e) for e in ("staging", "production")))


def _rejected(hand: Stagehand, version: int) -> str:
    package = hand.model(APPROVER).version(version).package
    return package.approval_description if package.approval_status == "Rejected" else ""


def catch_one_that_fails_its_callers(hand: Stagehand) -> None:
    """Let a version into production that has the best figures and serving code that fails: a canary finds out."""
    tell = hand.narrator
    hand.train("--kind", "svm", "--code", "digits/hasty/inference.py", "--notes", "for the new app")
    hand.modelward(APPROVER, "approve", MODEL, "4", "--reason", "as good as v2, and for the new app")
    tell.wait_for("its gates hold, its container starts: v4 reaches staging", lambda: _is_live(hand, 4, "staging"))
    rows, _ = hand.held_out()
    expected = _answers(hand, rows)
    config = _endpoint(hand, "production")["EndpointConfigName"]
    runtime = hand.aws.client(SCIENTIST, "sagemaker-runtime")
    with Callers(runtime, endpoint_name(MODEL, "production"), rows) as callers:
        tell.say("  from here on, somebody calls production with one held-out image after the other")
        hand.modelward(APPROVER, "promote", MODEL, "4", "Production", "--reason", "the new app goes live today")
        tell.wait_for("v4 gets calls, and fails them", lambda: callers.errors)
        tell.say(f"    {callers.why.partition(' See ')[0]}")
        tell.wait_for("the alarm goes off", lambda: _alarm(hand) == "ALARM")
        tell.wait_for("SageMaker goes back to v2, without a word", lambda: _serving(hand, "production") == 2)
        why = tell.wait_for("Modelward sees that v4 is not what serves, and marks it", lambda: _failed(hand, 4))
        tell.say(f"    {why}")
    tell.check(
        "production is on the very config as before", _endpoint(hand, "production")["EndpointConfigName"] == config
    )
    _count(hand, callers, expected)
    hand.modelward(APPROVER, "status", MODEL)
    tell.wait_for("people are told", lambda: _is_told(hand, "v4 failed to deploy", 1))
    _show_post(hand, "v4 failed to deploy")


def _count(hand: Stagehand, callers: Callers, expected: list[int]) -> None:
    """Count what callers had, in their own books and in those of CloudWatch, which keeps them by version."""
    tell, made, errors = hand.narrator, len(callers.answers), callers.errors
    by_v2, by_v4 = (_counted(hand, version, "Invocations") for version in (2, 4))
    failed = _counted(hand, 4, "Invocation5XXErrors")
    rollout = hand.registry(APPROVER).spec.rollout(MODEL, "production")
    share = rollout.percent if rollout and rollout.percent else 0
    during = callers.between
    tell.say(f"  {made} calls all the while, {errors} errors: {errors / made:.0%}")
    tell.say(f"  from the first error to the last {during} calls, {errors} errors: {errors / during:.0%}")
    tell.check(f"all errors are v4's: it got {by_v4} calls and failed {failed}", errors == by_v4 == failed, errors)
    tell.check(f"v2 failed none of the {by_v2} calls that it ever got", _counted(hand, 2, "Invocation5XXErrors") == 0)
    claim = f"errors are only within the canary's share, at most {share} % of the calls while it had them"
    tell.check(claim, errors <= math.ceil(during * share / 100), (errors, during))
    answered = [(a, b) for a, b in zip(callers.answers, cycle(expected)) if a is not None]
    tell.check(f"the other {len(answered)} answers are those of v2", all(a == b for a, b in answered))


def _counted(hand: Stagehand, version: int, metric: str) -> int:
    """Ask CloudWatch how often something happened to the calls that a version's config answered."""
    [config] = {
        entry.facts["config"]
        for entry in hand.model(APPROVER).history()
        if entry.version == version and entry.environment == "production" and entry.kind is EntryKind.DEPLOYING
    }
    name, now = endpoint_name(MODEL, "production"), datetime.now(UTC)
    dimensions = {"EndpointName": name, "VariantName": VARIANT, "EndpointConfigName": config}
    found = hand.aws.client(ADMIN, "cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )
    return sum(int(point["Sum"]) for point in found["Datapoints"])


def _alarm(hand: Stagehand) -> str:
    name = alarm_name(endpoint_name(MODEL, "production"), Symptom.ERRORS)
    [alarm] = hand.aws.client(ADMIN, "cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(alarm["StateValue"])


def _failed(hand: Stagehand, version: int) -> str:
    """Give the ledger's word on the failure, once the version is marked, too."""
    model = hand.model(APPROVER)
    failed = [entry for entry in model.history() if entry.kind is EntryKind.FAILED and entry.version == version]
    is_marked = model.version(version).stage_status == "Rejected"
    return str(failed[0]) if failed and is_marked else ""


def roll_back(hand: Stagehand) -> None:
    """Go back to v1, with a reason."""
    hand.modelward(APPROVER, "rollback", MODEL, "production", "--reason", "v2 is slow on the new cameras")
    hand.modelward(APPROVER, "deploy", MODEL, "production")
    hand.narrator.check("v1 serves production again", _is_live(hand, 1, "production"), _serving(hand, "production"))
    _check_accuracy(hand, 1)


def tell_the_history(hand: Stagehand) -> None:
    """Who did what, when, why, on which figures; and what people were told."""
    tell = hand.narrator
    tell.wait_for("everything is told", lambda: _is_told(hand, "v1 is live and verified in production", 2))
    hand.modelward(APPROVER, "history", MODEL)
    history = hand.model(APPROVER).history()
    kinds = {entry.kind for entry in history}
    decisions = {EntryKind.REGISTERED, EntryKind.APPROVED, EntryKind.REFUSED, EntryKind.ROLLED_BACK}
    expected = decisions | {EntryKind.VERIFIED, EntryKind.FAILED}
    tell.check("the ledger knows every decision, and what became of it", expected <= kinds, expected - kinds)
    approvals = [entry for entry in history if entry.kind is EntryKind.APPROVED]
    tell.check("and who took it", all(entry.who.endswith(f"user/{APPROVER}") for entry in approvals), approvals)
    _show_notifications(hand)


def _show_notifications(hand: Stagehand) -> None:
    tell, posts = hand.narrator, hand.slack.posts
    tell.say(f"\n  Slack got {len(posts)} messages; this is the one about the refused version:")
    _show_post(hand, "was refused")
    # The topic carries alarms, too; they have other subjects.
    mails = [mail for mail in (hand.mailbox.read() if hand.mailbox else []) if mail["Subject"].startswith("[")]
    tell.say(f"\n  E-mail: {len(mails)} messages")
    for mail in mails:
        tell.say(f"    {mail['Subject']}")
    tell.check("Slack and e-mail tell the same", len(mails) == len(posts) > 0, (len(mails), len(posts)))


def _show_post(hand: Stagehand, what: str) -> None:
    found = next(post for post in hand.slack.posts if what in post["text"])
    for block in found["blocks"]:
        text = block.get("text") or block["elements"][0]
        hand.narrator.say("\n".join(f"    | {line}" for line in text["text"].splitlines()))


def _is_told(hand: Stagehand, text: str, times: int) -> bool:
    return sum(text in post["text"] for post in hand.slack.posts) >= times


def _is_live(hand: Stagehand, version: int, environment: str) -> bool:
    """Tell whether an environment is verified to serve a version: the endpoint and the registry agree on it."""
    stage = hand.registry(APPROVER).spec.environments[environment].stage
    now = hand.model(APPROVER).version(version)
    is_verified = now.stage != stage or now.stage_status == "Approved"
    return is_verified and _serving(hand, environment) == version


def _endpoint(hand: Stagehand, environment: str) -> Any:
    return hand.aws.client(APPROVER, "sagemaker").describe_endpoint(EndpointName=endpoint_name(MODEL, environment))


def _serving(hand: Stagehand, environment: str) -> int | None:
    try:
        endpoint = _endpoint(hand, environment)
    except hand.aws.client(APPROVER, "sagemaker").exceptions.ClientError:
        return None
    return version_in(endpoint["EndpointConfigName"]) if endpoint["EndpointStatus"] == "InService" else None
