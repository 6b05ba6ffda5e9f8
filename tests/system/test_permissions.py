"""Rights that services and functions need on a bare local AWS: to deliver into queues, and to read from them."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from modelward.local.up import ACCOUNT, LocalAws

pytestmark = pytest.mark.system

ROOT = f"us-east-1:{ACCOUNT}:"
EVENTS = {"Service": "events.amazonaws.com"}
READ_QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
READ_STREAM = ("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams")


@dataclass
class World:
    """Queues, rules, keys, roles and functions, each with a name of its own."""

    aws: LocalAws

    def __post_init__(self) -> None:
        self.sqs = self.aws.client("admin", "sqs")
        self.events = self.aws.client("admin", "events")
        self.lambdas = self.aws.client("admin", "lambda")
        self._numbers = count()

    def name(self) -> str:
        return f"n{next(self._numbers)}"

    def queue(self, *statements: dict[str, Any], **attributes: str) -> str:
        """Make a queue; give its ARN."""
        name = self.name()
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        if statements:
            self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(*statements)})
        return f"arn:aws:sqs:{ROOT}{name}"

    def messages(self, arn: str) -> list[Any]:
        url = self.sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        answer = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        return list(answer.get("Messages", ()))

    def rule(self, *targets: str, dead: str = "") -> str:
        """Make a rule for events of a source that is named as it is, and give that name."""
        name = self.name()
        self.events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
        letters = {"DeadLetterConfig": {"Arn": dead}} if dead else {}
        self.events.put_targets(Rule=name, Targets=[{"Id": arn[-5:], "Arn": arn, **letters} for arn in targets])
        return name

    def put(self, rule: str) -> None:
        self.events.put_events(Entries=[{"Source": rule, "DetailType": "t", "Detail": '{"a": 1}'}])

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def key(self, *statements: dict[str, Any]) -> str:
        everything = allow("kms:*", principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
        made = self.aws.client("admin", "kms").create_key(Policy=document(everything, *statements))
        return str(made["KeyMetadata"]["Arn"])

    def function(self, *statements: dict[str, Any]) -> str:
        """Make a function whose role has these rights; give its name."""
        name, iam, buffer = self.name(), self.aws.client("admin", "iam"), io.BytesIO()
        trust = document({**allow("sts:AssumeRole", principal={"Service": "lambda.amazonaws.com"}), "Resource": None})
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("app.py", "def handler(event, context): return 1")
        code = {"ZipFile": buffer.getvalue()}
        self.lambdas.create_function(
            FunctionName=name, Runtime="python3.14", Handler="app.handler", Role=role, Code=code
        )
        return name

    def map(self, function: str, source: str, **settings: Any) -> str:
        """Map a source to a function; give what it is refused with."""
        try:
            self.lambdas.create_event_source_mapping(FunctionName=function, EventSourceArn=source, **settings)
        except ClientError as refused:
            told = refused.response["Error"]
            return str(told["Message"]) if told["Code"] == "InvalidParameterValueException" else str(refused)
        return ""


def allow(*actions: str, on: str = "*", principal: Any = None, by: str = "") -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    if principal:
        statement["Principal"] = principal
    if by:
        statement["Condition"] = {"ArnEquals": {"aws:SourceArn": f"arn:aws:events:{ROOT}rule/{by}"}}
    return statement


def document(*statements: dict[str, Any]) -> str:
    told = [{name: value for name, value in each.items() if value is not None} for each in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": told})


DELIVER = allow("sqs:SendMessage", principal=EVENTS)
ONLY_TLS = {
    "Effect": "Deny",
    "Principal": {"AWS": "*"},
    "Action": "sqs:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with LocalAws() as aws:
        yield World(aws)


def test_an_event_reaches_a_queue_whose_policy_lets_the_rule_send(world: World) -> None:
    inbox, dead = world.queue(DELIVER, ONLY_TLS), world.queue(DELIVER)
    world.put(world.rule(inbox, dead=dead))
    assert [json.loads(each["Body"])["detail"] for each in world.messages(inbox)] == [{"a": 1}]
    assert world.messages(dead) == []


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        pytest.param([], "no policy", id="no policy"),
        pytest.param([allow("sqs:SendMessage", principal=EVENTS, by="another")], "another rule", id="another rule"),
        pytest.param([allow("sqs:SendMessage", principal={"AWS": ACCOUNT})], "account", id="only the account"),
        pytest.param([DELIVER, {**DELIVER, "Effect": "Deny", "Principal": "*"}], "denied", id="denied"),
    ],
)
@pytest.mark.fidelity("dead-at-once")
def test_an_event_that_a_queue_does_not_permit_goes_to_the_dead_letters(
    world: World, statements: list[dict[str, Any]], why: str
) -> None:
    inbox, dead = world.queue(*statements), world.queue(DELIVER)
    rule = world.rule(inbox, dead=dead)
    world.put(rule)
    assert world.messages(inbox) == [], why
    [letter] = world.messages(dead)
    assert json.loads(letter["Body"])["source"] == rule
    told = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert told == {
        "RULE_ARN": f"arn:aws:events:{ROOT}rule/{rule}",
        "TARGET_ARN": inbox,
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": f"events.amazonaws.com is not authorized to perform: sqs:SendMessage on resource: {inbox}",
        "RETRY_ATTEMPTS": "0",
    }


def test_an_event_for_a_target_that_is_gone_goes_to_the_dead_letters(world: World) -> None:
    dead, gone = world.queue(DELIVER), [f"arn:aws:{kind}:{ROOT}gone" for kind in ("sqs", "sns", "lambda:function")]
    gone[2] = f"arn:aws:lambda:{ROOT}function:gone"
    world.put(world.rule(*gone, dead=dead))
    letters = [each["MessageAttributes"] for each in world.messages(dead)]
    assert {each["ERROR_CODE"]["StringValue"] for each in letters} == {"NO_RESOURCE"}
    assert sorted(each["TARGET_ARN"]["StringValue"] for each in letters) == sorted(gone)


def test_without_dead_letters_or_the_right_to_write_them_an_event_is_lost_and_others_are_not(world: World) -> None:
    closed, open_one = world.queue(), world.queue(DELIVER)
    world.put(world.rule(closed, open_one))
    world.put(world.rule(closed, open_one, dead=closed))
    assert world.messages(closed) == []
    assert len(world.messages(open_one)) == 2


def test_a_queue_with_a_key_takes_events_only_if_the_key_may_be_used(world: World) -> None:
    use = allow("kms:GenerateDataKey*", "kms:Decrypt", principal=EVENTS)
    dead = world.queue(DELIVER)
    for key, is_delivered in ((world.key(use), True), (world.key(), False), ("alias/aws/sqs", False)):
        inbox = world.queue(DELIVER, KmsMasterKeyId=key)
        world.put(world.rule(inbox, dead=dead))
        assert len(world.messages(inbox)) == is_delivered
        letters = world.messages(dead)
        assert len(letters) == (not is_delivered)
        if letters:
            assert letters[0]["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
            dead = world.queue(DELIVER)


def test_a_topic_and_a_function_must_let_events_in_and_a_queue_the_topic(world: World) -> None:
    sns, dead = world.aws.client("admin", "sns"), world.queue(DELIVER)
    topic = sns.create_topic(Name=world.name())["TopicArn"]
    closed = world.queue()
    inbox = world.queue(allow("sqs:SendMessage", principal={"Service": "sns.amazonaws.com"}), ONLY_TLS)
    for queue in (closed, inbox):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    function = world.function()
    target = f"arn:aws:lambda:{ROOT}function:{function}"
    rule = world.rule(topic, target, dead=dead)
    world.put(rule)
    assert len(world.messages(dead)) == 2
    policy = document(allow("sns:Publish", on=topic, principal=EVENTS))
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    world.lambdas.add_permission(
        FunctionName=function,
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=f"arn:aws:events:{ROOT}rule/{rule}",
    )
    dead = world.queue(DELIVER)
    world.events.put_targets(
        Rule=rule, Targets=[{"Id": arn[-5:], "Arn": arn, "DeadLetterConfig": {"Arn": dead}} for arn in (topic, target)]
    )
    world.put(rule)
    assert world.messages(dead) == []
    assert len(world.messages(inbox)) == 1
    assert world.messages(closed) == []


def test_what_a_service_does_by_itself_counts_as_done_by_tls(world: World) -> None:
    sns, sagemaker = world.aws.client("admin", "sns"), world.aws.client("admin", "sagemaker")
    topic = sns.create_topic(Name=world.name())["TopicArn"]
    policy = document(allow("sns:Publish", on=topic, principal=EVENTS))
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    inbox = world.queue(allow("sqs:SendMessage", principal={"Service": "sns.amazonaws.com"}), ONLY_TLS)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox)
    pattern = json.dumps({"source": ["aws.sagemaker"], "detail": {"EndpointStatus": ["DELETING", "FAILED"]}})
    world.events.put_rule(Name="endpoints", EventPattern=pattern)
    world.events.put_targets(Rule="endpoints", Targets=[{"Id": "t", "Arn": topic}])
    role = f"arn:aws:iam::{ACCOUNT}:role/nobody"
    image = "246618743249.dkr.ecr.us-west-2.amazonaws.com/image:1"
    container = {"Image": image, "ModelDataUrl": "s3://gone/model.tar.gz"}
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    world.aws.wait_idle()
    [message] = world.messages(inbox)
    assert json.loads(json.loads(message["Body"])["Message"])["detail"]["EndpointName"] == "e"


@pytest.mark.parametrize("lacking", READ_QUEUE)
def test_a_queue_is_mapped_only_if_the_role_may_do_all_that_reading_takes(world: World, lacking: str) -> None:
    queue = world.queue()
    function = world.function(allow(*(set(READ_QUEUE) - {lacking}), on=queue))
    call = lacking.removeprefix("sqs:")
    assert world.map(function, queue) == f"The provided execution role does not have permissions to call {call} on SQS"
    assert world.map(world.function(allow(*READ_QUEUE, on=queue)), queue) == ""


def test_an_encrypted_queue_is_mapped_only_if_the_role_may_decrypt(world: World) -> None:
    key = world.key()
    queue = world.queue(KmsMasterKeyId=key)
    reading = allow(*READ_QUEUE, on=queue)
    refusal = "The provided execution role does not have permissions to call Decrypt on KMS"
    assert world.map(world.function(reading), queue) == refusal
    assert world.map(world.function(reading, allow("kms:Decrypt", on=key)), queue) == ""


@pytest.mark.fidelity("mapping-needs-rights")
def test_a_stream_is_mapped_only_if_the_role_may_read_it_and_write_what_failed(world: World) -> None:
    name, lost = world.name(), world.queue()
    stream = world.aws.client("admin", "dynamodb").create_table(
        TableName=f"table-{name}",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]["LatestStreamArn"]
    settings = {"StartingPosition": "LATEST", "DestinationConfig": {"OnFailure": {"Destination": lost}}}
    refusal = world.map(world.function(allow(*READ_STREAM[:3], on=stream)), stream, **settings)
    assert refusal.startswith(f"Cannot access stream {stream}. Please ensure the role can perform the GetRecords")
    reading = allow(*READ_STREAM, on=stream)
    refusal = world.map(world.function(reading), stream, **settings)
    assert refusal == "The provided execution role does not have permissions to call SendMessage on SQS"
    assert world.map(world.function(reading, allow("sqs:SendMessage", on=lost)), stream, **settings) == ""


def test_a_mapping_whose_role_loses_the_right_rests_until_it_has_it_again(world: World) -> None:
    queue, iam = world.queue(), world.aws.client("admin", "iam")
    reading = allow(*READ_QUEUE, on=queue)
    function = world.function(reading)
    assert world.map(function, queue) == ""
    iam.delete_role_policy(RoleName=function, PolicyName="p")
    url = world.sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
    world.sqs.send_message(QueueUrl=url, MessageBody="m")
    asking = world.lambdas.list_event_source_mappings
    world.until(
        lambda: (
            "ReceiveMessage on SQS" in asking(EventSourceArn=queue)["EventSourceMappings"][0]["LastProcessingResult"]
        )
    )
    waiting = world.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    assert waiting["Attributes"]["ApproximateNumberOfMessages"] == "1"
    iam.put_role_policy(RoleName=function, PolicyName="p", PolicyDocument=document(reading))
    world.aws.wait_idle()
    assert world.messages(queue) == []


def test_a_topic_delivers_to_a_queue_with_a_key_only_if_the_key_lets_it(world: World) -> None:
    sns, principal = world.aws.client("admin", "sns"), {"Service": "sns.amazonaws.com"}
    topic = sns.create_topic(Name=world.name())["TopicArn"]
    deliver, use = allow("sqs:SendMessage", principal=principal), allow("kms:*", principal=principal)
    queues = [world.queue(deliver, KmsMasterKeyId=key) for key in (world.key(use), world.key())]
    for queue in queues:
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    sns.publish(TopicArn=topic, Message="m")
    assert [len(world.messages(queue)) for queue in queues] == [1, 0]


def test_cloudformation_is_refused_such_a_mapping_too(world: World) -> None:
    properties = {"FunctionName": world.function(), "EventSourceArn": world.queue()}
    template = {"Resources": {"Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}}}
    cloudformation = world.aws.client("admin", "cloudformation")
    cloudformation.create_stack(StackName="mapping", TemplateBody=json.dumps(template))
    described = cloudformation.describe_stacks
    world.until(lambda: described(StackName="mapping")["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE")
    events = cloudformation.describe_stack_events(StackName="mapping")["StackEvents"]
    [reason] = [each["ResourceStatusReason"] for each in events if each["ResourceStatus"] == "CREATE_FAILED"]
    assert reason.startswith("The provided execution role does not have permissions to call ReceiveMessage on SQS")
    mappings = world.lambdas.list_event_source_mappings(EventSourceArn=properties["EventSourceArn"])
    assert mappings["EventSourceMappings"] == []


def as_user(world: World, service: str, *statements: dict[str, Any]) -> Any:
    """Give a client of a new user who may do just this."""
    name, iam = world.name(), world.aws.client("admin", "iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    session: Any = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
    return session.client(service, endpoint_url=world.aws.endpoint_url)


@pytest.fixture
def vault(world: World) -> tuple[str, str]:
    """Make a bucket that encrypts with a key; give both, the key by its ARN."""
    s3, key, name = world.aws.client("admin", "s3"), world.key(), f"vault-{world.name()}"
    s3.create_bucket(Bucket=name)
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [default]})
    s3.put_object(Bucket=name, Key="there", Body=b"secret")
    return name, key


@pytest.mark.fidelity("objects-need-their-key")
def test_an_encrypted_object_is_read_and_written_only_with_leave_for_its_key(
    world: World, vault: tuple[str, str]
) -> None:
    bucket, key = vault
    both = allow("s3:*")
    with closing(as_user(world, "s3", both)) as nobody:
        with pytest.raises(ClientError, match=rf"AccessDenied.*not authorized to perform: kms:Decrypt on .*{key}"):
            nobody.get_object(Bucket=bucket, Key="there")
        with pytest.raises(ClientError, match="not authorized to perform: kms:GenerateDataKey"):
            nobody.put_object(Bucket=bucket, Key="new", Body=b"x")
        with pytest.raises(ClientError, match="not authorized to perform: kms:GenerateDataKey"):
            nobody.create_multipart_upload(Bucket=bucket, Key="new")
        with pytest.raises(ClientError, match="not authorized to perform: kms:Decrypt"):
            nobody.copy_object(Bucket=bucket, Key="new", CopySource={"Bucket": bucket, "Key": "there"})
        assert nobody.head_object(Bucket=bucket, Key="there")["ContentLength"] == 6
    with closing(as_user(world, "s3", both, allow("kms:Decrypt", on=key))) as reader:
        assert reader.get_object(Bucket=bucket, Key="there")["Body"].read() == b"secret"
        with pytest.raises(ClientError, match="kms:GenerateDataKey"):
            reader.put_object(Bucket=bucket, Key="new", Body=b"x")
    with closing(as_user(world, "s3", both, allow("kms:GenerateDataKey", on=key))) as writer:
        writer.put_object(Bucket=bucket, Key="new", Body=b"x")
        upload = {"Bucket": bucket, "Key": "parts"}
        upload["UploadId"] = writer.create_multipart_upload(**upload)["UploadId"]
        with pytest.raises(ClientError, match="kms:Decrypt"):
            writer.upload_part(**upload, PartNumber=1, Body=b"x")


def test_an_object_may_be_encrypted_with_the_key_of_aws_and_then_needs_no_leave(world: World) -> None:
    name = f"bucket-{world.name()}"
    world.aws.client("admin", "s3").create_bucket(Bucket=name)
    with closing(as_user(world, "s3", allow("s3:*"))) as anybody:
        stored = anybody.put_object(Bucket=name, Key="k", Body=b"x", ServerSideEncryption="aws:kms")
        assert stored["SSEKMSKeyId"].endswith(":alias/aws/s3")
        assert anybody.get_object(Bucket=name, Key="k")["Body"].read() == b"x"


def test_a_key_that_its_own_policy_keeps_for_one_service_is_not_used_through_another(world: World) -> None:
    via = {"StringEquals": {"kms:ViaService": "sqs.us-east-1.amazonaws.com", "kms:CallerAccount": ACCOUNT}}
    for service in ("sqs", "s3"):
        condition = json.loads(json.dumps(via).replace("sqs", service))
        everybody = {**allow("kms:*", principal={"AWS": "*"}), "Condition": condition}
        key = world.aws.client("admin", "kms").create_key(Policy=document(everybody))["KeyMetadata"]["Arn"]
        queue = world.queue(KmsMasterKeyId=key).rpartition(":")[2]
        with closing(as_user(world, "sqs", allow("sqs:*", "kms:*"))) as sender:
            url = sender.get_queue_url(QueueName=queue)["QueueUrl"]
            if service == "sqs":
                sender.send_message(QueueUrl=url, MessageBody="m")
                continue
            with pytest.raises(ClientError, match="KmsAccessDenied"):
                sender.send_message(QueueUrl=url, MessageBody="m")


def test_an_encrypted_queue_is_written_and_read_only_with_leave_for_its_key(world: World) -> None:
    key = world.key()
    name = world.queue(KmsMasterKeyId=key).rpartition(":")[2]
    with closing(as_user(world, "sqs", allow("sqs:*"), allow("kms:GenerateDataKey", on=key))) as half:
        url = half.get_queue_url(QueueName=name)["QueueUrl"]
        for call, more in ((half.send_message, {"MessageBody": "m"}), (half.receive_message, {})):
            with pytest.raises(ClientError, match=r"KmsAccessDenied.*kms:Decrypt"):
                call(QueueUrl=url, **more)
    with closing(as_user(world, "sqs", allow("sqs:*"), allow("kms:*", on=key))) as both:
        both.send_message(QueueUrl=url, MessageBody="m")
        assert both.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "m"


def test_an_encrypted_topic_is_published_to_only_with_leave_for_its_key(world: World) -> None:
    key = world.key()
    made = world.aws.client("admin", "sns").create_topic(Name=world.name(), Attributes={"KmsMasterKeyId": key})
    half = as_user(world, "sns", allow("sns:*"), allow("kms:Decrypt", on=key))
    with closing(half), pytest.raises(ClientError, match=r"KMSAccessDenied.*kms:GenerateDataKey"):
        half.publish(TopicArn=made["TopicArn"], Message="m")
    with closing(as_user(world, "sns", allow("sns:*"), allow("kms:*", on=key))) as both:
        both.publish(TopicArn=made["TopicArn"], Message="m")
