"""Events come late, twice, out of order and in somebody else's shape: what is done about them stays the same."""

import copy
import random
from datetime import UTC, datetime

import pytest

from modelward.handlers import model_package, reconcile

TIMES = ("CreationTime", "LastModifiedTime")
TOLD = ["registered", "approved", "staged", "deploying", "verified"]


def by_console(world, arn, **fields):
    world.sagemaker.update_model_package(ModelPackageArn=arn, **fields)


def updates_begun(world):
    told = [event for event in world.events if event["detail-type"] == "SageMaker Endpoint State Change"]
    return sum(event["detail"]["EndpointStatus"] == "UPDATING" for event in told)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_order_events_come_in_and_however_often_the_end_is_the_same(world, seed):
    world.release(0.95)
    world.is_deaf = True
    good, stale, bad, late = (world.register(figure) for figure in (0.96, 0.97, 0.61, 0.98))
    by_console(world, good.arn, ModelApprovalStatus="Approved", ApprovalDescription="fine")
    by_console(world, good.arn, CustomerMetadataProperties={"team": "vision"})
    by_console(world, bad.arn, ModelApprovalStatus="Approved")
    by_console(world, stale.arn, ModelApprovalStatus="Rejected", ApprovalDescription="no")
    by_console(world, stale.arn, ModelLifeCycle={"Stage": "Development", "StageStatus": "OnHold"})
    by_console(world, late.arn, ModelApprovalStatus="Approved", ApprovalDescription="the best")
    missed = [event for event in world.events if event["detail"].get("ModelPackageVersion", 0) > 1]
    world.settle()
    world.is_deaf = False
    before = updates_begun(world)

    events = missed * 2
    random.Random(seed).shuffle(events)
    for event in events:
        world.carry(event)
    world.finish()

    assert world.dead == []
    assert world.serving("staging") == 5, "the version approved last"
    assert world.serving("production") == 1
    assert world.kinds(5) == TOLD
    assert world.kinds(4) == ["registered", "approved", "refused"]
    assert world.kinds(3) == ["registered", "rejected", "staged"]
    assert world.kinds(2)[:3] == ["registered", "approved", "staged"]
    assert world.kinds(2)[-1] == "archived"
    assert [version.refresh().approval_status for version in (good, stale, bad, late)] == [
        "Approved", "Rejected", "Rejected", "Approved",
    ]  # fmt: skip
    assert updates_begun(world) - before <= 2


def shapes(event):
    """Spell an event in every way that SageMaker is known to, or may."""
    detail = event["detail"]
    yield "as it is", event
    yield "ISO times", with_detail(event, **{name: iso(detail[name]) for name in TIMES})
    yield "fractions", with_detail(event, **{name: detail[name] / 1000 for name in TIMES})
    yield "numeric version", with_detail(event, ModelPackageVersion=int(detail["ModelPackageVersion"]))
    yield "version as text", with_detail(event, ModelPackageVersion=str(detail["ModelPackageVersion"]))
    yield "no updated fields", with_detail(event, UpdatedModelPackageFields=None)
    yield "life cycle only", with_detail(event, UpdatedModelPackageFields=["ModelLifeCycle"])
    yield "sourceUri", with_detail(event, UpdatedModelPackageFields=["sourceUri"])
    yield "SourceUri", with_detail(event, UpdatedModelPackageFields=["SourceUri"])
    yield "another verdict than there is", with_detail(event, ModelApprovalStatus="Rejected")
    yield "a stage that it left", with_detail(event, ModelLifeCycle={"Stage": "Staging", "StageStatus": "Rejected"})
    yield "the least", {"detail-type": event["detail-type"], "detail": {"ModelPackageArn": detail["ModelPackageArn"]}}


def with_detail(event, **changes):
    changed = copy.deepcopy(event)
    changed["detail"] |= changes
    changed["detail"] = {name: value for name, value in changed["detail"].items() if value is not None}
    return changed


