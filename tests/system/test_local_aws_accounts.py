"""Two accounts on one local AWS: A has the registry, B deploys from it; events cross by bus."""

import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelward.local.up import ACCOUNT

pytestmark = pytest.mark.system

A, B, C = ACCOUNT, "210987654321", "333333333333"
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
GROUP = f"arn:aws:sagemaker:us-east-1:{A}:model-package-group/digits"
VERSIONS = f"arn:aws:sagemaker:us-east-1:{A}:model-package/digits/*"
BUS = f"arn:aws:events:us-east-1:{B}:event-bus/"
RULES = {"Service": "events.amazonaws.com"}
DOUBLE = """
def model_fn(folder): return 2.0
def predict_fn(data, model): return [value * model for value in data]
"""


def allow(*actions: str, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("code/inference.py")
        info.size = len(DOUBLE)
        tar.addfile(info, io.BytesIO(DOUBLE.encode()))
    return buffer.getvalue()


def register(client: Any, group: str = "digits") -> str:
    specification = {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://models-of-a/m.tar.gz"}],
        "SupportedContentTypes": ["application/json"],
        "SupportedResponseMIMETypes": ["application/json"],
    }
    arn: str = client.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=specification, ModelApprovalStatus="Approved"
    )["ModelPackageArn"]
    return arn


