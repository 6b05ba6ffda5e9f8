"""What must hold however things went."""

from collections import Counter
from typing import Any

from tests.reliability.scenarios import Scenario

from modelward.core.ledger import EntryKind
from modelward.planning.standing import desired

World = Any


def begun(world: World) -> list[str]:
    """List the rollouts that endpoints really began, by what SageMaker told."""
    told = [event["detail"] for event in world.events if event["detail-type"] == "SageMaker Endpoint State Change"]
    return [each["EndpointName"] for each in told if each["EndpointStatus"] in ("CREATING", "UPDATING")]


def assert_nothing_is_left(world: World) -> None:
    """No message waits, none was given up, and whoever looks again finds nothing to do."""
    world.fault = None
    assert world.dead == []
    before = len(begun(world)), world.told, len(world.calls)
    world.sweep()
    world.finish()
    assert (len(begun(world)), world.told) == before[:2], "another look finds nothing to do"
    assert set(world.changing(before[2])) <= {"SendMessageBatch", "PutEvents"}, "what only asks to look"
    assert (world.dead, world.held) == ([], [])
    assert _waiting(world) == 0


def _waiting(world: World) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = world.client("sqs").get_queue_attributes(QueueUrl=world.settings.reconcile_queue_url, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


def assert_ledgers_are_whole(world: World, versions: Any) -> None:
    """Chains have no gap, and the newest entry knows each version as it is."""
    for version in versions:
        chain, package = world.entries(version), world.digits.version(version).package
        assert [entry.seq for entry in chain] == list(range(1, len(chain) + 1))
        seen = chain[-1].seen
        assert (seen.approval, seen.approval_reason) == (package.approval_status.value, package.approval_description)
        assert (seen.stage or None) == package.stage


def assert_each_decision_is_rolled_out_once(world: World, versions: Any) -> None:
    """No decision has two rollouts to one environment, unless another one came in between, or it was not let begin."""
    begun = []
    for version in versions:
        chain = world.entries(version)
        for entry, following in zip(chain, (*chain[1:], None), strict=True):
            if entry.kind is EntryKind.DEPLOYING and (following is None or following.kind is not EntryKind.POSTPONED):
                assert entry.facts["from_config"] != entry.facts["config"]
                begun.append(
                    (version, entry.environment, entry.token, entry.facts["config"], entry.facts["from_config"])
                )
    assert [each for each, times in Counter(begun).items() if times > 1] == []


def assert_serves_what_is_wanted(world: World, versions: Any) -> None:
    """Each environment serves the version of its newest decision, whatever that is by now, and never a bad one."""
    world.fault = None
    for name, environment in world.context.spec.environments.items():
        wanted = desired([world.digits.version(each).package for each in versions], environment.stage)
        assert wanted is None or world.serving(name) == wanted.version
        assert world.digits.version(world.serving(name)).metrics["accuracy"] > 0.9
    assert_each_decision_is_rolled_out_once(world, versions)
    assert_ledgers_are_whole(world, versions)
    assert_nothing_is_left(world)


def assert_ends_right(world: World, scenario: Scenario, rollouts_before: int) -> None:
    """All that a scenario promises, and all that is promised always."""
    assert {name: world.serving(name) for name in scenario.live} == scenario.live
    assert {version: " ".join(world.kinds(version)) for version in scenario.chains} == scenario.chains
    assert len(begun(world)) - rollouts_before == scenario.rollouts
    assert_each_decision_is_rolled_out_once(world, scenario.chains)
    assert_ledgers_are_whole(world, scenario.chains)
    assert_nothing_is_left(world)