def iso(milliseconds):
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def test_no_shape_of_an_event_makes_a_settled_world_change_anything(world):
    world.release(0.95)
    world.release(0.97)
    of_versions = [event for event in world.events if "ModelPackageArn" in event["detail"]]
    since, entries = len(world.calls), (world.entries(1), world.entries(2))

    for shape, event in [*shapes(of_versions[0]), *shapes(of_versions[-1])]:
        world.deliver(model_package.handler, event)
        world.deliver(model_package.handler, event)
        assert world.changing(since) == [], shape
    assert (world.entries(1), world.entries(2)) == entries
    assert world.dead == []


def test_old_events_of_endpoints_change_nothing_in_whatever_case_they_name_them(world):
    world.release(0.95)
    world.release(0.97)
    old = [event for event in world.events if "EndpointName" in event["detail"]]
    since = len(world.calls)

    for event in reversed(old):
        world.deliver(reconcile.handler, event)
        world.deliver(reconcile.handler, with_detail(event, EndpointName=event["detail"]["EndpointName"].upper()))
    for status in ("InService", "IN_SERVICE", "FAILED", "ROLLING_BACK", "nonsense", None):
        world.deliver(reconcile.handler, with_detail(old[-1], EndpointStatus=status))

    assert world.changing(since) == []
    assert world.dead == []


def test_a_metadata_stamp_on_an_approved_version_does_not_deploy_it_again(world):
    version = world.release(0.95)
    since, before = len(world.calls), updates_begun(world)

    by_console(world, version.arn, CustomerMetadataProperties={"team": "vision"})
    world.finish()

    assert world.changing(since) == ["UpdateModelPackage"], "the edit itself"
    assert updates_begun(world) == before


def test_a_version_that_was_registered_as_approved_is_reviewed_like_one_that_was_approved(world):
    properties = {"metric:accuracy": "0.95", "metric:log_loss": "0.2"}
    for metrics in (properties, {}):
        world.sagemaker.create_model_package(
            ModelPackageGroupName="digits",
            ModelApprovalStatus="Approved",
            InferenceSpecification={"Containers": [{"Image": "i", "ModelDataUrl": "s3://acme-models/x.tar.gz"}]},
            **({"CustomerMetadataProperties": metrics} if metrics else {}),
        )
    world.finish()

    assert world.kinds(1) == TOLD
    assert world.kinds(2) == ["registered", "approved", "refused"]
    assert "no figure was registered" in world.digits.version(2).package.approval_description


def test_a_move_to_a_stage_that_no_environment_serves_is_recorded_and_nothing_else(world):
    version = world.register()
    world.finish()
    by_console(world, version.arn, ModelLifeCycle={"Stage": "Development", "StageStatus": "OnHold"})
    world.finish()

    assert world.kinds(1) == ["registered", "staged"]
    assert (version.refresh().stage, version.refresh().stage_status) == ("Development", "OnHold")


def test_a_rejection_says_who_and_why_once(world):
    version = world.register()
    world.finish()
    by_console(world, version.arn, ModelApprovalStatus="Rejected", ApprovalDescription="it is biased")
    world.finish()
    world.carry(world.events[-1])

    assert world.kinds(1) == ["registered", "rejected"]
    entry = world.entries(1)[-1]
    assert entry.why == "it is biased"
    assert entry.who.startswith("arn:aws:")


def test_an_approval_without_a_word_is_recorded_as_such(world):
    version = world.register()
    world.finish()
    by_console(world, version.arn, ModelApprovalStatus="Approved")
    world.finish()
    assert world.entries(1)[1].why == "no reason was given"


def test_an_event_of_a_version_that_was_deleted_is_finished_with(world):
    version = world.register()
    world.sagemaker.delete_model_package(ModelPackageName=version.arn)
    world.finish()
    assert world.dead == []


def test_a_model_whose_name_has_capitals_lives_like_any_other(world):
    world.use(world.declaration.replace("models.digits", "models.Digits-EU"))
    world.sagemaker.create_model_package_group(ModelPackageGroupName="Digits-EU")
    model = world.registry.model("Digits-EU")
    version = model.register(world.pack("model.tar.gz"), "image", {"accuracy": 0.95, "log_loss": 0.1})
    world.finish()
    version.approve(reason="good")
    world.finish()

    assert model.current("Staging").version == 1
    assert [entry.kind.value for entry in reversed(model.history())] == TOLD
    assert world.dead == []
