"""Commands about what environments serve: deploy, rollback, ab share and finish, tidy."""

from typing import TYPE_CHECKING

from modelward.cli import exits
from modelward.cli.changing import show_findings, show_outcome, show_plan, show_plans
from modelward.cli.context import Context

if TYPE_CHECKING:
    from modelward.services.registry import Model


def deploy(
    context: Context, *, model: str, environment: str, no_wait: bool, timeout: float, plan: bool, json: bool
) -> int:
    """Make an environment serve the version of its stage."""
    line = context.model(model)
    if plan:
        return _plan(context, line, environment, json=json)
    with context.terminal.waiting(f"deploying {model} to {environment}") as tell:
        version = line.deploy(environment, wait=not no_wait, timeout_s=timeout, progress=tell)
    show_outcome(context.terminal, version, json=json, next_step=f"modelward history {model}")
    return exits.DONE


def _plan(context: Context, line: "Model", environment: str, *, json: bool) -> int:
    """Print what would be done, and what it needs."""
    plan = line.plan_deploy(environment)
    found = line.preflight(environment, plan)
    if json:
        context.terminal.json({**plan.to_json(), "findings": [finding.to_json() for finding in found]})
    else:
        show_plan(context.terminal, plan, json=False)
        show_findings(context.terminal, found, purpose="a rollout")
    return exits.BLOCKED if any(finding.is_blocking for finding in found) else exits.DONE


def rollback(
    context: Context, *, model: str, environment: str, reason: str, to: int | None, plan: bool, json: bool
) -> None:
    """Bring back the version that an environment served before."""
    line = context.model(model)
    if plan:
        show_plan(context.terminal, line.plan_roll_back(environment, reason=reason, to=to), json=json)
        return
    version = line.roll_back(environment, reason=reason, to=to)
    step = f"modelward deploy {model} {environment}, which waits until the rollout is verified"
    show_outcome(context.terminal, version, json=json, next_step=step)


def share(context: Context, *, model: str, environment: str, percent: int, reason: str, plan: bool, json: bool) -> None:
    """Shift calls to or from the version that is tried."""
    line = context.model(model)
    if plan:
        show_plan(context.terminal, line.plan_share(environment, percent, reason=reason), json=json)
        return
    version = line.share(environment, percent, reason=reason)
    show_outcome(context.terminal, version, json=json, next_step=f"modelward status {model}")


def finish(
    context: Context, *, model: str, environment: str, version: int, reason: str, plan: bool, json: bool
) -> None:
    """Let one version of a trial take all calls."""
    line = context.model(model)
    if plan:
        show_plan(context.terminal, line.plan_finish(environment, version, reason=reason), json=json)
        return
    winner = line.finish(environment, version, reason=reason)
    step = f"modelward deploy {model} {environment}, which waits until the rollout is verified"
    show_outcome(context.terminal, winner, json=json, next_step=step)


def tidy(context: Context, *, models: list[str], plan: bool, json: bool) -> None:
    """Delete what former rollouts have left behind."""
    registry = context.connect()
    plans = registry.plan_tidy(models) if plan else registry.tidy(models)
    show_plans(context.terminal, plans, is_done=not plan, json=json)
