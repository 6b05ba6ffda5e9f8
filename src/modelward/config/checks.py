"""Rules of a declaration that look at more than one of its tables."""

import re
from collections.abc import Iterable, Iterator

from modelward.config.shapes import Place, meant, spell
from modelward.config.spec import (
    AccessSpec,
    AutoscalingSpec,
    EndpointSpec,
    EnvironmentSpec,
    Gate,
    ModelSpec,
    RegistrySpec,
    RolloutSpec,
    Strategy,
)
from modelward.core.names import endpoint_name

# Two resources each; a stack of CloudFormation holds 500.
MOST_OWN_APPROVERS = 200

# How many instances of a hundred a part may have (DeploymentConfig), or how many calls of a hundred a trial.
_PARTS = {
    Strategy.CANARY: (1, 50),
    Strategy.LINEAR: (10, 50),
    Strategy.ROLLING: (5, 50),
    Strategy.SHADOW: (1, 100),
    Strategy.AB: (1, 99),
}
# By key, the strategies that need it, and those that may have it besides.
_GRADUAL = {Strategy.CANARY, Strategy.LINEAR, Strategy.ROLLING}
_NEEDED = {"percent": _PARTS.keys(), "wait_s": _GRADUAL, "trial_s": {Strategy.SHADOW}}
_WELCOME = {
    "slower_by_at_most_percent": {Strategy.SHADOW},
    "termination_wait_s": {Strategy.ALL_AT_ONCE, Strategy.CANARY, Strategy.LINEAR},
    "time_limit_s": {Strategy.ALL_AT_ONCE, *_GRADUAL},
}
_EXCLUDED = "ml.inf1."
_MOST_ALARMS = 10


def check(spec: RegistrySpec, file: str) -> None:
    """Refuse a declaration whose tables contradict each other.

    Raises:
        ConfigError: the first contradiction, in the order of the file.
    """
    top = Place(file)
    _check_case(spec.stages, top.at("registry").at("stages"))
    _check_case(spec.environments, top.at("environments"))
    _check_case(spec.models, top.at("models"))
    for environment in spec.environments.values():
        here = top.at("environments").at(environment.name)
        _check_stage(environment, spec, here.at("stage"))
        if environment.rollout:
            _check_rollout(environment.rollout, here.at("rollout"))
    _check_accounts(spec, top)
    for model in spec.models.values():
        _check_model(model, spec, top.at("models").at(model.name))
    _check_endpoint_names(spec, top.at("models"))
    _check_access(spec, top)


def _check_case(names: Iterable[str], place: Place) -> None:
    """Refuse names that SageMaker's ARNs, which are in lower case, would not keep apart."""
    seen: dict[str, str] = {}
    for name in names:
        twin = seen.setdefault(name.lower(), name)
        if twin != name:
            raise place.refuse(
                found=f"{twin!r} and {name!r}", allowed="names that differ in more than upper and lower case"
            )


def _check_stage(environment: EnvironmentSpec, spec: RegistrySpec, place: Place) -> None:
    served = spec.stages[:-1]
    allowed = f"a stage of registry.stages but the last: {', '.join(served)}"
    if environment.stage == spec.archive_stage:
        raise place.refuse(found=f"{environment.stage!r}, where replaced versions go", allowed=allowed)
    if environment.stage not in served:
        raise place.refuse(found=spell(environment.stage) + meant(environment.stage, served), allowed=allowed)
    first = spec.environment_of(environment.stage)
    if first is not None and first.name != environment.name:
        raise place.refuse(
            found=f"{environment.stage!r}, which environment {first.name!r} serves already",
            allowed="a stage that no other environment serves",
        )


def _check_accounts(spec: RegistrySpec, top: Place) -> None:
    """Keep what must know of each other in one region, and let each account know the registry's."""
    registry = top.at("registry")
    if (spec.account is None) != (spec.region is None):
        missing = "account" if spec.account is None else "region"
        raise registry.at(missing).refuse(found="nothing", allowed="account and region together, or neither")
    for environment in spec.environments.values():
        _check_place(environment, spec, top.at("environments").at(environment.name))
    boundary = spec.access.permissions_boundary or ""
    if spec.foreign and boundary.startswith("arn:") and ":aws:policy/" not in boundary:
        allowed = "the name of a policy that each account has, because IAM takes no boundary of another account"
        raise top.at("access").at("permissions_boundary").refuse(found=spell(boundary), allowed=allowed)


