"""Names that SageMaker accepts, and names made to fit."""

import hashlib
import re
from datetime import UTC, datetime

ENTITY_NAME_LIMIT = 63
ENTITY_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
ENTITY_NAME_RULE = "1 to 63 letters, digits and inner hyphens"


def is_entity_name(text: str) -> bool:
    """Tell whether SageMaker takes a text as the name of a group, model, config, endpoint or stage.

    Source: the `EntityName` shape of the SageMaker API.
    """
    return len(text) <= ENTITY_NAME_LIMIT and ENTITY_NAME.fullmatch(text) is not None


# Where endpoints write what they capture, in the registry's bucket; SageMaker goes on with the endpoint's name.
CAPTURES = "capture"

# Where asynchronous endpoints read and write, in the registry's bucket.
_ASYNCHRONOUS = "async"


def asynchronous_prefix(endpoint: str = "") -> str:
    """Give the beginning of the keys of what an asynchronous endpoint reads and writes; of all, without a name."""
    return f"{_ASYNCHRONOUS}/{endpoint}/" if endpoint else f"{_ASYNCHRONOUS}/"


# Where batch transform answers, in the registry's bucket, unless somebody names another place.
TRANSFORMS = "transform"


# CloudFormation replaces a group when its description changes, and a group with versions cannot be replaced. So this
# text is frozen, and what may change (the owner) is a tag.
GROUP_DESCRIPTION = "Versions of one model, registered and approved through Modelward."


def registry_stack(registry: str) -> str:
    """Name the stack that holds what must not be lost."""
    return f"{registry}-registry"


def group_stack(registry: str, model: str, count: int) -> str:
    """Name the stack that holds a model's group: one of `count`, by a digest of its name and nothing else.

    With one stack it is that of `registry_stack`.
    """
    if count == 1:
        return registry_stack(registry)
    number = int.from_bytes(hashlib.sha256(model.lower().encode()).digest()[:8]) % count
    return f"{registry}-groups-{number:02d}"


def artifact_prefix(model: str) -> str:
    """Give the beginning of the keys of all that the registry's bucket keeps of a model."""
    return f"models/{model}/"


def smoke_key(model: str, artifact_sha256: str, digest: str) -> str:
    """Give the key at which the registry's bucket keeps the smoke test of versions with an artifact.

    Args:
        model: The model.
        artifact_sha256: Of the artifact; `*` for all.
        digest: Of the smoke test; `*` for all.
    """
    return f"{artifact_prefix(model)}{artifact_sha256}/smoke-{digest}.json"


def record_key(model: str, artifact_sha256: str, digest: str) -> str:
    """Give the key at which the registry's bucket keeps what is known of the run that made an artifact.

    Args:
        model: The model.
        artifact_sha256: Of the artifact.
        digest: Of the record.
    """
    return f"{artifact_prefix(model)}{artifact_sha256}/record-{digest}.json"


def fit_name(*parts: str) -> str:
    """Join parts with hyphens into a name of at most 63 characters.

    A name that is too long keeps its beginning and ends in eight hexadecimal digits of the SHA-256 of the whole,
    so that two long names never meet.
    """
    name = "-".join(parts)
    if len(name) <= ENTITY_NAME_LIMIT:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: ENTITY_NAME_LIMIT - 9].rstrip('-')}-{digest}"


EVENT_SOURCE = "modelward"
ROLLOUT_REQUESTED = "Rollout Requested"
"""What the events of ours are: the `source` of all, and the `detail-type` of those that ask for a rollout."""
ALARM_CHANGED = "CloudWatch Alarm State Change"
"""The `detail-type` of CloudWatch's events of alarms that went on or off."""


def part_name(registry: str, environment: str = "") -> str:
    """Name a registry's part in one account: the registry, or the registry and an environment with its own account."""
    return f"{registry}-{environment}" if environment else registry


def bus_name(registry: str, environment: str = "") -> str:
    """Name the event bus on which a rollout is asked for; an environment is named where it has its own account."""
    return fit_name(part_name(registry, environment), "rollouts")


def models_role(registry: str, environment: str) -> str:
    """Name the role that the models of an environment run as that has its own account."""
    return fit_name(part_name(registry, environment), "models")


def rollout_role(registry: str, environment: str) -> str:
    """Name the role of the function that rolls out, in an environment that has its own account."""
    return fit_name(part_name(registry, environment), "rollout")


def rollout_function(registry: str) -> str:
    """Name the function that rolls out in the registry's own account."""
    return fit_name(registry, "rollout")


def registry_role(registry: str, environment: str) -> str:
    """Name the role in the registry's account that the rollout of an environment takes on to read and record."""
    return fit_name(part_name(registry, environment), "registry")


