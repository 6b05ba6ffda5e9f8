"""The one next move that brings an environment to serve what its stage wants.

There is no memory but SageMaker's and the ledger's. A rollout is *attempted* when its `deploying` entry stands at the
end of what the chain says of it; the entry keeps when the endpoint had last been modified, as SageMaker tells it. So,
looking at an endpoint that serves something else than it should:

- it has not been modified since: the update was never made (the function stopped in between), so it is made;
- it has been modified and is at rest: SageMaker went back to the old config, which it never says aloud;
- it has been modified, and its instances or weights are other ones than at the attempt: the autoscaler or a person did
  that, and perhaps the update was never made. It is made once more, and if that is in doubt again, it has failed;
- something else is changing it (the autoscaler, another version's rollout): the update was refused. The attempt is
  *postponed*, so that the modification which somebody else made is not taken for its failure.

A config that was verified here before is a way back: it exists, so nothing has to be made, and it moves all at once
and past the alarms, which may be in alarm just because of what it replaces.

Where a trial is declared (`trial`), a new version is first *tried* beside the live one: the endpoint goes to a config
with both, in the very same way, and from there to the new version's own, or back.

A version that serves as it should may be taken back by an alarm of the team's own (`drift`).

Of rollouts, no clock is compared with another one, and no answer of UpdateEndpoint has to be remembered.

Where the number of instances follows the calls, that begins once a version is verified, and the names of configs tell
it: whoever looks at an endpoint knows whether its instances are scaled, without a call. AWS refuses to change their
type meanwhile, so a new type, or a declaration that ends it, lets the number be before the update; a version that is
verified, or an update that failed, sets it free again.

A version that was registered with a smoke test is verified when its endpoint has answered that, too. One that fails it
has failed as if the rollout had: the stage wants the version before it again, which is rolled out as any other. Where
it is the same version that served before, as declared then, there is no other version to want: then the endpoint goes
back to the config that was verified last, once.
"""

from dataclasses import replace
from datetime import datetime

from modelward.core.endpoint import Endpoint
from modelward.core.ledger import Entry, EntryKind, Failure
from modelward.core.model_package import ModelPackage, StageStatus
from modelward.core.names import endpoint_name, is_scaled, is_trial, version_in
from modelward.planning.changes import (
    Change,
    DeleteEndpoint,
    LookAgain,
    Plan,
    Record,
    RunSmokeTest,
    ShiftCalls,
)
from modelward.planning.drift import alarmed, bring, is_heir_due
from modelward.planning.entries import alarmed_entry, deploying, entry_of, trying, verified
from modelward.planning.failures import failure_of
from modelward.planning.review import is_admitted
from modelward.planning.scene import (
    BEGUN,
    COME_LATE,
    Refusal,
    Scene,
    brings_back,
    has_failed_smoke,
    is_overtaken,
    is_resized,
    is_waiting,
    modified_token,
    rollout_entry,
    target_of,
    trial_of,
    verified_last,
    was_resized,
)
from modelward.planning.steps import archive, begin_trial, moves_to, roll_out, scaling, unfit, with_status
from modelward.planning.trial import Trial, judge_shadow

_RETRY_S = 60


def plan_rollout(scene: Scene, *, now: datetime) -> Plan:
    """Plan the next move: none, when the environment serves what it should or is busy getting there."""
    plan = _plan(scene, now)
    return replace(plan, behind_since=_behind_since(scene, plan))


def _behind_since(scene: Scene, plan: Plan) -> datetime | None:
    """Tell since when the endpoint serves something else than it should: since the decision, or the latest attempt.

    Where a declaration changed, the decision may be years old; the attempt that follows is what counts then.
    """
    package, spec, endpoint = scene.wanted, scene.endpoint_spec, scene.endpoint
    if package is None or spec is None:
        return None
    # AWS maintains an endpoint that serves: it answers all the while.
    is_up = endpoint is not None and endpoint.status in ("InService", "SystemUpdating")
    if is_up and endpoint and endpoint.config_name == target_of(scene, package, spec):
        return None
    if is_up and endpoint and is_trial(endpoint.config_name) and plan.is_empty:
        return None
    begun = [change.entry for change in plan.changes if isinstance(change, Record)]
    attempts = [*begun, rollout_entry(scene, package)]
    decided_at = package.entered.at if package.entered else package.modified_at
    # An alarm's decision bears the time of the one that it undoes, which may be long ago.
    came = [each.at for each in scene.chain if brings_back(each, package)]
    decided_at = max([decided_at, *came]) if is_admitted(package, scene.chain) else package.modified_at
    return max([decided_at, *(each.at for each in attempts if each and each.kind is EntryKind.DEPLOYING)])


