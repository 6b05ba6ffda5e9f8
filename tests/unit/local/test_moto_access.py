"""moto's IAM at the door of the local SageMaker: identities where a test asks for them, other accounts always."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.authorization import enable_iam_authentication

from modelward.local.moto import core, install

OWNER, OTHER, REGION = "123456789012", "210987654321", "eu-west-1"
ROOT = f"arn:aws:sagemaker:{REGION}:{OWNER}:"
GROUP = ROOT + "model-package-group/digits"
VERSIONS = ROOT + "model-package/digits/*"
SPECIFICATION = {"Containers": [{"Image": "i", "ModelDataUrl": "s3://b/v1.tar.gz"}]}
READ = ["sagemaker:DescribeModelPackageGroup", "sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages"]


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def deny(*actions: str, **more: Any) -> dict[str, Any]:
    return {**allow(*actions, **more), "Effect": "Deny"}


def share(*actions: str, account: str = OTHER) -> str:
    return document(allow(*actions, resource=[GROUP, VERSIONS], Principal={"AWS": account}))


def session(account: str, key: Any = None) -> boto3.Session:
    """Give a session of an account; a role's keys are what makes moto believe in another account."""
    if key is None:
        key = boto3.client("sts", REGION).assume_role(RoleArn=f"arn:aws:iam::{account}:role/r", RoleSessionName="ann")[
            "Credentials"
        ]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], key.get("SessionToken"), region_name=REGION)


def register(client: Any, group: str = "digits", **more: Any) -> str:
    arn: str = client.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=SPECIFICATION, ModelApprovalStatus="Approved", **more
    )["ModelPackageArn"]
    return arn


