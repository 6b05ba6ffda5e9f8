"""The one next move that brings an environment to serve what its stage wants.

There is no memory but SageMaker's and the ledger's. A rollout is *attempted* when its `deploying` entry stands at the
end of what the chain says of it; the entry keeps when the endpoint had last been modified, as SageMaker tells it. So,
looking at an endpoint that serves something else than it should:

- it has not been modified since: the update was never made (the function stopped in between), so it is made;
- it has been modified and is at rest: SageMaker went back to the old config, which it never says aloud;
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

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from enum import Enum

from modelward.config.spec import EndpointSpec, EnvironmentSpec, RegistrySpec, RolloutSpec
from modelward.core.endpoint import Endpoint, Figures, Serving, alarm_name
from modelward.core.ledger import Entry, EntryKind, Failure, Snapshot
from modelward.core.model_package import Entered, LifeCycle, ModelPackage, StageStatus
from modelward.core.names import endpoint_name, is_scaled, is_trial, rollout_name, version_in
from modelward.core.smoke import SmokeVerdict
from modelward.planning.changes import (
    Answers,
    Captures,
    Challenger,
    Change,
    CreateEndpoint,
    CreateEndpointConfig,
    CreateModel,
    DeleteEndpoint,
    DeregisterScaling,
    Guard,
    LookAgain,
    Plan,
    Record,
    RegisterScaling,
    RunSmokeTest,
    ShiftCalls,
    UpdateEndpoint,
    UpdateVersion,
)
from modelward.planning.drift import ALARM, alarmed, bring, facts_of, is_heir_due, reason, tripped
from modelward.planning.failures import failure_of
from modelward.planning.review import is_admitted
from modelward.planning.standing import desired
from modelward.planning.trial import Trial, judge_shadow, trial_config

SYSTEM = "modelward"
_RETRY_S = 60
_BEGUN = frozenset({EntryKind.TRYING, EntryKind.DEPLOYING})
_ROLLOUT_KINDS = _BEGUN | {EntryKind.POSTPONED, EntryKind.WAITING, EntryKind.VERIFIED, EntryKind.FAILED}


class Refusal(Enum):
    """Why SageMaker has just refused to update the endpoint."""

    BUSY = "busy"
    """Something else is changing it."""
    GONE = "gone"
    """The config of old, to which it should go back, was deleted."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One model in one environment, as observed.

    Args:
        model: The name of the model.
        environment: The environment.
        endpoint_spec: How the environment serves the model; None when it has no endpoint (it may be self-hosted).
        role_arn: The role that SageMaker assumes to run the model.
        standing: The versions that stand in the environment's stage.
        endpoint: The endpoint as it is; None when there is none.
        chain: The entries of the desired version, oldest first.
        captures: Where endpoints that capture calls write them.
        answers: Where the endpoint writes its answers, if it is asynchronous.
        serving: What the config in use says, where `asks_for_serving` says that it counts.
        figures: What callers had from both versions of a trial, where `asks_for_figures` says that its time is up.
        alarms: Declared alarms that are on and when each went off, where `asks_for_alarms` says that it counts.
        heirs: Versions that may come back, the best one first, where `asks_for_heirs` says that it counts; None when
            nobody has looked.
        refusal: Why the update that was planned a moment ago was refused; None when none was.
        smoke: What came of the smoke test, where `asks_for_smoke` says that it counts; None while nobody has run it.
    """

    spec: RegistrySpec
    model: str
    environment: EnvironmentSpec
    endpoint_spec: EndpointSpec | None
    role_arn: str
    standing: Sequence[ModelPackage]
    endpoint: Endpoint | None
    chain: Sequence[Entry]
    captures: Captures | None = None
    answers: Answers | None = None
    serving: Serving = field(default_factory=Serving)
    figures: Mapping[str, Figures] | None = None
    alarms: Mapping[str, datetime] = field(default_factory=dict)
    heirs: Sequence[ModelPackage] | None = None
    refusal: Refusal | None = None
    smoke: SmokeVerdict | None = None

    @property
    def wanted(self) -> ModelPackage | None:
        """The version that the environment should serve."""
        return desired(self.standing, self.environment.stage)

    @property
    def rollout(self) -> RolloutSpec | None:
        """What is declared of how the endpoint moves."""
        return self.spec.rollout(self.model, self.environment.name)

    @property
    def asks_for_serving(self) -> bool:
        """Whether the next move depends on what serves: one scaled config follows another, or a trial begins."""
        package, spec, endpoint = self.wanted, self.endpoint_spec, self.endpoint
        if package is None or spec is None or endpoint is None or endpoint.is_busy:
            return False
        target = _target(self, package, spec)
        if endpoint.config_name == target:
            return False
        is_rescaled = bool(spec.autoscaling) and is_scaled(endpoint.config_name)
        return is_rescaled or (_is_to_be_tried(self, package, target) and _open_trial(self, package, target) is None)

    @property
    def asks_for_figures(self) -> tuple[datetime, datetime] | None:
        """From when to when figures count: a shadow's time is up, and they decide; None when they decide nothing."""
        package, spec, endpoint = self.wanted, self.endpoint_spec, self.endpoint
        if package is None or spec is None or endpoint is None or endpoint.status != "InService":
            return None
        attempt = _open_trial(self, package, _target(self, package, spec))
        rollout = self.rollout
        if attempt is None or rollout is None or not rollout.trial_s or endpoint.config_name != attempt.facts["config"]:
            return None
        return attempt.at, attempt.at + timedelta(seconds=rollout.trial_s)

    @property
    def asks_for_alarms(self) -> bool:
        """Whether an alarm that is on may take the decision back: it is verified, and is no way back itself."""
        package, spec = self.wanted, self.endpoint_spec
        if package is None or spec is None or not spec.roll_back_on or _is_way_back(self, package):
            return False
        return _is_settled(self, package, spec) and alarmed(self.chain, package, self.environment.name) is None

    @property
    def asks_for_heirs(self) -> bool:
        """Whether another version is to come back: an alarm has just gone off, or did, and it was announced."""
        package, spec = self.wanted, self.endpoint_spec
        if package is None or spec is None or not _is_settled(self, package, spec):
            return False
        told = alarmed(self.chain, package, self.environment.name)
        return is_heir_due(told, package, self.standing) if told else self.tripped is not None

    @property
    def tripped(self) -> tuple[str, datetime] | None:
        """The alarm that takes the decision back, and when it went off; None when none does."""
        package = self.wanted
        verified = _rollout_entry(self, package) if package and self.asks_for_alarms else None
        return tripped(self.alarms, verified.at) if verified else None

    @property
    def asks_for_smoke(self) -> bool:
        """Whether the next move depends on a smoke test: the endpoint serves what it should, and it is not verified.

        A config that has answered it here before need not do so again: the way back shall depend on nothing else.
        """
        package, spec, endpoint = self.wanted, self.endpoint_spec, self.endpoint
        if not (package and package.smoke and spec and endpoint and is_admitted(package, self.chain)):
            return False
        is_up = endpoint.status == "InService" and endpoint.config_name == _target(self, package, spec)
        is_up = is_up and spec.asynchronous is None  # it answers into a bucket, whenever it comes to it
        attempt = _rollout_entry(self, package)
        is_open = attempt is None or attempt.kind is not EntryKind.VERIFIED
        is_known = _has_failed_smoke(attempt, endpoint.config_name) or _has_passed_smoke(self, endpoint.config_name)
        return is_up and is_open and not is_known