def denial(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    return str(caught.value.response["Error"]["Message"])


@pytest.fixture(scope="module")
def owner(aws: Any) -> Any:
    client = aws.client("admin", "sagemaker")
    client.create_model_package_group(ModelPackageGroupName="digits")
    s3 = aws.client("admin", "s3")
    s3.create_bucket(Bucket="models-of-a")
    s3.put_object(Bucket="models-of-a", Key="m.tar.gz", Body=archive())
    return client


@pytest.fixture(scope="module")
def version(owner: Any) -> str:
    return register(owner)


@pytest.fixture(scope="module")
def deployer(people: Any) -> Any:
    """Give the key of somebody in B who may do everything that B's policies can allow."""
    return people.user("deployer", allow("*"), account=B)


@pytest.fixture
def share(owner: Any, document: Any) -> Any:
    """Give a function that shares the group with B for some actions, until the test is over."""

    def shared(*actions: str, principal: str = B) -> None:
        policy = document(allow(*actions, resource=[GROUP, VERSIONS], Principal={"AWS": principal}))
        owner.put_model_package_group_policy(ModelPackageGroupName="digits", ResourcePolicy=policy)

    yield shared
    owner.delete_model_package_group_policy(ModelPackageGroupName="digits")


READ = (
    "sagemaker:DescribeModelPackageGroup",
    "sagemaker:DescribeModelPackage",
    "sagemaker:BatchDescribeModelPackage",
    "sagemaker:ListModelPackages",
)


@pytest.mark.fidelity("unshared-denied")
def test_what_is_not_shared_is_denied_whether_it_exists_or_not(people: Any, deployer: Any, version: str) -> None:
    client = people.client(deployer)
    for arn in (version, version.replace("digits/", "letters/"), version.replace(A, C)):
        told = denial(lambda arn=arn: client.describe_model_package(ModelPackageName=arn))
        assert told == (
            f"User: arn:aws:iam::{B}:user/deployer is not authorized to perform: sagemaker:DescribeModelPackage "
            f"on resource: {arn} because no resource-based policy allows the sagemaker:DescribeModelPackage action"
        )


def test_not_even_the_root_of_another_account_gets_in_without_a_policy(aws: Any, version: str) -> None:
    root = aws.root_client("sagemaker", account=B)
    assert "resource-based" in denial(lambda: root.list_model_packages(ModelPackageGroupName=GROUP))


@pytest.mark.fidelity("foreign-by-arn", "shared-list")
def test_a_shared_group_is_read_from_the_other_account(people: Any, deployer: Any, version: str, share: Any) -> None:
    client = people.client(deployer)
    share(*READ)
    assert client.describe_model_package_group(ModelPackageGroupName=GROUP)["ModelPackageGroupArn"] == GROUP
    pages = client.get_paginator("list_model_packages").paginate(ModelPackageGroupName=GROUP)
    assert version in pages.search("ModelPackageSummaryList[].ModelPackageArn")
    assert client.describe_model_package(ModelPackageName=version)["ModelApprovalStatus"] == "Approved"
    assert version in client.batch_describe_model_package(ModelPackageArnList=[version])["ModelPackageSummaries"]
    listed = client.list_model_package_groups(CrossAccountFilterOption="CrossAccount")["ModelPackageGroupSummaryList"]
    assert [each["ModelPackageGroupArn"] for each in listed] == [GROUP]
    told = denial(lambda: client.update_model_package(ModelPackageArn=version, ApprovalDescription="ours"))
    assert "no resource-based policy allows the sagemaker:UpdateModelPackage action" in told
    told = denial(lambda: client.delete_model_package_group(ModelPackageGroupName=GROUP))
    assert "sagemaker:DeleteModelPackageGroup" in told


@pytest.mark.fidelity("group-policy-counts")
def test_both_accounts_must_allow(people: Any, version: str, share: Any) -> None:
    client = people.client(people.user("powerless", account=B))
    share(*READ)
    told = denial(lambda: client.describe_model_package(ModelPackageName=version))
    assert "no identity-based policy allows" in told


@pytest.mark.fidelity("batch-denied-whole")
def test_a_batch_is_denied_as_a_whole(people: Any, deployer: Any, version: str, share: Any) -> None:
    client = people.client(deployer)
    share(*READ)
    unshared = version.replace("digits/", "letters/")
    told = denial(lambda: client.batch_describe_model_package(ModelPackageArnList=[version, unshared]))
    assert f"sagemaker:BatchDescribeModelPackage on resource: {unshared}" in told


def test_a_policy_may_name_one_role_of_the_other_account(people: Any, deployer: Any, version: str, share: Any) -> None:
    role = people.role("consumer", {"AWS": B}, allow("sagemaker:*"), account=B)
    share(*READ, principal=role)
    session = people.client(deployer, "sts").assume_role(RoleArn=role, RoleSessionName="ci")["Credentials"]
    assert people.client(session).describe_model_package(ModelPackageName=version)["ModelPackageVersion"] == 1
    denial(lambda: people.client(deployer).describe_model_package(ModelPackageName=version))


@pytest.mark.fidelity("foreign-by-arn")
def test_who_registers_and_approves_from_the_other_account_is_told(
    people: Any, owner: Any, deployer: Any, share: Any
) -> None:
    client = people.client(deployer)
    share("sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage")
    arn = register(client, GROUP)
    client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected", ApprovalDescription="too slow")
    found = owner.describe_model_package(ModelPackageName=arn)
    assert arn.startswith(VERSIONS.removesuffix("*"))
    assert found["ModelApprovalStatus"] == "Rejected"
    for who in ("CreatedBy", "LastModifiedBy"):
        assert found[who]["IamIdentity"]["Arn"] == f"arn:aws:iam::{B}:user/deployer"


@pytest.mark.fidelity("foreign-deployed")
def test_a_version_of_one_account_is_served_in_the_other(
    aws: Any, people: Any, deployer: Any, version: str, share: Any, document: Any
) -> None:
    sagemaker, runtime = people.client(deployer), people.client(deployer, "sagemaker-runtime")
    reading = allow("s3:GetObject", resource="arn:aws:s3:::models-of-a/*")
    role = people.role("execution", {"Service": "sagemaker.amazonaws.com"}, reading, account=B)
    model = {"PrimaryContainer": {"ModelPackageName": version}, "ExecutionRoleArn": role}
    share(*READ)
    told = denial(lambda: sagemaker.create_model(ModelName="m", **model))
    assert f"sagemaker:CreateModel on resource: {version} because no resource-based policy" in told
    share(*READ, "sagemaker:CreateModel")
    arn = sagemaker.create_model(ModelName="m", **model)["ModelArn"]
    assert arn == f"arn:aws:sagemaker:us-east-1:{B}:model/m"
    assert sagemaker.describe_model(ModelName="m")["PrimaryContainer"]["ModelPackageName"] == version
    variant = {"VariantName": "live", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])

    sagemaker.create_endpoint(EndpointName="unreadable", EndpointConfigName="c")
    aws.wait_idle()
    assert sagemaker.describe_endpoint(EndpointName="unreadable")["EndpointStatus"] == "Failed"

    opened = document({**reading, "Principal": {"AWS": role}})
    aws.client("admin", "s3").put_bucket_policy(Bucket="models-of-a", Policy=opened)
    sagemaker.create_endpoint(EndpointName="digits", EndpointConfigName="c")
    aws.wait_idle()
    assert sagemaker.describe_endpoint(EndpointName="digits")["EndpointStatus"] == "InService"
    answer = runtime.invoke_endpoint(EndpointName="digits", ContentType="application/json", Body="[1, 2]")
    assert json.load(answer["Body"]) == [2.0, 4.0]


# Events


class Hall:
    """Sends the registry's events from A to buses of B, and queues what arrives."""

    def __init__(self, aws: Any, people: Any, document: Callable[..., str]) -> None:
        self.aws, self.people, self.document = aws, people, document
        self.here = aws.client("admin", "events")
        self.there = aws.root_client("events", account=B)
        self.sqs = aws.root_client("sqs", account=B)
        self.pattern = json.dumps({"source": ["aws.sagemaker"], "detail": {"ModelPackageGroupName": ["digits"]}})

    def send(self, rule: str, bus: str, *, role: str) -> None:
        """Let a rule of A's default bus send to a bus."""
        self.here.put_rule(Name=rule, EventPattern=self.pattern)
        self.here.put_targets(Rule=rule, Targets=[{"Id": "bus", "Arn": bus, "RoleArn": role}])

    def stop(self, rule: str) -> None:
        self.here.remove_targets(Rule=rule, Ids=["bus"])
        self.here.delete_rule(Name=rule)

    def catch(self, name: str, bus: str = "default") -> str:
        """Queue what comes to a bus of B; return the queue's URL."""
        arn = f"arn:aws:sqs:us-east-1:{B}:{name}"
        policy = self.document({**allow("sqs:SendMessage", resource=arn), "Principal": RULES})
        url: str = self.sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
        self.there.put_rule(Name=name, EventBusName=bus, EventPattern=self.pattern)
        self.there.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "q", "Arn": arn}])
        return url

    def read(self, url: str) -> list[Any]:
        """Return what has arrived; events are delivered within the call that causes them."""
        messages = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ())
        for message in messages:
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]