def _plan(scene: Scene, now: datetime) -> Plan:
    package = scene.wanted
    if package is None:
        return Plan(f"No approved version holds stage {scene.environment.stage}; the endpoint stays as it is.")
    if not is_admitted(package, scene.chain):
        return Plan(f"v{package.version} stands in {scene.environment.stage}, but its entry is not reviewed yet.")
    if scene.endpoint_spec is None:
        return _settle(scene, package, now)
    if scene.endpoint and scene.endpoint.is_busy:
        return _await(scene, package, scene.endpoint, now)
    return _move_on(scene, package, target_of(scene, package, scene.endpoint_spec), now)


def _move_on(scene: Scene, package: ModelPackage, target: str, now: datetime) -> Plan:
    serving = scene.endpoint.config_name if scene.endpoint and scene.endpoint.status == "InService" else None
    if scene.endpoint and serving == target:
        return _verify(scene, package, scene.endpoint, now)
    trial = trial_of(scene, package, target)
    if trial and serving == trial.config:
        return _on_trial(scene, package, target, trial, now)
    return _advance(scene, package, target, trial, now)


def _await(scene: Scene, package: ModelPackage, endpoint: Endpoint, now: datetime) -> Plan:
    """Wait for the endpoint's own next event; an attempt that found it busy with something else has not begun."""
    attempt = rollout_entry(scene, package)
    if attempt and attempt.kind in BEGUN and _is_anothers(scene, attempt, endpoint):
        why = f"{endpoint.name} was {endpoint.status} for something else"
        entry = replace(entry_of(scene, package, EntryKind.POSTPONED, why, now), facts=attempt.facts)
        return Plan(f"{why}; v{package.version} waits its turn.", (Record(entry),))
    return Plan(f"Endpoint {endpoint.name} is {endpoint.status}; its own next event continues.")


def _is_anothers(scene: Scene, attempt: Entry, endpoint: Endpoint) -> bool:
    """Tell whether what changes the endpoint is not this attempt.

    Only where a config is replaced a pending one is told. Without one it may be the autoscaler, or an update of which
    SageMaker tells less; that this attempt was refused is known at the moment of the refusal alone.
    """
    pending = endpoint.pending_config
    return pending != attempt.facts["config"] and (bool(pending) or scene.refusal is Refusal.BUSY)


def _verify(scene: Scene, package: ModelPackage, endpoint: Endpoint, now: datetime) -> Plan:
    """Settle a version that serves, once its smoke test has held."""
    attempt = rollout_entry(scene, package)
    if attempt and has_failed_smoke(attempt, endpoint.config_name):
        return _go_back(scene, package, attempt)
    if not scene.asks_for_smoke:
        return _settle(scene, package, now)
    if scene.smoke is None:
        why = f"{endpoint.name} is InService on {endpoint.config_name}; the smoke test of v{package.version} decides."
        return Plan(why, (RunSmokeTest(endpoint.name, package.version),))
    if not scene.smoke.is_held:
        return _fail(scene, package, (endpoint.config_name, scene.smoke.text, Failure.SMOKE_TEST), now)
    return _settle(scene, package, now)


def _go_back(scene: Scene, package: ModelPackage, attempt: Entry) -> Plan:
    """Go back from a config of the serving version that failed to the one that was verified last; once, if at all.

    A version that was new leaves the stage instead, and the one before it is rolled out as any other.
    """
    if package.stage_status != StageStatus.APPROVED:
        return _give_up(package, attempt.why)
    failed, spec = attempt.facts["config"], scene.endpoint_spec
    last = verified_last(scene, but=failed)
    is_tried = attempt.facts.get("endpoint_modified") != modified_token(scene.endpoint)
    if last is None or spec is None or is_tried:
        return _give_up(package)
    why = f"v{package.version} failed in this configuration; the endpoint goes back to {last}."
    return Plan(why, tuple(moves_to(scene, package, spec, last)))


def _settle(scene: Scene, package: ModelPackage, now: datetime) -> Plan:
    """Record that a version is verified and let it take the stage over from all others."""
    changes: list[Change] = []
    attempt = rollout_entry(scene, package)
    is_recorded = attempt is not None and attempt.kind is EntryKind.VERIFIED
    if not is_recorded:
        changes += [*scaling(scene), Record(verified(scene, package, now))]
    if package.stage_status != StageStatus.APPROVED:
        changes.append(with_status(package, StageStatus.APPROVED))
    changes += [archive(scene, other, package) for other in _replaced(scene, package)]
    if not changes and scene.asks_for_heirs:
        return _take_back(scene, package, now)
    if not changes:
        return Plan(f"{scene.environment.name} serves v{package.version}, as it should.")
    return Plan(f"{scene.environment.name} is verified to serve v{package.version}.", tuple(changes))