def config_name(
    package: ModelPackage,
    spec: EndpointSpec,
    role_arn: str,
    captures: Captures | None = None,
    answers: Answers | None = None,
) -> str:
    """Name the endpoint config, and the model, that serve a version as declared.

    The digest covers all that goes into them, so equal names mean equal contents, and creating one twice is harmless.
    The creation time stands in for the version's identity: numbers may be given again after a deletion.
    """
    made_of = [package.arn, package.created_at.astimezone(UTC).isoformat(), _contents(spec), role_arn]
    if spec.data_capture:
        made_of.append(repr(captures))
    if spec.asynchronous:
        made_of.append(repr(answers))
    digest = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:8]
    digest = f"{digest[:7]}s" if spec.autoscaling else digest
    return rollout_name(package.group, spec.environment, package.version, digest)


_BESIDE = frozenset({"alarms", "rollout", "roll_back_on"})


def _contents(spec: EndpointSpec) -> str:
    """Spell what is declared and goes into an endpoint config; alarms, and how it is reached, are beside it.

    Defaults are left out: a release of ours that learns a new setting must not roll every endpoint out again.
    """
    declared = ((each.name, getattr(spec, each.name), each.default) for each in fields(spec))
    return repr([(name, value) for name, value, default in declared if name not in _BESIDE and value != default])


