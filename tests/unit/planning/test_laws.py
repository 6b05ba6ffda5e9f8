"""Laws of review and rollout, tried on accounts in any state, with functions that stop anywhere.

What is drawn is only the beginning: versions in any stage, status and approval, chains that were written in part, an
endpoint in any state. From there Modelward's own plans are carried out on `Account`, which keeps SageMaker's rules.
"""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from modelward.config.spec import RolloutSpec, Strategy
from modelward.core.endpoint import Endpoint
from modelward.core.ledger import EntryKind
from modelward.core.model_package import ApprovalStatus, Entered, LifeCycle
from modelward.core.names import endpoint_name
from modelward.planning.changes import CreateEndpoint, CreateModel, UpdateEndpoint
from modelward.planning.review import demands, news
from modelward.planning.standing import decided_at

GOOD, BAD = {"accuracy": 0.95, "log_loss": 0.2}, {"accuracy": 0.61, "log_loss": 1.3}
# Drawn evenly, hardly two versions could be served in the same stage, and nothing would be told of which one is.
VERSIONS = st.fixed_dictionaries(
    {
        "approval": st.sampled_from([*[ApprovalStatus.APPROVED] * 6, *ApprovalStatus]),
        "stage": st.sampled_from(
            [*["Staging", "Production"] * 4, None, "Development", "Staging", "Production", "Archived", "Elsewhere"]
        ),
        "stage_status": st.sampled_from(
            [*["InProgress", "Approved"] * 3, "InProgress", "Approved", "Rejected", "Retired", "PendingApproval"]
        ),
        "is_stamped": st.sampled_from([True, True, True, False]),
        "is_good": st.sampled_from([True, True, True, False]),
        "told": st.integers(0, 3),
        "minute": st.integers(0, 500),
        "smoke": st.sampled_from(["", "", "ab" * 32]),
        "is_finished": st.sampled_from([True, True, True, False]),
    }
)
STATUSES = ["InService", "Failed", "Creating", "Updating", "UpdateRollbackFailed", "SystemUpdating"]
ENDPOINTS = st.none() | st.tuples(st.sampled_from(STATUSES), st.integers(0, 4), st.integers(0, 4))
BEGINNING = {
    "versions": st.lists(VERSIONS, min_size=1, max_size=4),
    "endpoints": st.fixed_dictionaries({"staging": ENDPOINTS, "production": ENDPOINTS}),
    "sick": st.frozensets(st.integers(1, 4), max_size=2),
    "wrong": st.frozensets(st.integers(1, 4), max_size=2),
}
BEGINNINGS = st.fixed_dictionaries(BEGINNING)
ROLLOUTS = st.sampled_from(
    [
        RolloutSpec(Strategy.CANARY, percent=10, wait_s=60),
        RolloutSpec(Strategy.SHADOW, percent=50, trial_s=3600),
        RolloutSpec(Strategy.AB, percent=20),
    ]
)
# Where versions are tried beside the one that serves, what is found at the beginning decides which one that is.
WITH_TRIALS = st.fixed_dictionaries(
    {
        **BEGINNING,
        "rollout": st.none() | ROLLOUTS,
        "poor": st.frozensets(st.integers(1, 4), max_size=2),
        "meddlers": st.lists(st.sampled_from(["resize", "move", None]), max_size=3),
    }
)
CRASHES = st.lists(st.integers(0, 4), max_size=25)


def begun(world, beginning):
    """Make the account that a drawn beginning describes."""
    account = world.Account(sick=beginning["sick"], wrong=beginning["wrong"], poor=beginning.get("poor", frozenset()))
    account.declare(beginning.get("rollout"))
    account.meddlers = {name: list(beginning.get("meddlers", ())) for name in world.SPEC.environments}
    for number, drawn in enumerate(beginning["versions"], 1):
        account.packages[number] = version(world, number, drawn)
    for number, drawn in enumerate(beginning["versions"], 1):
        account.chains[number] = news(account.case(number))[: drawn["told"]]
    for environment, drawn in beginning["endpoints"].items():
        if drawn:
            place(world, account, environment, *drawn)
    return account


