"""Asking for a rollout, and waiting until it is verified.

Nobody but the reconciler touches endpoints, so that there is one writer: the SDK sends it a message and watches.
"""

from collections.abc import Callable
from datetime import timedelta

from modelward.core.endpoint import Endpoint
from modelward.core.errors import NotFoundError, RolloutError
from modelward.core.ledger import EntryKind
from modelward.core.model_package import ModelPackage, StageStatus
from modelward.core.names import endpoint_name, is_trial
from modelward.planning.changes import AskReconciler, Plan
from modelward.planning.scene import config_name
from modelward.planning.standing import decided_at
from modelward.services import reading
from modelward.services.context import Context
from modelward.services.execution import apply
from modelward.services.reconcile import answers, captures, plan_reconcile

_POLL_S = 2.0
_FRESH = timedelta(seconds=30)

Watch = Callable[[float, str], None]
"""Called with the seconds waited so far and what is being waited for."""


def plan_deployment(context: Context, model: str, environment_name: str) -> Plan:
    """Plan what the reconciler would do for an environment now.

    Raises:
        NotFoundError: the model or environment is not declared, or no version wants to be there.
    """
    context.model(model)
    environment = reading.environment(context, environment_name)
    wanted_in(context, model, environment.stage)
    return plan_reconcile(context, model, environment_name, is_review_allowed=False)


def ask(context: Context, model: str, environment_name: str) -> ModelPackage:
    """Ask the reconciler to look at an environment, and return the version that shall be served.

    Raises:
        NotFoundError: the model or environment is not declared, or no version wants to be there.
    """
    context.model(model)
    environment = reading.environment(context, environment_name)
    package = wanted_in(context, model, environment.stage)
    request = AskReconciler(model, environment_name, package.version)
    apply(context, Plan(f"Ask for {model} in {environment_name}.", (request,)))
    return package


def wait(
    context: Context, package: ModelPackage, environment_name: str, timeout_s: float, watch: Watch | None = None
) -> ModelPackage:
    """Wait until an environment is verified to serve a version, or its trial there has begun.

    Args:
        context: Gateways and clock.
        package: The version that shall be served.
        environment_name: Where.
        timeout_s: How long, in seconds.
        watch: Told at each look.

    Returns:
        The version as it is then.

    Raises:
        RolloutError: its rollout failed, another decision overtook it, or the time is up.
    """
    spec = context.model(package.group).endpoints.get(environment_name)
    name = endpoint_name(package.group, environment_name)
    endpoints = context.endpoints(package.group, environment_name)
    role_arn = context.execution_role_arn(package.group, environment_name)
    to = answers(context, package.group, environment_name)
    began = context.clock()
    while (waited := context.clock() - began) <= timedelta(seconds=timeout_s):
        now = context.sagemaker.describe_model_package(package.arn)
        endpoint = endpoints.describe_endpoint(name) if spec else None
        target = config_name(now, spec, role_arn, captures(context), to) if spec else ""
        if _is_reached(now, endpoint, target):
            return now
        _check_failed(now, package, name)
        if spec and not (endpoint and endpoint.is_busy):
            _check_recorded(context, now, environment_name, target, is_fresh=waited < _FRESH)
        if watch:
            watch(waited.total_seconds(), _state(now, endpoint, name))
        context.sleep(_POLL_S)
    step = f"It goes on by itself; see `modelward history {package.group}`, or wait again with `modelward deploy`."
    raise RolloutError(name, what=f"v{package.version} is not verified after {timeout_s:g} s", next_step=step)


def _is_reached(now: ModelPackage, endpoint: Endpoint | None, target: str) -> bool:
    is_serving = not target or (endpoint is not None and endpoint.status == "InService")
    if is_serving and endpoint and is_trial(endpoint.config_name):
        return now.stage_status == StageStatus.IN_PROGRESS  # the trial runs; how it ends is told by itself
    return is_serving and now.stage_status == StageStatus.APPROVED and (not endpoint or endpoint.config_name == target)


def _check_failed(now: ModelPackage, asked: ModelPackage, name: str) -> None:
    why = now.life_cycle.description if now.life_cycle else ""
    if now.stage_status == StageStatus.REJECTED:
        step = f"Read `modelward history {now.group}`, mend the cause, and promote again."
        raise RolloutError(name, what=f"v{now.version} is not served: {why}", next_step=step)
    if now.stage != asked.stage or not now.is_approved:
        step = f"See `modelward history {now.group}`."
        raise RolloutError(
            name, what=f"another decision took v{now.version} out of {asked.stage}: {why}", next_step=step
        )


def _check_recorded(context: Context, now: ModelPackage, environment_name: str, target: str, *, is_fresh: bool) -> None:
    """Look for a failure that leaves no mark on the version: it serves, and its new configuration was refused.

    Or it waits for a quota; a look that was just asked for may find that there is room now.
    """
    told = [e for e in context.ledger.chain(now.group, now.version) if e.environment == environment_name]
    last = told[-1] if told else None
    if last and last.kind is EntryKind.WAITING and not is_fresh:
        step = "Ask for the quota in Service Quotas; the rollout goes on by itself then."
        name = endpoint_name(now.group, environment_name)
        raise RolloutError(name, what=f"v{now.version} waits for a quota: {last.why}", next_step=step)
    if last and last.kind is EntryKind.FAILED and last.facts.get("config") == target:
        step = f"Change [models.{now.group}.endpoints.{environment_name}] in registry.toml and deploy the stacks again."
        what = f"v{now.version} serves on as it did; as declared now it cannot: {last.why}"
        raise RolloutError(endpoint_name(now.group, environment_name), what=what, next_step=step)


def _state(now: ModelPackage, endpoint: Endpoint | None, name: str) -> str:
    return f"{name}: {endpoint.status if endpoint else 'not there yet'}, v{now.version} {now.stage_status}"


def wanted_in(context: Context, model: str, stage: str) -> ModelPackage:
    """Find the version that a stage wants served, reviewed or not; the newest decision counts.

    It asks the list and not the index: right after a decision is when people deploy, and the index may not know it.

    Raises:
        NotFoundError: no approved version stands in the stage.
    """
    open_states = (StageStatus.IN_PROGRESS, StageStatus.APPROVED)
    standing = [p for p in reading.standing_now(context, model, stage) if p.stage == stage]
    found = max((p for p in standing if p.is_approved and p.stage_status in open_states), key=decided_at, default=None)
    if found is None:
        step = f"Promote one: `modelward promote {model} VERSION {stage} --reason …`."
        raise NotFoundError(f"approved version of {model} in stage", stage, next_step=step)
    return found
