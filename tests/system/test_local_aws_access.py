"""IAM before the local SageMaker: each family of condition keys, and each kind of policy that allows or cuts."""

import http.client
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelward.local.identities import AccessKey
from modelward.local.up import ACCOUNT

pytestmark = pytest.mark.system

ROOT = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:"
VERSIONS = ROOT + "model-package/digits/*"
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
SPECIFICATION = {"Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz"}]}
CONTAINER = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz"}
TAGS = [{"Key": "team", "Value": "vision"}]
EXECUTION = f"arn:aws:iam::{ACCOUNT}:role/execution"
ON_VISION = {"StringEquals": {"aws:ResourceTag/team": "vision"}}

Call = Callable[[Any], Any]


def allow(*actions: str, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def deny(*actions: str, **more: Any) -> dict[str, Any]:
    return {**allow(*actions, **more), "Effect": "Deny"}


def if_equal(**keys: Any) -> dict[str, Any]:
    return {"StringEquals": {f"sagemaker:{key.replace('__', ':')}": value for key, value in keys.items()}}


def denial(call: Call, client: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(client)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    return str(caught.value.response["Error"]["Message"])


def is_let_in(call: Call, client: Any) -> bool:
    """Tell whether a call got past IAM, whatever the registry then made of it."""
    try:
        call(client)
    except ClientError as error:
        return error.response["Error"]["Code"] != "AccessDeniedException"
    return True


@pytest.fixture(scope="module")
def admin(aws: Any) -> Any:
    client = aws.client("admin", "sagemaker")
    client.create_model_package_group(ModelPackageGroupName="digits", Tags=TAGS)
    client.create_model_package_group(ModelPackageGroupName="letters")
    return client


@pytest.fixture(scope="module")
def versions(admin: Any) -> dict[str, str]:
    """Give a version in staging, with a metadata property, and one that has been nowhere."""
    made = {
        name: admin.create_model_package(ModelPackageGroupName="digits", InferenceSpecification=SPECIFICATION)
        for name in ("staged", "fresh")
    }
    arns = {name: answer["ModelPackageArn"] for name, answer in made.items()}
    admin.update_model_package(
        ModelPackageArn=arns["staged"],
        ModelLifeCycle={"Stage": "Staging", "StageStatus": "Approved"},
        CustomerMetadataProperties={"owner": "ann"},
    )
    return arns


@pytest.fixture(scope="module")
def ann(people: Any) -> Any:
    return people.client(people.user("ann"))


@pytest.fixture
def may(people: Any, ann: Any) -> Callable[..., Any]:
    """Give a function that lets ann do what statements say, and returns her client."""

    def granted(*statements: dict[str, Any]) -> Any:
        people.grant("ann", *statements)
        return ann

    return granted


def update(arn: str, **change: Any) -> Call:
    return lambda client: client.update_model_package(ModelPackageArn=arn, **change)


def life_cycle(stage: str, status: str) -> dict[str, Any]:
    return {"ModelLifeCycle": {"Stage": stage, "StageStatus": status}}


# What a request says


@pytest.mark.fidelity("asked-by-reference")
def test_what_a_version_is_to_become_decides(may: Any, versions: dict[str, str]) -> None:
    fresh = versions["fresh"]
    for condition, allowed, denied in (
        (
            if_equal(ModelApprovalStatus="Rejected"),
            {"ModelApprovalStatus": "Rejected"},
            {"ModelApprovalStatus": "Approved"},
        ),
        (if_equal(ModelLifeCycle__Stage="QA"), life_cycle("QA", "Approved"), life_cycle("Production", "Approved")),
        (if_equal(ModelLifeCycle__StageStatus="OnHold"), life_cycle("QA", "OnHold"), life_cycle("QA", "Approved")),
        (
            if_equal(**{"CustomerMetadataProperties/note": "fine"}),
            {"CustomerMetadataProperties": {"note": "fine"}},
            {"CustomerMetadataProperties": {"note": "bad"}},
        ),
        (
            {"ForAllValues:StringEquals": {"sagemaker:CustomerMetadataPropertiesToRemove": ["note"]}},
            {"CustomerMetadataPropertiesToRemove": ["note"]},
            {"CustomerMetadataPropertiesToRemove": ["note", "owner"]},
        ),
    ):
        client = may(allow("sagemaker:UpdateModelPackage", Condition=condition))
        update(fresh, **allowed)(client)
        assert "no identity-based policy allows" in denial(update(fresh, **denied), client)


@pytest.mark.fidelity("absent-key-no-match")
def test_an_allow_on_a_key_does_not_permit_a_call_that_leaves_it_out(may: Any, versions: dict[str, str]) -> None:
    on_approval = if_equal(ModelApprovalStatus=["Approved", "Rejected"])
    client = may(allow("sagemaker:UpdateModelPackage", Condition=on_approval))
    denial(update(versions["fresh"], ApprovalDescription="nothing but words"), client)


@pytest.mark.fidelity("absent-key-no-match")
def test_condition_keys_have_no_case(may: Any, versions: dict[str, str]) -> None:
    written = {"StringEquals": {"sagemaker:modelLifeCycle:stage": "QA"}}
    client = may(allow("sagemaker:UpdateModelPackage", Condition=written))
    update(versions["fresh"], **life_cycle("QA", "Approved"))(client)


def test_registering_as_approved_can_be_denied(may: Any, admin: Any) -> None:
    client = may(
        allow("sagemaker:CreateModelPackage"),
        deny("sagemaker:CreateModelPackage", Condition=if_equal(ModelApprovalStatus="Approved")),
    )
    request = {"ModelPackageGroupName": "letters", "InferenceSpecification": SPECIFICATION}
    client.create_model_package(**request)
    told = denial(lambda each: each.create_model_package(**request, ModelApprovalStatus="Approved"), client)
    assert told.endswith("with an explicit deny in an identity-based policy")


def test_the_tags_of_a_request_decide(may: Any, admin: Any) -> None:
    only = {"StringEquals": {"aws:RequestTag/team": "vision"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    client = may(allow("sagemaker:CreateModelPackageGroup", "sagemaker:AddTags", Condition=only))

    def create(*tags: dict[str, str]) -> Call:
        return lambda each: each.create_model_package_group(ModelPackageGroupName="tagged", Tags=list(tags))

    denial(create(), client)
    denial(create({"Key": "team", "Value": "sound"}), client)
    denial(create(*TAGS, {"Key": "cost", "Value": "7"}), client)
    create(*TAGS)(client)


def test_creating_with_tags_needs_leave_to_tag(may: Any) -> None:
    client = may(allow("sagemaker:CreateModelPackageGroup"))
    told = denial(lambda each: each.create_model_package_group(ModelPackageGroupName="t2", Tags=TAGS), client)
    assert "sagemaker:AddTags on resource: " in told
    at_birth = {"StringEquals": {"sagemaker:TaggingAction": "CreateModelPackageGroup"}}
    client = may(allow("sagemaker:CreateModelPackageGroup"), allow("sagemaker:AddTags", Condition=at_birth))
    client.create_model_package_group(ModelPackageGroupName="t2", Tags=TAGS)
    denial(lambda each: each.add_tags(ResourceArn=ROOT + "model-package-group/t2", Tags=TAGS), client)


@pytest.mark.fidelity("isolation-if-given")
def test_the_network_of_a_model_decides(may: Any) -> None:
    condition = {
        "Bool": {"sagemaker:NetworkIsolation": "true"},
        "ForAnyValue:StringEquals": {
            "sagemaker:VpcSubnets": ["subnet-1"],
            "sagemaker:VpcSecurityGroupIds": ["sg-1"],
        },
    }
    client = may(allow("sagemaker:CreateModel", Condition=condition), allow("iam:PassRole"))
    model = {"ModelName": "isolated", "PrimaryContainer": CONTAINER, "ExecutionRoleArn": EXECUTION}
    inside = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    outside = {"Subnets": ["subnet-2"], "SecurityGroupIds": ["sg-1"]}
    for isolated, vpc in ((False, inside), (True, outside)):
        request = {**model, "EnableNetworkIsolation": isolated, "VpcConfig": vpc}
        denial(lambda each, request=request: each.create_model(**request), client)
    denial(lambda each: each.create_model(**model), client)
    client.create_model(**model, EnableNetworkIsolation=True, VpcConfig=inside)


@pytest.mark.parametrize(
    ("condition", "allowed", "denied"),
    [
        (
            {"ForAllValues:StringLike": {"sagemaker:InstanceTypes": ["ml.m5.*"]}},
            {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1},
            {"InstanceType": "ml.p4d.24xlarge", "InitialInstanceCount": 1},
        ),
        (
            {"NumericLessThanEquals": {"sagemaker:ServerlessMemorySize": "2048"}},
            {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}},
            {"ServerlessConfig": {"MemorySizeInMB": 4096, "MaxConcurrency": 5}},
        ),
        (
            {"NumericLessThanEquals": {"sagemaker:ServerlessMaxConcurrency": "5"}},
            {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}},
            {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 50}},
        ),
        (
            {"ArnLike": {"sagemaker:ModelArn": ROOT + "model/good"}},
            {"ModelName": "good", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1},
            {"ModelName": "bad", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1},
        ),
        (
            {"StringEquals": {"sagemaker:VolumeKmsKey": "key-1"}},
            {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1, "key": "key-1"},
            {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1, "key": "key-2"},
        ),
    ],
    ids=["InstanceTypes", "ServerlessMemorySize", "ServerlessMaxConcurrency", "ModelArn", "VolumeKmsKey"],
)
@pytest.mark.fidelity("each-variant-asked")
def test_what_a_config_asks_for_decides(
    may: Any, condition: dict[str, Any], allowed: dict[str, Any], denied: dict[str, Any]
) -> None:
    client = may(allow("sagemaker:CreateEndpointConfig", Condition=condition))

    def create(variant: dict[str, Any]) -> Call:
        key = {"KmsKeyId": variant["key"]} if "key" in variant else {}
        told = {name: value for name, value in variant.items() if name != "key"}
        variants = [{"VariantName": "live", "ModelName": "good", **told}]
        return lambda each: each.create_endpoint_config(EndpointConfigName="c", ProductionVariants=variants, **key)

    assert is_let_in(create(allowed), client)
    denial(create(denied), client)


def test_the_visibility_of_a_search_decides(may: Any, versions: dict[str, str]) -> None:
    own = {"StringEquals": {"sagemaker:SearchVisibilityCondition/Tags.team": "vision"}}
    client = may(allow("sagemaker:Search", Condition=own))
    client.search(Resource="ModelPackage", VisibilityConditions=[{"Key": "Tags.team", "Value": "vision"}])
    denial(lambda each: each.search(Resource="ModelPackage"), client)


# What a resource is now


def test_what_a_version_is_decides(may: Any, versions: dict[str, str]) -> None:
    staged, fresh = versions["staged"], versions["fresh"]
    actions = ("sagemaker:DescribeModelPackage", "sagemaker:BatchDescribeModelPackage", "sagemaker:DeleteModelPackage")
    calls: tuple[Callable[[str], Call], ...] = (
        lambda arn: lambda client: client.describe_model_package(ModelPackageName=arn),
        lambda arn: lambda client: client.batch_describe_model_package(ModelPackageArnList=[arn]),
    )
    for key, value in (
        ("CurrentModelLifeCycleStage", "Staging"),
        ("CurrentModelLifeCycleStageStatus", "Approved"),
        ("CurrentCustomerMetadataProperties/owner", "ann"),
    ):
        client = may(
            allow(*actions, Condition={"Null": {f"sagemaker:{key}": "false"}}),
            deny("sagemaker:UpdateModelPackage", Condition=if_equal(**{key: value})),
            allow("sagemaker:UpdateModelPackage"),
        )
        for call in calls:
            call(staged)(client)
            if key.startswith("CurrentCustomer"):
                denial(call(fresh), client)
        assert "with an explicit deny" in denial(update(staged, ApprovalDescription="no"), client)
    update(fresh, ApprovalDescription="yes")(client)


@pytest.mark.fidelity("versions-have-group-tags", "versions-listed-by-arn")
def test_versions_have_the_tags_of_their_group(may: Any, admin: Any, versions: dict[str, str]) -> None:
    letter = admin.create_model_package(ModelPackageGroupName="letters", InferenceSpecification=SPECIFICATION)
    for prefix in ("aws", "sagemaker"):
        condition = {"StringEquals": {f"{prefix}:ResourceTag/team": "vision"}}
        client = may(allow("sagemaker:*", Condition=condition))
        client.describe_model_package_group(ModelPackageGroupName="digits")
        client.list_model_packages(ModelPackageGroupName="digits")
        client.describe_model_package(ModelPackageName=versions["fresh"])
        denial(lambda each: each.describe_model_package_group(ModelPackageGroupName="letters"), client)
        denial(lambda each: each.describe_model_package(ModelPackageName=letter["ModelPackageArn"]), client)


# Kinds of policies


@pytest.mark.fidelity("denied-in-words")
def test_a_deny_beats_an_allow(may: Any, versions: dict[str, str]) -> None:
    client = may(allow("*"), deny("sagemaker:UpdateModelPackage", resource=VERSIONS))
    told = denial(update(versions["fresh"], ApprovalDescription="no"), client)
    assert told == (
        f"User: arn:aws:iam::{ACCOUNT}:user/ann is not authorized to perform: sagemaker:UpdateModelPackage "
        f"on resource: {versions['fresh']} with an explicit deny in an identity-based policy"
    )


@pytest.mark.fidelity("limits-cut", "denied-in-words")
def test_a_permissions_boundary_cuts(people: Any, aws: Any, document: Any) -> None:
    boundary = aws.client("admin", "iam").create_policy(
        PolicyName="boundary", PolicyDocument=document(allow("sagemaker:List*"), deny("sagemaker:ListModels"))
    )["Policy"]["Arn"]
    client = people.client(people.user("bounded", allow("sagemaker:*"), PermissionsBoundary=boundary))
    client.list_endpoints()
    told = denial(lambda each: each.describe_model_package_group(ModelPackageGroupName="digits"), client)
    assert told.endswith("because no permissions boundary allows the sagemaker:DescribeModelPackageGroup action")
    told = denial(lambda each: each.list_models(), client)
    assert told.endswith("with an explicit deny in a permissions boundary")


@pytest.mark.fidelity("limits-cut")
def test_a_session_policy_cuts(people: Any, aws: Any, document: Any, admin: Any) -> None:
    role = people.role("reader", {"AWS": ACCOUNT}, allow("sagemaker:*"))
    session = aws.client("admin", "sts").assume_role(
        RoleArn=role, RoleSessionName="ann", Policy=document(allow("sagemaker:List*"))
    )
    client = people.client(session["Credentials"])
    client.list_endpoints()
    told = denial(lambda each: each.describe_model_package_group(ModelPackageGroupName="digits"), client)
    assert told.endswith("because no session policy allows the sagemaker:DescribeModelPackageGroup action")


@pytest.mark.fidelity("group-policy-counts")
def test_a_group_policy_allows_and_denies_in_its_own_account(
    people: Any, admin: Any, document: Any, versions: dict[str, str]
) -> None:
    client = people.client(people.user("guest"))

    def describe(each: Any) -> Any:
        return each.describe_model_package(ModelPackageName=versions["fresh"])

    guest = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/guest"}
    put = admin.put_model_package_group_policy
    denial(describe, client)
    allowing = allow("sagemaker:DescribeModelPackage", resource=VERSIONS, Principal=guest)
    put(ModelPackageGroupName="digits", ResourcePolicy=document(allowing))
    describe(client)
    everybody = {"Principal": "*", "resource": VERSIONS, "Condition": ON_VISION}
    put(ModelPackageGroupName="digits", ResourcePolicy=document(deny("sagemaker:DescribeModelPackage", **everybody)))
    assert denial(describe, client).endswith("with an explicit deny in a resource-based policy")
    assert denial(describe, admin).endswith("with an explicit deny in a resource-based policy")
    admin.delete_model_package_group_policy(ModelPackageGroupName="digits")
    describe(admin)


@pytest.mark.fidelity("bad-policy-refused")
def test_a_policy_of_nobody_is_refused(admin: Any, document: Any) -> None:
    nobody = document(allow("sagemaker:DescribeModelPackage", Principal={"AWS": "ann"}))
    with pytest.raises(ClientError, match="Invalid policy provided: Invalid principal in policy"):
        admin.put_model_package_group_policy(ModelPackageGroupName="letters", ResourcePolicy=nobody)


def test_a_role_that_a_model_gets_must_be_one_that_the_caller_may_pass(may: Any) -> None:
    to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    client = may(allow("sagemaker:CreateModel"), allow("iam:PassRole", resource=EXECUTION, Condition=to_sagemaker))

    def create(role: str) -> Call:
        return lambda each: each.create_model(
            ModelName="passed", PrimaryContainer=CONTAINER, ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}"
        )

    assert f"iam:PassRole on resource: arn:aws:iam::{ACCOUNT}:role/admin" in denial(create("admin"), client)
    create("execution")(client)


