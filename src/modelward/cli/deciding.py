"""Commands that decide: approve, reject, promote."""

from modelward.cli.changing import show_outcome, show_plan
from modelward.cli.context import Context
from modelward.core.model_package import StageStatus


def approve(context: Context, *, model: str, version: int, reason: str, plan: bool, json: bool) -> None:
    """Approve a version."""
    found = context.model(model).version(version)
    if plan:
        show_plan(context.terminal, found.plan_approve(reason=reason), json=json)
        return
    step = f"modelward history {model}"
    show_outcome(context.terminal, found.approve(reason=reason), json=json, next_step=step)


def reject(context: Context, *, model: str, version: int, reason: str, plan: bool, json: bool) -> None:
    """Reject a version."""
    found = context.model(model).version(version)
    if plan:
        show_plan(context.terminal, found.plan_reject(reason=reason), json=json)
        return
    show_outcome(context.terminal, found.reject(reason=reason), json=json)


def promote(context: Context, *, model: str, version: int, stage: str, reason: str, plan: bool, json: bool) -> None:
    """Put a version into a stage."""
    found = context.model(model).version(version)
    if plan:
        show_plan(context.terminal, found.plan_promote(stage, reason=reason), json=json)
        return
    promoted = found.promote(stage, reason=reason)
    is_rolling = promoted.stage_status == StageStatus.IN_PROGRESS
    step = f"modelward history {model}, which tells when the rollout is verified" if is_rolling else ""
    show_outcome(context.terminal, promoted, json=json, next_step=step)
