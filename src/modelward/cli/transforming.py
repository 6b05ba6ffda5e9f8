"""The command that has a version answer all that lies in a place."""

from typing import TYPE_CHECKING

from modelward.cli.changing import show_plan
from modelward.cli.context import Context

if TYPE_CHECKING:
    from modelward.core.transform import TransformJob


def transform(  # noqa: PLR0913 - what the command takes
    context: Context,
    *,
    model: str,
    input: str,  # noqa: A002 - what the option is called
    stage: str,
    version: int | None,
    output: str,
    instance_type: str,
    instance_count: int,
    content_type: str,
    split_type: str,
    no_wait: bool,
    timeout: float,
    plan: bool,
    json: bool,
) -> None:
    """Have a version answer."""
    from modelward.core.transform import Transform

    line = context.model(model)
    wish = Transform(input, output, instance_type, instance_count, content_type, split_type)
    number = version or 0
    if plan:
        show_plan(context.terminal, line.plan_transform(wish, stage=stage, version=number), json=json)
        return
    with context.terminal.waiting(f"transforming {input} with {model}") as tell:
        job = line.transform(wish, stage=stage, version=number, wait=not no_wait, timeout_s=timeout, progress=tell)
    _show(context, job, json=json)


def _show(context: Context, job: "TransformJob", *, json: bool) -> None:
    if json:
        context.terminal.json(job.to_json())
        return
    context.terminal.line(f"{job.name}  {job.model} v{job.version}  {job.status}  {job.output_uri}")
    if job.status != "Completed":
        name = f"aws sagemaker describe-transform-job --transform-job-name {job.name}"
        context.terminal.say(f"  next: {name}")
