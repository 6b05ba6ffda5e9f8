"""An account to try behaviour of AWS in: one inside moto with a clock of its own, or the caller's, as it comes.

A test never knows which. It names things by `Ground.name`, waits by `Ground.eventually`, and leaves the tidying to
the run: all that it makes carries the run's prefix and tags, by which `leftovers` finds it.
"""

import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Any, Protocol
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws
from tests.fidelity import leftovers

from modelward.local.moto import advance, clock, core, hosting, install
from modelward.local.sagemaker import HostedVariant, Timing

INSTANCE = "ml.m5.large"
_CONFIG = Config(retries={"mode": "adaptive", "total_max_attempts": 10}, connect_timeout=10, read_timeout=70)
_SETTLED_S = 3600.0  # a container that never answers keeps an endpoint busy for half an hour and more
_REGION = "eu-west-1"
_LOCAL_TIMING = Timing(create_s=120, update_s=240, delete_s=30, search_lag_s=2)
_IN_PROGRESS = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}

# Whose registry has scikit-learn's image, by region: the table `sklearn.json` of SageMaker's Python SDK.
_REGISTRIES = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ca-central-1": "341280168497",
    "eu-central-1": "492215442770",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}

# Answers with its label; fails when it is asked to.
_INFERENCE = """
import json

def model_fn(model_dir):
    if {is_broken}:
        raise RuntimeError("broken on purpose")
    return "{label}"

def input_fn(body, content_type):
    return body if isinstance(body, str) else body.decode()

def predict_fn(data, model):
    if data == "fail":
        raise ValueError("asked to fail")
    return model

def output_fn(prediction, accept):
    return json.dumps({{"label": prediction}}), "application/json"
"""


class Pace(Protocol):
    """How time passes."""

    def now(self) -> float:
        """Tell the seconds since some moment."""

    def pause(self, seconds: float) -> None:
        """Let time pass."""


class RealPace:
    """Time as it is."""

    def now(self) -> float:
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)


class LocalPace:
    """The clock of the local SageMaker, which stands still until it is moved."""

    def now(self) -> float:
        return clock().timestamp()

    def pause(self, seconds: float) -> None:
        advance(seconds)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of these tests: what it makes begins with `prefix` and carries `tags`."""

    id: str
    expires: datetime

    @classmethod
    def begin(cls, lasts: timedelta) -> "Run":
        return cls(uuid4().hex[:8], datetime.now(UTC) + lasts)

    @property
    def prefix(self) -> str:
        return f"{leftovers.PREFIX}{self.id}"

    @property
    def tags(self) -> dict[str, str]:
        return {leftovers.RUN_TAG: self.id, leftovers.EXPIRES_TAG: self.expires.isoformat(timespec="seconds")}

    @property
    def tag_list(self) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]


class Account:
    """Clients of an account, and what many tests need there once: a role, a bucket, a queue for events."""

    def __init__(self, session: boto3.Session, pace: Pace, run: Run, *, is_live: bool) -> None:
        self.session = session
        self.pace = pace
        self.run = run
        self.is_live = is_live
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            make: Any = self.session.client
            self._clients[service] = make(service, config=_CONFIG)
        return self._clients[service]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    @cached_property
    def identity(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.client("sts").get_caller_identity()
        return found

    @property
    def region(self) -> str:
        return str(self.session.region_name)

    def arn(self, service: str, resource: str) -> str:
        partition = self.identity["Arn"].split(":")[1]
        return f"arn:{partition}:{service}:{self.region}:{self.identity['Account']}:{resource}"

    @property
    def image(self) -> str:
        """An image that SageMaker may use in any account."""
        if self.region not in _REGISTRIES:
            pytest.skip(f"the registry of scikit-learn's image in {self.region} is not known to these tests")
        registry = f"{_REGISTRIES[self.region]}.dkr.ecr.{self.region}.amazonaws.com"
        return f"{registry}/sagemaker-scikit-learn:1.2-1-cpu-py3"

    @cached_property
    def bucket(self) -> str:
        s3, name = self.client("s3"), f"{self.run.prefix}-{self.identity['Account']}"
        where = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        s3.create_bucket(Bucket=name, **({} if self.region == "us-east-1" else where))
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": self.run.tag_list})
        return name

    @cached_property
    def role_arn(self) -> str:
        iam, name = self.client("iam"), f"{self.run.prefix}-execution"
        trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        made = iam.create_role(
            RoleName=name,
            Path=leftovers.ROLE_PATH,
            AssumeRolePolicyDocument=_policy(trust),
            Tags=self.run.tag_list,
        )
        iam.put_role_policy(RoleName=name, PolicyName="serve", PolicyDocument=_policy(*self._may_serve()))
        return str(made["Role"]["Arn"])

    def _may_serve(self) -> Iterator[Mapping[str, Any]]:
        partition = self.identity["Arn"].split(":")[1]
        bucket = f"arn:{partition}:s3:::{self.bucket}"
        yield {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": [bucket, f"{bucket}/*"]}
        actions = [
            "cloudwatch:DescribeAlarms",
            "cloudwatch:PutMetricData",
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetAuthorizationToken",
            "ecr:GetDownloadUrlForLayer",
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
        ]
        yield {"Effect": "Allow", "Action": actions, "Resource": "*"}

    @cached_property
    def inbox(self) -> "Inbox":
        return Inbox(self)


class Inbox:
    """All events of what the run makes, by a rule and a queue of its own."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._sqs = account.client("sqs")
        name = f"{account.run.prefix}-events"
        self._url = self._sqs.create_queue(QueueName=name, tags=account.run.tags)["QueueUrl"]
        self._arrived: list[dict[str, Any]] = []
        self._listen(name)

    def _listen(self, name: str) -> None:
        events, run = self._account.client("events"), self._account.run
        wanted = {"source": ["aws.sagemaker"], "resources": [{"wildcard": f"*/{run.prefix}*"}]}
        events.put_rule(Name=name, EventPattern=json.dumps(wanted), Tags=run.tag_list)
        queue_arn = self._account.arn("sqs", name)
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
        }
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": _policy(allowed)})
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue_arn}])

    def arrived(self) -> list[dict[str, Any]]:
        """Return all events that have come so far, in the order in which they came."""
        ask = {"QueueUrl": self._url, "MaxNumberOfMessages": 10}
        while messages := self._sqs.receive_message(**ask).get("Messages"):
            for message in messages:
                self._arrived.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self._arrived


