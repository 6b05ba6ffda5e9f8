"""The constructs in somebody else's stack: which events their rules let through, and what their grants allow."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelward.local.up import LocalAws

pytestmark = pytest.mark.system

GROUP = "Churn-Model"
RULES = ("registered", "approved", "rejected", "staged", "live", "changed")
ROLES = ("read", "register", "approve", "release", "deploy")
PACKAGE = {
    "ModelPackageGroupName": GROUP,
    "InferenceSpecification": {
        "Containers": [{"Image": "1.dkr.ecr.us-east-1.amazonaws.com/i:1", "ModelDataUrl": "s3://b/model.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
}
# What happens to versions, and the rules that it is for; the rule of all changes is for each.
HAPPENINGS: dict[str, set[str]] = {
    "registered": {"registered"},
    "approved in the console": {"approved"},
    "stamped when approved": set(),
    "put into a stage when approved": {"staged"},
    "verified in its stage": {"staged", "live"},
    "rejected": {"rejected"},
    "approved and put into a stage in one call": {"approved", "staged"},
    "registered as approved": {"registered", "approved"},
    "registered as rejected": {"registered", "rejected"},
    "registered in a stage": {"registered", "staged"},
}


def synthesize(folder: Path) -> Path:
    """Write a stack of a team that has never heard of a registry.toml."""
    from modelward_infra import App, ModelPackageGroup, ModelPackageGroupProps

    from aws_cdk import Stack, aws_iam as iam, aws_sqs as sqs, aws_events_targets as targets  # isort: skip

    app = App(outdir=str(folder / "cdk.out"))
    stack = Stack(app, "team")
    group = ModelPackageGroup(stack, "Churn", ModelPackageGroupProps(name=GROUP, owner="risk-team"))
    queues = {name: sqs.Queue(stack, f"{name}-queue", queue_name=name) for name in RULES}
    target = {name: targets.SqsQueue(queue) for name, queue in queues.items()}
    group.on_registered("registered", target=target["registered"])
    group.on_approved("approved", target=target["approved"])
    group.on_rejected("rejected", target=target["rejected"])
    group.on_stage_changed("staged", target=target["staged"])
    group.on_stage_changed("live", stage="Production", stage_status="Approved", target=target["live"])
    group.on_changed("changed", target=target["changed"])
    roles = {name: iam.Role(stack, name, assumed_by=iam.AccountRootPrincipal(), role_name=name) for name in ROLES}
    group.grant_read(roles["read"])
    group.grant_register(roles["register"])
    group.grant_approve(roles["approve"])
    group.grant_approve(roles["release"], "Production")
    group.grant_deploy(roles["deploy"])
    return Path(app.synth().directory)


@dataclass
class Team:
    """The deployed stack, its events and its people."""

    aws: LocalAws
    people: Any
    patterns: dict[str, str]
    happened: dict[str, Any] = field(default_factory=dict)
    arrived: dict[str, list[str]] = field(default_factory=dict)

    @property
    def admin(self) -> Any:
        return self.aws.client("admin", "sagemaker")

    def does(self, what: str, call: Callable[..., Any], **request: Any) -> str:
        """Make a call and keep the event that tells of it; return the version's ARN."""
        arn: str = call(**request)["ModelPackageArn"]
        [self.happened[what]] = self.received("changed", 1)
        return arn

    def update(self, what: str, arn: str, **fields: Any) -> None:
        self.does(what, self.admin.update_model_package, ModelPackageArn=arn, **fields)

    def register(self, what: str, **fields: Any) -> str:
        return self.does(what, self.admin.create_model_package, **PACKAGE, **fields)

    def received(self, queue: str, count: int) -> list[Any]:
        """Wait for so many events in a queue and take them."""
        sqs, url, events = self.aws.client("admin", "sqs"), f"{self.aws.endpoint_url}/{self.aws.account}/{queue}", []
        while len(events) < count:
            told = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10, MaxNumberOfMessages=count).get("Messages")
            assert told, f"{queue} got {len(events)} of {count}"
            for message in told:
                events.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return events

    def matched(self, event: Any) -> set[str]:
        """Ask EventBridge which of the rules an event is for."""
        events = self.aws.client("admin", "events")
        return {
            name
            for name, pattern in self.patterns.items()
            if events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]
        }

    def as_role(self, name: str) -> Any:
        arn = f"arn:aws:iam::{self.aws.account}:role/{name}"
        key = self.aws.client("admin", "sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return self.people.client(key)


@pytest.fixture(scope="module")
def team(aws: LocalAws, people: Any, tmp_path_factory: pytest.TempPathFactory) -> Team:
    assembly = synthesize(tmp_path_factory.mktemp("team"))
    aws.deploy_assembly(assembly, io.StringIO())
    resources = json.loads((assembly / "team.template.json").read_text())["Resources"].values()
    rules = [each["Properties"] for each in resources if each["Type"] == "AWS::Events::Rule"]
    team = Team(aws, people, {})
    for rule in rules:
        [target] = rule["Targets"]
        [name] = [name for name in RULES if target["Arn"]["Fn::GetAtt"][0].startswith(f"{name}queue")]
        team.patterns[name] = json.dumps(rule["EventPattern"])
    live(team)
    for name in set(RULES) - {"changed"}:  # now, before a test makes more events
        team.arrived[name] = [event["id"] for event in team.received(name, len(expected(team, name)))]
    return team


def expected(team: Team, name: str) -> list[str]:
    """Give the ids of the events that a rule is for."""
    return [event["id"] for what, event in team.happened.items() if name in HAPPENINGS[what]]


def live(team: Team) -> None:
    """Let everything happen to versions that can."""
    first = team.register("registered", ModelApprovalStatus="PendingManualApproval")
    team.update("approved in the console", first, ModelApprovalStatus="Approved", ApprovalDescription="good")
    team.update("stamped when approved", first, CustomerMetadataProperties={"deployed": "yes"})
    production = {"Stage": "Production", "StageStatus": "InProgress"}
    team.update("put into a stage when approved", first, ModelLifeCycle=production)
    team.update("verified in its stage", first, ModelLifeCycle={**production, "StageStatus": "Approved"})
    team.update("rejected", first, ModelApprovalStatus="Rejected", ApprovalDescription="biased")
    both = {"ModelApprovalStatus": "Approved", "ModelLifeCycle": production}
    team.update("approved and put into a stage in one call", first, **both)
    team.register("registered as approved", ModelApprovalStatus="Approved")
    team.register("registered as rejected", ModelApprovalStatus="Rejected")
    team.register("registered in a stage", ModelLifeCycle={"Stage": "Development", "StageStatus": "PendingApproval"})


def test_everything_that_happens_is_told_of_here(team: Team) -> None:
    assert team.happened.keys() == HAPPENINGS.keys()
    assert team.patterns.keys() == set(RULES)


@pytest.mark.parametrize("form", [str, str.lower])
@pytest.mark.parametrize("what", HAPPENINGS)
def test_an_event_is_for_the_rules_that_it_concerns_and_no_others(
    team: Team, what: str, form: Callable[[str], str]
) -> None:
    event = team.happened[what]
    detail = {**event["detail"], "ModelPackageGroupName": form(GROUP)}
    assert team.matched({**event, "detail": detail}) == HAPPENINGS[what] | {"changed"}


def test_events_of_another_group_are_for_none_of_them(team: Team) -> None:
    for event in team.happened.values():
        for name in ("churn", f"{GROUP}-2", ""):
            assert team.matched({**event, "detail": {**event["detail"], "ModelPackageGroupName": name}}) == set()


def test_events_arrive_as_often_as_their_rules_say(team: Team) -> None:
    assert team.arrived.keys() == set(RULES) - {"changed"}
    for name, arrived in team.arrived.items():
        assert sorted(arrived) == sorted(expected(team, name))


def test_readers_read_and_change_nothing(team: Team) -> None:
    reader, arn = team.as_role("read"), _first(team)
    assert reader.describe_model_package(ModelPackageName=arn)["ModelPackageVersion"] == 1
    assert reader.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:UpdateModelPackage"):
        reader.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:CreateModelPackage"):
        reader.create_model_package(**PACKAGE)


def test_who_registers_adds_versions_but_none_that_is_approved(team: Team) -> None:
    trainer = team.as_role("register")
    arn = trainer.create_model_package(**PACKAGE, ModelApprovalStatus="PendingManualApproval")["ModelPackageArn"]
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:CreateModelPackage"):
        trainer.create_model_package(**PACKAGE, ModelApprovalStatus="Approved")
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:UpdateModelPackage"):
        trainer.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")


def test_who_approves_takes_all_decisions(team: Team) -> None:
    approver, arn = team.as_role("approve"), _first(team)
    approver.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    approver.update_model_package(ModelPackageArn=arn, ModelLifeCycle={"Stage": "Staging", "StageStatus": "Approved"})
    approver.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")


@pytest.mark.parametrize(
    "fields",
    [
        {"ModelApprovalStatus": "Approved"},
        {"CustomerMetadataProperties": {"a": "b"}},
        {"ModelLifeCycle": {"Stage": "Staging", "StageStatus": "Approved"}},
        {"ModelApprovalStatus": "Approved", "ModelLifeCycle": {"Stage": "production", "StageStatus": "Approved"}},
    ],
)
def test_who_approves_for_one_stage_does_nothing_in_another_or_in_none(team: Team, fields: dict[str, Any]) -> None:
    releaser, arn = team.as_role("release"), _first(team)
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:UpdateModelPackage"):
        releaser.update_model_package(ModelPackageArn=arn, **fields)


def test_who_approves_for_one_stage_decides_there(team: Team) -> None:
    releaser, arn = team.as_role("release"), _first(team)
    cycle = {"Stage": "Production", "StageStatus": "InProgress"}
    releaser.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ModelLifeCycle=cycle)
    assert releaser.describe_model_package(ModelPackageName=arn)["ModelLifeCycle"]["Stage"] == "Production"


def _first(team: Team) -> str:
    return str(team.happened["registered"]["detail"]["ModelPackageArn"])