def test_a_role_is_tried_with_the_keys_that_are_given_and_within_its_boundary(aws: Any, document: Any) -> None:
    iam = aws.client("admin", "iam")
    arn = iam.create_role(RoleName="tried", AssumeRolePolicyDocument=document(allow("sts:AssumeRole")))["Role"]["Arn"]
    to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    may_pass = document(allow("iam:PassRole", resource=EXECUTION, Condition=to_sagemaker))
    iam.put_role_policy(RoleName="tried", PolicyName="passes", PolicyDocument=may_pass)

    def decision(service: str = "sagemaker.amazonaws.com", passed: str = EXECUTION) -> str:
        key = {"ContextKeyName": "iam:PassedToService", "ContextKeyType": "string", "ContextKeyValues": [service]}
        told = iam.simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=["iam:PassRole"], ResourceArns=[passed], ContextEntries=[key]
        )
        return str(told["EvaluationResults"][0]["EvalDecision"])

    assert decision() == "allowed"
    assert decision(service="lambda.amazonaws.com") == decision(passed=f"{EXECUTION}-2") == "implicitDeny"
    none = document(deny("iam:PassRole"))
    boundary = iam.create_policy(PolicyName="no-passing", PolicyDocument=none)["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="tried", PermissionsBoundary=boundary)
    assert decision() == "explicitDeny"


@pytest.mark.fidelity("source-identity-told")
def test_who_is_behind_a_role_is_told_by_the_source_identity(
    people: Any, versions: dict[str, str], document: Any
) -> None:
    people.role(
        "approver-role",
        {"AWS": ACCOUNT},
        allow("sagemaker:*", Condition={"StringEquals": {"aws:SourceIdentity": "ann.smith"}}),
        allow("sts:AssumeRole"),
    )
    role = f"arn:aws:iam::{ACCOUNT}:role/approver-role"
    sts = people.client(people.user("hidden", allow("sts:AssumeRole", "sts:SetSourceIdentity")), "sts")
    answer = sts.assume_role(RoleArn=role, RoleSessionName="s1", SourceIdentity="ann.smith")
    assert answer["SourceIdentity"] == "ann.smith"
    client = people.client(answer["Credentials"])
    update(versions["fresh"], ApprovalDescription="as ann says")(client)
    identity = client.describe_model_package(ModelPackageName=versions["fresh"])["LastModifiedBy"]["IamIdentity"]
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/approver-role/s1"
    assert identity["SourceIdentity"] == "ann.smith"
    other = sts.assume_role(RoleArn=role, RoleSessionName="s2", SourceIdentity="bob")
    denial(lambda each: each.list_endpoints(), people.client(other["Credentials"]))
    nobody = sts.assume_role(RoleArn=role, RoleSessionName="s3")
    denial(lambda each: each.list_endpoints(), people.client(nobody["Credentials"]))


def test_a_source_identity_needs_leave_and_cannot_be_changed(people: Any) -> None:
    role = people.role("second", {"AWS": ACCOUNT}, allow("sts:*"))
    plain = people.client(people.user("plain", allow("sts:AssumeRole")), "sts")
    with pytest.raises(ClientError, match="sts:SetSourceIdentity"):
        plain.assume_role(RoleArn=role, RoleSessionName="s1", SourceIdentity="ann")
    allowed = people.client(people.user("allowed", allow("sts:*")), "sts")
    first = allowed.assume_role(RoleArn=role, RoleSessionName="s1", SourceIdentity="ann")["Credentials"]
    with pytest.raises(ClientError, match="sts:SetSourceIdentity"):
        people.client(first, "sts").assume_role(RoleArn=role, RoleSessionName="s1", SourceIdentity="bob")
    inherited = people.client(first, "sts").assume_role(RoleArn=role, RoleSessionName="s1")
    assert inherited["SourceIdentity"] == "ann"


# Lineage


@pytest.mark.fidelity("lineage-asked")
def test_lineage_is_authorised_by_its_own_resources(may: Any, admin: Any) -> None:
    source = {"SourceUri": "s3://bucket/data.csv"}
    artifact = admin.create_artifact(Source=source, ArtifactType="Dataset")["ArtifactArn"]
    client = may(
        allow("sagemaker:CreateAction", "sagemaker:AddAssociation", resource=ROOT + "action/train*"),
        allow("sagemaker:DescribeArtifact", resource=artifact),
    )
    action = client.create_action(ActionName="train-1", ActionType="T", Source=source)["ActionArn"]
    client.describe_artifact(ArtifactArn=artifact)
    denial(lambda each: each.create_action(ActionName="test-1", ActionType="T", Source=source), client)
    denial(lambda each: each.query_lineage(StartArns=[action]), client)
    told = denial(lambda each: each.add_association(SourceArn=artifact, DestinationArn=action), client)
    assert f"sagemaker:AddAssociation on resource: {artifact}" in told
    client = may(allow("sagemaker:AddAssociation", resource=[ROOT + "action/train*", ROOT + "artifact/*"]))
    client.add_association(SourceArn=artifact, DestinationArn=action)


# Credentials


def test_credentials_that_do_not_hold_are_refused(people: Any, aws: Any) -> None:
    key = people.user("eve", allow("*"))
    for forged, code in (
        (AccessKey(key.key_id, "guessed"), "InvalidSignatureException|SignatureDoesNotMatch"),
        (AccessKey("AKIAIOSFODNN7EXAMPLE", "guessed"), "UnrecognizedClientException"),
    ):
        with pytest.raises(ClientError, match=code):
            people.client(forged).list_models()
    role = people.role("temporary", {"AWS": ACCOUNT}, allow("*"))
    session = aws.client("admin", "sts").assume_role(RoleArn=role, RoleSessionName="s1")["Credentials"]
    with pytest.raises(ClientError, match=r"InvalidToken|UnrecognizedClientException"):
        people.client({**session, "SessionToken": "guessed"}).list_models()


def test_a_request_without_credentials_is_refused(aws: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", aws.port, timeout=10)
    headers = {
        "X-Amz-Target": "SageMaker.ListModels",
        "Authorization": "AWS4-HMAC-SHA256 Credential=//us-east-1/sagemaker/",
    }
    connection.request("POST", "/", body="{}", headers=headers)
    answer = connection.getresponse()
    assert answer.status in {400, 403}
    assert b"Models" not in answer.read()
    connection.close()