def _take_back(scene: Scene, package: ModelPackage, now: datetime) -> Plan:
    """Record that an alarm went off, and bring back the version that was verified before, where there is one."""
    if scene.heirs is None:
        again = LookAgain(scene.model, scene.environment.name, delay_s=_RETRY_S)
        return Plan(f"An alarm went off while v{package.version} served; the one before it is looked for.", (again,))
    heir = next(iter(scene.heirs), None)
    told = alarmed(scene.chain, package, scene.environment.name) or alarmed_entry(scene, package, heir, now)
    recorded = [] if told in scene.chain else [Record(told)]
    is_due = heir is not None and is_heir_due(told, package, [*scene.standing, heir])
    brought = [bring(heir, package, told.facts)] if heir and is_due else []
    return Plan(told.why, (*recorded, *brought))


def _advance(scene: Scene, package: ModelPackage, target: str, trial: Trial | None, now: datetime) -> Plan:
    attempt, goal = rollout_entry(scene, package), trial.config if trial else target
    is_open = attempt is not None and attempt.kind in BEGUN and attempt.facts.get("config") == goal
    is_open = is_open and not (scene.refusal is Refusal.BUSY or is_overtaken(attempt, scene.endpoint))
    if attempt and attempt.kind is EntryKind.FAILED and attempt.facts.get("config") == target:
        is_mixed = scene.endpoint is not None and scene.endpoint.status == "UpdateRollbackFailed"
        return _go_back(scene, package, attempt) if is_mixed else _give_up(package)
    if attempt and is_open and attempt.facts.get("endpoint_modified") != modified_token(scene.endpoint):
        return _ended(scene, package, target, trial, attempt, now)
    if scene.endpoint and scene.endpoint.status == "Failed":
        again = LookAgain(scene.model, scene.environment.name, delay_s=_RETRY_S)
        return Plan(f"Endpoint {scene.endpoint.name} is Failed.", (DeleteEndpoint(scene.endpoint.name), again))
    why = unfit(scene.endpoint_spec, scene.endpoint) if scene.endpoint_spec else ""
    if why:
        return _fail(scene, package, (target, why, Failure.REFUSED), now)
    if trial:
        return begin_trial(scene, package, target, trial, None if is_open else trying(scene, package, trial, now))
    return roll_out(scene, package, target, None if is_open else deploying(scene, package, target, now))


def _ended(
    scene: Scene, package: ModelPackage, target: str, trial: Trial | None, attempt: Entry, now: datetime
) -> Plan:
    """Tell that an attempt failed; or make it once more if it perhaps was never made: somebody resized the endpoint."""
    endpoint = scene.endpoint
    if endpoint and is_resized(attempt, endpoint) and not was_resized(scene, attempt):
        why = f"instances or weights of {endpoint.name} were changed, perhaps before its update began"
        entry = entry_of(scene, package, EntryKind.POSTPONED, why, now)
        entry = replace(entry, facts={**attempt.facts, "resized": "yes"})
        plan = _advance(replace(scene, chain=(*scene.chain, entry)), package, target, trial, now)
        return replace(plan, changes=(Record(entry), *plan.changes))
    failure = failure_of(endpoint.failure_reason if endpoint else "", endpoint)
    return _fail(scene, package, (target, _failure(endpoint, attempt), failure), now)


def _on_trial(scene: Scene, package: ModelPackage, target: str, trial: Trial, now: datetime) -> Plan:
    """Go on with a trial: a shadow's time runs, or its figures decide; an ab trial has the share that people want."""
    live = version_in(trial.config)
    if not trial.is_shadow:
        return _shift(scene, package, trial, now)
    counted = scene.asks_for_figures
    if counted and now < counted[1] + COME_LATE:
        until = f"{counted[1]:%Y-%m-%d %H:%M} UTC"
        return Plan(f"v{package.version} gets copies of the calls of v{live} until {until}; then its figures decide.")
    if scene.figures is None:
        again = LookAgain(scene.model, scene.environment.name, delay_s=_RETRY_S)
        return Plan(f"The trial of v{package.version} is over; its figures are looked at.", (again,))
    verdicts = judge_shadow(scene.figures, trial.rollout)
    if not all(verdict.is_held for verdict in verdicts):
        why = "; ".join(verdict.text for verdict in verdicts if not verdict.is_held)
        return _fail(scene, package, (target, f"as a shadow of v{live}, {why}", Failure.FIGURES), now)
    entry = replace(deploying(scene, package, target, now), verdicts=verdicts)
    return roll_out(scene, package, target, entry)


