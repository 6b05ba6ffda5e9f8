"""What a registry declares, as frozen values.

The annotations are the definition: what each key means and what it accepts. The reader of `registry.toml` and the JSON
Schema for editors both follow them, so neither can drift from the other or from these classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from modelward.config.shapes import Combination, Entries, Items, Number, Text
from modelward.core.endpoint import Symptom
from modelward.core.model_package import METRIC_KEY, StageStatus
from modelward.core.names import ENTITY_NAME, ENTITY_NAME_LIMIT, ENTITY_NAME_RULE, group_stack

# CustomerMetadataProperties and tags share a character set in the SageMaker API: letters, separators and digits of any
# script, and nine signs. The pattern refuses what ASCII has beside them (it must mean the same in JSON Schema's regular
# expressions, which editors run, and in Python's); `is_plain` refuses the rest of Unicode.
_SIGNS = r"""\u0000-\u001f\u007f!"#$%&'()*,;<>?\[\\\]^`{|}~"""
_PLAIN = f"[^ {_SIGNS}]([^{_SIGNS}]*[^ {_SIGNS}])?"
_PLAIN_RULE = "letters, digits, inner spaces and _ . : / = + - @"
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
METRIC_NAME_LIMIT = 128 - len(METRIC_KEY)


def is_plain(text: str) -> bool:
    """Tell whether SageMaker takes a text as a metadata key or a tag value, length aside.

    Source: the `CustomerMetadataKey` and `TagValue` shapes of the SageMaker API.
    """
    import unicodedata

    return all(char in "_.:/=+-@" or unicodedata.category(char)[0] in "LZN" for char in text)


EntityName = Annotated[str, Text(ENTITY_NAME_RULE, ENTITY_NAME.pattern, ENTITY_NAME_LIMIT)]
# The stacks are named after the registry, and the name of a CloudFormation stack begins with a letter.
RegistryName = Annotated[
    str, Text(f"{ENTITY_NAME_RULE}, the first a letter", "[a-zA-Z](-*[a-zA-Z0-9]){0,62}", ENTITY_NAME_LIMIT)
]
MetricName = Annotated[
    str, Text(f"1 to {METRIC_NAME_LIMIT} {_PLAIN_RULE}", _PLAIN, METRIC_NAME_LIMIT, accepts=is_plain)
]
OwnerName = Annotated[str, Text(f"1 to 256 {_PLAIN_RULE}", _PLAIN, 256, accepts=is_plain)]
InstanceType = Annotated[
    str, Text("an instance type of SageMaker, such as ml.m5.large", r"ml\.[a-z0-9-]+\.[a-z0-9-]+", 64)
]
ImageUri = Annotated[str, Text("the URI of a container image: 1 to 255 characters without spaces", r"\S+", 255)]
EmailAddress = Annotated[
    str,
    Text(
        "an e-mail address",
        rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(\.{_LABEL})+",
        254,
    ),
]
SecretName = Annotated[
    str,
    Text(
        "a Secrets Manager name (1 to 512 letters, digits and / _ + = . @ -), never the URL",
        r"[A-Za-z0-9/_+=.@-]+",
        512,
        is_secret=True,
    ),
]
PrincipalArn = Annotated[
    str,
    Text(
        "the ARN of one IAM role or user, such as arn:aws:iam::123456789012:role/ModelApprovers",
        r"arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[A-Za-z0-9_+=,.@/-]+",
        2048,
    ),
]
PolicyReference = Annotated[
    str,
    Text(
        "the name or the ARN of an IAM managed policy",
        r"(arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/)?[A-Za-z0-9_+=,.@/-]+",
        2048,
    ),
]
RolePath = Annotated[
    str,
    Text("an IAM path: / or /parts/between/slashes/", r"/([A-Za-z0-9_+=,.@-]+/)*", 512),
]

