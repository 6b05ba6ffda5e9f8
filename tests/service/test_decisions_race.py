"""A person decides in the very moment in which a function acts on what it read just before.

SageMaker has no conditional update, so the later write wins; but no decision of a person may get lost.
"""

import pytest


def interrupt(world, operation, act):
    """Let somebody act right before the next call of an operation that a handler makes."""
    pending = [act]

    def strike(model, **_):
        if world.is_handling and model.name == operation and pending:
            world.is_handling = False  # what the person does is no handler's doing
            pending.pop()()
            world.is_handling = True

    world.client("sagemaker").meta.events.register_first("before-call", strike)


def test_approving_and_promoting_at_once_reaches_production(world):
    version = world.register(0.95)

    version.approve(reason="good figures")
    version.promote("Production", reason="it is urgent")
    world.run_for(12)

    assert version.refresh().stage == "Production"
    assert world.serving() == 1
    promoted = next(entry for entry in world.entries(1) if entry.environment == "production")
    assert promoted.why == "it is urgent"


def test_a_promotion_that_the_review_of_an_approval_overwrites_is_restored_with_its_reason(world):
    version = world.register(0.95)
    world.settle()
    reason = 'it\'s urgent, see "JIRA-7" (100 % sure)'
    interrupt(world, "UpdateModelPackage", lambda: version.promote("Production", reason=reason))

    world.sagemaker.update_model_package(
        ModelPackageArn=version.arn, ModelApprovalStatus="Approved", ApprovalDescription="by the console"
    )
    world.run_for(15)

    assert version.refresh().stage == "Production"
    assert version.refresh().stage_status == "Approved"
    assert world.serving() == 1
    assert reason in [entry.why for entry in world.entries(1) if entry.environment == "production"]
    assert world.dead == []


def test_a_promotion_that_a_verification_overwrites_is_restored(world):
    version = world.register(0.95)
    world.run_for(2)
    version.approve(reason="good figures")
    world.settle()
    interrupt(world, "UpdateModelPackage", lambda: version.promote("Production", reason="it is urgent"))

    world.run_for(15)

    assert version.refresh().stage == "Production"
    assert world.serving() == 1


def test_a_roll_back_to_a_version_that_is_just_being_archived_is_restored(world):
    world.live(0.95)
    second = world.register(0.97)
    world.run_for(2)
    second.approve(reason="good figures")
    world.run_for(8)
    archived = []

    def before_archiving(params, **_):
        is_archiving = params.get("ModelLifeCycle", {}).get("Stage") == "Archived"
        if world.is_handling and is_archiving and not archived:
            archived.append(params)
            world.is_handling = False
            world.digits.roll_back("production", reason="no, stay")
            world.is_handling = True

    world.client("sagemaker").meta.events.register(
        "provide-client-params.sagemaker.UpdateModelPackage", before_archiving
    )
    second.promote("Production", reason="released")
    world.run_for(20)

    assert archived, "the race took place"
    assert world.serving() == 1
    assert world.digits.current("Production").version == 1


def test_a_slow_clock_does_not_turn_the_order_of_decisions_round(world):
    world.live(0.95)
    second = world.register(0.97)
    world.run_for(2)
    second.approve(reason="good figures")
    world.run_for(8)
    clock = world.context.clock
    object.__setattr__(world.context, "clock", lambda: clock().replace(year=2020))

    second.promote("Production", reason="from a laptop that lives in 2020")
    world.run_for(10)

    assert world.serving() == 2


def test_a_move_in_the_console_is_not_overruled_by_an_older_decision_of_ours(world):
    version = world.live(0.95)

    world.sagemaker.update_model_package(
        ModelPackageArn=version.arn, ModelLifeCycle={"Stage": "Staging", "StageStatus": "Approved"}
    )
    world.run_for(10)

    assert version.refresh().stage == "Staging"
    assert world.serving("production") == 1, "a stage that nobody holds leaves its endpoint as it is"


@pytest.mark.parametrize("text", ["plain", 'it\'s, "quoted" = 100 %\u2026 \u00fc\u65e5', "=3D", "x" * 400])
def test_a_reason_survives_in_a_metadata_value_as_far_as_it_fits(text):
    from modelward.core.model_package import packed, unpacked

    assert len(packed(text)) <= 256
    assert text.startswith(unpacked(packed(text)))
    assert unpacked(packed(text)) == text or len(text) > 85
