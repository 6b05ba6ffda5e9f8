"""Groups that were there before Modelward: `existing = true`, and versions that others registered."""

from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from tests.declaration import ENDPOINTS, MODEL, PLACES
from tests.reliability.faults import Lost

from modelward.core.errors import NotFoundError, PolicyError

ROLE = "arn:aws:iam::123456789012:role/model-execution"
IMAGE = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/xgboost-inference:1.7-1"
ADOPTED = PLACES + MODEL + "existing = true\n" + ENDPOINTS
GATES = "[models.digits.gates]\naccuracy = { at_least = 0.90 }\n"


def registered_elsewhere(world: Any, **more: Any) -> str:
    """Register a version as others do: a container and its archive, and nothing of Modelward's."""
    container = {"Image": IMAGE, "ModelDataUrl": "s3://their-bucket/churn/model.tar.gz"}
    specification = {
        "Containers": [container],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    request = {"ModelPackageGroupName": "digits", "InferenceSpecification": specification, **more}
    arn: str = world.sagemaker.create_model_package(**request)["ModelPackageArn"]
    return arn


def test_a_version_that_others_registered_is_read_like_any_other(world):
    registered_elsewhere(world, ModelPackageDescription="from a notebook")
    world.use(ADOPTED)

    [version] = world.digits.versions()

    assert (version.version, version.approval_status, version.stage) == (1, "PendingManualApproval", None)
    assert (version.metrics, version.sha256, version.image) == ({}, "", IMAGE)
    assert version.notes == "from a notebook"


def test_a_version_that_others_registered_goes_all_the_way_to_production(world):
    registered_elsewhere(world)
    world.use(ADOPTED)
    [version] = world.digits.versions()

    version.approve(reason="known for a year")
    world.finish()
    assert world.serving("staging") == 1
    version.promote("Production", reason="released")
    world.finish()

    assert world.serving("production") == 1
    assert world.digits.current("Production").version == 1
    assert world.kinds(1)[:3] == ["registered", "approved", "staged"]
    assert world.dead == []


def test_a_gate_without_a_figure_says_how_to_add_it_and_then_holds(world):
    arn = registered_elsewhere(world)
    world.use(ADOPTED + GATES)
    [version] = world.digits.versions()

    with pytest.raises(PolicyError, match="accuracy: no figure was registered") as refused:
        version.approve(reason="it is good")
    assert f"--model-package-arn {arn} --customer-metadata-properties 'metric:accuracy=NUMBER'" in str(refused.value)

    world.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"metric:accuracy": "0.95"})
    world.finish()
    version.refresh().approve(reason="it is good")
    world.finish()
    assert world.serving("staging") == 1


def before_modelward(world: Any, **more: Any) -> str:
    """Register a version while nobody listens."""
    world.is_deaf = True
    arn = registered_elsewhere(world, **more)
    world.settle()
    world.is_deaf = False
    world.pause()
    return arn


def test_what_was_approved_before_the_adoption_stays_approved_unserved_and_untold(world):
    arn = before_modelward(world, ModelApprovalStatus="Approved")
    world.use(ADOPTED + GATES)
    before = len(world.calls)

    for _ in range(3):
        world.sweep()
        world.finish()

    assert set(world.changing(before)) == {"PutItem", "SendMessageBatch"}
    assert world.sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "Approved"
    assert world.sagemaker.list_endpoints()["Endpoints"] == []
    assert sorted(entry.kind.value for entry in world.digits.history()) == ["adopted", "found"]
    assert world.mails() == []


def test_a_version_that_was_there_may_be_served_by_a_decision_of_today(world):
    arn = before_modelward(world, ModelApprovalStatus="Approved")
    world.use(ADOPTED)
    world.sweep()
    world.finish()

    world.sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="approved again, now to be served"
    )
    world.finish()

    assert world.serving("staging") == 1
    assert world.kinds(1) == ["found", "approved", "staged", "deploying", "verified"]


def test_metadata_that_others_write_on_a_version_that_was_there_decides_nothing(world):
    arn = before_modelward(world, ModelApprovalStatus="Approved")
    world.use(ADOPTED + GATES)
    world.sweep()
    world.finish()

    world.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"ticket": "ML-7"})
    world.finish()

    assert world.sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "Approved"
    assert world.kinds(1) == ["found"]


