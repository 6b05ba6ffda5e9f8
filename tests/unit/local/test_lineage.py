from itertools import pairwise
from typing import Any

import pytest

from modelward.local.sagemaker import Fault

HEAD = "arn:aws:sagemaker:eu-west-1:123456789012:"
GROUP, VERSION, ENDPOINT = f"{HEAD}model-package-group/digits", f"{HEAD}model-package/digits/1", f"{HEAD}endpoint/e"
DATA, IMAGE = "s3://bucket/model.tar.gz", "registry/digits:1"
ROLE = "arn:aws:iam::123456789012:role/execution"
SIZE = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


def artifact(api, uri) -> str:
    [found] = api("ListArtifacts", SourceUri=uri)["ArtifactSummaries"]
    return found["ArtifactArn"]


def context(api, uri) -> str:
    [found] = api("ListContexts", SourceUri=uri)["ContextSummaries"]
    return found["ContextArn"]


def actions(api, **request: Any) -> list[str]:
    found = api("ListActions", SortOrder="Ascending", **request)["ActionSummaries"]
    return [each["ActionName"] for each in found]


def links(api, **request: Any) -> set[tuple[str, str, str]]:
    found = api("ListAssociations", MaxResults=100, **request)["AssociationSummaries"]
    return {(each["SourceType"], each["AssociationType"], each["DestinationType"]) for each in found}


@pytest.fixture
def registered(api):
    api.group()
    api.version()
    return api


