"""The local SageMaker through real boto3, inside moto."""

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from modelward.local.moto import advance, clock, core, events, hosting, install, watch
from modelward.local.moto.resources import ModelPackageGroup
from modelward.local.sagemaker import AlarmState, Fault, Timing

ACCOUNT = "123456789012"
REGION = "eu-west-1"
SPECIFICATION = {"Containers": [{"Image": "i", "ModelDataUrl": "s3://b/v1.tar.gz"}]}
SIZE = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/execution"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
)
SHARE = {
    "Effect": "Allow",
    "Principal": {"AWS": "210987654321"},
    "Action": "sagemaker:DescribeModelPackageGroup",
    "Resource": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/digits",
}


@pytest.fixture
def aws():
    install()
    with mock_aws():
        yield boto3.Session(region_name=REGION)


@pytest.fixture
def sagemaker(aws):
    return aws.client("sagemaker")


def register(sagemaker, group="digits", **more) -> str:
    request = {"ModelPackageGroupName": group, "InferenceSpecification": SPECIFICATION, **more}
    return sagemaker.create_model_package(**request)["ModelPackageArn"]


def deploy(sagemaker, name="digits") -> None:
    sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": "i"}, ExecutionRoleArn=ROLE)
    variants = [{"VariantName": "live", "ModelName": name, **SIZE}]
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)


def test_a_users_own_test_gets_the_whole_registry(sagemaker) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="digits")
    arn = register(sagemaker, CustomerMetadataProperties={"metric:accuracy": "0.97"})
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="good")
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert found["CustomerMetadataProperties"] == {"metric:accuracy": "0.97"}
    assert found["CreationTime"] == clock()
    summaries = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName="digits")
    assert [each["ModelPackageVersion"] for each in summaries.search("ModelPackageSummaryList[]")] == [1]
    filters = [{"Name": "CustomerMetadataProperties.metric:accuracy", "Operator": "Equals", "Value": "0.97"}]
    results = sagemaker.search(Resource="ModelPackage", SearchExpression={"Filters": filters})
    assert [each["ModelPackage"]["ModelPackageArn"] for each in results["Results"]] == [arn]


def test_an_error_has_awss_code_and_words(sagemaker) -> None:
    with pytest.raises(ClientError) as caught:
        sagemaker.describe_endpoint(EndpointName="digits")
    assert caught.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": f'Could not find endpoint "arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/digits".',
    }
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_waiters_need_not_wait(sagemaker) -> None:
    deploy(sagemaker)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="digits", WaiterConfig={"MaxAttempts": 1})
    sagemaker.delete_endpoint(EndpointName="digits")
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="digits", WaiterConfig={"MaxAttempts": 1})


def test_an_endpoint_takes_its_time_when_it_is_told_to(sagemaker) -> None:
    core(ACCOUNT, REGION).timing = Timing(create_s=300)
    deploy(sagemaker)
    assert sagemaker.describe_endpoint(EndpointName="digits")["EndpointStatus"] == "Creating"
    advance(300)
    statuses = [event["detail"].get("EndpointStatus") for event in events(ACCOUNT, REGION)]
    assert statuses == [None, None, "CREATING", "IN_SERVICE"], "a model and a config come first"
    assert sagemaker.describe_endpoint(EndpointName="digits")["EndpointStatus"] == "InService"


def test_an_endpoint_answers_through_the_runtime(aws, sagemaker) -> None:
    deploy(sagemaker)
    hosting(ACCOUNT, REGION).answer = lambda config, body, content_type: (200, "text/csv", body[::-1])
    runtime = aws.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName="digits", Body=b"\x00\xff1", ContentType="image/png")
    assert (answer["Body"].read(), answer["ContentType"]) == (b"1\xff\x00", "text/csv")
    assert answer["InvokedProductionVariant"] == "live"
    with pytest.raises(ClientError, match="Endpoint absent of account 123456789012 not found"):
        runtime.invoke_endpoint(EndpointName="absent", Body=b"")
    hosting(ACCOUNT, REGION).answer = lambda config, body, content_type: (500, "text/plain", b"boom")
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        runtime.invoke_endpoint(EndpointName="digits", Body=b"")
    assert (caught.value.response["OriginalStatusCode"], caught.value.response["OriginalMessage"]) == (500, "boom")


