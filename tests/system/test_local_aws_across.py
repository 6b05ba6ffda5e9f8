"""What goes from account to account on one local AWS: each call needs leave of the caller's side and of the owner's."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelward.local.up import ACCOUNT

pytestmark = pytest.mark.system

A, B = ACCOUNT, "222222222222"
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
ROOT_OF_B = {"AWS": f"arn:aws:iam::{B}:root"}
LAMBDA = {"Service": "lambda.amazonaws.com"}
RULES = {"Service": "events.amazonaws.com"}
# Calls whatever it is told to, as another role if it is told that, too.
CALLER = """
import json
import boto3
from botocore.exceptions import ClientError

def handler(event, context):
    try:
        keys = {}
        if "role" in event:
            assumed = boto3.client("sts").assume_role(RoleArn=event["role"], RoleSessionName="rollout")["Credentials"]
            names = {"AccessKeyId": "aws_access_key_id", "SecretAccessKey": "aws_secret_access_key"}
            keys = {**{names[k]: assumed[k] for k in names}, "aws_session_token": assumed["SessionToken"]}
        answer = getattr(boto3.client(event["service"], **keys), event["call"])(**event["request"])
        told = {k: v for k, v in answer.items() if k in event.get("wanted", ())}
        return {"answer": json.loads(json.dumps(told, default=str))}
    except ClientError as error:
        return {"code": error.response["Error"]["Code"], "message": str(error)}
