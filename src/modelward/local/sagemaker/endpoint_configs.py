"""Endpoint configs: immutable, except that they can be deleted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelward.local.sagemaker.errors import already_existing, could_not_find, invalid, unsupported
from modelward.local.sagemaker.interface import Caller
from modelward.local.sagemaker.listing import Shelf, is_within, page, sorted_listing
from modelward.local.sagemaker.models import Models
from modelward.local.sagemaker.scope import Scope, in_event
from modelward.local.sagemaker.tags import Tags

MEMORY_STEP_MB = 1024
KIND = "endpoint configuration"
EVENT = "SageMaker Endpoint Config State Change"


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """An endpoint config as it was made."""

    name: str
    arn: str
    created_at: datetime
    fields: Mapping[str, Any]

    @property
    def variants(self) -> list[Mapping[str, Any]]:
        """The production variants."""
        variants: list[Mapping[str, Any]] = self.fields["ProductionVariants"]
        return variants

    @property
    def is_serverless(self) -> bool:
        """Tell whether it runs without instances."""
        return any("ServerlessConfig" in variant for variant in self.variants)

    @property
    def is_asynchronous(self) -> bool:
        """Tell whether it answers in S3."""
        return "AsyncInferenceConfig" in self.fields

    def describe(self) -> dict[str, Any]:
        """Return the answer of DescribeEndpointConfig."""
        return {**self.fields, "EndpointConfigArn": self.arn, "CreationTime": self.created_at}

    def summary(self) -> dict[str, Any]:
        """Return an entry of ListEndpointConfigs."""
        return {"EndpointConfigName": self.name, "EndpointConfigArn": self.arn, "CreationTime": self.created_at}


def _name(record: EndpointConfig) -> str:
    return record.name


_BY_NAME = {"Name": _name}


class EndpointConfigs:
    """The endpoint configs of an account and region."""

    def __init__(self, scope: Scope, models: Models, tags: Tags) -> None:
        self._scope = scope
        self._models = models
        self._tags = tags
        self._shelf: Shelf[EndpointConfig] = Shelf()

    def create(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """CreateEndpointConfig."""
        name = request["EndpointConfigName"]
        arn = self._scope.arn("endpoint-config", name)
        if name.lower() in self._shelf:
            raise already_existing(KIND, arn)
        fields = {key: value for key, value in request.items() if key != "Tags"}
        for member in ("ProductionVariants", "ShadowProductionVariants"):
            if member in fields:
                fields[member] = [self._checked_variant(variant) for variant in fields[member]]
        _check_together(fields)
        self._tags.open(arn, request.get("Tags", ()))
        config = EndpointConfig(name, arn, self._scope.now(), fields)
        self._shelf.add(name.lower(), config)
        self._tell(config)
        self._scope.veil.made(arn)
        return {"EndpointConfigArn": arn}

    def describe(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """DescribeEndpointConfig."""
        return self.find(request["EndpointConfigName"]).describe()

    def list_page(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """ListEndpointConfigs."""
        part = request.get("NameContains", "").lower()
        found = (
            (cursor, config)
            for cursor, config in sorted_listing(self._shelf, request, "configs", _BY_NAME)
            if part in config.name.lower() and is_within(config.created_at, request, "CreationTime")
        )
        return page(found, request, "EndpointConfigs", "configs", EndpointConfig.summary)

    def delete(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """DeleteEndpointConfig. One in use goes too; its endpoint serves on, but can no more be updated."""
        config = self.find(request["EndpointConfigName"])
        self._shelf.remove(config.name.lower())
        self._tags.close(config.arn)
        self._tell(config)
        return {}

    def _tell(self, config: EndpointConfig) -> None:
        """Tell that one was made or deleted; what is gone has no tags, and nothing else tells the two apart."""
        detail = {**in_event(config.describe()), "Tags": self._tags.of(config.arn)}
        self._scope.publish(EVENT, config.arn, detail, self._scope.now())

    def find(self, name: str) -> EndpointConfig:
        """Find a config, or answer that it could not be found."""
        config = self._shelf.get(name.lower())
        if config is None or self._scope.veil.hides(config.arn):
            raise could_not_find(KIND, self._scope.arn("endpoint-config", name))
        return config

    def volume_key(self, arn: str) -> str:
        """Return the ARN of the key that encrypts the volumes of a config's instances; empty if it names none so."""
        config = self._shelf.get(arn.rpartition("/")[2].lower())
        key = str(config.fields.get("KmsKeyId", "")) if config else ""
        return key if key.startswith("arn:") else ""

    def _checked_variant(self, variant: Mapping[str, Any]) -> dict[str, Any]:
        name = variant["VariantName"]
        if "ModelName" not in variant:
            raise invalid(f"ModelName must be specified for production variant {name}.")
        model = self._models.find(variant["ModelName"])
        if ("ServerlessConfig" in variant) == ("InstanceType" in variant or "InstancePools" in variant):
            raise invalid(f"Specify either ServerlessConfig or InstanceType for production variant {name}.")
        if "ServerlessConfig" in variant:
            _check_serverless(name, variant)
            if model.needs_instances:
                raise invalid(f"Model {model.name} has {model.needs_instances}, which serverless does not support.")
        elif "InitialInstanceCount" not in variant and "ManagedInstanceScaling" not in variant:
            raise invalid(f"InitialInstanceCount must be specified for production variant {name}.")
        return {"InitialVariantWeight": 1.0, **variant}


def _check_serverless(name: str, variant: Mapping[str, Any]) -> None:
    limits = variant["ServerlessConfig"]
    if limits["MemorySizeInMB"] % MEMORY_STEP_MB:
        raise invalid(
            f"MemorySizeInMB of production variant {name} must be one of 1024, 2048, 3072, 4096, 5120 or 6144."
        )
    if limits.get("ProvisionedConcurrency", 0) > limits["MaxConcurrency"]:
        raise invalid(f"ProvisionedConcurrency of production variant {name} must not exceed its MaxConcurrency.")
    if "InitialInstanceCount" in variant:
        raise invalid(f"InitialInstanceCount is not supported for the serverless production variant {name}.")


def _check_together(fields: Mapping[str, Any]) -> None:
    variants = [*fields["ProductionVariants"], *fields.get("ShadowProductionVariants", ())]
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) < len(names):
        raise invalid("Production variants must have unique names.")
    is_serverless = any("ServerlessConfig" in variant for variant in variants)
    if is_serverless and len(variants) > 1:
        raise invalid("Multiple production variants are not supported for serverless endpoints.")
    if is_serverless and "DataCaptureConfig" in fields:
        raise invalid("Data capture is not supported for serverless endpoints.")
    if "AsyncInferenceConfig" in fields:
        _check_asynchronous(fields["AsyncInferenceConfig"]["OutputConfig"], is_serverless=is_serverless)
    if fields.get("ShadowProductionVariants") and len(variants) != 2:
        raise invalid("With a shadow variant there must be exactly one production and one shadow variant.")


def _check_asynchronous(output: Mapping[str, Any], *, is_serverless: bool) -> None:
    if is_serverless:
        raise invalid("AsyncInferenceConfig is not supported for serverless endpoints.")
    if "S3OutputPath" not in output:
        raise invalid("S3OutputPath must be specified in OutputConfig of AsyncInferenceConfig.")
    if "IncludeInferenceResponseIn" in output.get("NotificationConfig", {}):
        raise unsupported("CreateEndpointConfig with IncludeInferenceResponseIn")
