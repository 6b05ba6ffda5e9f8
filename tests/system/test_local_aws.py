"""A bare local AWS, used as AWS: through boto3, by two identities, with events, queues, functions and endpoints."""

import io
import json
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelward.local.up import ACCOUNT, LocalAws

pytestmark = pytest.mark.system

GROUP = "digits"
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
QUEUE_ROOT = f"arn:aws:sqs:us-east-1:{ACCOUNT}:"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as started:
        admin = started.client("admin", "sagemaker")
        admin.create_model_package_group(ModelPackageGroupName=GROUP)
        yield started


def eventually(ask: Callable[[], Any], *, limit_s: float = 20.0) -> Any:
    """Ask until the answer is true; say what was last seen if it never is."""
    deadline = time.monotonic() + limit_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"still {answer!r}"
        time.sleep(0.02)
    return answer


def register(client: Any, *, url: str = "s3://bucket/model.tar.gz", status: str = "PendingManualApproval") -> str:
    arn: str = client.create_model_package(
        ModelPackageGroupName=GROUP,
        ModelApprovalStatus=status,
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "ModelDataUrl": url}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    return arn


def receive(client: Any, queue_url: str) -> Any:
    for message in client.receive_message(QueueUrl=queue_url, WaitTimeSeconds=1).get("Messages", ()):
        client.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])
    return None


def role(aws: LocalAws, name: str, *statements: dict[str, Any], service: str = "lambda.amazonaws.com") -> str:
    iam = aws.client("admin", "iam")
    trust = json.dumps(TRUST).replace("lambda.amazonaws.com", service)
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements or [allow("logs:PutLogEvents")]})
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy)
    return arn


READ_QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
READ_STREAM = ("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams")


def allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def function(aws: LocalAws, name: str, code: str, role_arn: str, **environment: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", code)
    aws.client("admin", "lambda").create_function(
        FunctionName=name,
        Runtime="python3.14",
        Handler="app.handler",
        Role=role_arn,
        Code={"ZipFile": buffer.getvalue()},
        Timeout=20,
        Environment={"Variables": environment},
    )


def test_what_an_identity_does_carries_its_name(aws: LocalAws) -> None:
    scientist, approver = aws.client("data-scientist", "sagemaker"), aws.client("approver", "sagemaker")
    arn = register(scientist)
    approver.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="accuracy holds"
    )
    version = scientist.describe_model_package(ModelPackageName=arn)
    assert version["CreatedBy"]["IamIdentity"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/data-scientist"
    assert version["LastModifiedBy"]["IamIdentity"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/approver"
    assert version["LastModifiedBy"]["IamIdentity"]["PrincipalId"].startswith("AIDA")


def test_an_identity_is_denied_what_it_may_not_do_in_the_words_of_aws(aws: LocalAws) -> None:
    scientist = aws.client("data-scientist", "sagemaker")
    arn = register(scientist)
    with pytest.raises(ClientError) as refused:
        scientist.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    assert refused.value.response["Error"] == {
        "Code": "AccessDeniedException",
        "Message": f"User: arn:aws:iam::{ACCOUNT}:user/data-scientist is not authorized to perform: "
        f"sagemaker:UpdateModelPackage on resource: {arn} "
        "because no identity-based policy allows the sagemaker:UpdateModelPackage action",
    }


def test_a_deny_on_what_a_version_is_to_become_is_heeded(aws: LocalAws) -> None:
    with pytest.raises(ClientError, match="with an explicit deny in an identity-based policy"):
        register(aws.client("data-scientist", "sagemaker"), status="Approved")


def test_a_session_leads_here_whatever_the_environment_says(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAELSEWHERE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "elsewhere")
    client = aws.session("approver").client("sts")
    assert client.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/approver"
    assert client.meta.endpoint_url == aws.endpoint_url
    client.close()


def test_parameters_are_read_only_where_each_one_may_be_read(aws: LocalAws) -> None:
    ssm = aws.client("admin", "ssm")
    for name in ("/modelward/acme/bucket", "/modelward/acme/table", "/other"):
        ssm.put_parameter(Name=name, Value=name, Type="String")
    scientist = aws.client("data-scientist", "ssm")
    found = scientist.get_parameters(Names=["/modelward/acme/bucket", "/modelward/acme/table"])["Parameters"]
    assert len(found) == 2
    for names in (["/other", "/modelward/acme/bucket"], ["/modelward/acme/bucket", "/other"]):
        with pytest.raises(ClientError, match=r"not authorized to perform: ssm:GetParameters on resource: .*/other"):
            scientist.get_parameters(Names=names)


def test_policies_that_demand_tls_let_requests_pass(aws: LocalAws) -> None:
    s3 = aws.client("admin", "s3")
    s3.create_bucket(Bucket="tls-only")
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::tls-only", "arn:aws:s3:::tls-only/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket="tls-only", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    s3.put_object(Bucket="tls-only", Key="k", Body=b"x")


def test_an_unknown_key_and_a_wrong_secret_are_refused(aws: LocalAws) -> None:
    key = aws.keys["approver"].key_id
    refusals = {("AKIAX", "x"): "security token included in the request is invalid", (key, "x"): "signature"}
    for (key_id, secret), refusal in refusals.items():
        client = aws.session().client("sagemaker", aws_access_key_id=key_id, aws_secret_access_key=secret)
        with pytest.raises(ClientError, match=refusal):
            client.list_endpoints()
        client.close()


def test_accounts_and_regions_have_registries_of_their_own(aws: LocalAws) -> None:
    other = aws.root_client("sagemaker", account="222222222222")
    arn = other.create_model_package_group(ModelPackageGroupName="theirs")["ModelPackageGroupArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:222222222222:model-package-group/theirs"
    names = aws.client("admin", "sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert [group["ModelPackageGroupName"] for group in names] == [GROUP]
    there = aws.client("admin", "sagemaker", region="eu-west-1").list_model_package_groups()
    assert there["ModelPackageGroupSummaryList"] == []


@pytest.mark.fidelity("unknown-operation")
def test_an_operation_of_the_runtime_that_is_not_there_says_so_at_once(aws: LocalAws) -> None:
    runtime = aws.client("admin", "sagemaker-runtime")
    with pytest.raises(ClientError, match=r"implement the operation InvokeEndpointWithResponseStream\."):
        runtime.invoke_endpoint_with_response_stream(EndpointName="e", Body=b"1")
    with pytest.raises(ClientError, match="implement the operation Search of TrainingJob"):
        aws.client("admin", "sagemaker").search(Resource="TrainingJob")


@pytest.mark.fidelity("unknown-operation")
def test_an_operation_that_is_not_there_says_so_at_once(aws: LocalAws) -> None:
    with pytest.raises(ClientError, match="does not implement the operation ListTrainingJobs"):
        aws.client("admin", "sagemaker").list_training_jobs()


def test_an_approval_reaches_a_queue_and_a_function_that_acts_as_its_role(aws: LocalAws) -> None:
    sqs, events = aws.client("admin", "sqs"), aws.client("admin", "events")
    inbox = sqs.create_queue(QueueName="approvals")["QueueUrl"]
    answers = sqs.create_queue(QueueName="answers")["QueueUrl"]
    pattern = {"source": ["aws.sagemaker"], "detail": {"ModelApprovalStatus": ["Approved"]}}
    rule = events.put_rule(Name="approvals", EventPattern=json.dumps(pattern))["RuleArn"]
    deliver = {
        **allow("sqs:SendMessage", resource=QUEUE_ROOT + "approvals"),
        "Principal": {"Service": "events.amazonaws.com"},
    }
    deliver["Condition"] = {"ArnEquals": {"aws:SourceArn": rule}}
    sqs.set_queue_attributes(QueueUrl=inbox, Attributes={"Policy": json.dumps({"Statement": [deliver]})})
    events.put_targets(Rule="approvals", Targets=[{"Id": "q", "Arn": QUEUE_ROOT + "approvals"}])
    code = """
import boto3, json, os
def handler(event, context):
    detail = json.loads(event["Records"][0]["body"])["detail"]
    boto3.client("sagemaker").update_model_package(
        ModelPackageArn=detail["ModelPackageArn"], CustomerMetadataProperties={"seen": "yes"})
    try:
        boto3.client("sqs").send_message(QueueUrl=os.environ["OTHER"], MessageBody="{}")
    except Exception as error:
        detail["denied"] = str(error)
    boto3.client("sqs").send_message(QueueUrl=os.environ["ANSWERS"], MessageBody=json.dumps(detail))
"""
    statements = (
        allow("sqs:SendMessage", resource=QUEUE_ROOT + "answers"),
        allow(*READ_QUEUE, resource=QUEUE_ROOT + "approvals"),
        allow("sagemaker:UpdateModelPackage", resource=f"arn:aws:sagemaker:*:*:model-package/{GROUP}/*"),
    )
    function(aws, "on-approval", code, role(aws, "on-approval-role", *statements), ANSWERS=answers, OTHER=inbox)
    aws.client("admin", "lambda").create_event_source_mapping(
        FunctionName="on-approval", EventSourceArn=QUEUE_ROOT + "approvals", BatchSize=1
    )
    arn = register(aws.client("data-scientist", "sagemaker"))
    approver = aws.client("approver", "sagemaker")
    approver.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    detail = eventually(lambda: receive(sqs, answers))
    assert detail["ModelPackageArn"] == arn
    assert detail["UpdatedModelPackageFields"] == ["ModelApprovalStatus"]
    assert "not authorized to perform: sqs:SendMessage" in detail["denied"]
    events.remove_targets(Rule="approvals", Ids=["q"])
    events.delete_rule(Name="approvals")
    version = approver.describe_model_package(ModelPackageName=arn)
    assert version["LastModifiedBy"]["IamIdentity"]["Arn"] == (
        f"arn:aws:sts::{ACCOUNT}:assumed-role/on-approval-role/on-approval"
    )


def test_a_function_sees_its_asset_and_lambdas_runtime_and_nothing_else(aws: LocalAws) -> None:
    code = """
import importlib, os
def can(name):
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True
def handler(event, context):
    return {"can": [name for name in event["names"] if can(name)], "home": sorted(os.environ)}
"""
    function(aws, "isolated", code, role(aws, "isolated-role"))
    names = ["boto3", "json", "rich", "modelward", "ministack", "numpy", "aws_lambda_powertools", "app"]
    answer = aws.client("admin", "lambda").invoke(FunctionName="isolated", Payload=json.dumps({"names": names}))
    assert json.load(answer["Payload"])["can"] == ["boto3", "json", "app"]


def test_a_function_whose_asset_lacks_a_package_fails_with_an_import_error(aws: LocalAws) -> None:
    function(aws, "incomplete", "import rich\ndef handler(event, context): return 1", role(aws, "incomplete-role"))
    answer = aws.client("admin", "lambda").invoke(FunctionName="incomplete")
    assert answer["FunctionError"]
    assert "No module named 'rich'" in answer["Payload"].read().decode()


STREAM_HANDLER = """
import boto3, json, os
sqs = boto3.client("sqs")
def handler(event, context):
    failures = []
    for record in event["Records"]:
        key = record["dynamodb"]["NewImage"]["entry"]["S"]
        sqs.send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(key))
        if key.startswith("poison"):
            failures.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
            break
    return {"batchItemFailures": failures}
"""


def test_a_stream_goes_on_at_the_record_that_failed_and_gives_it_up_after_its_retries(aws: LocalAws) -> None:
    sqs, table = aws.client("admin", "sqs"), aws.client("admin", "dynamodb")
    seen = sqs.create_queue(QueueName="seen")["QueueUrl"]
    lost = sqs.create_queue(QueueName="lost")["QueueUrl"]
    stream = table.create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": "entry", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "entry", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]["LatestStreamArn"]
    may = role(aws, "teller-role", allow("sqs:SendMessage"), allow(*READ_STREAM, resource=stream))
    function(aws, "teller", STREAM_HANDLER, may, SEEN=seen)
    aws.client("admin", "lambda").create_event_source_mapping(
        FunctionName="teller",
        EventSourceArn=stream,
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": QUEUE_ROOT + "lost"}},
    )
    for entry in ("first", "poison", "last"):
        table.put_item(TableName="ledger", Item={"entry": {"S": entry}})
    told = eventually(lambda: receive(sqs, lost))
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    aws.wait_idle()
    entries = []
    while (entry := receive(sqs, seen)) is not None:
        entries.append(entry)
    assert sorted(set(entries)) == ["first", "last", "poison"]
    assert entries.count("first") == 1
    assert entries.count("last") == 1
    assert entries.count("poison") >= 2


def test_a_message_that_fails_goes_to_the_dead_letters(aws: LocalAws) -> None:
    sqs = aws.client("admin", "sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": QUEUE_ROOT + "dead", "maxReceiveCount": 2})
    url = sqs.create_queue(QueueName="work", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "1"})["QueueUrl"]
    may = role(aws, "failing-role", allow(*READ_QUEUE, resource=QUEUE_ROOT + "work"))
    function(aws, "failing", "def handler(event, context): raise ValueError(1)", may)
    aws.client("admin", "lambda").update_function_configuration(FunctionName="failing", Timeout=1)
    aws.client("admin", "lambda").create_event_source_mapping(
        FunctionName="failing", EventSourceArn=QUEUE_ROOT + "work"
    )
    sqs.send_message(QueueUrl=url, MessageBody='{"poison": true}')
    assert eventually(lambda: receive(sqs, dead)) == {"poison": True}


SUM = """
import json
def model_fn(model_dir):
    return json.load(open(model_dir + "/weights.json"))
def predict_fn(data, model):
    return [float(sum(value * model for value in row)) for row in data]
"""


def model_archive(code: str, weights: float = 2.0) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in (("code/inference.py", code), ("weights.json", json.dumps(weights))):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


class Serving:
    """Puts archives behind one endpoint."""

    def __init__(self, aws: LocalAws, role_arn: str) -> None:
        self.aws = aws
        self.role_arn = role_arn
        self.sagemaker = aws.client("admin", "sagemaker")
        self.runtime = aws.client("data-scientist", "sagemaker-runtime")
        self.s3 = aws.client("admin", "s3")
        self.s3.create_bucket(Bucket="models")

    def config(self, name: str, archive: bytes) -> None:
        self.s3.put_object(Bucket="models", Key=f"{name}.tar.gz", Body=archive)
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=self.role_arn,
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://models/{name}.tar.gz"},
        )
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 2,
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])

    def settled(self) -> Any:
        self.aws.wait_idle()
        return self.sagemaker.describe_endpoint(EndpointName="sums")

    def ask(self, rows: list[list[float]]) -> Any:
        answer = self.runtime.invoke_endpoint(
            EndpointName="sums", ContentType="application/json", Body=json.dumps(rows)
        )
        return json.load(answer["Body"])


