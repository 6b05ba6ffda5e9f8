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

No clock is compared with another one, and no answer of UpdateEndpoint has to be remembered.

Where the number of instances follows the calls, that begins once a version is verified, and the names of configs tell
it: whoever looks at an endpoint knows whether its instances are scaled, without a call. AWS refuses to change their
type meanwhile, so a new type, or a declaration that ends it, lets the number be before the update; a version that is
verified, or an update that failed, sets it free again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import Enum

from modelward.config.spec import EndpointSpec, EnvironmentSpec, RegistrySpec
from modelward.core.endpoint import Endpoint, alarm_name
from modelward.core.ledger import Entry, EntryKind, Snapshot
from modelward.core.model_package import Entered, LifeCycle, ModelPackage, StageStatus
from modelward.core.names import endpoint_name, is_scaled, rollout_name
from modelward.planning.changes import (
    Captures,
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
    UpdateEndpoint,
    UpdateVersion,
)
from modelward.planning.review import is_admitted
from modelward.planning.standing import desired

SYSTEM = "modelward"
_RETRY_S = 60
_ROLLOUT_KINDS = frozenset({EntryKind.DEPLOYING, EntryKind.POSTPONED, EntryKind.VERIFIED, EntryKind.FAILED})


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
        serving_type: The instance type that serves now, where `asks_for_type` says that it counts.
        refusal: Why the update that was planned a moment ago was refused; None when none was.
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
    serving_type: str = ""
    refusal: Refusal | None = None

    @property
    def wanted(self) -> ModelPackage | None:
        """The version that the environment should serve."""
        return desired(self.standing, self.environment.stage)

    @property
    def asks_for_type(self) -> bool:
        """Whether the next move depends on the instance type that serves: one scaled configuration follows another."""
        package, spec, endpoint = self.wanted, self.endpoint_spec, self.endpoint
        if not (package and spec and spec.autoscaling and endpoint and is_scaled(endpoint.config_name)):
            return False
        return not endpoint.is_busy and endpoint.config_name != _target(self, package, spec)


def config_name(package: ModelPackage, spec: EndpointSpec, role_arn: str, captures: Captures | None = None) -> str:
    """Name the endpoint config, and the model, that serve a version as declared.

    The digest covers all that goes into them, so equal names mean equal contents, and creating one twice is harmless.
    The creation time stands in for the version's identity: numbers may be given again after a deletion.
    """
    made_of = [package.arn, package.created_at.astimezone(UTC).isoformat(), _contents(spec), role_arn]
    if spec.data_capture:
        made_of.append(repr(captures))
    digest = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:8]
    digest = f"{digest[:7]}s" if spec.autoscaling else digest
    return rollout_name(package.group, spec.environment, package.version, digest)


_BESIDE = frozenset({"alarms", "rollout"})


def _contents(spec: EndpointSpec) -> str:
    """Spell what is declared and goes into an endpoint config; alarms, and how it is reached, are beside it.

    Defaults are left out: a release of ours that learns a new setting must not roll every endpoint out again.
    """
    declared = ((each.name, getattr(spec, each.name), each.default) for each in fields(spec))
    return repr([(name, value) for name, value, default in declared if name not in _BESIDE and value != default])


def _target(scene: Scene, package: ModelPackage, spec: EndpointSpec) -> str:
    return config_name(package, spec, scene.role_arn, scene.captures)


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
    begun = [change.entry for change in plan.changes if isinstance(change, Record)]
    attempts = [*begun, _rollout_entry(scene, package)]
    decided_at = package.entered.at if package.entered else package.modified_at
    return max([decided_at, *(each.at for each in attempts if each and each.kind is EntryKind.DEPLOYING)])


def _plan(scene: Scene, now: datetime) -> Plan:
    package = scene.wanted
    if package is None:
        return Plan(f"No approved version holds stage {scene.environment.stage}; the endpoint stays as it is.")
    if not is_admitted(package, scene.chain):
        return Plan(f"v{package.version} stands in {scene.environment.stage}, but its entry is not reviewed yet.")
    if scene.endpoint_spec is None:
        return _settle(scene, package, now)
    endpoint = scene.endpoint
    if endpoint and endpoint.is_busy:
        return _await(scene, package, endpoint, now)
    target = _target(scene, package, scene.endpoint_spec)
    if endpoint and endpoint.status == "InService" and endpoint.config_name == target:
        return _settle(scene, package, now)
    return _advance(scene, package, target, now)


