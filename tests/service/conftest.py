"""The whole product in one process: services and handlers on a local SageMaker, under moto, on a still clock.

`World` is the account. It has no timers: `settle()` carries events, messages and stream records to the real handlers
until nothing is left to carry, and `run_for()` moves the clock in between, so that rollouts go on.
"""

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws
from tests.declaration import DIGITS, EMAIL
from tests.ledger_table import quicken
from tests.reliability.faults import Crash, FaultAtEveryCall, Prompt

from modelward.config import parse
from modelward.config.settings import Settings
from modelward.core.ledger import Entry
from modelward.handlers import model_package, notify, reconcile, shell
from modelward.local import moto as local
from modelward.local.authorisation import resource_keys
from modelward.local.sagemaker import Timing
from modelward.services.context import Context
from modelward.services.registry import Model, Registry, Version

ACCOUNT, REGION = "123456789012", "eu-west-1"
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/model-execution"
DECLARATION = DIGITS + EMAIL


@cache
def session_of_all() -> boto3.Session:
    """Make one session for all worlds of a process: each one reads the descriptions of the services anew."""
    return boto3.Session(region_name=REGION)


def archive(content: str = "weights") -> bytes:
    """Make a small model archive; equal contents give equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        data = content.encode()
        member = tarfile.TarInfo("model.txt")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    head = bytearray(buffer.getvalue())
    head[4:8] = b"\0\0\0\0"  # gzip keeps the time of day
    return bytes(head)


@dataclass
class World:
    """An AWS account with Modelward deployed, and somebody's laptop beside it."""

    folder: Path
    settings: Settings
    declaration: str = DECLARATION
    is_deaf: bool = False
    """Whether events of SageMaker are lost on their way."""
    carried: int = 0
    fault: FaultAtEveryCall | None = None
    delivery: Prompt = field(default_factory=Prompt)
    """How events of SageMaker travel."""
    told: int = 0
    """How many entries of the ledger its stream has brought."""
    is_handling: bool = False
    written: list[Any] = field(default_factory=list)
    """Items that were added to the ledger and whose stream record is still to be carried."""
    dead: list[tuple[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Every AWS call that was made through `client`: service and operation."""
    handler: str = ""
    """The module of the handler that is at work."""
    asked: list[tuple[str, str, str, dict[str, Any]]] = field(default_factory=list)
    """What handlers asked of AWS: module of the handler, service, operation, parameters."""
    duty: str = ""
    """As whom people act, while it is looked at what they ask for."""
    wanted: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    """What people asked of AWS: their duty, service, operation, parameters, what IAM sees of the version meanwhile."""

    held: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    """Messages that were sent with a delay, and when they may be seen: on the world's clock, not on moto's."""

    def __post_init__(self) -> None:
        self.session = session_of_all()
        self._clients: dict[str, Any] = {}
        self.use(self.declaration)

    # --- people -------------------------------------------------------------------------------------------------

    def use(self, declaration: str) -> None:
        """Deploy another declaration."""
        self.context = Context(
            spec=parse(declaration, "registry.toml"),
            client=self.client,
            find_settings=lambda: self.settings,
            clock=self._clock,
            sleep=self._sleep,
            folder=self.folder,
        )
        self.registry = Registry(self.context)
        shell._contexts["made"] = self.context

    @property
    def digits(self) -> Model:
        return self.registry.model("digits")

    def register(self, accuracy: float = 0.95, log_loss: float = 0.2, content: str = "", **more: Any) -> Version:
        """Register a version from a fresh archive."""
        path = self.pack("model.tar.gz", content or f"weights for {accuracy} {log_loss}")
        return self.digits.register(path, IMAGE, {"accuracy": accuracy, "log_loss": log_loss}, **more)

    def pack(self, name: str, content: str = "weights") -> Path:
        """Write an archive that was made long ago."""
        path = self.folder / name
        path.write_bytes(archive(content))
        os.utime(path, (1_700_000_000, 1_700_000_000))
        return path

    def live(self, accuracy: float = 0.95, **more: Any) -> Version:
        """Register a version and take it all the way to production."""
        version = self.register(accuracy, **more)
        self.run_for(10)
        version.approve(reason="good figures")
        self.run_for(10)
        version.promote("Production", reason="released")
        self.run_for(10)
        return version.refresh()

    def release(self, accuracy: float = 0.95, **more: Any) -> Version:
        """Do as `live`, and let no more time pass than the rollouts take."""
        version = self.register(accuracy, **more)
        self.finish()
        version.approve(reason="good figures")
        self.finish()
        version.promote("Production", reason="released")
        self.finish()
        return version.refresh()

    # --- time and transport -------------------------------------------------------------------------------------

    def run_for(self, seconds: int) -> None:
        """Let time pass, second by second, carrying what there is to carry."""
        for _ in range(seconds):
            self.settle()
            local.advance(1)
        self.settle()

    def finish(self) -> None:
        """Let time pass until all is at rest: no rollout under way, no message held back."""
        self.settle()
        while self._is_advanced() or self.delivery.is_moved(self):
            self.settle()

    def _is_advanced(self) -> bool:
        """Move the clock to when the next thing happens by itself, if there is one."""
        comes = (self.core.next_due, self.delivery.next_due, *(at for at, _ in self.held))
        due = min([at for at in comes if at], default=None)
        if due:
            local.advance(max(0.001, (due - local.clock()).total_seconds()))
        return due is not None

    def pause(self, seconds: float = 1) -> None:
        """Let time pass in which nothing is carried."""
        local.advance(seconds)

    def settle(self) -> None:
        """Carry events, messages and stream records until there are none."""
        with self.acting(""):
            while self._carry_events() or self._carry_messages() or self._carry_entries():
                pass

    @contextmanager
    def acting(self, duty: str) -> Iterator[None]:
        """Note what is asked of AWS as the wish of somebody with a duty."""
        before, self.duty = self.duty, duty
        try:
            yield
        finally:
            self.duty = before

    def sweep(self) -> None:
        """Let the schedule strike."""
        self.deliver(reconcile.handler, {"sweep": True})

    def deliver(self, handler: Callable[..., Any], body: Any) -> None:
        """Bring one message to a handler as SQS does."""
        self._try(handler, {"messageId": "m", "body": json.dumps(body, default=str)})

    def _try(self, handler: Callable[..., Any], record: Any) -> None:
        """Bring a record again while it fails, and to the dead letters after that.

        A fault at every call needs as many tries as there are calls; without one, five are what the queues allow.
        """
        for attempt in range(200 if self.fault else 5):
            if self.fault:
                self.fault.begin(attempt)
            if self._is_handled(handler, record):
                return
        self.dead.append((handler.__module__, record))

    def _is_handled(self, handler: Callable[..., Any], record: Any) -> bool:
        self.is_handling, self.handler = True, handler.__module__
        try:
            return not handler({"Records": [record]}, None)["batchItemFailures"]
        except Crash:
            return False
        finally:
            self.is_handling = False

    def _carry_events(self) -> bool:
        events = self.events
        fresh, self.carried = events[self.carried :], len(events)
        for event in [] if self.is_deaf else self.delivery.take(fresh):
            self.carry(event)
        return bool(fresh)

    def carry(self, event: dict[str, Any]) -> None:
        """Bring one event of SageMaker to the handler that the rules send it to."""
        if event["detail-type"] == "SageMaker Model Package State Change":
            self.deliver(model_package.handler, event)
        elif event["detail-type"] == "SageMaker Endpoint State Change":
            self.deliver(reconcile.handler, event)

    def _carry_messages(self) -> bool:
        sqs, url = self.client("sqs"), self.settings.reconcile_queue_url
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            self._bring(json.loads(message["Body"]))
        due = [message for at, message in self.held if at <= local.clock()]
        self.held = [(at, message) for at, message in self.held if at > local.clock()]
        for message in due:
            self.deliver(reconcile.handler, message)
        return bool(messages or due)

    def _bring(self, message: dict[str, Any]) -> None:
        delay_s = message.pop("held for", 0)
        if delay_s:
            self.held.append((local.clock() + timedelta(seconds=delay_s), message))
        else:
            self.deliver(reconcile.handler, message)

    def _carry_entries(self) -> bool:
        fresh, self.written = self.written, []
        self.told += len(fresh)
        for item in fresh:
            record = {"dynamodb": {"SequenceNumber": "1", "NewImage": item}}
            self._try(notify.handler, record)
        return bool(fresh)

    def _clock(self) -> Any:
        """Two decisions are never at the same moment: each look takes a millisecond."""
        local.clock.advance(0.001)
        return local.clock()

    def _sleep(self, seconds: float) -> None:
        self.run_for(max(1, round(seconds)))

    # --- looking ------------------------------------------------------------------------------------------------

    @property
    def core(self) -> Any:
        return local.core(ACCOUNT, REGION)

    @property
    def hosting(self) -> Any:
        return local.hosting(ACCOUNT, REGION)

    @property
    def events(self) -> list[Any]:
        return local.events(ACCOUNT, REGION)

    def client(self, service: str, environment: str = "") -> Any:
        """Make a boto3 client as bootstrap does, without its waiting, and count what it calls."""
        if service not in self._clients:
            client = self.session.client(service, config=Config(retries={"total_max_attempts": 1}))
            client.meta.events.register("before-parameter-build", self._asking)
            client.meta.events.register("before-parameter-build.sqs.SendMessageBatch", _hold)
            client.meta.events.register("before-call", self._count)
            client.meta.events.register_last("after-call", self._answered)
            for operation in ("PutItem", "TransactWriteItems"):
                client.meta.events.register(f"provide-client-params.dynamodb.{operation}", self._putting)
                client.meta.events.register(f"after-call.dynamodb.{operation}", self._put)
            self._clients[service] = client
        return self._clients[service]

    def _asking(self, model: Any, params: dict[str, Any], **_: Any) -> None:
        if self.is_handling:
            self.asked.append((self.handler, model.service_model.service_name, model.name, dict(params)))
        elif self.duty:
            arn = str(params.get("ModelPackageArn", ""))
            now = resource_keys(self.core.look(arn)) if arn else {}
            self.wanted.append((self.duty, model.service_model.service_name, model.name, dict(params), now))

    def _count(self, model: Any, params: Any, **_: Any) -> Any:
        self.calls.append((model.service_model.service_name, model.name))
        if self.fault and self.is_handling:
            return self.fault.strike(model.name, repr((params["url_path"], params["body"])))
        return None

    def _answered(self, **_: Any) -> None:
        if self.fault and self.is_handling:
            self.fault.strike_after()

    def _putting(self, params: Any, **_: Any) -> None:
        puts = [each["Put"] for each in params["TransactItems"]] if "TransactItems" in params else [params]
        self._items = [put["Item"] for put in puts]

    def _put(self, parsed: Any, **_: Any) -> None:
        if "Error" not in parsed:
            self.written += self._items

    @property
    def sagemaker(self) -> Any:
        return self.client("sagemaker")

    def endpoint(self, environment: str = "production") -> Any:
        return self.sagemaker.describe_endpoint(EndpointName=f"digits-{environment}")

    def changing(self, since: int = 0) -> list[str]:
        """Give the calls that change something, in their order, from some call on."""
        names = [name for _, name in self.calls[since:]]
        return [name for name in names if name.startswith(CHANGING) and name != "DeleteMessage"]  # that is the postman

    def serving(self, environment: str = "production") -> int:
        """Tell which version answers: by what the container was started with, not by what the registry says."""
        runtime = self.client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(EndpointName=f"digits-{environment}", Body=b"1", ContentType="text/csv")
        url = json.loads(answer["Body"].read())["model_data_url"]
        return next(v.version for v in self.digits.versions() if v.artifact_uri == url)

    def entries(self, version: int) -> tuple[Entry, ...]:
        return self.context.ledger.chain("digits", version)

    def kinds(self, version: int) -> list[str]:
        return [entry.kind.value for entry in self.entries(version)]

    def mails(self) -> list[dict[str, str]]:
        """Read what was published for e-mail, oldest first."""
        sqs, found = self.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=self.mailbox, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                sqs.delete_message(QueueUrl=self.mailbox, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found

    mailbox: str = ""


CHANGING = ("Create", "Update", "Delete", "Put", "Send", "Publish", "Add", "Remove")


def _hold(params: dict[str, Any], **_: Any) -> None:
    """Write a delay into each message: moto would wait for the time of day."""
    for entry in params["Entries"]:
        if delay_s := entry.pop("DelaySeconds", 0):
            entry["MessageBody"] = json.dumps({**json.loads(entry["MessageBody"]), "held for": delay_s})


@pytest.fixture
def marching_fault() -> type[FaultAtEveryCall]:
    return FaultAtEveryCall


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An account with everything that the stacks make."""
    with deployed(tmp_path) as made:
        yield made


@contextmanager
def deployed(folder: Path) -> Iterator[World]:
    """Make an account with everything that the stacks make; a folder takes what people have on their laptop."""
    local.install()
    before = dict(os.environ)
    os.environ.update(
        {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}
    )
    with mock_aws():
        yield _made(folder)
    shell._contexts.clear()
    os.environ.clear()
    os.environ.update(before)


def _made(folder: Path) -> World:
    session = session_of_all()
    session.client("s3").create_bucket(Bucket="acme-models", CreateBucketConfiguration={"LocationConstraint": REGION})
    table = session.client("dynamodb").create_table(**LEDGER_TABLE)["TableDescription"]
    quicken(ACCOUNT, REGION, table["TableName"])
    queue = _inbox(session)
    topic = session.client("sns").create_topic(Name="told")["TopicArn"]
    mailbox = session.client("sqs").create_queue(QueueName="mailbox")["QueueUrl"]
    session.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:mailbox", ReturnSubscriptionArn=True
    )
    session.client("sagemaker").create_model_package_group(ModelPackageGroupName="digits")
    settings = Settings(
        registry="acme",
        bucket="acme-models",
        key_arn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1",
        table=table["TableName"],
        table_arn=table["TableArn"],
        topic_arn=topic,
        role_arn=ROLE,
        reconcile_queue_url=queue,
    )
    made = World(folder, settings)
    made.mailbox = mailbox
    made.core.timing = Timing(create_s=3, update_s=3, delete_s=1)
    return made


ROLLOUTS = {"source": ["modelward"], "detail-type": ["Rollout Requested"]}


def _inbox(session: boto3.Session) -> str:
    """Make the reconciler's queue, and the bus on which rollouts are asked for in front of it."""
    queue = session.client("sqs").create_queue(QueueName="reconcile")["QueueUrl"]
    events, bus = session.client("events"), "acme-rollouts"
    events.create_event_bus(Name=bus)
    events.put_rule(Name="asked", EventBusName=bus, EventPattern=json.dumps(ROLLOUTS))
    target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:reconcile"}
    events.put_targets(Rule="asked", EventBusName=bus, Targets=[target])
    return queue


LEDGER_TABLE: dict[str, Any] = {
    "TableName": "acme-ledger",
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "model", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "model", "AttributeType": "S"},
        {"AttributeName": "entry", "AttributeType": "S"},
        {"AttributeName": "at", "AttributeType": "S"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-time",
            "KeySchema": [{"AttributeName": "model", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}

HOUR = timedelta(hours=1)
