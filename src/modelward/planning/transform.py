"""Batch transform: the calls that have a version answer all that lies in a place."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from modelward.core.errors import PolicyError
from modelward.core.model_package import ModelPackage
from modelward.core.names import answering_version, transform_model_name, transform_name, transformed_version
from modelward.core.transform import Transform
from modelward.planning.changes import Answers, CreateModel, CreateTransformJob, DeleteModel, Plan


@dataclass(frozen=True, slots=True)
class Former:
    """What former jobs of a model have left, and what still answers: the names of models and of jobs that run."""

    models: Sequence[str] = ()
    running: Sequence[str] = ()


def plan_transform(
    package: ModelPackage, wish: Transform, role_arn: str, answers: Answers, former: Former, *, now: datetime
) -> Plan:
    """Plan to have a version answer.

    The model is named by a digest of what goes into it, as those of rollouts are, so that one does for all jobs of a
    version. Jobs are told apart by the time. Models of former jobs go, since nobody else knows of them; not that of a
    version that a job still answers with.

    Args:
        package: The version.
        wish: What to answer, and how.
        role_arn: The role that its containers run as.
        answers: Below what the registry's own bucket keeps answers, and the key that encrypts them there.
        former: What former jobs have left, as far as it is old enough to go.
        now: The time.

    Raises:
        PolicyError: the version is not approved.
    """
    if not package.is_approved:
        raise PolicyError(
            f"v{package.version} of {package.group}",
            rule=f"it is {package.approval_status.value}, and only approved versions answer",
            next_step=f"`modelward approve {package.group} {package.version} --reason …`, or take another version.",
        )
    made_of = "\n".join([package.arn, package.created_at.astimezone(UTC).isoformat(), role_arn])
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:8]
    model = transform_model_name(package.group, package.version, digest)
    name = transform_name(package.group, package.version, now)
    to = wish.output_uri or f"{answers.uri}{package.group}/{name}/"
    key_arn = answers.key_arn if to.startswith(answers.uri) else ""
    job = CreateTransformJob(name, model, package.group, package.version, wish, to, key_arn)
    why = f"v{package.version} of {package.group} shall answer {wish.input_uri}."
    gone = tuple(DeleteModel(each) for each in _needed_no_more(package.group, model, former))
    return Plan(why, (CreateModel(model, package.arn, role_arn), job, *gone))


def _needed_no_more(group: str, model: str, former: Former) -> list[str]:
    busy = {None, *(answering_version(job) for job in former.running)}
    return sorted(name for name in former.models if name != model and transformed_version(group, name) not in busy)
