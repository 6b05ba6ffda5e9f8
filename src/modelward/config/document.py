"""`registry.toml` as it is laid out, and the way from it to a `RegistrySpec`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated

from modelward.config.shapes import Entries, Items, Number, Place, Schema, table_of
from modelward.config.spec import (
    AccessSpec,
    AccountId,
    EntityName,
    EnvironmentSpec,
    ExistingSpec,
    ModelSpec,
    NotificationSpec,
    RegionName,
    RegistryName,
    RegistrySpec,
    RepositoryName,
)


@dataclass(frozen=True, slots=True)
class Heading:
    """The table [registry]."""

    name: Annotated[
        RegistryName, "Name of the registry; the parameters of its deployment lie under /modelward/<name>/."
    ]
    stages: Annotated[
        tuple[EntityName, ...],
        Items(min_items=2),
        "Stages of a version's life (ModelLifeCycle.Stage), in order of promotion;"
        " versions that are replaced go to the last one.",
    ]
    group_stacks: Annotated[
        int,
        Number(minimum=1, maximum=100),
        "Over how many stacks the Model Package Groups are spread; with 1 they are in <name>-registry.",
    ] = 1
    account: Annotated[
        AccountId | None, "Account of the registry; needed where an environment has another one. In quotes."
    ] = None
    region: Annotated[RegionName | None, "Region of the registry; goes with account."] = None
    images: Annotated[
        tuple[RepositoryName, ...],
        Items(),
        "ECR repositories for serving images of your own, made here; what serves in other accounts may pull from them.",
    ] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """The whole file."""

    registry: Annotated[Heading, "The registry and its stages."]
    environments: Annotated[
        Mapping[str, EnvironmentSpec], Entries(key="name"), "Places that serve models, by name; each serves one stage."
    ] = field(default_factory=lambda: MappingProxyType({}))
    models: Annotated[Mapping[str, ModelSpec], Entries(key="name"), "Models, by name."] = field(
        default_factory=lambda: MappingProxyType({})
    )
    notifications: Annotated[NotificationSpec, "Who is told what happened."] = field(default_factory=NotificationSpec)
    existing: Annotated[ExistingSpec, "What is there already and is used as it is."] = field(
        default_factory=ExistingSpec
    )
    access: Annotated[AccessSpec, "Who may do what, and what bounds the roles."] = field(default_factory=AccessSpec)

    def to_spec(self) -> RegistrySpec:
        """Lay the same out as the rest of Modelward wants it."""
        return RegistrySpec(
            self.registry.name,
            self.registry.stages,
            self.environments,
            self.models,
            self.notifications,
            self.existing,
            self.access,
            self.registry.group_stacks,
            self.registry.account,
            self.registry.region,
            self.registry.images,
        )


def read(raw: object, file: str) -> RegistrySpec:
    """Read a whole file, given as the tables and values that TOML makes of it; rules between tables come later.

    Raises:
        ConfigError: an unknown or missing key, a wrong type, a value out of range, keys that exclude each other.
    """
    document: Document = table_of(Document).read(raw, Place(file))
    return document.to_spec()


def json_schema() -> Schema:
    """Generate the JSON Schema (draft 2020-12) of `registry.toml`, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "registry.toml of Modelward",
        **table_of(Document).schema(),
    }


def schema_text() -> str:
    """Spell the JSON Schema as the text of `registry.schema.json`."""
    import json

    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
