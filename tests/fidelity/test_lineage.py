"""The lineage that SageMaker makes by itself."""

import re
from typing import Any

import pytest
from tests.fidelity.account import Ground

fidelity = pytest.mark.fidelity


def seen(ground: Ground, operation: str, member: str, **request: Any) -> list[dict[str, Any]]:
    """List entities, once there are any."""
    ask = getattr(ground.sagemaker, operation)
    found: list[dict[str, Any]] = ground.eventually(lambda: ask(**request)[member], limit_s=300)
    return found


@fidelity("lineage-of-a-version")
def test_a_version_is_an_artifact_made_of_its_parts_in_the_context_of_its_group(ground: Ground) -> None:
    group = ground.group()
    arn = ground.version(group)
    group_arn = ground.account.arn("sagemaker", f"model-package-group/{group}")
    [context] = seen(ground, "list_contexts", "ContextSummaries", SourceUri=group_arn)
    [version] = seen(ground, "list_artifacts", "ArtifactSummaries", SourceUri=arn)
    assert (context["ContextType"], version["ArtifactType"]) == ("ModelGroup", "Model")
    member = "AssociationSummaries"
    into = seen(ground, "list_associations", member, DestinationArn=version["ArtifactArn"])
    assert {each["SourceType"] for each in into} >= {"Image", "Model"}
    [out] = seen(ground, "list_associations", member, SourceArn=version["ArtifactArn"])
    assert (out["AssociationType"], out["DestinationArn"]) == ("AssociatedWith", context["ContextArn"])


@fidelity("one-artifact-for-each-source")
def test_versions_of_one_file_share_its_artifact(ground: Ground) -> None:
    group = ground.group()
    first, second = ground.version(group), ground.version(group)
    for arn in (first, second):
        seen(ground, "list_artifacts", "ArtifactSummaries", SourceUri=arn)
    assert len(seen(ground, "list_artifacts", "ArtifactSummaries", SourceUri=ground.artifact("good"))) == 1


@fidelity("lineage-of-decisions", "creation-is-an-approval")
def test_creation_decisions_and_stages_are_actions(ground: Ground) -> None:
    arn = ground.version(ground.group())
    ground.account.pace.pause(1)
    ground.update(arn, ModelApprovalStatus="Approved")
    ground.update(arn, ModelLifeCycle={"Stage": "Staging", "StageStatus": "Approved"})

    def actions() -> list[str]:
        found = ground.sagemaker.list_actions(SourceUri=arn, SortBy="CreationTime", SortOrder="Ascending")
        return [each["ActionType"] for each in found["ActionSummaries"]]

    ground.eventually(lambda: len(actions()) >= 3, limit_s=300)
    assert actions() == ["Approval", "Approval", "ModelLifeCycle"]


@fidelity("lineage-names")
def test_entities_are_named_after_what_they_tell_of(ground: Ground) -> None:
    group = ground.group()
    arn = ground.version(group)
    group_arn = ground.account.arn("sagemaker", f"model-package-group/{group}")
    [context] = seen(ground, "list_contexts", "ContextSummaries", SourceUri=group_arn)
    assert re.fullmatch(rf"{group}-\d+-aws-model-group", context["ContextName"])
    [action] = seen(ground, "list_actions", "ActionSummaries", SourceUri=arn)
    assert re.fullmatch(rf"{group}-1-PendingManualApproval-\d{{10}}-aws-model-group", action["ActionName"])


@fidelity("lineage-outlives")
def test_entities_outlive_what_they_tell_of(ground: Ground) -> None:
    arn = ground.version(ground.group())
    [version] = seen(ground, "list_artifacts", "ArtifactSummaries", SourceUri=arn)
    ground.sagemaker.delete_model_package(ModelPackageName=arn)
    ground.account.pace.pause(5)
    assert ground.sagemaker.describe_artifact(ArtifactArn=version["ArtifactArn"])["Source"]["SourceUri"] == arn


@fidelity("query-without-its-start")
def test_a_query_leaves_out_the_vertices_that_it_starts_from(ground: Ground) -> None:
    [version] = seen(ground, "list_artifacts", "ArtifactSummaries", SourceUri=ground.version(ground.group()))
    start = version["ArtifactArn"]
    found = seen(ground, "query_lineage", "Vertices", StartArns=[start], Direction="Both", MaxDepth=1)
    assert start not in {each["Arn"] for each in found}
    assert {each["Type"] for each in found} >= {"Image", "ModelGroup"}
