"""CloudFormation on a bare local AWS: what a template says is done, changed and taken back, or refused by name."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelward.local.up import ACCOUNT, LocalAws

pytestmark = pytest.mark.system

REGION_ROOT = f"us-east-1:{ACCOUNT}:"
TABLE_ROOT = f"arn:aws:dynamodb:{REGION_ROOT}table/"


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws() as started:
        yield started


@dataclass
class Stacks:
    """Creates, updates and deletes stacks, and says how that ended."""

    aws: LocalAws

    def __post_init__(self) -> None:
        self.cloudformation = self.aws.client("admin", "cloudformation")

    def create(self, name: str, **resources: Any) -> str:
        return self._settle(name, self.cloudformation.create_stack, resources)

    def update(self, name: str, **resources: Any) -> str:
        return self._settle(name, self.cloudformation.update_stack, resources)

    def delete(self, name: str) -> str:
        stack = self.describe(name)["StackId"]
        self.cloudformation.delete_stack(StackName=name)
        return self._status(stack)

    def describe(self, name: str) -> Any:
        return self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]

    def outputs(self, name: str) -> dict[str, str]:
        return {output["OutputKey"]: output["OutputValue"] for output in self.describe(name).get("Outputs", ())}

    def failure(self, name: str) -> str:
        """Give the reason of the latest failure of a resource."""
        events = self.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        failed = [each for each in events if each["ResourceStatus"].endswith("_FAILED")]
        return next(each["ResourceStatusReason"] for each in failed if each["LogicalResourceId"] != name)

    def _settle(self, name: str, call: Callable[..., Any], resources: Mapping[str, Any]) -> str:
        outputs = {key: {"Value": {"Ref": key}} for key in resources}
        template = {"Resources": resources, "Outputs": outputs}
        call(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"])
        return self._status(name)

    def _status(self, name: str) -> str:
        deadline = time.monotonic() + 20
        while (status := str(self.describe(name)["StackStatus"])).endswith("_IN_PROGRESS"):
            assert time.monotonic() < deadline, f"still {status}"
            time.sleep(0.02)
        return status


@pytest.fixture(scope="module")
def stacks(aws: LocalAws) -> Stacks:
    return Stacks(aws)


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def table(name: str, **properties: Any) -> dict[str, Any]:
    return resource(
        "AWS::DynamoDB::Table",
        TableName=name,
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        **properties,
    )


def group(name: str, **properties: Any) -> dict[str, Any]:
    return resource("AWS::SageMaker::ModelPackageGroup", ModelPackageGroupName=name, **properties)


def key() -> dict[str, Any]:
    everything = {"Effect": "Allow", "Action": "kms:*", "Principal": {"AWS": "*"}, "Resource": "*"}
    return resource("AWS::KMS::Key", KeyPolicy={"Version": "2012-10-17", "Statement": [everything]})


def test_a_table_gets_recovery_encryption_and_a_policy_and_loses_them_again(aws: LocalAws, stacks: Stacks) -> None:
    arn = TABLE_ROOT + "ledger"
    nobody = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "dynamodb:DeleteItem", "Resource": arn}
    full = table(
        "ledger",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        SSESpecification={"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]}},
        ResourcePolicy={"PolicyDocument": {"Version": "2012-10-17", "Statement": [nobody]}},
    )
    assert stacks.create("table", Key=key(), Ledger=full) == "CREATE_COMPLETE"
    database = aws.client("admin", "dynamodb")
    assert _recovery(database) == "ENABLED"
    encryption = database.describe_table(TableName="ledger")["Table"]["SSEDescription"]
    assert (encryption["Status"], encryption["SSEType"]) == ("ENABLED", "KMS")
    assert encryption["KMSMasterKeyArn"].endswith(stacks.outputs("table")["Key"])
    assert json.loads(database.get_resource_policy(ResourceArn=arn)["Policy"])["Statement"] == [nobody]
    item = {"key": {"S": "one"}}
    database.put_item(TableName="ledger", Item=item)
    with pytest.raises(
        ClientError, match=r"DeleteItem on resource: .* with an explicit deny in a resource-based policy"
    ):
        database.delete_item(TableName="ledger", Key=item)

    assert stacks.update("table", Key=key(), Ledger=table("ledger")) == "UPDATE_COMPLETE"
    assert _recovery(database) == "DISABLED"
    assert "SSEDescription" not in database.describe_table(TableName="ledger")["Table"]
    with pytest.raises(ClientError, match="PolicyNotFoundException"):
        database.get_resource_policy(ResourceArn=arn)
    database.delete_item(TableName="ledger", Key=item)
    assert stacks.delete("table") == "DELETE_COMPLETE"


def _recovery(database: Any) -> str:
    told = database.describe_continuous_backups(TableName="ledger")["ContinuousBackupsDescription"]
    return str(told["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"])


def test_a_protected_table_and_a_full_bucket_are_not_deleted(aws: LocalAws, stacks: Stacks) -> None:
    stacks.create("kept", Table=table("kept", DeletionProtectionEnabled=True), Bucket=resource("AWS::S3::Bucket"))
    bucket = stacks.outputs("kept")["Bucket"]
    s3 = aws.client("admin", "s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert stacks.delete("kept") == "DELETE_FAILED"
    events = stacks.cloudformation.describe_stack_events(StackName="kept")["StackEvents"]
    reasons = {each["ResourceType"]: each.get("ResourceStatusReason", "") for each in reversed(events)}
    assert "protected against deletion" in reasons["AWS::DynamoDB::Table"]
    assert "is not empty" in reasons["AWS::S3::Bucket"]
    s3.delete_object(Bucket=bucket, Key="k")
    aws.client("admin", "dynamodb").update_table(TableName="kept", DeletionProtectionEnabled=False)
    assert stacks.delete("kept") == "DELETE_COMPLETE"


def bucket(**properties: Any) -> dict[str, Any]:
    return resource("AWS::S3::Bucket", BucketName="artifacts", **properties)


def test_a_bucket_gets_all_its_settings_and_loses_them_again(aws: LocalAws, stacks: Stacks) -> None:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:aws:kms:us-east-1:123456789012:key/k"}
    encryption = {"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
    rules = [
        {
            "Id": "old",
            "Prefix": "logs/",
            "Status": "Enabled",
            "ExpirationInDays": 30,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 7, "NewerNoncurrentVersions": 2},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
        }
    ]
    full = bucket(
        AccessControl="Private",
        BucketEncryption={"ServerSideEncryptionConfiguration": [encryption]},
        LifecycleConfiguration={"Rules": rules},
        LoggingConfiguration={"DestinationBucketName": "elsewhere", "LogFilePrefix": "access/"},
        Tags=[{"Key": "team", "Value": "vision"}],
        VersioningConfiguration={"Status": "Enabled"},
        PublicAccessBlockConfiguration={"BlockPublicAcls": True},
    )
    assert stacks.create("bucket", Bucket=full) == "CREATE_COMPLETE"
    s3, name = aws.client("admin", "s3"), {"Bucket": "artifacts"}
    [rule] = s3.get_bucket_encryption(**name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule == {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
    assert s3.get_bucket_lifecycle_configuration(**name)["Rules"] == [
        {
            "ID": "old",
            "Filter": {"Prefix": "logs/"},
            "Status": "Enabled",
            "Expiration": {"Days": 30},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 7, "NewerNoncurrentVersions": 2},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
        }
    ]
    told = s3.get_bucket_logging(**name)["LoggingEnabled"]
    assert (told["TargetBucket"], told["TargetPrefix"]) == ("elsewhere", "access/")
    assert s3.get_bucket_tagging(**name)["TagSet"] == [{"Key": "team", "Value": "vision"}]

    assert stacks.update("bucket", Bucket=bucket()) == "UPDATE_COMPLETE"
    [rule] = s3.get_bucket_encryption(**name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert "LoggingEnabled" not in s3.get_bucket_logging(**name)
    assert s3.get_bucket_versioning(**name)["Status"] == "Suspended"
    for call in (s3.get_bucket_lifecycle_configuration, s3.get_bucket_tagging):
        with pytest.raises(ClientError, match=r"NoSuchLifecycleConfiguration|NoSuchTagSet"):
            call(**name)
    assert stacks.delete("bucket") == "DELETE_COMPLETE"


def test_a_topic_gets_its_key_and_loses_it_again(aws: LocalAws, stacks: Stacks) -> None:
    stacks.create("topic", Topic=resource("AWS::SNS::Topic", TopicName="told", KmsMasterKeyId="alias/aws/sns"))
    arn = stacks.outputs("topic")["Topic"]
    sns = aws.client("admin", "sns")
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["KmsMasterKeyId"] == "alias/aws/sns"
    stacks.update("topic", Topic=resource("AWS::SNS::Topic", TopicName="told"))
    assert "KmsMasterKeyId" not in sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert stacks.delete("topic") == "DELETE_COMPLETE"


def test_a_dashboard_gets_its_tags_and_loses_them_again(aws: LocalAws, stacks: Stacks) -> None:
    board = {"DashboardName": "board", "DashboardBody": '{"widgets": []}'}
    tags = [{"Key": "team", "Value": "vision"}]
    assert stacks.create("board", Board=resource("AWS::CloudWatch::Dashboard", **board, Tags=tags)) == "CREATE_COMPLETE"
    cloudwatch = aws.client("admin", "cloudwatch")
    arn = cloudwatch.list_dashboards()["DashboardEntries"][0]["DashboardArn"]
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == tags
    stacks.update("board", Board=resource("AWS::CloudWatch::Dashboard", **board))
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == []
    assert stacks.delete("board") == "DELETE_COMPLETE"


@pytest.mark.fidelity("ignored-property-fails")
def test_a_property_that_nothing_acts_on_fails_by_name_and_the_stack_goes_back(aws: LocalAws, stacks: Stacks) -> None:
    fast = bucket(AccelerateConfiguration={"AccelerationStatus": "Enabled"})
    queue = resource("AWS::SQS::Queue", QueueName="before")
    assert stacks.create("ignored", Queue=queue, Bucket={**fast, "DependsOn": "Queue"}) == "ROLLBACK_COMPLETE"
    assert stacks.failure("ignored") == (
        "The local AWS has no effect for AccelerateConfiguration.AccelerationStatus of Bucket (AWS::S3::Bucket), and "
        "a template must not do less than it says. Leave it out of what you deploy here, or test it on a real account."
    )
    assert not aws.client("admin", "sqs").list_queues(QueueNamePrefix="before").get("QueueUrls")
    with pytest.raises(ClientError, match="404"):
        aws.client("admin", "s3").head_bucket(Bucket="artifacts")


def test_a_rule_inside_a_list_that_nothing_acts_on_is_named_too(stacks: Stacks) -> None:
    rules = [{"Status": "Enabled", "ExpirationInDays": 1}, {"Status": "Enabled", "TagFilters": [{"Key": "a"}]}]
    stacks.create("in-list", Bucket=bucket(LifecycleConfiguration={"Rules": rules}))
    assert "no effect for LifecycleConfiguration.Rules[].TagFilters[].Key of Bucket" in stacks.failure("in-list")


def test_an_update_that_adds_what_nothing_acts_on_leaves_the_resource_as_it_was(aws: LocalAws, stacks: Stacks) -> None:
    before = table("steady", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    assert stacks.create("steady", Table=before) == "CREATE_COMPLETE"
    database = aws.client("admin", "dynamodb")
    database.put_item(TableName="steady", Item={"key": {"S": "one"}})
    after = table("steady", TimeToLiveSpecification={"AttributeName": "until", "Enabled": True}, Tags=[])
    assert stacks.update("steady", Table=after) == "UPDATE_ROLLBACK_COMPLETE"
    assert "TimeToLiveSpecification.AttributeName" in stacks.failure("steady")
    told = database.describe_continuous_backups(TableName="steady")["ContinuousBackupsDescription"]
    assert told["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert database.scan(TableName="steady")["Count"] == 1
    assert stacks.delete("steady") == "DELETE_COMPLETE"


def test_a_group_has_its_tags_and_policy_as_the_template_says_and_is_gone_with_it(
    aws: LocalAws, stacks: Stacks
) -> None:
    arn = f"arn:aws:sagemaker:{REGION_ROOT}model-package-group/sounds"
    reading = {
        "Effect": "Allow",
        "Principal": {"AWS": "222222222222"},
        "Action": "sagemaker:DescribeModelPackageGroup",
        "Resource": arn,
    }
    full = group(
        "sounds",
        ModelPackageGroupDescription="What we hear",
        ModelPackageGroupPolicy={"Version": "2012-10-17", "Statement": [reading]},
        Tags=[{"Key": "team", "Value": "audio"}, {"Key": "old", "Value": "yes"}],
    )
    status = resource("AWS::SSM::Parameter", Type="String", Value={"Fn::GetAtt": ["Group", "ModelPackageGroupStatus"]})
    assert stacks.create("groups", Group=full, Status={**status}) == "CREATE_COMPLETE"
    assert stacks.outputs("groups")["Group"] == arn
    parameter = stacks.outputs("groups")["Status"]
    assert aws.client("admin", "ssm").get_parameter(Name=parameter)["Parameter"]["Value"] == "Completed"
    sagemaker, name = aws.client("admin", "sagemaker"), {"ModelPackageGroupName": "sounds"}
    assert sagemaker.describe_model_package_group(**name)["ModelPackageGroupDescription"] == "What we hear"
    policy = json.loads(sagemaker.get_model_package_group_policy(**name)["ResourcePolicy"])
    assert policy["Statement"] == [reading]

    drift = stacks.cloudformation.detect_stack_drift(StackName="groups")["StackDriftDetectionId"]
    found = stacks.cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=drift)
    assert found["StackDriftStatus"] == "IN_SYNC"

    slim = group("sounds", ModelPackageGroupDescription="What we hear", Tags=[{"Key": "team", "Value": "speech"}])
    assert stacks.update("groups", Group=slim, Status=status) == "UPDATE_COMPLETE"
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "speech"}]
    with pytest.raises(ClientError, match="Cannot find resource policy"):
        sagemaker.get_model_package_group_policy(**name)

    sagemaker.delete_model_package_group(**name)
    assert stacks.delete("groups") == "DELETE_COMPLETE", "a group that is gone already needs no deleting"


@pytest.mark.fidelity("groups-in-templates")
def test_a_changed_description_under_the_same_name_fails_and_leaves_the_group_as_it_was(
    aws: LocalAws, stacks: Stacks
) -> None:
    tag = {"Tags": [{"Key": "team", "Value": "a"}]}
    assert stacks.create("fixed", Group=group("fixed", ModelPackageGroupDescription="one", **tag)) == "CREATE_COMPLETE"
    assert (
        stacks.update("fixed", Group=group("fixed", ModelPackageGroupDescription="two")) == "UPDATE_ROLLBACK_COMPLETE"
    )
    assert "Model Package Group already exists" in stacks.failure("fixed")
    told = aws.client("admin", "sagemaker").describe_model_package_group(ModelPackageGroupName="fixed")
    assert told["ModelPackageGroupDescription"] == "one"
    assert aws.client("admin", "sagemaker").list_tags(ResourceArn=told["ModelPackageGroupArn"])["Tags"] == tag["Tags"]


def test_a_changed_name_replaces_the_group(aws: LocalAws, stacks: Stacks) -> None:
    stacks.create("renamed", Group=group("first"))
    assert stacks.update("renamed", Group=group("second")) == "UPDATE_COMPLETE"
    listed = aws.client("admin", "sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert {"first", "second"} & {each["ModelPackageGroupName"] for each in listed} == {"second"}
    assert stacks.outputs("renamed")["Group"].endswith("/second")


def test_a_group_whose_policy_is_refused_is_not_left_behind(aws: LocalAws, stacks: Stacks) -> None:
    assert stacks.create("policy", Group=group("lonely", ModelPackageGroupPolicy="no")) == "ROLLBACK_COMPLETE"
    with pytest.raises(ClientError, match="does not exist"):
        aws.client("admin", "sagemaker").describe_model_package_group(ModelPackageGroupName="lonely")


def test_a_group_with_versions_stays_when_its_stack_is_deleted(aws: LocalAws, stacks: Stacks) -> None:
    stacks.create("full", Group=group("full"))
    container = {"Image": "246618743249.dkr.ecr.us-west-2.amazonaws.com/image:1", "ModelDataUrl": "s3://b/model.tar.gz"}
    aws.client("admin", "sagemaker").create_model_package(
        ModelPackageGroupName="full",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )
    assert stacks.delete("full") == "DELETE_FAILED"
    assert "ConflictException" in stacks.failure("full")


def test_a_property_of_a_group_that_cloudformation_does_not_have_is_refused(stacks: Stacks) -> None:
    stacks.create("managed", Group=group("managed", ManagedConfiguration={}))
    assert "no effect for ManagedConfiguration of Group" in stacks.failure("managed")


def test_a_role_gets_a_permissions_boundary_and_loses_it_again(aws: LocalAws, stacks: Stacks) -> None:
    iam = aws.client("admin", "iam")
    nothing = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
    boundary = iam.create_policy(PolicyName="bounds", PolicyDocument=json.dumps(nothing))["Policy"]["Arn"]
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
    }
    bare = resource("AWS::IAM::Role", AssumeRolePolicyDocument=trust, Path="/team/")
    bounded = {**bare, "Properties": {**bare["Properties"], "PermissionsBoundary": boundary}}
    assert stacks.create("role", Role=bounded) == "CREATE_COMPLETE"
    name = stacks.outputs("role")["Role"]
    role = iam.get_role(RoleName=name)["Role"]
    assert (role["Path"], role["PermissionsBoundary"]["PermissionsBoundaryArn"]) == ("/team/", boundary)
    assert stacks.update("role", Role=bare) == "UPDATE_COMPLETE"
    assert "PermissionsBoundary" not in iam.get_role(RoleName=name)["Role"]
    assert stacks.delete("role") == "DELETE_COMPLETE"