def version(world, number, drawn):
    at = world.NOON - timedelta(minutes=drawn["minute"], seconds=number)
    stage = drawn["stage"]
    made = world.package(
        number,
        metrics=GOOD if drawn["is_good"] else BAD,
        smoke=drawn["smoke"],
        approval_status=drawn["approval"],
        modified_at=at,
        life_cycle=LifeCycle(stage, drawn["stage_status"], "by hand") if stage else None,
        entered=Entered(stage, at) if stage and drawn["is_stamped"] else None,
    )
    return made if drawn["is_finished"] else replace(made, status="Failed")


def place(world, account, environment, status, serves, coming):
    """Put an endpoint there that serves a version of the account, or a config that nobody knows."""

    def config(number):
        return account.config(number, environment) if number in account.packages else "made-by-somebody"

    account.endpoints[environment] = Endpoint(
        endpoint_name("digits", environment), status, config(serves), world.NOON - timedelta(hours=9)
    )
    if account.endpoints[environment].is_busy:
        account.coming[environment] = config(coming)


def wrong(account):
    """Give the versions that fail their smoke test."""
    return {number for number, package in account.packages.items() if package.smoke and number in account.wrong}


def winner(beginning, environment):
    """Tell which version the newest decision in a drawn beginning brings into an environment; None if that is open."""
    by_time = sorted(enumerate(beginning["versions"], 1), key=lambda each: (each[1]["minute"], each[0]))
    for number, drawn in by_time:
        if not (drawn["approval"] is ApprovalStatus.APPROVED and drawn["is_good"] and drawn["is_finished"]):
            continue
        is_there = drawn["stage"] == environment.stage and drawn["stage_status"] in ("InProgress", "Approved")
        # A move by hand into any status but these two is taken for one that begins.
        is_moved = drawn["stage"] == environment.stage and not drawn["is_stamped"]
        is_moved = is_moved and drawn["stage_status"] not in ("Rejected", "Retired")
        enters = environment.name == "staging" and drawn["stage"] in (None, "Development", "Elsewhere")
        if is_there or is_moved or enters:
            is_bad = number in beginning["sick"] or (number in beginning["wrong"] and drawn["smoke"])
            if not is_bad:
                return number
            if beginning["endpoints"][environment.name]:
                return None  # it may serve already
    return None


@given(beginning=BEGINNINGS, crashes=CRASHES)
@settings(max_examples=150)
def test_an_environment_ends_on_the_version_that_was_decided_on_last_at_the_beginning(world, beginning, crashes):
    account = begun(world, beginning)
    account.crashes = list(crashes)
    account.converge()

    for name, environment in world.SPEC.environments.items():
        number = winner(beginning, environment)
        if number is not None:
            assert account.serving(name) == number
            assert account.packages[number].stage == environment.stage


@given(beginning=WITH_TRIALS)
def test_whatever_the_beginning_it_ends_and_then_every_plan_is_empty(world, beginning):
    account = begun(world, beginning).converge()

    assert all(account.plan(environment).is_empty for environment in world.SPEC.environments)
    assert all(news(account.case(number)) == () for number in account.packages)
    assert all(demands(account.case(number), now=account.now)[1] == () for number in account.packages)


@given(beginning=BEGINNINGS)
def test_an_environment_ends_on_the_newest_decision_that_can_be_served(world, beginning):
    account = begun(world, beginning).converge()

    for name, environment in world.SPEC.environments.items():
        wanted = world.newest(account, environment.stage)
        if wanted and wanted.version not in account.sick:
            assert account.serving(name) == wanted.version
            assert wanted.stage_status == "Approved"


