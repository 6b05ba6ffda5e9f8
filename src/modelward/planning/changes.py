"""Planned operations: one frozen value for each call that changes something."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from modelward.config.spec import (
    AlarmSpec,
    AsynchronousSpec,
    AutoscalingSpec,
    CaptureSpec,
    EndpointSpec,
    RolloutSpec,
    Serverless,
    VpcSpec,
)
from modelward.core.ledger import Entry
from modelward.core.model_package import ApprovalStatus, Entered, LifeCycle
from modelward.core.transform import Transform


@dataclass(frozen=True, slots=True)
class UploadFile:
    """Put a file into the artifact bucket (`PutObject`; several parts when it is large)."""

    path: Path
    bucket: str
    key: str
    size: int

    def line(self) -> str:
        """Say it in one line."""
        return f"PutObject           s3://{self.bucket}/{self.key}  ({self.size:,} bytes from {self.path})"


@dataclass(frozen=True, slots=True)
class PutText:
    """Put a small text into the artifact bucket (`PutObject`)."""

    text: str
    bucket: str
    key: str

    def line(self) -> str:
        """Say it in one line."""
        return f"PutObject           s3://{self.bucket}/{self.key}  ({len(self.text.encode()):,} bytes)"


@dataclass(frozen=True, slots=True)
class CreateVersion:
    """Register a version (`CreateModelPackage`)."""

    group: str
    request: Mapping[str, Any]

    def line(self) -> str:
        """Say it in one line."""
        status = self.request["ModelApprovalStatus"]
        return f"CreateModelPackage  {self.group}: a new version, {status}"


@dataclass(frozen=True, slots=True)
class UpdateVersion:
    """Change the verdict, the stage, or both, in one call (`UpdateModelPackage`)."""

    arn: str
    version: int
    approval: ApprovalStatus | None = None
    reason: str = ""
    life_cycle: LifeCycle | None = None
    entered: Entered | None = None
    is_decision: bool = False
    """Whether a person decides here, and not a rule that follows from a decision."""
    share: int | None = None
    """How many calls of a hundred it shall take while it is tried; None: as it is."""

    def line(self) -> str:
        """Say it in one line."""
        verdict = f" {self.approval.value} ({self.reason})" if self.approval else ""
        cycle = self.life_cycle
        stage = f" stage {cycle.stage}/{cycle.status} ({cycle.description})" if cycle else ""
        share = "" if self.share is None else f" {self.share} % of the calls"
        return f"UpdateModelPackage  v{self.version}:{verdict}{stage}{share}"


@dataclass(frozen=True, slots=True)
class Record:
    """Append an entry to the ledger (`PutItem`, only if its number is free)."""

    entry: Entry

    def line(self) -> str:
        """Say it in one line."""
        entry = self.entry
        return f"PutItem             ledger: v{entry.version} {entry.kind.value}: {entry.why}"


@dataclass(frozen=True, slots=True)
class CreateModel:
    """Make the deployable model of a version (`CreateModel`); one of that name may be there already."""

    name: str
    package_arn: str
    role_arn: str
    is_isolated: bool = False
    """Whether its containers are cut off from every network."""
    vpc: VpcSpec | None = None
    """Where its containers are in a VPC of the user's."""

    def line(self) -> str:
        """Say it in one line."""
        where = ["isolated from the network"] if self.is_isolated else []
        where += [f"in {', '.join(self.vpc.subnets)}"] if self.vpc else []
        return f"CreateModel         {self.name}" + (f"  ({'; '.join(where)})" if where else "")


@dataclass(frozen=True, slots=True)
class Captures:
    """Where endpoints write what they capture, and the KMS key that encrypts it there."""

    uri: str
    key_arn: str


@dataclass(frozen=True, slots=True)
class Challenger:
    """A version that is tried beside the one that a configuration serves.

    Args:
        model_name: Its model.
        percent: How many calls of a hundred it takes, or gets a copy of.
        is_shadow: Whether it gets copies, and nobody hears its answers.
    """

    model_name: str
    percent: int
    is_shadow: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """Where an asynchronous endpoint writes (a URI that ends in a slash), and the KMS key that encrypts it there."""

    uri: str
    key_arn: str