def _target(scene: Scene, package: ModelPackage, spec: EndpointSpec) -> str:
    return config_name(package, spec, scene.role_arn, scene.captures, scene.answers)


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
    if is_up and endpoint and endpoint.config_name == _target(scene, package, spec):
        return None
    if is_up and endpoint and is_trial(endpoint.config_name) and plan.is_empty:
        return None
    begun = [change.entry for change in plan.changes if isinstance(change, Record)]
    attempts = [*begun, _rollout_entry(scene, package)]
    decided_at = package.entered.at if package.entered else package.modified_at
    # An alarm's decision bears the time of the one that it undoes, which may be long ago.
    came = [each.at for each in scene.chain if _brings_back(each, package)]
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
    return _move_on(scene, package, _target(scene, package, scene.endpoint_spec), now)


def _move_on(scene: Scene, package: ModelPackage, target: str, now: datetime) -> Plan:
    serving = scene.endpoint.config_name if scene.endpoint and scene.endpoint.status == "InService" else None
    if scene.endpoint and serving == target:
        return _verify(scene, package, scene.endpoint, now)
    trial = _trial(scene, package, target)
    if trial and serving == trial.config:
        return _on_trial(scene, package, target, trial, now)
    return _advance(scene, package, target, trial, now)


def _await(scene: Scene, package: ModelPackage, endpoint: Endpoint, now: datetime) -> Plan:
    """Wait for the endpoint's own next event; an attempt that found it busy with something else has not begun."""
    attempt = _rollout_entry(scene, package)
    if attempt and attempt.kind in _BEGUN and _is_anothers(scene, attempt, endpoint):
        why = f"{endpoint.name} was {endpoint.status} for something else"
        entry = replace(_entry(scene, package, EntryKind.POSTPONED, why, now), facts=attempt.facts)
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
    attempt = _rollout_entry(scene, package)
    if attempt and _has_failed_smoke(attempt, endpoint.config_name):
        return _go_back(scene, package, attempt)
    if not scene.asks_for_smoke:
        return _settle(scene, package, now)
    if scene.smoke is None:
        why = f"{endpoint.name} is InService on {endpoint.config_name}; the smoke test of v{package.version} decides."
        return Plan(why, (RunSmokeTest(endpoint.name, package.version),))
    if not scene.smoke.is_held:
        return _fail(scene, package, (endpoint.config_name, scene.smoke.text, Failure.SMOKE_TEST), now)
    return _settle(scene, package, now)


def _has_failed_smoke(attempt: Entry | None, config: str) -> bool:
    if attempt is None or attempt.kind is not EntryKind.FAILED or attempt.facts.get("config") != config:
        return False
    return attempt.facts.get("failure") == Failure.SMOKE_TEST


def _has_passed_smoke(scene: Scene, config: str) -> bool:
    return any("smoke" in entry.facts and entry.facts.get("config") == config for entry in _verifications(scene))


def _go_back(scene: Scene, package: ModelPackage, attempt: Entry) -> Plan:
    """Go back from a config of the serving version that failed to the one that was verified last; once, if at all.

    A version that was new leaves the stage instead, and the one before it is rolled out as any other.
    """
    if package.stage_status != StageStatus.APPROVED:
        return _give_up(package, attempt.why)
    failed, spec = attempt.facts["config"], scene.endpoint_spec
    last = _verified_last(scene, but=failed)
    is_tried = attempt.facts.get("endpoint_modified") != _modified(scene.endpoint)
    if last is None or spec is None or is_tried:
        return _give_up(package)
    why = f"v{package.version} failed in this configuration; the endpoint goes back to {last}."
    return Plan(why, tuple(_move(scene, package, spec, last)))


def _verified_last(scene: Scene, *, but: str) -> str | None:
    """Find the config with which the version was last verified here, other than the one that failed."""
    configs = [entry.facts.get("config") for entry in _verifications(scene)]
    return next((config for config in reversed(configs) if config and config != but), None)


def _verifications(scene: Scene) -> list[Entry]:
    name = scene.environment.name
    return [entry for entry in scene.chain if entry.kind is EntryKind.VERIFIED and entry.environment == name]