def test_what_moto_knows_and_we_do_not_stays_motos(sagemaker) -> None:
    definition = json.dumps({"Version": "2020-12-01", "Steps": []})
    arn = sagemaker.create_pipeline(
        PipelineName="train", PipelineDefinition=definition, RoleArn=ROLE, ClientRequestToken="x" * 32
    )["PipelineArn"]
    assert [each["PipelineName"] for each in sagemaker.list_pipelines()["PipelineSummaries"]] == ["train"]
    sagemaker.create_experiment(ExperimentName="trials")
    found = sagemaker.search(Resource="Experiment")["Results"]
    assert [each["Experiment"]["ExperimentName"] for each in found] == ["trials"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]


@pytest.mark.fidelity("unknown-operation")
def test_what_neither_knows_is_refused_at_once_by_name(sagemaker) -> None:
    with pytest.raises(ClientError, match="ListPipelineExecutionSteps") as caught:
        sagemaker.list_pipeline_execution_steps(PipelineExecutionArn="arn:aws:sagemaker:eu-west-1:1:pipeline/x")
    metadata = caught.value.response["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], metadata["RetryAttempts"]) == (400, 0)


@pytest.mark.fidelity("unknown-operation")
def test_an_operation_of_the_runtime_that_neither_knows_is_refused_by_name(aws) -> None:
    with pytest.raises(ClientError, match="implement the operation InvokeEndpointWithResponseStream"):
        aws.client("sagemaker-runtime").invoke_endpoint_with_response_stream(EndpointName="e", Body=b"")


def test_a_lost_answer_is_a_read_time_out_to_boto3(aws) -> None:
    once = aws.client("sagemaker", config=Config(retries={"total_max_attempts": 1}))
    once.create_model_package_group(ModelPackageGroupName="digits")
    core(ACCOUNT, REGION).faults.add("CreateModelPackage", kind=Fault.TIMEOUT_BEFORE)
    core(ACCOUNT, REGION).faults.add("CreateModelPackage", call=2, kind=Fault.TIMEOUT_AFTER)
    for count in (0, 1):
        with pytest.raises(ReadTimeoutError):
            register(once)
        assert len(once.list_model_packages(ModelPackageGroupName="digits")["ModelPackageSummaryList"]) == count


def test_state_belongs_to_one_account_and_region(aws, sagemaker) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="digits")
    other_region = aws.client("sagemaker", region_name="us-east-1")
    assert other_region.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    role = {"RoleArn": "arn:aws:iam::111122223333:role/reader", "RoleSessionName": "session"}
    keys = aws.client("sts").assume_role(**role)["Credentials"]
    other_account = aws.client(
        "sagemaker",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    arn = other_account.create_model_package_group(ModelPackageGroupName="digits")["ModelPackageGroupArn"]
    assert ":111122223333:" in arn


def test_who_did_it_is_the_user_or_role_that_moto_knows(aws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    aws.client("sagemaker", **ann).create_model_package_group(ModelPackageGroupName="digits")
    register(aws.client("sagemaker", **ann))
    iam.create_role(RoleName="approver", AssumeRolePolicyDocument=TRUST)
    keys = aws.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/approver", RoleSessionName="bob")
    bob = {
        "aws_access_key_id": keys["Credentials"]["AccessKeyId"],
        "aws_secret_access_key": keys["Credentials"]["SecretAccessKey"],
        "aws_session_token": keys["Credentials"]["SessionToken"],
    }
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/digits/1"
    aws.client("sagemaker", **bob).update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    found = aws.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert found["CreatedBy"]["IamIdentity"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/ann"
    assert found["LastModifiedBy"]["IamIdentity"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/approver/bob"


def test_a_new_mock_begins_empty_with_the_clock_turned_back(aws, sagemaker) -> None:
    start = clock()
    sagemaker.create_model_package_group(ModelPackageGroupName="digits")
    register(sagemaker)
    advance(3600)
    core(ACCOUNT, REGION).faults.add("ListModels", kind=Fault.THROTTLE)
    aws.client("s3").list_buckets()
    mock = mock_aws()
    mock.reset()
    assert clock() == start
    assert events(ACCOUNT, REGION) == []
    assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    assert sagemaker.list_models()["Models"] == []


def test_installing_again_keeps_what_is_there(sagemaker) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="digits")
    install()
    assert len(sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]) == 1


def test_an_event_reaches_a_queue_past_a_target_that_moto_cannot_serve(aws, sagemaker) -> None:
    queue = aws.client("sqs").create_queue(QueueName="events")["QueueUrl"]
    bus = aws.client("events")
    pattern = {"source": ["aws.sagemaker"], "detail": {"UpdatedModelPackageFields": ["ModelApprovalStatus"]}}
    bus.put_rule(Name="approvals", EventPattern=json.dumps(pattern))
    bus.put_rule(Name="asleep", EventPattern=json.dumps({"source": ["aws.sagemaker"]}), State="DISABLED")
    function = {"Id": "function", "Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"}
    target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:events"}
    for rule in ("approvals", "asleep"):
        bus.put_targets(Rule=rule, Targets=[function, target])
    sagemaker.create_model_package_group(ModelPackageGroupName="digits")
    arn = register(sagemaker)
    sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"a": "b"})
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    messages = aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    (event,) = [json.loads(message["Body"]) for message in messages]
    assert (event["account"], event["region"], event["resources"]) == (ACCOUNT, REGION, [arn])
    assert event["time"] == "2026-01-05T09:00:00Z"
    assert event["detail"]["ModelApprovalStatus"] == "Approved"


