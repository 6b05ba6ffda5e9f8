"""Commands that decide: approve, reject, promote."""

from pathlib import Path
from typing import TYPE_CHECKING

from modelward.cli.changing import show_outcome, show_plan
from modelward.cli.context import Context
from modelward.core.errors import InputError
from modelward.core.model_package import StageStatus

if TYPE_CHECKING:
    from modelward.services.registry import Version


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


def promote(  # noqa: PLR0913  # a command's parameters are its arguments
    context: Context, *, model: str, version: int, stage: str, reason: str, from_tag: str, plan: bool, json: bool
) -> None:
    """Put a version into a stage."""
    found, stage, reason = _meant(context, model, version, stage, reason, from_tag)
    if plan:
        show_plan(context.terminal, found.plan_promote(stage, reason=reason), json=json)
        return
    promoted = found.promote(stage, reason=reason)
    is_rolling = promoted.stage_status == StageStatus.IN_PROGRESS
    step = f"modelward history {found.package.group}, which tells when the rollout is verified" if is_rolling else ""
    show_outcome(context.terminal, promoted, json=json, next_step=step)


def _meant(
    context: Context, model: str, version: int, stage: str, reason: str, from_tag: str
) -> tuple["Version", str, str]:
    """Find what shall be promoted, as it was named or as a git tag names it."""
    rule = "it takes MODEL VERSION STAGE --reason WHY, or --from-tag TAG"
    if not from_tag:
        if not (model and version and stage and reason):
            raise InputError("modelward promote", found="too little is given", rule=rule)
        return context.model(model).version(version), stage, reason
    if model:
        raise InputError("--from-tag", found=f"also {model!r}", rule=rule)
    from modelward.interop.tags import promotion

    meant = promotion(context.connect(), Path.cwd(), from_tag)
    return meant.version, meant.stage, reason or meant.reason
