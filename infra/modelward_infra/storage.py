"""What must outlive every deployment: the key, the artifacts and the ledger.

Nothing here is deleted with its stack. Construct ids are frozen by a test, because a new id is a new, empty resource.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aws_cdk import Duration, RemovalPolicy, Tags
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from modelward.config import RegistrySpec
from modelward.config.accounts import home_of
from modelward.core.ledger import BY_TIME
from modelward.core.names import CAPTURES, TRANSFORMS, artifact_prefix, asynchronous_prefix, registry_stack, smoke_key
from modelward_infra.grants import accept_wildcards, acknowledge_checkov, across, allow, from_abroad

_READ = ("kms:Decrypt", "kms:DescribeKey")
_CAPTURE = ("kms:GenerateDataKey",)
# Large answers go up in parts.
_ANSWER = ("s3:AbortMultipartUpload", "s3:PutObject")
_ANY_ANSWER = "SageMaker names each answer when it writes it."
_ABROAD = "Bucket and key are another account's, whose policies name this role; here their account bounds them."
# Roles that may put entries into the ledger carry it; a tag, because it can be told before there are such roles.
_APPENDS = ("modelward:ledger", "append")
_WRITE = (
    *_READ,
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
# CloudFormation begins a bucket's name with that of its stack, which it cuts when the name becomes too long.
_BUCKET_STACK_CHARS = 20
# A bucket's policy has 20 kB, for all environments together; a role's policies have less.
_SHARED_PREFIXES = 30
_LOGS_CHECKS = {
    "CKV_AWS_18": "It holds the access logs; logging its own accesses would never end.",
    "CKV_AWS_21": "S3 writes each log once, under a name of its own, and nothing overwrites it.",
}


@dataclass(frozen=True, slots=True)
class RegistryKeyProps:
    """Whose key it is; the ARN of one that is there already; what it protects, and whether it outlives its stack."""

    registry: str
    existing_arn: str | None = None
    protects: str = "Artifacts, ledger and notifications"
    is_kept: bool = True


class RegistryKey(Construct):
    """The one KMS key of a registry, for its artifacts, its ledger and its notifications.

    The key policy leaves grants to IAM and adds one service: CloudWatch, whose alarms publish to the encrypted topic.
    The policy of a key that is there already is its owner's, and must say the same.
    """

    def __init__(self, scope: Construct, construct_id: str, props: RegistryKeyProps) -> None:
        """Make the key and its alias, or take the one that is there."""
        super().__init__(scope, construct_id)
        arn = props.existing_arn
        self.is_existing = arn is not None
        self.key: kms.IKey = kms.Key.from_key_arn(self, "Key", arn) if arn else self._made(props)

    def _made(self, props: RegistryKeyProps) -> kms.Key:
        key = kms.Key(
            self,
            "Key",
            description=f"{props.protects} of the model registry {props.registry}",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN if props.is_kept else RemovalPolicy.DESTROY,
        )
        key.add_alias(f"alias/modelward-{props.registry}")
        return key

    def arn_for(self, scope: IConstruct) -> str:
        """Give the key's ARN as a construct of any stack sees it."""
        return self.key.key_arn if self.is_existing else across(scope, self.key.key_arn, self)

    def grant_decrypt(self, grantee: iam.IGrantable) -> None:
        """Allow to read what the key protects."""
        allow(grantee, _READ, self.key.key_arn)

    def grant_encrypt_decrypt(self, grantee: iam.IGrantable) -> None:
        """Allow to write and to read what the key protects."""
        allow(grantee, _WRITE, self.key.key_arn)

    def share(self, role_arn: str, actions: Sequence[str] = _READ) -> None:
        """Let a role of another account use the key; one that was there already is its owner's affair."""
        self.key.add_to_resource_policy(from_abroad(role_arn, actions, "*"))

    def grant_encrypt(self, grantee: iam.IGrantable) -> None:
        """Allow to write what the key protects, in one part."""
        allow(grantee, _CAPTURE, self.key.key_arn)

    def allow_alarms(self, account: str) -> None:
        """Let CloudWatch alarms of an account publish to topics that the key encrypts."""
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": account}},
            )
        )


@dataclass(frozen=True, slots=True)
class ArtifactBucketProps:
    """What encrypts the artifacts; the name of the bucket that is there already, if it shall be that one."""

    key: RegistryKey
    existing_name: str | None = None


