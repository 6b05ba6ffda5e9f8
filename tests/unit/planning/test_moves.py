"""Laws of how an endpoint moves: trials, canaries, and somebody who changes the endpoint meanwhile.

A version serves; then others are promoted, one after the other, whether or not anybody looks in between. Functions stop
anywhere, and just before an update is made somebody may resize the endpoint or move it to a config of theirs.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby

from hypothesis import example, given
from hypothesis import strategies as st

from modelward.config.spec import RolloutSpec, Strategy
from modelward.core.endpoint import CHALLENGER, VARIANT, Figures
from modelward.core.ledger import EntryKind
from modelward.core.names import is_trial
from modelward.planning.changes import UpdateEndpoint
from modelward.planning.trial import judge_shadow, trial_config

CANARY = RolloutSpec(Strategy.CANARY, percent=10, wait_s=60)
SHADOW = RolloutSpec(Strategy.SHADOW, percent=50, trial_s=3600)
AB = RolloutSpec(Strategy.AB, percent=20)
TRIALS = (Strategy.SHADOW, Strategy.AB)
NUMBERS = st.frozensets(st.integers(2, 4), max_size=2)


@dataclass(frozen=True)
class Tale:
    """What befalls production while v1 serves.

    Args:
        rollout: How it moves.
        promoted: The versions that are promoted, in this order, and what share of the calls people give them then.
        is_watched: Whether all is done that follows from a promotion before the next one comes.
        sick: Versions whose containers never become healthy.
        poor: Versions whose figures are worse as a shadow's.
        wrong: Versions that fail their smoke test; each has one.
        crashes: How many changes of each plan are made before the function stops.
        meddlers: What somebody does before each update.
    """

    rollout: RolloutSpec | None
    promoted: list[tuple[int, int | None]]
    is_watched: bool
    sick: frozenset[int]
    poor: frozenset[int]
    wrong: frozenset[int]
    crashes: list[int]
    meddlers: list[str | None]

    @property
    def is_ab(self) -> bool:
        return self.rollout is AB

    def is_bad(self, version: int, share: int | None) -> bool:
        """Tell whether a promotion of a version ends with another one, if it is the last."""
        is_poor = version in self.poor and self.rollout is SHADOW
        # An ab trial ends with the smoke test of its version, but not by itself.
        is_wrong = version in self.wrong and not (self.is_ab and share != 100)
        return version in self.sick or is_poor or is_wrong

    @property
    def winner(self) -> tuple[int, int | None]:
        """The version that shall serve in the end, or be tried there, and its share."""
        good = (each for each in reversed(self.promoted) if not self.is_bad(*each))
        return next(good, (1, None))


def tales(meddlers=("resize", None, None), rollouts=(None, CANARY, SHADOW, AB)):
    """Draw tales; in none of them an endpoint is resized twice, for then nobody can know what was tried."""
    drawn = st.builds(
        Tale,
        rollout=st.sampled_from(rollouts),
        promoted=st.lists(st.tuples(st.integers(2, 4), st.sampled_from([None, 70, 100])), min_size=1, max_size=4),
        is_watched=st.booleans(),
        sick=NUMBERS,
        poor=NUMBERS,
        wrong=NUMBERS,
        crashes=st.lists(st.integers(0, 6), max_size=12),
        meddlers=st.lists(st.sampled_from(meddlers), max_size=4),
    )
    return drawn.filter(lambda tale: tale.meddlers.count("resize") <= 1)


def told(world, tale, watch=None, order=(), *, is_smooth=False):
    """Make an account in which a tale has come to its end."""
    account = world.Account()
    for number in (2, 3, 4):
        account.add(number, smoke="ab" * 32)
    account.live(1)
    for number in (2, 3, 4):
        account.approve(number)
    account.converge()
    account.declare(tale.rollout)
    account.sick, account.poor, account.wrong = tale.sick, tale.poor, tale.wrong
    account.watch = watch or account.watch
    if not is_smooth:
        account.crashes, account.meddlers = list(tale.crashes), {"production": list(tale.meddlers)}
    for number, share in tale.promoted:
        account.promote(number)
        if share is not None and tale.is_ab:
            account.share(number, share)
        if tale.is_watched:
            account.converge(order)
    return account.converge(order)


def is_served(account, version, share):
    """Tell whether production serves a version, or tries it with the share that people want."""
    there = account.endpoints["production"]
    if there.config_name not in account.tried:
        return account.serving("production") == version
    is_right = there.weights[CHALLENGER] == (AB.percent if share is None else share)
    return is_right and account.version(there.config_name) == version


@given(tale=tales(meddlers=("resize", "move", None)))
def test_whatever_befalls_an_endpoint_it_ends_and_then_every_plan_is_empty(world, tale):
    account = told(world, tale)

    assert all(account.plan(environment).is_empty for environment in world.SPEC.environments)


TWO = frozenset({2})
QUIET = Tale(None, [(2, None)], True, frozenset(), frozenset(), frozenset(), [], [])


@given(tale=tales())
@example(replace(QUIET, rollout=SHADOW))
@example(replace(QUIET, rollout=SHADOW, poor=TWO))
@example(replace(QUIET, rollout=SHADOW, sick=TWO))
@example(replace(QUIET, rollout=SHADOW, wrong=TWO))
@example(replace(QUIET, rollout=SHADOW, promoted=[(3, None), (2, None)], poor=TWO))
@example(replace(QUIET, rollout=SHADOW, promoted=[(2, None), (1, None)]))
@example(replace(QUIET, rollout=AB, promoted=[(2, 70)]))
@example(replace(QUIET, rollout=AB, promoted=[(2, 100), (1, None)]))
@example(replace(QUIET, rollout=AB, promoted=[(2, 100)], wrong=TWO))
@example(replace(QUIET, rollout=CANARY, sick=TWO))
@example(replace(QUIET, rollout=CANARY, crashes=[1, 3], meddlers=["resize"]))
def test_the_last_good_version_that_was_promoted_ends_on_the_endpoint(world, tale):
    account = told(world, tale)

    version, share = tale.winner
    assert is_served(account, version, share), account.endpoints["production"]
    if account.serving("production") == version:
        assert account.packages[version].stage_status == "Approved"


@given(tale=tales(meddlers=("resize", "move", "move", None), rollouts=(None, CANARY)))
def test_somebody_who_moves_the_endpoint_keeps_the_last_good_version_from_it_for_a_while_only(world, tale):
    account = told(world, tale)

    assert account.serving("production") == tale.winner[0]


@given(tale=tales())
def test_stops_and_resizing_change_nothing_about_the_end(world, tale):
    assert told(world, tale).end() == told(world, tale, is_smooth=True).end()


@given(tale=tales(), data=st.data())
def test_the_order_of_looks_changes_nothing_about_the_end(world, tale, data):
    order = data.draw(st.permutations([1, 2, 3, 4, "staging", "production"]))
    assert told(world, tale, order=order).end() == told(world, tale).end()


@given(tale=tales(meddlers=("resize", "move", None)))
def test_what_failed_is_tried_once_for_each_decision_and_once_more_where_that_is_in_doubt(world, tale):
    begun = []

    def watch(account, change):
        if isinstance(change, UpdateEndpoint) and account.endpoints[account._environment(change.name)].is_busy is False:
            version = account.version(change.config_name)
            begun.append((change.config_name, version, str(account.packages[version].entered)))

    account = told(world, tale, watch)

    for tried in set(begun):
        config, version, token = tried
        chain = [each for each in account.chain(version) if each.token == token and each.facts.get("config") == config]
        doubted = sum("resized" in each.facts for each in chain)
        assert doubted <= 1
        if version in tale.sick:
            assert begun.count(tried) <= 1 + doubted


@given(tale=tales(meddlers=("resize", "move", None)))
def test_only_the_newest_decision_ever_gets_to_the_endpoint(world, tale):
    def watch(account, change):
        if isinstance(change, UpdateEndpoint):
            stage = world.SPEC.environments[account._environment(change.name)].stage
            assert account.packages[account.version(change.config_name)] == world.newest(account, stage)

    told(world, tale, watch)


@given(tale=tales(rollouts=(SHADOW, AB)))
def test_a_version_is_tried_as_declared_before_it_is_verified(world, tale):
    account = told(world, tale)

    shares = dict(tale.promoted)
    for number in (2, 3, 4):
        chain = [each for each in account.chain(number) if each.environment == "production"]
        verified = next((each for each in chain if each.kind is EntryKind.VERIFIED), None)
        if verified is None or (tale.is_ab and 100 in [share for n, share in tale.promoted if n == number]):
            continue
        assert tale.rollout is SHADOW, f"v{number} with {shares[number]} % was never finished"
        trying = [e.at for e in chain if e.kind is EntryKind.TRYING and e.token == verified.token]
        assert (verified.at - min(trying)).total_seconds() > SHADOW.trial_s


@given(tale=tales(meddlers=("resize", "move", None)))
@example(replace(QUIET, rollout=CANARY, promoted=[(2, None), (1, None)]))
@example(replace(QUIET, rollout=AB, promoted=[(2, 70), (2, 100)]))
def test_a_guard_goes_with_each_new_version_and_with_no_trial_and_no_way_back(world, tale):
    def watch(account, change):
        if isinstance(change, UpdateEndpoint) and change.name == "digits-production":
            proven = [e.facts["config"] for e in account.chain(account.version(change.config_name)) if is_proof(e)]
            is_new = change.config_name not in proven
            assert (change.guard is not None) == (tale.rollout is CANARY and is_new)
            assert is_trial(change.config_name) == (change.config_name in account.tried)

    told(world, tale, watch)


def is_proof(entry):
    return entry.kind is EntryKind.VERIFIED and entry.environment == "production"


@given(shares=st.lists(st.integers(1, 99), max_size=4), crashes=st.lists(st.integers(0, 4), max_size=12))
def test_an_ab_trial_takes_every_share_in_place_and_ends_once_it_is_finished(world, shares, crashes):
    account = told(world, Tale(AB, [(2, None)], True, *[frozenset()] * 3, [], []))
    trial = account.endpoints["production"].config_name
    account.crashes = list(crashes)
    for share in shares:
        account.share(2, share)
        account.converge()
        there = account.endpoints["production"]
        assert (there.config_name, there.weights[CHALLENGER]) == (trial, share)
    told_of = [each.facts["share"] for each in account.chain(2) if each.kind is EntryKind.TRYING]
    assert told_of == [str(share) for share, _ in groupby([AB.percent, *shares])], "each change is told once"
    account.share(2, 100)
    account.converge()
    assert account.serving("production") == 2
    assert account.end()["versions"][1][1:] == ("Archived", "Retired")


def test_the_live_version_in_another_configuration_and_a_way_back_are_not_tried(account):
    account.live(1)
    account.live(2)
    account.declare(AB)
    account.specs["production"] = replace(account.specs["production"], instance_count=7)
    account.converge()
    assert account.endpoints["production"].config_name == account.config(2, "production")
    account.promote(1)
    account.converge()
    assert account.endpoints["production"].config_name == account.config(1, "production")
    assert EntryKind.TRYING not in {each.kind for number in (1, 2) for each in account.chain(number)}


def test_a_trial_that_another_version_had_the_endpoint_before_begins_beside_that_one(account):
    account.live(1)
    for number in (2, 3):
        account.add(number)
        account.approve(number)
        account.converge()
    account.declare(AB)
    account.promote(2)
    account.review(2)
    account.crashes = [3]
    account.reconcile("production")
    assert account.chain(2)[-1].kind is EntryKind.TRYING
    account.endpoints["production"] = replace(
        account.endpoints["production"], config_name=account.config(3, "production"), modified_at=account.now
    )
    account.converge()
    trial = account.endpoints["production"].config_name
    assert (account.version(trial), account.models[trial]) == (2, account.config(3, "production"))


def test_the_time_of_a_shadow_that_was_postponed_counts_from_when_it_began(account):
    account.live(1)
    account.add(2)
    account.approve(2)
    account.converge()
    account.declare(SHADOW)
    account.meddlers["production"] = ["resize"]
    account.promote(2)
    account.review(2)
    account.reconcile("production")
    assert account.chain(2)[-1].kind is EntryKind.POSTPONED
    account.now += timedelta(hours=5)
    account.finish()
    account.reconcile("production")
    account.finish()
    assert "gets copies of the calls of v1 until" in account.plan("production").why
    account.converge()
    assert account.serving("production") == 2


def test_a_trial_goes_on_once_somebody_elses_move_of_the_endpoint_was_taken_back(account):
    account.live(1)
    account.add(2)
    account.approve(2)
    account.converge()
    account.declare(SHADOW)
    account.promote(2)
    account.review(2)
    account.reconcile("production")
    account.finish()
    there = account.endpoints["production"]
    account.endpoints["production"] = replace(there, status="Updating", pending_config="made-by-hand")
    account.reconcile("production")
    assert account.chain(2)[-1].kind is EntryKind.POSTPONED
    account.endpoints["production"] = replace(there, modified_at=account.now)
    assert "gets copies of the calls of v1 until" in account.plan("production").why


def test_a_shadow_that_nobody_called_does_not_pass():
    judged = judge_shadow({VARIANT: Figures(calls=9), CHALLENGER: Figures()}, SHADOW)
    assert [verdict.metric for verdict in judged if not verdict.is_held] == ["calls"]


def test_the_name_of_a_trial_covers_all_that_goes_into_it():
    names = [
        trial_config("digits", "production", *made_of)
        for made_of in (
            (1, ("v2", "v1", SHADOW)),
            (3, ("v2", "v1", SHADOW)),
            (1, ("v4", "v1", SHADOW)),
            (1, ("v2", "v1-again", SHADOW)),
            (1, ("v2", "v1", replace(SHADOW, percent=40))),
            (1, ("v2", "v1", AB)),
        )
    ]
    assert len(set(names)) == 6
