"""One endpoint: its state, and how the API and the events tell it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from modelward.local.sagemaker.endpoint_configs import EndpointConfig
from modelward.local.sagemaker.fleets import Fleet, Variant
from modelward.local.sagemaker.rollouts import Rollout, Share
from modelward.local.sagemaker.scope import Scope, epoch_ms
from modelward.local.sagemaker.tags import Tags

STATE_EVENT = "SageMaker Endpoint State Change"
DEPLOYMENT_EVENT = "SageMaker Endpoint Deployment State Change"

_GONE = "DELETED"  # events alone know this state

_IN_EVENTS = (
    "VariantName",
    "CurrentWeight",
    "DesiredWeight",
    "CurrentInstanceCount",
    "DesiredInstanceCount",
)


class Status(StrEnum):
    """EndpointStatus. OutOfService does not occur here."""

    CREATING = "Creating"
    UPDATING = "Updating"
    SYSTEM_UPDATING = "SystemUpdating"
    ROLLING_BACK = "RollingBack"
    IN_SERVICE = "InService"
    DELETING = "Deleting"
    FAILED = "Failed"
    UPDATE_ROLLBACK_FAILED = "UpdateRollbackFailed"

    @property
    def in_events(self) -> str:
        """Spell it as events do."""
        return self.name

    @property
    def is_in_progress(self) -> bool:
        """Tell whether the endpoint refuses changes until it has got on."""
        return self in _IN_PROGRESS


_IN_PROGRESS = frozenset(
    {Status.CREATING, Status.UPDATING, Status.SYSTEM_UPDATING, Status.ROLLING_BACK, Status.DELETING}
)


@dataclass(slots=True)
class Endpoint:
    """One endpoint. `fleet` serves, alone or with that of a rollout; `stuck` is one that could not even be undone."""

    name: str
    arn: str
    created_at: datetime
    modified_at: datetime
    status: Status
    config: EndpointConfig
    fleet: Fleet | None = None
    rollout: Rollout | None = None
    stuck: Rollout | None = None
    due: datetime | None = None
    failure_reason: str = ""
    deployment: Mapping[str, Any] | None = None

    @property
    def replacement(self) -> Rollout | None:
        """The rollout of another config, if one is under way."""
        is_one = self.rollout is not None and self.fleet is not None and not self.rollout.is_resizing
        return self.rollout if is_one else None

    @property
    def fleets(self) -> Iterator[Fleet]:
        """All fleets that there are, as they are known: one that is only resized counts once."""
        if self.fleet is not None:
            yield self.fleet
        yield from (each.new for each in (self.stuck, self.rollout) if each is not None and not each.is_resizing)

    @property
    def resting_status(self) -> Status:
        """The state in which it serves when nothing is under way."""
        return Status.UPDATE_ROLLBACK_FAILED if self.stuck else Status.IN_SERVICE

    def shares(self) -> list[Share]:
        """Return who answers requests, by weight."""
        if self.fleet is None or self.status is Status.DELETING:
            return []
        shares = [(variant, variant.weight) for variant in self.fleet.production]
        for rollout in (self.stuck, self.rollout):
            shares = shares if rollout is None else rollout.shared(shares)
        return shares

    # In answers

    def describe(self) -> dict[str, Any]:
        """Return the answer of DescribeEndpoint."""
        answer = {**self.summary(), "EndpointConfigName": self.config.name, **self._variants(), **self._from_config()}
        if self.failure_reason:
            answer["FailureReason"] = self.failure_reason
        if self.deployment:
            answer["LastDeploymentConfig"] = self.deployment
        if self.replacement is not None:
            answer["PendingDeploymentSummary"] = _pending(self.replacement)
        return answer

    def summary(self) -> dict[str, Any]:
        """Return an entry of ListEndpoints."""
        return {
            "EndpointName": self.name,
            "EndpointArn": self.arn,
            "CreationTime": self.created_at,
            "LastModifiedTime": self.modified_at,
            "EndpointStatus": str(self.status),
        }

    def _variants(self) -> dict[str, Any]:
        fleet = self.fleet or (self.rollout.new if self.rollout else None)
        if fleet is None:
            return {}
        answer = {"ProductionVariants": [self._described(variant) for variant in fleet.production]}
        if fleet.shadows:
            answer["ShadowProductionVariants"] = [self._described(variant) for variant in fleet.shadows]
        return answer

    def _described(self, variant: Variant) -> dict[str, Any]:
        if self.fleet is None and self.rollout is not None:
            return {**variant.describe(0), **self.rollout.status(variant, is_old=False)}
        if self.rollout is None:
            return variant.describe(self.stuck.left(variant) if self.stuck else _size(variant))
        goal = self.rollout.new.find(variant.name) if self.rollout.is_resizing else None
        return {**variant.describe(self.rollout.left(variant), goal), **self.rollout.status(variant, is_old=True)}

    def _from_config(self) -> dict[str, Any]:
        fields = self.config.fields
        kept = ("AsyncInferenceConfig", "ExplainerConfig", "MetricsConfig")
        answer = {each: fields[each] for each in kept if each in fields}
        capture = fields.get("DataCaptureConfig")
        return answer | ({"DataCaptureConfig": self._capture(capture)} if capture else {})

    def _capture(self, capture: Mapping[str, Any]) -> dict[str, Any]:
        is_on = capture.get("EnableCapture", False)
        return {
            "EnableCapture": is_on,
            "CaptureStatus": "Started" if is_on and self.status is not Status.CREATING else "Stopped",
            "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
            "DestinationS3Uri": capture["DestinationS3Uri"],
            "KmsKeyId": capture.get("KmsKeyId", ""),
        }

    # In events

    def event_detail(self, tags: Mapping[str, str]) -> dict[str, Any]:
        """Return the detail of a state change event."""
        return {
            "EndpointName": self.name,
            "EndpointArn": self.arn,
            "EndpointConfigName": self.config.name,
            "ProductionVariants": _for_events(self._variants().get("ProductionVariants", [])),
            "EndpointStatus": self.status.in_events,
            "FailureReason": self.failure_reason or None,
            "CreationTime": epoch_ms(self.created_at),
            "LastModifiedTime": epoch_ms(self.modified_at),
            "Tags": dict(tags),
        }

    def deployment_detail(self, tags: Mapping[str, str]) -> dict[str, Any]:
        """Return the detail of a deployment state change event: variants with their status, and what is pending."""
        variants = _for_events(self._variants().get("ProductionVariants", []), "VariantStatus")
        detail = {**self.event_detail(tags), "ProductionVariants": variants}
        if self.replacement is not None:
            pending = _pending(self.replacement)
            detail["PendingDeploymentSummary"] = {
                "EndpointConfigName": pending["EndpointConfigName"],
                "StartTime": epoch_ms(pending["StartTime"]),
                "ProductionVariants": _for_events(pending["ProductionVariants"], "VariantStatus"),
            }
        return detail


class Herald:
    """Tells the world what becomes of endpoints."""

    def __init__(self, scope: Scope, tags: Tags) -> None:
        self._scope = scope
        self._tags = tags

    def enter(self, endpoint: Endpoint, status: Status, at: datetime) -> None:
        """Let an endpoint enter a state, and tell."""
        endpoint.status = status
        endpoint.modified_at = at
        detail = endpoint.event_detail(self._tags.of(endpoint.arn))
        self._scope.publish(STATE_EVENT, endpoint.arn, detail, at)

    def part(self, endpoint: Endpoint, at: datetime) -> None:
        """Tell that an endpoint is gone."""
        detail = endpoint.event_detail(self._tags.of(endpoint.arn)) | {"EndpointStatus": _GONE}
        self._scope.publish(STATE_EVENT, endpoint.arn, detail, at)

    def report(self, endpoint: Endpoint, at: datetime) -> None:
        """Tell of the step of a deployment that begins."""
        detail = endpoint.deployment_detail(self._tags.of(endpoint.arn))
        self._scope.publish(DEPLOYMENT_EVENT, endpoint.arn, detail, at)


def _size(variant: Variant) -> int:
    return 1 if variant.count is None else variant.count


def _pending(rollout: Rollout) -> dict[str, Any]:
    pending = {
        "EndpointConfigName": rollout.new.config.name,
        "ProductionVariants": [_described_pending(rollout, variant) for variant in rollout.new.production],
        "StartTime": rollout.started_at,
    }
    shadows = [_described_pending(rollout, variant) for variant in rollout.new.shadows]
    return pending | ({"ShadowProductionVariants": shadows} if shadows else {})


def _described_pending(rollout: Rollout, variant: Variant) -> dict[str, Any]:
    return {**variant.describe_pending(rollout.active(variant)), **rollout.status(variant, is_old=False)}


def _for_events(variants: list[dict[str, Any]], *more: str) -> list[dict[str, Any]]:
    members = (*_IN_EVENTS, *more)
    return [{each: _timed(variant[each]) for each in members if each in variant} for variant in variants]


def _timed(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [{**status, "StartTime": epoch_ms(status["StartTime"])} for status in value]