def denial(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    return str(caught.value.response["Error"]["Message"])


@pytest.fixture
def owner() -> Iterator[Any]:
    install()
    with mock_aws():
        client = boto3.client("sagemaker", REGION)
        client.create_model_package_group(ModelPackageGroupName="digits", Tags=[{"Key": "team", "Value": "vision"}])
        yield client


@pytest.fixture
def version(owner: Any) -> str:
    return register(owner)


@pytest.fixture
def other(owner: Any) -> Any:
    return session(OTHER).client("sagemaker")


# Other accounts


def test_a_group_that_is_not_shared_is_denied_and_not_missing(other: Any, version: str) -> None:
    told = denial(other.describe_model_package, ModelPackageName=version)
    assert told == (
        f"User: arn:aws:sts::{OTHER}:assumed-role/r/ann is not authorized to perform: sagemaker:DescribeModelPackage "
        f"on resource: {version} because no resource-based policy allows the sagemaker:DescribeModelPackage action"
    )
    nobodys = GROUP.replace(OWNER, "333333333333")
    assert "resource-based" in denial(other.describe_model_package_group, ModelPackageGroupName=nobodys)


def test_a_shared_group_can_be_read_by_its_arn(owner: Any, other: Any, version: str) -> None:
    policy = share(*READ, "sagemaker:BatchDescribeModelPackage")
    owner.put_model_package_group_policy(ModelPackageGroupName="digits", ResourcePolicy=policy)
    assert other.describe_model_package_group(ModelPackageGroupName=GROUP)["ModelPackageGroupName"] == "digits"
    listed = other.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
    assert [each["ModelPackageArn"] for each in listed] == [version]
    assert other.describe_model_package(ModelPackageName=version)["ModelPackageVersion"] == 1
    batch = other.batch_describe_model_package(ModelPackageArnList=[version])
    assert list(batch["ModelPackageSummaries"]) == [version]
    assert "ApprovalStatus" not in denial(other.update_model_package, ModelPackageArn=version)
    with pytest.raises(ClientError, match="does not exist"):  # by name, it is a group of one's own
        other.describe_model_package_group(ModelPackageGroupName="digits")


def test_who_may_registers_and_approves_in_another_accounts_group(owner: Any, other: Any, version: str) -> None:
    policy = share("sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage")
    owner.put_model_package_group_policy(ModelPackageGroupName="digits", ResourcePolicy=policy)
    assert register(other, GROUP) == ROOT + "model-package/digits/2"
    other.update_model_package(ModelPackageArn=version, ApprovalDescription="it serves us well")
    identity = {"Arn": f"arn:aws:sts::{OTHER}:assumed-role/r/ann"}
    for arn, who in ((ROOT + "model-package/digits/2", "CreatedBy"), (version, "LastModifiedBy")):
        assert identity.items() <= owner.describe_model_package(ModelPackageName=arn)[who]["IamIdentity"].items()


@pytest.mark.fidelity("principal-arn-in-group-policy")
def test_a_policy_may_be_for_one_role_of_the_other_account_by_a_condition(owner: Any, other: Any, version: str) -> None:
    for role, is_let_in in (("r", True), ("another", False)):
        condition = {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:role/{role}"}}
        shared = document(allow(*READ, resource=VERSIONS, Principal={"AWS": OTHER}, Condition=condition))
        owner.put_model_package_group_policy(ModelPackageGroupName="digits", ResourcePolicy=shared)
        if is_let_in:
            assert other.describe_model_package(ModelPackageName=version)["ModelPackageVersion"] == 1
        else:
            denial(other.describe_model_package, ModelPackageName=version)


@pytest.mark.fidelity("copy-needs-describe")
def test_a_version_is_copied_from_one_account_into_anothers_group(owner: Any, other: Any, version: str) -> None:
    other.create_model_package_group(ModelPackageGroupName="own")
    mine = register(other, "own")
    owner.put_model_package_group_policy(
        ModelPackageGroupName="digits", ResourcePolicy=share("sagemaker:CreateModelPackage")
    )
    copy = other.create_model_package(ModelPackageGroupName=GROUP, SourceUri=mine)["ModelPackageArn"]
    assert owner.describe_model_package(ModelPackageName=copy)["InferenceSpecification"] == SPECIFICATION
    theirs = {"ModelPackageGroupName": "own", "SourceUri": version}
    assert "DescribeModelPackage" in denial(other.create_model_package, **theirs)


def test_a_shared_version_is_deployed_in_the_other_account(owner: Any, other: Any, version: str) -> None:
    model = {
        "ModelName": "m",
        "PrimaryContainer": {"ModelPackageName": version},
        "ExecutionRoleArn": f"arn:aws:iam::{OTHER}:role/execution",
    }
    assert f"sagemaker:CreateModel on resource: {version}" in denial(other.create_model, **model)
    owner.put_model_package_group_policy(ModelPackageGroupName="digits", ResourcePolicy=share("sagemaker:CreateModel"))
    assert other.create_model(**model)["ModelArn"] == f"arn:aws:sagemaker:{REGION}:{OTHER}:model/m"
    variants = [{"VariantName": "live", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]
    other.create_endpoint_config(EndpointConfigName="c", ProductionVariants=variants)
    other.create_endpoint(EndpointName="e", EndpointConfigName="c")
    runtime = session(OTHER).client("sagemaker-runtime")
    answer = json.load(runtime.invoke_endpoint(EndpointName="e", Body=b"{}")["Body"])
    assert answer["model_data_url"] == "s3://b/v1.tar.gz"
    found = other.query_lineage(StartArns=[f"arn:aws:sagemaker:{REGION}:{OTHER}:context/e-aws-endpoint"])
    assert found["Edges"] is not None


@pytest.mark.fidelity("shared-list")
def test_shared_groups_are_listed_apart_as_if_they_had_been_promoted(owner: Any, other: Any) -> None:
    def shared(**more: Any) -> list[str]:
        answer = other.list_model_package_groups(CrossAccountFilterOption="CrossAccount", **more)
        return [each["ModelPackageGroupArn"] for each in answer["ModelPackageGroupSummaryList"]]

    assert shared() == []
    owner.put_model_package_group_policy(ModelPackageGroupName="digits", ResourcePolicy=share(*READ))
    assert shared() == [GROUP]
    assert shared(SortBy="Name", SortOrder="Descending", NameContains="dig") == [GROUP]
    assert other.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    own = owner.list_model_package_groups(CrossAccountFilterOption="CrossAccount")
    assert own["ModelPackageGroupSummaryList"] == []
    role = f"arn:aws:iam::{OTHER}:role/r"
    for unseen in (share("*"), share(*READ, account="333333333333"), share(*READ, account=role)):
        owner.put_model_package_group_policy(ModelPackageGroupName="digits", ResourcePolicy=unseen)
        assert shared() == []


# Identities


def test_without_the_switch_a_role_of_any_account_may_be_passed(owner: Any) -> None:
    role = "arn:aws:iam::333333333333:role/whatever"
    owner.create_model(ModelName="m", PrimaryContainer={"Image": "i"}, ExecutionRoleArn=role)
    with enable_iam_authentication(), pytest.raises(ClientError):
        owner.create_model(ModelName="n", PrimaryContainer={"Image": "i"}, ExecutionRoleArn=role)


def test_the_session_of_a_role_that_is_not_there_may_do_nothing(other: Any) -> None:
    with enable_iam_authentication():
        assert "no identity-based policy" in denial(other.list_models)


@pytest.fixture
def ann(owner: Any) -> Any:
    """Give the IAM user ann: her client, and a way to give her policies."""
    iam = boto3.client("iam", REGION)
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]

    class Ann:
        sagemaker = session(OWNER, key).client("sagemaker")
        runtime = session(OWNER, key).client("sagemaker-runtime")

        def may(self, *statements: dict[str, Any]) -> None:
            iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document(*statements))

    return Ann()


def test_without_moto_s_switch_everybody_may_do_everything_at_home(ann: Any, version: str) -> None:
    assert ann.sagemaker.describe_model_package(ModelPackageName=version)["ModelPackageVersion"] == 1


def test_what_nothing_allows_is_denied_in_the_words_of_aws(ann: Any, version: str) -> None:
    with enable_iam_authentication():
        told = denial(ann.sagemaker.describe_model_package, ModelPackageName=version)
        with pytest.raises(ClientError, match="because no identity-based policy allows") as refused:
            ann.runtime.invoke_endpoint(EndpointName="e", Body=b"{}")
    assert told == (
        f"User: arn:aws:iam::{OWNER}:user/ann is not authorized to perform: sagemaker:DescribeModelPackage "
        f"on resource: {version} because no identity-based policy allows the sagemaker:DescribeModelPackage action"
    )
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"


def test_resources_and_conditions_are_heeded(ann: Any, owner: Any, version: str) -> None:
    owner.update_model_package(ModelPackageArn=version, ModelLifeCycle={"Stage": "Staging", "StageStatus": "Approved"})
    is_vision = {"StringEquals": {"aws:ResourceTag/team": "vision"}}
    is_staged = {"StringEquals": {"sagemaker:CurrentModelLifeCycleStage": "Staging"}}
    ann.may(
        allow("sagemaker:DescribeModelPackageGroup", resource=GROUP, Condition=is_vision),
        allow("sagemaker:UpdateModelPackage", resource=VERSIONS, Condition=is_staged),
    )
    move = {"ModelPackageArn": version, "ModelLifeCycle": {"Stage": "Production", "StageStatus": "Approved"}}
    with enable_iam_authentication():
        ann.sagemaker.describe_model_package_group(ModelPackageGroupName="digits")
        ann.sagemaker.update_model_package(**move)
        denial(ann.sagemaker.update_model_package, **move)  # it is not in Staging any more
        denial(ann.sagemaker.describe_model_package_group, ModelPackageGroupName="letters")


@pytest.mark.fidelity("volume-grant-asked")
def test_who_starts_instances_must_let_aws_use_the_key_of_their_volumes(ann: Any, owner: Any) -> None:
    key = boto3.client("kms", REGION).create_key()["KeyMetadata"]["Arn"]
    owner.create_model(ModelName="m", PrimaryContainer={"Image": "i"}, ExecutionRoleArn=f"arn:aws:iam::{OWNER}:role/r")
    variants = [{"VariantName": "live", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]
    for name in ("c", "d"):
        owner.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, KmsKeyId=key)
    for_aws = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    for call, config in ((ann.sagemaker.create_endpoint, "c"), (ann.sagemaker.update_endpoint, "d")):
        request = {"EndpointName": "e", "EndpointConfigName": config}
        ann.may(allow("sagemaker:*"))
        with enable_iam_authentication():
            assert f"kms:CreateGrant on resource: {key}" in denial(call, **request)
        ann.may(allow("sagemaker:*"), allow("kms:CreateGrant", resource=key, Condition=for_aws))
        with enable_iam_authentication():
            call(**request)


def test_a_deny_beats_every_allow(ann: Any, version: str) -> None:
    ann.may(allow("*"), deny("sagemaker:Describe*"))
    with enable_iam_authentication():
        told = denial(ann.sagemaker.describe_model_package, ModelPackageName=version)
        ann.sagemaker.list_model_package_groups()
    assert told.endswith("with an explicit deny in an identity-based policy")


def test_policies_of_iam_groups_and_managed_policies_count(ann: Any, version: str) -> None:
    iam = boto3.client("iam", REGION)
    iam.create_group(GroupName="readers")
    iam.add_user_to_group(GroupName="readers", UserName="ann")
    policy = iam.create_policy(PolicyName="read", PolicyDocument=document(allow("sagemaker:DescribeModelPackage")))
    iam.attach_group_policy(GroupName="readers", PolicyArn=policy["Policy"]["Arn"])
    with enable_iam_authentication():
        ann.sagemaker.describe_model_package(ModelPackageName=version)


def test_a_group_policy_allows_and_denies_at_home(ann: Any, owner: Any, version: str) -> None:
    me = {"AWS": f"arn:aws:iam::{OWNER}:user/ann"}
    for statement in (allow, deny):
        policy = document(statement("sagemaker:DescribeModelPackage", resource=VERSIONS, Principal=me))
        owner.put_model_package_group_policy(ModelPackageGroupName="digits", ResourcePolicy=policy)
        with enable_iam_authentication():
            if statement is allow:
                ann.sagemaker.describe_model_package(ModelPackageName=version)
            else:
                told = denial(ann.sagemaker.describe_model_package, ModelPackageName=version)
    assert told.endswith("with an explicit deny in a resource-based policy")


def test_boundary_and_session_policy_of_a_role_cut(owner: Any, version: str) -> None:
    iam, sts = boto3.client("iam", REGION), boto3.client("sts", REGION)
    describing = document(allow("sagemaker:Describe*"))
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=describing)["Policy"]["Arn"]
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=document(), PermissionsBoundary=boundary)["Role"]
    iam.put_role_policy(RoleName="r", PolicyName="all", PolicyDocument=document(allow("sagemaker:*")))
    listing = document(allow("sagemaker:List*"))
    key = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="ann")["Credentials"]
    cut = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="ann", Policy=listing)["Credentials"]
    with enable_iam_authentication():
        whole, part = (session(OWNER, each).client("sagemaker") for each in (key, cut))
        whole.describe_model_package(ModelPackageName=version)
        assert denial(whole.list_models).endswith(
            "because no permissions boundary allows the sagemaker:ListModels action"
        )
        told = denial(part.describe_model_package, ModelPackageName=version)
    assert told.endswith("because no session policy allows the sagemaker:DescribeModelPackage action")