def look_role(registry: str, environment: str) -> str:
    """Name the role in an environment's own account that people of the registry's take on to see its endpoints."""
    return fit_name(part_name(registry, environment), "look")


def endpoint_name(model: str, environment: str) -> str:
    """Name the endpoint that serves a model in an environment."""
    return fit_name(model, environment)


# A digest that ends in s is that of a configuration whose instances are scaled; in t, that of a trial.
_TAIL = re.compile(r"-v(?P<version>\d{1,9})-[0-9a-f]{7}(?P<mark>[0-9a-fst])$")
_TAIL_LIMIT = len("-v999999999-00000000")


def rollout_prefix(model: str, environment: str) -> str:
    """Give the beginning that the names of all models and endpoint configs of a model in an environment share."""
    return fit_name(model, environment)[: ENTITY_NAME_LIMIT - _TAIL_LIMIT].rstrip("-")


def is_prefix_whole(model: str, environment: str) -> bool:
    """Tell whether the names of a model's rollouts to an environment tell whose they are: nothing of it was cut."""
    return rollout_prefix(model, environment) == f"{model}-{environment}"


def rollout_parts(name: str) -> tuple[str, int | None]:
    """Take the name of a model or endpoint config apart: prefix and version; no text and None if it is not ours."""
    match = _TAIL.search(name)
    return (name[: match.start()], int(match["version"])) if match else ("", None)


def rollout_name(model: str, environment: str, version: int, digest: str) -> str:
    """Name the model and the endpoint config that serve a version.

    Args:
        model: The model.
        environment: The environment.
        version: The version, 1 to 999,999,999; `version_in` reads it back from any such name.
        digest: Eight hexadecimal digits over all that goes into them; it also tells apart what cutting made equal.
            The last one is an s where the number of instances follows the calls (`is_scaled`), and a t where another
            version is tried beside the one that the name tells (`is_trial`).
    """
    return f"{rollout_prefix(model, environment)}-v{version}-{digest}"


_TIMED_LIMIT = len("-v999999999-20260105-090500-123")


def transform_name(model: str, version: int, at: datetime) -> str:
    """Name a batch transform job by model, version and time; a long name of a model is cut."""
    stamp = f"{at.astimezone(UTC):%Y%m%d-%H%M%S}-{at.microsecond // 1000:03d}"
    return f"{transform_prefix(model)}-v{version}-{stamp}"


def transform_prefix(model: str) -> str:
    """Give the beginning that the names of all batch transform jobs of a model share; others' may begin alike."""
    return model[: ENTITY_NAME_LIMIT - _TIMED_LIMIT].rstrip("-")


# The x is in no name that a rollout gives: neither takes for its own what the other made, in an environment called
# transform either.
_TRANSFORM_TAIL = re.compile(r"-v(?P<version>\d{1,9})-[0-9a-f]{7}x$")
_TRANSFORM = "transform"


def transform_model_name(model: str, version: int, digest: str) -> str:
    """Name the model by which a version answers in batch transform.

    Args:
        model: The model.
        version: The version; `transformed_version` reads it back.
        digest: Eight hexadecimal digits over all that goes into it, of which seven are used.
    """
    return f"{rollout_prefix(model, _TRANSFORM)}-v{version}-{digest[:7]}x"


def transformed_version(model: str, name: str) -> int | None:
    """Read the version from such a name; None when it is that of something else, or does not tell whose it is."""
    match = _TRANSFORM_TAIL.search(name)
    is_ours = match and is_prefix_whole(model, _TRANSFORM) and name[: match.start()] == f"{model}-{_TRANSFORM}"
    return int(match["version"]) if match and is_ours else None


_JOB_TAIL = re.compile(r"-v(?P<version>\d{1,9})-\d{8}-\d{6}-\d{3}$")


def answering_version(job_name: str) -> int | None:
    """Read the version from the name of a batch transform job; None when it is not one of ours."""
    match = _JOB_TAIL.search(job_name)
    return int(match["version"]) if match else None


def version_in(name: str) -> int | None:
    """Read the version from the name of a model or endpoint config; None when it is not one of ours."""
    return rollout_parts(name)[1]


def is_scaled(name: str) -> bool:
    """Tell by the name of an endpoint config whether whoever made it let the number of instances follow the calls."""
    return _mark(name) == "s"


def is_trial(name: str) -> bool:
    """Tell by the name of an endpoint config whether another version is tried beside the one that the name tells."""
    return _mark(name) == "t"


def _mark(name: str) -> str:
    match = _TAIL.search(name)
    return match["mark"] if match else ""