@dataclass(frozen=True, slots=True)
class CreateEndpointConfig:
    """Make the configuration that serves a version (`CreateEndpointConfig`); it may be there already."""

    name: str
    model_name: str
    endpoint: EndpointSpec
    captures: Captures | None = None
    """Where it captures calls; None when it captures none."""
    challenger: Challenger | None = None
    answers: Answers | None = None
    """Where it answers; None when it answers its caller."""

    def line(self) -> str:
        """Say it in one line."""
        spec, tried = self.endpoint, self.challenger
        kind = f"serverless {spec.serverless.memory_mb} MB" if spec.serverless else ""
        capture = f", captures to {self.captures.uri}" if self.captures else ""
        fleet = f"{2 if tried else 1} x {spec.initial_count}" if tried else str(spec.initial_count)
        copies = "a copy of " if tried and tried.is_shadow else ""
        trial = f", {copies}{tried.percent} % to {tried.model_name}" if tried else ""
        answers = f", answers in {self.answers.uri}" if self.answers else ""
        kind = kind or f"{fleet} x {spec.instance_type}"
        return f"CreateEndpointConfig {self.name}  ({kind}{trial}{capture}{answers})"


@dataclass(frozen=True, slots=True)
class CreateEndpoint:
    """Make the endpoint (`CreateEndpoint`)."""

    name: str
    config_name: str

    def line(self) -> str:
        """Say it in one line."""
        return f"CreateEndpoint      {self.name} -> {self.config_name}"


@dataclass(frozen=True, slots=True)
class Guard:
    """How an endpoint moves, and the alarms that take it back (`DeploymentConfig`)."""

    rollout: RolloutSpec
    alarms: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in a few words."""
        spec = self.rollout
        part = f" {spec.percent} %, {spec.wait_s} s each" if spec.strategy.is_gradual else ""
        watched = f", back on {' or '.join(self.alarms)}" if self.alarms else ""
        return f"{spec.strategy}{part}{watched}"


@dataclass(frozen=True, slots=True)
class UpdateEndpoint:
    """Move the endpoint to another configuration (`UpdateEndpoint`)."""

    name: str
    config_name: str
    keeps_count: bool = False
    """Whether it goes on with as many instances as it has been scaled to."""
    guard: Guard | None = None
    """None: all at once, with no alarm watched."""

    def line(self) -> str:
        """Say it in one line."""
        how = [str(self.guard)] if self.guard else []
        how += ["with as many instances as now"] if self.keeps_count else []
        return f"UpdateEndpoint      {self.name} -> {self.config_name}" + (f"  ({'; '.join(how)})" if how else "")


@dataclass(frozen=True, slots=True)
class ShiftCalls:
    """Shift calls between the variants of an endpoint (`UpdateEndpointWeightsAndCapacities`)."""

    endpoint: str
    weights: Mapping[str, float]

    def line(self) -> str:
        """Say it in one line."""
        shares = ", ".join(f"{weight:g} % to {variant}" for variant, weight in self.weights.items())
        return f"UpdateEndpointWeightsAndCapacities {self.endpoint}  ({shares})"


@dataclass(frozen=True, slots=True)
class RunSmokeTest:
    """Call an endpoint as the version's smoke test says (`InvokeEndpoint`), before the version counts as verified.

    It stands in plans that are made without calling it. Whoever carries plans out calls first, and plans with the
    verdict (`Scene.smoke`).
    """

    endpoint: str
    version: int

    def line(self) -> str:
        """Say it in one line."""
        return f"InvokeEndpoint      {self.endpoint}: the smoke test of v{self.version}"


@dataclass(frozen=True, slots=True)
class RegisterScaling:
    """Let the number of instances follow the calls (`RegisterScalableTarget`, `PutScalingPolicy`).

    Both may have been called before: they put their target and policy in the place of what is there.
    """

    endpoint: str
    scaling: AutoscalingSpec

    def line(self) -> str:
        """Say it in one line."""
        spec = self.scaling
        limits = f"{spec.min} to {spec.max} instances, {spec.invocations_per_instance} calls a minute each"
        return f"PutScalingPolicy    {self.endpoint}  ({limits})"


@dataclass(frozen=True, slots=True)
class DeregisterScaling:
    """Let the number of instances be (`DeregisterScalableTarget`); its policies go with it. It may be gone already."""

    endpoint: str

    def line(self) -> str:
        """Say it in one line."""
        return f"DeregisterScalableTarget {self.endpoint}"


@dataclass(frozen=True, slots=True)
class DeleteEndpoint:
    """Delete an endpoint that failed to come up: SageMaker permits nothing else on it (`DeleteEndpoint`)."""

    name: str

    def line(self) -> str:
        """Say it in one line."""
        return f"DeleteEndpoint      {self.name} (Failed; it is made anew)"


@dataclass(frozen=True, slots=True)
class DeleteEndpointConfig:
    """Delete a configuration that nobody needs (`DeleteEndpointConfig`), unless its endpoint has come to need it."""

    name: str
    endpoint: str
    """The only endpoint that it was made for."""

    def line(self) -> str:
        """Say it in one line."""
        return f"DeleteEndpointConfig {self.name}"


@dataclass(frozen=True, slots=True)
class DeleteModel:
    """Delete a model that nobody needs (`DeleteModel`); its version and its artifact stay."""

    name: str

    def line(self) -> str:
        """Say it in one line."""
        return f"DeleteModel         {self.name}"


@dataclass(frozen=True, slots=True)
class AskReconciler:
    """Ask the reconciler of an environment, wherever it is, to look at a model there (`PutEvents`)."""

    model: str
    environment: str
    version: int

    def line(self) -> str:
        """Say it in one line."""
        return f"PutEvents           reconcile {self.model} in {self.environment}"


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Let the reconciler come back to an environment after a while (`SendMessageBatch` to its own queue)."""

    model: str
    environment: str
    delay_s: int

    def line(self) -> str:
        """Say it in one line."""
        return f"SendMessageBatch    reconcile {self.model} in {self.environment} in {self.delay_s} s"


