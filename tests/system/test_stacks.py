"""The stacks of this repository as `cdk deploy` makes them: rules, queues, functions, roles, streams, on a local AWS.

All tests share one deployment, so each begins with what it finds live, and leaves rules and queues as they were.
"""

import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from modelward import bootstrap
from modelward.cli.demo.inbox import Mailbox, Slack
from modelward.config import Settings
from modelward.core.arn import who
from modelward.core.errors import AccessError, PolicyError
from modelward.core.ledger import Entry
from modelward.core.names import version_in
from modelward.local.up import LocalAws
from modelward.services.registry import Model, Registry, Version

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
SCIENTIST, APPROVER, ADMIN = "data-scientist", "approver", "admin"
LOYAL = """
def model_fn(folder):
    return {answer!r}
def predict_fn(data, model):
    return model
"""
FAILING = """
def model_fn(folder):
    return {answer!r}
def predict_fn(data, model):
    raise RuntimeError(model)
"""
BROKEN = "def model_fn(folder): raise RuntimeError('no weights for {answer}')"


def eventually(look: Callable[[], Any], *, limit_s: float = 20.0) -> Any:
    """Look until there is something to see; say what was last seen if there never is."""
    deadline = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"still {found!r}"
        time.sleep(0.02)
    return found


@dataclass
class Deployment:
    """The deployed stacks, and the people who work with them."""

    aws: LocalAws
    slack: Slack
    folder: Path
    settings: Settings = field(init=False)
    mailbox: Mailbox = field(init=False)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    mails: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.aws.client(ADMIN, "secretsmanager").create_secret(Name="modelward/slack", SecretString=self.slack.url)
        self.aws.deploy(ROOT, io.StringIO())
        self.settings = bootstrap.context_of(ROOT / "registry.toml", session=self.aws.session(ADMIN)).settings
        self.mailbox = Mailbox(self.aws.client(ADMIN, "sqs"), self.aws.client(ADMIN, "sns"), self.settings.topic_arn)
        self._registries: dict[str, Registry] = {}

    def registry(self, whose: str = APPROVER) -> Registry:
        if whose not in self._registries:
            session = self.aws.session(whose)
            self._registries[whose] = bootstrap.connect(ROOT / "registry.toml", session=session)
        return self._registries[whose]

    def digits(self, whose: str = APPROVER) -> Model:
        return self.registry(whose).model("digits")

    def sagemaker(self, whose: str) -> Any:
        return self.aws.client(whose, "sagemaker")

    def register(self, accuracy: float = 0.95, code: str = LOYAL) -> Version:
        """Register a version whose container answers with a word of its own."""
        answer = f"answer {next(self.numbers)}"
        path = self.folder / "model.tar.gz"
        path.write_bytes(archive(code.format(answer=answer)))
        metrics = {"accuracy": accuracy, "log_loss": 0.2}
        return self.digits(SCIENTIST).register(path, IMAGE, metrics, notes=answer)

    def approve_as_the_console_does(self, version: Version, reason: str = "figures are fine") -> None:
        self.sagemaker(APPROVER).update_model_package(
            ModelPackageArn=version.arn, ModelApprovalStatus="Approved", ApprovalDescription=reason
        )

    def live(self, code: str = LOYAL) -> Version:
        """Take a new version all the way to production."""
        version = self.register(code=code)
        self.approve_as_the_console_does(version)
        self.until_live(version, "staging")
        self.digits().version(version.version).promote("Production", reason="released")
        self.until_live(version, "production")
        return self.digits().version(version.version)

    def now_live(self) -> Version:
        """Give the version that production serves; there is one after this."""
        return self.digits().current("Production") or self.live()

    def until_live(self, version: Version, environment: str) -> None:
        stage = self.registry().spec.environments[environment].stage
        eventually(lambda: self.serving(environment) == version.version)
        eventually(lambda: self._stands(version, stage, "Approved"))
        self.aws.wait_idle()

    def _stands(self, version: Version, stage: str, status: str) -> bool:
        now = self.digits().version(version.version)
        return (now.stage, now.stage_status) == (stage, status)

    def endpoint(self, environment: str) -> Any:
        return self.sagemaker(APPROVER).describe_endpoint(EndpointName=f"digits-{environment}")

    def serving(self, environment: str) -> int | None:
        try:
            endpoint = self.endpoint(environment)
        except ClientError:
            return None
        return version_in(endpoint["EndpointConfigName"]) if endpoint["EndpointStatus"] == "InService" else None

    def answer(self, environment: str) -> str:
        """Ask the endpoint itself."""
        runtime = self.aws.client(SCIENTIST, "sagemaker-runtime")
        told = runtime.invoke_endpoint(
            EndpointName=f"digits-{environment}", ContentType="application/json", Body=b"[[1]]"
        )
        return str(json.load(told["Body"]))

    def entries(self, version: Version) -> list[Entry]:
        return [entry for entry in reversed(self.digits().history()) if entry.version == version.version]

    def kinds(self, version: Version) -> list[str]:
        return [entry.kind.value for entry in self.entries(version)]

    def posted(self, text: str) -> list[dict[str, Any]]:
        return [post for post in self.slack.posts if text in post["text"]]

    def mailed(self, text: str) -> list[dict[str, str]]:
        self.mails += self.mailbox.read()
        return [mail for mail in self.mails if text in mail["Subject"]]

    def as_function(self, task: str) -> boto3.Session:
        """Give a session of a function's own role; its trust is lent to this account for a moment."""
        iam = self.aws.client(ADMIN, "iam")
        function = self.aws.client(ADMIN, "lambda").get_function_configuration(FunctionName=f"acme-{task}")
        name = function["Role"].rpartition("/")[2]
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        account = {"Effect": "Allow", "Principal": {"AWS": self.aws.account}, "Action": "sts:AssumeRole"}
        lent = {**trust, "Statement": [*trust["Statement"], account]}
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(lent))
        key = self.aws.client(ADMIN, "sts").assume_role(RoleArn=function["Role"], RoleSessionName="test")["Credentials"]
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
        return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"], self.aws.region)

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """Lose the events of versions."""
        events = self.aws.client(ADMIN, "events")
        [rule] = [rule["Name"] for rule in events.list_rules()["Rules"] if "ReviewChanges" in rule["Name"]]
        events.disable_rule(Name=rule)
        try:
            yield
        finally:
            events.enable_rule(Name=rule)

    @contextmanager
    def impatient(self, queue_url: str) -> Iterator[None]:
        """Let messages that failed come back to a queue at once, and not after minutes."""
        sqs, name = self.aws.client(ADMIN, "sqs"), "VisibilityTimeout"
        before = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])["Attributes"]
        sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={name: "0"})
        try:
            yield
        finally:
            sqs.set_queue_attributes(QueueUrl=queue_url, Attributes=before)

    def queue(self, part: str) -> str:
        [url] = [
            str(url)
            for url in self.aws.client(ADMIN, "sqs").list_queues()["QueueUrls"]
            if f"-{part}Queue" in str(url) or str(url).endswith(f"/acme-{part.lower()}")
        ]
        return url


