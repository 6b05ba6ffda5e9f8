"""Names and moves of rollouts, case by case."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from modelward.config import AlarmSpec, AsynchronousSpec, AutoscalingSpec, CaptureSpec, VpcSpec
from modelward.core.endpoint import BUSY, Endpoint
from modelward.core.ledger import EntryKind
from modelward.core.model_package import ApprovalStatus, LifeCycle
from modelward.core.names import version_in
from modelward.planning.changes import (
    Answers,
    Captures,
    CreateEndpointConfig,
    DeleteEndpoint,
    LookAgain,
    Record,
    UpdateEndpoint,
)
from modelward.planning.rollout import plan_rollout
from modelward.planning.scene import Refusal, config_name
from modelward.planning.standing import decided_at, desired, holder


def test_the_name_of_a_config_covers_all_that_goes_into_it(world):
    package, spec = world.package(3), world.MODEL.endpoints["production"]
    name = config_name(package, spec, world.ROLE)
    others = {
        config_name(package, replace(spec, instance_count=3), world.ROLE),
        config_name(package, replace(spec, network_isolation=True), world.ROLE),
        config_name(package, replace(spec, volume_key_arn="arn:aws:kms:eu-west-1:1:key/a"), world.ROLE),
        config_name(package, replace(spec, vpc=VpcSpec(("subnet-1",), ("sg-1",))), world.ROLE),
        config_name(package, replace(spec, vpc=VpcSpec(("subnet-1",), ("sg-2",))), world.ROLE),
        config_name(package, spec, world.ROLE + "2"),
        config_name(replace(package, created_at=package.created_at + timedelta(seconds=1)), spec, world.ROLE),
        config_name(world.package(4), spec, world.ROLE),
        config_name(package, world.MODEL.endpoints["staging"], world.ROLE),
    }
    scaled = [AutoscalingSpec(1, 4, 100), AutoscalingSpec(1, 5, 100), AutoscalingSpec(1, 4, 100, 60)]
    others |= {config_name(package, replace(spec, autoscaling=each), world.ROLE) for each in scaled}
    assert len(others | {name}) == 13
    assert version_in(name) == 3


def test_where_calls_are_captured_counts_where_they_are(account, world):
    package, plain = world.package(3), world.MODEL.endpoints["production"]
    spec = replace(plain, data_capture=CaptureSpec(10))
    here, there = (Captures(f"s3://{name}/capture", "arn:key") for name in ("here", "there"))
    names = [config_name(package, each, world.ROLE, to) for each in (plain, spec) for to in (here, there)]
    assert len(set(names)) == 3
    assert names[0] == names[1] == config_name(package, plain, world.ROLE)

    account.add(1)
    account.approve(1)
    account.review(1)
    account.review(1)
    scene = replace(account.scene("staging"), captures=here)
    for each, to in ((scene.endpoint_spec, None), (spec, here)):
        plan = world.plan_rollout(replace(scene, endpoint_spec=each), now=account.now)
        [made] = [change for change in plan.changes if isinstance(change, CreateEndpointConfig)]
        assert made.captures == to
        assert ("captures to s3://here/capture" in made.line()) == bool(to)


def test_where_answers_go_counts_where_they_go(account, world):
    package, plain = world.package(3), world.MODEL.endpoints["production"]
    spec = replace(plain, asynchronous=AsynchronousSpec())
    here, there = (Answers(f"s3://{name}/async/digits-production/", "arn:key") for name in ("here", "there"))
    names = [config_name(package, each, world.ROLE, None, to) for each in (plain, spec) for to in (here, there)]
    assert len(set(names)) == 3
    assert names[0] == names[1] == config_name(package, plain, world.ROLE)

    account.add(1)
    account.approve(1)
    account.review(1)
    account.review(1)
    scene = replace(account.scene("staging"), answers=here)
    for each, to in ((scene.endpoint_spec, None), (spec, here)):
        plan = world.plan_rollout(replace(scene, endpoint_spec=each), now=account.now)
        [made] = [change for change in plan.changes if isinstance(change, CreateEndpointConfig)]
        assert made.answers == to
        assert ("answers in s3://here/async/digits-production/" in made.line()) == bool(to)


@pytest.mark.parametrize("is_asynchronous", [True, False])
def test_no_update_is_tried_that_turns_an_endpoint_asynchronous_or_back(account, world, is_asynchronous):
    account.live(1)
    scene = account.scene("production")
    declared = None if is_asynchronous else AsynchronousSpec()
    spec = replace(scene.endpoint_spec, asynchronous=declared, instance_count=3)
    endpoint = replace(scene.endpoint, is_asynchronous=is_asynchronous)
    plan = world.plan_rollout(replace(scene, endpoint_spec=spec, endpoint=endpoint), now=account.now)
    [record] = plan.changes
    assert record.entry.kind is EntryKind.FAILED
    assert "and no update makes it" in plan.why
    assert "delete endpoint digits-production or rename the environment" in plan.why

    chain = (*scene.chain, record.entry)
    again = world.plan_rollout(replace(scene, endpoint_spec=spec, endpoint=endpoint, chain=chain), now=account.now)
    assert again.is_empty


def test_an_endpoint_that_somebody_gave_inference_components_is_left_alone(account, world):
    account.live(1)
    scene = account.scene("production")
    spec = replace(scene.endpoint_spec, instance_count=3)
    theirs = replace(scene.endpoint, config_name="made-by-hand", has_components=True)
    plan = world.plan_rollout(replace(scene, endpoint_spec=spec, endpoint=theirs), now=account.now)
    [record] = plan.changes
    assert record.entry.kind is EntryKind.FAILED
    assert "was made by somebody else" in plan.why
    assert "inference components" in plan.why
    ours = replace(scene.endpoint, has_components=True)
    plan = world.plan_rollout(replace(scene, endpoint_spec=spec, endpoint=ours), now=account.now)
    assert any(isinstance(change, CreateEndpointConfig) for change in plan.changes)


def test_an_environment_that_moves_to_another_account_is_served_there_by_the_version_that_is_live(account, world):
    account.live(1)
    there = "arn:aws:iam::222222222222:role/acme-production-models"
    scene = replace(account.scene("production"), endpoint=None, role_arn=there)
    plan = world.plan_rollout(scene, now=account.now)
    assert [type(change).__name__ for change in plan.changes] == [
        "CreateModel",
        "CreateEndpointConfig",
        "Record",
        "CreateEndpoint",
    ]
    assert plan.changes[0].role_arn == there
    assert plan.changes[0].package_arn == account.packages[1].arn


def test_the_name_of_a_config_leaves_alarms_out_which_are_no_part_of_it(world):
    package, spec = world.package(3), world.MODEL.endpoints["production"]
    watched = replace(spec, alarms=AlarmSpec(errors_5xx_at_most=1))
    assert config_name(package, watched, world.ROLE) == config_name(package, spec, world.ROLE)


def test_an_environment_that_serves_what_it_should_is_not_behind(account):
    account.live(1)
    assert account.plan("production").behind_since is None
    account.endpoints["production"] = replace(account.endpoints["production"], status="SystemUpdating")
    assert account.plan("production").behind_since is None


def test_an_environment_is_behind_from_the_moment_at_which_its_rollout_begins(account):
    account.live(1)
    account.live(2)
    endpoint = account.endpoints["production"]
    account.endpoints["production"] = replace(endpoint, config_name="digits-production-v1-00000000")
    plan = account.plan("production")
    assert plan.changes
    assert plan.behind_since == account.now


def test_an_environment_whose_endpoint_is_busy_is_behind_since_the_decision(account):
    account.add(1)
    account.approve(1)
    account.review(1)
    account.review(1)
    account.endpoints["staging"] = Endpoint("digits-staging", "Creating", "x", account.now)
    plan = account.plan("staging")
    assert plan.is_empty
    assert plan.behind_since == account.packages[1].entered.at


def test_an_environment_from_which_nobody_wants_anything_is_not_behind(account):
    assert account.plan("staging").behind_since is None


def test_the_name_of_a_config_is_the_same_in_every_time_zone(world):
    package, spec = world.package(3), world.MODEL.endpoints["production"]
    abroad = replace(package, created_at=package.created_at.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert config_name(abroad, spec, world.ROLE) == config_name(package, spec, world.ROLE)


@pytest.mark.parametrize("status", sorted(BUSY))
def test_nothing_is_asked_of_an_endpoint_that_is_busy(account, status):
    account.live(1)
    account.endpoints["production"] = replace(account.endpoints["production"], status=status)
    assert account.plan("production").is_empty


def test_an_endpoint_that_serves_a_mix_is_moved_to_what_it_should_serve(account):
    account.live(1)
    account.endpoints["production"] = replace(
        account.endpoints["production"], status="UpdateRollbackFailed", config_name="digits-production-v9-00000000"
    )
    account.converge()
    assert account.serving("production") == 1


def test_a_failed_endpoint_is_deleted_and_the_reconciler_comes_again(account):
    account.add(1)
    account.approve(1)
    account.review(1)
    account.review(1)
    account.endpoints["staging"] = Endpoint("digits-staging", "Failed", "x", account.now)
    plan = account.plan("staging")
    assert plan.changes[0] == DeleteEndpoint("digits-staging")
    assert plan.changes[1] == LookAgain("digits", "staging", delay_s=60)


def test_an_environment_without_an_endpoint_settles_at_once(account, world):
    account.add(1)
    account.approve(1)
    account.review(1)
    account.review(1)
    scene = replace(account.scene("staging"), endpoint_spec=None)
    plan = world.plan_rollout(scene, now=account.now)
    assert "no endpoint is declared here" in plan.lines()[0]
    assert plan.changes[-1].life_cycle.status == "Approved"


def test_a_version_whose_entry_nobody_reviewed_is_not_rolled_out(account, world):
    account.add(1, approval_status=ApprovalStatus.APPROVED)
    account.promote(1)
    plan = account.plan("production")
    assert plan.is_empty
    assert "not reviewed yet" in plan.why


def test_a_stage_belongs_to_the_newest_decision_and_versions_without_a_stamp_come_last(world):
    old, new = (
        world.package(
            number,
            approval_status=ApprovalStatus.APPROVED,
            life_cycle=LifeCycle("Production", "Approved"),
            entered=world.Entered("Production", world.NOON + timedelta(minutes=minutes)),
        )
        for number, minutes in ((5, 1), (2, 2))
    )
    unstamped = replace(world.package(9), life_cycle=LifeCycle("Production", "Approved"))
    assert holder([old, unstamped, new], "Production") is new
    assert desired([new, unstamped, old], "Production") is new
    assert decided_at(unstamped)[0] == datetime.min.replace(tzinfo=world.UTC)


@pytest.mark.parametrize(
    "change",
    [
        {"approval_status": ApprovalStatus.REJECTED},
        {"approval_status": ApprovalStatus.PENDING},
        {"status": "Failed"},
        {"status": "InProgress"},
        {"life_cycle": LifeCycle("Production", "Rejected")},
        {"life_cycle": LifeCycle("Production", "Retired")},
        {"life_cycle": LifeCycle("Production", "OnHold")},
        {"life_cycle": LifeCycle("Staging", "Approved")},
        {"metadata": {}},
    ],
)
def test_only_an_approved_finished_version_whose_rollout_has_not_failed_is_desired(world, change):
    good = world.package(
        1,
        approval_status=ApprovalStatus.APPROVED,
        life_cycle=LifeCycle("Production", "Approved"),
        entered=world.Entered("Production", world.NOON),
    )
    assert desired([good], "Production") is good
    assert desired([replace(good, **change)], "Production") is None


SMOKE = "ab" * 32


def test_a_version_with_a_smoke_test_waits_for_its_verdict(account):
    account.live(1)
    account.add(2, smoke=SMOKE)
    account.converge()
    account.approve(2)
    account.review(2)
    account.review(2)
    assert account.plan("staging").why == "staging shall serve v2; its smoke test decides when it does."
    account.reconcile("staging")
    account.finish()
    plan = plan_rollout(replace(account.scene("staging"), smoke=None), now=account.now)
    assert [change.line() for change in plan.changes] == ["InvokeEndpoint      digits-staging: the smoke test of v2"]
    assert plan.behind_since is None
    account.reconcile("staging")
    assert account.chain(2)[-1].facts["smoke"] == "its smoke test held"


def test_a_configuration_that_fails_its_smoke_test_is_left_once_for_the_one_before(account):
    account.live(1, smoke=SMOKE)
    before = account.endpoints["production"].config_name
    account.specs["production"] = replace(account.specs["production"], instance_count=7)
    account.wrong = frozenset({1})
    moved = []
    account.watch = lambda _, change: moved.append(change) if isinstance(change, UpdateEndpoint) else None
    account.converge()
    assert account.endpoints["production"].config_name == before
    assert [change.config_name for change in moved] == [account.config(1, "production"), before]

    account.endpoints["production"] = replace(
        account.endpoints["production"], config_name=account.config(1, "production")
    )
    account.now += timedelta(seconds=5)
    account.endpoints["production"] = replace(account.endpoints["production"], modified_at=account.now)
    assert account.plan("production").is_empty, "somebody brought it there: it is not moved again"


def test_a_configuration_that_passed_its_smoke_test_is_not_tested_again(account):
    account.live(1, smoke=SMOKE)
    account.live(2)
    account.wrong = frozenset({1})
    account.promote(1)
    account.converge()
    assert account.serving("production") == 1


def test_a_configuration_that_leaves_a_mix_is_left_once_for_the_one_before(account):
    account.live(1)
    before = account.endpoints["production"].config_name
    account.specs["production"] = replace(account.specs["production"], instance_count=7)
    account.reconcile("production")
    account.now += timedelta(seconds=1)
    stuck = replace(account.endpoints["production"], status="UpdateRollbackFailed", modified_at=account.now)
    account.endpoints["production"] = stuck
    account.coming.clear()
    account.reconcile("production")
    failed = account.chain(1)[-1]
    assert (failed.kind, failed.facts["failure"]) == (EntryKind.FAILED, "mix")
    [back] = account.plan("production").changes
    assert (back.name, back.config_name) == ("digits-production", before)
    account.endpoints["production"] = replace(stuck, modified_at=account.now + timedelta(seconds=9))
    assert account.plan("production").is_empty, "it was tried once"


def attempted(account, sizes="AllTraffic 2 x 1.0"):
    """Let v2 be attempted in production, and its update not reach SageMaker."""
    account.live(1)
    account.endpoints["production"] = replace(account.endpoints["production"], sizes="AllTraffic 2 x 1.0")
    account.add(2)
    account.converge()
    account.approve(2)
    account.converge()
    account.promote(2)
    account.review(2)
    account.crashes = [3]
    account.reconcile("production")
    assert account.chain(2)[-1].kind is EntryKind.DEPLOYING
    meddle(account, sizes)


def meddle(account, sizes, **fields):
    account.now += timedelta(seconds=9)
    there = replace(account.endpoints["production"], modified_at=account.now, sizes=sizes, **fields)
    account.endpoints["production"] = there


def test_an_attempt_is_made_once_more_if_the_endpoint_was_resized_and_then_counts_as_failed(account):
    attempted(account, "AllTraffic 3 x 1.0")
    account.crashes = [4]  # the second update does not reach SageMaker either
    account.reconcile("production")
    postponed, deploying = account.chain(2)[-2:]
    assert (postponed.kind, deploying.kind) == (EntryKind.POSTPONED, EntryKind.DEPLOYING)
    assert postponed.why == "instances or weights of digits-production were changed, perhaps before its update began"
    assert deploying.facts["sizes"] == "AllTraffic 3 x 1.0"
    meddle(account, "AllTraffic 4 x 1.0")
    account.converge()
    failed = account.chain(2)[-1]
    assert (failed.kind, failed.facts["failure"]) == (EntryKind.FAILED, "went-back")
    assert "were changed during each of two attempts, which perhaps were never made" in failed.why
    assert account.serving("production") == 1
    assert account.packages[2].stage_status == "Rejected"

    account.promote(2)
    account.review(2)
    account.crashes = [3]
    account.reconcile("production")
    meddle(account, "AllTraffic 5 x 1.0")
    account.converge()
    assert account.serving("production") == 2, "a new decision may be postponed again"


def test_a_function_that_stops_once_a_resized_attempt_is_postponed_begins_it_again(account):
    attempted(account, "AllTraffic 3 x 1.0")
    account.crashes = [1]
    account.converge()
    assert [each.kind.value for each in account.chain(2)[-3:]] == ["postponed", "deploying", "verified"]
    assert account.serving("production") == 2


@pytest.mark.parametrize("fields", [{}, {"failure_reason": "no ping"}, {"status": "UpdateRollbackFailed"}])
def test_an_attempt_has_failed_if_sizes_are_as_they_were_or_sagemaker_says_so(account, fields):
    attempted(account)
    meddle(account, "AllTraffic 3 x 1.0" if fields else "AllTraffic 2 x 1.0", **fields)
    account.reconcile("production")
    assert account.chain(2)[-1].kind is EntryKind.FAILED


def test_an_attempt_of_old_that_kept_no_sizes_has_failed_if_the_endpoint_was_modified(account):
    attempted(account, "AllTraffic 3 x 1.0")
    *before, last = account.chain(2)
    facts = {name: value for name, value in last.facts.items() if name != "sizes"}
    account.chains[2] = (*before, replace(last, facts=facts))
    account.reconcile("production")
    assert account.chain(2)[-1].kind is EntryKind.FAILED


def test_an_update_that_was_refused_as_something_else_ended_has_not_failed_and_is_asked_for_anew(account):
    attempted(account)
    plan = account.plan("production", Refusal.BUSY)
    recorded = [change.entry.kind for change in plan.changes if isinstance(change, Record)]
    assert recorded == [EntryKind.DEPLOYING]
    assert isinstance(plan.changes[-1], UpdateEndpoint)


def test_an_attempt_that_another_rollout_had_the_endpoint_before_has_not_failed_and_is_made_anew(account):
    attempted(account)
    meddle(account, "AllTraffic 2 x 1.0", config_name="made-by-hand")
    plan = account.plan("production")
    recorded = [change.entry.kind for change in plan.changes if isinstance(change, Record)]
    assert recorded == [EntryKind.DEPLOYING]
    account.converge()
    assert account.serving("production") == 2


@pytest.mark.parametrize(
    ("pending", "refusal", "is_postponed"),
    [
        ("made-by-hand", None, True),
        ("made-by-hand", Refusal.BUSY, True),
        ("", Refusal.BUSY, True),
        ("", None, False),
        ("its own", None, False),
        ("its own", Refusal.BUSY, False),
    ],
)
def test_an_attempt_is_postponed_where_something_else_is_known_to_change_the_endpoint(
    account, pending, refusal, is_postponed
):
    attempted(account)
    pending = account.config(2, "production") if pending == "its own" else pending
    meddle(account, "AllTraffic 2 x 1.0", status="Updating", pending_config=pending)
    plan = account.plan("production", refusal)
    assert [change.entry.kind for change in plan.changes] == [EntryKind.POSTPONED] * is_postponed
    if is_postponed:
        assert plan.changes[0].entry.facts == account.chain(2)[-1].facts


def test_a_configuration_that_failed_does_not_keep_another_one_of_the_same_version_from_being_tried(account):
    account.live(1)
    account.sick = frozenset({1})
    account.specs["production"] = replace(account.specs["production"], instance_count=7)
    account.converge()
    assert account.chain(1)[-1].kind is EntryKind.FAILED
    account.sick = frozenset()
    account.specs["production"] = replace(account.specs["production"], instance_count=5)
    account.converge()
    assert account.endpoints["production"].config_name == account.config(1, "production")


def test_another_configuration_may_be_postponed_for_a_resized_endpoint_again(account):
    account.live(1)
    for count in (7, 5):
        account.specs["production"] = replace(account.specs["production"], instance_count=count)
        account.crashes = [3]
        account.reconcile("production")
        meddle(account, f"resized before {count}")
        account.converge()
        assert account.endpoints["production"].config_name == account.config(1, "production")


def test_a_function_that_stops_before_it_marks_a_version_that_failed_leaves_the_reason_to_be_told(account):
    account.live(1)
    account.add(2, smoke=SMOKE)
    account.converge()
    account.approve(2)
    account.converge()
    account.wrong = frozenset({2})
    account.promote(2)
    account.review(2)
    account.reconcile("production")
    account.finish()
    account.crashes = [1]
    account.reconcile("production")
    assert (account.chain(2)[-1].kind, account.packages[2].stage_status) == (EntryKind.FAILED, "InProgress")
    account.converge()
    assert account.packages[2].life_cycle.description == "it is wrong"
    assert account.serving("production") == 1