def _policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Ground:
    """What one test stands on."""

    def __init__(self, account: Account, number: int) -> None:
        self.account = account
        self.prefix = f"{account.run.prefix}-{number}"
        self.sagemaker = account.client("sagemaker")
        self._endpoints: list[str] = []

    # Names, time, events

    def name(self, short: str) -> str:
        """Return a name that nobody else uses."""
        return f"{self.prefix}-{short}"

    @property
    def tags(self) -> list[dict[str, str]]:
        """The tags that everything must be made with."""
        return self.account.run.tag_list

    @property
    def now(self) -> datetime:
        """The time by the account's clock."""
        return datetime.now(UTC) if self.account.is_live else clock()

    def eventually(self, ask: Callable[[], Any], *, limit_s: float = 180.0) -> Any:
        """Ask until the answer is true, and return it; fail with the last one if it never is."""
        began = self.account.pace.now()
        while not (answer := ask()):
            waited_s = self.account.pace.now() - began
            assert waited_s < limit_s, f"after {limit_s} s it is still {answer!r}"
            self.account.pace.pause(leftovers.patience(waited_s))
        return answer

    def listen(self) -> None:
        """Make sure that events arrive: a rule that is new does not work at once."""
        inbox, group = self.account.inbox, self.group("listening")

        def heard() -> Any:
            self.version(group)
            self.account.pace.pause(1)
            return inbox.arrived()

        if not inbox.arrived():
            self.eventually(heard, limit_s=300)

    def event(self, arn: str, wanted: Callable[[dict[str, Any]], Any] = bool) -> dict[str, Any]:
        """Wait for an event about a resource whose detail is wanted, and return the first."""
        return self.events(arn, wanted)[0]

    def events(self, arn: str, wanted: Callable[[dict[str, Any]], Any] = bool) -> list[dict[str, Any]]:
        """Wait for an event about a resource whose detail is wanted; return all such, in the order they came."""
        found: list[dict[str, Any]] = self.eventually(lambda: self.events_so_far(arn, wanted), limit_s=300)
        return found

    def events_so_far(self, arn: str, wanted: Callable[[dict[str, Any]], Any] = bool) -> list[dict[str, Any]]:
        """Return the events about a resource that have come."""
        mine = (event for event in self.account.inbox.arrived() if event["resources"][:1] == [arn])
        return [event for event in mine if wanted(event["detail"])]

    # The registry

    def group(self, short: str = "digits", **more: Any) -> str:
        """Make a group; return its name."""
        name = self.name(short)
        self.sagemaker.create_model_package_group(ModelPackageGroupName=name, Tags=self.tags, **more)
        return name

    def version(self, group: str, **more: Any) -> str:
        """Register a version; return its ARN."""
        request = {"ModelPackageGroupName": group, "InferenceSpecification": self.specification(), **more}
        return str(self.sagemaker.create_model_package(**request)["ModelPackageArn"])

    def specification(self, label: str = "good") -> dict[str, Any]:
        """Return an InferenceSpecification that can be served."""
        return {
            "Containers": [self.container(label)],
            "SupportedContentTypes": ["text/plain"],
            "SupportedResponseMIMETypes": ["application/json"],
        }

    def package(self, arn: str) -> dict[str, Any]:
        """Describe a version."""
        found: dict[str, Any] = self.sagemaker.describe_model_package(ModelPackageName=arn)
        return found

    def update(self, arn: str, **change: Any) -> None:
        """Update a version."""
        self.sagemaker.update_model_package(ModelPackageArn=arn, **change)

    def search(self, *filters: tuple[str, str, str | None], resource: str = "ModelPackage", **more: Any) -> Any:
        """Search with (name, operator, value); return the answer."""
        given = [
            {"Name": name, "Operator": operator} | ({} if value is None else {"Value": value})
            for name, operator, value in filters
        ]
        return self.sagemaker.search(Resource=resource, SearchExpression={"Filters": given}, **more)

    # What is served

    def container(self, label: str = "good") -> dict[str, Any]:
        """Return a container whose model answers with its label; that of `broken` cannot be loaded."""
        environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        return {"Image": self.account.image, "ModelDataUrl": self.artifact(label), "Environment": environment}

    def artifact(self, label: str) -> str:
        """Upload a model that answers with its label; return its address."""
        bucket = self.account.bucket
        archive = _archive(_INFERENCE.format(label=label, is_broken=label == "broken"))
        self.account.client("s3").put_object(Bucket=bucket, Key=f"{label}.tar.gz", Body=archive)
        return f"s3://{bucket}/{label}.tar.gz"

    def model(self, short: str = "good", container: Mapping[str, Any] | None = None) -> str:
        """Make a model; return its name. A role that is new cannot be assumed at once."""
        request = {
            "ModelName": self.name(short),
            "PrimaryContainer": container or self.container(short),
            "ExecutionRoleArn": self.account.role_arn,
            "Tags": self.tags,
        }
        self.eventually(lambda: self._made(request), limit_s=120)
        return self.name(short)

    def _made(self, request: Mapping[str, Any]) -> bool:
        try:
            self.sagemaker.create_model(**request)
        except ClientError as error:
            text = error.response["Error"]["Message"]
            if "role" in text or "Could not access model data" in text:
                return False
            raise
        return True

    def config(self, short: str = "good", *, instances: int = 0, variant: str = "live", **more: Any) -> str:
        """Make a config that serves the model of that label, serverless unless told otherwise; return its name."""
        size: dict[str, Any] = {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
        if instances:
            size = {"InstanceType": INSTANCE, "InitialInstanceCount": instances}
        name = self.name(f"{short}-{variant}-{instances}")
        label = short.partition("-")[0]
        model = self.model(short, self.container(label))
        variants = [{"VariantName": variant, "ModelName": model, **size}]
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=variants, Tags=self.tags, **more
        )
        return name

    def endpoint(self, config: str, short: str = "endpoint") -> str:
        """Begin to make an endpoint; return its name. It is deleted at the end of the test."""
        name = self.name(short)
        self._endpoints.append(name)
        try:
            self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, Tags=self.tags)
        except ClientError as error:
            self._endpoints.remove(name)
            if error.response["Error"]["Code"] == "ResourceLimitExceeded":
                pytest.skip(error.response["Error"]["Message"])
            raise
        return name

    def state(self, endpoint: str) -> dict[str, Any]:
        """Describe an endpoint."""
        found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=endpoint)
        return found

    def settled(self, endpoint: str) -> dict[str, Any]:
        """Wait until nothing is going on with an endpoint, and describe it."""

        def rested() -> dict[str, Any] | None:
            found = self.state(endpoint)
            return None if found["EndpointStatus"] in _IN_PROGRESS else found

        found: dict[str, Any] = self.eventually(rested, limit_s=_SETTLED_S)
        return found

    def change(self, endpoint: str, config: str, **more: Any) -> None:
        """Begin to update an endpoint."""
        self.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, **more)

    def ask(self, endpoint: str, text: str = "hello") -> str:
        """Invoke an endpoint; return the label of the model that answered."""
        runtime = self.account.client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/plain", Body=text.encode())
        with answer["Body"] as body:
            return str(json.loads(body.read())["label"])

    def close(self) -> None:
        """Delete the endpoints: they are what costs."""
        for name in self._endpoints:
            leftovers.delete_endpoint(self.account, name)


def _archive(code: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("code/inference.py")
        info.size = len(code)
        tar.addfile(info, io.BytesIO(code.encode()))
    return buffer.getvalue()


@contextmanager
def local_account() -> Iterator[Account]:
    """Make an account inside moto, whose models answer as those of `Ground.artifact` do."""
    install()
    with mock_aws():
        account = Account(_local_session(), LocalPace(), Run.begin(timedelta(hours=1)), is_live=False)
        where = account.identity["Account"], _REGION
        core(*where).timing = _LOCAL_TIMING
        hosting(*where).health = lambda variant: _label(variant) != "broken"
        hosting(*where).answer = _answer
        yield account
        account.close()


@cache
def _local_session() -> boto3.Session:
    """One for all tests: what a session has read of the API models it keeps."""
    return boto3.Session(region_name=_REGION)


def _label(variant: HostedVariant) -> str:
    return variant.model_data_url.rpartition("/")[2].removesuffix(".tar.gz")


def _answer(variant: HostedVariant, body: bytes, _content_type: str) -> tuple[int, str, bytes]:
    if body == b"fail":
        return 500, "text/plain", b"asked to fail"
    return 200, "application/json", json.dumps({"label": _label(variant)}).encode()
