"""Having a version answer all that lies in a place, and waiting until it has.

It is a job of whoever asks for it, and changes nothing about the version: its stage, its endpoints and the ledger stay
as they are. The job carries model and version in its name and its tags.

The sweep, which tidies after rollouts, leaves the models of jobs alone: the functions see no jobs, and could not tell
which are in use. So each job deletes what former ones have left.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from modelward.core.errors import AccessError, InputError, JobError, NotFoundError
from modelward.core.model_package import ModelPackage
from modelward.core.names import TRANSFORMS, transform_prefix, transformed_version
from modelward.core.transform import RUNNING, Transform, TransformJob
from modelward.planning import transform as planning
from modelward.planning.changes import Answers, CreateTransformJob, DeleteModel, Plan
from modelward.planning.housekeeping import LEAST_AGE
from modelward.services import reading
from modelward.services.context import Context
from modelward.services.deployment import Watch
from modelward.services.execution import apply

_POLL_S = 5.0


def plan_transform(context: Context, model: str, wish: Transform, *, stage: str = "", version: int = 0) -> Plan:
    """Plan to have a version answer, once it is clear that there is something to answer and to answer with.

    Args:
        context: Gateways.
        model: A declared model.
        wish: What to answer, and how.
        stage: Whose holder answers; empty where a version is named.
        version: Which version answers; 0 where a stage is named.

    Raises:
        InputError: both or neither of stage and version are given, or a place is no s3:// URI.
        NotFoundError: no version holds the stage, nothing lies at the input, or the version's artifact is gone.
        PolicyError: the version is not approved.
        AwsError: AWS refused to look.
    """
    package = _chosen(context, model, stage, version)
    settings, role_arn = context.settings, context.settings.role_arn
    _check_output(wish.output_uri)
    answers = Answers(f"s3://{settings.bucket}/{TRANSFORMS}/", settings.key_arn)
    plan = planning.plan_transform(package, wish, role_arn, answers, _former(context, model), now=context.clock())
    if context.storage.first(wish.input_uri) is None:
        step = "Correct the URI: it is what the objects' own begin with."
        raise NotFoundError("object below", wish.input_uri, next_step=step)
    if context.storage.first(package.artifact_uri) != package.artifact_uri:
        step = f"Put it back (the bucket may have kept it as an older version), or take another version of {model}."
        raise NotFoundError(f"artifact of v{package.version}", package.artifact_uri, next_step=step)
    return plan


def _chosen(context: Context, model: str, stage: str, version: int) -> ModelPackage:
    if bool(stage) == bool(version):
        found = "both" if stage else "neither"
        raise InputError("stage and version", found=found, rule="one of them says which version answers")
    if version:
        context.model(model)
        return reading.describe(context, model, version)
    package = reading.current(context, model, stage)
    if package is None:
        step = f"Promote one: `modelward promote {model} VERSION {stage} --reason …`, or name a version."
        raise NotFoundError(f"version of {model} that holds stage", stage, next_step=step)
    return package


def _former(context: Context, model: str) -> planning.Former:
    """Look for what former jobs have left; whoever may not look leaves it to somebody who may."""
    sagemaker, before = context.sagemaker, context.clock() - LEAST_AGE
    try:
        listed = sagemaker.list_models(containing=f"{model}-", before=before)
        models = [name for name in listed if transformed_version(model, name) is not None]
        if not models:
            return planning.Former()
        jobs = [sagemaker.list_transform_jobs(containing=f"{transform_prefix(model)}-v", status=one) for one in RUNNING]
        return planning.Former(models, [name for names in jobs for name in names])
    except AccessError:
        return planning.Former()


def _check_output(uri: str) -> None:
    if uri and not (uri.startswith("s3://") and uri.removeprefix("s3://").strip("/")):
        raise InputError("output", found=repr(uri), rule="a place in S3 reads s3://BUCKET/PREFIX")


def begin(context: Context, plan: Plan) -> TransformJob:
    """Carry a plan out, and return the job that has begun.

    Raises:
        AwsError: AWS refused.
    """
    [job] = [change for change in plan.changes if isinstance(change, CreateTransformJob)]
    left = tuple(change for change in plan.changes if isinstance(change, DeleteModel))
    apply(context, replace(plan, changes=tuple(change for change in plan.changes if change not in left)))
    with suppress(AccessError):  # the job has begun, which is what was asked for; somebody else's next one will do
        apply(context, Plan("Former jobs have left them.", left))
    return TransformJob(job.name, job.model, job.version, "InProgress", job.output_uri)


def wait(context: Context, job: TransformJob, timeout_s: float, watch: Watch | None = None) -> TransformJob:
    """Wait until a job has ended well.

    Args:
        context: Gateways and clock.
        job: As it began.
        timeout_s: How long, in seconds.
        watch: Told at each look. SageMaker does not tell how far a job has come.

    Raises:
        JobError: it failed, was stopped, or takes longer.
    """
    began = context.clock()
    while (waited := context.clock() - began) <= timedelta(seconds=timeout_s):
        now = context.sagemaker.describe_transform_job(job)
        if now.status == "Completed":
            return now
        if now.status not in RUNNING:
            logs = f"`aws logs tail /aws/sagemaker/TransformJobs --log-stream-name-prefix {job.name} --since 1d`"
            reason = f": {now.reason}" if now.reason else ""
            raise JobError(job.name, what=f"it is {now.status}{reason}", next_step=f"Read its log: {logs}.")
        if watch:
            watch(waited.total_seconds(), f"{job.name}: {now.status}")
        context.sleep(_POLL_S)
    step = f"It goes on by itself: `aws sagemaker describe-transform-job --transform-job-name {job.name}`."
    raise JobError(job.name, what=f"it has not ended after {timeout_s:g} s", next_step=step)
