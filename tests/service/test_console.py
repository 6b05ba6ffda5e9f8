"""People who change versions in the console or through the raw API: the same rules, and an explanation."""

import pytest

STATUSES = ["Approved", "OnHold"]


def move(world, version, stage, status="InProgress", text="by hand"):
    cycle = {"Stage": stage, "StageStatus": status, "StageDescription": text}
    world.sagemaker.update_model_package(ModelPackageArn=version.arn, ModelLifeCycle=cycle)
    world.finish()


def staged(world, accuracy, **more):
    version = world.register(accuracy, **more)
    world.finish()
    version.approve(reason="good figures")
    world.finish()
    return version


@pytest.mark.parametrize("status", STATUSES)
def test_a_move_into_production_that_keeps_the_rules_is_rolled_out_whatever_status_it_was_given(world, status):
    world.release(0.95)
    second = staged(world, 0.97)
    move(world, second, "Production", status)

    assert world.serving() == 2
    assert (second.refresh().stage, second.refresh().stage_status) == ("Production", "Approved")
    assert second.refresh().package.entered.stage == "Production"
    assert world.kinds(2)[-3:] == ["staged", "deploying", "verified"]
    assert [entry.why for entry in world.entries(2)][-3] == "by hand"
    assert world.dead == []


def test_a_move_into_production_without_a_word_is_rolled_out(world):
    version = world.register(0.95)
    world.finish()
    version.approve(reason="good")
    world.finish()
    cycle = {"Stage": "Production", "StageStatus": "InProgress"}
    world.sagemaker.update_model_package(ModelPackageArn=version.arn, ModelLifeCycle=cycle)
    world.finish()
    assert world.serving() == 1
    assert world.dead == []


@pytest.mark.parametrize("status", ["InProgress", "Rejected"])
def test_a_version_that_nobody_approved_is_put_back_from_production_with_an_explanation(world, status):
    version = world.register(0.97)
    world.finish()
    move(world, version, "Production", status)

    package = version.refresh().package
    assert package.stage == "Development"
    assert package.life_cycle.description.startswith("Refused: it is PendingManualApproval, not Approved (promoted by ")
    assert world.kinds(1) == ["registered", "staged", "refused"]
    assert world.digits.current("Production") is None
    assert world.core.faults.calls["CreateEndpoint"] == 0


def test_a_version_moved_against_its_gates_goes_back_to_where_it_stood_and_staging_serves_on(world):
    first = staged(world, 0.93)
    before = first.refresh().package
    world.use(world.declaration.replace("at_least = 0.90", "at_least = 0.94"))
    move(world, first, "Production")

    package = first.refresh().package
    assert (package.stage, package.stage_status) == ("Staging", "Approved")
    assert package.entered == before.entered
    assert package.life_cycle.description.startswith("Refused: accuracy 0.93, at least 0.94: refused (promoted by ")
    assert world.kinds(1)[-2:] == ["staged", "refused"]
    assert world.serving("staging") == 1
    assert world.digits.current("Staging").version == 1
    assert world.core.faults.calls["CreateEndpoint"] == 1, "staging's alone"


def test_a_version_that_is_worse_than_the_live_one_is_put_back(world):
    world.release(0.99)
    worse = world.register(0.97)
    world.finish()
    world.sagemaker.update_model_package(ModelPackageArn=worse.arn, ModelApprovalStatus="Approved")
    world.finish()

    assert worse.refresh().approval_status == "Rejected"
    assert "live 0.99" in worse.refresh().package.approval_description
    assert world.serving("staging") == 1


def test_a_refusal_is_told_with_each_figure(world):
    bad = world.register(0.61)
    world.finish()
    world.mails()
    world.sagemaker.update_model_package(ModelPackageArn=bad.arn, ModelApprovalStatus="Approved")
    world.finish()

    told = world.mails()
    assert [mail["Subject"] for mail in told] == [
        "[acme] digits v1 was approved", "[acme] digits v1 was refused and put back",
    ]  # fmt: skip
    assert "accuracy 0.61, at least 0.9: refused" in told[1]["Message"]


def test_an_approval_and_a_move_in_one_call_are_two_entries(world):
    version = world.register(0.95)
    world.finish()
    world.sagemaker.update_model_package(
        ModelPackageArn=version.arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="good",
        ModelLifeCycle={"Stage": "Production", "StageStatus": "Approved", "StageDescription": "straight on"},
    )
    world.finish()

    assert world.kinds(1) == ["registered", "approved", "staged", "deploying", "verified"]
    assert world.serving() == 1


def test_a_version_taken_back_to_production_from_the_archive_needs_no_gates_but_its_approval(world):
    first = world.release(0.95)
    world.release(0.99)
    move(world, first, "Production")

    assert world.serving() == 1
    assert world.kinds(1)[-3:] == ["rolled-back", "deploying", "verified"]


def test_the_status_of_the_live_version_is_set_right_again(world):
    version = world.release(0.95)
    move(world, version, "Production", "InProgress", "what does this button do")

    assert version.refresh().stage_status == "Approved"
    assert world.serving() == 1


def test_a_promotion_and_its_withdrawal_leave_what_was(world):
    world.release(0.95)
    second = staged(world, 0.97)
    second.promote("Production", reason="released")
    world.settle()
    move(world, second, "Staging", "Approved", "not yet")

    assert world.serving() == 1
    assert world.digits.current("Production").version == 1
    assert second.refresh().stage == "Staging"
    assert world.dead == []


def test_a_stage_that_nobody_declared_is_recorded_and_otherwise_let_be(world):
    version = staged(world, 0.95)
    move(world, version, "QA", "OnHold")

    assert (version.refresh().stage, world.kinds(1)[-1]) == ("QA", "staged")
    assert world.dead == []


def test_the_same_bad_move_is_refused_as_often_as_it_is_made(world):
    version = world.register(0.97)
    world.finish()
    for _ in range(2):
        move(world, version, "Production")
    assert version.refresh().stage == "Development"
    assert world.kinds(1) == ["registered", "staged", "refused", "staged", "refused"]


def test_a_bad_version_made_in_a_stage_and_approved_is_put_back_once_and_for_all(world):
    world.sagemaker.create_model_package(
        ModelPackageGroupName="digits",
        ModelApprovalStatus="Approved",
        InferenceSpecification={"Containers": [{"Image": "i", "ModelDataUrl": "s3://acme-models/x.tar.gz"}]},
        ModelLifeCycle={"Stage": "Staging", "StageStatus": "Approved"},
        CustomerMetadataProperties={"metric:accuracy": "0.5", "modelward:entered": "Staging@2026-01-01T00:00:00+00:00"},
    )
    world.finish()

    version = world.digits.version(1)
    assert (version.stage, version.approval_status) == ("Development", "Rejected")
    assert len(world.entries(1)) == 5
    assert world.core.faults.calls["CreateEndpoint"] == 0


def test_a_version_moved_by_hand_and_rejected_at_once_keeps_nobody_busy(world):
    world.release(0.95)
    version = world.register(0.97)
    world.finish()
    by_hand = {"ModelLifeCycle": {"Stage": "Production", "StageStatus": "Approved"}, "ModelApprovalStatus": "Rejected"}
    world.is_deaf = True
    world.sagemaker.update_model_package(ModelPackageArn=version.arn, **by_hand)
    world.is_deaf = False
    world.finish()
    assert world.serving() == 1
    assert world.dead == []
