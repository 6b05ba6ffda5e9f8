"""Decisions about a version: approve, reject, promote, roll back.

Each is one UpdateModelPackage. The first three need at most two reads; a way back is looked for in list and ledger.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from modelward.config.spec import Strategy
from modelward.core.arn import VersionArn
from modelward.core.errors import InputError, NotFoundError, PolicyError
from modelward.core.gates import Verdict
from modelward.core.model_package import METRIC_KEY, ApprovalStatus, Entered, LifeCycle, ModelPackage, StageStatus
from modelward.planning.changes import AskReconciler, Plan, UpdateVersion
from modelward.planning.drift import ALARM
from modelward.planning.gates import judge
from modelward.planning.review import REFUSAL, approval_environment, entered_by_approval
from modelward.planning.standing import (
    decided_after,
    decided_at,
    desired,
    holder,
    is_eligible,
    live,
    served_from,
)
from modelward.services import reading
from modelward.services.context import Context

REASON_LIMIT = 1024


def checked_reason(reason: str) -> str:
    """Give a reason that SageMaker takes: not blank, on one line, at most 1,024 characters.

    Raises:
        InputError: it is none of that. (`ApprovalDescription` and `StageDescription` match `.*`, so no line breaks.)
    """
    text = reason.strip()
    if not text:
        raise InputError("reason", found="nothing", rule="every decision needs a reason", next_step="Say why.")
    if len(text) > REASON_LIMIT:
        raise InputError("reason", found=f"{len(text)} characters", rule=f"SageMaker keeps at most {REASON_LIMIT}")
    broken = next((char for char in text if not char.isprintable()), None)
    if broken is not None:
        raise InputError("reason", found=f"the character {broken!r}", rule="SageMaker keeps one line of printable text")
    reserved = next((word for word in (REFUSAL, ALARM) if text.startswith(word)), None)
    if reserved:
        rule = "with this word the registry itself begins its own reasons"
        raise InputError("reason", found=repr(reserved), rule=rule)
    return text


def plan_approval(context: Context, arn: str, reason: str) -> tuple[ModelPackage, Plan]:
    """Plan to approve a version.

    Args:
        context: Gateways.
        arn: The version.
        reason: Why, on one line.

    Returns:
        The version as it is, and the plan; an empty plan if it is approved for this very reason already.

    Raises:
        InputError: the reason is blank or not one line.
        NotFoundError: there is no such version.
        PolicyError: a gate does not hold, or the version is not finished; the error lists each gate.
    """
    reason = checked_reason(reason)
    package = context.sagemaker.describe_model_package(arn)
    if package.is_approved and package.approval_description == reason:
        return package, Plan(f"v{package.version} is approved for this reason already.")
    if not package.is_usable:
        raise PolicyError(
            f"v{package.version} of {package.group}",
            rule=f"is {package.status}, and only a Completed version can be approved",
            next_step="Wait until SageMaker has finished it, or register it anew.",
        )
    environment = approval_environment(context.spec)
    standing = _standing(context, package, environment.stage) if environment else []
    _check_gates(context, package, environment.stage if environment else None, standing, "approval")
    change = UpdateVersion(arn, package.version, approval=ApprovalStatus.APPROVED, reason=reason)
    entering = entered_by_approval(context.spec, package)
    if entering is not None:
        # In the same call, and not left to the review of this approval: it would come after a promotion that follows
        # at once, and move the version back.
        moved = _decision(context, package, entering.stage, f"approved: {reason}", standing)
        change = replace(moved, approval=ApprovalStatus.APPROVED, reason=reason)
    return package, Plan(f"Approve v{package.version} of {package.group}.", (change,))


def _decision(
    context: Context, package: ModelPackage, stage: str, reason: str, standing: Sequence[ModelPackage]
) -> UpdateVersion:
    """Put a version into a stage because a person says so: later than all that is overridden, whatever the clock."""
    at = decided_after(max(context.clock(), package.modified_at + timedelta(microseconds=1)), (package, *standing))
    cycle = LifeCycle(stage, context.spec.status_on_entry(stage).value, reason[:REASON_LIMIT])
    return UpdateVersion(package.arn, package.version, life_cycle=cycle, entered=Entered(stage, at), is_decision=True)


def _standing(context: Context, package: ModelPackage, stage: str) -> list[ModelPackage]:
    return reading.standing(context, package.group, *served_from(context.spec, stage))


def plan_rejection(context: Context, arn: str, reason: str) -> tuple[ModelPackage, Plan]:
    """Plan to reject a version; if it serves, the one verified before it comes back.

    Args:
        context: Gateways.
        arn: The version.
        reason: Why, on one line.

    Returns:
        The version as it is, and the plan; an empty plan if it is rejected for this very reason already.

    Raises:
        InputError: the reason is blank or not one line.
        NotFoundError: there is no such version.
    """
    reason = checked_reason(reason)
    package = context.sagemaker.describe_model_package(arn)
    if package.approval_status is ApprovalStatus.REJECTED and package.approval_description == reason:
        return package, Plan(f"v{package.version} is rejected for this reason already.")
    change = UpdateVersion(arn, package.version, approval=ApprovalStatus.REJECTED, reason=reason)
    return package, Plan(f"Reject v{package.version} of {package.group}.", (change,))


def plan_promotion(context: Context, arn: str, stage: str, reason: str) -> tuple[ModelPackage, Plan]:
    """Plan to put a version into a stage.

    Args:
        context: Gateways.
        arn: The version.
        stage: A declared stage. One that an environment serves takes only approved versions whose gates hold.
        reason: Why, on one line.

    Returns:
        The version as it is, and the plan; an empty plan if it stands there already and has not failed.

    Raises:
        InputError: the reason is blank or not one line.
        NotFoundError: there is no such version or stage.
        PolicyError: the rules refuse it; the error lists each gate with its figure.
    """
    reason = checked_reason(reason)
    reading.check_stage(context, stage)
    package = context.sagemaker.describe_model_package(arn)
    is_served = context.spec.environment_of(stage) is not None
    standing = _standing(context, package, stage) if is_served else [package]
    if _is_there(package, stage, standing):
        return package, Plan(f"v{package.version} stands in {stage} already ({package.stage_status}).")
    _check_leaving(context, package, stage)
    why = f"Promote v{package.version} of {package.group} to {stage}."
    if not is_served:
        return package, Plan(why, (_decision(context, package, stage, reason, ()),))
    _check_approved(package, stage)
    _check_gates(context, package, stage, standing, f"promotion to {stage}")
    return package, Plan(why, (_decision(context, package, stage, reason, standing),))


def _is_there(package: ModelPackage, stage: str, standing: Sequence[ModelPackage]) -> bool:
    """Tell whether a version stands in a stage by the latest decision, and has not failed there."""
    if package.stage != stage or package.entered is None or package.stage_status == StageStatus.REJECTED:
        return False
    rivals = [
        each for each in standing if each.version != package.version and each.stage == stage and is_eligible(each)
    ]
    return max([package, *rivals], key=decided_at) is package


def _check_leaving(context: Context, package: ModelPackage, stage: str) -> None:
    if package.stage == stage:
        return
    environment = context.spec.environment_of(package.stage) if package.stage else None
    is_serving = environment is not None and package.stage_status == StageStatus.APPROVED
    if environment and is_serving and environment.stage == reading.last_stage(context):
        raise PolicyError(
            f"v{package.version} of {package.group}",
            rule=f"serves {environment.name} and cannot just leave its stage {environment.stage}",
            next_step=f"Promote another version, or `modelward rollback {package.group} {environment.name}`.",
        )


def _check_approved(package: ModelPackage, stage: str) -> None:
    if not package.is_approved:
        raise PolicyError(
            f"promotion to {stage} of v{package.version} of {package.group}",
            rule=f"an environment serves this stage, so the version must be Approved; it is {package.approval_status}",
            next_step=f"`modelward approve {package.group} {package.version} --reason …` first.",
        )


def _check_gates(
    context: Context, package: ModelPackage, stage: str | None, standing: Sequence[ModelPackage], what: str
) -> None:
    rival = live(standing, served_from(context.spec, stage)) if stage else None
    verdicts = judge(context.model(package.group), package, rival)
    if not all(verdict.is_held for verdict in verdicts):
        raise PolicyError(
            f"{what} of v{package.version} of {package.group}",
            rule="its gates do not hold",
            details=[verdict.text for verdict in verdicts],
            next_step=_better(package, verdicts),
        )


def _better(package: ModelPackage, verdicts: Sequence[Verdict]) -> str:
    """Say what helps: a better version, or the figure itself on a version that others registered without it."""
    missing = next((verdict.metric for verdict in verdicts if verdict.value is None), None)
    if missing is None or package.sha256:
        return "Register a better version, or change the gates in registry.toml and deploy."
    pair = f"{METRIC_KEY}{missing}=NUMBER"
    return (
        "It was registered without Modelward; if the figure is known, add it: `aws sagemaker update-model-package "
        f"--model-package-arn {package.arn} --customer-metadata-properties '{pair}'`."
    )


def plan_roll_back(
    context: Context, model: str, environment_name: str, reason: str, to: int | None = None
) -> tuple[ModelPackage, Plan]:
    """Plan to bring an environment back to a version that it was seen to serve.

    Args:
        context: Gateways.
        model: A declared model.
        environment_name: A declared environment.
        reason: Why, on one line.
        to: The version; the one verified before the present one when None.

    Returns:
        The version to go back to, and the plan.

    Raises:
        InputError: the reason is blank or not one line.
        NotFoundError: no such model, environment or version; or none was verified there before.
        PolicyError: the version is not approved, or was never verified there.
    """
    reason = checked_reason(reason)
    context.model(model)
    environment = reading.environment(context, environment_name)
    # The list and not the index: right after a release is when people roll back, and the index may not know it yet.
    standing = reading.standing_now(context, model, environment.stage)
    wanted = desired(standing, environment.stage)
    package = (
        _named(context, model, environment_name, to)
        if to is not None
        else heir(context, model, environment_name, but=wanted.version if wanted else None)
    )
    if package is None:
        step = f"Promote another version: `modelward promote {model} VERSION {environment.stage} --reason …`."
        raise NotFoundError(f"approved version that {environment_name} served before", model, next_step=step)
    _check_approved(package, environment.stage)
    if wanted and package.version == wanted.version:
        return package, Plan(f"{environment_name} serves v{package.version} already, or will when its rollout ends.")
    change = _decision(context, package, environment.stage, reason, standing)
    # The review would ask for it too: who goes back shall not wait for the event that wakes it, nor depend on that.
    asked = AskReconciler(model, environment_name, package.version)
    return package, Plan(f"Roll {model} back to v{package.version} in {environment_name}.", (change, asked))


def plan_share(
    context: Context, model: str, environment_name: str, percent: int, reason: str
) -> tuple[ModelPackage, Plan]:
    """Plan to give the version that is tried in an environment another share of the calls.

    Args:
        context: Gateways.
        model: A declared model.
        environment_name: A declared environment whose rollout is an ab trial.
        percent: How many calls of a hundred it shall take, 1 to 99; with 100 it takes over, and the trial is finished.
        reason: Why, on one line.

    Returns:
        The version that is tried, and the plan: the decision, and the request for it to be carried out.

    Raises:
        InputError: the reason is blank or not one line, or the share is out of range.
        NotFoundError: no such model or environment.
        PolicyError: no version is tried there.
    """
    reason = checked_reason(reason)
    if not 1 <= percent <= 100:
        raise InputError("percent", found=str(percent), rule="a share is 1 to 99; 100 finishes the trial")
    package = _tried(context, model, environment_name)
    cycle = LifeCycle(package.stage or "", package.stage_status or "", reason)
    change = UpdateVersion(package.arn, package.version, life_cycle=cycle, entered=package.entered, share=percent)
    asked = AskReconciler(model, environment_name, package.version)
    return package, Plan(f"Give v{package.version} of {model} {percent} % of the calls.", (change, asked))


def plan_finish(
    context: Context, model: str, environment_name: str, winner: int, reason: str
) -> tuple[ModelPackage, Plan]:
    """Plan to finish an ab trial: one of its two versions takes all calls.

    Args:
        context: Gateways.
        model: A declared model.
        environment_name: A declared environment whose rollout is an ab trial.
        winner: The version that is tried there, or the live one.
        reason: Why, on one line.

    Returns:
        The winner, and the plan.

    Raises:
        InputError: the reason is blank or not one line.
        NotFoundError: no such model or environment.
        PolicyError: no version is tried there, or the winner is neither of the two.
    """
    tried = _tried(context, model, environment_name)
    if winner == tried.version:
        return plan_share(context, model, environment_name, 100, reason)
    stage = context.spec.environments[environment_name].stage
    live = holder(reading.standing_now(context, model, stage), stage)
    if live is None or winner != live.version:
        raise PolicyError(
            f"v{winner} of {model}",
            rule=f"is no version of the trial in {environment_name}: v{tried.version} is tried beside "
            f"{f'v{live.version}' if live else 'nothing'}",
            next_step=f"Name one of them, or see `modelward status {model}`.",
        )
    return plan_roll_back(context, model, environment_name, reason, live.version)


def _tried(context: Context, model: str, environment_name: str) -> ModelPackage:
    """Find the version that is tried in an environment; the list knows it right after it was promoted."""
    context.model(model)
    environment = reading.environment(context, environment_name)
    is_served = environment_name in context.model(model).endpoints
    rollout = context.spec.rollout(model, environment_name) if is_served else None
    found = desired(reading.standing_now(context, model, environment.stage), environment.stage)
    is_ab = rollout is not None and rollout.strategy is Strategy.AB
    if not is_ab or found is None or found.stage_status != StageStatus.IN_PROGRESS:
        raise PolicyError(
            f"{environment_name} of {model}",
            rule="tries no version beside the live one" if is_ab else 'has no rollout with strategy = "ab"',
            next_step=f"Promote one: `modelward promote {model} VERSION {environment.stage} --reason …`."
            if is_ab
            else f'Declare [environments.{environment_name}.rollout] with strategy = "ab" and percent, and deploy.',
        )
    return found


def _named(context: Context, model: str, environment_name: str, version: int) -> ModelPackage:
    if version not in set(reading.verified_before(context, model, environment_name)):
        raise PolicyError(
            f"rollback of {model} to v{version}",
            rule=f"{environment_name} was never seen to serve it, so it is no way back",
            next_step=f"Promote it instead, or see `modelward history {model}` for those verified there.",
        )
    return reading.describe(context, model, version)


def heir(context: Context, model: str, environment_name: str, but: int | None) -> ModelPackage | None:
    """Find the version to go back to: the last one verified in an environment that is still approved.

    Args:
        context: Gateways.
        model: A declared model.
        environment_name: A declared environment.
        but: The version to go back from.
    """
    return next(heirs(context, model, environment_name, but), None)


def heirs(context: Context, model: str, environment_name: str, but: int | None) -> Iterator[ModelPackage]:
    """Give the versions that were verified in an environment and are still approved, the last one first; see `heir`."""
    for version in reading.verified_before(context, model, environment_name):
        if version == but:
            continue
        try:
            package = reading.describe(context, model, version)
        except NotFoundError:
            continue  # deleted since
        if package.is_approved and package.is_usable:
            yield package


def parsed(arn: str) -> VersionArn:
    """Take the ARN of a version apart.

    Raises:
        InputError: it is not one.
    """
    version = VersionArn.parse(arn)
    if version is None:
        raise InputError("ARN", found=repr(arn), rule="the ARN of a version ends in :model-package/GROUP/NUMBER")
    return version
