"""SageMaker models: which container with which artifact, taken from a request or from a model package."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelward.local.sagemaker.errors import already_existing, could_not_find, invalid
from modelward.local.sagemaker.interface import Caller
from modelward.local.sagemaker.listing import Shelf, is_within, page, sorted_listing
from modelward.local.sagemaker.packages import Package, Packages
from modelward.local.sagemaker.scope import Scope, in_event
from modelward.local.sagemaker.tags import Tags

EVENT = "SageMaker Model State Change"

_NOT_STORED = frozenset({"Tags"})
# What a container of a model has in common with one of a model package.
_REGISTERED = (
    "ContainerHostname",
    "Image",
    "ModelDataUrl",
    "ModelDataSource",
    "AdditionalModelDataSources",
    "Environment",
)


@dataclass(frozen=True, slots=True)
class Served:
    """What runs in the end: a container with everything that a model package had to add."""

    image: str
    model_data_url: str
    environment: Mapping[str, str]
    model_package_arn: str = ""
    is_marketplace: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """A model. `served` was resolved when it was made: a package that is changed later does not change it."""

    name: str
    arn: str
    created_at: datetime
    fields: Mapping[str, Any]
    served: Served

    @property
    def needs_instances(self) -> str:
        """Name what it has that no serverless endpoint can serve; nothing if there is no such thing."""
        containers = [self.fields.get("PrimaryContainer", {}), *self.fields.get("Containers", ())]
        found = {
            "network isolation": self.fields.get("EnableNetworkIsolation"),
            "a VPC configuration": "VpcConfig" in self.fields,
            "several containers": len(self.fields.get("Containers", ())) > 1,
            "a ModelDataSource": any("ModelDataSource" in container for container in containers),
            "a Marketplace model package": self.served.is_marketplace,
        }
        return next((what for what, is_there in found.items() if is_there), "")

    def describe(self) -> dict[str, Any]:
        """Return the answer of DescribeModel."""
        return {**self.fields, "ModelArn": self.arn, "CreationTime": self.created_at}

    def summary(self) -> dict[str, Any]:
        """Return an entry of ListModels."""
        return {"ModelName": self.name, "ModelArn": self.arn, "CreationTime": self.created_at}


def _name(record: Model) -> str:
    return record.name


_BY_NAME = {"Name": _name}


class Models:
    """The models of an account and region."""

    def __init__(self, scope: Scope, packages: Packages, tags: Tags) -> None:
        self._scope = scope
        self._packages = packages
        self._tags = tags
        self._shelf: Shelf[Model] = Shelf()

    def create(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """CreateModel."""
        name = request["ModelName"]
        arn = self._scope.arn("model", name)
        if name.lower() in self._shelf:
            raise already_existing("model", arn)
        fields = {key: value for key, value in request.items() if key not in _NOT_STORED}
        fields.setdefault("EnableNetworkIsolation", False)
        served = [self._resolve(container) for container in _containers(request)]
        self._tags.open(arn, request.get("Tags", ()))
        model = Model(name, arn, self._scope.now(), fields, served[0])
        self._shelf.add(name.lower(), model)
        self._tell(model)
        self._scope.veil.made(arn)
        return {"ModelArn": arn}

    def describe(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """DescribeModel."""
        return self.find(request["ModelName"]).describe()

    def list_page(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """ListModels."""
        part = request.get("NameContains", "").lower()
        found = (
            (cursor, model)
            for cursor, model in sorted_listing(self._shelf, request, "models", _BY_NAME)
            if part in model.name.lower() and is_within(model.created_at, request, "CreationTime")
        )
        return page(found, request, "Models", "models", Model.summary)

    def delete(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """DeleteModel. Endpoints that serve it go on."""
        model = self.find(request["ModelName"])
        self._shelf.remove(model.name.lower())
        self._tags.close(model.arn)
        self._tell(model)
        return {}

    def _tell(self, model: Model) -> None:
        """Tell that one was made or deleted; what is gone has no tags, and nothing else tells the two apart."""
        detail = {**in_event(model.describe()), "Tags": self._tags.of(model.arn)}
        self._scope.publish(EVENT, model.arn, detail, self._scope.now())

    def find(self, name: str) -> Model:
        """Find a model, or answer that it could not be found."""
        model = self._shelf.get(name.lower())
        if model is None or self._scope.veil.hides(model.arn):
            raise could_not_find("model", self._scope.arn("model", name))
        return model

    def specification(self, arn: str) -> dict[str, Any]:
        """Return the InferenceSpecification with which a model of this account and region would be registered."""
        model = self._shelf.get(arn.rpartition("/")[2].lower())
        if model is None or model.arn != arn.lower():
            raise could_not_find("model", arn)
        return {"Containers": [self._registered(container) for container in _containers(model.fields)]}

    def _registered(self, container: Mapping[str, Any]) -> dict[str, Any]:
        if "ModelPackageName" in container:
            package = self._packages.find_anywhere(container["ModelPackageName"])
            inside = _first_container(package, container.get("InferenceSpecificationName"))
            container = {**inside, "Environment": {**inside.get("Environment", {}), **container.get("Environment", {})}}
        return {member: container[member] for member in _REGISTERED if container.get(member)}

    def _resolve(self, container: Mapping[str, Any]) -> Served:
        environment = container.get("Environment", {})
        if "ModelPackageName" not in container:
            return Served(container.get("Image", ""), _artifact(container), environment)
        if {"Image", "ModelDataUrl", "ModelDataSource"} & container.keys():
            raise invalid("Specify one of either Image and Model Data URL or ModelPackageName in container definition")
        package = self._packages.find_anywhere(container["ModelPackageName"])
        _check_deployable(package)
        inside = _first_container(package, container.get("InferenceSpecificationName"))
        if not inside.get("Image"):
            raise invalid(f"Cannot create a model from the Model Package {package.arn}: it names no image.")
        merged = {**inside.get("Environment", {}), **environment}
        is_marketplace = package.group is None and bool(package.fields.get("CertifyForMarketplace"))
        return Served(inside.get("Image", ""), _artifact(inside), merged, package.arn, is_marketplace)


def _containers(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    primary, several = request.get("PrimaryContainer"), request.get("Containers")
    if bool(primary) == bool(several):
        raise invalid("Exactly one of PrimaryContainer and Containers must be specified.")
    containers = [primary] if primary else list(several or ())
    for container in containers:
        if not container.get("ModelPackageName") and not container.get("Image"):
            raise invalid("A container definition must have an Image or a ModelPackageName.")
    return containers


def _check_deployable(package: Package) -> None:
    status = package.fields.get("ModelApprovalStatus", "Approved")
    if status != "Approved":
        raise invalid(f"Cannot create a model from the Model Package {package.arn}: its approval status is {status}.")


def _first_container(package: Package, specification_name: str | None) -> Mapping[str, Any]:
    specification = package.fields.get("InferenceSpecification", {})
    if specification_name:
        named = package.fields.get("AdditionalInferenceSpecifications", ())
        specification = next((each for each in named if each["Name"] == specification_name), None)
        if specification is None:
            raise invalid(f"Inference specification {specification_name} does not exist in {package.arn}.")
    container: Mapping[str, Any] = next(iter(specification.get("Containers", ())), {})
    return container


def _artifact(container: Mapping[str, Any]) -> str:
    source = container.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri", "")
    return str(container.get("ModelDataUrl", source))