def _await(scene: Scene, package: ModelPackage, endpoint: Endpoint, now: datetime) -> Plan:
    """Wait for the endpoint's own next event; an attempt that found it busy with something else has not begun."""
    attempt = _rollout_entry(scene, package)
    if attempt and attempt.kind is EntryKind.DEPLOYING and _is_anothers(scene, attempt, endpoint):
        why = f"{endpoint.name} was {endpoint.status} for something else"
        return Plan(f"{why}; v{package.version} waits its turn.", (Record(_postponed(scene, package, why, now)),))
    return Plan(f"Endpoint {endpoint.name} is {endpoint.status}; its own next event continues.")


def _is_anothers(scene: Scene, attempt: Entry, endpoint: Endpoint) -> bool:
    """Tell whether what changes the endpoint is not this attempt.

    Only where a config is replaced a pending one is told. Without one it may be the autoscaler, or an update of which
    SageMaker tells less; that this attempt was refused is known at the moment of the refusal alone.
    """
    pending = endpoint.pending_config
    return pending != attempt.facts["config"] and (bool(pending) or scene.refusal is Refusal.BUSY)


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
    if not changes:
        return Plan(f"{scene.environment.name} serves v{package.version}, as it should.")
    return Plan(f"{scene.environment.name} is verified to serve v{package.version}.", tuple(changes))


def _scaling(scene: Scene) -> list[Change]:
    """Let the number of instances of an endpoint that serves follow the calls, if that is declared."""
    spec, endpoint = scene.endpoint_spec, scene.endpoint
    if not (spec and spec.autoscaling and endpoint and endpoint.status == "InService"):
        return []
    return [RegisterScaling(endpoint.name, spec.autoscaling)]


def _advance(scene: Scene, package: ModelPackage, target: str, now: datetime) -> Plan:
    attempt = _rollout_entry(scene, package)
    is_open = attempt is not None and attempt.kind is EntryKind.DEPLOYING and attempt.facts.get("config") == target
    is_open = is_open and not (scene.refusal is Refusal.BUSY or _is_overtaken(attempt, scene.endpoint))
    if attempt and attempt.kind is EntryKind.FAILED and attempt.facts.get("config") == target:
        return _give_up(package)
    if attempt and is_open and attempt.facts.get("endpoint_modified") != _modified(scene.endpoint):
        return _failed(scene, package, attempt, now)
    if scene.endpoint and scene.endpoint.status == "Failed":
        again = LookAgain(scene.model, scene.environment.name, delay_s=_RETRY_S)
        return Plan(f"Endpoint {scene.endpoint.name} is Failed.", (DeleteEndpoint(scene.endpoint.name), again))
    return _roll_out(scene, package, target, None if is_open else _deploying(scene, package, target, now))


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
    is_kept = _is_proven(scene, target) and scene.refusal is not Refusal.GONE
    made: list[Change] = [
        CreateModel(target, package.arn, scene.role_arn, spec.network_isolation, spec.vpc),
        CreateEndpointConfig(target, target, spec, scene.captures if spec.data_capture else None),
    ]
    recorded = [Record(entry)] if entry else []
    changes = (*([] if is_kept else made), *recorded, *_move(scene, package, spec, target))
    return Plan(f"{scene.environment.name} shall serve v{package.version}.", changes)


def _is_proven(scene: Scene, config: str) -> bool:
    """Tell whether the environment was seen to serve a config before."""
    name = scene.environment.name
    served = (e.facts.get("config") for e in scene.chain if e.kind is EntryKind.VERIFIED and e.environment == name)
    return config in served