def test_across_accounts_the_identity_must_be_allowed_too(owner: Any, version: str) -> None:
    owner.put_model_package_group_policy(ModelPackageGroupName="digits", ResourcePolicy=share(*READ))
    away = session(OTHER)
    away.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=document())
    client = away.client("sagemaker")
    with enable_iam_authentication():
        told = denial(client.describe_model_package, ModelPackageName=version)
    assert "no identity-based policy" in told
    away.client("iam").put_role_policy(
        RoleName="r", PolicyName="read", PolicyDocument=document(allow("sagemaker:DescribeModelPackage"))
    )
    with enable_iam_authentication():
        client.describe_model_package(ModelPackageName=version)


def test_credentials_that_nobody_has_are_refused(owner: Any) -> None:
    stranger = session(OWNER, {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "x"}).client("sagemaker")
    with enable_iam_authentication(), pytest.raises(ClientError, match="UnrecognizedClientException"):
        stranger.list_models()


def test_a_wrong_signature_is_refused(ann: Any, owner: Any) -> None:
    key = boto3.client("iam", REGION).create_access_key(UserName="ann")["AccessKey"]
    forger = session(OWNER, {**key, "SecretAccessKey": "guessed"}).client("sagemaker")
    with enable_iam_authentication(), pytest.raises(ClientError, match="InvalidSignatureException"):
        forger.list_models()


def test_a_look_at_conditions_is_no_call(ann: Any, version: str) -> None:
    ann.may(allow("sagemaker:DescribeModelPackage"))
    registry = core(OWNER, REGION)
    before = registry.faults.calls["DescribeModelPackage"]
    with enable_iam_authentication():
        ann.sagemaker.describe_model_package(ModelPackageName=version)
    assert registry.faults.calls["DescribeModelPackage"] == before + 1
