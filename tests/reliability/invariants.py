"""What must hold however things went."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise, zip_longest
from typing import Any

from tests.reliability.scenarios import Scenario

from modelward.core.ledger import Entry, EntryKind
from modelward.planning.scene import BEGUN
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


def moves(world: World) -> list[str]:
    """List the configs to which endpoints really began to move, in order, by what SageMaker told."""
    begun = set()
    for event in world.events:
        told = event["detail"]
        if event["detail-type"] == "SageMaker Endpoint State Change" and told["EndpointStatus"] == "CREATING":
            begun.add((told["LastModifiedTime"], told["EndpointConfigName"]))
        elif event["detail-type"] == "SageMaker Endpoint Deployment State Change":
            pending = told.get("PendingDeploymentSummary")
            begun |= {(pending["StartTime"], pending["EndpointConfigName"])} if pending else set()
    return [config for _, config in sorted(begun)]


def attempts(chain: Sequence[Entry], environment: str, token: str) -> list[Entry]:
    """List what a chain tells of how one decision was rolled out to an environment; a new share is no rollout."""
    told = [each for each in chain if (each.environment, each.token) == (environment, token) and each.kind in _TOLD]
    return [each for each in told if each.facts.get("from_config") != each.facts.get("config")]


_TOLD = BEGUN | {EntryKind.POSTPONED, EntryKind.VERIFIED, EntryKind.FAILED}


def assert_each_decision_is_rolled_out_once(world: World, versions: Any) -> None:
    """No config is tried twice in a row, each move was recorded before, and what was postponed had not begun."""
    began, recorded = moves(world), Counter[str]()
    for environment in world.context.spec.environments:
        at = [config for config in began if config.startswith(f"digits-{environment}-")]
        assert [config for config, after in pairwise(at) if config == after] == []
    for version in versions:
        chain = world.entries(version)
        for environment, token in {(each.environment, each.token) for each in chain}:
            recorded += _attempts_that_count(attempts(chain, environment, token))
    assert Counter(began) - recorded == Counter(), "no update was made that is not recorded, or was to be postponed"


def _attempts_that_count(told: Sequence[Entry]) -> Counter[str]:
    """Count attempts by config, but for those that were postponed: what follows these is one more of the same."""
    tried, doubted = Counter[tuple[str, str]](), Counter[str]()
    for entry, after in zip_longest(told, told[1:]):
        is_postponed = after is not None and after.kind is EntryKind.POSTPONED
        if is_postponed or (after and entry.kind is EntryKind.POSTPONED):
            assert after.facts["config"] == entry.facts["config"]
            assert {entry.kind, after.kind} - BEGUN == {EntryKind.POSTPONED}
        doubted[entry.facts["config"]] += bool(entry.facts.get("resized"))
        if entry.kind in BEGUN and not is_postponed:
            tried[(entry.facts["config"], entry.facts["from_config"])] += 1
    assert max([0, *doubted.values()]) <= 1, "what is in doubt is tried once more"
    assert max([0, *tried.values()]) <= 1, "what was tried from there is not tried again"
    return Counter(config for config, _ in tried)


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
