"""What an endpoint declares beside its size, deployed: the local AWS asks the roles for all that it takes."""

import io
import json
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from modelward import bootstrap
from modelward.core.errors import JobError
from modelward.core.names import version_in
from modelward.core.transform import Transform
from modelward.local.up import LocalAws

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
CODE = b"def model_fn(folder): return 'yes'\ndef predict_fn(data, model): return model\n"
DECLARED = """[registry]
name = "acme"
stages = ["Production", "Archived"]
[environments.production]
stage = "Production"
enter = "on-approval"
[models.digits]
owner = "vision-team"
[models.digits.endpoints.production]
instance_type = "ml.m5.large"
volume_key_arn = "{key}"
vpc = {{ subnets = ["subnet-0a1b2c3d"], security_groups = ["sg-0a1b2c3d"] }}
data_capture = {{ percent = 100 }}
autoscaling = {{ min = 1, max = 4, invocations_per_instance = 100 }}
roll_back_on = ["digits answers shift"]
[models.letters]
owner = "vision-team"
[models.letters.endpoints.production]
instance_type = "ml.m5.large"
asynchronous = {{ success_topic_arn = "{topic}" }}
"""


@dataclass
class Served:
    aws: LocalAws
    key: str
    bucket: str
    bucket_key: str
    folder: Path

    def client(self, service: str) -> Any:
        return self.aws.client("admin", service)

    def scaled(self) -> list[tuple[str, int, int]]:
        found = self.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
        return [(each["ResourceId"], each["MinCapacity"], each["MaxCapacity"]) for each in found["ScalableTargets"]]

    def served_type(self) -> str:
        name = self.endpoint["EndpointConfigName"]
        config = self.client("sagemaker").describe_endpoint_config(EndpointConfigName=name)
        return str(config["ProductionVariants"][0]["InstanceType"])

    @property
    def endpoint(self) -> Any:
        return self.client("sagemaker").describe_endpoint(EndpointName="digits-production")

    def captured(self) -> list[dict[str, Any]]:
        s3 = self.client("s3")
        listed = s3.list_objects_v2(Bucket=self.bucket, Prefix="capture/digits-production/AllTraffic/")
        found = [s3.get_object(Bucket=self.bucket, Key=each["Key"]) for each in listed.get("Contents", ())]
        assert all(each["SSEKMSKeyId"] == self.bucket_key for each in found)
        return [json.loads(line) for each in found for line in each["Body"].read().splitlines()]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give an endpoint that the deployed functions made."""
    folder = tmp_path_factory.mktemp("app")
    shutil.copy(ROOT / "app.py", folder)
    with LocalAws() as aws:
        key = aws.client("admin", "kms").create_key()["KeyMetadata"]["Arn"]
        topic = aws.client("admin", "sns").create_topic(Name="answers")["TopicArn"]
        (folder / "registry.toml").write_text(DECLARED.format(key=key, topic=topic))
        aws.deploy(folder, io.StringIO())
        registry = bootstrap.connect(folder / "registry.toml", session=aws.session("admin"))
        settings = bootstrap.context_of(folder / "registry.toml", session=aws.session("admin")).settings
        version = registry.model("digits").register(packed(folder / "model.tar.gz"), IMAGE, {"accuracy": 0.9})
        aws.wait_idle()
        version.approve(reason="good figures")
        given = Served(aws, key, settings.bucket, settings.key_arn, folder)
        until(lambda: version.refresh().stage_status == "Approved")
        yield given


def packed(path: Path, code: bytes = CODE) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(code)
        tar.addfile(member, io.BytesIO(code))
    return path


def until(look: Callable[[], Any], *, limit_s: float = 30.0) -> None:
    deadline = time.monotonic() + limit_s
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_rollout_makes_what_is_declared(served: Served) -> None:
    name = served.endpoint["EndpointConfigName"]
    config = served.client("sagemaker").describe_endpoint_config(EndpointConfigName=name)
    model = served.client("sagemaker").describe_model(ModelName=name)
    assert config["KmsKeyId"] == served.key
    assert model["VpcConfig"] == {"Subnets": ["subnet-0a1b2c3d"], "SecurityGroupIds": ["sg-0a1b2c3d"]}
    assert served.endpoint["DataCaptureConfig"]["CaptureStatus"] == "Started"


def test_a_call_is_captured_with_the_rights_of_the_execution_role(served: Served) -> None:
    before = len(served.captured())
    served.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="digits-production", ContentType="application/json", Body=b"[[1]]"
    )
    records = served.captured()
    assert len(records) == before + 1
    assert records[-1]["captureData"]["endpointInput"]["data"] == "[[1]]"
    assert json.loads(records[-1]["captureData"]["endpointOutput"]["data"]) == "yes"


def test_nothing_is_captured_that_the_role_may_not_write_and_the_caller_gets_the_answer(served: Served) -> None:
    iam = served.client("iam")
    [role] = [each["RoleName"] for each in iam.list_roles()["Roles"] if "ModelExecution" in each["RoleName"]]
    denied = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
    iam.put_role_policy(RoleName=role, PolicyName="stop", PolicyDocument=json.dumps({"Statement": [denied]}))
    before = len(served.captured())
    answer = served.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="digits-production", ContentType="application/json", Body=b"[[1]]"
    )
    assert json.load(answer["Body"]) == "yes"
    assert len(served.captured()) == before
    iam.delete_role_policy(RoleName=role, PolicyName="stop")
    assert "Could not write captured data" in served.aws.log_file.read_text()


def test_an_asynchronous_endpoint_answers_with_the_rights_of_the_execution_role(served: Served) -> None:
    sns, sqs, s3 = (served.client(service) for service in ("sns", "sqs", "s3"))
    [topic] = [each["TopicArn"] for each in sns.list_topics()["Topics"] if each["TopicArn"].endswith(":answers")]
    queue = sqs.create_queue(QueueName="answers")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = {"Version": "2012-10-17", "Statement": [allowed]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    registry = bootstrap.connect(served.folder / "registry.toml", session=served.aws.session("admin"))
    version = registry.model("letters").register(packed(served.folder / "letters.tar.gz"), IMAGE, {"accuracy": 0.9})
    served.aws.wait_idle()
    version.approve(reason="good figures")
    until(lambda: version.refresh().stage_status == "Approved")

    place = "async/letters-production"
    s3.put_object(Bucket=served.bucket, Key=f"{place}/requests/1.json", Body=b"[[1]]")
    asked = served.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName="letters-production",
        InputLocation=f"s3://{served.bucket}/{place}/requests/1.json",
        ContentType="application/json",
    )
    heard: list[dict[str, Any]] = []

    def results() -> list[dict[str, Any]]:
        received = sqs.receive_message(QueueUrl=queue).get("Messages", ())
        heard.extend(json.loads(json.loads(each["Body"])["Message"]) for each in received)
        return [each for each in heard if each["eventName"] == "InferenceResult"]

    until(results)
    key = asked["OutputLocation"].removeprefix(f"s3://{served.bucket}/")
    assert key.startswith(f"{place}/answers/")
    found = s3.get_object(Bucket=served.bucket, Key=key)
    assert (json.load(found["Body"]), found["SSEKMSKeyId"]) == ("yes", served.bucket_key)
    [told] = results()
    assert told["responseParameters"]["outputLocation"] == asked["OutputLocation"]


def test_a_batch_transform_runs_with_the_rights_of_the_execution_role(served: Served) -> None:
    s3 = served.client("s3")
    asked = f"s3://{served.bucket}/transform/requests/"
    for name in ("a.json", "b.json"):
        s3.put_object(Bucket=served.bucket, Key=f"transform/requests/{name}", Body=b"[[1]]")
    model = bootstrap.connect(served.folder / "registry.toml", session=served.aws.session("admin")).model("digits")
    job = model.transform(Transform(asked, content_type="application/json"), stage="Production", timeout_s=60)
    prefix = job.output_uri.removeprefix(f"s3://{served.bucket}/")
    found = s3.get_object(Bucket=served.bucket, Key=f"{prefix}b.json.out")
    assert (json.load(found["Body"]), found["SSEKMSKeyId"]) == ("yes", served.bucket_key)

    s3.create_bucket(Bucket="somewhere-else")
    with pytest.raises(JobError, match="2 of 2 objects failed"):
        model.transform(Transform(asked, "s3://somewhere-else/x"), stage="Production", timeout_s=60)


TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/digits-production/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


def test_another_instance_type_of_a_scaled_endpoint_is_rolled_out_and_scaled_again(served: Served) -> None:
    assert served.scaled() == [(TARGET["ResourceId"], 1, 4)]
    found = served.client("application-autoscaling").describe_scaling_policies(ServiceNamespace="sagemaker")
    [policy] = found["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 100

    declaration = served.folder / "registry.toml"
    declaration.write_text(declaration.read_text().replace("ml.m5.large", "ml.c5.large").replace("max = 4", "max = 6"))
    served.aws.deploy(served.folder, io.StringIO())
    bootstrap.connect(declaration, session=served.aws.session("admin")).model("digits").deploy("production")

    assert served.served_type() == "ml.c5.large"
    until(lambda: served.scaled() == [(TARGET["ResourceId"], 1, 6)])


def test_an_alarm_of_the_team_s_own_brings_the_version_before_back(served: Served) -> None:
    declaration = served.folder / "registry.toml"
    model = bootstrap.connect(declaration, session=served.aws.session("admin")).model("digits")
    before = version_in(served.endpoint["EndpointConfigName"])
    shifted = packed(served.folder / "shifted.tar.gz", CODE.replace(b"yes", b"no"))
    version = model.register(shifted, IMAGE, {"accuracy": 0.95})
    served.aws.wait_idle()
    version.approve(reason="good figures")
    until(lambda: version.refresh().stage_status == "Approved")
    assert version_in(served.endpoint["EndpointConfigName"]) == version.version

    alarm = {"AlarmName": "digits answers shift", "Namespace": "Acme", "MetricName": "Shift", "Statistic": "Average"}
    rule = {"Period": 60, "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}
    cloudwatch = served.client("cloudwatch")
    cloudwatch.put_metric_alarm(**alarm, **rule)
    cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue="ALARM", StateReason="customers complain")

    until(lambda: version.refresh().stage == "Archived")
    assert version_in(served.endpoint["EndpointConfigName"]) == before
    served.aws.wait_idle()
    kinds = [entry.kind.value for entry in model.history() if entry.version == version.version]
    assert kinds[:2] == ["archived", "alarmed"]
    cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"]])


@pytest.mark.fidelity("deleted-with-its-targets", "scaling-as-the-caller")
def test_who_scales_needs_leave_for_what_application_auto_scaling_tries_as_him(served: Served) -> None:
    iam = served.client("iam")
    iam.create_user(UserName="scaler")
    key = iam.create_access_key(UserName="scaler")["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=served.aws.region)
    client = session.client("application-autoscaling", endpoint_url=served.aws.endpoint_url)
    sagemaker = session.client("sagemaker", endpoint_url=served.aws.endpoint_url)

    def let(*actions: str) -> None:
        allowed = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        iam.put_user_policy(UserName="scaler", PolicyName="may", PolicyDocument=json.dumps({"Statement": [allowed]}))

    with pytest.raises(ClientError, match=r"AccessDeniedException.*application-autoscaling:RegisterScalableTarget"):
        client.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=2)
    let("application-autoscaling:*")
    with pytest.raises(ClientError, match=r"ValidationException.*missing the following permissions: sagemaker:Desc"):
        client.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=2)
    with pytest.raises(ClientError, match=r"ValidationException.*missing the following permissions: cloudwatch:Del"):
        client.put_scaling_policy(**TARGET, PolicyName="p", PolicyType="TargetTrackingScaling")
    let("sagemaker:DeleteEndpoint")
    with pytest.raises(ClientError, match=r"does not have application-autoscaling:DeregisterScalableTarget permission"):
        sagemaker.delete_endpoint(EndpointName="digits-production")