def _settle(scene: Scene, package: ModelPackage, now: datetime) -> Plan:
    """Record that a version is verified and let it take the stage over from all others."""
    changes: list[Change] = []
    attempt = _rollout_entry(scene, package)
    is_recorded = attempt is not None and attempt.kind is EntryKind.VERIFIED
    if not is_recorded:
        changes += [*_scaling(scene), Record(_verified(scene, package, now))]
    if package.stage_status != StageStatus.APPROVED:
        changes.append(_with_status(package, StageStatus.APPROVED))
    changes += [_archive(scene, other, package) for other in _replaced(scene, package)]
    if not changes and scene.asks_for_heirs:
        return _take_back(scene, package, now)
    if not changes:
        return Plan(f"{scene.environment.name} serves v{package.version}, as it should.")
    return Plan(f"{scene.environment.name} is verified to serve v{package.version}.", tuple(changes))


def _is_settled(scene: Scene, package: ModelPackage, spec: EndpointSpec) -> bool:
    """Tell whether the environment serves a version as declared, and that is recorded."""
    endpoint, attempt = scene.endpoint, _rollout_entry(scene, package)
    if endpoint is None or endpoint.status != "InService" or endpoint.config_name != _target(scene, package, spec):
        return False
    is_verified = attempt is not None and attempt.kind is EntryKind.VERIFIED
    return is_verified and package.stage_status == StageStatus.APPROVED and is_admitted(package, scene.chain)


def _take_back(scene: Scene, package: ModelPackage, now: datetime) -> Plan:
    """Record that an alarm went off, and bring back the version that was verified before, where there is one."""
    if scene.heirs is None:
        again = LookAgain(scene.model, scene.environment.name, delay_s=_RETRY_S)
        return Plan(f"An alarm went off while v{package.version} served; the one before it is looked for.", (again,))
    heir = next(iter(scene.heirs), None)
    told = alarmed(scene.chain, package, scene.environment.name) or _alarmed(scene, package, heir, now)
    recorded = [] if told in scene.chain else [Record(told)]
    is_due = heir is not None and is_heir_due(told, package, [*scene.standing, heir])
    brought = [bring(heir, package, told.facts)] if heir and is_due else []
    return Plan(told.why, (*recorded, *brought))


def _alarmed(scene: Scene, package: ModelPackage, heir: ModelPackage | None, now: datetime) -> Entry:
    if scene.tripped is None:
        raise AssertionError("only an alarm that went off is recorded")
    facts = facts_of(*scene.tripped, heir)
    follows = f"v{heir.version}, verified here before, comes back" if heir else "no other version may come back here"
    why = f"{reason(facts, package.version).removeprefix(ALARM)}; {follows}"
    return replace(_entry(scene, package, EntryKind.ALARMED, why, now), facts=facts)


def _scaling(scene: Scene) -> list[Change]:
    """Let the number of instances of an endpoint that serves follow the calls, if that is declared."""
    spec, endpoint = scene.endpoint_spec, scene.endpoint
    if not (spec and spec.autoscaling and endpoint and endpoint.status == "InService"):
        return []
    return [RegisterScaling(endpoint.name, spec.autoscaling)]


def _advance(scene: Scene, package: ModelPackage, target: str, trial: Trial | None, now: datetime) -> Plan:
    attempt, goal = _rollout_entry(scene, package), trial.config if trial else target
    is_open = attempt is not None and attempt.kind in _BEGUN and attempt.facts.get("config") == goal
    is_open = is_open and not (scene.refusal is Refusal.BUSY or _is_overtaken(attempt, scene.endpoint))
    if attempt and attempt.kind is EntryKind.FAILED and attempt.facts.get("config") == target:
        is_mixed = scene.endpoint is not None and scene.endpoint.status == "UpdateRollbackFailed"
        return _go_back(scene, package, attempt) if is_mixed else _give_up(package)
    if attempt and is_open and attempt.facts.get("endpoint_modified") != _modified(scene.endpoint):
        told = scene.endpoint.failure_reason if scene.endpoint else ""
        what = (target, _failure(scene.endpoint, goal), failure_of(told, scene.endpoint))
        return _fail(scene, package, what, now)
    if scene.endpoint and scene.endpoint.status == "Failed":
        again = LookAgain(scene.model, scene.environment.name, delay_s=_RETRY_S)
        return Plan(f"Endpoint {scene.endpoint.name} is Failed.", (DeleteEndpoint(scene.endpoint.name), again))
    why = _unfit(scene.endpoint_spec, scene.endpoint) if scene.endpoint_spec else ""
    if why:
        return _fail(scene, package, (target, why, Failure.REFUSED), now)
    if trial:
        return _begin_trial(scene, package, target, trial, None if is_open else _trying(scene, package, trial, now))
    return _roll_out(scene, package, target, None if is_open else _deploying(scene, package, target, now))