BucketName = Annotated[
    str,
    Text(
        "the name of an S3 bucket: 3 to 63 small letters, digits, dots and hyphens",
        "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        63,
    ),
]
ArtifactsUri = Annotated[
    str,
    Text("s3://BUCKET/ or s3://BUCKET/PREFIX", r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9!_.'()/=+@-]*", 1024),
]
KeyArn = Annotated[
    str, Text("the ARN of a KMS key (no alias)", r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+", 256)
]
TopicArn = Annotated[
    str, Text("the ARN of an SNS topic", r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}", 512)
]
RepositoryName = Annotated[
    str,
    Text(
        "the name of an ECR repository: 2 to 256 small letters, digits and inner . _ - /",
        r"[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*)*",
        256,
        accepts=lambda name: len(name) > 1,
    ),
]
AccountId = Annotated[str, Text("an AWS account: 12 digits, in quotes", "[0-9]{12}", 12)]
RegionName = Annotated[
    str, Text("a region of AWS, such as eu-west-1 or us-gov-west-1", "[a-z]{2}(-[a-z]+){1,2}-[0-9]{1,2}", 32)
]
StreamArn = Annotated[
    str,
    Text(
        "the ARN of a DynamoDB table's stream, such as"
        " arn:aws:dynamodb:eu-west-1:123456789012:table/history/stream/2026-01-05T12:00:00.000",
        r"arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]{3,255}/stream/[0-9T:.-]+",
        512,
    ),
]
# CloudWatch takes any character; those that its console would not show cannot be meant.
AlarmName = Annotated[
    str,
    Text(
        "the name of a CloudWatch alarm: 1 to 255 characters, none of them a control character",
        r"[^\u0000-\u001f\u007f]+",
        255,
    ),
]
SubnetId = Annotated[str, Text("the id of a subnet, such as subnet-0a1b2c3d4e5f67890", "subnet-[0-9a-f]{8,17}", 32)]
SecurityGroupId = Annotated[
    str, Text("the id of a security group, such as sg-0a1b2c3d4e5f67890", "sg-[0-9a-f]{8,17}", 32)
]


class Enter(StrEnum):
    """What lets a version into the stage of an environment."""

    ON_APPROVAL = "on-approval"
    ON_PROMOTION = "on-promotion"


class Strategy(StrEnum):
    """How an endpoint moves from one version to the next."""

    ALL_AT_ONCE = "all-at-once"
    CANARY = "canary"
    LINEAR = "linear"
    ROLLING = "rolling"
    SHADOW = "shadow"
    AB = "ab"

    @property
    def is_gradual(self) -> bool:
        """Whether the traffic moves in parts, so that alarms can end it early."""
        return self in (Strategy.CANARY, Strategy.LINEAR, Strategy.ROLLING)

    @property
    def is_trial(self) -> bool:
        """Whether a version serves beside the live one first."""
        return self in (Strategy.SHADOW, Strategy.AB)


@dataclass(frozen=True, slots=True)
class RolloutSpec:
    """How endpoints move from one version to the next (`DeploymentConfig`)."""

    strategy: Annotated[
        Strategy,
        "all-at-once: the new instances take all calls together. canary: a part first. linear: part by part."
        " rolling: the instances are replaced batch by batch. shadow: they get a copy of the calls for a time, then"
        " their figures decide. ab: they take a share of the calls until `modelward ab finish`.",
    ] = Strategy.ALL_AT_ONCE
    percent: Annotated[
        int | None,
        Number(minimum=1, maximum=100),
        "How many instances of a hundred a canary (1 to 50), a linear step (10 to 50) or a rolling batch (5 to 50) has;"
        " how many calls of a hundred a shadow gets a copy of (1 to 100), or an ab trial begins with (1 to 99).",
    ] = None
    wait_s: Annotated[
        int | None, Number(minimum=0, maximum=3600), "How many seconds the alarms are watched after each part."
    ] = None
    termination_wait_s: Annotated[
        int | None,
        Number(minimum=0, maximum=3600),
        "How many seconds the old instances stay, and the alarms are watched, once the new ones take all calls.",
    ] = None
    time_limit_s: Annotated[
        int | None,
        Number(minimum=600, maximum=28_800),
        "After how many seconds SageMaker goes back to the old version.",
    ] = None

    trial_s: Annotated[
        int | None, Number(minimum=600, maximum=2_592_000), "For how many seconds a shadow gets its copies."
    ] = None
    slower_by_at_most_percent: Annotated[
        int | None,
        Number(minimum=0, maximum=1000),
        "By how much longer than the live version a shadow may take for a call on average; without it, any time will"
        " do.",
    ] = None

    @property
    def waits_s(self) -> int:
        """Give how long it waits at least, in seconds, however fast instances start."""
        parts = -(-100 // self.percent) if self.percent else 0
        parts = {Strategy.CANARY: 1, Strategy.LINEAR: parts - 1, Strategy.ROLLING: parts}.get(self.strategy, 0)
        return parts * (self.wait_s or 0) + (self.termination_wait_s or 0)


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """A place that serves the version which holds one stage."""

    name: Annotated[EntityName, "Name of the environment."]
    stage: Annotated[EntityName, "Stage of [registry].stages whose version the environment serves; never the last one."]
    enter: Annotated[
        Enter,
        "on-approval: approving a version is enough for it to enter the stage."
        " on-promotion: promoting it is a decision of its own.",
    ] = Enter.ON_PROMOTION
    account: Annotated[
        AccountId | None, "Account in which its endpoints are; without it, that of the registry. In quotes."
    ] = None
    region: Annotated[
        RegionName | None, "Region in which its endpoints are: that of the registry, where its versions are."
    ] = None
    rollout: Annotated[
        RolloutSpec | None, "How its endpoints move to another version, where one has no rollout of its own."
    ] = None
    kept_for_rollback: Annotated[
        int,
        Number(minimum=1, maximum=20),
        "Of how many versions that were verified before the one that serves model and endpoint config are kept, so"
        " that a rollback has to make nothing. Older ones are deleted after a day.",
    ] = 3


@dataclass(frozen=True, slots=True)
class Gate:
    """A bound on one metric that a version must keep to enter the stage of an environment."""

    metric: Annotated[MetricName, "Metric, by the name under which training registers it."]
    at_least: Annotated[float | None, Number(), "Smallest value that passes."] = None
    at_most: Annotated[float | None, Number(), "Largest value that passes."] = None
    worse_than_live_by_at_most: Annotated[
        float | None, Number(minimum=0), "How much worse than the live version a version may be, in the metric's unit."
    ] = None
    better: Annotated[
        Literal["higher", "lower"] | None,
        "Which way the metric improves. Follows from at_least (higher) or at_most (lower) when only one is given.",
    ] = None

    COMBINATIONS: ClassVar[tuple[Combination, ...]] = (
        Combination(
            "at least one of at_least, at_most and worse_than_live_by_at_most",
            holds=lambda keys: bool(keys & {"at_least", "at_most", "worse_than_live_by_at_most"}),
            schema={
                "anyOf": [
                    {"required": ["at_least"]},
                    {"required": ["at_most"]},
                    {"required": ["worse_than_live_by_at_most"]},
                ]
            },
        ),
        Combination(
            'better = "higher" or "lower" beside worse_than_live_by_at_most, unless exactly one of at_least and at_most'
            " tells the direction",
            holds=lambda keys: (
                "worse_than_live_by_at_most" not in keys or "better" in keys or len(keys & {"at_least", "at_most"}) == 1
            ),
            schema={
                "if": {"required": ["worse_than_live_by_at_most"]},
                "then": {
                    "anyOf": [
                        {"required": ["better"]},
                        {"oneOf": [{"required": ["at_least"]}, {"required": ["at_most"]}]},
                    ]
                },
            },
        ),
    )

    @property
    def is_higher_better(self) -> bool | None:
        """Tell which way the metric improves; None for a bare band, which has two bounds and no direction."""
        if self.better is not None:
            return self.better == "higher"
        if (self.at_least is None) == (self.at_most is None):
            return None
        return self.at_least is not None


@dataclass(frozen=True, slots=True)
class Serverless:
    """Capacity of a serverless endpoint (`ProductionVariantServerlessConfig`)."""

    memory_mb: Annotated[int, Number(minimum=1024, maximum=6144, step=1024), "Memory of one worker, in MB."]
    max_concurrency: Annotated[int, Number(minimum=1, maximum=200), "Requests served at the same time."]


@dataclass(frozen=True, slots=True)
class AlarmSpec:
    """When an endpoint is not well: CloudWatch alarms on what its callers notice. What is None is not watched."""

    errors_5xx_at_most: Annotated[
        int | None, Number(minimum=0, maximum=10**9), "How many calls a minute may fail with a 5xx status."
    ] = None
    latency_p90_ms_at_most: Annotated[
        int | None,
        Number(minimum=1, maximum=3_600_000),
        "Within how many milliseconds the model must answer nine calls of ten (ModelLatency).",
    ] = None
    silent_for_minutes: Annotated[
        int | None, Number(minimum=1, maximum=1440), "For how many minutes nobody may call before that is a symptom."
    ] = None

    COMBINATIONS: ClassVar[tuple[Combination, ...]] = (
        Combination(
            "at least one of errors_5xx_at_most, latency_p90_ms_at_most and silent_for_minutes",
            holds=bool,
            schema={"minProperties": 1},
        ),
    )


@dataclass(frozen=True, slots=True)
class VpcSpec:
    """Where the containers of an endpoint are in a VPC of yours (`VpcConfig`)."""

    subnets: Annotated[
        tuple[SubnetId, ...],
        Items(min_items=1, max_items=16),
        "Subnets in which the instances get network interfaces, better two or more in different zones.",
    ]
    security_groups: Annotated[
        tuple[SecurityGroupId, ...], Items(min_items=1, max_items=5), "Security groups of those interfaces."
    ]


@dataclass(frozen=True, slots=True)
class CaptureSpec:
    """Which calls of an endpoint are written down (`DataCaptureConfig`)."""

    percent: Annotated[int, Number(minimum=1, maximum=100), "How many calls of a hundred are captured."]
    only: Annotated[
        Literal["requests", "responses"] | None, "Capture one side of a call only: what is sent, or what is answered."
    ] = None


@dataclass(frozen=True, slots=True)
class AsynchronousSpec:
    """How an endpoint answers through S3 (`AsyncInferenceConfig`)."""

    success_topic_arn: Annotated[TopicArn | None, "SNS topic that is told of each answer."] = None
    error_topic_arn: Annotated[TopicArn | None, "SNS topic that is told of each call that fails."] = None
    max_concurrent_calls: Annotated[
        int | None,
        Number(minimum=1, maximum=1000),
        "How many calls one instance works on at a time; without it, SageMaker chooses.",
    ] = None


@dataclass(frozen=True, slots=True)
class AutoscalingSpec:
    """How many instances of an endpoint there are, as calls come and go (Application Auto Scaling)."""

    min: Annotated[int, Number(minimum=1, maximum=2**31 - 1), "Never fewer instances than this; it begins with them."]
    max: Annotated[int, Number(minimum=1, maximum=2**31 - 1), "Never more instances than this."]
    invocations_per_instance: Annotated[
        int,
        Number(minimum=1, maximum=10**9),
        "How many calls a minute one instance shall have on average (SageMakerVariantInvocationsPerInstance).",
    ]
    scale_in_cooldown_s: Annotated[
        int | None, Number(minimum=0, maximum=86_400), "How many seconds pass between two removals of instances."
    ] = None
    scale_out_cooldown_s: Annotated[
        int | None, Number(minimum=0, maximum=86_400), "How many seconds pass between two additions of instances."
    ] = None


def _on_instances(key: str, why: str) -> Combination:
    return Combination(
        f"{key} only beside instance_type, for {why}",
        holds=lambda keys: not {"serverless", key} <= keys,
        schema={"not": {"required": ["serverless", key]}},
    )


def _unless_asynchronous(key: str, why: str) -> Combination:
    return Combination(
        f"one of {key} and asynchronous, for {why}",
        holds=lambda keys: not {"asynchronous", key} <= keys,
        schema={"not": {"required": ["asynchronous", key]}},
    )


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """How an environment serves a model: serverless, or on instances (`instance_count` counts only then)."""

    environment: Annotated[EntityName, "Name of a declared environment."]
    serverless: Annotated[Serverless | None, "Serve without instances, billed by use."] = None
    instance_type: Annotated[InstanceType | None, "Serve on instances of this type."] = None
    instance_count: Annotated[int, Number(minimum=1, maximum=2**31 - 1), "How many instances."] = 1
    network_isolation: Annotated[
        bool, "Cut the containers off from every network; SageMaker itself brings artifact and calls."
    ] = False
    volume_key_arn: Annotated[
        KeyArn | None, "KMS key that encrypts the storage volumes of the instances, instead of SageMaker's own."
    ] = None
    vpc: Annotated[VpcSpec | None, "Put the containers into a VPC of yours."] = None
    data_capture: Annotated[
        CaptureSpec | None, "Write calls and answers to capture/<endpoint>/ in the registry's bucket."
    ] = None
    asynchronous: Annotated[
        AsynchronousSpec | None,
        "Take calls from a queue, and write answers to async/<endpoint>/ in the registry's bucket.",
    ] = None
    autoscaling: Annotated[
        AutoscalingSpec | None, "Let the number of instances follow the calls, instead of instance_count."
    ] = None
    alarms: Annotated[AlarmSpec | None, "When people are told that the endpoint is not well."] = None
    rollout: Annotated[
        RolloutSpec | None, "How it moves to another version, instead of the environment's; {} is all at once."
    ] = None
    roll_back_on: Annotated[
        tuple[AlarmName, ...],
        Items(max_items=10),
        "Alarms of your own, by name: when one goes off, the version that was verified before comes back.",
    ] = ()

    COMBINATIONS: ClassVar[tuple[Combination, ...]] = (
        Combination(
            "exactly one of serverless and instance_type",
            holds=lambda keys: len(keys & {"serverless", "instance_type"}) == 1,
            schema={"oneOf": [{"required": ["serverless"]}, {"required": ["instance_type"]}]},
        ),
        Combination(
            "instance_count only beside instance_type",
            holds=lambda keys: not {"serverless", "instance_count"} <= keys,
            schema={"not": {"required": ["serverless", "instance_count"]}},
        ),
        Combination(
            "one of instance_count and autoscaling, which begins with min instances",
            holds=lambda keys: not {"instance_count", "autoscaling"} <= keys,
            schema={"not": {"required": ["instance_count", "autoscaling"]}},
        ),
        _on_instances("network_isolation", "serverless endpoints have none"),
        _on_instances("volume_key_arn", "serverless endpoints have no volumes"),
        _on_instances("vpc", "serverless endpoints are in no VPC"),
        _on_instances("data_capture", "serverless endpoints capture nothing"),
        _on_instances("asynchronous", "serverless endpoints answer at once"),
        _on_instances("autoscaling", "serverless endpoints scale by themselves"),
        _unless_asynchronous("data_capture", "calls and answers of asynchronous endpoints are in S3 anyway"),
        _unless_asynchronous("autoscaling", "asynchronous endpoints publish no InvocationsPerInstance to go by"),
    )

    @property
    def rollback_symptoms(self) -> tuple[Symptom, ...]:
        """Give the symptoms that end a rollout early. Silence is none: nobody may have called before it either."""
        limits = self.alarms or AlarmSpec()
        watched = {Symptom.ERRORS: limits.errors_5xx_at_most, Symptom.LATENCY: limits.latency_p90_ms_at_most}
        return tuple(symptom for symptom, limit in watched.items() if limit is not None)

    @property
    def is_watched(self) -> bool:
        """Tell whether any alarm would end a rollout early."""
        return bool(self.rollback_symptoms or self.roll_back_on)

    @property
    def initial_count(self) -> int:
        """Give how many instances it begins with."""
        return self.autoscaling.min if self.autoscaling else self.instance_count


@dataclass(frozen=True, slots=True)
class ModelAccessSpec:
    """Who may decide about one model, instead of those who decide about all."""

    approvers: Annotated[
        tuple[PrincipalArn, ...],
        Items(min_items=1),
        "Roles and users that alone may approve, reject and release versions of this model.",
    ]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model: a group of versions, the gates they must pass and the endpoints that serve them."""

    name: Annotated[EntityName, "Name of the model, which is that of its SageMaker Model Package Group."]
    owner: Annotated[OwnerName, "Team or person that answers for the model."]
    gates: Annotated[
        Mapping[str, Gate],
        Entries(key="metric"),
        "Per metric: what must hold before a version may enter the stage of an environment.",
    ] = field(default_factory=lambda: MappingProxyType({}))
    endpoints: Annotated[
        Mapping[str, EndpointSpec], Entries(key="environment"), "Per environment: how it serves the model."
    ] = field(default_factory=lambda: MappingProxyType({}))
    existing: Annotated[bool, "The Model Package Group is there already and stays somebody else's."] = False
    image: Annotated[ImageUri | None, "The image that serves versions which are registered without one."] = None
    access: Annotated[ModelAccessSpec | None, "Who decides about this model, where not those of [access]."] = None


@dataclass(frozen=True, slots=True)
class Slack:
    """Where Slack messages go."""

    webhook_secret: Annotated[SecretName, "Secrets Manager name of the secret that holds the webhook's URL."]


@dataclass(frozen=True, slots=True)
class NotificationSpec:
    """Who is told."""

    email: Annotated[tuple[EmailAddress, ...], Items(), "Addresses that receive an e-mail through SNS."] = ()
    slack: Annotated[Slack | None, "Post messages to a Slack channel."] = None


@dataclass(frozen=True, slots=True)
class ExistingSpec:
    """What is there already: it is used, and neither made nor changed nor removed."""

    bucket: Annotated[BucketName | None, "Bucket that keeps artifacts and metrics, instead of one of our own."] = None
    key_arn: Annotated[KeyArn | None, "KMS key that protects them, ledger and topic, instead of one of our own."] = None
    topic_arn: Annotated[TopicArn | None, "SNS topic that tells people, instead of one of our own."] = None
    table_stream_arn: Annotated[
        StreamArn | None, "Stream of the DynamoDB table that keeps the history, instead of one of our own."
    ] = None
    artifacts: Annotated[
        tuple[ArtifactsUri, ...],
        Items(),
        "Where versions that were registered without Modelward keep their artifacts; endpoints may read there.",
    ] = ()
    artifact_key_arns: Annotated[tuple[KeyArn, ...], Items(), "KMS keys that encrypt those artifacts."] = ()

    @property
    def table_arn(self) -> str | None:
        """Give the ARN of the table, which that of its stream begins with."""
        return self.table_stream_arn and self.table_stream_arn.partition("/stream/")[0]


@dataclass(frozen=True, slots=True)
class AccessSpec:
    """Who may take on which role, and what holds for all IAM roles of the stacks."""

    contributors: Annotated[
        tuple[PrincipalArn, ...], Items(), "Roles and users that may assume the role that registers versions."
    ] = ()
    validators: Annotated[
        tuple[PrincipalArn, ...],
        Items(),
        "Roles and users that may assume the role that promotes to the stages between the first and the release.",
    ] = ()
    approvers: Annotated[
        tuple[PrincipalArn, ...],
        Items(),
        "Roles and users that may assume the role that approves, rejects and releases versions.",
    ] = ()
    auditors: Annotated[
        tuple[PrincipalArn, ...], Items(), "Roles and users that may assume the role that reads, and changes nothing."
    ] = ()
    permissions_boundary: Annotated[
        PolicyReference | None, "Managed policy that bounds every IAM role of the stacks, by name or ARN."
    ] = None
    role_path: Annotated[RolePath, "Path of every IAM role of the stacks."] = "/"


@dataclass(frozen=True, slots=True)
class RegistrySpec:
    """Everything that one `registry.toml` declares, checked: stages in order of promotion, the last one the archive."""

    name: str
    stages: tuple[str, ...]
    environments: Mapping[str, EnvironmentSpec] = field(default_factory=lambda: MappingProxyType({}))
    models: Mapping[str, ModelSpec] = field(default_factory=lambda: MappingProxyType({}))
    notifications: NotificationSpec = field(default_factory=NotificationSpec)
    existing: ExistingSpec = field(default_factory=ExistingSpec)
    access: AccessSpec = field(default_factory=AccessSpec)
    group_stacks: int = 1
    account: str | None = None
    region: str | None = None
    images: tuple[str, ...] = ()

    @property
    def foreign(self) -> tuple[EnvironmentSpec, ...]:
        """Give the environments whose endpoints are in another account than the registry."""
        return tuple(each for each in self.environments.values() if each.account not in (None, self.account))

    @property
    def endpoints(self) -> tuple[EndpointSpec, ...]:
        """Give the endpoints of all models."""
        return tuple(endpoint for model in self.models.values() for endpoint in model.endpoints.values())

    def rollout(self, model: str, environment: str) -> RolloutSpec | None:
        """Tell how a model's endpoint moves to another version: its own declaration counts, else the environment's."""
        own = self.models[model].endpoints[environment].rollout
        return self.environments[environment].rollout if own is None else own

    @property
    def is_guarded(self) -> bool:
        """Tell whether alarms can end the rollout of any endpoint."""
        return any(
            endpoint.is_watched and self.rollout(model.name, environment) is not None
            for model in self.models.values()
            for environment, endpoint in model.endpoints.items()
        )

    @property
    def alarms(self) -> tuple[str, ...]:
        """Give the alarms of the teams' own that bring versions back, sorted."""
        return tuple(sorted({name for endpoint in self.endpoints for name in endpoint.roll_back_on}))

    def is_abroad(self, model: str, environment: str) -> bool:
        """Tell whether a model's endpoint in an environment is in another account than the registry.

        Where there is no endpoint, there is nothing abroad to look at: the registry's account sees to the stage.
        """
        is_served = model in self.models and environment in self.models[model].endpoints
        return is_served and any(each.name == environment for each in self.foreign)

    def within(self, environment: str) -> "RegistrySpec":
        """Give the part whose endpoints are in one account: a foreign environment's, or the registry's own (no name).

        At home that is all models, and the environments that are there; of a foreign environment, the models that are
        served there.
        """
        foreign = {each.name for each in self.foreign}
        kept = {environment} if environment else self.environments.keys() - foreign
        models = {
            model.name: replace(model, endpoints={name: e for name, e in model.endpoints.items() if name in kept})
            for model in self.models.values()
            if not environment or environment in model.endpoints
        }
        environments = {name: each for name, each in self.environments.items() if name in kept}
        return replace(self, environments=environments, models=models)

    def owned(self) -> Mapping[str, tuple[str, ...]]:
        """Give the models whose groups are ours to make, sorted, by the name of the stack that holds them."""
        placed: dict[str, list[str]] = {}
        for name in sorted(self.models):
            if not self.models[name].existing:
                placed.setdefault(group_stack(self.name, name, self.group_stacks), []).append(name)
        return {stack: tuple(placed[stack]) for stack in sorted(placed)}

    @property
    def first_stage(self) -> str:
        """Give the stage of a version that nobody has promoted."""
        return self.stages[0]

    @property
    def archive_stage(self) -> str:
        """Give the stage where versions go that were replaced; no environment serves it."""
        return self.stages[-1]

    @property
    def release_stage(self) -> str:
        """Give the last stage before the archive: the one that approvers guard."""
        return self.stages[-2]

    @property
    def trial_stages(self) -> tuple[str, ...]:
        """Give the stages after the first and before the release; there may be none."""
        return self.stages[1:-2]

    def status_on_entry(self, stage: str) -> StageStatus:
        """Give the status of a version that enters a stage: pending where an environment serves it."""
        if self.environment_of(stage):
            return StageStatus.IN_PROGRESS
        return StageStatus.RETIRED if stage == self.archive_stage else StageStatus.APPROVED

    def environment_of(self, stage: str) -> EnvironmentSpec | None:
        """Find the environment that serves a stage; there is at most one."""
        return next((env for env in self.environments.values() if env.stage == stage), None)