def _shift(scene: Scene, package: ModelPackage, trial: Trial, now: datetime) -> Plan:
    """Give a version of an ab trial the share of the calls that people want."""
    name, weights = endpoint_name(scene.model, scene.environment.name), trial.weights
    live, told = version_in(trial.config), rollout_entry(scene, package)
    if scene.endpoint and scene.endpoint.weights == weights:
        why = (
            f"v{package.version} takes {trial.share} % of the calls, v{live} the others, until somebody finishes that."
        )
        return Plan(why)
    is_told = told is not None and told.facts.get("share") == str(trial.share)
    recorded = [] if is_told else [Record(trying(scene, package, trial, now))]
    return Plan(f"v{package.version} shall take {trial.share} % of the calls.", (*recorded, ShiftCalls(name, weights)))


def _give_up(package: ModelPackage, why: str = "the rollout failed") -> Plan:
    """Leave a failed version until a person decides anew; one that was serving before its re-configuration stays."""
    if package.stage_status == StageStatus.APPROVED:
        return Plan(f"v{package.version} failed in this configuration and is not tried again until something changes.")
    return Plan(f"v{package.version} failed; it is marked.", (with_status(package, StageStatus.REJECTED, why),))


def _failure(endpoint: Endpoint | None, attempt: Entry) -> str:
    if endpoint is None:
        return f"the endpoint is gone, config {attempt.facts['config']} was never served"
    reason = f": {endpoint.failure_reason}" if endpoint.failure_reason else ""
    if is_resized(attempt, endpoint):
        changed = "its instances or weights were changed during each of two attempts"
        return f"{endpoint.name} is on {endpoint.config_name} still; {changed}, which perhaps were never made"
    if endpoint.status == "InService":
        return f"SageMaker went back to {endpoint.config_name}{reason or ', and gave no reason'}"
    return f"the endpoint is {endpoint.status}{reason}"


def _replaced(scene: Scene, package: ModelPackage) -> list[ModelPackage]:
    """Give the versions that leave the stage now; those whose rollout failed, or nobody reviewed, stay to be seen."""
    return [
        other
        for other in scene.standing
        if other.version != package.version
        and other.stage == scene.environment.stage
        and other.stage_status in (StageStatus.APPROVED, StageStatus.IN_PROGRESS)
        and other.entered is not None
    ]


def plan_refused(scene: Scene, why: str, *, now: datetime) -> Plan:
    """Plan what follows when SageMaker refuses a rollout for good: it has failed, as if it had begun.

    Args:
        scene: As observed after the refusal.
        why: SageMaker's words.
        now: The time.
    """
    package, spec = scene.wanted, scene.endpoint_spec
    if package is None or spec is None:
        return Plan("Nothing is wanted any more.")
    return _fail(scene, package, (target_of(scene, package, spec), why, failure_of(why)), now)


def plan_waiting(scene: Scene, why: str, *, now: datetime) -> Plan:
    """Plan what follows when a quota leaves no room for a rollout: people are told once, and it stays open.

    Whoever looks again tries again: an event or, at the latest, the sweep.

    Args:
        scene: As observed after the refusal.
        why: SageMaker's words.
        now: The time.
    """
    package, spec = scene.wanted, scene.endpoint_spec
    if package is None or spec is None:
        return Plan("Nothing is wanted any more.")
    last, name, token = rollout_entry(scene, package), scene.environment.name, str(package.entered)
    goal = target_of(scene, package, spec)
    if last and last.kind in BEGUN | {EntryKind.WAITING}:
        goal = last.facts.get("config", "")
    elif scene.rollout and scene.rollout.strategy.is_trial:
        goal = ""  # an entry with the target would tell that the trial is over
    # A trial that waits begins anew at each look: that it waits still is recorded, and told no more.
    waited = (each for each in scene.chain if each.kind is EntryKind.WAITING and each.environment == name)
    kind = EntryKind.POSTPONED if any(each.token == token for each in waited) else EntryKind.WAITING
    facts = {"config": goal, "failure": Failure.QUOTA.value}
    entry = replace(entry_of(scene, package, kind, why, now), facts=facts)
    is_recorded = is_waiting(scene, package, goal)
    plan = Plan(f"v{package.version} waits for a quota: {why}", () if is_recorded else (Record(entry),))
    return replace(plan, behind_since=_behind_since(scene, plan))


def _fail(scene: Scene, package: ModelPackage, what: tuple[str, str, Failure], now: datetime) -> Plan:
    config, why, failure = what
    facts = {"config": config, "endpoint_modified": modified_token(scene.endpoint), "failure": failure.value}
    entry = replace(entry_of(scene, package, EntryKind.FAILED, why, now), facts=facts)
    again = scaling(scene) if scene.endpoint and is_scaled(scene.endpoint.config_name) else []
    return Plan(why, (*again, Record(entry), *_give_up(package, why).changes))