def _is_to_be_tried(scene: Scene, package: ModelPackage, target: str) -> bool:
    """Tell whether a version is tried beside the live one before it takes over.

    Not where nothing serves that it could be compared with, nor on a way back; and the live version itself, in another
    configuration, is no newcomer. A trial that was passed, or finished, is over.
    """
    rollout, endpoint = scene.rollout, scene.endpoint
    if rollout is None or not rollout.strategy.is_trial or endpoint is None or endpoint.status != "InService":
        return False
    if version_in(endpoint.config_name) in (None, package.version) or package.share == 100:
        return False
    is_over = any(e.token == str(package.entered) and e.facts.get("config") == target for e in scene.chain)
    return not (is_over or _is_proven(scene, target) or _is_way_back(scene, package))


def _open_trial(scene: Scene, package: ModelPackage, target: str) -> Entry | None:
    """Give the entry of the trial that is under way, or was asked for."""
    if not _is_to_be_tried(scene, package, target):
        return None
    entry = _rollout_entry(scene, package, but=EntryKind.POSTPONED)
    if entry is None or entry.kind is not EntryKind.TRYING or entry.facts.get("target") != target:
        return None
    return None if _is_overtaken(entry, scene.endpoint) else _first_of(scene, entry)


def _first_of(scene: Scene, entry: Entry) -> Entry:
    """Give the entry with which a trial began: later ones tell that its share was changed."""
    config, token = entry.facts["config"], entry.token
    alike = (e for e in scene.chain if e.kind is EntryKind.TRYING and e.token == token and e.facts["config"] == config)
    return next(alike, entry)


def _trial(scene: Scene, package: ModelPackage, target: str) -> Trial | None:
    """Give the trial that a version is on, or goes on next; None when there is none."""
    rollout, endpoint = scene.rollout, scene.endpoint
    if rollout is None or endpoint is None or not _is_to_be_tried(scene, package, target):
        return None
    begun = _open_trial(scene, package, target)
    model = begun.facts["live_model"] if begun else scene.serving.model
    made_of = (target, model, rollout)
    config = trial_config(scene.model, scene.environment.name, version_in(endpoint.config_name) or 0, made_of)
    return Trial(config, model, rollout, (rollout.percent or 0) if package.share is None else package.share)


def _on_trial(scene: Scene, package: ModelPackage, target: str, trial: Trial, now: datetime) -> Plan:
    """Go on with a trial: a shadow's time runs, or its figures decide; an ab trial has the share that people want."""
    live = version_in(trial.config)
    if not trial.is_shadow:
        return _shift(scene, package, trial, now)
    counted = scene.asks_for_figures
    if counted and now < counted[1]:
        until = f"{counted[1]:%Y-%m-%d %H:%M} UTC"
        return Plan(f"v{package.version} gets copies of the calls of v{live} until {until}; then its figures decide.")
    if scene.figures is None:
        again = LookAgain(scene.model, scene.environment.name, delay_s=_RETRY_S)
        return Plan(f"The trial of v{package.version} is over; its figures are looked at.", (again,))
    verdicts = judge_shadow(scene.figures, trial.rollout)
    if not all(verdict.is_held for verdict in verdicts):
        why = "; ".join(verdict.text for verdict in verdicts if not verdict.is_held)
        return _fail(scene, package, (target, f"as a shadow of v{live}, {why}", Failure.FIGURES), now)
    entry = replace(_deploying(scene, package, target, now), verdicts=verdicts)
    return _roll_out(scene, package, target, entry)


def _shift(scene: Scene, package: ModelPackage, trial: Trial, now: datetime) -> Plan:
    """Give a version of an ab trial the share of the calls that people want."""
    name, weights = endpoint_name(scene.model, scene.environment.name), trial.weights
    live, told = version_in(trial.config), _rollout_entry(scene, package)
    if scene.endpoint and scene.endpoint.weights == weights:
        why = (
            f"v{package.version} takes {trial.share} % of the calls, v{live} the others, until somebody finishes that."
        )
        return Plan(why)
    is_told = told is not None and told.facts.get("share") == str(trial.share)
    recorded = [] if is_told else [Record(_trying(scene, package, trial, now))]
    return Plan(f"v{package.version} shall take {trial.share} % of the calls.", (*recorded, ShiftCalls(name, weights)))


