"""A version beside the live one: as a shadow whose figures decide, or for a share of the calls that people shift."""

import pytest
from tests.service.conftest import ACCOUNT, REGION

from modelward.core.errors import ConfigError, InputError, PolicyError
from modelward.local.moto import watch

HOURS = 3600
SHADOW = 'rollout = { strategy = "shadow", percent = 100, trial_s = 6900 }\n'
TIMED = 'rollout = { strategy = "shadow", percent = 100, trial_s = 6900, slower_by_at_most_percent = 50 }\n'
AB = 'rollout = { strategy = "ab", percent = 20 }\n'


def declared(world, rollout):
    world.use(world.declaration.replace("instance_count = 2", f"instance_count = 2\n{rollout}"))
    world.release(0.95)
    world.mails()
    return world


@pytest.fixture
def shadowed(world):
    """A world in which v1 serves production, and newcomers are shadows; their figures decide after two hours."""
    return declared(world, SHADOW)


@pytest.fixture
def tried(world):
    """A world in which v2 takes a fifth of the calls of production beside v1."""
    declared(world, AB)
    promoted(world)
    return world


def promoted(world, accuracy=0.97):
    version = world.register(accuracy)
    world.finish()
    version.approve(reason="good figures")
    world.finish()
    version.promote("Production", reason="released")
    world.finish()
    return version


def call(world, times=10):
    """Call production, whatever becomes of it, and tell which versions answered."""
    return [world.serving() for _ in range(times)]


def wait(world, seconds):
    """Let time pass, with the sweep that strikes in it."""
    world.pause(seconds)
    world.sweep()
    world.finish()


def sick_in_use(world, version):
    """Let a version come up well and fail in serving."""
    plain, broken = world.hosting.answer, version.artifact_uri

    def answer(config, body, content_type):
        if config.model_data_url == broken:
            return 500, "text/plain", b"cannot unpack"
        return plain(config, body, content_type)

    world.hosting.answer = answer


def why(world, version):
    return world.digits.version(version).package.life_cycle.description


def test_a_shadow_gets_copies_and_nobody_hears_its_answers(shadowed):
    promoted(shadowed)
    assert set(call(shadowed)) == {1}
    told = watch(ACCOUNT, REGION)
    where = {"EndpointName": "digits-production", "VariantName": "Challenger"}
    assert len(told.values("Invocations", **where)) == 10
    assert shadowed.kinds(2)[-1] == "trying"
    assert shadowed.digits.version(2).stage_status == "InProgress"
    assert shadowed.digits.current("Production").version == 1


@pytest.mark.fidelity("metrics-come-late")
def test_a_shadow_is_on_trial_for_so_long_that_its_first_figures_are_there_when_its_time_is_up(world):
    with pytest.raises(ConfigError, match="trial_s"):
        declared(world, SHADOW.replace("6900", "599"))


@pytest.mark.fidelity("metrics-come-late")
def test_a_shadow_is_judged_by_the_figures_that_are_there_when_its_time_is_up(shadowed):
    promoted(shadowed)
    call(shadowed)
    wait(shadowed, HOURS)
    shadowed.client("cloudwatch").meta.events.register("after-call.cloudwatch.GetMetricData", _half)
    wait(shadowed, HOURS)
    assert set(call(shadowed)) == {2}, "half of the figures are enough"


def _half(parsed, **_):
    """Leave out what has not come yet."""
    for result in parsed["MetricDataResults"]:
        result["Values"] = [value / 2 for value in result["Values"]]


def test_a_shadow_whose_figures_are_no_worse_takes_over_when_its_time_is_up(shadowed):
    promoted(shadowed)
    call(shadowed)
    wait(shadowed, HOURS)
    assert set(call(shadowed)) == {1}
    wait(shadowed, HOURS)
    assert set(call(shadowed)) == {2}
    assert shadowed.kinds(2)[-3:] == ["trying", "deploying", "verified"]
    assert shadowed.kinds(1)[-1] == "archived"
    judged = next(entry for entry in shadowed.entries(2) if entry.kind == "deploying" and entry.verdicts)
    assert [verdict.metric for verdict in judged.verdicts] == ["calls", "error_rate"]
    assert shadowed.dead == []