def test_an_endpoint_serves_its_archive_and_a_broken_successor_is_rolled_back_in_silence(aws: LocalAws) -> None:
    reading = allow("s3:GetObject", resource="arn:aws:s3:::models/*")
    serving = Serving(aws, role(aws, "execution", reading, service="sagemaker.amazonaws.com"))
    serving.config("good", model_archive(SUM))
    serving.sagemaker.create_endpoint(EndpointName="sums", EndpointConfigName="good")
    assert serving.settled()["EndpointStatus"] == "InService"
    assert serving.ask([[1, 2], [3, 4]]) == [6.0, 14.0]

    serving.config("bad", model_archive("def model_fn(d): raise RuntimeError('no weights')"))
    serving.sagemaker.update_endpoint(EndpointName="sums", EndpointConfigName="bad")
    assert serving.ask([[1, 2]]) == [6.0], "the old config serves while the new one starts"
    described = serving.settled()
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "good")
    assert serving.ask([[5]]) == [10.0]
    assert "no weights" in aws.log_file.read_text()

    serving.config("better", model_archive(SUM, 3.0))
    serving.sagemaker.update_endpoint(EndpointName="sums", EndpointConfigName="better")
    assert serving.settled()["EndpointConfigName"] == "better"
    assert serving.ask([[5]]) == [15.0]

    with pytest.raises(ClientError) as failed:
        serving.ask([["x"]])  # type: ignore[list-item]
    assert failed.value.response["Error"]["Code"] == "ModelError"
    assert failed.value.response["OriginalStatusCode"] == 500
    assert "TypeError" in failed.value.response["OriginalMessage"]

    serving.sagemaker.delete_endpoint(EndpointName="sums")
    aws.wait_idle()
    with pytest.raises(ClientError, match="Could not find endpoint"):
        serving.sagemaker.describe_endpoint(EndpointName="sums")


def test_an_archive_that_the_execution_role_may_not_read_does_not_serve(aws: LocalAws) -> None:
    s3, sagemaker = aws.client("admin", "s3"), aws.client("admin", "sagemaker")
    s3.create_bucket(Bucket="locked")
    s3.put_object(Bucket="locked", Key="m.tar.gz", Body=model_archive(SUM))
    powerless = role(aws, "powerless", allow("s3:GetObject", resource="arn:aws:s3:::other/*"))
    container = {"Image": IMAGE, "ModelDataUrl": "s3://locked/m.tar.gz"}
    sagemaker.create_model(ModelName="locked", ExecutionRoleArn=powerless, PrimaryContainer=container)
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    variant = {"VariantName": "AllTraffic", "ModelName": "locked", "ServerlessConfig": serverless}
    sagemaker.create_endpoint_config(EndpointConfigName="locked", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="locked", EndpointConfigName="locked")
    aws.wait_idle()
    assert sagemaker.describe_endpoint(EndpointName="locked")["EndpointStatus"] == "Failed"