def _check_place(environment: EnvironmentSpec, spec: RegistrySpec, place: Place) -> None:
    if environment.account is not None and spec.account is None:
        allowed = "[registry] account and region too, because the two accounts must name each other"
        raise place.at("account").refuse(found=spell(environment.account), allowed=allowed)
    if environment.region is not None and environment.region != spec.region:
        # CreateModel takes a package and an artifact of its own region only.
        allowed = f"{spec.region!r}, the registry's: SageMaker serves versions in the region in which they are"
        if spec.region is None:
            allowed = "[registry] account and region too; it must be the same region"
        raise place.at("region").refuse(found=spell(environment.region), allowed=allowed)
    taken = re.fullmatch("registry|workflow|access|groups-[0-9]+", environment.name)
    if environment in spec.foreign and taken:
        raise place.refuse(
            found=f"an environment {environment.name!r} with an account of its own",
            allowed=f"another name: its stack would be {spec.name}-{environment.name}, which there is already",
        )


def _check_model(model: ModelSpec, spec: RegistrySpec, place: Place) -> None:
    for gate in model.gates.values():
        _check_band(gate, place.at("gates").at(gate.metric))
    for name, endpoint in model.endpoints.items():
        here = place.at("endpoints").at(name)
        _check_is_declared(name, spec, here)
        if endpoint.autoscaling:
            _check_limits(endpoint.autoscaling, here.at("autoscaling"))
        if endpoint.rollout:
            _check_rollout(endpoint.rollout, here.at("rollout"))
        _check_can_move(endpoint, spec.rollout(model.name, name), here)
        _check_silence(endpoint, here.at("alarms").at("silent_for_minutes"))
        _check_alarms(endpoint, here.at("roll_back_on"))


def _check_is_declared(environment: str, spec: RegistrySpec, place: Place) -> None:
    if environment not in spec.environments:
        raise place.refuse(
            found=f"no environment of that name{meant(environment, spec.environments.keys())}",
            allowed=", ".join(spec.environments) or "nothing, until [environments.<name>] declares one",
        )


def _check_band(gate: Gate, place: Place) -> None:
    if gate.at_least is not None and gate.at_most is not None and gate.at_least > gate.at_most:
        raise place.refuse(
            found=f"at_least {gate.at_least:g} and at_most {gate.at_most:g}, which no value meets",
            allowed="at_least no greater than at_most",
        )


def _check_limits(scaling: AutoscalingSpec, place: Place) -> None:
    if scaling.min > scaling.max:
        raise place.refuse(found=f"min {scaling.min} and max {scaling.max}", allowed="min no greater than max")


def _check_rollout(rollout: RolloutSpec, place: Place) -> None:
    """Refuse what SageMaker refuses of a DeploymentConfig, and what it would take and not do."""
    kind = rollout.strategy
    for key, having in (*_NEEDED.items(), *_WELCOME.items()):
        value = getattr(rollout, key)
        if value is not None and kind not in having:
            allowed = f"nothing: it is for {', '.join(sorted(having))}"
            raise place.at(key).refuse(found=f"{value} beside strategy {kind.value!r}", allowed=allowed)
        if value is None and kind in _NEEDED.get(key, ()):
            raise place.at(key).refuse(found="nothing", allowed=f"a number, which strategy {kind.value!r} needs")
    low, high = _PARTS.get(kind, (0, 0))
    if not low <= (rollout.percent or 0) <= high:
        raise place.at("percent").refuse(found=spell(rollout.percent), allowed=f"{low} to {high}")
    if rollout.time_limit_s is not None and rollout.time_limit_s <= rollout.waits_s:
        allowed = f"more than the {rollout.waits_s} s that it waits, by as much as instances need to start"
        raise place.at("time_limit_s").refuse(found=spell(rollout.time_limit_s), allowed=allowed)


def _check_can_move(endpoint: EndpointSpec, rollout: RolloutSpec | None, place: Place) -> None:
    """Refuse what SageMaker silently does all at once, without a bake (Deployment guardrails, "Exclusions")."""
    if rollout is None:
        return
    why, step = None, ""
    if rollout.strategy.is_gradual:
        why = _why_not_gradual(endpoint)
        step = "two instances or more, and alarms with errors_5xx_at_most or latency_p90_ms_at_most, or roll_back_on"
    elif rollout.strategy.is_trial:
        why = _why_no_trial(endpoint)
        step = "instance_type and instance_count"
    if why:
        found = f"{why}, beside strategy {rollout.strategy.value!r}"
        raise place.refuse(found=found, allowed=f"{step}; or rollout = {{}} here")