def test_a_shadow_that_fails_calls_is_taken_away_and_the_live_version_never_noticed(shadowed):
    second = promoted(shadowed)
    sick_in_use(shadowed, second)
    assert set(call(shadowed)) == {1}
    wait(shadowed, 2 * HOURS)
    assert set(call(shadowed)) == {1}
    assert shadowed.digits.version(2).stage_status == "Rejected"
    assert why(shadowed, 2).startswith("as a shadow of v1, error_rate 1, live 0, worse by at most 0: refused")
    assert shadowed.endpoint().get("ShadowProductionVariants") is None
    assert [m["Subject"] for m in shadowed.mails() if "failed" in m["Subject"]] == [
        "[acme] digits v2 failed to deploy; what served before still serves in production"
    ]
    assert shadowed.dead == []


def test_a_shadow_that_nobody_called_has_shown_nothing(shadowed):
    promoted(shadowed)
    wait(shadowed, 2 * HOURS)
    assert set(call(shadowed)) == {1}
    assert "calls 0, at least 1: refused" in why(shadowed, 2)


def test_a_shadow_that_never_comes_up_has_failed(shadowed):
    version = shadowed.register(0.97)
    shadowed.finish()
    version.approve(reason="good figures")
    shadowed.finish()
    broken = version.artifact_uri
    shadowed.hosting.health = lambda config: config.model_data_url != broken
    version.promote("Production", reason="released")
    shadowed.finish()
    assert set(call(shadowed)) == {1}
    assert shadowed.kinds(2)[-2:] == ["trying", "failed"]


def test_a_slower_shadow_is_refused_only_where_a_limit_is_declared(world):
    declared(world, TIMED)
    second = promoted(world)
    plain, slow = world.hosting.answer, second.artifact_uri

    def slowly(config, body, content_type):
        world.pause(0.5 if config.model_data_url == slow else 0.1)
        return plain(config, body, content_type)

    world.hosting.answer = slowly
    call(world)
    wait(world, 2 * HOURS)
    assert "mean_latency_ms 500, live 100, worse by at most 50: refused" in why(world, 2)


def test_a_newer_version_takes_the_place_of_a_shadow(shadowed):
    promoted(shadowed)
    promoted(shadowed, 0.98)
    assert set(call(shadowed)) == {1}
    wait(shadowed, 2 * HOURS)
    assert set(call(shadowed)) == {3}
    assert shadowed.kinds(2)[-1] == "archived"
    assert shadowed.dead == []


def test_a_shadow_that_is_rejected_leaves_at_once(shadowed):
    second = promoted(shadowed)
    second.reject(reason="it is biased")
    shadowed.finish()
    assert shadowed.endpoint().get("ShadowProductionVariants") is None
    assert set(call(shadowed)) == {1}
    assert shadowed.dead == []


def test_a_first_version_has_nothing_to_be_a_shadow_of(shadowed):
    assert shadowed.kinds(1)[-1] == "verified"
    assert "trying" not in shadowed.kinds(1)


def test_a_rollback_is_not_tried_first(shadowed):
    promoted(shadowed)
    call(shadowed)
    wait(shadowed, 2 * HOURS)
    shadowed.digits.roll_back("production", reason="users complain")
    shadowed.finish()
    assert set(call(shadowed)) == {1}


def test_a_trial_that_runs_is_not_behind_and_costs_three_reads(shadowed):
    from modelward.handlers import reconcile

    promoted(shadowed)
    since = len(shadowed.calls)
    shadowed.deliver(reconcile.handler, {"model": "digits", "environment": "production"})
    assert len(shadowed.calls) - since <= 3
    told = next(each for each in shadowed.registry.status() if each.environment == "production")
    assert told.since is None
    assert (told.live, told.wanted) == (1, 2)