def test_cloudformation_can_make_and_delete_a_group(sagemaker) -> None:
    """moto's CloudFormation as a whole needs packages that our extra does not bring, so its resource class is asked."""
    properties = {
        "ModelPackageGroupDescription": "Handwritten digits",
        "ModelPackageGroupPolicy": {"Version": "2012-10-17", "Statement": [SHARE]},
        "Tags": [{"Key": "team", "Value": "vision"}],
    }
    where = {"account_id": ACCOUNT, "region_name": REGION}
    made = ModelPackageGroup.create_from_cloudformation_json("digits", {"Properties": properties}, **where)
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/digits"
    assert made.physical_resource_id == made.get_cfn_attribute("ModelPackageGroupArn") == arn
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "vision"}]
    policy = sagemaker.get_model_package_group_policy(ModelPackageGroupName="digits")["ResourcePolicy"]
    assert json.loads(policy)["Statement"] == [SHARE]
    kept = {"ModelPackageGroupDescription": "Handwritten digits"}
    changed = {"Properties": {**kept, "Tags": [{"Key": "team", "Value": "speech"}]}}
    ModelPackageGroup.update_from_cloudformation_json(made, "digits", changed, **where)
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "speech"}]
    with pytest.raises(ClientError, match="Cannot find resource policy"):
        sagemaker.get_model_package_group_policy(ModelPackageGroupName="digits")
    ModelPackageGroup.delete_from_cloudformation_json(arn, changed, **where)
    assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_both_fronts_of_every_operation_are_served_by_the_core(sagemaker) -> None:
    assert core(ACCOUNT, REGION).operations >= {
        "CreateModelPackage",
        "UpdateEndpoint",
        "Search",
        "DeleteModelPackageGroup",
        "UpdateEndpointWeightsAndCapacities",
    }


# Guardrails, alarms, lineage


CANARY = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "WaitIntervalInSeconds": 300,
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        },
        "TerminationWaitInSeconds": 60,
    },
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
}


