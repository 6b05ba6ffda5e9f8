"""Endpoints: a state machine on the injected clock.

::

    CreateEndpoint   Creating --healthy-->   InService
                              --unhealthy--> Failed, until it is deleted
    UpdateEndpoint   Updating --step by step--> InService on the new config
                              --trouble-->      InService on the old config, without a word
                              --trouble on the way back of a rolling update--> UpdateRollbackFailed
    UpdateEndpointWeightsAndCapacities       Updating --> InService, or RollingBack --> InService as it was
    DeleteEndpoint   Deleting --> gone

A transition is due at a moment; `advance` performs those that are due, in the order of time, as of the time when they
were due. A container that still starts postpones its transition. While one is under way, every other change is refused.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from modelward.local.sagemaker import quotas
from modelward.local.sagemaker.deployments import Deployments
from modelward.local.sagemaker.endpoint import Endpoint, Herald, Status
from modelward.local.sagemaker.endpoint_configs import KIND as CONFIG_KIND
from modelward.local.sagemaker.endpoint_configs import EndpointConfig, EndpointConfigs
from modelward.local.sagemaker.errors import already_existing, could_not_find, invalid
from modelward.local.sagemaker.faults import Fault, Faults
from modelward.local.sagemaker.fleets import Fleet, Variant, plan_variant
from modelward.local.sagemaker.guardrails import (
    Deployment,
    Plan,
    check_deployment,
    plan_creation,
    plan_resizing,
    plan_update,
)
from modelward.local.sagemaker.interface import Caller, HostedVariant, Scaling, Timing
from modelward.local.sagemaker.listing import Shelf, is_within, page, sorted_listing
from modelward.local.sagemaker.models import Models
from modelward.local.sagemaker.rollouts import Rollout, Share
from modelward.local.sagemaker.scope import Happening, Scope
from modelward.local.sagemaker.tags import Tags

KIND = "endpoint"


def _by_status(endpoint: Endpoint) -> tuple[str, str]:
    return str(endpoint.status), endpoint.name


def _by_name(endpoint: Endpoint) -> str:
    return endpoint.name


_SORT_KEYS: Mapping[str, Callable[[Endpoint], Any]] = {"Name": _by_name, "Status": _by_status}


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What endpoints need of the rest of the core."""

    configs: EndpointConfigs
    models: Models
    tags: Tags
    faults: Faults
    timing: Callable[[], Timing]
    scaling: Callable[[], Scaling]


