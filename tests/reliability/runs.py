"""A scenario under a fault, from its beginning to its end."""

from typing import Any

from tests.reliability.faults import DELIVERIES, FaultAtEveryCall, Meddler
from tests.reliability.invariants import assert_ends_right, assert_serves_what_is_wanted, begun
from tests.reliability.scenarios import SCENARIOS

World = Any


def run_with_fault(world: World, name: str, kind: str) -> list[str]:
    """Let a fault strike every call of every function; give the operations that it struck."""
    scenario = SCENARIOS[name]
    scenario.prepare(world)
    world.finish()
    before, since = len(begun(world)), len(world.asked)
    fault = world.fault = FaultAtEveryCall(kind)
    scenario.act(world)
    asked = {operation for _, _, operation, _ in world.asked[since:]}
    assert_ends_right(world, scenario, before)
    assert set(fault.struck) == asked, "each operation that a function uses was struck"
    return fault.struck


def run_with_delivery(world: World, name: str, how: str) -> int:
    """Let the events of SageMaker travel badly; give how many there were."""
    scenario = SCENARIOS[name]
    scenario.prepare(world)
    world.finish()
    before, since = len(begun(world)), len(world.events)
    world.delivery = DELIVERIES[how][0]()
    scenario.act(world)
    events = len(world.events) - since
    assert_ends_right(world, scenario, before)
    return events


def run_with_meddler(world: World, seed: int) -> Meddler:
    """Let somebody edit four versions at random moments while they are approved and promoted."""
    world.release(0.95)
    versions = [world.register(accuracy) for accuracy in (0.96, 0.97, 0.61)]
    world.finish()
    client = world.session.client("sagemaker")
    meddler = world.fault = Meddler(client, [world.digits.version(number).arn for number in (1, 2, 3, 4)], seed)
    for version, stage in zip(versions, ("Production", "Staging", "Production"), strict=True):
        cycle = {"Stage": stage, "StageStatus": "InProgress"}
        client.update_model_package(ModelPackageArn=version.arn, ModelApprovalStatus="Approved", ModelLifeCycle=cycle)
        world.finish()
    assert_serves_what_is_wanted(world, (1, 2, 3, 4))
    return meddler
