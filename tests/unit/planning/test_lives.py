"""People and functions at work at the same time: what a registry goes through, as values."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelward.core.ledger import EntryKind
from modelward.core.model_package import ENTERED_KEY, ApprovalStatus, LifeCycle
from modelward.planning.changes import Record, UpdateEndpoint
from modelward.planning.review import demands, news
from modelward.planning.standing import holder

GOOD, BAD = {"accuracy": 0.95, "log_loss": 0.2}, {"accuracy": 0.61, "log_loss": 1.3}
ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["approve", "reject", "promote", "move", "stage", "retry", "metadata", "review", "reconcile", "finish"]
        ),
        st.integers(1, 3),
    ),
    max_size=25,
)


def kinds(account, version):
    return [entry.kind.value for entry in account.chain(version)]


def perform(account, act, number):
    """Do one thing that a person or a function may do at any time."""
    package = account.packages[number]
    {
        "approve": lambda: account.approve(number, reason=f"good {account.now.second}"),
        "reject": lambda: account.reject(number, reason=f"bad {account.now.second}"),
        "promote": lambda: account.promote(number),
        "move": lambda: account.promote(number, is_stamped=False),
        "stage": lambda: account.edit(number, life_cycle=LifeCycle("Staging", "OnHold", "by hand")),
        "retry": lambda: account.edit(number, life_cycle=LifeCycle(package.stage or "Staging", "InProgress", "again")),
        "metadata": lambda: account.edit(number, metadata={**package.metadata, "team": "vision"}),
        "review": lambda: account.review(number),
        "reconcile": lambda: account.reconcile("production" if number == 1 else "staging"),
        "finish": account.finish,
    }[act]()


def lived(world, acts, sick=frozenset()):
    account = world.Account(sick=sick)
    for number, metrics in ((1, GOOD), (2, GOOD), (3, BAD)):
        account.add(number, metrics=metrics)
    for act, number in acts:
        perform(account, act, number)
    return account


@given(acts=ACTS, sick=st.frozensets(st.integers(1, 3), max_size=1), crashes=st.lists(st.integers(0, 3), max_size=12))
@settings(max_examples=150)
def test_whatever_people_do_it_ends_and_nothing_bad_is_served(world, acts, sick, crashes):
    account = lived(world, acts, sick)
    account.crashes = list(crashes)
    account.converge()

    assert account.serving("staging") != 3
    assert account.serving("production") != 3
    for name, environment in world.SPEC.environments.items():
        wanted = world.newest(account, environment.stage)
        if wanted and wanted.version not in sick:
            assert account.serving(name) == wanted.version


@given(acts=ACTS, number=st.integers(1, 3), sick=st.frozensets(st.integers(1, 3), max_size=1))
@settings(max_examples=150)
def test_an_edit_of_metadata_changes_nothing(world, acts, number, sick):
    account = lived(world, acts, sick).converge()
    before = account.end(), dict(account.chains), account.moves

    perform(account, "metadata", number)

    assert news(account.case(number)) == ()
    account.converge()
    assert (account.end(), account.chains, account.moves) == before


def test_a_version_that_comes_for_a_rejected_one_and_fails_is_not_brought_again(account):
    account.live(1)
    account.live(2)
    account.sick = frozenset({1})
    account.reject(2)
    account.converge()
    assert account.serving("production") == 2
    assert account.packages[1].stage_status == "Rejected"
    assert [entry.kind.value for entry in account.chain(1)].count("rolled-back") == 1


def test_a_metadata_edit_after_a_failed_reconfiguration_does_not_try_it_again(account, world):
    account.live(1)
    account.endpoints["production"] = replace(account.endpoints["production"], config_name="digits-production-old")
    account.sick = frozenset({1})
    account.converge()
    assert kinds(account, 1)[-1] == "failed"
    moves = account.moves

    perform(account, "metadata", 1)
    account.converge()

    assert account.moves == moves
    assert account.packages[1].stage_status == "Approved"


def test_a_function_that_lost_the_race_for_an_endpoint_has_not_failed(account):
    account.live(1)
    for number in (2, 3):
        account.add(number)
        account.approve(number)
        account.converge()
    account.promote(2)
    account.review(2)
    first = account.plan("production")
    account.promote(3)
    account.review(3)
    second = account.plan("production")

    account.apply(first.changes)
    account.apply(second.changes)
    account.converge()

    assert account.serving("production") == 3
    assert "failed" not in kinds(account, 3)
    assert account.packages[3].stage_status == "Approved"


def test_three_promotions_in_quick_succession_end_on_the_last(account):
    account.live(1)
    for number in (2, 3, 4):
        account.add(number)
        account.approve(number)
    account.converge()

    for number in (3, 2, 4):
        account.promote(number)
        account.review(number)
        account.reconcile("production")
    account.converge()

    assert account.serving("production") == 4
    assert [n for n, p in account.packages.items() if p.stage == "Production"] == [4]


def test_a_silent_rollback_marks_the_version_and_leaves_the_one_before(account):
    account.live(1)
    account.add(2)
    account.approve(2)
    account.converge()
    account.sick = frozenset({2})
    account.promote(2)
    account.converge()

    failed = account.chain(2)[-1]
    assert failed.kind is EntryKind.FAILED
    assert failed.why == f"SageMaker went back to {account.config(1, 'production')}, and gave no reason"
    assert account.packages[2].stage_status == "Rejected"
    assert account.packages[2].life_cycle.description == failed.why
    assert account.serving("production") == 1
    assert holder(account.standing("Production"), "Production").version == 1


def test_the_reason_that_sagemaker_gives_is_kept(account):
    account.live(1)
    account.add(2)
    account.approve(2)
    account.converge()
    account.promote(2)
    account.review(2)
    account.reconcile("production")
    there = account.endpoints["production"]
    account.endpoints["production"] = replace(
        there, status="InService", modified_at=account.now, failure_reason="the image has no CUDA"
    )
    account.now += account.now - there.modified_at
    account.endpoints["production"] = replace(account.endpoints["production"], modified_at=account.now)
    account.converge()

    assert account.chain(2)[-1].why.endswith("the image has no CUDA")
    assert "the image has no CUDA" in account.packages[2].life_cycle.description


def test_a_failed_version_is_tried_again_when_a_person_promotes_it_anew(account):
    account.live(1)
    account.add(2)
    account.approve(2)
    account.converge()
    account.sick = frozenset({2})
    account.promote(2)
    account.converge()
    account.sick = frozenset()

    account.promote(2)
    account.converge()

    assert account.serving("production") == 2


def test_a_failed_version_is_tried_again_when_a_person_resets_its_status_in_the_console(account):
    account.live(1)
    account.add(2)
    account.approve(2)
    account.converge()
    account.sick = frozenset({2})
    account.promote(2)
    account.converge()
    account.sick = frozenset()

    account.edit(2, life_cycle=LifeCycle("Production", "InProgress", "the image is mended"))
    account.converge()

    assert account.serving("production") == 2


def test_a_retry_in_the_console_survives_a_function_that_stops_before_it_is_stamped(account):
    account.live(1)
    account.add(2)
    account.approve(2)
    account.converge()
    account.sick = frozenset({2})
    account.promote(2)
    account.converge()
    account.sick = frozenset()
    account.edit(2, life_cycle=LifeCycle("Production", "InProgress", "the image is mended"))

    account.crashes = [1, 0, 0, 0]
    account.converge()

    assert account.serving("production") == 2


def test_a_first_version_that_fails_leaves_a_failed_endpoint_that_the_next_promotion_makes_anew(account):
    account.sick = frozenset({1})
    account.add(1)
    account.converge()
    account.approve(1)
    account.converge()
    assert account.endpoints["staging"].status == "Failed"
    assert account.packages[1].stage_status == "Rejected"

    account.add(2)
    account.approve(2)
    account.converge()

    assert account.serving("staging") == 2
    assert account.packages[1].stage_status == "Rejected"


def test_an_endpoint_that_somebody_deleted_is_made_again(account):
    account.live(1)
    del account.endpoints["production"]
    account.converge()
    assert account.serving("production") == 1


def test_an_endpoint_that_somebody_moved_by_hand_is_brought_back(account):
    account.live(1)
    account.endpoints["production"] = replace(account.endpoints["production"], config_name="by-hand")
    account.converge()
    assert account.serving("production") == 1


def test_a_stage_that_no_version_holds_leaves_its_endpoint_as_it_is(account):
    account.live(1)
    account.reject(1)
    account.converge()
    assert account.serving("production") == 1
    assert account.plan("production").is_empty


def test_an_approval_that_waited_does_not_displace_a_later_one_that_was_reviewed_first(account):
    account.add(1)
    account.add(2)
    account.approve(1)
    account.approve(2)
    account.review(2)
    account.converge([2, "staging", "production", 1])
    assert account.serving("staging") == 2


def test_taking_over_a_group_with_many_approved_versions_serves_the_one_approved_last(account):
    for number in (1, 2, 3, 4):
        account.add(number)
        account.approve(number)
    account.converge([4, 3, 2, 1, "staging", "production"])
    assert account.serving("staging") == 4


def test_a_version_created_in_a_stage_against_its_gates_is_put_into_the_first_stage_once(account):
    account.add(
        1,
        metrics=BAD,
        approval_status=ApprovalStatus.APPROVED,
        life_cycle=LifeCycle("Staging", "Approved", "from a job"),
    )
    account.converge()
    assert account.packages[1].stage == "Development"
    assert account.packages[1].approval_status == "Rejected"
    assert kinds(account, 1) == ["registered", "approved", "staged", "refused", "refused"]


@pytest.mark.parametrize("status", ["OnHold", "InProgress", "Approved", "PendingApproval"])
def test_a_move_by_hand_that_keeps_the_rules_is_stamped_and_rolled_out(account, status):
    account.live(1)
    account.add(2)
    account.approve(2)
    account.converge()

    account.edit(2, life_cycle=LifeCycle("Production", status, "by hand"))
    account.converge()

    assert account.serving("production") == 2
    assert account.packages[2].entered is not None


@pytest.mark.parametrize("status", ["OnHold", "InProgress", "Approved", "PendingApproval", "Rejected"])
def test_a_move_by_hand_of_an_unapproved_version_is_put_back_with_an_explanation(account, status):
    account.live(1)
    account.add(2)
    account.converge()

    account.edit(2, life_cycle=LifeCycle("Production", status, "by hand"))
    account.converge()

    cycle = account.packages[2].life_cycle
    assert cycle.stage == "Development"
    assert cycle.description.startswith("Refused: it is PendingManualApproval, not Approved")
    assert account.serving("production") == 1


def test_a_version_refused_twice_in_a_row_goes_back_to_where_it_stood_by_right(account):
    account.add(1)
    account.converge()
    for _ in range(2):
        account.promote(1)
        account.review(1)
    account.converge()
    assert account.packages[1].stage == "Development"
    account.approve(1)
    account.converge()
    assert account.serving("staging") == 1


def test_a_version_promoted_against_its_gates_goes_back_to_the_stage_where_it_stood(account):
    account.live(1)
    account.add(2, metrics={"accuracy": 0.945, "log_loss": 0.2})
    account.approve(2)
    account.converge()
    assert account.serving("staging") == 2
    stamp = account.packages[2].entered
    account.live(3, metrics={"accuracy": 0.99, "log_loss": 0.2})

    account.edit(2, life_cycle=LifeCycle("Production", "InProgress", "by hand"))
    account.converge()

    assert account.packages[2].stage != "Production"
    assert account.serving("production") == 3
    assert "refused" in kinds(account, 2)
    assert stamp is not None


def test_the_rejection_of_the_live_version_brings_the_one_before_back_and_archives_it(account):
    account.live(1)
    account.live(2)
    account.reject(2, "biased")
    account.converge()
    assert account.serving("production") == 1
    assert account.packages[1].life_cycle.description == "v2 was rejected by ben: biased"
    assert account.packages[2].stage == "Archived"


def test_a_version_rejected_while_it_is_rolled_out_gives_way_to_the_one_that_serves(account):
    account.live(1)
    account.add(2)
    account.approve(2)
    account.converge()
    account.promote(2)
    account.review(2)
    account.reconcile("production")

    account.reject(2)
    account.converge()

    assert account.serving("production") == 1
    assert account.packages[1].stage_status == "Approved"


def test_no_plan_updates_an_endpoint_that_is_busy(account):
    account.live(1)
    account.endpoints["production"] = replace(account.endpoints["production"], status="SystemUpdating", config_name="x")
    plan = account.plan("production")
    assert not any(isinstance(change, UpdateEndpoint) for change in plan.changes)
    assert "its own next event continues" in plan.why


def test_what_demands_ask_for_is_asked_until_it_is_done(account):
    account.add(1, metrics=BAD)
    account.review(1)
    account.approve(1)
    entries = news(account.case(1))
    account.chains[1] = (*account.chain(1), *entries)
    first, second = (demands(account.case(1), now=account.now) for _ in range(2))
    assert first == second
    assert first[1][0].approval is ApprovalStatus.REJECTED
    assert first[1][0].reason.startswith("Refused: accuracy 0.61, at least 0.9: refused")


def test_a_change_of_the_reason_alone_does_not_whitewash_an_approval_against_the_gates(account):
    account.add(1, metrics=BAD)
    account.review(1)
    account.approve(1)
    account.chains[1] = (*account.chain(1), *news(account.case(1)))
    account.approve(1, reason="trust me")
    account.converge()
    assert account.packages[1].approval_status == "Rejected"
    assert account.serving("staging") is None


def test_a_promotion_against_the_gates_is_not_rolled_out_before_it_is_put_back(account):
    account.live(1)
    account.add(2, metrics={"accuracy": 0.945, "log_loss": 0.2})
    account.approve(2)
    account.converge()
    account.live(3, metrics={"accuracy": 0.99, "log_loss": 0.2})
    account.promote(2)
    account.apply([Record(entry) for entry in news(account.case(2))])
    assert account.chain(2)[-1].facts["refusal"]
    assert account.plan("production").is_empty


def test_a_decision_that_a_late_function_overwrote_is_restored(account):
    account.live(1)
    account.add(2)
    account.approve(2)
    account.converge()
    before = account.packages[2]
    account.promote(2)
    stamp = {ENTERED_KEY: before.metadata[ENTERED_KEY]}
    late = replace(before, metadata={**account.packages[2].metadata, **stamp}, modified_at=account.now)
    account.packages[2] = late
    account.converge()
    assert account.serving("production") == 2


def test_nobody_comes_for_a_rejected_version_where_another_one_is_wanted_already(account):
    account.live(1)
    account.live(2)
    account.add(3)
    account.approve(3)
    account.converge()
    account.promote(3)
    account.reject(2)
    account.review(2)
    assert account.packages[1].stage == "Archived"
    account.converge()
    assert account.serving("production") == 3


def test_a_move_by_hand_into_a_status_that_is_no_wish_is_not_rolled_out(account):
    account.live(1)
    account.add(2)
    account.approve(2)
    account.converge()
    account.edit(2, life_cycle=LifeCycle("Production", "Rejected", "by hand"))
    account.converge()
    assert (account.packages[2].stage_status, account.serving("production")) == ("Rejected", 1)