def _begin_trial(scene: Scene, package: ModelPackage, target: str, trial: Trial, entry: Entry | None) -> Plan:
    spec = scene.endpoint_spec
    if spec is None:
        raise AssertionError("a trial needs a declared endpoint")
    captures = scene.captures if spec.data_capture else None
    challenger = Challenger(target, trial.share, trial.is_shadow)
    changes: tuple[Change, ...] = (
        CreateModel(target, package.arn, scene.role_arn, spec.network_isolation, spec.vpc),
        CreateEndpointConfig(trial.config, trial.live_model, spec, captures, challenger),
        *([Record(entry)] if entry else []),
        UpdateEndpoint(endpoint_name(scene.model, scene.environment.name), trial.config),
    )
    return Plan(f"{scene.environment.name} shall try v{package.version}.", changes)


def _trying(scene: Scene, package: ModelPackage, trial: Trial, now: datetime) -> Entry:
    live, spec = version_in(trial.config), scene.endpoint_spec
    what = f"a copy of {trial.share} % of the calls of v{live}" if trial.is_shadow else f"{trial.share} % of the calls"
    said = f": {package.life_cycle.description}" if package.life_cycle and package.share is not None else ""
    entry = _entry(scene, package, EntryKind.TRYING, f"v{package.version} gets {what}{said}", now)
    who = package.modified_by.arn if package.share is not None else entry.who
    told = (e for e in scene.chain if e.kind is EntryKind.TRYING and e.token == entry.token)
    facts = {
        **({"again": "yes"} if any(each.facts.get("share") == str(trial.share) for each in told) else {}),
        "config": trial.config,
        "from_config": scene.endpoint.config_name if scene.endpoint else "",
        "endpoint_modified": _modified(scene.endpoint),
        "live_model": trial.live_model,
        "target": _target(scene, package, spec) if spec else "",
        "share": str(trial.share),
    }
    return replace(entry, facts=facts, who=who)


def _is_overtaken(attempt: Entry | None, endpoint: Endpoint | None) -> bool:
    """Tell whether another rollout had the endpoint first: it rests on a config that this one neither left nor wanted.

    UpdateEndpoint was refused then, so this rollout has not failed; it has not begun.
    """
    if attempt is None or endpoint is None or endpoint.status != "InService":
        return False
    return endpoint.config_name not in (attempt.facts.get("from_config"), attempt.facts.get("config"))


def _roll_out(scene: Scene, package: ModelPackage, target: str, entry: Entry | None) -> Plan:
    spec = scene.endpoint_spec
    if spec is None:
        raise AssertionError("a rollout needs a declared endpoint")
    is_gone = scene.refusal is Refusal.GONE
    is_kept = _is_proven(scene, target) and not is_gone
    made: list[Change] = [
        CreateModel(target, package.arn, scene.role_arn, spec.network_isolation, spec.vpc),
        _config(scene, spec, target),
    ]
    recorded = [Record(entry)] if entry else []
    # Where a quota was in the way it may be still: to begin first keeps the history free of each hour's try.
    move = _move(scene, package, spec, target)
    begin = (*move, *recorded) if _is_waiting(scene, package, target) else (*recorded, *move)
    changes = (*(_restored(scene, spec) if is_gone else ()), *([] if is_kept else made), *begin)
    then = "; its smoke test decides when it does" if package.smoke and not _has_passed_smoke(scene, target) else ""
    return Plan(f"{scene.environment.name} shall serve v{package.version}{then}.", changes)


def _restored(scene: Scene, spec: EndpointSpec) -> tuple[Change, ...]:
    """Make the config in use anew, if it can be told what it was: SageMaker updates no endpoint without it."""
    serving = scene.endpoint.config_name if scene.endpoint else ""
    live = next((each for each in scene.standing if _target(scene, each, spec) == serving), None)
    if live is None:
        return ()
    model = CreateModel(serving, live.arn, scene.role_arn, spec.network_isolation, spec.vpc)
    return (model, _config(scene, spec, serving))


def _is_proven(scene: Scene, config: str) -> bool:
    """Tell whether the environment was seen to serve a config before."""
    return any(entry.facts.get("config") == config for entry in _verifications(scene))


def _config(scene: Scene, spec: EndpointSpec, target: str) -> CreateEndpointConfig:
    captures = scene.captures if spec.data_capture else None
    answers = scene.answers if spec.asynchronous else None
    return CreateEndpointConfig(target, target, spec, captures, answers=answers)