@given(beginning=BEGINNINGS, crashes=CRASHES)
@settings(max_examples=100)
def test_functions_that_stop_anywhere_change_nothing_about_the_end(world, beginning, crashes):
    smooth, rough = begun(world, beginning), begun(world, beginning)
    rough.crashes = list(crashes)

    assert rough.converge().end() == smooth.converge().end()


@given(beginning=BEGINNINGS, data=st.data())
@settings(max_examples=100)
def test_the_order_in_which_things_are_looked_at_changes_nothing_about_the_end(world, beginning, data):
    account, other = begun(world, beginning), begun(world, beginning)
    order = data.draw(st.permutations([*account.packages, *world.SPEC.environments]))

    assert other.converge(order).end() == account.converge().end()


@given(beginning=WITH_TRIALS, crashes=CRASHES)
def test_only_an_approved_version_that_holds_its_gates_ever_gets_to_an_endpoint(world, beginning, crashes):
    rolled_out = []

    def watch(account, change):
        if isinstance(change, CreateModel):
            number = int(change.package_arn.rsplit("/", 1)[1])
            rolled_out.append((account.packages[number], account.chain(number)))

    account = begun(world, beginning)
    account.crashes, account.watch = list(crashes), watch
    account.converge()

    for package, chain in rolled_out:
        assert package.is_approved
        assert package.is_usable
        assert package.metrics == GOOD or any(entry.kind is EntryKind.VERIFIED for entry in chain)


@given(beginning=WITH_TRIALS, crashes=CRASHES)
def test_an_older_decision_never_displaces_a_newer_one(world, beginning, crashes):
    def watch(account, change):
        if isinstance(change, UpdateEndpoint | CreateEndpoint):
            environment = account._environment(change.name)
            moved_to = account.packages[account.version(change.config_name)]
            assert moved_to == world.newest(account, world.SPEC.environments[environment].stage)

    account = begun(world, beginning)
    account.crashes, account.watch = list(crashes), watch
    account.converge()


@given(beginning=WITH_TRIALS, crashes=CRASHES)
def test_a_config_that_failed_is_tried_once_for_each_decision(world, beginning, crashes):
    tried = []

    def watch(account, change):
        if isinstance(change, UpdateEndpoint) and not account.endpoints[account._environment(change.name)].is_busy:
            package = account.packages[account.version(change.config_name)]
            tried.append((package.version, str(package.entered), change.config_name))

    account = begun(world, beginning)
    account.crashes, account.watch = list(crashes), watch
    account.converge()

    for number, token, config in {each for each in tried if each[0] in account.sick | wrong(account)}:
        doubted = [e for e in account.chain(number) if "resized" in e.facts and e.token == token]
        doubts = sum(each.facts["config"] == config for each in doubted)
        assert tried.count((number, token, config)) <= 1 + doubts <= 2


@given(beginning=BEGINNINGS, crashes=CRASHES)
def test_no_version_is_verified_that_fails_its_smoke_test(world, beginning, crashes):
    account = begun(world, beginning)
    account.crashes = list(crashes)
    account.converge()

    verified = [e for chain in account.chains.values() for e in chain if e.kind is EntryKind.VERIFIED]
    assert not [entry for entry in verified if entry.version in wrong(account)]


@given(beginning=WITH_TRIALS)
def test_chains_are_numbered_without_a_gap_and_never_rewritten(world, beginning):
    account = begun(world, beginning)
    before = dict(account.chains)
    account.converge()

    for number, chain in account.chains.items():
        assert [entry.seq for entry in chain] == list(range(1, len(chain) + 1))
        assert chain[: len(before[number])] == before[number]


@given(beginning=BEGINNINGS)
def test_a_stage_that_an_environment_serves_ends_with_one_holder_at_most(world, beginning):
    account = begun(world, beginning).converge()

    for environment in world.SPEC.environments.values():
        holders = [p for p in account.standing(environment.stage) if p.stage_status == "Approved" and p.is_approved]
        wanted = world.newest(account, environment.stage)
        assert len(holders) <= 1 or wanted is None or decided_at(wanted) == max(map(decided_at, holders))