@pytest.fixture
def canary(aws, sagemaker):
    """An endpoint in the middle of a canary deployment from `old` to `new`, watched by an alarm of CloudWatch."""
    dimensions = [{"Name": "EndpointName", "Value": "digits"}, {"Name": "VariantName", "Value": "live"}]
    rule = {"Threshold": 1, "Period": 60, "EvaluationPeriods": 1, "TreatMissingData": "notBreaching"}
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName="errors",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Sum",
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        Dimensions=dimensions,
        **rule,
    )
    for name in ("old", "new"):
        sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": "i"}, ExecutionRoleArn=ROLE)
        variants = [{"VariantName": "live", "ModelName": name, **SIZE, "InitialInstanceCount": 2}]
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName="digits", EndpointConfigName="old")
    sagemaker.update_endpoint(EndpointName="digits", EndpointConfigName="new", DeploymentConfig=CANARY)
    return sagemaker


def config_of(sagemaker) -> str:
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="digits")
    return sagemaker.describe_endpoint(EndpointName="digits")["EndpointConfigName"]


def test_a_canary_goes_on_when_the_clock_does(canary) -> None:
    assert canary.describe_endpoint(EndpointName="digits")["EndpointStatus"] == "Updating"
    advance(360)
    assert config_of(canary) == "new"


def test_errors_of_a_canary_trip_an_alarm_of_cloudwatch(aws, canary) -> None:
    hosting(ACCOUNT, REGION).answer = lambda config, body, kind: (
        500 if config.endpoint_config_name == "new" else 200,
        "text/plain",
        b"",
    )
    runtime = aws.client("sagemaker-runtime")
    failed = 0
    for _ in range(4):
        try:
            runtime.invoke_endpoint(EndpointName="digits", Body=b"")
        except ClientError:
            failed += 1
    assert failed == 2
    advance(10)
    assert config_of(canary) == "old"
    metrics = aws.client("cloudwatch").list_metrics(Namespace="AWS/SageMaker", MetricName="ModelLatency")["Metrics"]
    assert {dimension["Value"] for metric in metrics for dimension in metric["Dimensions"]} >= {"digits", "live", "new"}


def test_an_alarm_can_be_set_by_hand(aws, canary) -> None:
    aws.client("cloudwatch").set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="test")
    advance(10)
    assert config_of(canary) == "old"


def test_an_alarm_that_cloudwatch_does_not_know_is_refused(sagemaker) -> None:
    deploy(sagemaker)
    sagemaker.create_endpoint_config(
        EndpointConfigName="new",
        ProductionVariants=[{"VariantName": "live", "ModelName": "digits", **SIZE}],
    )
    with pytest.raises(ClientError, match="errors"):
        sagemaker.update_endpoint(EndpointName="digits", EndpointConfigName="new", DeploymentConfig=CANARY)
    watch(ACCOUNT, REGION).force("errors", AlarmState.OK)
    sagemaker.update_endpoint(EndpointName="digits", EndpointConfigName="new", DeploymentConfig=CANARY)


def test_lineage_answers_by_its_paginators(sagemaker) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="digits")
    arn = register(sagemaker)
    artifacts = sagemaker.get_paginator("list_artifacts").paginate(SourceUri=arn)
    [artifact] = artifacts.search("ArtifactSummaries[]")
    found = sagemaker.query_lineage(StartArns=[artifact["ArtifactArn"]], Direction="Both", IncludeEdges=True)
    assert {each["Type"] for each in found["Vertices"]} == {"Model", "Image", "ModelGroup", "Approval"}
    assert len(found["Edges"]) == 4
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_action(ActionName="absent")


def test_events_can_be_lost_on_their_way(sagemaker) -> None:
    core(ACCOUNT, REGION).deliveries.lose()
    sagemaker.create_model_package_group(ModelPackageGroupName="digits")
    register(sagemaker)
    register(sagemaker)
    assert [event["detail"]["ModelPackageVersion"] for event in events(ACCOUNT, REGION)] == [2]