def test_an_approval_right_after_the_deployment_counts_although_no_sweep_came_before(world):
    before_modelward(world, ModelApprovalStatus="Approved")
    second = before_modelward(world)
    world.use(ADOPTED)

    world.sagemaker.update_model_package(ModelPackageArn=second, ModelApprovalStatus="Approved")
    world.finish()
    world.sweep()
    world.finish()

    assert world.serving("staging") == 2
    assert world.kinds(1) == ["found"]


def test_a_decision_before_anybody_looked_counts_although_its_events_are_lost(world):
    before_modelward(world, ModelApprovalStatus="Approved")
    world.use(ADOPTED)
    world.delivery = Lost()

    world.digits.version(1).approve(reason="known for a year")
    world.finish()

    assert world.serving("staging") == 1
    assert world.kinds(1) == ["registered", "approved", "staged", "deploying", "verified"]


def test_a_version_that_was_found_on_its_way_into_a_stage_is_not_asked_for_again_and_again(world):
    stage = {"Stage": "Staging", "StageStatus": "InProgress"}
    before_modelward(world, ModelApprovalStatus="Approved", ModelLifeCycle=stage)
    world.use(ADOPTED)

    world.sweep()
    world.finish()

    assert world.kinds(1) == ["found"]
    assert world.dead == []


def test_what_is_registered_as_approved_after_the_adoption_meets_the_gates(world):
    world.use(ADOPTED + GATES)
    world.sweep()
    world.finish()

    arn = registered_elsewhere(world, ModelApprovalStatus="Approved")
    world.finish()

    assert world.sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "Rejected"
    assert world.kinds(1) == ["registered", "approved", "refused"]


def test_a_group_is_adopted_once(world):
    before_modelward(world)
    world.use(ADOPTED)
    world.sweep()
    world.finish()
    world.pause(3600)
    world.sweep()
    world.finish()

    assert [entry.kind.value for entry in world.entries(0)] == ["adopted"]


def test_a_version_with_no_container_fails_to_be_served_in_sagemaker_s_words(world):
    world.sagemaker.create_model_package(ModelPackageGroupName="digits", SourceUri="s3://their-bucket/churn")
    world.use(ADOPTED)
    [version] = world.digits.versions()

    version.approve(reason="known for a year")
    world.finish()

    assert version.refresh().stage_status == "Rejected"
    assert version.refresh().package.life_cycle.description
    assert world.kinds(1)[-1] == "failed"
    assert world.dead == []


def test_an_artifact_without_a_registered_digest_is_not_downloaded_and_the_way_to_it_told(world, tmp_path):
    registered_elsewhere(world)
    world.use(ADOPTED)
    [version] = world.digits.versions()

    with pytest.raises(NotFoundError, match="SHA-256 of the artifact") as refused:
        version.download(tmp_path)

    assert "aws s3 cp s3://their-bucket/churn/model.tar.gz" in refused.value.next_step


def test_metadata_that_looks_like_a_figure_and_is_none_is_no_figure(world):
    registered_elsewhere(world, CustomerMetadataProperties={"metric:accuracy": "high", "metric:auc": "inf"})
    world.use(ADOPTED + GATES)
    [version] = world.digits.versions()

    assert version.metrics == {}
    with pytest.raises(PolicyError, match="accuracy: no figure"):
        version.approve(reason="it is good")


# --- looking at a whole account -------------------------------------------------------------------------------------


def old_endpoint(world: Any, name: str, config: str = "old") -> None:
    """Serve the first version on an instance, as somebody else does."""
    variant = {"VariantName": "all", "ModelName": config, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    arn = registered_elsewhere(world, ModelApprovalStatus="Approved")
    world.sagemaker.create_model(ModelName=config, PrimaryContainer={"ModelPackageName": arn}, ExecutionRoleArn=ROLE)
    world.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant])
    world.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    world.pause(60)


def owning(world: Any, *groups: str) -> None:
    """Let the registry's stack own groups."""
    summaries = [
        {
            "ResourceType": "AWS::SageMaker::ModelPackageGroup",
            "PhysicalResourceId": name,
            "ResourceStatus": "CREATE_COMPLETE",
        }
        for name in groups
    ]
    answer = (AWSResponse("https://aws", 200, {}, None), {"StackResourceSummaries": summaries})
    world.client("cloudformation").meta.events.register("before-call", lambda **_: answer)


def told(world: Any) -> dict[str, tuple[str, bool]]:
    return {each.subject: (each.text, each.is_blocking) for each in world.registry.deployment_findings()}


