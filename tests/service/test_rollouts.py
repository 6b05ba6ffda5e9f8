"""Rollouts that fail, meet busy endpoints, or overtake each other."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelward import config
from modelward.core.errors import RolloutError
from modelward.local.sagemaker import Fault
from modelward.planning.changes import Captures, CreateEndpointConfig
from modelward.services.execution import settings_of


def sick(world, *artifacts):
    """Let containers with these artifacts never become healthy."""
    world.hosting.health = lambda config: config.model_data_url not in artifacts


def staged(world, accuracy, **more):
    version = world.register(accuracy, **more)
    world.finish()
    version.approve(reason="good figures")
    world.finish()
    return version


def updates(world):
    return world.core.faults.calls["UpdateEndpoint"]


@pytest.fixture
def failed(world):
    """A world in which v2 failed to come up in production; v1 serves."""
    world.release(0.95)
    second = staged(world, 0.97)
    world.mails()
    sick(world, second.artifact_uri)
    second.promote("Production", reason="released")
    world.finish()
    return world


def test_a_silent_rollback_is_seen_recorded_and_told(failed):
    second = failed.digits.version(2)
    assert (second.stage, second.stage_status) == ("Production", "Rejected")
    assert "SageMaker went back to digits-production-v1-" in second.package.life_cycle.description
    assert failed.serving() == 1
    assert failed.digits.current("Production").version == 1
    assert failed.kinds(2)[-2:] == ["deploying", "failed"]

    mails = [mail for mail in failed.mails() if "failed to deploy" in mail["Subject"]]
    assert len(mails) == 1
    assert "modelward promote digits 2 Production --reason '...'" in mails[0]["Message"]
    assert "SageMaker went back" in mails[0]["Message"]


def test_status_tells_what_failed_and_what_serves_on(failed):
    told = next(each for each in failed.registry.status() if each.environment == "production")
    assert (told.state, told.live, told.wanted) == ("serving", 1, 1)
    assert told.problem.startswith("v2 failed here: SageMaker went back to digits-production-v1-")
    assert told.next_step


def test_a_version_that_failed_is_not_tried_again_by_events_or_sweeps(failed):
    before, since = updates(failed), len(failed.calls)
    for event in list(failed.events):
        failed.carry(event)
    failed.sweep()
    failed.finish()

    assert updates(failed) == before
    assert set(failed.changing(since)) <= {"SendMessageBatch", "PutEvents"}, "what only asks to look"
    assert failed.dead == []


def test_a_version_that_failed_is_tried_again_when_it_is_promoted_anew(failed):
    sick(failed)
    failed.digits.version(2).promote("Production", reason="the image is mended")
    failed.finish()

    assert failed.serving() == 2
    assert failed.digits.version(1).stage == "Archived"
    assert failed.kinds(2)[-4:] == ["failed", "staged", "deploying", "verified"]


def test_a_version_that_failed_gives_way_to_the_next(failed):
    third = staged(failed, 0.98)
    third.promote("Production", reason="better")
    failed.finish()

    assert failed.serving() == 3
    assert failed.digits.version(2).stage_status == "Rejected", "it stays to be seen"


def test_waiting_for_a_version_that_fails_tells_its_reason(world):
    world.release(0.95)
    second = staged(world, 0.97)
    sick(world, second.artifact_uri)
    second.promote("Production", reason="released")

    with pytest.raises(RolloutError, match="SageMaker went back to digits-production-v1-") as caught:
        world.digits.deploy("production")
    assert "promote again" in caught.value.next_step


def test_waiting_ends_when_the_version_is_verified_and_the_watcher_sees_what_goes_on(world):
    version = staged(world, 0.95)
    version.promote("Production", reason="released")
    seen = []
    found = world.digits.deploy("production", progress=lambda waited, state: seen.append((waited, state)))

    assert (found.version, found.stage_status) == (1, "Approved")
    assert any("v1 InProgress" in state for _, state in seen)
    assert [waited for waited, _ in seen] == sorted(waited for waited, _ in seen)


def test_waiting_ends_when_the_time_is_up(world):
    version = staged(world, 0.95)
    world.is_deaf = True
    world.hosting.health = lambda _config: None
    version.promote("Production", reason="released")
    with pytest.raises(RolloutError, match="v1 is not verified after 6 s"):
        world.digits.deploy("production", timeout_s=6)


def test_waiting_ends_when_another_decision_takes_the_version_away(world):
    world.release(0.95)
    second = staged(world, 0.97)
    second.promote("Production", reason="released")

    def watch(_waited, _state):
        if second.refresh().approval_status == "Approved":
            second.reject(reason="it is biased")

    with pytest.raises(RolloutError, match="another decision took v2 out of Production"):
        world.digits.deploy("production", progress=watch)


def test_a_first_version_that_fails_leaves_an_endpoint_that_the_next_promotion_makes_anew(world):
    first = world.register(0.95)
    sick(world, first.artifact_uri)
    world.finish()
    first.approve(reason="good")
    world.finish()
    assert world.endpoint("staging")["EndpointStatus"] == "Failed"
    assert first.refresh().stage_status == "Rejected"
    assert "ping health check" in first.refresh().package.life_cycle.description
    assert world.kinds(1)[-1] == "failed"

    staged(world, 0.97)

    assert world.endpoint("staging")["EndpointStatus"] == "InService"
    assert world.serving("staging") == 2
    assert world.dead == []


def test_an_endpoint_that_is_busy_is_gone_on_with_by_its_own_event(world):
    world.release(0.95)
    second = staged(world, 0.97)
    doubled = [{"VariantName": "AllTraffic", "DesiredWeight": 2}]
    world.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="digits-production", DesiredWeightsAndCapacities=doubled
    )
    second.promote("Production", reason="released")
    world.settle()
    assert updates(world) == 1, "only staging's"
    world.finish()

    assert world.serving() == 2
    assert world.dead == []


def test_an_endpoint_that_somebody_was_quicker_to_update_is_moved_on_afterwards(world):
    world.release(0.95)
    second, third = staged(world, 0.97), staged(world, 0.98)
    second.promote("Production", reason="released")
    world.settle()
    third.promote("Production", reason="better still")
    world.finish()

    assert world.serving() == 3
    assert "failed" not in world.kinds(2) + world.kinds(3)
    assert second.refresh().stage == "Archived"
    assert world.dead == []


def test_three_promotions_in_quick_succession_end_on_the_last_one(world):
    world.release(0.95)
    versions = [staged(world, accuracy) for accuracy in (0.96, 0.97, 0.98)]
    for version in (versions[0], versions[2], versions[1]):
        version.promote("Production", reason="released")
    world.finish()

    assert world.serving() == 3
    assert world.digits.current("Production").version == 3
    assert world.dead == []


def test_three_approvals_in_quick_succession_end_on_the_last_one(world):
    versions = [world.register(accuracy) for accuracy in (0.95, 0.96, 0.97)]
    world.finish()
    for version in (versions[2], versions[0], versions[1]):
        version.approve(reason="good")
        world.pause()
    world.finish()

    assert world.serving("staging") == 2
    assert world.endpoint("staging")["EndpointStatus"] == "InService"


def test_a_config_that_cannot_be_seen_yet_is_waited_for(world):
    version = world.register(0.95)
    world.finish()
    client, misses = world.sagemaker, iter([True, True, False])

    def hide(**_):
        if next(misses, False):
            text = 'Could not find endpoint configuration "arn:aws:sagemaker:eu-west-1:1:endpoint-config/x".'
            raise ClientError({"Error": {"Code": "ValidationException", "Message": text}}, "CreateEndpoint")

    client.meta.events.register("before-call.sagemaker.CreateEndpoint", hide)
    version.approve(reason="good")
    world.finish()

    assert world.serving("staging") == 1
    assert world.kinds(1) == ["registered", "approved", "staged", "deploying", "verified"]


def test_a_quota_that_is_reached_is_waited_for_and_the_next_sweep_goes_on(world):
    version = world.register(0.95)
    world.finish()
    world.core.faults.add("CreateEndpoint", kind=Fault.QUOTA)
    version.approve(reason="good")
    world.finish()
    assert world.dead == []

    world.sweep()
    world.finish()

    assert world.serving("staging") == 1
    assert world.kinds(1) == ["registered", "approved", "staged", "deploying", "waiting", "deploying", "verified"]


def test_a_change_of_the_declared_capacity_moves_the_endpoint_and_keeps_the_version(world):
    world.release(0.95)
    world.use(world.declaration.replace("instance_count = 2", "instance_count = 3"))
    world.sweep()
    world.finish()

    variant = world.endpoint()["ProductionVariants"][0]
    assert variant["CurrentInstanceCount"] == 3
    assert world.serving() == 1
    assert world.kinds(1)[-2:] == ["deploying", "verified"]


def test_a_reconfiguration_that_fails_keeps_the_version_and_no_edit_of_metadata_tries_it_again(world):
    version = world.release(0.95)
    world.hosting.health = lambda _config: False
    world.use(world.declaration.replace("instance_count = 2", "instance_count = 3"))
    world.sweep()
    world.finish()
    assert world.kinds(1)[-1] == "failed"
    before = updates(world)

    world.sagemaker.update_model_package(ModelPackageArn=version.arn, CustomerMetadataProperties={"team": "vision"})
    world.finish()
    world.sweep()
    world.finish()

    assert updates(world) == before
    assert world.digits.current("Production").version == 1
    assert world.kinds(1)[-1] == "failed"


def test_an_environment_without_an_endpoint_takes_the_version_at_once(world):
    part = world.declaration.partition("[models.digits.endpoints.production]")
    world.use(part[0] + "[notifications]\n")
    version = staged(world, 0.95)
    version.promote("Production", reason="served elsewhere")
    world.finish()

    assert version.refresh().stage_status == "Approved"
    assert world.digits.current("Production").version == 1
    assert world.digits.deploy("production").version == 1


def test_an_endpoint_that_is_declared_isolated_is_rolled_out_anew_without_a_network(world):
    def is_isolated():
        model = world.sagemaker.describe_endpoint(EndpointName="digits-production")["EndpointConfigName"]
        return world.sagemaker.describe_model(ModelName=model)["EnableNetworkIsolation"]

    world.release(0.95)
    assert is_isolated() is False
    world.use(world.declaration.replace('"ml.m5.large"', '"ml.m5.large"\nnetwork_isolation = true'))
    world.sweep()
    world.finish()

    assert is_isolated() is True
    assert world.serving() == 1
    assert world.kinds(1)[-2:] == ["deploying", "verified"]


KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
VPC = 'vpc = { subnets = ["subnet-0a1b2c3d", "subnet-0a1b2c3e"], security_groups = ["sg-0a1b2c3d"] }'


def test_a_key_for_volumes_and_a_vpc_are_rolled_out_anew_and_taken_back(world):
    def placed():
        config = world.sagemaker.describe_endpoint_config(EndpointConfigName=world.endpoint()["EndpointConfigName"])
        model = world.sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
        return config.get("KmsKeyId"), model.get("VpcConfig")

    world.release(0.95)
    before, plain = world.declaration, world.endpoint()["EndpointConfigName"]
    assert placed() == (None, None)
    world.use(before.replace('"ml.m5.large"', f'"ml.m5.large"\nvolume_key_arn = "{KEY}"\n{VPC}'))
    world.sweep()
    world.finish()

    vpc = {"Subnets": ["subnet-0a1b2c3d", "subnet-0a1b2c3e"], "SecurityGroupIds": ["sg-0a1b2c3d"]}
    assert placed() == (KEY, vpc)
    assert world.kinds(1)[-2:] == ["deploying", "verified"]
    world.use(before)
    world.sweep()
    world.finish()
    assert world.endpoint()["EndpointConfigName"] == plain
    assert world.serving() == 1


def test_calls_are_captured_in_the_registry_s_bucket_with_its_key(world):
    world.use(world.declaration.replace('"ml.m5.large"', '"ml.m5.large"\ndata_capture = { percent = 50 }'))
    world.release(0.95)
    runtime = world.client("sagemaker-runtime")
    for number in range(4):
        runtime.invoke_endpoint(EndpointName="digits-production", Body=b"%d" % number, ContentType="text/csv")

    s3, bucket = world.client("s3"), world.settings.bucket
    prefix = "capture/digits-production/AllTraffic/2026/01/05/09/"
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    found = [s3.get_object(Bucket=bucket, Key=key) for key in keys]
    assert [each["SSEKMSKeyId"] for each in found] == [world.settings.key_arn] * 2
    records = [json.loads(line) for each in found for line in each["Body"].read().splitlines()]
    asked = [each["captureData"]["endpointInput"] for each in records]
    assert sorted(each["data"] for each in asked) == ["1", "3"]
    assert {each["encoding"] for each in asked} == {"CSV"}
    assert {each["captureData"]["endpointOutput"]["encoding"] for each in records} == {"JSON"}


def asynchronous(world, settings=""):
    """Deploy production as an asynchronous endpoint."""
    world.use(world.declaration.replace('"ml.m5.large"', f'"ml.m5.large"\nasynchronous = {{ {settings} }}'))


def test_an_asynchronous_endpoint_reads_and_answers_in_the_registry_s_bucket_with_its_key(world):
    sns, sqs, s3 = (world.client(service) for service in ("sns", "sqs", "s3"))
    topic = sns.create_topic(Name="answers")["TopicArn"]
    queue = sqs.create_queue(QueueName="answers")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:eu-west-1:123456789012:answers")
    asynchronous(world, f'success_topic_arn = "{topic}", error_topic_arn = "{topic}", max_concurrent_calls = 4')
    world.release(0.95)

    bucket, place = world.settings.bucket, "async/digits-production"
    s3.put_object(Bucket=bucket, Key=f"{place}/requests/1.csv", Body=b"1,2")
    told = world.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName="digits-production", InputLocation=f"s3://{bucket}/{place}/requests/1.csv", ContentType="text/csv"
    )
    assert told["OutputLocation"].startswith(f"s3://{bucket}/{place}/answers/")
    assert told["FailureLocation"].startswith(f"s3://{bucket}/{place}/failures/")
    world.run_for(2)
    answer = s3.get_object(Bucket=bucket, Key=told["OutputLocation"].partition(f"{bucket}/")[2])
    assert answer["SSEKMSKeyId"] == world.settings.key_arn
    assert json.load(answer["Body"])["body"] == "1,2"
    texts = [
        json.loads(each["Body"]) for each in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    ]
    told_of = [json.loads(each["Message"]) for each in texts]
    [result] = [each for each in told_of if each["eventName"] == "InferenceResult"]
    assert (result["invocationStatus"], result["inferenceId"]) == ("Completed", told["InferenceId"])

    found = world.sagemaker.describe_endpoint(EndpointName="digits-production")
    assert found["AsyncInferenceConfig"]["ClientConfig"] == {"MaxConcurrentInvocationsPerInstance": 4}
    world.release(0.97)
    found = world.sagemaker.describe_endpoint(EndpointName="digits-production")
    assert "-v2-" in found["EndpointConfigName"]


def test_the_example_for_asynchronous_endpoints_works(world, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    asynchronous(world)
    world.release(0.95)
    document = (Path(__file__).parents[2] / "docs" / "targets.md").read_text()
    asking, fetching = re.findall(r"```python\n(.*?)```", document, re.DOTALL)[:2]
    names: dict[str, Any] = {}
    exec(asking, names)
    world.run_for(2)
    exec(fetching, names)
    assert json.loads(names["answer"])["body"] == "0,0,5,13,9,1\n"


def test_an_endpoint_that_answers_its_callers_is_not_turned_into_an_asynchronous_one(world):
    world.release(0.95)
    before = updates(world)
    asynchronous(world)
    world.sweep()
    world.finish()
    assert updates(world) == before
    assert world.serving() == 1
    with pytest.raises(RolloutError, match="no update makes it an asynchronous one"):
        world.digits.deploy("production")


def test_one_side_of_calls_is_captured_if_that_is_declared(world):
    for side, modes in (("requests", ["Input"]), ("responses", ["Output"])):
        capture = f'"ml.m5.large"\ndata_capture = {{ percent = 1, only = "{side}" }}'
        spec = (
            config.parse(world.declaration.replace('"ml.m5.large"', capture)).models["digits"].endpoints["production"]
        )
        change = CreateEndpointConfig("c", "m", spec, Captures("s3://b/capture", "arn:key"))
        options = settings_of(change)["DataCaptureConfig"]["CaptureOptions"]
        assert [each["CaptureMode"] for each in options] == modes


def test_a_changed_limit_of_an_alarm_leaves_the_endpoint_alone(world):
    world.release(0.95)
    before = updates(world)
    world.use(world.declaration.replace('"ml.m5.large"', '"ml.m5.large"\nalarms = { errors_5xx_at_most = 3 }'))
    world.sweep()
    world.finish()

    assert updates(world) == before