@dataclass(frozen=True, slots=True)
class CreateTransformJob:
    """Have a model answer all that lies in a place (`CreateTransformJob`)."""

    name: str
    model_name: str
    model: str
    version: int
    transform: Transform
    output_uri: str
    key_arn: str = ""
    """The KMS key that encrypts the answers; empty for the one that S3 takes."""

    def line(self) -> str:
        """Say it in one line."""
        wish = self.transform
        size = f"{wish.instance_count} x {wish.instance_type}"
        return f"CreateTransformJob  {self.name}  ({size}: {wish.input_uri} -> {self.output_uri})"


Change = (
    UploadFile
    | PutText
    | CreateVersion
    | UpdateVersion
    | Record
    | CreateModel
    | CreateEndpointConfig
    | CreateEndpoint
    | UpdateEndpoint
    | ShiftCalls
    | DeleteEndpoint
    | DeleteEndpointConfig
    | DeleteModel
    | RunSmokeTest
    | RegisterScaling
    | DeregisterScaling
    | CreateTransformJob
    | AskReconciler
    | LookAgain
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, in order, and why.

    Args:
        why: One sentence; also why nothing is to be done.
        changes: The operations, in the order in which they are safe to be interrupted.
        behind_since: Since when an environment has not served what it should; None when it does, or when the plan is
            of something else.
    """

    why: str
    changes: tuple[Change, ...] = field(default=())
    behind_since: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be done."""
        return not self.changes

    def lines(self) -> list[str]:
        """Say it for people: one line for each call."""
        return [change.line() for change in self.changes]

    def to_json(self) -> dict[str, Any]:
        """Spell it for programs."""
        return {"why": self.why, "changes": [_to_json(change) for change in self.changes]}


def _to_json(change: Change) -> dict[str, Any]:
    fields = {name: getattr(change, name) for name in change.__slots__}
    return {"change": type(change).__name__, **{name: _plain(value) for name, value in fields.items()}}


def _plain(value: Any) -> Any:
    match value:
        case Entry():
            return value.to_json()
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case (
            LifeCycle()
            | (Captures() | Answers() | Transform() | Guard() | Challenger())
            | EndpointSpec()
            | (Serverless() | AlarmSpec() | VpcSpec() | CaptureSpec() | AsynchronousSpec())
            | (AutoscalingSpec() | RolloutSpec())
        ):
            return {name: _plain(getattr(value, name)) for name in value.__slots__}
        case str() | int() | float() | None:
            return value
        case _:
            return str(value)