def archive(code: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(code)
        tar.addfile(member, io.BytesIO(code.encode()))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Slack() as slack, LocalAws() as aws:
        yield Deployment(aws, slack, tmp_path_factory.mktemp("artifacts"))


def test_a_status_flipped_in_the_console_reaches_staging_and_a_promotion_production(deployed: Deployment) -> None:
    version = deployed.register()
    deployed.approve_as_the_console_does(version)
    deployed.until_live(version, "staging")
    assert deployed.answer("staging") == version.notes

    deployed.digits().version(version.version).promote("Production", reason="released")
    deployed.until_live(version, "production")
    assert deployed.answer("production") == version.notes
    told = ["registered", "approved", "staged", "deploying", "verified", "staged", "deploying", "verified"]
    assert deployed.kinds(version) == told


def test_a_version_that_takes_over_archives_the_one_before(deployed: Deployment) -> None:
    first = deployed.now_live()
    second = deployed.live()
    assert deployed.answer("production") == second.notes
    assert first.refresh().stage == "Archived"
    last = deployed.entries(first)[-1]
    assert (last.kind.value, who(last.who)) == ("archived", "acme-rollout")


def test_the_history_names_people_and_functions(deployed: Deployment) -> None:
    entries = deployed.entries(deployed.now_live())
    acted = {entry.kind.value: entry.who for entry in entries}
    assert acted["registered"].endswith(":user/data-scientist")
    assert acted["approved"].endswith(":user/approver")
    [into_staging, into_production] = [entry for entry in entries if entry.kind.value == "staged"][:2]
    assert who(into_staging.who) == "acme-review"
    assert ":assumed-role/" in into_staging.who
    assert who(into_production.who) == "approver"
    assert all(entry.why for entry in entries)


def test_an_approval_against_the_gates_is_put_back(deployed: Deployment) -> None:
    serving = deployed.now_live()
    bad = deployed.register(accuracy=0.61)
    with pytest.raises(PolicyError, match=r"accuracy 0\.61, at least 0\.9: refused"):
        deployed.digits().version(bad.version).approve(reason="let us see")

    deployed.approve_as_the_console_does(bad, "let us see")
    refused = eventually(lambda: _rejected(deployed.digits().version(bad.version)))
    deployed.aws.wait_idle()
    assert refused.startswith("Refused: accuracy 0.61")
    assert refused.endswith("(approved by approver)")
    assert deployed.kinds(bad) == ["registered", "approved", "refused"]
    assert deployed.answer("production") == serving.notes


def _rejected(version: Version) -> str:
    return version.package.approval_description if version.approval_status == "Rejected" else ""


def test_a_promotion_past_the_rules_is_put_back(deployed: Deployment) -> None:
    serving = deployed.now_live()
    version = deployed.register()
    deployed.sagemaker(APPROVER).update_model_package(
        ModelPackageArn=version.arn, ModelLifeCycle={"Stage": "Production", "StageStatus": "Approved"}
    )
    eventually(lambda: deployed.digits().version(version.version).stage == "Development")
    deployed.aws.wait_idle()
    assert deployed.answer("production") == serving.notes
    assert "PendingManualApproval, not Approved" in deployed.entries(version)[-1].why


def test_rejecting_the_live_version_brings_the_one_before_back(deployed: Deployment) -> None:
    first = deployed.now_live()
    second = deployed.live()
    deployed.digits().version(second.version).reject(reason="it is biased")
    deployed.until_live(first, "production")
    assert deployed.answer("production") == first.notes
    assert deployed.kinds(first)[-3:] == ["rolled-back", "deploying", "verified"]
    assert deployed.digits().version(second.version).stage == "Archived"


def test_a_container_that_never_starts_is_noticed_although_sagemaker_says_nothing(deployed: Deployment) -> None:
    deployed.now_live()
    before = deployed.answer("staging")
    broken = deployed.register(code=BROKEN)
    deployed.approve_as_the_console_does(broken)
    eventually(lambda: deployed.digits().version(broken.version).stage_status == "Rejected")
    deployed.aws.wait_idle()

    assert deployed.answer("staging") == before
    assert deployed.endpoint("staging")["EndpointStatus"] == "InService"
    assert deployed.kinds(broken) == ["registered", "approved", "staged", "deploying", "failed"]
    assert "SageMaker went back to digits-staging-v" in deployed.entries(broken)[-1].why
    what = f"digits v{broken.version} failed to deploy"
    assert len(deployed.posted(what)) == len(deployed.mailed(what)) == 1
    assert f"no weights for {broken.notes}" in deployed.aws.log_file.read_text()


def test_an_endpoint_that_fails_its_callers_raises_the_alarm_of_its_name(deployed: Deployment) -> None:
    cloudwatch = deployed.aws.client(ADMIN, "cloudwatch")

    def state() -> str:
        [alarm] = cloudwatch.describe_alarms(AlarmNames=["digits-production-errors"])["MetricAlarms"]
        return str(alarm["StateValue"])

    first = deployed.now_live()
    deployed.answer("production")
    eventually(lambda: state() == "OK")
    second = deployed.live(FAILING)
    for _ in range(2):  # registry.toml allows one a minute
        with pytest.raises(ClientError, match="ModelError"):
            deployed.answer("production")
    eventually(lambda: state() == "ALARM")
    assert eventually(lambda: deployed.mailed("digits-production-errors"))

    deployed.digits().version(second.version).reject(reason="it fails its callers")
    deployed.until_live(first, "production")
    # It would end the next rollout; that holds for the minute in which the failed calls count.
    cloudwatch.set_alarm_state(AlarmName="digits-production-errors", StateValue="OK", StateReason="rejected")


def test_a_figure_that_somebody_adds_to_the_live_version_moves_no_endpoint(deployed: Deployment) -> None:
    version = deployed.now_live()
    before, told = deployed.endpoint("production"), len(deployed.entries(version))
    deployed.sagemaker(APPROVER).update_model_package(
        ModelPackageArn=version.arn, CustomerMetadataProperties={"reviewed-in": "MLR-17"}
    )
    deployed.aws.wait_idle()
    after = deployed.endpoint("production")
    assert after["LastModifiedTime"] == before["LastModifiedTime"]
    assert after["EndpointConfigName"] == before["EndpointConfigName"]
    assert len(deployed.entries(version)) == told


def test_what_the_ledger_tells_arrives_in_slack_and_by_mail(deployed: Deployment) -> None:
    version = deployed.register()
    what = f"digits v{version.version} was registered and waits for approval"
    [post] = eventually(lambda: deployed.posted(what))
    [mail] = eventually(lambda: deployed.mailed(what))
    said = json.dumps(post["blocks"])
    assert "data-scientist" in said
    assert f"modelward approve digits {version.version}" in said
    assert "accuracy 0.95" in said
    assert mail["Subject"] == f"[acme] {what}"
    assert "Who:  data-scientist" in mail["Message"]
    assert f"Next: modelward approve digits {version.version} --reason '...'" in mail["Message"]


def test_a_message_that_cannot_be_handled_ends_in_the_dead_letters(deployed: Deployment) -> None:
    sqs, inbox, dead = deployed.aws.client(ADMIN, "sqs"), deployed.queue("Reviews"), deployed.queue("ReviewsFailed")
    with deployed.impatient(inbox):
        sqs.send_message(QueueUrl=inbox, MessageBody="this is no JSON")
        [message] = eventually(lambda: sqs.receive_message(QueueUrl=dead).get("Messages"))
    assert message["Body"] == "this is no JSON"
    sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])