class ArtifactBucket(Construct):
    """The bucket of artifacts and metric files: encrypted, versioned, TLS only, never public, its access logged.

    Of a bucket that is there already all this is its owner's business.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ArtifactBucketProps) -> None:
        """Make the bucket and the one of its access logs, or take the bucket that is there."""
        super().__init__(scope, construct_id)
        self._key = props.key
        name = props.existing_name
        self.is_existing = name is not None
        self.bucket: s3.IBucket = s3.Bucket.from_bucket_name(self, "Bucket", name) if name else self._made()

    def _made(self) -> s3.Bucket:
        return s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            bucket_key_enabled=True,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self._key.key,
            enforce_ssl=True,
            lifecycle_rules=[s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(7))],
            removal_policy=RemovalPolicy.RETAIN,
            server_access_logs_bucket=self._access_logs(),
            versioned=True,
        )

    def _access_logs(self) -> s3.Bucket:
        # S3 delivers access logs to buckets with S3's own keys only, not with KMS keys.
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=Duration.days(7), expiration=Duration.days(365)
                )
            ],
            removal_policy=RemovalPolicy.RETAIN,
        )
        acknowledge_checkov(bucket, _LOGS_CHECKS)
        return bucket

    @property
    def objects_arn(self) -> str:
        """Give the ARN pattern of the objects."""
        return self.bucket.arn_for_objects("*")

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Allow to read objects; to list them too, so that a missing one reads as missing and not as forbidden."""
        allow(grantee, ("s3:GetObject",), self.objects_arn)
        allow(grantee, ("s3:ListBucket",), self.bucket.bucket_arn)
        self._key.grant_decrypt(grantee)
        self._accept_objects(grantee)

    def grant_read_smoke(self, grantee: iam.IGrantable, models: Sequence[str]) -> None:
        """Allow to read the smoke tests of some models; to list, so that a missing one reads as missing."""
        names = models if len(models) <= _SHARED_PREFIXES else ["*"]
        keys = [smoke_key(name, "*", "*") for name in names]
        allow(grantee, ("s3:GetObject",), *(self.bucket.arn_for_objects(key) for key in keys))
        allow(grantee, ("s3:ListBucket",), self.bucket.bucket_arn)
        self._key.grant_decrypt(grantee)
        arn = self.arn_for(cast("IConstruct", grantee.grant_principal))
        accept_wildcards(grantee, [f"{arn}/{key}" for key in keys], "Versions have smoke tests of their own.")

    def arn_for(self, scope: IConstruct) -> str:
        """Give the bucket's ARN as a construct of any stack sees it."""
        arn = self.bucket.bucket_arn
        return arn if self.is_existing else across(scope, arn, self)

    def share(self, role_arn: str, models: Sequence[str]) -> None:
        """Let a role of another account read what is kept of some models; where a bucket was there, its owner must."""
        prefixes = [artifact_prefix(model) for model in models] if len(models) <= _SHARED_PREFIXES else [""]
        objects = [self.bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes]
        self.bucket.add_to_resource_policy(from_abroad(role_arn, ("s3:GetObject",), *objects))
        self.bucket.add_to_resource_policy(from_abroad(role_arn, ("s3:ListBucket",), self.bucket.bucket_arn))
        self._key.share(role_arn)

    def share_capture(self, role_arn: str, endpoints: Sequence[str]) -> None:
        """Let a role of another account add what some endpoints capture; where a bucket was there, its owner must."""
        objects = [self.bucket.arn_for_objects(f"{CAPTURES}/{name}/*") for name in endpoints[:_SHARED_PREFIXES]]
        if len(endpoints) > _SHARED_PREFIXES:
            objects = [self.bucket.arn_for_objects(f"{CAPTURES}/*")]
        self.bucket.add_to_resource_policy(from_abroad(role_arn, ("s3:PutObject",), *objects))
        self._key.share(role_arn, _CAPTURE)

    def share_answers(self, role_arn: str, endpoints: Sequence[str]) -> None:
        """Let a role of another account read what some endpoints are asked and write what they answer; as above."""
        objects = [
            self.bucket.arn_for_objects(f"{asynchronous_prefix(name)}*") for name in endpoints[:_SHARED_PREFIXES]
        ]
        if len(endpoints) > _SHARED_PREFIXES:
            objects = [self.bucket.arn_for_objects(f"{asynchronous_prefix()}*")]
        self.bucket.add_to_resource_policy(from_abroad(role_arn, ("s3:GetObject", *_ANSWER), *objects))
        self._key.share(role_arn, _CAPTURE)

    def _accept_objects(self, grantee: iam.IGrantable) -> None:
        principal = cast("IConstruct", grantee.grant_principal)
        if hasattr(principal, "node"):
            reason = "Each version has objects of its own, and any of them may be read."
            accept_wildcards(grantee, [f"{self.arn_for(principal)}/*"], reason)

    def grant_capture(self, grantee: iam.IGrantable) -> None:
        """Allow to add objects where endpoints write what they capture, and nowhere else."""
        objects = self.bucket.arn_for_objects(f"{CAPTURES}/*")
        allow(grantee, ("s3:PutObject",), objects)
        self._key.grant_encrypt(grantee)
        accept_wildcards(grantee, [objects], "SageMaker names each file of captured calls when it writes it.")

    def grant_answer(self, grantee: iam.IGrantable) -> None:
        """Allow to add objects where asynchronous endpoints answer, and nowhere else."""
        self._grant_adding(grantee, f"{asynchronous_prefix()}*")

    def grant_transform(self, grantee: iam.IGrantable) -> None:
        """Allow to add objects where batch transform answers, unless it is told another place."""
        self._grant_adding(grantee, f"{TRANSFORMS}/*")

    def _grant_adding(self, grantee: iam.IGrantable, keys: str) -> None:
        objects = self.bucket.arn_for_objects(keys)
        allow(grantee, _ANSWER, objects)
        self._key.grant_encrypt(grantee)
        accept_wildcards(grantee, [objects], _ANY_ANSWER)

    def grant_write(self, grantee: iam.IGrantable) -> None:
        """Allow to add objects and to give up an upload; never to delete one."""
        allow(grantee, ("s3:AbortMultipartUpload", "s3:PutObject"), self.objects_arn)
        self._key.grant_encrypt_decrypt(grantee)