def test_the_account_is_listed_by_one_call_for_all_groups_and_one_for_each(world):
    for number in range(3):
        world.sagemaker.create_model_package_group(ModelPackageGroupName=f"old-{number}")
    old_endpoint(world, "digits-of-last-year")
    before = len(world.calls)

    found = {held.group.name: held for held in world.registry.held()}

    names = [name for _, name in world.calls[before:]]
    assert {name: names.count(name) for name in names} == {
        "ListModelPackageGroups": 1,
        "Search": 4,
        "ListEndpoints": 1,
        "DescribeEndpoint": 1,
        "DescribeEndpointConfig": 1,
        "DescribeModel": 1,
    }
    assert (found["digits"].versions, found["digits"].last.version, found["digits"].is_declared) == (1, 1, True)
    assert found["digits"].endpoints == ("digits-of-last-year",)
    assert (found["old-1"].versions, found["old-1"].last, found["old-1"].is_declared) == (0, None, False)


def test_a_group_that_the_stack_does_not_own_is_in_the_way_until_it_is_declared_as_existing(world):
    owning(world)
    assert told(world)["group digits"][1]

    world.use(ADOPTED)
    assert "group digits" not in told(world)


def test_an_endpoint_on_instances_cannot_become_serverless_and_the_plan_says_so(world):
    owning(world)
    old_endpoint(world, "digits-staging")
    old_endpoint(world, "digits-production", "old-2")
    world.use(ADOPTED)

    found = told(world)

    assert found["endpoint digits-staging"][1]
    assert "endpoint digits-production" not in found


def test_an_endpoint_that_answers_its_callers_cannot_become_asynchronous_and_the_plan_says_so(world):
    owning(world)
    old_endpoint(world, "digits-production", "old-2")
    world.use(ADOPTED.replace('"ml.m5.large"', '"ml.m5.large"\nasynchronous = {}'))
    assert "no update turns such an endpoint" in told(world)["endpoint digits-production"][0]
    assert told(world)["endpoint digits-production"][1]


def test_an_asynchronous_endpoint_stays_one_and_the_plan_says_so(world):
    owning(world)
    world.use(world.declaration.replace('"ml.m5.large"', '"ml.m5.large"\nasynchronous = {}'))
    world.release(0.95)
    assert "endpoint digits-production" not in told(world)
    world.use(world.declaration)
    assert "SageMaker takes that from no endpoint" in told(world)["endpoint digits-production"][0]


def test_a_serverless_endpoint_is_as_declared(world):
    owning(world)
    world.live(0.95)
    assert not [subject for subject in told(world) if subject.startswith("endpoint")]


def test_stages_that_are_declared_no_more_are_named_with_the_versions_that_stand_there(world):
    owning(world)
    world.sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    cycle = {"Stage": "Canary", "StageStatus": "Approved"}
    registered_elsewhere(world, ModelLifeCycle=cycle)
    registered_elsewhere(world, ModelLifeCycle={**cycle, "Stage": "Staging"})
    registered_elsewhere(world, ModelPackageGroupName="churn", ModelLifeCycle=cycle)
    world.use(ADOPTED)

    found = told(world)

    assert found["stage Canary"] == ("is not declared, and v1 of digits stand in it", False)
    assert "stage Staging" not in found


def test_looking_at_an_account_changes_nothing(world):
    owning(world)
    before = len(world.calls)
    world.registry.held()
    world.registry.deployment_findings()
    assert world.changing(before) == []


def test_a_table_that_keeps_the_history_already_is_looked_at_by_one_call(world):
    owning(world)
    stream = "arn:aws:dynamodb:eu-west-1:123456789012:table/acme-ledger/stream/2026-01-05T12:00:00.000"
    world.use(f'{ADOPTED}[existing]\ntable_stream_arn = "{stream}"\n')
    before = len(world.calls)

    assert [each.text for each in world.registry.deployment_findings() if each.is_blocking] == ["has no stream"]
    assert [name for _, name in world.calls[before:]].count("DescribeTable") == 1

    specification = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    made = world.client("dynamodb").update_table(
        TableName="acme-ledger", StreamSpecification=specification, DeletionProtectionEnabled=True
    )
    world.use(f'{ADOPTED}[existing]\ntable_stream_arn = "{made["TableDescription"]["LatestStreamArn"]}"\n')
    assert "table acme-ledger" not in told(world)

    world.use(f'{ADOPTED}[existing]\ntable_stream_arn = "{stream.replace("acme", "their")}"\n')
    assert told(world)["table their-ledger"] == ("is declared as existing and is not there", True)