"""


def allow(*actions: str, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def only(arn: str) -> dict[str, Any]:
    return {"ArnEquals": {"aws:PrincipalArn": arn}}


def zipped(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", source)
    return buffer.getvalue()


class Caller:
    """A function of an account that calls AWS with the rights of its role."""

    def __init__(self, aws: Any, role: str, name: str) -> None:
        self.role, self._name = role, name
        self._lambda = aws.root_client("lambda", account=role.split(":")[4])
        self._lambda.create_function(
            FunctionName=name, Handler="app.handler", Runtime="python3.14", Role=role, Code={"ZipFile": zipped(CALLER)}
        )

    def __call__(self, service: str, call: str, request: dict[str, Any], **more: Any) -> Any:
        event = {"service": service, "call": call, "request": request, **more}
        answer = self._lambda.invoke(FunctionName=self._name, Payload=json.dumps(event))
        return json.load(answer["Payload"])


def stack(aws: Any, account: str, name: str, **resources: Any) -> dict[str, str]:
    """Create or update a stack of an account; return what Ref gives of each resource."""
    cloudformation = aws.root_client("cloudformation", account=account)
    template = {"Resources": resources, "Outputs": {key: {"Value": {"Ref": key}} for key in resources}}
    request = {"StackName": name, "TemplateBody": json.dumps(template), "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    known = [each["StackName"] for each in cloudformation.describe_stacks()["Stacks"]]
    kind = "update" if name in known else "create"
    getattr(cloudformation, f"{kind}_stack")(**request)
    cloudformation.get_waiter(f"stack_{kind}_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    return {each["OutputKey"]: each["OutputValue"] for each in outputs}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def get(name: str, attribute: str = "Arn") -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


def policy(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def messages(aws: Any, url: str, account: str = B) -> list[Any]:
    """Take what a queue holds; deliveries happen within the call that causes them."""
    sqs = aws.root_client("sqs", account=account)
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", ())
    for each in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return list(found)


# Event buses


def rollouts(account: str, bus: str, *statements: dict[str, Any]) -> dict[str, Any]:
    """Return a bus whose policy has some statements, with a rule that sends to a queue, and its dead-letter queue."""
    from_rule = {"ArnEquals": {"aws:SourceArn": get("Rule")}}
    sending = {**allow("sqs:SendMessage", Principal=RULES), "Condition": from_rule}
    target = {"Id": "q", "Arn": get("Queue"), "DeadLetterConfig": {"Arn": get("Dead")}}
    pattern = {"source": ["modelward"], "detail-type": ["Rollout Requested"], "account": [A, account]}
    rule = resource("AWS::Events::Rule", EventBusName={"Ref": "Bus"}, EventPattern=pattern, Targets=[target])
    queues = resource("AWS::SQS::QueuePolicy", Queues=[{"Ref": "Dead"}], PolicyDocument=policy(sending))
    return {
        "Bus": resource("AWS::Events::EventBus", Name=bus, Description="who wants a rollout"),
        "Queue": resource("AWS::SQS::Queue"),
        "Dead": resource("AWS::SQS::Queue"),
        "Rule": rule,
        "DeadPolicy": queues,
        "QueuePolicy": resource("AWS::SQS::QueuePolicy", Queues=[{"Ref": "Queue"}], PolicyDocument=policy(sending)),
        **{
            f"Leave{number}": resource(
                "AWS::Events::EventBusPolicy",
                EventBusName={"Ref": "Bus"},
                StatementId=f"leave-{number}",
                Statement=statement,
            )
            for number, statement in enumerate(statements)
        },
    }


def wish(bus: str, **more: Any) -> dict[str, Any]:
    entry = {"Source": "modelward", "DetailType": "Rollout Requested", "Detail": '{"model": "digits"}', **more}
    return {"Entries": [{**entry, "EventBusName": bus}]}


@pytest.fixture(scope="module")
def asking(aws: Any, people: Any) -> Caller:
    """Give a function of A that may put events on any bus, as its own policies go."""
    leave = allow("events:PutEvents", resource="arn:aws:events:*:*:event-bus/*")
    return Caller(aws, people.role("asking", LAMBDA, leave), "asking")


@pytest.mark.fidelity("put-events-abroad")
def test_a_function_puts_events_on_the_bus_of_another_account_that_lets_its_account_in(
    aws: Any, asking: Caller
) -> None:
    bus = f"arn:aws:events:us-east-1:{B}:event-bus/acme-production"
    made = stack(aws, B, "bus", **rollouts(B, "acme-production"))
    refused = asking("events", "put_events", wish(bus))
    assert refused["code"] == "AccessDeniedException"
    assert "events:PutEvents" in refused["message"]
    leave = allow("events:PutEvents", resource=bus, Principal={"AWS": f"arn:aws:iam::{A}:root"})
    stack(aws, B, "bus", **rollouts(B, "acme-production", leave))
    answer = asking("events", "put_events", wish(bus), wanted=["FailedEntryCount", "Entries"])["answer"]
    assert answer["FailedEntryCount"] == 0
    [message] = messages(aws, made["Queue"])
    event = json.loads(message["Body"])
    assert (event["account"], event["region"], event["detail"]) == (A, "us-east-1", {"model": "digits"})
    assert event["id"] == answer["Entries"][0]["EventId"]
    stack(aws, B, "bus", **rollouts(B, "acme-production"))
    assert asking("events", "put_events", wish(bus))["code"] == "AccessDeniedException"
    assert messages(aws, made["Queue"]) == []


@pytest.mark.fidelity("put-events-abroad")
def test_without_leave_of_its_own_account_nobody_puts_events_on_a_bus_that_would_take_them(
    aws: Any, people: Any
) -> None:
    bus = f"arn:aws:events:us-east-1:{B}:event-bus/open"
    leave = allow("events:PutEvents", resource=bus, Principal={"AWS": f"arn:aws:iam::{A}:root"})
    made = stack(aws, B, "open", **rollouts(B, "open", leave))
    other = allow("events:PutEvents", resource=bus.replace("open", "other"))
    powerless = Caller(aws, people.role("powerless", LAMBDA, other), "powerless")
    assert powerless("events", "put_events", wish(bus))["code"] == "AccessDeniedException"
    assert messages(aws, made["Queue"]) == []


def test_the_policy_of_a_bus_is_heeded_to_its_conditions(aws: Any, asking: Caller) -> None:
    bus = f"arn:aws:events:us-east-1:{B}:event-bus/strict"
    root = {"AWS": f"arn:aws:iam::{A}:root"}
    ours = {"StringEquals": {"events:source": "modelward", "events:detail-type": "Rollout Requested"}}
    leave = allow("events:PutEvents", resource=bus, Principal=root, Condition={**ours, **only(asking.role)})
    made = stack(aws, B, "strict", **rollouts(B, "strict", leave))
    asking("events", "put_events", wish(bus))
    assert len(messages(aws, made["Queue"])) == 1
    assert asking("events", "put_events", wish(bus, DetailType="Else"))["code"] == "AccessDeniedException"
    other = allow("events:PutEvents", resource=bus, Principal=root, Condition=only(asking.role + "-other"))
    stack(aws, B, "strict", **rollouts(B, "strict", other))
    assert asking("events", "put_events", wish(bus))["code"] == "AccessDeniedException"


def test_not_even_a_root_puts_events_on_a_bus_that_does_not_let_it_in(aws: Any) -> None:
    events = aws.root_client("events", account=B)
    for name in ("default", "nowhere"):
        with pytest.raises(ClientError, match=r"AccessDeniedException.*no resource-based policy allows"):
            events.put_events(**wish(f"arn:aws:events:us-east-1:{A}:event-bus/{name}"))


def test_entries_for_several_buses_are_answered_in_order(aws: Any, asking: Caller) -> None:
    bus = f"arn:aws:events:us-east-1:{B}:event-bus/mixed"
    leave = allow("events:PutEvents", resource=bus, Principal={"AWS": A})
    made = stack(aws, B, "mixed", **rollouts(B, "mixed", leave))
    entries = [*wish("default")["Entries"], *wish(bus, Source="aws.fake")["Entries"], *wish(bus)["Entries"]]
    answer = asking("events", "put_events", {"Entries": entries}, wanted=["FailedEntryCount", "Entries"])["answer"]
    assert [each.get("ErrorCode") for each in answer["Entries"]] == [None, "NotAuthorizedForSourceException", None]
    assert answer["FailedEntryCount"] == 1
    assert len(messages(aws, made["Queue"])) == 1


def test_within_an_account_a_bus_needs_no_policy_and_what_a_queue_refuses_is_dead(aws: Any, asking: Caller) -> None:
    template = rollouts(A, "home")
    made = stack(aws, A, "home", **template)
    asking("events", "put_events", wish("home"))
    asking("events", "put_events", wish(f"arn:aws:events:us-east-1:{A}:event-bus/home"))
    assert len(messages(aws, made["Queue"], A)) == 2
    for_another = {"ArnEquals": {"aws:SourceArn": f"arn:aws:events:us-east-1:{A}:rule/home/another"}}
    statement = {**allow("sqs:SendMessage", Principal=RULES), "Condition": for_another}
    template["QueuePolicy"]["Properties"]["PolicyDocument"] = policy(statement)
    stack(aws, A, "home", **template)
    asking("events", "put_events", wish("home"))
    assert messages(aws, made["Queue"], A) == []
    [dead] = messages(aws, made["Dead"], A)
    assert dead["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"


def test_a_statement_of_a_bus_policy_belongs_to_its_stack(aws: Any) -> None:
    events = aws.root_client("events", account=B)
    template = rollouts(B, "kept", allow("events:PutEvents", Principal={"AWS": A}))
    template["Old"] = resource(
        "AWS::Events::EventBusPolicy",
        EventBusName={"Ref": "Bus"},
        StatementId="old",
        Action="events:PutEvents",
        Principal=A,
    )
    stack(aws, B, "kept", **template)
    events.put_permission(EventBusName="kept", Action="events:PutEvents", Principal=A, StatementId="by-hand")
    told = json.loads(events.describe_event_bus(Name="kept")["Policy"])["Statement"]
    assert sorted(each["Sid"] for each in told) == ["by-hand", "leave-0", "old"]
    del template["Old"]
    stack(aws, B, "kept", **template)
    told = json.loads(events.describe_event_bus(Name="kept")["Policy"])["Statement"]
    assert sorted(each["Sid"] for each in told) == ["by-hand", "leave-0"]


# Roles


@pytest.fixture(scope="module")
def registry(aws: Any, document: Any) -> Any:
    """Give SageMaker's client of A's administrator, where a group, a table with a key, and a parameter are."""
    sagemaker = aws.client("admin", "sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="digits")
    kms = aws.client("admin", "kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    aws.client("admin", "dynamodb").create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    aws.client("admin", "ssm").put_parameter(Name="/modelward/acme/bucket", Value="models", Type="String")
    return sagemaker


def version_of(sagemaker: Any, url: str = "s3://models-of-a/m.tar.gz") -> str:
    containers = [{"Image": IMAGE, "ModelDataUrl": url}]
    served = {"SupportedContentTypes": ["application/json"], "SupportedResponseMIMETypes": ["application/json"]}
    made = sagemaker.create_model_package(
        ModelPackageGroupName="digits",
        InferenceSpecification={"Containers": containers, **served},
        ModelApprovalStatus="Approved",
    )
    return str(made["ModelPackageArn"])


@pytest.mark.parametrize("path", ["/", "/modelward/rollouts/"])
def test_a_function_assumes_a_role_that_trusts_its_role_alone_and_works_there(
    aws: Any, people: Any, registry: Any, document: Any, path: str
) -> None:
    name = path.strip("/").replace("/", "-") or "plain"
    target = f"arn:aws:iam::{A}:role/acme-{name}-registry"
    role = people.role(name, LAMBDA, allow("sts:AssumeRole", resource=target), account=B, Path=path)
    other = people.role(f"{name}-2", LAMBDA, allow("sts:AssumeRole", resource=target), account=B, Path=path)
    idle = people.role(f"{name}-3", LAMBDA, account=B, Path=path)
    assert role == f"arn:aws:iam::{B}:role{path}{name}"
    iam = aws.root_client("iam")
    trust = {"Effect": "Allow", "Principal": ROOT_OF_B, "Action": "sts:AssumeRole", "Condition": only(role)}
    tags = [{"Key": "modelward:writes", "Value": "ledger"}]
    iam.create_role(RoleName=f"acme-{name}-registry", AssumeRolePolicyDocument=document(trust), Tags=tags)
    work = allow("sagemaker:Search", "sagemaker:UpdateModelPackage", "ssm:GetParameters", "dynamodb:PutItem", "kms:*")
    iam.put_role_policy(RoleName=f"acme-{name}-registry", PolicyName="p", PolicyDocument=document(work))

    call = Caller(aws, role, name)
    searched = call("sagemaker", "search", {"Resource": "ModelPackageGroup"}, role=target, wanted=["Results"])
    found = [each["ModelPackageGroup"]["ModelPackageGroupArn"] for each in searched["answer"]["Results"]]
    assert f"arn:aws:sagemaker:us-east-1:{A}:model-package-group/digits" in found
    asked = {"Names": ["/modelward/acme/bucket"]}
    read = call("ssm", "get_parameters", asked, role=target, wanted=["Parameters"])["answer"]["Parameters"]
    assert read[0]["Value"] == "models"
    item = {"TableName": "ledger", "Item": {"key": {"S": name}}}
    assert "answer" in call("dynamodb", "put_item", item, role=target)
    package = version_of(registry)
    change = {"ModelPackageArn": package, "ApprovalDescription": "served"}
    assert "answer" in call("sagemaker", "update_model_package", change, role=target)
    who = registry.describe_model_package(ModelPackageName=package)["LastModifiedBy"]["IamIdentity"]["Arn"]
    assert who == f"arn:aws:sts::{A}:assumed-role/acme-{name}-registry/rollout"

    # A's table is nobody's in B, and who is not trusted by A, or not permitted by B, does not become the role.
    assert call("dynamodb", "put_item", item)["code"] == "AccessDeniedException"
    for stranger in (other, idle):
        told = Caller(aws, stranger, stranger.rpartition("/")[2])("sagemaker", "search", {}, role=target)
        assert told["code"] == "AccessDenied"
    if path == "/":
        iam.put_role_policy(RoleName=f"acme-{name}-registry", PolicyName="p", PolicyDocument=document(allow("x:None")))
        assert call("dynamodb", "put_item", item, role=target)["code"] == "AccessDeniedException"


def test_the_policy_of_a_table_sees_the_tags_of_the_role_that_was_assumed(
    aws: Any, people: Any, registry: Any, document: Any
) -> None:
    table = f"arn:aws:dynamodb:us-east-1:{A}:table/ledger"
    untagged = {"StringNotEquals": {"aws:PrincipalTag/modelward:writes": "ledger"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "dynamodb:PutItem", "Resource": table, "Condition": untagged}
    call = Caller(aws, people.role("tagging", LAMBDA, allow("sts:AssumeRole"), account=B), "tagging")
    item = {"TableName": "ledger", "Item": {"key": {"S": "tagged"}}}
    put = allow("dynamodb:PutItem")
    tagged = people.role("tagged", ROOT_OF_B, put, Tags=[{"Key": "modelward:writes", "Value": "ledger"}])
    plain = people.role("untagged", ROOT_OF_B, put)
    database = aws.root_client("dynamodb")
    database.put_resource_policy(ResourceArn=table, Policy=document(deny))
    try:
        assert "answer" in call("dynamodb", "put_item", item, role=tagged)
        assert "explicit deny" in call("dynamodb", "put_item", item, role=plain)["message"]
    finally:
        database.delete_resource_policy(ResourceArn=table)


def test_a_role_that_is_assumed_from_the_registry_looks_at_endpoints(
    aws: Any, people: Any, endpoint: Callable[..., Any], document: Any
) -> None:
    endpoint("looked-at", people.role("reads-nothing", {"Service": "sagemaker.amazonaws.com"}, account=B))
    look = people.role("acme-look", {"AWS": f"arn:aws:iam::{A}:root"}, allow("sagemaker:DescribeEndpoint"), account=B)
    call = Caller(aws, people.role("looking", LAMBDA, allow("sts:AssumeRole", resource=look)), "looking")
    request = {"EndpointName": "looked-at"}
    told = call("sagemaker", "describe_endpoint", request, role=look, wanted=["EndpointArn"])["answer"]
    assert told["EndpointArn"] == f"arn:aws:sagemaker:us-east-1:{B}:endpoint/looked-at"
    assert call("sagemaker", "describe_endpoint_config", {"EndpointConfigName": "looked-at"}, role=look)["code"] == (
        "AccessDeniedException"
    )
    strangers = Caller(aws, people.role("not-looking", LAMBDA), "not-looking")
    assert strangers("sagemaker", "describe_endpoint", request, role=look)["code"] == "AccessDenied"


# Groups


@pytest.mark.fidelity("principal-arn-in-group-policy")
def test_the_policy_of_a_group_in_a_template_lets_one_role_of_another_account_deploy_its_versions(
    aws: Any, people: Any
) -> None:
    execution = people.role("for-models", {"Service": "sagemaker.amazonaws.com"}, account=B)
    work = allow("sagemaker:CreateModel", "sagemaker:DescribeModelPackage", "iam:PassRole")
    ours, others = (Caller(aws, people.role(n, LAMBDA, work, account=B), n) for n in ("deploying", "not-deploying"))
    versions = f"arn:aws:sagemaker:us-east-1:{A}:model-package/letters/*"

    def group(*statements: Any) -> dict[str, Any]:
        shared = {"ModelPackageGroupPolicy": policy(*statements)} if statements else {}
        return {"Group": resource("AWS::SageMaker::ModelPackageGroup", ModelPackageGroupName="letters", **shared)}

    stack(aws, A, "letters", **group())
    served = {"SupportedContentTypes": ["application/json"], "SupportedResponseMIMETypes": ["application/json"]}
    package = aws.client("admin", "sagemaker").create_model_package(
        ModelPackageGroupName="letters",
        InferenceSpecification={"Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://m/m.tar.gz"}], **served},
        ModelApprovalStatus="Approved",
    )["ModelPackageArn"]
    container = {"PrimaryContainer": {"ModelPackageName": package}, "ExecutionRoleArn": execution}

    def create(call: Caller, name: str) -> Any:
        return call("sagemaker", "create_model", {"ModelName": name, **container}).get("code")

    assert create(ours, "before") == "AccessDeniedException"
    leave = allow("sagemaker:CreateModel", resource=versions, Principal=ROOT_OF_B, Condition=only(ours.role))
    stack(aws, A, "letters", **group(leave))
    assert create(ours, "letters-1") is None
    assert create(others, "letters-2") == "AccessDeniedException"
    narrower = allow("sagemaker:DescribeModelPackage", resource=versions, Principal=ROOT_OF_B)
    stack(aws, A, "letters", **group(narrower))
    assert create(ours, "letters-3") == "AccessDeniedException"
    assert ours("sagemaker", "describe_model_package", {"ModelPackageName": package}).get("code") is None


# Artifacts


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        source = b"def model_fn(folder): return 2.0\ndef predict_fn(data, model): return [v * model for v in data]\n"
        info = tarfile.TarInfo("code/inference.py")
        info.size = len(source)
        tar.addfile(info, io.BytesIO(source))
    return buffer.getvalue()


class Vault:
    """A bucket of A with a key of A, whose policies can be set."""

    def __init__(self, aws: Any, document: Callable[..., str]) -> None:
        self._s3, self._kms, self._document = aws.root_client("s3"), aws.root_client("kms"), document
        self.key = self._kms.create_key()["KeyMetadata"]["Arn"]
        self.let_use()
        self._s3.create_bucket(Bucket="vault-of-a")
        self._s3.put_object(
            Bucket="vault-of-a",
            Key="m.tar.gz",
            Body=archive(),
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=self.key,
        )

    def let_use(self, *statements: dict[str, Any]) -> None:
        """Let the key be used by its own account and as the statements say."""
        own = allow("kms:*", Principal={"AWS": f"arn:aws:iam::{A}:root"})
        self._kms.put_key_policy(KeyId=self.key, PolicyName="default", Policy=self._document(own, *statements))

    def let_read(self, *statements: dict[str, Any]) -> None:
        """Let the bucket be read as the statements say."""
        closed = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:DeleteBucket",
            "Resource": "arn:aws:s3:::vault-of-a",
        }
        self._s3.put_bucket_policy(Bucket="vault-of-a", Policy=self._document(closed, *statements))


OBJECTS = "arn:aws:s3:::vault-of-a/*"


@pytest.fixture(scope="module")
def vault(aws: Any, document: Any) -> Vault:
    return Vault(aws, document)


@pytest.fixture(scope="module")
def endpoint(aws: Any) -> Callable[..., Any]:
    """Give a function that creates an endpoint of an archive and a role, and tells what becomes of it."""

    def create(name: str, role: str, url: str = "s3://vault-of-a/m.tar.gz") -> Any:
        sagemaker = aws.root_client("sagemaker", account=role.split(":")[4])
        container = {"Image": IMAGE, "ModelDataUrl": url}
        sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
        variant = {"VariantName": "live", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        aws.wait_idle()
        return sagemaker.describe_endpoint(EndpointName=name)

    return create


def execution_role(aws: Any, document: Any, name: str, account: str, trusting: str, *statements: Any) -> str:
    iam = aws.root_client("iam", account=account)
    own = {
        "StringEquals": {"aws:SourceAccount": trusting},
        "ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:*:{trusting}:*"},
    }
    service = {"Service": "sagemaker.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole", "Condition": own}
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements or (allow("x:None"),)))
    return arn


READ, DECRYPT = allow("s3:GetObject", resource=OBJECTS), allow("kms:Decrypt")


def is_without_its_model(told: Any) -> bool:
    """Tell whether an endpoint failed because the model could not be read, and says so."""
    is_told = "permissions to download the model" in told.get("FailureReason", "")
    return bool(told["EndpointStatus"] == "Failed" and is_told and "s3://vault-of-a/" in told["FailureReason"])


@pytest.mark.fidelity("artifact-by-role")
def test_an_endpoint_reads_its_model_if_its_role_the_bucket_and_the_key_permit_it(
    aws: Any, vault: Vault, endpoint: Callable[..., Any], document: Any
) -> None:
    role = execution_role(aws, document, "acme-production-models", B, B, READ, DECRYPT)
    reading = allow("s3:GetObject", resource=OBJECTS, Principal=ROOT_OF_B, Condition=only(role))
    using = allow("kms:Decrypt", Principal=ROOT_OF_B, Condition=only(role))
    via_s3 = {**using, "Condition": {**only(role), "StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}}
    vault.let_use(via_s3)
    vault.let_read(reading)
    assert endpoint("good", role)["EndpointStatus"] == "InService"
    vault.let_read()
    assert is_without_its_model(endpoint("bucket-closed", role))
    vault.let_read({**reading, "Condition": only(role + "-other")})
    assert is_without_its_model(endpoint("bucket-for-another", role))
    vault.let_read(reading)
    vault.let_use()
    assert is_without_its_model(endpoint("key-closed", role))
    vault.let_use({**using, "Condition": only(role + "-other")})
    assert is_without_its_model(endpoint("key-for-another", role))
    vault.let_use(using)
    for name, statements in (("no-read", [DECRYPT]), ("no-decrypt", [READ])):
        weak = execution_role(aws, document, name, B, B, *statements)
        everybody = {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{B}:role/*"}}
        vault.let_read({**reading, "Condition": everybody})
        vault.let_use({**using, "Condition": everybody})
        assert is_without_its_model(endpoint(name, weak)), name


@pytest.mark.fidelity("artifact-by-role")
def test_within_an_account_the_role_is_asked_for_the_object_and_for_its_key(
    aws: Any, vault: Vault, endpoint: Callable[..., Any], document: Any
) -> None:
    vault.let_use()
    vault.let_read()
    good = execution_role(aws, document, "home-models", A, A, READ, DECRYPT)
    assert endpoint("home-good", good)["EndpointStatus"] == "InService"
    for name, statements in (("home-no-read", [DECRYPT]), ("home-no-decrypt", [READ])):
        weak = execution_role(aws, document, name, A, A, *statements)
        assert is_without_its_model(endpoint(name, weak)), name
    assert is_without_its_model(endpoint("home-no-object", good, "s3://vault-of-a/other.tar.gz"))


@pytest.mark.fidelity("artifact-by-role")
def test_a_role_that_does_not_trust_sagemaker_for_its_account_reads_no_model(
    aws: Any, vault: Vault, endpoint: Callable[..., Any], document: Any
) -> None:
    vault.let_use()
    vault.let_read()
    distrusting = execution_role(aws, document, "for-others-models", A, B, READ, DECRYPT)
    assert is_without_its_model(endpoint("distrusted", distrusting))


def test_a_bucket_may_be_encrypted_with_another_accounts_key_that_permits_it(
    aws: Any, vault: Vault, people: Any
) -> None:
    aws.root_client("s3", account=B).create_bucket(Bucket="copies-of-b")
    generating = allow("kms:GenerateDataKey", "kms:Decrypt", Principal=ROOT_OF_B)
    user = people.client(people.user("copying", allow("s3:*"), allow("kms:*"), account=B), "s3")
    weak = people.client(people.user("without-keys", allow("s3:*"), account=B), "s3")

    def put(client: Any, key: str = vault.key) -> str:
        request = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
        try:
            client.put_object(Bucket="copies-of-b", Key="m", Body=b"x", **request)
        except ClientError as error:
            return str(error)
        return "done"

    vault.let_use()
    assert "no resource-based policy allows the kms:GenerateDataKey action" in put(user)
    assert "no resource-based policy" in put(user, vault.key[:-1] + "x"), "a key that is not there permits nothing"
    vault.let_use(generating)
    assert put(user) == "done"
    assert "no identity-based policy allows the kms:GenerateDataKey action" in put(weak)
    assert user.get_object(Bucket="copies-of-b", Key="m")["Body"].read() == b"x"
    vault.let_use()
    with pytest.raises(ClientError, match="kms:Decrypt"):
        user.get_object(Bucket="copies-of-b", Key="m")
    with pytest.raises(ClientError, match="kms:Decrypt"):
        aws.root_client("s3", account=B).get_object(Bucket="copies-of-b", Key="m")


def test_a_bucket_lets_in_whom_its_policy_names_and_the_root_of_an_account_that_it_names(
    aws: Any, vault: Vault, people: Any
) -> None:
    reading = allow("s3:GetObject", resource=OBJECTS, Principal=ROOT_OF_B)
    vault.let_use(allow("kms:Decrypt", Principal=ROOT_OF_B))
    root = aws.root_client("s3", account=B)
    named = people.client(people.user("named", allow("s3:*"), allow("kms:*"), account=B), "s3")
    others = people.client(people.user("not-named", allow("s3:*"), allow("kms:*"), account=B), "s3")

    def is_read(client: Any) -> bool:
        try:
            client.get_object(Bucket="vault-of-a", Key="m.tar.gz")
        except client.exceptions.ClientError:
            return False
        return True

    vault.let_read()
    assert [is_read(client) for client in (root, named, others)] == [False, False, False]
    vault.let_read(reading)
    assert [is_read(client) for client in (root, named, others)] == [True, True, True]
    vault.let_read({**reading, "Condition": only(f"arn:aws:iam::{B}:user/named")})
    assert [is_read(client) for client in (root, named, others)] == [False, True, False]
    other_than = {"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{B}:user/named"}}
    vault.let_read({**reading, "Condition": other_than})
    assert [is_read(client) for client in (root, named, others)] == [True, False, True]


# Repositories of images, and alarms


def test_a_repository_of_images_is_made_as_its_template_says(aws: Any) -> None:
    pulling = allow("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", Principal=ROOT_OF_B)
    pulling.pop("Resource")
    rule = {"rulePriority": 1, "selection": {"tagStatus": "untagged"}, "action": {"type": "expire"}}
    rule["selection"] |= {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": 30}
    life_cycle = json.dumps({"rules": [rule]})
    repository = resource(
        "AWS::ECR::Repository",
        RepositoryName="acme/images",
        ImageScanningConfiguration={"ScanOnPush": True},
        ImageTagMutability="IMMUTABLE",
        EncryptionConfiguration={"EncryptionType": "KMS", "KmsKey": get("Key")},
        LifecyclePolicy={"LifecyclePolicyText": life_cycle},
        RepositoryPolicyText=policy(pulling),
        Tags=[{"Key": "modelward:registry", "Value": "acme"}],
    )
    key = resource("AWS::KMS::Key", KeyPolicy=policy(allow("kms:*", Principal={"AWS": f"arn:aws:iam::{A}:root"})))
    made = stack(aws, A, "images", Key=key, Repository=repository)
    ecr = aws.client("admin", "ecr")
    [found] = ecr.describe_repositories(repositoryNames=["acme/images"])["repositories"]
    assert found["imageTagMutability"] == "IMMUTABLE"
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    assert found["encryptionConfiguration"]["kmsKey"].endswith(made["Key"])
    told = json.loads(ecr.get_repository_policy(repositoryName="acme/images")["policyText"])
    assert told["Statement"] == [pulling]
    kept = ecr.get_lifecycle_policy(repositoryName="acme/images")["lifecyclePolicyText"]
    assert json.loads(kept) == json.loads(life_cycle)


@pytest.mark.fidelity("alarm-needs-leave")
def test_an_alarm_is_told_on_an_encrypted_topic_whose_key_and_policy_let_cloudwatch_in(aws: Any) -> None:
    cloudwatch = {"Service": "cloudwatch.amazonaws.com"}
    own = allow("kms:*", Principal={"AWS": f"arn:aws:iam::{B}:root"})
    encrypting = allow("kms:Decrypt", "kms:GenerateDataKey*", Principal=cloudwatch)
    encrypting["Condition"] = {"StringEquals": {"aws:SourceAccount": B}}
    queue = allow("sqs:SendMessage", Principal={"Service": "sns.amazonaws.com"})

    def template(*key: Any, topic: Any = None) -> dict[str, Any]:
        leave = topic or allow("sns:Publish", resource={"Ref": "Topic"}, Principal=cloudwatch)
        return {
            "Key": resource("AWS::KMS::Key", KeyPolicy=policy(own, *key)),
            "Topic": resource("AWS::SNS::Topic", KmsMasterKeyId=get("Key")),
            "TopicPolicy": resource("AWS::SNS::TopicPolicy", Topics=[{"Ref": "Topic"}], PolicyDocument=policy(leave)),
            "Alarm": resource(
                "AWS::CloudWatch::Alarm",
                AlarmName="too-many",
                Namespace="acme",
                MetricName="Errors",
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanThreshold",
                TreatMissingData="notBreaching",
                AlarmActions=[{"Ref": "Topic"}],
            ),
            "Inbox": resource("AWS::SQS::Queue"),
            "Leave": resource("AWS::SQS::QueuePolicy", Queues=[{"Ref": "Inbox"}], PolicyDocument=policy(queue)),
            "Subscription": resource(
                "AWS::SNS::Subscription", TopicArn={"Ref": "Topic"}, Protocol="sqs", Endpoint=get("Inbox")
            ),
        }

    made = stack(aws, B, "alarms", **template(encrypting))
    alarms = aws.root_client("cloudwatch", account=B)

    def told() -> int:
        for state in ("OK", "ALARM"):
            alarms.set_alarm_state(AlarmName="too-many", StateValue=state, StateReason="for the test")
        return len(messages(aws, made["Inbox"]))

    assert told() == 1
    stack(aws, B, "alarms", **template())
    assert told() == 0
    closed = allow("sns:Publish", resource={"Ref": "Topic"}, Principal=RULES)
    stack(aws, B, "alarms", **template(encrypting, topic=closed))
    assert told() == 0
    stack(aws, B, "alarms", **template(encrypting))
    assert told() == 1