@pytest.fixture(scope="module")
def hall(aws: Any, people: Any, document: Any) -> Hall:
    return Hall(aws, people, document)


@pytest.fixture(scope="module")
def carrier(people: Any) -> str:
    arn: str = people.role("carrier", RULES, allow("events:PutEvents", resource=BUS + "*"))
    return arn


@pytest.mark.fidelity("events-by-bus")
def test_an_approval_crosses_to_the_bus_that_permits_it(hall: Hall, owner: Any, version: str, carrier: str) -> None:
    inbox = hall.catch("crossed")
    hall.send("crossed", BUS + "default", role=carrier)
    owner.update_model_package(ModelPackageArn=version, ApprovalDescription="before the permission")
    assert hall.read(inbox) == []
    hall.there.put_permission(Action="events:PutEvents", Principal=A, StatementId="from-a")
    owner.update_model_package(ModelPackageArn=version, ApprovalDescription="after it")
    [event] = hall.read(inbox)
    assert event["source"] == "aws.sagemaker"
    assert (event["account"], event["region"]) == (A, "us-east-1")
    assert event["resources"] == [version]
    assert event["detail"]["ApprovalDescription"] == "after it"
    hall.there.remove_permission(StatementId="from-a")
    owner.update_model_package(ModelPackageArn=version, ApprovalDescription="when it is gone")
    assert hall.read(inbox) == []
    hall.stop("crossed")


def test_a_bus_policy_is_heeded_to_its_conditions(hall: Hall, owner: Any, version: str, carrier: str) -> None:
    hall.there.create_event_bus(Name="policed")
    inbox = hall.catch("policed", "policed")
    hall.send("policed", BUS + "policed", role=carrier)
    for rule, expected in (("another", 0), ("policed", 1)):
        only = {"ArnEquals": {"aws:SourceArn": f"arn:aws:events:us-east-1:{A}:rule/{rule}"}}
        statement = allow("events:PutEvents", resource=BUS + "policed", Condition=only, Principal={"AWS": A})
        hall.there.put_permission(EventBusName="policed", Policy=hall.document(statement))
        owner.update_model_package(ModelPackageArn=version, ApprovalDescription=f"for {rule}")
        assert len(hall.read(inbox)) == expected
    hall.stop("policed")


@pytest.mark.fidelity("events-by-bus")
def test_the_role_of_a_target_must_be_allowed_and_trust_eventbridge(
    hall: Hall, owner: Any, version: str, people: Any
) -> None:
    inbox = hall.catch("roles")
    hall.there.put_permission(Action="events:PutEvents", Principal=A, StatementId="roles")
    sending = allow("events:PutEvents", resource=BUS + "*")
    powerless = people.role("no-carrier", RULES)
    distrusted = people.role("not-for-rules", {"Service": "lambda.amazonaws.com"}, sending)
    for role in (powerless, distrusted, f"arn:aws:iam::{A}:role/nobody"):
        hall.send("roles", BUS + "default", role=role)
        owner.update_model_package(ModelPackageArn=version, ApprovalDescription=role[:60])
        assert hall.read(inbox) == []
    hall.stop("roles")
    hall.there.remove_permission(StatementId="roles")


@pytest.mark.fidelity("no-third-bus")
def test_an_event_is_sent_on_to_no_third_bus(hall: Hall, owner: Any, version: str, carrier: str) -> None:
    """The note on third accounts and third buses on EventBridge's pages."""
    hall.there.put_permission(Action="events:PutEvents", Principal=A, StatementId="once")
    hall.there.create_event_bus(Name="third")
    second, third = hall.catch("second"), hall.catch("third", "third")
    hall.there.put_rule(Name="on", EventPattern=hall.pattern)
    hall.there.put_targets(Rule="on", Targets=[{"Id": "b", "Arn": BUS + "third"}])
    hall.send("second", BUS + "default", role=carrier)
    owner.update_model_package(ModelPackageArn=version, ApprovalDescription="once")
    assert len(hall.read(second)) == 1
    assert hall.read(third) == []
    hall.stop("second")
    hall.there.remove_permission(StatementId="once")


@pytest.mark.fidelity("foreign-by-arn")
def test_what_b_does_to_a_version_of_a_is_told_on_the_bus_of_a(
    hall: Hall, people: Any, deployer: Any, version: str, share: Any
) -> None:
    inbox = hall.catch("own")
    share("sagemaker:UpdateModelPackage")
    people.client(deployer).update_model_package(ModelPackageArn=version, ApprovalDescription="by b")
    assert hall.read(inbox) == []
