"""The two handlers that people copy, rebuilt from what is published of how they behave, beside Modelward.

Both find out what to deploy by asking for the newest approved version by its time of creation, and neither looks at
what came of it. They meet the same local SageMaker, the same events and the same faults as Modelward, and are tried
again as the services are in which they run: a function by Lambda, a pipeline not at all, its CloudFormation by itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from tests.reliability.faults import Crash, DayLate, Lost, OneFault, Prompt, Reversed, Twice

from modelward.local import moto as local
from modelward.local.sagemaker import Timing

World = Any
GROUP, ENDPOINT = "digits", "digits-staging"
VARIANT = {"VariantName": "AllTraffic", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
ROLLOUT_S = 300
LAMBDA_WAITS_S = (60, 120)
"""How long Lambda waits before it tries an event again: twice (its guide, "asynchronous invocation")."""


class Modelward:
    """The product: as the world has it."""

    def __init__(self, world: World) -> None:
        self.world = world

    def meet(self, delivery: Prompt, fault: OneFault | None) -> None:
        """Let events travel so from now on, and a call fail so."""
        self.world.delivery, self.world.fault = delivery, fault

    def has_told(self) -> bool:
        """Whether somebody was told that a version did not make it."""
        return any("failed" in mail["Subject"] for mail in self.world.mails())


class Handler(Prompt, ABC):
    """What events start in the place of Modelward: to the world it is a way of delivery that carries nothing."""

    waits_s: Sequence[int] = ()

    def __init__(self, world: World) -> None:
        self.inner, self.fault = Prompt(), None
        self.again: list[tuple[datetime, int, Any]] = []
        self.asked_for = ""
        self.client = world.session.client("sagemaker", config=Config(retries={"total_max_attempts": 1}))
        self.client.meta.events.register("before-call", self._before)
        self.client.meta.events.register_last("after-call", self._after)
        world.delivery = self

    def meet(self, delivery: Prompt, fault: OneFault | None) -> None:
        self.inner, self.fault = delivery, fault  # type: ignore[assignment]

    def has_told(self) -> bool:
        return False

    @abstractmethod
    def handle(self, event: Any) -> None:
        """Do what an event of a version leads to."""

    def _before(self, model: Any, **_: Any) -> Any:
        return self.fault.strike(model.name, "") if self.fault else None

    def _after(self, **_: Any) -> None:
        if self.fault:
            self.fault.strike_after()

    @property
    def next_due(self) -> datetime | None:
        return min((at for at, _, _ in self.again), default=None)

    def take(self, events: Sequence[Any]) -> list[Any]:
        for event in self.inner.take(events):
            self.carry(event)
        due = [each for each in self.again if each[0] <= local.clock()]
        self.again = [each for each in self.again if each[0] > local.clock()]
        for _, attempt, event in due:
            self._try(event, attempt)
        return []

    def is_moved(self, world: World) -> bool:
        """Late events come; of those that are lost no sweep knows."""
        return False if isinstance(self.inner, Lost) else self.inner.is_moved(self)

    def carry(self, event: Any) -> None:
        """Bring an event."""
        if event["detail-type"] == "SageMaker Model Package State Change":
            self._try(event, 0)

    def _try(self, event: Any, attempt: int) -> None:
        try:
            self.handle(event)
        except (ClientError, BotoCoreError, Crash):
            if attempt < len(self.waits_s):
                self.again.append((local.clock() + timedelta(seconds=self.waits_s[attempt]), attempt + 1, event))

    def newest(self) -> str:
        """Find the newest approved version, by its time of creation."""
        answer = self.client.list_model_packages(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=1,
        )
        return next((str(each["ModelPackageArn"]) for each in answer["ModelPackageSummaryList"]), "")

    def deploy(self, arn: str) -> None:
        """Make a model and a config under a new name, and move the endpoint."""
        name = f"{GROUP}-{local.clock():%Y%m%d-%H%M%S-%f}"
        role = "arn:aws:iam::123456789012:role/model-execution"
        self.client.create_model(ModelName=name, Containers=[{"ModelPackageName": arn}], ExecutionRoleArn=role)
        variant = {**VARIANT, "ModelName": name}
        self.client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        found = self.client.list_endpoints(NameContains=ENDPOINT)["Endpoints"]
        move = self.client.update_endpoint if found else self.client.create_endpoint
        move(EndpointName=ENDPOINT, EndpointConfigName=name)
        self.asked_for = name


class Function(Handler):
    """A rule on approvals starts a function."""

    waits_s = LAMBDA_WAITS_S

    def handle(self, event: Any) -> None:
        if event["detail"].get("ModelApprovalStatus") == "Approved":
            self.deploy(self.newest())


class Pipeline(Handler):
    """Any change of a version starts a pipeline: a build looks for the newest approved one, CloudFormation deploys it.

    Executions follow each other. CloudFormation waits for the endpoint and asks again where AWS does not answer, so
    faults strike the build alone, and a build that failed waits for a person. Where SageMaker goes back to the old
    config, CloudFormation is taken to notice: that is not documented, and the kinder assumption.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.deployed, self.is_waiting = "", False

    def has_told(self) -> bool:
        return bool(self._endpoint().get("EndpointConfigName") != self.asked_for)

    def take(self, events: Sequence[Any]) -> list[Any]:
        super().take(events)
        if self.is_waiting:
            self._try(None, 0)
        return []

    def handle(self, event: Any) -> None:
        self.is_waiting = self._endpoint().get("EndpointStatus") in ("Creating", "Updating")
        if self.is_waiting:
            return
        arn = self.newest()
        if arn and arn != self.deployed:
            self._deploy_unharmed(arn)

    def _deploy_unharmed(self, arn: str) -> None:
        fault, self.fault = self.fault, None
        self.deploy(arn)
        self.deployed, self.fault = arn, fault

    def _endpoint(self) -> Any:
        fault, self.fault = self.fault, None
        try:
            return self.client.describe_endpoint(EndpointName=ENDPOINT)
        except ClientError:
            return {}
        finally:
            self.fault = fault


