"""Reading the registry: versions, the holder of a stage, comparisons, history."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from modelward.config.spec import EnvironmentSpec
from modelward.core.arn import VersionArn
from modelward.core.errors import InputError, NotFoundError
from modelward.core.ledger import Entry, EntryKind
from modelward.core.model_package import ModelPackage
from modelward.planning.standing import holder
from modelward.services.context import Context

if TYPE_CHECKING:
    from modelward.planning.comparison import Comparison

STAGE = "ModelLifeCycle.Stage"
VERSION = "ModelPackageVersion"
_MOST_VERSIONS = 999_999_999


def version_arn(context: Context, model: str, version: int) -> str:
    """Spell the ARN of a version from the deployment's account and region, which costs no call per version.

    Raises:
        InputError: the number is not one that SageMaker gives.
        NotFoundError: the model is not declared, or the registry is not deployed here.
    """
    context.model(model)
    if not 1 <= version <= _MOST_VERSIONS:
        raise InputError("version", found=str(version), rule="versions are numbered from 1")
    partition, _, region, account = context.settings.table_arn.split(":")[1:5]
    return str(VersionArn(partition, region, account, model, version))


def describe(context: Context, model: str, version: int) -> ModelPackage:
    """Read one version as it is now.

    Raises:
        NotFoundError: there is no such model, version or deployment.
    """
    arn = version_arn(context, model, version)
    try:
        return _described(context, arn)
    except NotFoundError as error:
        step = f"List those that exist: `modelward versions {model}`."
        raise NotFoundError("version", f"{model}/{version}", next_step=step) from error


def _described(context: Context, arn: str) -> ModelPackage:
    """Describe a version; if its name has capitals and is not found, also as SageMaker may have written the ARN."""
    try:
        return context.sagemaker.describe_model_package(arn)
    except NotFoundError:
        if arn == arn.lower():
            raise
        return context.sagemaker.describe_model_package(arn.lower())


def versions(context: Context, model: str) -> list[ModelPackage]:
    """Read all versions of a model with their metrics, newest first.

    Two calls for each hundred: the list knows which versions there are and how they stand now, the search index knows
    the rest. A version that the index has not seen yet is described.
    """
    context.model(model)
    listed = list(context.sagemaker.list_model_packages(model))
    indexed = {package.arn: package for package in context.sagemaker.search_model_packages(model)} if listed else {}
    merged = [_merge(context, package, indexed.get(package.arn)) for package in listed]
    return sorted(merged, key=lambda package: package.version, reverse=True)


def _merge(context: Context, listed: ModelPackage, indexed: ModelPackage | None) -> ModelPackage:
    if indexed is None:
        return context.sagemaker.describe_model_package(listed.arn)
    cycle = listed.life_cycle or indexed.life_cycle
    now = (listed.status, listed.approval_status, cycle)
    if now == (indexed.status, indexed.approval_status, indexed.life_cycle):
        return indexed  # the usual case, and a copy of each version would take longest of all here
    return replace(indexed, status=listed.status, approval_status=listed.approval_status, life_cycle=cycle)


def check_stage(context: Context, stage: str) -> None:
    """Make sure that a stage is declared.

    Raises:
        NotFoundError: it is not.
    """
    if stage not in context.spec.stages:
        raise NotFoundError("stage", stage, known=context.spec.stages)


def environment(context: Context, name: str) -> EnvironmentSpec:
    """Find a declared environment.

    Raises:
        NotFoundError: it is not declared.
    """
    spec = context.spec.environments.get(name)
    if spec is None:
        raise NotFoundError("environment", name, known=context.spec.environments)
    return spec


def standing(context: Context, model: str, *stages: str) -> list[ModelPackage]:
    """Find the versions in one of some stages, as far as the search index knows."""
    return list(context.sagemaker.search_model_packages(model, any_of=[(STAGE, stage) for stage in stages]))


def current(context: Context, model: str, stage: str) -> ModelPackage | None:
    """Read the version that holds a stage; None when none does.

    Two calls whatever the number of versions: the index finds it, and the version itself confirms it. When it does
    not (the index lags), the authoritative list decides, at one call for each hundred versions.

    Raises:
        NotFoundError: the model or the stage is not declared.
    """
    context.model(model)
    check_stage(context, stage)
    found = holder(standing(context, model, stage), stage)
    if found is None:
        return None
    fresh = context.sagemaker.describe_model_package(found.arn)
    return fresh if holder([fresh], stage) else holder(standing_now(context, model, stage), stage)


def standing_now(context: Context, model: str, stage: str) -> list[ModelPackage]:
    """Find the versions in a stage as they are at this moment: one call for each hundred, and one for each found."""
    listed = [package for package in context.sagemaker.list_model_packages(model) if package.stage in (stage, None)]
    return [context.sagemaker.describe_model_package(package.arn) for package in listed]


def best(context: Context, model: str, metric: str) -> ModelPackage:
    """Find the version with the best figure: the lowest where the gate says so, else the highest.

    Raises:
        NotFoundError: the model is not declared, or no version has such a metric.
    """
    gate = context.model(model).gates.get(metric)
    having = [package for package in versions(context, model) if metric in package.metrics]
    if not having:
        step = "Register versions with this metric, or name another one."
        raise NotFoundError("metric", metric, next_step=step)
    sign = -1 if gate and gate.is_higher_better is False else 1
    return max(having, key=lambda package: (sign * package.metrics[metric], package.version))


def compare(context: Context, model: str, a: int, b: int) -> "Comparison":
    """Compare two versions with each other, and with the one that holds the last environment's stage.

    One search finds all three; what the index does not know yet is described.

    Raises:
        NotFoundError: the model or a version does not exist.
    """
    from modelward.planning.comparison import compare as compare_packages  # no function compares

    spec = context.model(model)
    stage = last_stage(context)
    wanted = [(VERSION, str(a)), (VERSION, str(b)), *([(STAGE, stage)] if stage else [])]
    found = {p.version: p for p in context.sagemaker.search_model_packages(model, any_of=wanted)}
    live = holder(found.values(), stage) if stage else None
    first = found.get(a) or describe(context, model, a)
    second = found.get(b) or describe(context, model, b)
    return compare_packages(spec, first, second, live)


def last_stage(context: Context) -> str:
    """Give the stage of the last environment in order of promotion; empty when there is no environment."""
    stages = [env.stage for env in context.spec.environments.values()]
    return max(stages, key=context.spec.stages.index, default="")


def history(context: Context, model: str, limit: int | None = None) -> list[Entry]:
    """Read what happened to a model, newest first.

    Raises:
        NotFoundError: the model is not declared, or the registry is not deployed here.
    """
    context.model(model)
    return sorted(
        islice(context.ledger.history(model), limit),
        key=lambda entry: (entry.at, entry.version, entry.seq),
        reverse=True,
    )


def verified_before(context: Context, model: str, environment_name: str) -> Iterator[int]:
    """Give the versions that an environment was seen to serve, latest first, each once."""
    seen: set[int] = set()
    for entry in context.ledger.history(model):
        is_it = entry.kind is EntryKind.VERIFIED and entry.environment == environment_name
        if is_it and entry.version not in seen:
            seen.add(entry.version)
            yield entry.version
