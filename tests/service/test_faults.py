"""Every AWS call of a whole rollout, failing in every way: the next try goes on, and nothing is done twice.

The fault marches: the first delivery of a message fails at its first call, the second delivery at its second call, and
so on until one gets through. So in one rollout each call that a handler makes is struck, in each message.
"""

import pytest

KINDS = ["throttled", "timeout_before", "timeout_after", "crash_before", "crash_after", "conflict", "denied"]
TOLD = ["registered", "approved", "staged", "deploying", "verified", "staged", "deploying", "verified"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_rollout_survives_a_fault_at_every_call(world, marching_fault, kind):
    world.live(0.95)
    world.fault = marching_fault(kind)
    before = rollouts_begun(world)

    version = world.live(0.97)

    assert world.dead == []
    assert world.serving() == world.serving("staging") == version.version == 2
    assert version.stage_status == "Approved"
    assert world.kinds(2) == TOLD
    assert world.kinds(1)[-1] == "archived"
    assert rollouts_begun(world) - before == 2, "each endpoint is updated once"
    assert len(world.fault.struck) > 50, "the scenario makes many calls"


@pytest.mark.parametrize("kind", KINDS)
def test_a_roll_back_after_a_rejection_survives_a_fault_at_every_call(world, marching_fault, kind):
    world.live(0.95)
    version = world.live(0.97)
    world.fault = marching_fault(kind)

    version.reject(reason="it is biased")
    world.run_for(20)

    assert world.dead == []
    assert world.serving() == 1
    assert world.digits.current("Production").version == 1
    assert version.refresh().stage == "Archived"
    assert world.kinds(1)[-3:] == ["rolled-back", "deploying", "verified"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_by_the_gates_survives_a_fault_at_every_call(world, marching_fault, kind):
    world.live(0.95)
    bad = world.register(0.61)
    world.fault = marching_fault(kind)

    world.sagemaker.update_model_package(ModelPackageArn=bad.arn, ModelApprovalStatus="Approved")
    world.run_for(10)

    assert world.dead == []
    assert world.kinds(2) == ["registered", "approved", "refused"]
    assert bad.refresh().approval_status == "Rejected"
    assert world.serving() == world.serving("staging") == 1


def rollouts_begun(world):
    """Count the rollouts that endpoints really began, by what SageMaker told."""
    told = [event for event in world.events if event["detail-type"] == "SageMaker Endpoint State Change"]
    return sum(event["detail"]["EndpointStatus"] == "UPDATING" for event in told)