class Endpoints:
    """The endpoints of an account and region."""

    def __init__(self, scope: Scope, neighbours: Neighbours, herald: Herald, deployments: Deployments) -> None:
        self._scope = scope
        self._near = neighbours
        self._herald = herald
        self._deployments = deployments
        self._shelf: Shelf[Endpoint] = Shelf()
        self.next_fault: Fault | None = None  # what the call that is being performed has coming
        self._rollouts = 0

    # Operations

    def create(self, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateEndpoint."""
        name = request["EndpointName"]
        arn = self._scope.arn("endpoint", name)
        if name.lower() in self._shelf:
            raise already_existing(KIND, arn)
        config = self._near.configs.find(request["EndpointConfigName"])
        deployment = request.get("DeploymentConfig")
        now = self._scope.now()
        endpoint = Endpoint(name, arn, now, now, Status.CREATING, config, deployment=deployment)
        fleet = self._plan_fleet(endpoint, config, request)
        if deployment:
            check_deployment(deployment, fleet)
        quotas.check(self._near.faults.quotas, self._shelf, fleet)
        self._near.tags.open(arn, request.get("Tags", ()))
        self._shelf.add(name.lower(), endpoint)
        self._scope.veil.made(arn)
        self._scope.note(Happening.DEPLOYMENT, arn, caller.user_context(), _deployed(fleet))
        self._begin(endpoint, plan_creation(fleet), fleet, Status.CREATING)
        return {"EndpointArn": arn}

    def update(self, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateEndpoint: a new config, on new containers beside the old ones."""
        endpoint = self._find_at_rest(request["EndpointName"])
        config = self._near.configs.find(request["EndpointConfigName"])
        self._near.configs.find(endpoint.config.name)
        _check_successor(endpoint, config)
        self._check_scaled(endpoint, config)
        is_kept = request.get("RetainDeploymentConfig") and "DeploymentConfig" not in request
        deployment = endpoint.deployment if is_kept else request.get("DeploymentConfig")
        fleet = self._plan_fleet(endpoint, config, request)
        plan = self._plan_update(endpoint, deployment, fleet)
        quotas.check(self._near.faults.quotas, self._shelf, fleet)
        endpoint.deployment = deployment
        self._scope.note(Happening.DEPLOYMENT, endpoint.arn, caller.user_context(), _deployed(fleet))
        self._begin(endpoint, plan, fleet, Status.UPDATING)
        return {"EndpointArn": endpoint.arn}

    def update_weights_and_capacities(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """UpdateEndpointWeightsAndCapacities: the same containers in other proportions."""
        endpoint = self._find_at_rest(request["EndpointName"])
        assert endpoint.fleet is not None  # noqa: S101 - InService means that there is one
        wanted = {each["VariantName"]: each for each in request["DesiredWeightsAndCapacities"]}
        for name, each in wanted.items():
            variant = endpoint.fleet.find(name)
            if variant is None:
                raise invalid(f'Could not find production variant "{name}" for endpoint "{endpoint.arn}".')
            if variant.count is None and "DesiredInstanceCount" in each:
                raise invalid(f'DesiredInstanceCount is not supported for the serverless production variant "{name}".')
        resized = tuple(variant.resized(wanted.get(variant.name, {})) for variant in endpoint.fleet)
        fleet = replace(endpoint.fleet, variants=resized)
        quotas.check(self._near.faults.quotas, self._shelf, fleet, endpoint.fleet)
        self._begin(endpoint, plan_resizing(endpoint.fleet, fleet), fleet, Status.UPDATING, is_resizing=True)
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
        self._let_be(endpoint, Status.DELETING, self._near.timing().delete_s)
        return {}

    def update_by_system(self, name: str, takes_s: float) -> None:
        """Let AWS maintain an endpoint for a while; it serves, and refuses changes."""
        self._let_be(self._find_at_rest(name), Status.SYSTEM_UPDATING, takes_s)

    def find(self, name: str) -> Endpoint:
        """Find an endpoint, or answer that it could not be found."""
        endpoint = self._shelf.get(name.lower())
        if endpoint is None or self._scope.veil.hides(endpoint.arn):
            raise could_not_find(KIND, self._scope.arn("endpoint", name))
        return endpoint

    def config_of(self, name: str) -> EndpointConfig | None:
        """Return the config of an endpoint; None if there is no such endpoint."""
        endpoint = self._shelf.get(name.lower())
        return endpoint.config if endpoint else None

    def serving(self, name: str) -> list[Share]:
        """Return who answers requests to an endpoint, by weight; nobody if it does not serve."""
        endpoint = self._shelf.get(name.lower())
        return [] if endpoint is None else endpoint.shares()

    def shadows(self, name: str) -> tuple[Variant, ...]:
        """Return who gets copies of the requests to an endpoint."""
        endpoint = self._shelf.get(name.lower())
        if endpoint is None or endpoint.fleet is None or endpoint.status is Status.DELETING:
            return ()
        return endpoint.fleet.shadows

    def arriving(self, name: str) -> tuple[Variant, ...]:
        """Return the variants that an endpoint is about to serve with; none when nothing is under way."""
        endpoint = self._shelf.get(name.lower())
        return endpoint.rollout.new.production if endpoint and endpoint.rollout else ()

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
            self._remove(endpoint, at)
        elif endpoint.rollout is not None:
            self._deployments.move_on(endpoint, endpoint.rollout, at)
        else:
            endpoint.due = None
            self._herald.enter(endpoint, endpoint.resting_status, at)

    def _let_be(self, endpoint: Endpoint, status: Status, takes_s: float) -> None:
        endpoint.due = self._scope.now() + timedelta(seconds=takes_s)
        self._herald.enter(endpoint, status, self._scope.now())

    def _remove(self, endpoint: Endpoint, at: datetime) -> None:
        self._deployments.stop(endpoint)
        self._herald.part(endpoint, at)
        self._shelf.remove(endpoint.name.lower())
        self._near.tags.close(endpoint.arn)
        self._near.scaling().forget(endpoint.name)
        endpoint.due = None

    # Rollouts

    def _begin(
        self, endpoint: Endpoint, plan: Plan, fleet: Fleet, status: Status, *, is_resizing: bool = False
    ) -> None:
        now = self._scope.now()
        rollout = Rollout(plan, fleet, now, now, is_resizing=is_resizing)
        rollout.is_doomed = self.next_fault is Fault.UNHEALTHY
        rollout.is_stuck = self.next_fault is Fault.ROLLBACK_FAILS
        self._deployments.begin(endpoint, rollout, status)

    def _plan_update(self, endpoint: Endpoint, deployment: Deployment | None, fleet: Fleet) -> Plan:
        assert endpoint.fleet is not None  # noqa: S101 - an endpoint at rest that may be updated has one
        if deployment:
            check_deployment(deployment, fleet, endpoint.fleet)
        plan = plan_update(deployment, endpoint.fleet, fleet)
        missing = self._deployments.check_alarms(plan.alarms, self._scope.now())
        if missing is not None:
            raise invalid(f"The alarm {missing} of AutoRollbackConfiguration does not exist.")
        return plan

    def _plan_fleet(self, endpoint: Endpoint, config: EndpointConfig, request: Mapping[str, Any]) -> Fleet:
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
        model = self._near.models.find(declared["ModelName"])
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
            endpoint_arn=endpoint.arn,
        )
        variant = plan_variant(declared, key, hosted, kept, is_shadow=is_shadow)
        capture = config.fields.get("DataCaptureConfig", {})
        asynchronous = config.fields.get("AsyncInferenceConfig", {})
        return replace(variant, is_marketplace=model.served.is_marketplace, capture=capture, asynchronous=asynchronous)

    def _check_scaled(self, endpoint: Endpoint, config: EndpointConfig) -> None:
        types = {variant["VariantName"]: variant.get("InstanceType") for variant in config.variants}
        scaled = [
            variant["VariantName"]
            for variant in endpoint.config.variants
            if types.get(variant["VariantName"]) != variant.get("InstanceType")
            and self._near.scaling().scales(endpoint.name, variant["VariantName"])
        ]
        if scaled:
            raise invalid(
                f'The variant(s) "[{", ".join(scaled)}]" must be deregistered as scalable targets with AWS Auto Scaling'
                " before they can be removed or have their instance type updated."
            )

    def _find_at_rest(self, name: str) -> Endpoint:
        endpoint = self.find(name)
        self._check_at_rest(endpoint)
        if endpoint.status is Status.FAILED:
            raise invalid(f'Cannot update endpoint "{endpoint.arn}" in status Failed; it can only be deleted.')
        return endpoint

    @staticmethod
    def _check_at_rest(endpoint: Endpoint) -> None:
        if endpoint.status.is_in_progress:
            raise invalid(f'Cannot update in-progress endpoint "{endpoint.arn}".')


def _deployed(fleet: Fleet) -> dict[str, Any]:
    return {"Config": fleet.config.name, "Hosted": [variant.hosted for variant in fleet]}


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
    if config is endpoint.config and endpoint.stuck is None:
        raise invalid(
            f'Cannot update endpoint "{endpoint.arn}" with the {CONFIG_KIND} "{config.arn}" that it already has.'
        )
    if config.is_serverless and not endpoint.config.is_serverless:
        raise invalid(f'Cannot update the instance-based endpoint "{endpoint.arn}" to a serverless {CONFIG_KIND}.')
    if endpoint.config.is_asynchronous and not config.is_asynchronous:
        raise invalid(f"The AsyncInferenceConfig parameter cannot be removed from this endpoint {endpoint.name}.")
    if config.is_asynchronous and not endpoint.config.is_asynchronous:
        raise invalid(f"The AsyncInferenceConfig parameter cannot be added to this endpoint {endpoint.name}.")
