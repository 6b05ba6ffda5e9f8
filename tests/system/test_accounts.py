"""Three accounts and one registry: `examples/multi-account`, as `cdk deploy --all` makes it, on a local AWS."""

import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from modelward import bootstrap
from modelward.core.errors import AccessError
from modelward.local.identities import AccessKey
from modelward.local.up import LocalAws
from modelward.services.registry import Model, Version

pytestmark = pytest.mark.system

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "multi-account"
BUS = "acme-production-rollouts"
HOME, STAGING, PRODUCTION = "111111111111", "222222222222", "333333333333"
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
CODE = """
def model_fn(folder): return {answer!r}
def predict_fn(data, model): return model
"""


def eventually(look: Callable[[], Any], *, limit_s: float = 30.0) -> Any:
    deadline = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"still {found!r}"
        time.sleep(0.05)
    return found


class World:
    """The three accounts, and people of the registry's."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self.aws, self.folder = aws, folder
        self.stacks = {stack.name: stack for stack in aws.deploy(FOLDER, io.StringIO())}

    def digits(self, whose: str = "approver") -> Model:
        return bootstrap.connect(FOLDER / "registry.toml", session=self.aws.session(whose)).model("digits")

    def register(self, answer: str) -> Version:
        path = self.pack(CODE.format(answer=answer))
        return self.digits("data-scientist").register(path, IMAGE, {"accuracy": 0.95}, notes=answer)

    def pack(self, code: str) -> Path:
        path, data = self.folder / "model.tar.gz", code.encode()
        with tarfile.open(path, "w:gz") as tar:
            info = tarfile.TarInfo("code/inference.py")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        return path

    def answer(self, account: str, endpoint: str) -> str:
        runtime = self.aws.root_client("sagemaker-runtime", account=account)
        body = runtime.invoke_endpoint(EndpointName=endpoint, Body=b"[1]", ContentType="application/json")["Body"]
        return str(json.loads(body.read()))

    def endpoints(self, account: str) -> list[str]:
        found = self.aws.root_client("sagemaker", account=account).list_endpoints()["Endpoints"]
        return [each["EndpointName"] for each in found]

    def kinds(self, version: Version) -> list[tuple[str, str]]:
        entries = self.digits().history()
        return [(each.kind.value, each.environment) for each in reversed(entries) if each.version == version.version]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with LocalAws(account=HOME) as aws:
        yield World(aws, tmp_path_factory.mktemp("artifacts"))


def released(world: World, answer: str) -> Version:
    version = world.register(answer)
    version = world.digits().version(version.version)
    version.approve(reason="figures are fine")
    world.digits().deploy("staging", timeout_s=60)
    version.promote("Production", reason="released")
    world.digits().deploy("production", timeout_s=60)
    return version.refresh()


def live(world: World) -> Version:
    """Give what production serves, if there is anything."""
    return world.digits().current("Production") or released(world, "some")


def test_a_version_goes_from_account_to_account_until_production_serves_it(world):
    version = released(world, "one")
    assert world.answer(PRODUCTION, "digits-production") == "one"
    assert (world.endpoints(HOME), world.endpoints(STAGING)) == ([], ["digits-staging"])
    assert version.stage_status == "Approved"
    assert ("verified", "staging") in world.kinds(version)
    assert ("verified", "production") in world.kinds(version)


def test_people_of_the_registry_see_what_a_rollout_abroad_would_do(world):
    before = live(world).notes
    assert world.digits().plan_deploy("production").is_empty
    third = world.register("three")
    version = world.digits().version(third.version)
    version.approve(reason="figures are fine")
    world.digits().deploy("staging", timeout_s=60)
    assert world.digits().plan_deploy("staging").is_empty
    assert world.answer(STAGING, "digits-staging") == "three"
    assert world.answer(PRODUCTION, "digits-production") == before


def test_a_rejection_brings_the_version_before_back_in_another_account(world):
    first, second = live(world), released(world, "five")
    served = first.notes
    assert world.answer(PRODUCTION, "digits-production") == "five"
    second.reject(reason="users complain")
    eventually(lambda: world.answer(PRODUCTION, "digits-production") == served)
    eventually(lambda: first.refresh().stage_status == "Approved" and first.refresh().stage == "Production")


def test_a_rollout_that_fails_abroad_is_told_at_home_and_serves_on(world):
    good = live(world)
    before = world.answer(STAGING, "digits-staging")
    bad = world.digits("data-scientist").register(
        world.pack("def model_fn(folder): raise RuntimeError('no weights')"), IMAGE, {"accuracy": 0.95}
    )
    version = world.digits().version(bad.version)
    version.approve(reason="figures are fine")
    eventually(lambda: version.refresh().stage_status == "Rejected", limit_s=60)
    assert ("failed", "staging") in world.kinds(version)
    assert world.answer(STAGING, "digits-staging") == before
    assert world.digits().version(good.version).stage == "Production"


def test_a_request_that_gets_lost_is_found_by_the_sweep_of_that_account(world):
    before = live(world).notes
    version = world.digits().version(world.register("eight").version)
    version.approve(reason="figures are fine")
    world.digits().deploy("staging", timeout_s=60)
    events = world.aws.root_client("events", account=PRODUCTION)
    [rule] = [each["Name"] for each in events.list_rules(EventBusName=BUS)["Rules"]]
    events.disable_rule(Name=rule, EventBusName=BUS)
    version.promote("Production", reason="released")
    world.aws.wait_idle()
    assert world.answer(PRODUCTION, "digits-production") == before
    _look_before_the_rollout(world)
    events.enable_rule(Name=rule, EventBusName=BUS)
    sqs = world.aws.root_client("sqs", account=PRODUCTION)
    url = sqs.get_queue_url(QueueName="acme-production-rollouts")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"sweep": True}))
    eventually(lambda: world.answer(PRODUCTION, "digits-production") == "eight")


def _look_before_the_rollout(world):
    """People of the registry's account see whether the roles of the other one are as the rollout needs them."""
    line = world.digits("admin")
    told = {each.subject: each.text for each in line.preflight("production", line.plan_deploy("production"))}
    role = f"role arn:aws:iam::{PRODUCTION}:role/acme-production-models"
    assert told[role] == "is there, and SageMaker may take it on"
    assert told["right to pass that role"] == "acme-production-rollout has it"