def test_the_scheduled_sweep_finds_an_approval_whose_event_was_lost(deployed: Deployment) -> None:
    version = deployed.register()
    deployed.aws.wait_idle()
    with deployed.deaf():
        deployed.approve_as_the_console_does(version)
    deployed.aws.wait_idle()
    assert deployed.kinds(version) == ["registered"]

    events, sqs = deployed.aws.client(ADMIN, "events"), deployed.aws.client(ADMIN, "sqs")
    [rule] = [rule["Name"] for rule in events.list_rules()["Rules"] if "ScheduleExpression" in rule]
    [target] = events.list_targets_by_rule(Rule=rule)["Targets"]
    url = deployed.settings.reconcile_queue_url
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert target["Arn"] == queue
    sqs.send_message(QueueUrl=url, MessageBody=target["Input"])
    deployed.until_live(version, "staging")
    assert deployed.kinds(version) == ["registered", "approved", "staged", "deploying", "verified"]


def test_a_sweep_ends_the_alarm_that_none_has_been(deployed: Deployment) -> None:
    cloudwatch = deployed.aws.client(ADMIN, "cloudwatch")
    deployed.aws.client(ADMIN, "sqs").send_message(
        QueueUrl=deployed.settings.reconcile_queue_url, MessageBody=json.dumps({"sweep": True})
    )
    name = "acme-workflow-Sweep"
    eventually(lambda: cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"] == "OK")


def test_a_data_scientist_is_denied_approval(deployed: Deployment) -> None:
    version = deployed.register()
    with pytest.raises(ClientError, match=r"user/data-scientist is not authorized to perform: sagemaker:UpdateModel"):
        deployed.sagemaker(SCIENTIST).update_model_package(ModelPackageArn=version.arn, ModelApprovalStatus="Approved")
    with pytest.raises(AccessError, match="not authorized to perform: sagemaker:UpdateModelPackage"):
        version.approve(reason="it is mine")


def test_an_approver_cannot_touch_endpoints(deployed: Deployment) -> None:
    deployed.now_live()
    name, config = "digits-production", deployed.endpoint("production")["EndpointConfigName"]
    sagemaker = deployed.sagemaker(APPROVER)
    for call, request in (
        (sagemaker.update_endpoint, {"EndpointName": name, "EndpointConfigName": config}),
        (sagemaker.create_endpoint, {"EndpointName": "mine", "EndpointConfigName": config}),
        (sagemaker.delete_endpoint, {"EndpointName": name}),
    ):
        with pytest.raises(ClientError, match="user/approver is not authorized to perform: sagemaker:"):
            call(**request)


def test_functions_append_to_the_ledger_and_cannot_rewrite_it(deployed: Deployment) -> None:
    entry = deployed.entries(deployed.now_live())[0]
    key = {"model": {"S": entry.model}, "entry": {"S": entry.key}}
    table = deployed.settings.table
    for task, may_append in (("review", True), ("rollout", True), ("notify", False)):
        client = deployed.as_function(task).client("dynamodb", endpoint_url=deployed.aws.endpoint_url)
        for call in (client.delete_item, client.update_item):
            with pytest.raises(ClientError, match=r"AccessDeniedException.* not authorized to perform: dynamodb:"):
                call(TableName=table, Key=key)
        refusal = "ConditionalCheckFailedException" if may_append else "AccessDeniedException"
        with pytest.raises(ClientError, match=refusal):
            client.put_item(TableName=table, Item=key, ConditionExpression="attribute_not_exists(entry)")
        client.close()


def test_not_even_an_administrator_rewrites_the_ledger(deployed: Deployment) -> None:
    entry = deployed.entries(deployed.now_live())[0]
    key = {"model": {"S": entry.model}, "entry": {"S": entry.key}}
    database = deployed.aws.client(ADMIN, "dynamodb")
    for call in (database.delete_item, database.update_item):
        with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
            call(TableName=deployed.settings.table, Key=key)


def test_a_function_touches_no_endpoint_but_that_of_the_rollout(deployed: Deployment) -> None:
    for task in ("review", "notify"):
        client = deployed.as_function(task).client("sagemaker", endpoint_url=deployed.aws.endpoint_url)
        with pytest.raises(ClientError, match="is not authorized to perform: sagemaker:DeleteEndpoint"):
            client.delete_endpoint(EndpointName="digits-production")
        client.close()
