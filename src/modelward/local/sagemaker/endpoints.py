"""Endpoints: a state machine on the injected clock.

::

    CreateEndpoint   Creating --healthy-->   InService
                              --unhealthy--> Failed, until it is deleted
    UpdateEndpoint   Updating --healthy-->   InService on the new config
                              --unhealthy--> InService on the old config, without a word
    UpdateEndpointWeightsAndCapacities       Updating --> InService
    DeleteEndpoint   Deleting --> gone

A transition is due at a moment; `advance` performs those that are due, in the order of time, as of the time when they
were due. A container that still starts postpones its transition. While one is under way, every other change is refused.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from modelward.local.sagemaker.endpoint_configs import KIND as CONFIG_KIND
from modelward.local.sagemaker.endpoint_configs import EndpointConfig, EndpointConfigs
from modelward.local.sagemaker.errors import already_existing, could_not_find, invalid
from modelward.local.sagemaker.fleets import Fleet, Variant, plan_variant
from modelward.local.sagemaker.interface import Caller, HostedVariant, Hosting, Timing
from modelward.local.sagemaker.listing import Shelf, is_within, page, sorted_listing
from modelward.local.sagemaker.models import Models
from modelward.local.sagemaker.scope import Scope, epoch_ms
from modelward.local.sagemaker.tags import Tags

KIND = "endpoint"
EVENT = "SageMaker Endpoint State Change"


class Status(StrEnum):
    """EndpointStatus, as far as it occurs here."""

    CREATING = "Creating"
    UPDATING = "Updating"
    IN_SERVICE = "InService"
    DELETING = "Deleting"
    FAILED = "Failed"

    @property
    def in_events(self) -> str:
        """Spell it as events do."""
        return self.name


_IN_PROGRESS = frozenset({Status.CREATING, Status.UPDATING, Status.DELETING})


@dataclass(slots=True)
class Endpoint:
    """One endpoint. `fleet` serves; `coming` is to take its place: another one, or the same in other sizes."""

    name: str
    arn: str
    created_at: datetime
    modified_at: datetime
    status: Status
    config: EndpointConfig
    fleet: Fleet | None = None
    coming: Fleet | None = None
    due: datetime | None = None
    deadline: datetime | None = None
    is_doomed: bool = False
    failure_reason: str = ""
    deployment: Mapping[str, Any] | None = None
    rollouts: int = 0

    def describe(self) -> dict[str, Any]:
        """Return the answer of DescribeEndpoint."""
        answer = {**self.summary(), "EndpointConfigName": self.config.name, **self._variants(), **self._from_config()}
        if self.failure_reason:
            answer["FailureReason"] = self.failure_reason
        if self.deployment:
            answer["LastDeploymentConfig"] = self.deployment
        if self.is_replacing:
            answer["PendingDeploymentSummary"] = self._pending()
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

    @property
    def is_replacing(self) -> bool:
        """Tell whether another config is coming."""
        return self.coming is not None and self.fleet is not None and self.coming.config is not self.fleet.config

    def event_variants(self) -> list[dict[str, Any]]:
        """Return ProductionVariants as events have them."""
        shown = ("VariantName", "CurrentWeight", "DesiredWeight", "CurrentInstanceCount", "DesiredInstanceCount")
        variants = self._variants().get("ProductionVariants", [])
        return [{member: variant[member] for member in shown if member in variant} for variant in variants]

    def _variants(self) -> dict[str, Any]:
        fleet = self.fleet or self.coming
        if fleet is None:
            return {}
        goal = None if self.is_replacing else self.coming
        answer = {"ProductionVariants": [self._described(variant, goal) for variant in fleet.production]}
        if fleet.shadows:
            answer["ShadowProductionVariants"] = [self._described(variant, goal) for variant in fleet.shadows]
        return answer

    def _described(self, variant: Variant, goal: Fleet | None) -> dict[str, Any]:
        described = variant.describe(is_up=self.fleet is not None, goal=goal.find(variant.name) if goal else None)
        if goal is not None:
            described["VariantStatus"] = [{"Status": str(self.status), "StartTime": self.modified_at}]
        return described

    def _from_config(self) -> dict[str, Any]:
        fields = self.config.fields
        answer = {
            each: fields[each]
            for each in ("AsyncInferenceConfig", "ExplainerConfig", "MetricsConfig")
            if each in fields
        }
        capture = fields.get("DataCaptureConfig")
        if capture:
            is_on = capture.get("EnableCapture", False)
            answer["DataCaptureConfig"] = {
                "EnableCapture": is_on,
                "CaptureStatus": "Started" if is_on and self.status is not Status.CREATING else "Stopped",
                "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
                "DestinationS3Uri": capture["DestinationS3Uri"],
                "KmsKeyId": capture.get("KmsKeyId", ""),
            }
        return answer

    def _pending(self) -> dict[str, Any]:
        assert self.coming is not None  # noqa: S101 - asked only while replacing
        return {
            "EndpointConfigName": self.coming.config.name,
            "ProductionVariants": [
                each.describe_pending("Creating", self.modified_at) for each in self.coming.production
            ],
            "StartTime": self.modified_at,
        }


def _by_status(endpoint: Endpoint) -> tuple[str, str]:
    return str(endpoint.status), endpoint.name


def _by_name(endpoint: Endpoint) -> str:
    return endpoint.name


_SORT_KEYS: Mapping[str, Callable[[Endpoint], Any]] = {"Name": _by_name, "Status": _by_status}


class Endpoints:
    """The endpoints of an account and region."""

    def __init__(
        self,
        scope: Scope,
        configs: EndpointConfigs,
        models: Models,
        tags: Tags,
        *,
        hosting: Hosting,
        timing: Callable[[], Timing],
    ) -> None:
        self._scope = scope
        self._configs = configs
        self._models = models
        self._tags = tags
        self._hosting = hosting
        self._timing = timing
        self._shelf: Shelf[Endpoint] = Shelf()
        self.is_next_doomed = False  # set by a fault: the containers of the next rollout never become healthy
        self._rollouts = 0

    # Operations

    def create(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """CreateEndpoint."""
        name = request["EndpointName"]
        arn = self._scope.arn("endpoint", name)
        if name.lower() in self._shelf:
            raise already_existing(KIND, arn)
        config = self._configs.find(request["EndpointConfigName"])
        deployment = _checked_deployment(request)
        now = self._scope.now()
        endpoint = Endpoint(name, arn, now, now, Status.CREATING, config, deployment=deployment)
        fleet = self._plan(endpoint, config, request)
        self._tags.open(arn, request.get("Tags", ()))
        self._shelf.add(name.lower(), endpoint)
        self._roll_out(endpoint, fleet, self._timing().create_s)
        self._enter(endpoint, Status.CREATING, now)
        return {"EndpointArn": arn}

    def update(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """UpdateEndpoint: a new config, on new containers beside the old ones."""
        endpoint = self._find_at_rest(request["EndpointName"])
        config = self._configs.find(request["EndpointConfigName"])
        self._configs.find(endpoint.config.name)
        _check_successor(endpoint, config)
        is_kept = request.get("RetainDeploymentConfig") and "DeploymentConfig" not in request
        deployment = endpoint.deployment if is_kept else _checked_deployment(request)
        fleet = self._plan(endpoint, config, request)
        endpoint.deployment = deployment
        self._roll_out(endpoint, fleet, self._timing().update_s)
        self._enter(endpoint, Status.UPDATING, self._scope.now())
        return {"EndpointArn": endpoint.arn}

    def update_weights_and_capacities(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """UpdateEndpointWeightsAndCapacities: the same containers in other proportions."""
        endpoint = self._find_at_rest(request["EndpointName"])
        assert endpoint.fleet is not None  # noqa: S101 - InService means that there is one
        wanted = {each["VariantName"]: each for each in request["DesiredWeightsAndCapacities"]}
        for name in wanted:
            if endpoint.fleet.find(name) is None:
                raise invalid(f'Could not find production variant "{name}" for endpoint "{endpoint.arn}".')
        resized = tuple(variant.resized(wanted.get(variant.name, {})) for variant in endpoint.fleet)
        endpoint.coming = replace(endpoint.fleet, variants=resized)
        endpoint.due = self._scope.now() + timedelta(seconds=self._timing().update_s)
        endpoint.deadline = endpoint.due
        self._enter(endpoint, Status.UPDATING, self._scope.now())
        return {"EndpointArn": endpoint.arn}

    def describe(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """DescribeEndpoint."""
        return self.find(request["EndpointName"]).describe()

    def list_page(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """ListEndpoints."""
        found = (
            (cursor, endpoint)
            for cursor, endpoint in sorted_listing(self._shelf, request, "endpoints", _SORT_KEYS)
            if _is_wanted(endpoint, request)
        )
        return page(found, request, "Endpoints", "endpoints", Endpoint.summary)

    def delete(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """DeleteEndpoint."""
        endpoint = self.find(request["EndpointName"])
        self._check_at_rest(endpoint)
        endpoint.due = self._scope.now() + timedelta(seconds=self._timing().delete_s)
        self._enter(endpoint, Status.DELETING, self._scope.now())
        return {}

    def find(self, name: str) -> Endpoint:
        """Find an endpoint, or answer that it could not be found."""
        endpoint = self._shelf.get(name.lower())
        if endpoint is None:
            raise could_not_find(KIND, self._scope.arn("endpoint", name))
        return endpoint

    def serving(self, name: str) -> Fleet | None:
        """Return the fleet that answers requests to an endpoint, if there is one."""
        endpoint = self._shelf.get(name.lower())
        return None if endpoint is None or endpoint.status is Status.DELETING else endpoint.fleet

    # Time

    @property
    def next_due(self) -> datetime | None:
        """When the next transition is due."""
        return min((endpoint.due for endpoint in self._shelf if endpoint.due), default=None)

    def advance(self) -> None:
        """Perform every transition that is due."""
        now = self._scope.now()
        while (due := self.next_due) is not None and due <= now:
            self._step(next(endpoint for endpoint in self._shelf if endpoint.due == due), due)

    def _step(self, endpoint: Endpoint, at: datetime) -> None:
        if endpoint.status is Status.DELETING:
            self._stop(endpoint.fleet)
            self._shelf.remove(endpoint.name.lower())
            self._tags.close(endpoint.arn)
            endpoint.due = None
            return
        is_healthy = self._is_healthy(endpoint, at)
        if is_healthy is None:
            endpoint.due = at + timedelta(seconds=self._timing().health_poll_s)
        elif is_healthy:
            self._settle(endpoint, at)
        else:
            self._give_up(endpoint, at)

    def _is_healthy(self, endpoint: Endpoint, at: datetime) -> bool | None:
        if endpoint.is_doomed:
            return False
        told = [self._hosting.healthy(variant.key) for variant in endpoint.coming or ()]
        if all(told):
            return True
        is_late = endpoint.deadline is not None and at >= endpoint.deadline
        return False if False in told or is_late else None

    def _settle(self, endpoint: Endpoint, at: datetime) -> None:
        old, new = endpoint.fleet, endpoint.coming
        assert new is not None  # noqa: S101 - creating and updating always have a fleet that is coming
        is_same = old is not None and old.config is new.config
        endpoint.fleet, endpoint.coming, endpoint.due, endpoint.config = new, None, None, new.config
        if not is_same:
            self._stop(old)
        self._enter(endpoint, Status.IN_SERVICE, at)

    def _give_up(self, endpoint: Endpoint, at: datetime) -> None:
        failed = endpoint.coming
        self._stop(failed)
        endpoint.coming, endpoint.due, endpoint.is_doomed = None, None, False
        if endpoint.fleet is not None:
            self._enter(endpoint, Status.IN_SERVICE, at)
            return
        variant = failed.variants[0].name if failed else ""
        endpoint.failure_reason = (
            f"The primary container for production variant {variant} did not pass the ping health check. "
            "Please check CloudWatch logs for this endpoint."
        )
        self._enter(endpoint, Status.FAILED, at)

    # Rollouts

    def _roll_out(self, endpoint: Endpoint, fleet: Fleet, takes_s: float) -> None:
        now = self._scope.now()
        endpoint.coming = fleet
        endpoint.due = now + timedelta(seconds=takes_s)
        endpoint.deadline = endpoint.due + timedelta(seconds=self._timing().health_timeout_s)
        endpoint.is_doomed, self.is_next_doomed = self.is_next_doomed, False
        for variant in fleet:
            self._hosting.start(variant.key, variant.hosted)

    def _plan(self, endpoint: Endpoint, config: EndpointConfig, request: Mapping[str, Any]) -> Fleet:
        self._rollouts += 1
        kept = _retained(endpoint, request)
        variants = [
            self._variant(endpoint, config, declared, kept.get(declared["VariantName"], {}), is_shadow=is_shadow)
            for is_shadow, declared in _declared_variants(config)
        ]
        return Fleet(config, tuple(variants))

    def _variant(
        self,
        endpoint: Endpoint,
        config: EndpointConfig,
        declared: Mapping[str, Any],
        kept: Mapping[str, Any],
        *,
        is_shadow: bool,
    ) -> Variant:
        model = self._models.find(declared["ModelName"])
        key = f"{endpoint.arn}/{declared['VariantName']}/{self._rollouts}"
        hosted = HostedVariant(
            endpoint_name=endpoint.name,
            endpoint_config_name=config.name,
            variant_name=declared["VariantName"],
            model_name=model.name,
            image=model.served.image,
            model_data_url=model.served.model_data_url,
            environment=model.served.environment,
            model_package_arn=model.served.model_package_arn,
            execution_role_arn=model.fields.get("ExecutionRoleArn", ""),
        )
        return plan_variant(declared, key, hosted, kept, is_shadow=is_shadow)

    def _stop(self, fleet: Fleet | None) -> None:
        for variant in fleet or ():
            self._hosting.stop(variant.key)

    def _find_at_rest(self, name: str) -> Endpoint:
        endpoint = self.find(name)
        self._check_at_rest(endpoint)
        if endpoint.status is Status.FAILED:
            raise invalid(f'Cannot update endpoint "{endpoint.arn}" in status Failed; it can only be deleted.')
        return endpoint

    @staticmethod
    def _check_at_rest(endpoint: Endpoint) -> None:
        if endpoint.status in _IN_PROGRESS:
            raise invalid(f'Cannot update in-progress endpoint "{endpoint.arn}".')

    def _enter(self, endpoint: Endpoint, status: Status, at: datetime) -> None:
        endpoint.status = status
        endpoint.modified_at = at
        detail = {
            "EndpointName": endpoint.name,
            "EndpointArn": endpoint.arn,
            "EndpointConfigName": endpoint.config.name,
            "ProductionVariants": endpoint.event_variants(),
            "EndpointStatus": status.in_events,
            "CreationTime": epoch_ms(endpoint.created_at),
            "LastModifiedTime": epoch_ms(at),
            "Tags": dict(self._tags.of(endpoint.arn)),
        }
        self._scope.publish(EVENT, endpoint.arn, detail, at)


def _is_wanted(endpoint: Endpoint, request: Mapping[str, Any]) -> bool:
    return (
        request.get("NameContains", "").lower() in endpoint.name.lower()
        and request.get("StatusEquals", endpoint.status) == endpoint.status
        and is_within(endpoint.created_at, request, "CreationTime")
        and is_within(endpoint.modified_at, request, "LastModifiedTime")
    )


def _declared_variants(config: EndpointConfig) -> Iterator[tuple[bool, Mapping[str, Any]]]:
    yield from ((False, variant) for variant in config.variants)
    yield from ((True, variant) for variant in config.fields.get("ShadowProductionVariants", ()))


def _retained(endpoint: Endpoint, request: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    if not request.get("RetainAllVariantProperties") or endpoint.fleet is None:
        return {}
    excluded = {each["VariantPropertyType"] for each in request.get("ExcludeRetainedVariantProperties", ())}
    kept = {}
    for variant in endpoint.fleet:
        properties: dict[str, Any] = {"DesiredWeight": variant.weight}
        if variant.count is not None:
            properties["DesiredInstanceCount"] = variant.count
        kept[variant.name] = {name: value for name, value in properties.items() if name not in excluded}
    return kept


def _check_successor(endpoint: Endpoint, config: EndpointConfig) -> None:
    if config is endpoint.config:
        raise invalid(
            f'Cannot update endpoint "{endpoint.arn}" with the {CONFIG_KIND} "{config.arn}" that it already has.'
        )
    if config.is_serverless and not endpoint.config.is_serverless:
        raise invalid(f'Cannot update the instance-based endpoint "{endpoint.arn}" to a serverless {CONFIG_KIND}.')
    if "AsyncInferenceConfig" in endpoint.config.fields and "AsyncInferenceConfig" not in config.fields:
        raise invalid(f'AsyncInferenceConfig cannot be removed from endpoint "{endpoint.arn}" by an update.')


def _checked_deployment(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    deployment: Mapping[str, Any] | None = request.get("DeploymentConfig")
    if deployment and {"BlueGreenUpdatePolicy", "RollingUpdatePolicy"} <= deployment.keys():
        raise invalid("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
    return deployment
