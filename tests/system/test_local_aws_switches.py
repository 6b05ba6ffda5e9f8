"""What can be ordered of a local AWS over HTTP that nobody can order of AWS, and the alarms that end deployments."""

import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from modelward.core.errors import InputError
from modelward.local.up import ACCOUNT, LocalAws

pytestmark = pytest.mark.system

RUN = "import sys; from modelward.cli.main import main; sys.exit(main())"
MODEL = """
import os
def model_fn(model_dir):
    return None
def predict_fn(data, model):
    if data and os.environ.get("IS_BROKEN"):
        raise ValueError("broken")
    return [1.0]
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as started:
        yield started


@pytest.fixture
def once(aws: LocalAws) -> Iterator[Any]:
    """A client that tries each call once."""
    aws.switch("calm")
    client = aws.session().client("sagemaker", config=Config(retries={"total_max_attempts": 1}))
    yield client
    client.close()


def eventually(ask: Callable[[], Any], *, limit_s: float = 20.0) -> Any:
    deadline = time.monotonic() + limit_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"still {answer!r}"
        time.sleep(0.02)
    return answer


def groups(client: Any) -> list[str]:
    return [
        group["ModelPackageGroupName"] for group in client.list_model_package_groups()["ModelPackageGroupSummaryList"]
    ]


def test_an_answer_gets_lost_before_or_after_the_effect(aws: LocalAws, once: Any) -> None:
    for kind, expected in (("timeout_before", False), ("timeout_after", True)):
        aws.switch("fault", operation="CreateModelPackageGroup", kind=kind)
        with pytest.raises(ConnectionClosedError):
            once.create_model_package_group(ModelPackageGroupName=kind.replace("_", "-"))
        assert (kind.replace("_", "-") in groups(once)) is expected


def test_a_fault_strikes_the_call_that_it_was_ordered_for(aws: LocalAws, once: Any) -> None:
    aws.switch("fault", operation="ListEndpoints", kind="throttle", call=2)
    once.list_endpoints()
    with pytest.raises(ClientError, match="Rate exceeded"):
        once.list_endpoints()
    once.list_endpoints()


def test_an_account_and_region_of_its_own_are_meant_when_they_are_named(aws: LocalAws, once: Any) -> None:
    aws.switch("fault", operation="ListModels", kind="denied", account="222222222222", region="us-east-1")
    aws.switch("fault", operation="ListModels", kind="denied", region="eu-west-1")
    once.list_models()
    for client in (
        aws.root_client("sagemaker", account="222222222222"),
        aws.client("admin", "sagemaker", region="eu-west-1"),
    ):
        with pytest.raises(ClientError, match="not authorized"):
            client.list_models()


def test_events_arrive_twice_late_or_never(aws: LocalAws, once: Any) -> None:
    sqs, events = aws.client("admin", "sqs"), aws.client("admin", "events")
    url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:inbox"
    sending = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**sending, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    events.put_rule(Name="all", EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
    events.put_targets(Rule="all", Targets=[{"Id": "q", "Arn": arn}])

    def arrived() -> list[int]:
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in got:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"])["detail"]["ModelPackageVersion"] for message in got]

    def register() -> None:
        once.create_model_package(
            ModelPackageGroupName="evented", InferenceSpecification={"Containers": [{"Image": "i"}]}
        )

    once.create_model_package_group(ModelPackageGroupName="evented")
    for name, arguments in (("duplicate", {}), ("lose", {}), ("delay", {"seconds": 3600}), ("swap", {})):
        aws.switch(name, event="SageMaker Model Package State Change", **arguments)
    for _ in range(5):
        register()
    seen: list[int] = []
    eventually(lambda: seen.extend(arrived()) or len(seen) == 4)
    assert seen == [1, 1, 5, 4]
    aws.switch("advance", seconds=3600)
    eventually(lambda: seen.extend(arrived()) or len(seen) == 5)
    assert seen[-1] == 3


def test_what_was_just_made_can_be_hidden_from_its_first_reads(aws: LocalAws, once: Any) -> None:
    aws.switch("hide", kind="model-package-group", reads=1)
    once.create_model_package_group(ModelPackageGroupName="shy")
    with pytest.raises(ClientError, match="does not exist"):
        once.describe_model_package_group(ModelPackageGroupName="shy")
    once.describe_model_package_group(ModelPackageGroupName="shy")


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("fualt", {}, "must be one of: advance, fault"),
        ("fault", {"operation": "CreatModel", "kind": "throttle"}, "operation is 'CreatModel'"),
        ("fault", {"operation": "CreateModel", "kind": "slow"}, "must be one of: throttle"),
        ("advance", {}, "missing a required argument: 'seconds'; it is called as: advance seconds="),
        ("advance", {"seconds": "soon"}, "seconds is 'soon', not a number"),
        ("timing", {"of": "lunch", "seconds": 1}, "must be one of: create_s"),
        ("maintain", {"endpoint": "nobodys", "seconds": 1}, "Could not find endpoint"),
    ],
)
def test_a_switch_that_is_not_understood_says_what_is_wrong(
    aws: LocalAws, name: str, arguments: Any, told: str
) -> None:
    with pytest.raises(InputError) as refused:
        aws.switch(name, **arguments)
    assert told in str(refused.value)
    assert "modelward local switch" in str(refused.value)


def test_the_command_throws_switches_and_lists_them(aws: LocalAws, once: Any) -> None:
    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", RUN, "local", "switch", *words]
        environment = {"PATH": os.environ["PATH"], **aws.environment()}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    listed = run().stdout
    assert "fault operation=… kind=… [call=1]" in listed
    assert run("fault", "operation=ListModels", "kind=unavailable").returncode == 0
    with pytest.raises(ClientError, match="unavailable"):
        once.list_models()
    wrong = run("fault", "operation=ListModels", "kind=odd")
    assert (wrong.returncode, "kind is 'odd'" in wrong.stderr) == (4, True)


class Canary:
    """An endpoint of four instances, and a canary deployment of the next config on it."""

    def __init__(self, aws: LocalAws, name: str) -> None:
        self.aws, self.name = aws, name
        self.sagemaker = aws.client("admin", "sagemaker")
        self.runtime = aws.client("admin", "sagemaker-runtime")
        self.cloudwatch = aws.client("admin", "cloudwatch")

    def config(self, suffix: str, **environment: str) -> str:
        name = f"{self.name}-{suffix}"
        container = {"Image": "i", "ModelDataUrl": "s3://models-here/m.tar.gz", "Environment": environment}
        role = f"arn:aws:iam::{ACCOUNT}:role/serving"
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
        variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 4}
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        return name

    def create(self) -> None:
        self.sagemaker.create_endpoint(EndpointName=self.name, EndpointConfigName=self.config("old"))
        self.aws.wait_idle()

    def alarm(self, *, config: str = "", **settings: Any) -> str:
        dimensions = {
            "EndpointName": self.name,
            "VariantName": "v",
            **({"EndpointConfigName": config} if config else {}),
        }
        self.cloudwatch.put_metric_alarm(
            **{
                "AlarmName": f"{self.name}-errors",
                "Namespace": "AWS/SageMaker",
                "MetricName": "Invocation5XXErrors",
                "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
                "Statistic": "Sum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 1.0,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "TreatMissingData": "notBreaching",
                **settings,
            }
        )
        return f"{self.name}-errors"

    def alarm_state(self) -> str:
        state: str = self.cloudwatch.describe_alarms(AlarmNames=[f"{self.name}-errors"])["MetricAlarms"][0][
            "StateValue"
        ]
        return state

    def update(self, config: str, alarm: str) -> None:
        size = {"Type": "CAPACITY_PERCENT", "Value": 25}
        routing = {"Type": "CANARY", "WaitIntervalInSeconds": 600, "CanarySize": size}
        self.sagemaker.update_endpoint(
            EndpointName=self.name,
            EndpointConfigName=config,
            DeploymentConfig={
                "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 300},
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
            },
        )
        eventually(self.is_baking)

    def is_baking(self) -> bool:
        pending = self.sagemaker.describe_endpoint(EndpointName=self.name).get("PendingDeploymentSummary", {})
        variants = pending.get("ProductionVariants", [])
        return any(status["Status"] == "Baking" for each in variants for status in each.get("VariantStatus", ()))

    def ask(self, times: int, body: str = "[1]") -> int:
        failed = 0
        for _ in range(times):
            try:
                self.runtime.invoke_endpoint(EndpointName=self.name, ContentType="application/json", Body=body)
            except ClientError:
                failed += 1
        return failed

    def state(self) -> tuple[str, str]:
        described = self.sagemaker.describe_endpoint(EndpointName=self.name)
        return described["EndpointStatus"], described["EndpointConfigName"].removeprefix(self.name + "-")


@pytest.fixture(scope="module")
def canary(aws: LocalAws) -> Callable[[str], Canary]:
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    reading = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    iam, s3 = aws.client("admin", "iam"), aws.client("admin", "s3")
    document = {"Version": "2012-10-17", "Statement": [trust]}
    iam.create_role(RoleName="serving", AssumeRolePolicyDocument=json.dumps(document))
    policy = json.dumps({**document, "Statement": [reading]})
    iam.put_role_policy(RoleName="serving", PolicyName="read", PolicyDocument=policy)
    s3.create_bucket(Bucket="models-here")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("code/inference.py")
        info.size = len(MODEL)
        tar.addfile(info, io.BytesIO(MODEL.encode()))
    s3.put_object(Bucket="models-here", Key="m.tar.gz", Body=buffer.getvalue())

    def make(name: str) -> Canary:
        made = Canary(aws, name)
        made.create()
        return made

    return make


def test_a_canary_whose_invocations_fail_goes_back_by_its_alarm(aws: LocalAws, canary: Callable[[str], Canary]) -> None:
    endpoint = canary("failing")
    endpoint.update(endpoint.config("new", IS_BROKEN="yes"), endpoint.alarm())
    assert endpoint.ask(8) == 2, "a quarter of the traffic goes to the canary"
    aws.switch("advance", seconds=20)
    eventually(lambda: endpoint.state() == ("InService", "old"))
    assert endpoint.alarm_state() == "ALARM"
    assert endpoint.ask(8) == 0


def test_a_canary_that_answers_bakes_in_time_that_can_be_skipped(
    aws: LocalAws, canary: Callable[[str], Canary]
) -> None:
    endpoint, other = canary("sound"), canary("other")
    other.alarm()
    endpoint.update(endpoint.config("new"), endpoint.alarm())
    assert endpoint.ask(8) == 0
    broken = other.config("new", IS_BROKEN="yes")
    other.sagemaker.update_endpoint(EndpointName="other", EndpointConfigName=broken)
    eventually(lambda: other.state() == ("InService", "new"))
    assert other.ask(4) == 4, "its failures are of no concern to the alarm of the first"
    aws.switch("advance", seconds=590)
    assert endpoint.state() == ("Updating", "old")
    aws.switch("advance", seconds=60)
    eventually(endpoint.is_baking)
    assert endpoint.state() == ("Updating", "old"), "it waits before it ends the old fleet"
    aws.switch("advance", seconds=320)
    eventually(lambda: endpoint.state() == ("InService", "new"))
    assert endpoint.alarm_state() == "OK"


@pytest.mark.fidelity("alarm-events")
def test_an_alarm_that_goes_off_is_an_event_and_tells_when(aws: LocalAws) -> None:
    sqs, events, cloudwatch = (aws.client("admin", service) for service in ("sqs", "events", "cloudwatch"))
    url, arn = sqs.create_queue(QueueName="alarms")["QueueUrl"], f"arn:aws:sqs:us-east-1:{ACCOUNT}:alarms"
    sending = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**sending, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    wanted = {"alarmName": ["odd answers", "either"], "state": {"value": ["ALARM"]}}
    pattern = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"], "detail": wanted}
    events.put_rule(Name="off", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="off", Targets=[{"Id": "q", "Arn": arn}])
    cloudwatch.put_metric_alarm(
        AlarmName="odd answers",
        AlarmDescription="answers shift",
        Namespace="Acme",
        MetricName="Shift",
        Dimensions=[{"Name": "Model", "Value": "digits"}],
        Statistic="Average",
        Period=300,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        ActionsEnabled=False,
    )
    cloudwatch.put_composite_alarm(AlarmName="either", AlarmRule='ALARM("odd answers")')

    def put(state: str) -> dict[str, Any]:
        """Give the events that came, by the name of their alarm."""
        cloudwatch.set_alarm_state(AlarmName="odd answers", StateValue=state, StateReason="a person says so")
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in got:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return {each["detail"]["alarmName"]: each for each in (json.loads(message["Body"]) for message in got)}

    assert put("OK") == {}
    began = datetime.now(UTC)
    told = put("ALARM")
    assert put("ALARM") == {}
    assert sorted(told) == ["either", "odd answers"]
    event = told["odd answers"]
    assert event["resources"] == [f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:odd answers"]
    detail = event["detail"]
    assert (detail["state"]["value"], detail["previousState"]["value"]) == ("ALARM", "OK")
    assert detail["state"]["reason"] == "a person says so"
    [metric] = detail["configuration"]["metrics"]
    assert metric["metricStat"] == {
        "metric": {"namespace": "Acme", "name": "Shift", "dimensions": {"Model": "digits"}},
        "period": 300,
        "stat": "Average",
    }
    kinds: Any = ["MetricAlarm", "CompositeAlarm"]
    found = cloudwatch.describe_alarms(AlarmNames=["odd answers", "either"], AlarmTypes=kinds)
    for alarm in (*found["MetricAlarms"], *found["CompositeAlarms"]):
        assert began <= alarm["StateTransitionedTimestamp"] <= datetime.now(UTC)


def test_an_alarm_that_somebody_sets_ends_a_bake_and_an_unknown_one_begins_none(
    aws: LocalAws, canary: Callable[[str], Canary]
) -> None:
    endpoint = canary("told")
    config, alarm = endpoint.config("new"), endpoint.alarm(config="told-new")
    with pytest.raises(ClientError, match="ValidationException"):
        endpoint.update(config, "nobodys")
    endpoint.update(config, alarm)
    endpoint.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a person says so")
    aws.switch("advance", seconds=15)
    eventually(lambda: endpoint.state() == ("InService", "old"))


def test_invocations_are_measured_where_cloudwatch_is_asked(canary: Callable[[str], Canary]) -> None:
    endpoint = canary("measured")
    endpoint.ask(3)
    now = datetime.now(UTC)
    statistics = endpoint.cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[{"Name": "EndpointName", "Value": "measured"}, {"Name": "VariantName", "Value": "v"}],
        StartTime=now - timedelta(days=1),
        EndTime=now + timedelta(days=1),
        Period=3600,
        Statistics=["Sum"],
    )
    assert sum(point["Sum"] for point in statistics["Datapoints"]) == 3


def test_an_alarm_wants_as_many_periods_as_it_says_and_treats_missing_data_as_it_says(
    canary: Callable[[str], Canary],
) -> None:
    endpoint = canary("patient")
    endpoint.sagemaker.update_endpoint(
        EndpointName="patient", EndpointConfigName=endpoint.config("new", IS_BROKEN="yes")
    )
    eventually(lambda: endpoint.state() == ("InService", "new"))
    endpoint.ask(2)
    # MiniStack evaluates an alarm when it is put.
    for settings, state in (
        ({}, "ALARM"),
        ({"EvaluationPeriods": 3, "DatapointsToAlarm": 2}, "OK"),
        ({"EvaluationPeriods": 3, "DatapointsToAlarm": 2, "TreatMissingData": "breaching"}, "ALARM"),
        ({"Threshold": 3.0}, "OK"),
        ({"MetricName": "Nothing", "TreatMissingData": "missing"}, "INSUFFICIENT_DATA"),
    ):
        endpoint.alarm(**settings)
        assert endpoint.alarm_state() == state, settings