def _unfit(spec: EndpointSpec, endpoint: Endpoint | None) -> str:
    """Say why no update makes what is declared of an endpoint; empty when nothing is known to speak against it.

    SageMaker would refuse it too (`AsyncInferenceConfig` cannot be removed), but after a model and a config are made.
    """
    if endpoint is None:
        return ""
    # Of an endpoint whose config is ours the images need not be told: then nothing is concluded from it.
    if endpoint.has_components and version_in(endpoint.config_name) is None:
        step = f"have its owner rename it or the environment, or delete endpoint {endpoint.name}; then promote again"
        return f"{endpoint.name} was made by somebody else, and serves inference components: {step}"
    if endpoint.is_asynchronous == (spec.asynchronous is not None):
        return ""
    kinds = ("an endpoint that answers its callers", "an asynchronous one")
    now, declared = kinds if spec.asynchronous else reversed(kinds)
    step = f"delete endpoint {endpoint.name} or rename the environment, then promote again"
    return f"{endpoint.name} is {now}, and no update makes it {declared}: {step}"


def _move(scene: Scene, package: ModelPackage, spec: EndpointSpec, target: str) -> list[Change]:
    name, endpoint = endpoint_name(scene.model, scene.environment.name), scene.endpoint
    if endpoint is None:
        return [CreateEndpoint(name, target)]
    guard = _guard(scene, package, spec, target)
    if not is_scaled(endpoint.config_name):
        return [UpdateEndpoint(name, target, guard=guard)]
    if spec.autoscaling and spec.instance_type == scene.serving.instance_type:
        return [UpdateEndpoint(name, target, keeps_count=True, guard=guard)]
    return [DeregisterScaling(name), UpdateEndpoint(name, target, guard=guard)]


def _guard(scene: Scene, package: ModelPackage, spec: EndpointSpec, target: str) -> Guard | None:
    """Give how the endpoint moves forward; a way back is no experiment, and its alarms may be in alarm already."""
    rollout = scene.rollout
    # A trial ends without its other variant, and guardrails want the same variants before and after.
    if rollout is None or rollout.strategy.is_trial or _is_proven(scene, target) or _is_way_back(scene, package):
        return None
    name = endpoint_name(scene.model, scene.environment.name)
    own = tuple(alarm_name(name, symptom) for symptom in spec.rollback_symptoms)
    return Guard(rollout, (*own, *spec.roll_back_on))


def _is_way_back(scene: Scene, package: ModelPackage) -> bool:
    return any(_brings_back(entry, package) for entry in scene.chain)


def _brings_back(entry: Entry, package: ModelPackage) -> bool:
    return entry.kind is EntryKind.ROLLED_BACK and entry.token == str(package.entered)


def _give_up(package: ModelPackage, why: str = "the rollout failed") -> Plan:
    """Leave a failed version until a person decides anew; one that was serving before its re-configuration stays."""
    if package.stage_status == StageStatus.APPROVED:
        return Plan(f"v{package.version} failed in this configuration and is not tried again until something changes.")
    return Plan(f"v{package.version} failed; it is marked.", (_with_status(package, StageStatus.REJECTED, why),))


def _failure(endpoint: Endpoint | None, config: str) -> str:
    if endpoint is None:
        return f"the endpoint is gone, config {config} was never served"
    reason = f": {endpoint.failure_reason}" if endpoint.failure_reason else ""
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


def _archive(scene: Scene, other: ModelPackage, by: ModelPackage) -> UpdateVersion:
    """Retire a version at the time of the decision from which it follows.

    It may have been put there later than the one that serves, and have given way because it may not serve; then its
    own entry is that time, or it would look like a decision that came after and was overwritten, and be brought back.
    """
    stage = scene.spec.archive_stage
    at = max((each.entered.at for each in (by, other) if each.entered), default=other.modified_at)
    why = by.life_cycle.description if by.life_cycle and by.life_cycle.description.startswith(ALARM) else ""
    text = f"replaced in {scene.environment.stage} by v{by.version}" + (f": {why.removeprefix(ALARM)}" if why else "")
    cycle = LifeCycle(stage, StageStatus.RETIRED.value, text)
    return UpdateVersion(other.arn, other.version, life_cycle=cycle, entered=Entered(stage, at))


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
    return _fail(scene, package, (_target(scene, package, spec), why, failure_of(why)), now)


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
    last, name, token = _rollout_entry(scene, package), scene.environment.name, str(package.entered)
    goal = _target(scene, package, spec)
    if last and last.kind in _BEGUN | {EntryKind.WAITING}:
        goal = last.facts.get("config", "")
    elif scene.rollout and scene.rollout.strategy.is_trial:
        goal = ""  # an entry with the target would tell that the trial is over
    # A trial that waits begins anew at each look: that it waits still is recorded, and told no more.
    waited = (each for each in scene.chain if each.kind is EntryKind.WAITING and each.environment == name)
    kind = EntryKind.POSTPONED if any(each.token == token for each in waited) else EntryKind.WAITING
    facts = {"config": goal, "failure": Failure.QUOTA.value}
    entry = replace(_entry(scene, package, kind, why, now), facts=facts)
    is_recorded = _is_waiting(scene, package, goal)
    plan = Plan(f"v{package.version} waits for a quota: {why}", () if is_recorded else (Record(entry),))
    return replace(plan, behind_since=_behind_since(scene, plan))


