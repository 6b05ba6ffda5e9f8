"""Registry and endpoint together against a small model of the documented rules, driven at random.

The model knows no steps and no polling: an update is a timeline of (seconds since it began, share of the new config),
and whoever asks where it stands adds up.
"""

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from modelward.local.sagemaker import (
    AlarmState,
    ApiError,
    Caller,
    Fault,
    ManualClock,
    MemoryHosting,
    MemoryWatch,
    SageMaker,
    Timing,
)

CALLER = Caller("arn:aws:iam::123456789012:user/ann", "AIDAANN", "123456789012")
NAME = {"EndpointName": "e"}
LAUNCH_S, POLL_S, COUNT, LONG_S = 200, 10, 4, 2000
STATUSES = ("Approved", "Rejected", "PendingManualApproval")
STATE_EVENT = "SageMaker Endpoint State Change"


def guarded(**policy: Any) -> dict[str, Any]:
    return {**policy, "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}


def blue_green(kind: str, wait_s: int, end_s: int, **size: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait_s, **size}
    return guarded(BlueGreenUpdatePolicy={"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": end_s})


QUARTER, HALF = {"Type": "CAPACITY_PERCENT", "Value": 25}, {"Type": "INSTANCE_COUNT", "Value": 2}
# Each way to deploy: the request, and (until, share, is it watched) in seconds since the update.
Timeline = tuple[tuple[int, float, bool], ...]
WAYS: dict[str, tuple[dict[str, Any] | None, Timeline]] = {
    "plain": (None, ((200, 0, False),)),
    "at once": (blue_green("ALL_AT_ONCE", 0, 60), ((200, 0, False), (260, 1, True))),
    "canary": (
        blue_green("CANARY", 300, 120, CanarySize=QUARTER),
        ((200, 0, False), (500, 0.25, True), (620, 1, True)),
    ),
    "linear": (
        blue_green("LINEAR", 100, 50, LinearStepSize=HALF),
        ((200, 0, False), (300, 0.5, True), (350, 1, True)),
    ),
    "rolling": (
        guarded(RollingUpdatePolicy={"MaximumBatchSize": HALF, "WaitIntervalInSeconds": 60}),
        ((200, 0, False), (260, 0.5, True), (460, 0.5, False), (520, 1, True)),
    ),
}
WAITS = st.sampled_from([1, 7, 60, 100, 200, 300, 1000])
LEGAL = {
    ("CREATING", "IN_SERVICE"),
    ("CREATING", "FAILED"),
    ("IN_SERVICE", "UPDATING"),
    ("UPDATING", "IN_SERVICE"),
    ("UPDATING", "ROLLING_BACK"),
    ("ROLLING_BACK", "IN_SERVICE"),
    ("IN_SERVICE", "DELETING"),
    ("FAILED", "DELETING"),
    ("DELETING", "DELETED"),
    ("DELETED", "CREATING"),
}


@dataclass
class Expected:
    """The endpoint as the rules have it. `timeline` is in seconds since `began`; `over` is what it then is."""

    status: str
    config: str
    began: float
    timeline: Timeline
    over: tuple[str, str] | None
    new: str = ""
    count: int = COUNT
    new_count: int = COUNT
    is_rolling: bool = False

    def share(self, now: float) -> float:
        return next((share for until, share, _ in self.timeline if now - self.began < until), 0)

    def settle(self, now: float) -> None:
        """Get to where it is by now."""
        if self.over is None or now - self.began < self.timeline[-1][0]:
            return
        self.began += self.timeline[-1][0]
        (self.status, self.config), self.over = self.over, None
        if self.status == "RollingBack":
            self.timeline, self.over = ((LAUNCH_S, 0, False),), ("InService", self.config)
            self.settle(now)
        elif self.status == "InService":
            self.count = self.new_count

    def first_look(self, now: float) -> float | None:
        """When the alarm is next asked, within one poll from now."""
        begins = 0
        for until, _, is_watched in self.timeline:
            looks = [*range(begins, until, POLL_S), until]
            soon = [look for look in looks if now < self.began + look <= now + POLL_S]
            if is_watched and soon:
                return self.began + soon[0]
            begins = until
        return None


class Machine(RuleBasedStateMachine):
    """`statuses` are the verdicts by version, `deployable` those whose config was made; `endpoint` is the model."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.watch, self.events = ManualClock(), MemoryWatch(), list[dict[str, Any]]()
        self.watch.force("errors", AlarmState.OK)
        timing = Timing(create_s=LAUNCH_S, update_s=LAUNCH_S, delete_s=20, alarm_poll_s=POLL_S)
        where = ("123456789012", "eu-west-1")
        ports = {"clock": self.clock, "emit": self.events.append, "hosting": MemoryHosting(), "watch": self.watch}
        self.core = SageMaker(*where, timing=timing, **ports)
        self.statuses: dict[int, str] = {}
        self.verdicts = 0
        self.configs: list[str] = []
        self.endpoint: Expected | None = None
        self.call("CreateModelPackageGroup", ModelPackageGroupName="g")

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.core.call(operation, request, CALLER)

    def refused(self, text: str, operation: str, **request: Any) -> None:
        with pytest.raises(ApiError, match=text):
            self.call(operation, **request)

    @property
    def now(self) -> float:
        return self.clock().timestamp()

    def pass_s(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if self.endpoint is not None:
            self.endpoint.settle(self.now)
            if self.endpoint.status == "Gone":
                self.endpoint = None

    @property
    def is_busy(self) -> bool:
        return self.endpoint is not None and self.endpoint.over is not None

    @initialize()
    def serve(self) -> None:
        """Begin with three configs to choose from and an endpoint on the first."""
        for number in (1, 2, 3):
            self.register("Approved")
            self.prepare_version(number)
        self.call("CreateEndpoint", **NAME, EndpointConfigName="c1")
        self.endpoint = Expected("Creating", "c1", self.now, ((LAUNCH_S, 0, False),), ("InService", "c1"))
        self.pass_s(LAUNCH_S)

    # Registry

    @rule(status=st.sampled_from(STATUSES))
    def register(self, status: str) -> None:
        number = len(self.statuses) + 1
        specification = {"Containers": [{"Image": "i", "ModelDataUrl": f"s3://b/{number}"}]}
        request = {"ModelPackageGroupName": "g", "InferenceSpecification": specification}
        assert self.call("CreateModelPackage", **request, ModelApprovalStatus=status)["ModelPackageArn"].endswith(
            f"/{number}"
        )
        self.statuses[number] = status
        self.verdicts += 1

    @precondition(lambda self: self.statuses)
    @rule(data=st.data(), status=st.sampled_from(STATUSES))
    def review(self, data: st.DataObject, status: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.statuses)))
        arn = f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/g/{number}"
        self.call("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus=status)
        self.statuses[number] = status
        self.verdicts += 1

    @precondition(lambda self: self.statuses)
    @rule(data=st.data())
    def prepare(self, data: st.DataObject) -> None:
        """A model needs an approved version."""
        self.prepare_version(data.draw(st.sampled_from(sorted(self.statuses))))

    def prepare_version(self, number: int) -> None:
        name = f"c{len(self.configs) + 1}"
        package = {"ModelPackageName": f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/g/{number}"}
        model = {"ModelName": name, "PrimaryContainer": package, "ExecutionRoleArn": "arn:aws:iam::123456789012:role/r"}
        if self.statuses[number] != "Approved":
            self.refused("approval status", "CreateModel", **model)
            return
        self.call("CreateModel", **model)
        size = {"InstanceType": "ml.m5.large", "InitialInstanceCount": COUNT}
        variants = [{"VariantName": "live", "ModelName": name, **size}]
        self.call("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=variants)
        self.configs.append(name)

    # Endpoint

    @precondition(lambda self: self.configs)
    @rule(data=st.data(), is_doomed=st.integers(0, 4).map(lambda drawn: drawn == 0))
    def create(self, data: st.DataObject, is_doomed: bool) -> None:
        config = data.draw(st.sampled_from(self.configs))
        if self.endpoint is not None:
            self.refused("already existing", "CreateEndpoint", **NAME, EndpointConfigName=config)
            return
        self.doom("CreateEndpoint", is_doomed=is_doomed)
        self.call("CreateEndpoint", **NAME, EndpointConfigName=config)
        over = ("Failed" if is_doomed else "InService", config)
        self.endpoint = Expected("Creating", config, self.now, ((LAUNCH_S, 0, False),), over)

    @precondition(lambda self: self.endpoint and self.endpoint.over != ("Gone", self.endpoint.config))
    @rule(
        data=st.data(),
        way=st.sampled_from(sorted(WAYS)),
        is_doomed=st.integers(0, 4).map(lambda drawn: drawn == 0),
        waits=st.lists(WAITS, min_size=1, max_size=5),
        rings=st.booleans(),
    )
    def update_and_watch(self, data: st.DataObject, way: str, is_doomed: bool, waits: list[int], rings: bool) -> None:
        """One rule for all of it, so that many runs see a deployment from within."""
        self.pass_s(LONG_S)
        if self.endpoint is None or self.endpoint.status != "InService":
            return
        self.update(data.draw(st.sampled_from(self.configs)), way, is_doomed=is_doomed)
        for seconds in waits:
            self.pass_s(seconds)
            self.the_endpoint_is_where_the_rules_have_it()
            self.those_answer_who_have_a_share()
        if rings:
            self.trip()

    def update(self, config: str, way: str, *, is_doomed: bool) -> None:
        assert self.endpoint is not None
        deployment, timeline = WAYS[way]
        request = {"EndpointConfigName": config, **({"DeploymentConfig": deployment} if deployment else {})}
        if config == self.endpoint.config:
            self.refused("already has", "UpdateEndpoint", **NAME, **request)
            return
        self.doom("UpdateEndpoint", is_doomed=is_doomed)
        self.call("UpdateEndpoint", **NAME, **request)
        self.begin("Updating", timeline[:1] if is_doomed else timeline, self.endpoint.config if is_doomed else config)
        self.endpoint.new, self.endpoint.is_rolling = config, way == "rolling"
        self.endpoint.new_count = self.endpoint.count if is_doomed else COUNT

    @precondition(lambda self: self.endpoint and not self.is_busy and self.endpoint.status == "InService")
    @rule(count=st.integers(1, 6), is_doomed=st.booleans())
    def resize(self, count: int, is_doomed: bool) -> None:
        assert self.endpoint is not None
        self.doom("UpdateEndpointWeightsAndCapacities", is_doomed=is_doomed)
        wanted = [{"VariantName": "live", "DesiredInstanceCount": count}]
        self.call("UpdateEndpointWeightsAndCapacities", **NAME, DesiredWeightsAndCapacities=wanted)
        self.begin("Updating", ((LAUNCH_S, 0, False),), self.endpoint.config)
        self.endpoint.new, self.endpoint.new_count = "", self.endpoint.count if is_doomed else count
        if is_doomed:
            self.endpoint.over = ("RollingBack", self.endpoint.config)

    @precondition(lambda self: self.endpoint and not self.is_busy)
    @rule(hesitates=st.integers(0, 3))
    def delete(self, hesitates: int) -> None:
        if hesitates:
            return
        assert self.endpoint is not None
        self.call("DeleteEndpoint", **NAME)
        self.begin("Deleting", ((20, 0, False),), self.endpoint.config)
        self.endpoint.over = ("Gone", self.endpoint.config)

    @precondition(lambda self: self.is_busy)
    @rule()
    def what_is_in_progress_refuses_every_change(self) -> None:
        wanted = [{"VariantName": "live", "DesiredInstanceCount": 9}]
        self.refused("in-progress", "UpdateEndpoint", **NAME, EndpointConfigName=self.configs[0])
        self.refused("in-progress", "UpdateEndpointWeightsAndCapacities", **NAME, DesiredWeightsAndCapacities=wanted)
        self.refused("in-progress", "DeleteEndpoint", **NAME)

    def begin(self, status: str, timeline: Timeline, config: str) -> None:
        assert self.endpoint is not None
        self.endpoint.status, self.endpoint.began, self.endpoint.timeline = status, self.now, timeline
        self.endpoint.over = ("InService", config)
        self.endpoint.is_rolling = False

    def doom(self, operation: str, *, is_doomed: bool) -> None:
        if is_doomed:
            self.core.faults.add(operation, kind=Fault.UNHEALTHY)

    # Time

    @rule(seconds=WAITS)
    def wait(self, seconds: int) -> None:
        self.pass_s(seconds)

    @rule()
    def trip(self) -> None:
        """The alarm rings for as long as it takes to be heard."""
        look = self.endpoint.first_look(self.now) if self.endpoint and self.is_busy else None
        if look is not None:
            self.go_back(look)
        self.watch.force("errors", AlarmState.ALARM)
        self.pass_s(POLL_S)
        self.core.advance()
        self.watch.force("errors", AlarmState.OK)

    def go_back(self, at: float) -> None:
        assert self.endpoint is not None
        share, old = self.endpoint.share(at - 0.001), self.endpoint.config
        is_slow = self.endpoint.is_rolling and share == 1  # by then half of the old fleet is gone
        self.endpoint.began, self.endpoint.over = at, ("InService", old)
        self.endpoint.timeline = ((LAUNCH_S if is_slow else 0, share, False),)
        self.endpoint.new_count = self.endpoint.count

    # What must hold

    @invariant()
    def the_endpoint_is_where_the_rules_have_it(self) -> None:
        if self.endpoint is None:
            self.refused("Could not find endpoint", "DescribeEndpoint", **NAME)
            return
        found = self.call("DescribeEndpoint", **NAME)
        assert (found["EndpointStatus"], found["EndpointConfigName"]) == (self.endpoint.status, self.endpoint.config)
        if self.endpoint.status == "InService":
            assert found["ProductionVariants"][0]["CurrentInstanceCount"] == self.endpoint.count
        if self.endpoint.new and self.is_busy and self.endpoint.status == "Updating":
            [pending] = found["PendingDeploymentSummary"]["ProductionVariants"]
            assert pending["CurrentInstanceCount"] == self.endpoint.share(self.now) * COUNT

    @invariant()
    def those_answer_who_have_a_share(self) -> None:
        if self.endpoint is None or self.endpoint.status in {"Creating", "Deleting", "Failed"}:
            with pytest.raises(ApiError, match="not found"):
                self.core.invoke_endpoint(NAME, b"", CALLER)
            return
        answers = {self.core.invoke_endpoint(NAME, b"", CALLER)[1] for _ in range(8)}
        share = self.endpoint.share(self.now) if self.is_busy else 0
        wanted = {self.endpoint.config} if share < 1 else set()
        assert {json.loads(answer)["config"] for answer in answers} == wanted | (
            {self.endpoint.new} if share else set()
        )

    @invariant()
    def events_tell_only_legal_changes(self) -> None:
        told = [event["detail"]["EndpointStatus"] for event in self.events if event["detail-type"] == STATE_EVENT]
        assert set(pairwise(told)) <= LEGAL

    @invariant()
    def every_verdict_is_in_the_lineage(self) -> None:
        request: dict[str, Any] = {"ActionType": "Approval", "MaxResults": 100}
        assert len(self.call("ListActions", **request)["ActionSummaries"]) == min(self.verdicts, 100)


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=200, stateful_step_count=25, deadline=None, derandomize=True)