@dataclass(frozen=True, slots=True)
class ArtifactsAbroadProps:
    """The declaration of the registry whose artifacts they are."""

    spec: RegistrySpec


class ArtifactsAbroad(Construct):
    """The bucket and the key of a registry, as an environment in another account may use them.

    CloudFormation chose their names, over there and perhaps later. So what is allowed here is more than there is, by
    the name's beginning and by the account; the policies of bucket and key name the role, and let it reach no others.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ArtifactsAbroadProps) -> None:
        """Work the names out."""
        super().__init__(scope, construct_id)
        existing, self._home = props.spec.existing, home_of(props.spec)
        name = existing.bucket or f"{registry_stack(props.spec.name).lower()[:_BUCKET_STACK_CHARS]}*"
        self._bucket_arn = f"arn:{self._home.partition}:s3:::{name}"
        self._key_arn = existing.key_arn or self._home.arn("kms", "key/*")

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Allow to read and list the registry's artifacts."""
        allow(grantee, ("s3:GetObject",), f"{self._bucket_arn}/*", conditions=self._there)
        allow(grantee, ("s3:ListBucket",), self._bucket_arn, conditions=self._there)
        allow(grantee, _READ, self._key_arn, conditions=self._by_s3)
        accept_wildcards(grantee, [f"{self._bucket_arn}/*", self._bucket_arn, self._key_arn], _ABROAD)

    def grant_capture(self, grantee: iam.IGrantable) -> None:
        """Allow to add objects where endpoints write what they capture, and nowhere else."""
        objects = f"{self._bucket_arn}/{CAPTURES}/*"
        allow(grantee, ("s3:PutObject",), objects, conditions=self._there)
        allow(grantee, _CAPTURE, self._key_arn, conditions=self._by_s3)
        accept_wildcards(grantee, [objects, self._key_arn], _ABROAD)

    def grant_answer(self, grantee: iam.IGrantable) -> None:
        """Allow to add objects where asynchronous endpoints answer, and nowhere else."""
        objects = f"{self._bucket_arn}/{asynchronous_prefix()}*"
        allow(grantee, _ANSWER, objects, conditions=self._there)
        allow(grantee, _CAPTURE, self._key_arn, conditions=self._by_s3)
        accept_wildcards(grantee, [objects, self._key_arn], _ABROAD)

    @property
    def _there(self) -> Mapping[str, Any]:
        return {"StringEquals": {"aws:ResourceAccount": self._home.account}}

    @property
    def _by_s3(self) -> Mapping[str, Any]:
        suffix = "amazonaws.com.cn" if self._home.partition == "aws-cn" else "amazonaws.com"
        return {"StringEquals": {"kms:ViaService": f"s3.{self._home.region}.{suffix}"}}


