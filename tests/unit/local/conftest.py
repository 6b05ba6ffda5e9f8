"""A core on paper: its own clock, containers that only exist in memory, events in a list."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from modelward.local.sagemaker import (
    ApiError,
    Caller,
    ManualClock,
    MemoryHosting,
    MemoryStore,
    MemoryTopics,
    MemoryWatch,
    SageMaker,
    Timing,
)

ACCOUNT = "123456789012"
REGION = "eu-west-1"
SPECIFICATION = {"Containers": [{"Image": "registry/digits:1", "ModelDataUrl": "s3://bucket/model.tar.gz"}]}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/execution"


@dataclass
class Api:
    """Calls the core as somebody; remembers what it emits."""

    clock: ManualClock = field(default_factory=ManualClock)
    hosting: MemoryHosting = field(default_factory=MemoryHosting)
    events: list[dict[str, Any]] = field(default_factory=list)
    watch: MemoryWatch = field(default_factory=MemoryWatch)
    store: MemoryStore = field(default_factory=MemoryStore)
    topics: MemoryTopics = field(default_factory=MemoryTopics)
    who: str = "ann"

    def __post_init__(self) -> None:
        self.core = SageMaker(
            ACCOUNT,
            REGION,
            clock=self.clock,
            emit=self.events.append,
            hosting=self.hosting,
            timing=Timing(create_s=300, update_s=200, delete_s=20),
            watch=self.watch,
        )
        self.core.captures.store = self.core.queue.store = self.core.transforms.store = self.store
        self.core.queue.topics = self.topics

    @property
    def caller(self) -> Caller:
        return Caller(f"arn:aws:iam::{ACCOUNT}:user/{self.who}", f"AIDA{self.who.upper()}", ACCOUNT)

    def __call__(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.core.call(operation, request, self.caller)

    def refusal(self, operation: str, **request: Any) -> ApiError:
        """Call and expect to be refused."""
        with pytest.raises(ApiError) as caught:
            self(operation, **request)
        return caught.value

    def group(self, name: str = "digits", **more: Any) -> str:
        return self("CreateModelPackageGroup", ModelPackageGroupName=name, **more)["ModelPackageGroupArn"]

    def version(self, group: str = "digits", **more: Any) -> str:
        request = {"ModelPackageGroupName": group, "InferenceSpecification": SPECIFICATION, **more}
        return self("CreateModelPackage", **request)["ModelPackageArn"]

    def package(self, arn: str) -> dict[str, Any]:
        return self("DescribeModelPackage", ModelPackageName=arn)

    def config(self, name: str, *, artifact: str = "", variants: Any = None, count: int = 2, **more: Any) -> None:
        """Make a model and a config of the same name."""
        container = {"Image": "registry/digits:1", "ModelDataUrl": artifact or f"s3://bucket/{name}.tar.gz"}
        self("CreateModel", ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        size = {"InstanceType": "ml.m5.large", "InitialInstanceCount": count}
        variants = variants or [{"VariantName": "live", "ModelName": name, **size}]
        self("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=variants, **more)

    def endpoint(self, name: str = "digits-production", config: str = "v1", count: int = 2) -> None:
        """Make an endpoint that is InService, config and model included."""
        self.config(config, count=count)
        self("CreateEndpoint", EndpointName=name, EndpointConfigName=config)
        self.pass_s(300)

    def update(self, config: str, **more: Any) -> None:
        self("UpdateEndpoint", EndpointName="digits-production", EndpointConfigName=config, **more)

    def state(self, name: str = "digits-production") -> tuple[str, str]:
        """Status and config."""
        found = self("DescribeEndpoint", EndpointName=name)
        return found["EndpointStatus"], found["EndpointConfigName"]

    def invoke(self, name: str = "digits-production", **more: Any) -> str:
        """Invoke an endpoint; return the config that answered."""
        request = {"EndpointName": name, "ContentType": "application/json", **more}
        body: str = json.loads(self.core.invoke_endpoint(request, b"{}", self.caller)[1])["config"]
        return body

    def pass_s(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.core.advance()


@pytest.fixture
def api() -> Api:
    return Api()
