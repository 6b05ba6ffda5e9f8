"""Batch transform: the calls that have a version answer all that lies in a place."""

import hashlib
from datetime import UTC, datetime

from modelward.core.errors import PolicyError
from modelward.core.model_package import ModelPackage
from modelward.core.names import rollout_name, transform_name
from modelward.core.transform import Transform
from modelward.planning.changes import Answers, CreateModel, CreateTransformJob, Plan

_PLACE = "transform"


def plan_transform(package: ModelPackage, wish: Transform, role_arn: str, answers: Answers, *, now: datetime) -> Plan:
    """Plan to have a version answer.

    The model is named by a digest of what goes into it, as those of rollouts are, so that one does for all jobs of a
    version. Jobs are told apart by the time.

    Args:
        package: The version.
        wish: What to answer, and how.
        role_arn: The role that its containers run as.
        answers: Below what the registry's own bucket keeps answers, and the key that encrypts them there.
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
    model = rollout_name(package.group, _PLACE, package.version, digest)
    name = transform_name(package.group, package.version, now)
    to = wish.output_uri or f"{answers.uri}{package.group}/{name}/"
    key_arn = answers.key_arn if to.startswith(answers.uri) else ""
    job = CreateTransformJob(name, model, package.group, package.version, wish, to, key_arn)
    why = f"v{package.version} of {package.group} shall answer {wish.input_uri}."
    return Plan(why, (CreateModel(model, package.arn, role_arn), job))
