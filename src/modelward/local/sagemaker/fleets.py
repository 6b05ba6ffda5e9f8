"""Fleets: the variants of one config as they run for one endpoint."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from modelward.local.sagemaker.endpoint_configs import EndpointConfig
from modelward.local.sagemaker.interface import HostedVariant

_SHOWN_AS_GIVEN = ("ManagedInstanceScaling", "RoutingConfig")


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant: its container, its share of the traffic, its size."""

    key: str
    hosted: HostedVariant
    weight: float
    count: int | None
    serverless: Mapping[str, Any] | None
    instance_type: str | None
    extras: Mapping[str, Any]
    is_shadow: bool = False
    is_marketplace: bool = False
    capture: Mapping[str, Any] = field(default_factory=dict)
    asynchronous: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The variant's name."""
        return self.hosted.variant_name

    def describe(self, running: int, goal: "Variant | None" = None) -> dict[str, Any]:
        """Return a ProductionVariantSummary: current is what runs, on so many instances, desired what is wanted."""
        goal = goal or self
        summary: dict[str, Any] = {
            "VariantName": self.name,
            "DeployedImages": [{"SpecifiedImage": self.hosted.image, "ResolvedImage": self.hosted.image}],
            "CurrentWeight": self.weight if running else 0.0,
            "DesiredWeight": goal.weight,
            **self.extras,
        }
        if self.count is not None:
            summary |= {"CurrentInstanceCount": running, "DesiredInstanceCount": goal.count}
        if self.serverless is not None:
            current = {"CurrentServerlessConfig": self.serverless} if running else {}
            summary |= {**current, "DesiredServerlessConfig": goal.serverless}
        return summary

    def describe_pending(self, running: int) -> dict[str, Any]:
        """Return a PendingProductionVariantSummary."""
        kind = {"InstanceType": self.instance_type} if self.instance_type else {}
        return {**self.describe(running), **kind}

    def resized(self, wanted: Mapping[str, Any]) -> "Variant":
        """Return it as UpdateEndpointWeightsAndCapacities wants it."""
        serverless = self.serverless
        if serverless is not None:
            serverless = {**serverless, **wanted.get("ServerlessUpdateConfig", {})}
        return replace(
            self,
            weight=wanted.get("DesiredWeight", self.weight),
            count=self.count if self.count is None else wanted.get("DesiredInstanceCount", self.count),
            serverless=serverless,
        )


@dataclass(frozen=True, slots=True)
class Fleet:
    """All variants of a config, started together."""

    config: EndpointConfig
    variants: tuple[Variant, ...]

    def __iter__(self) -> Iterator[Variant]:
        return iter(self.variants)

    def find(self, name: str) -> Variant | None:
        """Find a variant by name."""
        return next((variant for variant in self.variants if variant.name == name), None)

    @property
    def production(self) -> tuple[Variant, ...]:
        """The variants that answer."""
        return tuple(variant for variant in self.variants if not variant.is_shadow)

    @property
    def shadows(self) -> tuple[Variant, ...]:
        """The variants that only listen."""
        return tuple(variant for variant in self.variants if variant.is_shadow)


def plan_variant(
    declared: Mapping[str, Any], key: str, hosted: HostedVariant, retained: Mapping[str, Any], *, is_shadow: bool
) -> Variant:
    """Return a variant as a config declares it; `retained` overrides weight and count (RetainAllVariantProperties)."""
    return Variant(
        key=key,
        hosted=hosted,
        weight=retained.get("DesiredWeight", declared["InitialVariantWeight"]),
        count=retained.get("DesiredInstanceCount", declared.get("InitialInstanceCount")),
        serverless=declared.get("ServerlessConfig"),
        instance_type=declared.get("InstanceType"),
        extras={member: declared[member] for member in _SHOWN_AS_GIVEN if member in declared},
        is_shadow=is_shadow,
    )