def _move(scene: Scene, package: ModelPackage, spec: EndpointSpec, target: str) -> list[Change]:
    name, endpoint = endpoint_name(scene.model, scene.environment.name), scene.endpoint
    if endpoint is None:
        return [CreateEndpoint(name, target)]
    guard = _guard(scene, package, spec, target)
    if not is_scaled(endpoint.config_name):
        return [UpdateEndpoint(name, target, guard=guard)]
    if spec.autoscaling and spec.instance_type == scene.serving_type:
        return [UpdateEndpoint(name, target, keeps_count=True, guard=guard)]
    return [DeregisterScaling(name), UpdateEndpoint(name, target, guard=guard)]


def _guard(scene: Scene, package: ModelPackage, spec: EndpointSpec, target: str) -> Guard | None:
    """Give how the endpoint moves forward; a way back is no experiment, and its alarms may be in alarm already."""
    rollout = scene.spec.rollout(scene.model, scene.environment.name)
    if rollout is None or _is_proven(scene, target) or _is_way_back(scene, package):
        return None
    name = endpoint_name(scene.model, scene.environment.name)
    return Guard(rollout, tuple(alarm_name(name, symptom) for symptom in spec.rollback_symptoms))


def _is_way_back(scene: Scene, package: ModelPackage) -> bool:
    token = str(package.entered)
    return any(entry.kind is EntryKind.ROLLED_BACK and entry.token == token for entry in scene.chain)


def _failed(scene: Scene, package: ModelPackage, attempt: Entry, now: datetime) -> Plan:
    config = attempt.facts["config"]
    return _fail(scene, package, config, _failure(scene.endpoint, config), now)


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
    reason = f"replaced in {scene.environment.stage} by v{by.version}"
    cycle = LifeCycle(stage, StageStatus.RETIRED.value, reason)
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
    return _fail(scene, package, _target(scene, package, spec), why, now)


def _fail(scene: Scene, package: ModelPackage, config: str, why: str, now: datetime) -> Plan:
    entry = replace(_entry(scene, package, EntryKind.FAILED, why, now), facts={"config": config})
    again = _scaling(scene) if scene.endpoint and is_scaled(scene.endpoint.config_name) else []
    return Plan(why, (*again, Record(entry), *_give_up(package, why).changes))


def _with_status(package: ModelPackage, status: StageStatus, why: str = "") -> UpdateVersion:
    if package.life_cycle is None:
        raise AssertionError("a version of a stage has a life cycle")
    cycle = replace(package.life_cycle, status=status.value)
    cycle = replace(cycle, description=" ".join(why.split())[:1024]) if why else cycle
    return UpdateVersion(package.arn, package.version, life_cycle=cycle, entered=package.entered)


def _rollout_entry(scene: Scene, package: ModelPackage) -> Entry | None:
    """Give the last word of the chain about the rollout of this decision to this environment."""
    token, name = str(package.entered), scene.environment.name
    return next(
        (
            entry
            for entry in reversed(scene.chain)
            if entry.kind in _ROLLOUT_KINDS and entry.environment == name and entry.token == token
        ),
        None,
    )


def _modified(endpoint: Endpoint | None) -> str:
    return endpoint.modified_at.astimezone(UTC).isoformat() if endpoint else ""


def _deploying(scene: Scene, package: ModelPackage, target: str, now: datetime) -> Entry:
    from_config = scene.endpoint.config_name if scene.endpoint else ""
    entry = _entry(
        scene, package, EntryKind.DEPLOYING, f"v{package.version} is wanted in {scene.environment.name}", now
    )
    facts = {"config": target, "from_config": from_config, "endpoint_modified": _modified(scene.endpoint)}
    return replace(entry, facts=facts)


def _postponed(scene: Scene, package: ModelPackage, why: str, now: datetime) -> Entry:
    return _entry(scene, package, EntryKind.POSTPONED, why, now)


def _verified(scene: Scene, package: ModelPackage, now: datetime) -> Entry:
    endpoint = scene.endpoint
    why = f"{endpoint.name} is InService on {endpoint.config_name}" if endpoint else "no endpoint is declared here"
    entry = _entry(scene, package, EntryKind.VERIFIED, why, now)
    facts = {"config": endpoint.config_name} if endpoint else {}
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