def _why_not_gradual(endpoint: EndpointSpec) -> str | None:
    if endpoint.serverless:
        return "a serverless endpoint, which has no instances to move"
    if endpoint.initial_count < 2:
        return "one instance, of which there is no part"
    if (endpoint.instance_type or "").startswith(_EXCLUDED):
        return f"{endpoint.instance_type}, which SageMaker moves all at once"
    if not endpoint.is_watched:
        return "no alarms on errors or latency, so nothing would ever end it early"
    return None


def _why_no_trial(endpoint: EndpointSpec) -> str | None:
    if endpoint.serverless:
        return "a serverless endpoint, which has one variant only"
    if endpoint.asynchronous:
        return "an asynchronous endpoint, whose calls wait in one queue"
    if endpoint.autoscaling:
        return "autoscaling, which would scale two versions apart"
    return None


def _check_silence(endpoint: EndpointSpec, place: Place) -> None:
    """Refuse to wait for calls that nobody counts.

    Source: "Alarms and logs for tracking metrics from asynchronous endpoints" of the SageMaker developer guide.
    """
    if endpoint.asynchronous and endpoint.alarms and endpoint.alarms.silent_for_minutes is not None:
        allowed = "nothing beside asynchronous: SageMaker publishes no Invocations for such endpoints"
        raise place.refuse(found=spell(endpoint.alarms.silent_for_minutes), allowed=allowed)


def _check_alarms(endpoint: EndpointSpec, place: Place) -> None:
    """Refuse more alarms than a deployment takes (`AutoRollbackConfig`), those of the endpoint itself included."""
    own, named = len(endpoint.rollback_symptoms), len(endpoint.roll_back_on)
    if own + named > _MOST_ALARMS:
        found = f"{named} alarms beside {own} on errors and latency"
        raise place.refuse(found=found, allowed=f"at most {_MOST_ALARMS} in all, which is what SageMaker watches")


def _check_endpoint_names(spec: RegistrySpec, place: Place) -> None:
    seen: dict[str, str] = {}
    for name, owner in _endpoint_names(spec, place):
        twin = seen.setdefault(name.lower(), owner.key)
        if twin != owner.key:
            raise owner.refuse(
                found=f"the endpoint name {name!r}, which {twin} has too",
                allowed="model and environment names that stay apart when joined by a hyphen, case aside",
            )


def _endpoint_names(spec: RegistrySpec, place: Place) -> Iterator[tuple[str, Place]]:
    for model in spec.models.values():
        for environment in model.endpoints:
            yield endpoint_name(model.name, environment), place.at(model.name).at("endpoints").at(environment)


def _check_access(spec: RegistrySpec, top: Place) -> None:
    """Keep those who register apart from those who approve, and roles within what IAM can say."""
    place, own = top.at("access"), _own_approvers(spec, top)
    _check_duties(spec.access, [(place.at("approvers"), spec.access.approvers), *own], place.at("contributors"))
    if spec.access.validators and not spec.trial_stages:
        allowed = "none: registry.stages has no stage between the first and the last two"
        raise place.at("validators").refuse(found=spell(spec.access.validators[0]), allowed=allowed)
    if len(own) > MOST_OWN_APPROVERS:
        found = f"{len(own)} models with approvers of their own"
        allowed = f"at most {MOST_OWN_APPROVERS}: each takes an IAM role, and an account has 1,000"
        raise top.at("models").refuse(found=found, allowed=allowed)


def _own_approvers(spec: RegistrySpec, top: Place) -> list[tuple[Place, tuple[str, ...]]]:
    models = top.at("models")
    return [
        (models.at(model.name).at("access").at("approvers"), model.access.approvers)
        for model in spec.models.values()
        if model.access
    ]


def _check_duties(access: AccessSpec, approvers: Iterable[tuple[Place, tuple[str, ...]]], contributors: Place) -> None:
    for place, principals in approvers:
        for number, principal in enumerate(principals):
            if principal in access.contributors:
                found = f"{spell(principal)}, which {contributors.key} has too"
                raise place.nth(number).refuse(found=found, allowed="others than those who register")