def test_an_administrator_of_production_has_no_part_in_the_registry_but_what_the_roles_have(world):
    version = live(world)
    iam = world.aws.root_client("iam", account=PRODUCTION)
    iam.create_user(UserName="root-of-production")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="root-of-production", PolicyName="all", PolicyDocument=json.dumps(everything))
    made = iam.create_access_key(UserName="root-of-production")["AccessKey"]
    key = AccessKey(made["AccessKeyId"], made["SecretAccessKey"])
    bucket, _, path = version.artifact_uri.removeprefix("s3://").partition("/")
    table = bootstrap.context_of(FOLDER / "registry.toml", session=world.aws.session("admin")).settings.table_arn

    def refused(service: str, operation: str, **request: Any) -> None:
        with pytest.raises(ClientError) as caught:
            getattr(world.aws._client(key, service, "us-east-1"), operation)(**request)
        assert "Denied" in caught.value.response["Error"]["Code"], caught.value

    refused("sagemaker", "describe_model_package", ModelPackageName=version.arn)
    refused("sagemaker", "update_model_package", ModelPackageArn=version.arn, ModelApprovalStatus="Rejected")
    refused("s3", "get_object", Bucket=bucket, Key=path)
    refused(
        "dynamodb",
        "query",
        TableName=table,
        KeyConditionExpression="model = :m",
        ExpressionAttributeValues={":m": {"S": "digits"}},
    )
    for role in ("acme-production-registry", "acme-staging-registry"):
        arn = f"arn:aws:iam::{HOME}:role/{role}"
        refused("sts", "assume_role", RoleArn=arn, RoleSessionName="me")
    refused("sts", "assume_role", RoleArn=f"arn:aws:iam::{STAGING}:role/acme-staging-look", RoleSessionName="me")
    entry = {"EventBusName": f"arn:aws:events:us-east-1:{STAGING}:event-bus/acme-staging-rollouts"}
    asked = {**entry, "Source": "modelward", "DetailType": "Rollout Requested", "Detail": "{}"}
    refused("events", "put_events", Entries=[asked])


def test_people_of_the_registry_do_abroad_what_their_duty_is_and_no_more(world):
    live(world)
    arn = f"arn:aws:iam::{PRODUCTION}:role/acme-production-look"
    held = world.aws.client("approver", "sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    session = boto3.Session(held["AccessKeyId"], held["SecretAccessKey"], held["SessionToken"], region_name="us-east-1")
    with closing(session.client("sagemaker", endpoint_url=world.aws.endpoint_url)) as looking:
        assert looking.describe_endpoint(EndpointName="digits-production")["EndpointStatus"] == "InService"
        for operation in ("delete_endpoint", "describe_model"):
            name = {"delete_endpoint": "EndpointName", "describe_model": "ModelName"}[operation]
            with pytest.raises(ClientError, match="not authorized"):
                getattr(looking, operation)(**{name: "digits-production"})
    with pytest.raises(ClientError, match="AccessDenied"):
        world.aws.client("data-scientist", "sts").assume_role(RoleArn=arn, RoleSessionName="me")
    with pytest.raises(AccessError, match="events:PutEvents"):
        world.digits("data-scientist").deploy("production")
    with pytest.raises(AccessError, match="sagemaker:UpdateModelPackage"):
        world.digits("data-scientist").version(1).approve(reason="my own work")


def test_the_history_at_home_tells_of_every_account_and_the_functions_work_under_their_own_names(world):
    version = released(world, "ten")
    told = [each for each in world.kinds(version) if each[0] in ("deploying", "verified")]
    assert told == [
        ("deploying", "staging"),
        ("verified", "staging"),
        ("deploying", "production"),
        ("verified", "production"),
    ]
    last = world.digits().version(version.version).package.modified_by.arn
    assert last == f"arn:aws:sts::{HOME}:assumed-role/acme-production-registry/acme-production-rollout"


def test_no_message_is_left_anywhere(world):
    world.aws.wait_idle()
    for account in (HOME, STAGING, PRODUCTION):
        sqs = world.aws.root_client("sqs", account=account)
        for url in sqs.list_queues().get("QueueUrls", []):
            waiting = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
            assert waiting["Attributes"]["ApproximateNumberOfMessages"] == "0", url
