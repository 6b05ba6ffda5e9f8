"""What the core takes from whoever runs it: who calls, how long things take, what serves."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

INVOKE_LIMIT_S = 60.0
"""What a synchronous invocation may take on AWS."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call: as STS's GetCallerIdentity would say."""

    arn: str
    principal_id: str
    account: str
    source_identity: str = ""

    def user_context(self) -> dict[str, Any]:
        """Return the UserContext that CreatedBy and LastModifiedBy carry."""
        identity = {"Arn": self.arn, "PrincipalId": self.principal_id}
        if self.source_identity:
            identity["SourceIdentity"] = self.source_identity
        return {"IamIdentity": identity}


@dataclass(frozen=True, slots=True)
class Look:
    """What IAM asks of a resource: its tags, the version that it is, the policy of its group, its volume's key.

    And of an endpoint, whether it is scaled.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    version: Mapping[str, Any] = field(default_factory=dict)
    policy: str | None = None
    volume_key: str = ""
    is_scaled: bool = False


@dataclass(frozen=True, slots=True)
class Timing:
    """How long transitions take, in seconds on the injected clock.

    A container that has not told yet whether it is healthy is asked again every `health_poll_s`, and is given up
    `health_timeout_s` after its transition was due. Search shows a change `search_lag_s` after it was made. An
    asynchronous call waits `async_s` in its queue, and a transform job `transform_s` for its instances. The waits of a
    deployment are those of its DeploymentConfig; meanwhile alarms are asked every `alarm_poll_s`, which is not 0.
    """

    create_s: float = 1.0
    update_s: float = 1.0
    delete_s: float = 1.0
    health_poll_s: float = 0.5
    health_timeout_s: float = 180.0
    search_lag_s: float = 0.0
    async_s: float = 1.0
    transform_s: float = 1.0
    alarm_poll_s: float = 10.0


@dataclass(frozen=True, slots=True)
class HostedVariant:
    """All that a container needs to serve one variant of an endpoint.

    For a model of several containers, image, artifact and environment are the first one's.
    """

    endpoint_name: str
    endpoint_config_name: str
    variant_name: str
    model_name: str
    image: str
    model_data_url: str
    environment: Mapping[str, str]
    model_package_arn: str = ""
    execution_role_arn: str = ""
    endpoint_arn: str = ""


class Hosting(Protocol):
    """Containers by key. A key names one variant of one rollout and is never used twice."""

    def start(self, endpoint_key: str, config: HostedVariant) -> None:
        """Begin to start a container; do not wait for it."""

    def healthy(self, endpoint_key: str) -> bool | None:
        """Tell whether a container answers /ping: True, False, or None while it still starts."""

    def is_without_model(self, endpoint_key: str) -> bool:
        """Tell whether a container is unhealthy because its model data could not be read."""

    def invoke(
        self, endpoint_key: str, body: bytes, content_type: str, accept: str, limit_s: float = INVOKE_LIMIT_S
    ) -> tuple[int, str, bytes]:
        """Have a container answer a request within so many seconds: HTTP status, content type, body."""

    def stop(self, endpoint_key: str) -> None:
        """Stop a container; one that is not there is no error."""


class Store(Protocol):
    """S3, as the role of a variant may use it."""

    def keys(self, variant: HostedVariant, uri: str) -> list[str]:
        """List the s3:// URIs of the objects whose own begin with one; OSError if that cannot be."""

    def get(self, variant: HostedVariant, uri: str) -> bytes:
        """Read the object at an s3:// URI; OSError if that cannot be."""

    def put(self, variant: HostedVariant, uri: str, body: bytes, key_id: str) -> None:
        """Write an object at an s3:// URI, encrypted with a key (empty: as its bucket does); OSError as above."""


class Topics(Protocol):
    """SNS, as the role of a variant may use it."""

    def publish(self, variant: HostedVariant, topic_arn: str, message: str) -> None:
        """Publish a message; OSError if that cannot be."""


class Scaling(Protocol):
    """Application Auto Scaling, as far as SageMaker asks it."""

    def scales(self, endpoint: str, variant: str) -> bool:
        """Tell whether a variant of an endpoint is a scalable target."""

    def forget(self, endpoint: str) -> None:
        """Deregister the variants of an endpoint that is no more."""


class Unscaled:
    """An Application Auto Scaling where nobody has registered anything."""

    def scales(self, endpoint: str, variant: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """Say no."""
        return False

    def forget(self, endpoint: str) -> None:
        """Know nothing."""


@dataclass(slots=True)
class MemoryStore:
    """Objects that exist on paper, by URI: for tests."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def keys(self, variant: HostedVariant, uri: str) -> list[str]:  # noqa: ARG002 - the protocol's signature
        """List those that begin so."""
        return sorted(each for each in self.objects if each.startswith(uri))

    def get(self, variant: HostedVariant, uri: str) -> bytes:  # noqa: ARG002 - the protocol's signature
        """Give the body."""
        if uri not in self.objects:
            raise FileNotFoundError(f"{uri} is not there")
        return self.objects[uri]

    def put(self, variant: HostedVariant, uri: str, body: bytes, key_id: str) -> None:  # noqa: ARG002 - the protocol's signature
        """Keep the body."""
        self.objects[uri] = body


@dataclass(slots=True)
class MemoryTopics:
    """Messages that exist on paper, with the ARN of their topic: for tests."""

    messages: list[tuple[str, str]] = field(default_factory=list)

    def publish(self, variant: HostedVariant, topic_arn: str, message: str) -> None:  # noqa: ARG002 - the protocol's signature
        """Keep the message."""
        self.messages.append((topic_arn, message))


def _is_sound(_config: HostedVariant) -> bool | None:
    return True


def _introduce(config: HostedVariant, body: bytes, _content_type: str) -> tuple[int, str, bytes]:
    told = {
        "endpoint": config.endpoint_name,
        "config": config.endpoint_config_name,
        "variant": config.variant_name,
        "model_data_url": config.model_data_url,
        "image": config.image,
        "body": body.decode(errors="replace"),
    }
    return 200, "application/json", json.dumps(told).encode()


@dataclass(slots=True)
class MemoryHosting:
    """Containers that exist on paper: for tests.

    `health` decides what each one says of itself; `answer` what it replies to (config, body, content type): by default
    JSON that tells which artifact replied.
    """

    health: Callable[[HostedVariant], bool | None] = _is_sound
    answer: Callable[[HostedVariant, bytes, str], tuple[int, str, bytes]] = _introduce
    running: dict[str, HostedVariant] = field(default_factory=dict)

    def start(self, endpoint_key: str, config: HostedVariant) -> None:
        """Remember a container as running."""
        self.running[endpoint_key] = config

    def healthy(self, endpoint_key: str) -> bool | None:
        """Ask `health`."""
        return self.health(self.running[endpoint_key])

    def is_without_model(self, endpoint_key: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """Tell that nothing is read here."""
        return False

    def invoke(
        self,
        endpoint_key: str,
        body: bytes,
        content_type: str,
        accept: str,  # noqa: ARG002 - the protocol's signature
        limit_s: float = INVOKE_LIMIT_S,  # noqa: ARG002 - the protocol's signature
    ) -> tuple[int, str, bytes]:
        """Ask `answer`."""
        return self.answer(self.running[endpoint_key], body, content_type)

    def stop(self, endpoint_key: str) -> None:
        """Forget a container."""
        self.running.pop(endpoint_key, None)