@pytest.fixture
def deployed(registered):
    """Version 1, approved and served."""
    api = registered
    api.clock.advance(60)
    api("UpdateModelPackage", ModelPackageArn=VERSION, ModelApprovalStatus="Approved", ApprovalDescription="good")
    api("CreateModel", ModelName="m", PrimaryContainer={"ModelPackageName": VERSION}, ExecutionRoleArn=ROLE)
    variants = [{"VariantName": "live", "ModelName": "m", **SIZE}]
    api("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=variants)
    api("CreateEndpoint", EndpointName="e", EndpointConfigName="c")
    return api


def test_a_version_is_an_artifact_made_of_image_and_data_in_the_context_of_its_group(registered) -> None:
    version = artifact(registered, VERSION)
    found = registered("DescribeArtifact", ArtifactArn=version)
    assert (found["ArtifactType"], found["Source"]["SourceUri"]) == ("Model", VERSION)
    assert found["LineageGroupArn"] == f"{HEAD}lineage-group/sagemaker-default-lineage-group"
    into = {
        ("Image", "ContributedTo", "Model"),
        ("Model", "ContributedTo", "Model"),
        ("Approval", "ContributedTo", "Model"),
    }
    assert links(registered, DestinationArn=version) == into
    assert links(registered, SourceArn=version) == {("Model", "AssociatedWith", "ModelGroup")}
    found = registered("DescribeContext", ContextName="digits-1-aws-model-group")
    assert found["Source"] == {"SourceUri": GROUP, "SourceType": "ARN", "SourceId": "Mon Jan 05 09:00:00 UTC 2026"}
    assert found["CreatedBy"]["IamIdentity"]["Arn"].endswith("user/ann")


def test_versions_of_the_same_file_share_its_artifact(registered) -> None:
    registered.version()
    assert len(registered("ListArtifacts")["ArtifactSummaries"]) == 4
    data = artifact(registered, DATA)
    found = registered("ListAssociations", SourceArn=data)["AssociationSummaries"]
    assert len(found) == 2


def test_each_decision_and_each_stage_is_an_action(registered) -> None:
    def update(**request: Any) -> None:
        registered("UpdateModelPackage", ModelPackageArn=VERSION, **request)

    update(ModelApprovalStatus="Approved", ApprovalDescription="good")
    update(ModelApprovalStatus="Rejected")
    update(CustomerMetadataProperties={"seen": "yes"})
    update(ModelLifeCycle={"Stage": "Staging", "StageStatus": "Approved", "StageDescription": "well"})
    second = int(registered.clock().timestamp())
    assert actions(registered, ActionType="Approval") == [
        f"digits-1-{status}-{second}-aws-model-group" for status in ("PendingManualApproval", "Approved", "Rejected")
    ]
    [name] = actions(registered, ActionType="ModelLifeCycle")
    found = registered("DescribeAction", ActionName=name)
    assert found["Properties"] == {"Stage": "Staging", "StageStatus": "Approved", "StageDescription": "well"}
    assert (found["Status"], found["Source"]["SourceUri"]) == ("Completed", VERSION)


def test_two_equal_decisions_in_one_second_are_two_actions(registered) -> None:
    for _ in range(2):
        registered("UpdateModelPackage", ModelPackageArn=VERSION, ModelApprovalStatus="Approved")
    assert len(actions(registered, ActionType="Approval")) == 3


def test_a_call_that_failed_leaves_no_lineage(registered) -> None:
    registered.core.faults.add("UpdateModelPackage", kind=Fault.CONFLICT)
    registered.refusal("UpdateModelPackage", ModelPackageArn=VERSION, ModelApprovalStatus="Approved")
    registered.refusal("CreateModelPackage", ModelPackageGroupName="digits")
    assert len(actions(registered)) == 1


def test_a_deployment_joins_what_is_served_to_the_endpoint(deployed) -> None:
    [name] = actions(deployed, ActionType="ModelDeployment")
    found = deployed("DescribeAction", ActionName=name)
    assert found["Source"]["SourceUri"] == ENDPOINT
    into = {("Image", "ContributedTo", "ModelDeployment"), ("Model", "ContributedTo", "ModelDeployment")}
    assert links(deployed, DestinationArn=found["ActionArn"]) == into
    assert links(deployed, SourceArn=found["ActionArn"]) == {("ModelDeployment", "AssociatedWith", "Endpoint")}
    assert artifact(deployed, DATA) != artifact(deployed, VERSION)


def test_an_update_is_another_deployment_of_the_same_endpoint(deployed) -> None:
    deployed.pass_s(300)
    deployed.config("other")
    deployed("UpdateEndpoint", EndpointName="e", EndpointConfigName="other")
    assert len(actions(deployed, ActionType="ModelDeployment")) == 2
    assert len(deployed("ListContexts", ContextType="Endpoint")["ContextSummaries"]) == 1


def vertices(api, **request: Any) -> set[tuple[str, str]]:
    found = api("QueryLineage", **request)["Vertices"]
    return {(each["LineageType"], each["Type"]) for each in found}


def test_an_endpoint_descends_from_everything_that_led_to_it(deployed) -> None:
    start = {"StartArns": [context(deployed, ENDPOINT)], "Direction": "Ascendants"}
    assert vertices(deployed, **start) == {
        ("Action", "ModelDeployment"),
        ("Action", "Approval"),
        ("Artifact", "Model"),
        ("Artifact", "Image"),
    }
    assert vertices(deployed, **start, MaxDepth=1) == {("Action", "ModelDeployment")}
    only = {"Types": ["Model"], "LineageTypes": ["Artifact"]}
    found = deployed("QueryLineage", **start, Filters=only, IncludeEdges=False)
    assert {each["Arn"] for each in found["Vertices"]} == {artifact(deployed, DATA), artifact(deployed, VERSION)}
    assert "Edges" not in found


def test_edges_bring_what_lies_on_the_way(deployed) -> None:
    end = context(deployed, ENDPOINT)
    approvals = {"StartArns": [end], "Direction": "Ascendants", "Filters": {"Types": ["Approval"]}}
    found = deployed("QueryLineage", **approvals, IncludeEdges=True)
    assert {each["Type"] for each in found["Vertices"]} == {"Approval", "Model", "ModelDeployment"}
    assert {each["DestinationArn"] for each in found["Edges"]} >= {end, artifact(deployed, VERSION)}


@pytest.mark.fidelity("query-both-ways")
def test_data_leads_to_the_endpoints_that_serve_it_and_both_ways_lead_everywhere(deployed) -> None:
    data = artifact(deployed, DATA)
    down = {"StartArns": [data], "Direction": "Descendants"}
    assert ("Context", "Endpoint") in vertices(deployed, **down)
    assert ("Artifact", "Image") not in vertices(deployed, **down)
    assert ("Artifact", "Image") in vertices(deployed, StartArns=[data], Direction="Both")
    approved = {"Filters": {"Properties": {"ModelApprovalStatus": "Approved", "other": "no"}}, "IncludeEdges": False}
    assert vertices(deployed, StartArns=[data], **approved) == {("Action", "Approval")}


@pytest.mark.fidelity("query-both-ways")
def test_a_query_goes_ten_steps_and_no_further(registered) -> None:
    arns = []
    for number in range(12):
        source = {"SourceUri": f"s3://bucket/{number}"}
        arns.append(registered("CreateArtifact", ArtifactType="Data", Source=source)["ArtifactArn"])
    for before, after in pairwise(arns):
        registered("AddAssociation", SourceArn=before, DestinationArn=after)
    found = registered("QueryLineage", StartArns=arns[:1], Direction="Descendants")["Vertices"]
    assert [each["Arn"] for each in found] == arns[1:11]
    assert registered.refusal("QueryLineage", StartArns=arns[:1], MaxDepth=11).code == "ValidationException"


def test_vertices_come_in_pages(deployed) -> None:
    request: dict[str, Any] = {"StartArns": [context(deployed, ENDPOINT)], "IncludeEdges": False}
    everything = deployed("QueryLineage", **request, MaxResults=50)["Vertices"]
    found = []
    while True:
        answer = deployed("QueryLineage", **request, MaxResults=2)
        found += answer["Vertices"]
        if "NextToken" not in answer:
            break
        request["NextToken"] = answer["NextToken"]
    assert found == everything


def test_entities_of_ones_own_can_be_made_joined_and_parted(registered) -> None:
    source = {"SourceUri": "s3://bucket/train.csv"}
    data = registered("CreateArtifact", Source=source, ArtifactType="DataSet")["ArtifactArn"]
    assert registered("CreateArtifact", Source=source, ArtifactType="DataSet")["ArtifactArn"] == data
    tags = [{"Key": "team", "Value": "vision"}]
    training = {"ActionName": "Training-1", "Source": {"SourceUri": "job"}, "ActionType": "Training"}
    action = registered("CreateAction", **training, Status="InProgress", Tags=tags)["ActionArn"]
    assert "already exists" in registered.refusal("CreateAction", **training).message
    registered("CreateContext", ContextName="x", Source={"SourceUri": "x"}, ContextType="Experiment")
    ends = {"SourceArn": data, "DestinationArn": action}
    registered("AddAssociation", **ends, AssociationType="ContributedTo")
    assert links(registered, SourceArn=data) == {("DataSet", "ContributedTo", "Training")}
    assert registered("DescribeAction", ActionName="training-1")["Status"] == "InProgress"
    assert registered("ListTags", ResourceArn=action)["Tags"] == tags
    registered("DeleteAssociation", **ends)
    assert links(registered, SourceArn=data) == set()
    assert registered.refusal("DeleteAssociation", **ends).code == "ResourceNotFound"


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("DescribeAction", {"ActionName": "absent"}),
        ("DescribeContext", {"ContextName": "absent"}),
        ("DescribeArtifact", {"ArtifactArn": f"{HEAD}artifact/absent"}),
        ("QueryLineage", {"StartArns": [f"{HEAD}artifact/absent"]}),
    ],
)
def test_what_is_missing_is_told_by_its_declared_error(api, operation, request_) -> None:
    assert api.refusal(operation, **request_).code == "ResourceNotFound"


def test_lists_filter_by_time_and_sort_by_name(registered) -> None:
    before = registered.clock()
    registered.clock.advance(10)
    registered.group("apples")
    assert len(registered("ListContexts", CreatedAfter=before)["ContextSummaries"]) == 1
    found = registered("ListContexts", SortBy="Name", SortOrder="Ascending")["ContextSummaries"]
    assert [each["ContextName"] for each in found] == ["apples-1-aws-model-group", "digits-1-aws-model-group"]


def test_long_names_still_make_names_of_actions(api) -> None:
    api.group("g" * 63)
    life = {"Stage": "s" * 63, "StageStatus": "t" * 63}
    api.version("g" * 63, ModelLifeCycle=life)
    assert all(len(name) <= 120 for name in actions(api))
    assert len(actions(api)) == 2