@dataclass(frozen=True, slots=True)
class LedgerProps:
    """What encrypts the ledger; the stream of the table that is there already, if it shall be that one."""

    key: RegistryKey
    existing_stream_arn: str | None = None


class Ledger(Construct):
    """The append-only history: one DynamoDB table, whose stream is the outbox of notifications.

    Entries of a model are found by version (`model`, `entry`) and by time (index `by-time`). A resource policy denies
    every principal of every policy to change or remove entries; writers put new ones. A put without a condition would
    replace an entry too, so the same policy lets nobody put but roles with the tag of `grant_append`. Of a table that
    is there already, keys, index, stream and policy are its owner's business.
    """

    def __init__(self, scope: Construct, construct_id: str, props: LedgerProps) -> None:
        """Make the table and its index, or take the table that is there."""
        super().__init__(scope, construct_id)
        self._key = props.key
        stream = props.existing_stream_arn
        self.is_existing = stream is not None
        self.table: dynamodb.ITable = self._taken(stream) if stream else self._made()

    def _taken(self, stream_arn: str) -> dynamodb.ITable:
        arn = stream_arn.partition("/stream/")[0]
        return dynamodb.Table.from_table_attributes(self, "Table", table_arn=arn, table_stream_arn=stream_arn)

    def _made(self) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            "Table",
            partition_key=_text("model"),
            sort_key=_text("entry"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            deletion_protection=True,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self._key.key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=RemovalPolicy.RETAIN,
            resource_policy=iam.PolicyDocument(statements=[_nobody_rewrites(), _only_writers_append()]),
            stream=dynamodb.StreamViewType.NEW_IMAGE,
        )
        table.add_global_secondary_index(index_name=BY_TIME, partition_key=_text("model"), sort_key=_text("at"))
        return table

    def arn_for(self, scope: IConstruct) -> str:
        """Give the table's ARN as a construct of any stack sees it."""
        arn = self.table.table_arn
        return arn if self.is_existing else across(scope, arn, self)

    @property
    def index_arn(self) -> str:
        """Give the ARN of the index by time."""
        return f"{self.table.table_arn}/index/{BY_TIME}"

    def grant_read(self, grantee: iam.IGrantable) -> None:
        """Allow to read entries."""
        allow(grantee, ("dynamodb:Query",), self.table.table_arn, self.index_arn)
        self._key.grant_decrypt(grantee)

    def grant_append(self, grantee: iam.IGrantable) -> None:
        """Allow to read entries and to put new ones."""
        self.grant_read(grantee)
        allow(grantee, ("dynamodb:PutItem",), self.table.table_arn)
        self._key.grant_encrypt_decrypt(grantee)
        Tags.of(cast("IConstruct", grantee.grant_principal)).add(*_APPENDS)

    def grant_follow(self, grantee: iam.IGrantable) -> str:
        """Allow to read the stream of new entries; give the stream's ARN."""
        stream = str(self.table.table_stream_arn)
        names = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
        allow(grantee, tuple(f"dynamodb:{name}" for name in names), stream)
        self._key.grant_decrypt(grantee)
        return stream


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def _nobody_rewrites() -> iam.PolicyStatement:
    # Transactions are judged by the actions in them. A time to live would delete entries without anybody's call.
    names = ("BatchWriteItem", "DeleteItem", "PartiQLDelete", "PartiQLUpdate", "UpdateItem", "UpdateTimeToLive")
    return iam.PolicyStatement(
        sid="NobodyRewritesHistory",
        effect=iam.Effect.DENY,
        principals=[iam.AnyPrincipal()],
        actions=[f"dynamodb:{name}" for name in names],
        # In a table's own policy `*` is that table; its ARN would refer to the table from within itself.
        resources=["*"],
    )


def _only_writers_append() -> iam.PolicyStatement:
    key, value = _APPENDS
    return iam.PolicyStatement(
        sid="OnlyWritersAppend",
        effect=iam.Effect.DENY,
        principals=[iam.AnyPrincipal()],
        actions=["dynamodb:PartiQLInsert", "dynamodb:PutItem"],
        resources=["*"],
        conditions={"StringNotEquals": {f"aws:PrincipalTag/{key}": value}},
    )
