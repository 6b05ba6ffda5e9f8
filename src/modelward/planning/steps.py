"""The changes that bring an endpoint from one config to another."""

from dataclasses import replace

from modelward.config.spec import EndpointSpec
from modelward.core.endpoint import Endpoint, alarm_name
from modelward.core.ledger import Entry
from modelward.core.model_package import Entered, LifeCycle, ModelPackage, StageStatus
from modelward.core.names import endpoint_name, is_scaled, version_in
from modelward.planning.changes import (
    Challenger,
    Change,
    CreateEndpoint,
    CreateEndpointConfig,
    CreateModel,
    DeregisterScaling,
    Guard,
    Plan,
    Record,
    RegisterScaling,
    UpdateEndpoint,
    UpdateVersion,
)
from modelward.planning.drift import ALARM
from modelward.planning.scene import Refusal, Scene, has_passed_smoke, is_proven, is_waiting, is_way_back, target_of
from modelward.planning.trial import Trial


def roll_out(scene: Scene, package: ModelPackage, target: str, entry: Entry | None) -> Plan:
    """Plan to bring the endpoint to the config of a version."""
    spec = scene.endpoint_spec
    if spec is None:
        raise AssertionError("a rollout needs a declared endpoint")
    is_gone = scene.refusal is Refusal.GONE
    is_kept = is_proven(scene, target) and not is_gone
    made: list[Change] = [
        CreateModel(target, package.arn, scene.role_arn, spec.network_isolation, spec.vpc),
        _config(scene, spec, target),
    ]
    recorded = [Record(entry)] if entry else []
    # Where a quota was in the way it may be still: to begin first keeps the history free of each hour's try.
    move = moves_to(scene, package, spec, target)
    begin = (*move, *recorded) if is_waiting(scene, package, target) else (*recorded, *move)
    changes = (*(_restored(scene, spec) if is_gone else ()), *([] if is_kept else made), *begin)
    then = "; its smoke test decides when it does" if package.smoke and not has_passed_smoke(scene, target) else ""
    return Plan(f"{scene.environment.name} shall serve v{package.version}{then}.", changes)


def begin_trial(scene: Scene, package: ModelPackage, target: str, trial: Trial, entry: Entry | None) -> Plan:
    """Plan to bring the endpoint to a config with both versions of a trial."""
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


def _restored(scene: Scene, spec: EndpointSpec) -> tuple[Change, ...]:
    """Make the config in use anew, if it can be told what it was: SageMaker updates no endpoint without it."""
    serving = scene.endpoint.config_name if scene.endpoint else ""
    live = next((each for each in scene.standing if target_of(scene, each, spec) == serving), None)
    if live is None:
        return ()
    model = CreateModel(serving, live.arn, scene.role_arn, spec.network_isolation, spec.vpc)
    return (model, _config(scene, spec, serving))


def _config(scene: Scene, spec: EndpointSpec, target: str) -> CreateEndpointConfig:
    captures = scene.captures if spec.data_capture else None
    answers = scene.answers if spec.asynchronous else None
    return CreateEndpointConfig(target, target, spec, captures, answers=answers)


def unfit(spec: EndpointSpec, endpoint: Endpoint | None) -> str:
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


def moves_to(scene: Scene, package: ModelPackage, spec: EndpointSpec, target: str) -> list[Change]:
    """Give the changes that move the endpoint to a config, its scaling let be where AWS wants that."""
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
    if rollout is None or rollout.strategy.is_trial or is_proven(scene, target) or is_way_back(scene, package):
        return None
    name = endpoint_name(scene.model, scene.environment.name)
    own = tuple(alarm_name(name, symptom) for symptom in spec.rollback_symptoms)
    return Guard(rollout, (*own, *spec.roll_back_on))


def scaling(scene: Scene) -> list[Change]:
    """Let the number of instances of an endpoint that serves follow the calls, if that is declared."""
    spec, endpoint = scene.endpoint_spec, scene.endpoint
    if not (spec and spec.autoscaling and endpoint and endpoint.status == "InService"):
        return []
    return [RegisterScaling(endpoint.name, spec.autoscaling)]


def with_status(package: ModelPackage, status: StageStatus, why: str = "") -> UpdateVersion:
    """Give a version another status in its stage."""
    if package.life_cycle is None:
        raise AssertionError("a version of a stage has a life cycle")
    cycle = replace(package.life_cycle, status=status.value)
    cycle = replace(cycle, description=" ".join(why.split())[:1024]) if why else cycle
    return UpdateVersion(package.arn, package.version, life_cycle=cycle, entered=package.entered)


def archive(scene: Scene, other: ModelPackage, by: ModelPackage) -> UpdateVersion:
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
