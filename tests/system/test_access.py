"""Who may do what: the policies of the deployed stacks, through roles that registry.toml names people for."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError

from modelward import bootstrap
from modelward.config import Settings
from modelward.core.errors import AccessError
from modelward.local.up import ACCOUNT, LocalAws

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
SPECIFICATION = {"Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://acme-models/model.tar.gz"}]}
ACCESS = """
[models.letters]
owner = "vision-team"
[models.letters.access]
approvers = ["arn:aws:iam::{account}:user/lea"]
[access]
contributors = ["arn:aws:iam::{account}:user/ann"]
validators = ["arn:aws:iam::{account}:user/val"]
approvers = ["arn:aws:iam::{account}:user/bob"]
auditors = ["arn:aws:iam::{account}:user/eve"]
permissions_boundary = "bounds"
role_path = "/modelward/"
"""
PEOPLE = {"contributor": "ann", "validator": "val", "approver": "bob", "auditor": "eve", "approver-letters": "lea"}
DUTIES = ("contributor", "validator", "approver", "auditor")

Call = Callable[["Deployed", Callable[[str], Any]], Any]


@dataclass
class Deployed:
    """The stacks of a registry that names people, and sessions of those people in their roles."""

    aws: LocalAws
    people: Any
    folder: Path

    def __post_init__(self) -> None:
        self.iam = self.aws.client("admin", "iam")
        self.admin = self.aws.client("admin", "sagemaker")
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        bounds = json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [everything, {"Effect": "Deny", "Action": "sagemaker:DescribeModel", "Resource": "*"}],
            }
        )
        self.iam.create_policy(PolicyName="bounds", PolicyDocument=bounds)
        shutil.copy(ROOT / "app.py", self.folder)
        declaration = (ROOT / "registry.toml").read_text() + ACCESS.format(account=ACCOUNT)
        (self.folder / "registry.toml").write_text(declaration)
        self.stacks = {stack.name: stack for stack in self.aws.deploy(self.folder, io.StringIO())}
        self.settings: Settings = bootstrap.context_of(
            self.folder / "registry.toml", session=self.aws.session("admin")
        ).settings
        self._make_deaf()
        # AWS is content with a trust policy that names the user; the local one wants leave of the user's, too.
        assume = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"], "Resource": "*"}
        keys = {duty: self.people.user(name, assume) for duty, name in PEOPLE.items()}
        self.sessions = {duty: self.assume(duty, key) for duty, key in keys.items()}
        self.client = cache(lambda duty, service: self.people.client(self.sessions[duty], service))
        self.keys = keys
        self.versions = {name: self._version(name) for name in ("digits", "letters")}
        self.released = self._version("digits", ModelLifeCycle={"Stage": "Production", "StageStatus": "Approved"})
        self._serve()

    def _make_deaf(self) -> None:
        """Let no function answer to what the tests do."""
        events = self.aws.client("admin", "events")
        for rule in events.list_rules()["Rules"]:
            events.disable_rule(Name=rule["Name"])

    def _version(self, group: str, **more: Any) -> str:
        made = self.admin.create_model_package(
            ModelPackageGroupName=group, InferenceSpecification=SPECIFICATION, **more
        )
        return str(made["ModelPackageArn"])

    def _serve(self) -> None:
        tags = [{"Key": "modelward:managed", "Value": "true"}]
        variant = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        container = {"Image": IMAGE, "ModelDataUrl": "s3://acme-models/model.tar.gz"}
        self.admin.create_model(ModelName="m", ExecutionRoleArn=self.settings.role_arn, PrimaryContainer=container)
        self.admin.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
        self.admin.create_endpoint(EndpointName="digits-production", EndpointConfigName="c", Tags=tags)

    def parameter(self, name: str) -> str:
        ssm = self.aws.client("admin", "ssm")
        return str(ssm.get_parameter(Name=f"/modelward/acme/access/{name}")["Parameter"]["Value"])

    def assume(self, duty: str, key: Any, **more: Any) -> Any:
        sts = self.people.client(key, "sts")
        role = self.parameter(f"{duty}-role")
        return sts.assume_role(RoleArn=role, RoleSessionName=duty, **more)["Credentials"]

    def may(self, duty: str, call: Call) -> bool:
        """Tell whether a call is served: any refusal but that of IAM comes after IAM has agreed."""
        try:
            call(self, lambda service: self.client(duty, service))
        except ClientError as error:
            return "AccessDenied" not in error.response["Error"]["Code"]
        return True


@pytest.fixture(scope="module")
def deployed(aws: LocalAws, people: Any, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return Deployed(aws, people, tmp_path_factory.mktemp("app"))


def register(**more: Any) -> Call:
    request = {"ModelPackageGroupName": "digits", "InferenceSpecification": SPECIFICATION, **more}
    return lambda _world, client: client("sagemaker").create_model_package(**request)


def update(group: str = "digits", **more: Any) -> Call:
    return lambda world, client: client("sagemaker").update_model_package(ModelPackageArn=world.versions[group], **more)


def stage(name: str, status: str, **more: Any) -> Call:
    return update(ModelLifeCycle={"Stage": name, "StageStatus": status}, **more)


def entry(call: str, **more: Any) -> Call:
    """Make a call on a ledger entry."""
    key = {"model": {"S": "digits"}, "entry": {"S": "000001#000001"}}
    named = {"Item": key} if call == "put_item" else {"Key": key}
    return lambda world, client: getattr(client("dynamodb"), call)(TableName=world.settings.table, **named, **more)


def statement(text: str) -> Call:
    return lambda world, client: client("dynamodb").execute_statement(Statement=text.format(table=world.settings.table))


def on_endpoint(call: str, **more: Any) -> Call:
    return lambda _world, client: getattr(client("sagemaker"), call)(EndpointName="digits-production", **more)


PENDING = "PendingManualApproval"
CALLS: Mapping[str, tuple[set[str], Call]] = {
    "register as pending": ({"contributor"}, register(ModelApprovalStatus=PENDING)),
    "register as pending in the first stage": (
        {"contributor"},
        register(ModelApprovalStatus=PENDING, ModelLifeCycle={"Stage": "Development", "StageStatus": "Approved"}),
    ),
    "register in a later stage": (
        set(),
        register(ModelApprovalStatus=PENDING, ModelLifeCycle={"Stage": "Production", "StageStatus": "Approved"}),
    ),
    "register without a status": (set(), register()),
    "register as approved": (set(), register(ModelApprovalStatus="Approved")),
    "register as rejected": (set(), register(ModelApprovalStatus="Rejected")),
    "approve": ({"approver"}, update(ModelApprovalStatus="Approved", ApprovalDescription="fine")),
    "reject": ({"approver"}, update(ModelApprovalStatus="Rejected", ApprovalDescription="biased")),
    "approve into the stage that approval enters": (
        {"approver"},
        stage("Staging", "InProgress", ModelApprovalStatus="Approved"),
    ),
    "approve into another stage": (set(), stage("Development", "Approved", ModelApprovalStatus="Approved")),
    "take a verdict back": (set(), update(ModelApprovalStatus=PENDING)),
    "promote to staging": ({"validator"}, stage("Staging", "InProgress")),
    "promote to production": ({"approver"}, stage("Production", "InProgress")),
    "retire": ({"approver"}, stage("Archived", "Retired")),
    "call staging verified": (set(), stage("Staging", "Approved")),
    "call production verified": (set(), stage("Production", "Approved")),
    "move to a stage that nobody declared": (set(), stage("Somewhere", "InProgress")),
    "change nothing but the image": (set(), update(InferenceSpecification=SPECIFICATION)),
    "change nothing but metadata": (set(), update(CustomerMetadataProperties={"note": "mine"})),
    "take a released version to staging": (
        set(),
        lambda world, client: client("sagemaker").update_model_package(
            ModelPackageArn=world.released, ModelLifeCycle={"Stage": "Staging", "StageStatus": "InProgress"}
        ),
    ),
    "approve a model that has approvers of its own": (
        {"approver-letters"},
        update("letters", ModelApprovalStatus="Approved"),
    ),
    "look at a version": (
        {*DUTIES},
        lambda world, client: client("sagemaker").describe_model_package(ModelPackageName=world.versions["digits"]),
    ),
    "list versions": (
        {*DUTIES},
        lambda _world, client: client("sagemaker").list_model_packages(ModelPackageGroupName="digits"),
    ),
    "search": ({*PEOPLE}, lambda _world, client: client("sagemaker").search(Resource="ModelPackage")),
    "read the history": (
        {*PEOPLE},
        lambda world, client: client("dynamodb").query(
            TableName=world.settings.table,
            KeyConditionExpression="model = :m",
            ExpressionAttributeValues={":m": {"S": "digits"}},
        ),
    ),
    "find the deployment": (
        {*PEOPLE},
        lambda _world, client: client("ssm").get_parameters(Names=["/modelward/acme/bucket"]),
    ),
    "read an artifact": (
        {*PEOPLE},
        lambda world, client: client("s3").list_objects_v2(Bucket=world.settings.bucket),
    ),
    "write an artifact": (
        {"contributor"},
        lambda world, client: client("s3").put_object(Bucket=world.settings.bucket, Key="models/x", Body=b"x"),
    ),
    "delete an artifact": (
        set(),
        lambda world, client: client("s3").delete_object(Bucket=world.settings.bucket, Key="models/x"),
    ),
    "ask for a rollout": (
        {"validator", "approver", "approver-letters"},
        # Of a kind for which the bus has no rule: no function shall act.
        lambda _world, client: client("events").put_events(
            Entries=[{"EventBusName": "acme-rollouts", "Source": "modelward", "DetailType": "No Wish", "Detail": "{}"}]
        ),
    ),
    "ask for a rollout past the bus": (
        set(),
        # With a delay that SQS refuses after IAM: no function shall act.
        lambda world, client: client("sqs").send_message(
            QueueUrl=world.settings.reconcile_queue_url, MessageBody="{}", DelaySeconds=9_999
        ),
    ),
    "look at an endpoint": ({"validator", "approver", "auditor"}, on_endpoint("describe_endpoint")),
    "create an endpoint": (set(), on_endpoint("create_endpoint", EndpointConfigName="c")),
    "update an endpoint": (set(), on_endpoint("update_endpoint", EndpointConfigName="c")),
    "delete an endpoint": (set(), on_endpoint("delete_endpoint")),
    "delete a version": (
        set(),
        lambda world, client: client("sagemaker").delete_model_package(ModelPackageName=world.versions["digits"]),
    ),
    "delete a group": (
        set(),
        lambda _world, client: client("sagemaker").delete_model_package_group(ModelPackageGroupName="digits"),
    ),
    "append to the ledger": (set(), entry("put_item")),
}
# What is refused to those who have every other right that SageMaker knows.
DENIED: Mapping[str, tuple[str, ...]] = {
    "contributor": (
        "register as approved",
        "register as rejected",
        "register without a status",
        "register in a later stage",
        "approve",
        "reject",
        "take a verdict back",
        "promote to production",
        "call production verified",
        "change nothing but the image",
        "update an endpoint",
        "delete an endpoint",
    ),
    "validator": (
        "approve",
        "reject",
        "promote to production",
        "call staging verified",
        "retire",
        "take a released version to staging",
        "change nothing but the image",
        "update an endpoint",
        "delete an endpoint",
    ),
    "approver": (
        "register as pending",
        "register as approved",
        "promote to staging",
        "call production verified",
        "take a verdict back",
        "approve a model that has approvers of its own",
        "change nothing but the image",
        "update an endpoint",
        "delete an endpoint",
    ),
}


@pytest.mark.parametrize("what", CALLS)
def test_each_call_is_served_to_those_whose_duty_it_is_and_to_nobody_else(deployed: Deployed, what: str) -> None:
    allowed, call = CALLS[what]
    assert {duty for duty in PEOPLE if deployed.may(duty, call)} == allowed


@pytest.mark.parametrize("duty", DENIED)
def test_what_a_duty_must_not_do_is_denied_whatever_else_somebody_was_given(deployed: Deployed, duty: str) -> None:
    name = deployed.parameter(f"{duty}-role").rpartition("/")[2]
    everything = {"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    deployed.iam.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=document)
    try:
        assert [what for what in DENIED[duty] if deployed.may(duty, CALLS[what][1])] == []
    finally:
        deployed.iam.delete_role_policy(RoleName=name, PolicyName="everything")


def test_a_role_is_assumed_by_those_it_names_and_by_nobody_else(deployed: Deployed) -> None:
    key = deployed.keys["approver"]
    assert deployed.assume("approver", key, SourceIdentity="bob")
    for duty in ("contributor", "approver-letters"):
        with pytest.raises(ClientError, match="is not authorized to perform: sts:AssumeRole"):
            deployed.assume(duty, key)


def test_the_boundary_and_the_path_are_those_of_every_role_of_the_stacks(deployed: Deployed) -> None:
    roles = [name for stack in deployed.stacks.values() for kind, name in stack.resources if kind == "AWS::IAM::Role"]
    assert len(roles) == 1 + 3 + len(PEOPLE)
    for name in roles:
        role = deployed.iam.get_role(RoleName=name)["Role"]
        assert role["Path"] == "/modelward/"
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == f"arn:aws:iam::{ACCOUNT}:policy/bounds"
    client = deployed.people.client(deployed.sessions["auditor"], "sagemaker")
    with pytest.raises(ClientError, match="explicit deny in a permissions boundary"):
        client.describe_model(ModelName="digits-production-v1-00000000")


@pytest.mark.fidelity("table-policy-by-tag")
@pytest.mark.parametrize(
    "call",
    [
        pytest.param(entry("put_item"), id="a put, which replaces"),
        pytest.param(entry("update_item"), id="an update"),
        pytest.param(entry("delete_item"), id="a delete"),
        pytest.param(
            lambda world, client: client("dynamodb").batch_write_item(
                RequestItems={world.settings.table: [{"DeleteRequest": {"Key": {"model": {"S": "m"}}}}]}
            ),
            id="a batch",
        ),
        pytest.param(
            lambda world, client: client("dynamodb").transact_write_items(
                TransactItems=[{"Put": {"TableName": world.settings.table, "Item": {"model": {"S": "m"}}}}]
            ),
            id="a put in a transaction",
        ),
        pytest.param(
            lambda world, client: client("dynamodb").transact_write_items(
                TransactItems=[{"Delete": {"TableName": world.settings.table, "Key": {"model": {"S": "m"}}}}]
            ),
            id="a delete in a transaction",
        ),
        pytest.param(statement("INSERT INTO \"{table}\" VALUE {{'model': 'm', 'entry': 'e'}}"), id="PartiQL's insert"),
        pytest.param(statement("UPDATE \"{table}\" SET x=1 WHERE model='m' AND entry='e'"), id="PartiQL's update"),
        pytest.param(statement("DELETE FROM \"{table}\" WHERE model='m' AND entry='e'"), id="PartiQL's delete"),
        pytest.param(
            lambda world, client: client("dynamodb").update_time_to_live(
                TableName=world.settings.table,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": "at"},
            ),
            id="a time to live",
        ),
    ],
)
def test_not_even_an_administrator_writes_into_the_ledger(deployed: Deployed, call: Call) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied.*explicit deny in a resource-based policy"):
        call(deployed, lambda service: deployed.aws.client("admin", service))


def test_the_sdk_says_which_right_somebody_lacks(deployed: Deployed) -> None:
    keys = deployed.sessions["validator"]
    core = botocore.session.Session(profile="admin")  # of that profile the endpoint and the region count
    core.set_config_variable("config_file", str(deployed.aws.folder / "config"))
    core.set_credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    session = boto3.Session(botocore_session=core)
    registry = bootstrap.connect(deployed.folder / "registry.toml", session=session)
    with pytest.raises(AccessError, match="sagemaker:UpdateModelPackage"):
        registry.model("digits").version(1).reject(reason="not mine to say")


class Typist:
    """Types commands as somebody in a role."""

    def __init__(self, deployed: Deployed) -> None:
        self._deployed = deployed

    def __call__(self, duty: str, *words: str) -> Any:
        """Give what a command said as JSON; it must end well."""
        keys = self._deployed.sessions[duty]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._deployed.folder),
            "AWS_ENDPOINT_URL": self._deployed.aws.endpoint_url,
            "AWS_DEFAULT_REGION": self._deployed.aws.region,
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; from modelward.cli.main import main; sys.exit(main(sys.argv[1:]))",
                *words,
            ],
            cwd=self._deployed.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{duty}: {words}: {done.stderr}"
        return json.loads(done.stdout) if "--json" in words else done.stdout


def test_the_command_line_gets_by_with_the_role_of_each_duty(deployed: Deployed) -> None:
    typed, why = Typist(deployed), ("--reason", "as agreed")
    with tarfile.open(deployed.folder / "model.tar.gz", "w:gz") as archive:
        archive.add(deployed.folder / "app.py", "model.py")
    figures = ("--metric", "accuracy=0.95", "--metric", "log_loss=0.2")
    words = ("register", "digits", "--artifact", "model.tar.gz", "--image", IMAGE, *figures, "--json")
    version = str(typed("contributor", *words)["version"])
    for duty in DUTIES:
        for verb in (("versions",), ("show", version), ("compare", "1", version), ("history",)):
            typed(duty, verb[0], "digits", *verb[1:])
        typed(duty, "download", "digits", version, "--to", f"for-{duty}")
    typed("approver", "approve", "digits", version, *why)
    typed("validator", "promote", "digits", version, "Staging", *why)
    typed("approver", "promote", "digits", version, "Production", *why)
    typed("approver", "reject", "digits", version, *why)
    with pytest.raises(AssertionError, match="not authorized to perform: sagemaker:UpdateModelPackage"):
        typed("contributor", "approve", "digits", version, *why)
