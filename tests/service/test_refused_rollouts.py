"""Rollouts that SageMaker refuses for good have failed, and somebody is told at once, not when the queue gives up."""

import pytest

from modelward.core.errors import RolloutError

SERVERLESS = """[models.digits.endpoints.production]
serverless = { memory_mb = 2048, max_concurrency = 5 }
"""


def test_a_change_from_instances_to_serverless_fails_once_and_what_serves_goes_on(world):
    version = world.live(0.95)
    head, _, tail = world.declaration.partition("[models.digits.endpoints.production]")
    world.use(head + SERVERLESS + tail[tail.index("[notifications]") :])
    world.mails()

    world.sweep()
    world.run_for(3)
    world.sweep()
    world.run_for(3)

    assert world.dead == []
    assert world.kinds(1).count("failed") == 1
    assert "serverless" in world.entries(1)[-1].why.lower()
    assert version.refresh().stage_status == "Approved", "it still serves, on instances"
    assert world.serving() == 1
    assert ["failed to deploy" in mail["Subject"] for mail in world.mails()] == [True]
    with pytest.raises(RolloutError, match="v1 serves on as it did; as declared now it cannot"):
        world.digits.deploy("production")


def test_a_new_version_that_sagemaker_refuses_to_deploy_is_marked_and_the_one_before_stays(world):
    world.live(0.95)
    second = world.register(0.97)
    world.run_for(2)
    second.approve(reason="good figures")
    world.run_for(8)
    head, _, tail = world.declaration.partition("[models.digits.endpoints.production]")
    world.use(head + SERVERLESS + tail[tail.index("[notifications]") :])

    second.promote("Production", reason="released")
    world.run_for(8)

    assert second.refresh().stage_status == "Rejected"
    assert "serverless" in second.refresh().package.life_cycle.description.lower()
    assert world.digits.current("Production").version == 1
    assert world.serving() == 1
    assert world.dead == []
