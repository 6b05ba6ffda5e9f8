"""The life of a model, as people see it."""

import pytest

from modelward.core.errors import PolicyError


def test_an_approval_reaches_staging_and_a_promotion_production(world):
    version = world.register(0.95)
    world.run_for(10)

    version.approve(reason="good figures")
    world.run_for(10)
    assert version.refresh().stage == "Staging"
    assert version.refresh().stage_status == "Approved"
    assert world.serving("staging") == 1

    version.promote("Production", reason="released")
    world.run_for(10)
    assert world.serving("production") == 1
    assert world.digits.current("Production").version == 1
    assert world.kinds(1) == [
        "registered",
        "approved",
        "staged",
        "deploying",
        "verified",
        "staged",
        "deploying",
        "verified",
    ]
    assert world.dead == []


def test_a_verified_version_archives_the_one_that_it_replaces(world):
    first = world.live(0.95)
    second = world.live(0.97)

    assert world.serving() == 2
    assert second.stage_status == "Approved"
    assert first.refresh().stage == "Archived"
    assert world.kinds(1)[-1] == "archived"


def test_a_gate_refuses_a_bad_version_and_names_each_figure(world):
    world.live(0.95)
    bad = world.register(0.61, log_loss=1.3)
    world.run_for(5)

    with pytest.raises(PolicyError) as refused:
        bad.approve(reason="let us see")

    assert "accuracy 0.61, at least 0.9: refused" in str(refused.value)
    assert "log_loss 1.3, at most 0.5: refused" in str(refused.value)


def test_a_bad_version_that_is_approved_through_the_raw_api_is_put_back_and_never_served(world):
    world.live(0.95)
    bad = world.register(0.61)
    world.run_for(5)

    world.sagemaker.update_model_package(ModelPackageArn=bad.arn, ModelApprovalStatus="Approved")
    world.run_for(10)

    assert bad.refresh().approval_status == "Rejected"
    assert "accuracy 0.61" in bad.refresh().package.approval_description
    assert world.kinds(2) == ["registered", "approved", "refused"]
    assert world.serving("staging") == world.serving("production") == 1


def test_a_roll_back_returns_to_the_version_verified_before(world):
    world.live(0.95)
    world.live(0.97)

    world.digits.roll_back("production", reason="users complain")
    world.run_for(10)

    assert world.serving() == 1
    assert world.digits.current("Production").version == 1
    assert "rolled-back" in world.kinds(1)
    assert world.digits.version(2).stage == "Archived"


def test_rejecting_the_live_version_brings_the_one_before_back(world):
    world.live(0.95)
    second = world.live(0.97)

    second.reject(reason="it is biased")
    world.run_for(15)

    assert world.serving() == 1
    assert world.digits.current("Production").version == 1
    assert second.refresh().stage == "Archived"


def test_a_newcomer_to_staging_is_compared_with_the_version_that_moved_on_to_production(world):
    world.live(0.97)
    worse = world.register(0.93)
    world.run_for(5)

    with pytest.raises(PolicyError) as refused:
        worse.approve(reason="good enough")

    assert "accuracy 0.93, live 0.97, worse by at most 0.01: refused" in str(refused.value)


def test_and_so_is_one_that_is_approved_through_the_raw_api(world):
    world.live(0.97)
    worse = world.register(0.93)
    world.run_for(5)

    world.sagemaker.update_model_package(ModelPackageArn=worse.arn, ModelApprovalStatus="Approved")
    world.run_for(5)

    assert "live 0.97" in worse.refresh().package.approval_description
    assert worse.refresh().approval_status == "Rejected"


def test_a_slack_that_is_not_set_up_holds_nothing_up_and_the_mail_says_so(world):
    world.use(world.declaration + 'slack = { webhook_secret = "modelward/slack" }\n')

    world.register(0.95)
    world.run_for(2)

    (mail,) = world.mails()
    assert "digits v1 was registered" in mail["Subject"]
    assert "Slack was not told" in mail["Message"]
    assert "secret 'modelward/slack' does not exist" in mail["Message"]
    assert "aws secretsmanager create-secret --name modelward/slack" in mail["Message"]
    assert world.dead == []