def _is_waiting(scene: Scene, package: ModelPackage, config: str) -> bool:
    """Tell whether the last that is known of a rollout is that a quota left no room for it."""
    last = _rollout_entry(scene, package)
    return last is not None and last.kind is EntryKind.WAITING and last.facts.get("config") == config


def _fail(scene: Scene, package: ModelPackage, what: tuple[str, str, Failure], now: datetime) -> Plan:
    config, why, failure = what
    facts = {"config": config, "endpoint_modified": _modified(scene.endpoint), "failure": failure.value}
    entry = replace(_entry(scene, package, EntryKind.FAILED, why, now), facts=facts)
    again = _scaling(scene) if scene.endpoint and is_scaled(scene.endpoint.config_name) else []
    return Plan(why, (*again, Record(entry), *_give_up(package, why).changes))


def _with_status(package: ModelPackage, status: StageStatus, why: str = "") -> UpdateVersion:
    if package.life_cycle is None:
        raise AssertionError("a version of a stage has a life cycle")
    cycle = replace(package.life_cycle, status=status.value)
    cycle = replace(cycle, description=" ".join(why.split())[:1024]) if why else cycle
    return UpdateVersion(package.arn, package.version, life_cycle=cycle, entered=package.entered)


def _rollout_entry(scene: Scene, package: ModelPackage, but: EntryKind | None = None) -> Entry | None:
    """Give the last word of the chain, of one kind aside, about the rollout of this decision to this environment."""
    token, name, kinds = str(package.entered), scene.environment.name, _ROLLOUT_KINDS - {but}
    told = (e for e in reversed(scene.chain) if e.kind in kinds and e.environment == name and e.token == token)
    return next(told, None)


def _modified(endpoint: Endpoint | None) -> str:
    return endpoint.modified_at.astimezone(UTC).isoformat() if endpoint else ""


def _deploying(scene: Scene, package: ModelPackage, target: str, now: datetime) -> Entry:
    from_config = scene.endpoint.config_name if scene.endpoint else ""
    entry = _entry(
        scene, package, EntryKind.DEPLOYING, f"v{package.version} is wanted in {scene.environment.name}", now
    )
    facts = {"config": target, "from_config": from_config, "endpoint_modified": _modified(scene.endpoint)}
    return replace(entry, facts=facts)


def _verified(scene: Scene, package: ModelPackage, now: datetime) -> Entry:
    endpoint = scene.endpoint
    why = f"{endpoint.name} is InService on {endpoint.config_name}" if endpoint else "no endpoint is declared here"
    entry = _entry(scene, package, EntryKind.VERIFIED, why, now)
    facts = {"config": endpoint.config_name} if endpoint else {}
    if scene.smoke:
        entry, facts = replace(entry, why=f"{why}; {scene.smoke.text}"), {**facts, "smoke": scene.smoke.text}
    return replace(entry, facts=facts, seen=replace(entry.seen, stage_status=StageStatus.APPROVED.value))


def _entry(scene: Scene, package: ModelPackage, kind: EntryKind, why: str, now: datetime) -> Entry:
    last = scene.chain[-1] if scene.chain else None
    return Entry(
        model=scene.model,
        version=package.version,
        seq=last.seq + 1 if last else 1,
        at=now,
        kind=kind,
        who=SYSTEM,
        why=why,
        stage=scene.environment.stage,
        environment=scene.environment.name,
        token=str(package.entered),
        figures=package.metrics,
        seen=replace(last.seen, entered=str(package.entered)) if last else Snapshot.of(package),
    )