def test_a_version_on_trial_takes_its_share_of_the_calls(tried):
    answered = call(tried, 20)
    assert (answered.count(1), answered.count(2)) == (16, 4)
    assert tried.digits.current("Production").version == 1


def test_its_share_is_changed_in_place_and_the_decision_is_recorded(tried):
    updates = tried.core.faults.calls["UpdateEndpoint"]
    tried.digits.share("production", 50, reason="no complaints")
    tried.finish()
    answered = call(tried, 20)
    assert (answered.count(1), answered.count(2)) == (10, 10)
    assert tried.core.faults.calls["UpdateEndpoint"] == updates
    last = tried.entries(2)[-1]
    assert (last.kind, last.facts["share"]) == ("trying", "50")
    assert last.why == "v2 gets 50 % of the calls: no complaints"
    tried.sweep()
    tried.finish()
    assert tried.entries(2)[-1] == last
    assert tried.dead == []


def test_a_trial_that_the_newcomer_wins_ends_with_all_calls_on_it(tried):
    tried.digits.finish("production", 2, reason="more of its answers are taken")
    tried.finish()
    assert set(call(tried)) == {2}
    assert tried.kinds(2)[-2:] == ["deploying", "verified"]
    assert tried.kinds(1)[-1] == "archived"
    assert tried.dead == []


def test_a_trial_that_the_live_version_wins_ends_with_all_calls_on_it(tried):
    tried.digits.finish("production", 1, reason="nobody liked it")
    tried.finish()
    assert set(call(tried)) == {1}
    assert tried.digits.current("Production").version == 1
    assert tried.digits.version(2).stage == "Archived"
    assert tried.dead == []


def test_a_trial_is_won_by_one_of_its_two_versions(tried):
    with pytest.raises(PolicyError, match="v2 is tried beside v1"):
        tried.digits.plan_finish("production", 7, reason="a slip")
    with pytest.raises(InputError):
        tried.digits.plan_share("production", 101, reason="a slip")
    with pytest.raises(PolicyError, match='no rollout with strategy = "ab"'):
        tried.digits.plan_share("staging", 10, reason="a slip")


def test_where_nothing_is_tried_there_is_nothing_to_share(world):
    declared(world, AB)
    with pytest.raises(PolicyError, match="tries no version"):
        world.digits.plan_share("production", 10, reason="a slip")


def test_a_share_that_was_decided_counts_for_that_decision_only(tried):
    tried.digits.share("production", 50, reason="no complaints")
    tried.finish()
    tried.digits.finish("production", 1, reason="nobody liked it")
    tried.finish()
    tried.digits.version(2).promote("Production", reason="once more")
    tried.finish()
    answered = call(tried, 20)
    assert (answered.count(1), answered.count(2)) == (16, 4)


def test_waiting_for_a_deployment_ends_when_its_trial_has_begun(tried):
    assert tried.digits.deploy("production", timeout_s=60).version == 2


def standing(world):
    return next(each for each in world.registry.status() if each.environment == "production")


def test_status_tells_that_a_version_is_on_trial_and_with_what_share(tried):
    now = standing(tried)
    assert (now.state, now.live, now.wanted, now.share, now.since) == ("on trial", 1, 2, 20, None)
    tried.digits.share("production", 50, reason="no complaints")
    tried.finish()
    assert standing(tried).share == 50
    tried.digits.finish("production", 2, reason="better")
    tried.finish()
    assert (standing(tried).state, standing(tried).share) == ("serving", None)


def test_status_tells_of_a_shadow_until_it_has_failed(shadowed):
    sick_in_use(shadowed, promoted(shadowed))
    assert (standing(shadowed).state, standing(shadowed).share) == ("on trial", 100)
    call(shadowed)
    wait(shadowed, 2 * HOURS)
    assert (standing(shadowed).state, standing(shadowed).wanted) == ("serving", 1)
    assert "v2 failed here" in standing(shadowed).problem