CONTENDERS: Mapping[str, tuple[Any, str]] = {
    "modelward": (Modelward, "Modelward"),
    "function": (Function, "rule and function"),
    "pipeline": (Pipeline, "pipeline"),
}
"""What there is, and what the document calls it."""


@dataclass(frozen=True)
class Case:
    """Something that befalls each of the three.

    Args:
        act: What people do once v1 serves and newer versions wait for their approval.
        live: The version that should answer in the end.
        newer: The accuracy of each newer version.
        delivery: How events travel.
        fault: Which call fails, and how.
        is_to_be_told: Whether somebody should be told, because what was approved does not serve.
    """

    act: Callable[[World], object]
    live: int
    newer: Sequence[float] = (0.97,)
    delivery: type[Prompt] = Prompt
    fault: tuple[str, str] | None = None
    is_to_be_told: bool = False


def _approve(world: World, *versions: int) -> None:
    for version in versions:
        _edit(world, version, ModelApprovalStatus="Approved")
        world.pause(5)
    world.finish()


def _edit(world: World, version: int, **change: Any) -> None:
    world.sagemaker.update_model_package(ModelPackageArn=world.digits.version(version).arn, **change)
    world.settle()


def _new(world: World) -> None:
    _approve(world, 2)


def _two(world: World) -> None:
    _approve(world, 2, 3)


def _three(world: World) -> None:
    _approve(world, 2, 3, 4)


def _older_last(world: World) -> None:
    _approve(world, 3)
    _approve(world, 2)


def _new_sick(world: World) -> None:
    sick = world.digits.version(2).artifact_uri
    world.hosting.health = lambda config: config.model_data_url != sick
    _approve(world, 2)


def _reject(world: World) -> None:
    _approve(world, 2)
    _edit(world, 2, ModelApprovalStatus="Rejected")
    world.finish()


def _annotate(world: World) -> None:
    _approve(world, 2)
    _edit(world, 1, CustomerMetadataProperties={"team": "vision"})
    world.finish()


CASES: Mapping[str, Case] = {
    "nothing goes wrong": Case(_new, 2),
    "each event comes twice": Case(_new, 2, delivery=Twice),
    "two approvals, whose events come late and the last one first": Case(_two, 3, (0.96, 0.97), Reversed),
    "each event comes a day late": Case(_new, 2, delivery=DayLate),
    "no event comes": Case(_new, 2, delivery=Lost),
    "the first call is throttled": Case(_new, 2, fault=("throttled", "")),
    "the function is killed before UpdateEndpoint": Case(_new, 2, fault=("crash_before", "UpdateEndpoint")),
    "UpdateEndpoint is done, but not answered": Case(_new, 2, fault=("timeout_after", "UpdateEndpoint")),
    "three approvals, five seconds apart": Case(_three, 4, (0.96, 0.97, 0.98)),
    "an older version is approved after a newer one": Case(_older_last, 2, (0.96, 0.97)),
    "the new version never comes up": Case(_new_sick, 1, is_to_be_told=True),
    "a version that breaks its gates is approved in the console": Case(_new, 1, (0.61,)),
    "the live version is rejected in the console": Case(_reject, 1),
    "somebody annotates a version that served before": Case(_annotate, 2),
}


def ends_right(world: World, contender: str, name: str) -> bool:
    """Let something befall one of the three, and tell whether the right version answers and all is told that should."""
    case = CASES[name]
    serverless = "serverless = { memory_mb = 2048, max_concurrency = 5 }"
    world.use(world.declaration.replace(serverless, 'instance_type = "ml.m5.large"\ninstance_count = 1'))
    one = CONTENDERS[contender][0](world)
    for accuracy in (0.95, *case.newer):
        world.register(accuracy)
    world.finish()
    _approve(world, 1)
    world.mails()
    world.core.timing = Timing(create_s=ROLLOUT_S, update_s=ROLLOUT_S, delete_s=1)
    one.meet(case.delivery(), OneFault(*case.fault) if case.fault else None)
    case.act(world)
    one.meet(Prompt(), None)
    return world.serving("staging") == case.live and (one.has_told() or not case.is_to_be_told)
