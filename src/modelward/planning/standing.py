"""Which of the versions that stand in a stage holds it, and which one should."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from modelward.config.spec import RegistrySpec
from modelward.core.model_package import ModelPackage, StageStatus

_NEVER = datetime.min.replace(tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def decided_at(package: ModelPackage) -> tuple[datetime, int]:
    """Order versions of a stage by the decision that put them there; the version number settles a tie."""
    return (package.entered.at if package.entered else _NEVER, package.version)


def decided_after(moment: datetime, packages: Iterable[ModelPackage]) -> datetime:
    """Give the time to stamp on a decision: this moment, or just after the latest decision that it overrides.

    Clocks of laptops differ, the order of decisions must not.
    """
    stamped = [package.entered.at + _TICK for package in packages if package.entered]
    return max([moment, *stamped])


def holder(packages: Iterable[ModelPackage], stage: str) -> ModelPackage | None:
    """Find the version that was last verified in a stage, or entered one that has nothing to verify."""
    verified = [p for p in packages if p.stage == stage and p.stage_status == StageStatus.APPROVED]
    return max(verified, key=decided_at, default=None)


def served_from(spec: RegistrySpec, stage: str) -> tuple[str, ...]:
    """Give the stages that environments serve, from one of them on, in order of promotion."""
    return tuple(each for each in spec.stages[spec.stages.index(stage) :] if spec.environment_of(each))


def live(packages: Sequence[ModelPackage], stages: Sequence[str]) -> ModelPackage | None:
    """Find the version with which a newcomer to the first of some stages is compared.

    It is the holder of that stage. When a version has moved on and nobody followed, its old environment still serves
    it, so then it is the holder of the next stage.

    Args:
        packages: The versions in those stages.
        stages: See `served_from`.
    """
    return next((found for stage in stages if (found := holder(packages, stage))), None)


def desired(packages: Iterable[ModelPackage], stage: str) -> ModelPackage | None:
    """Find the version that the newest decision wants in a stage.

    Only approved, finished versions count whose entry was stamped (and so reviewed) and whose rollout has not failed:
    a failed rollout thus falls back, by itself, to the version that serves.
    """
    eligible = [p for p in packages if p.stage == stage and is_eligible(p)]
    return max(eligible, key=decided_at, default=None)


def is_eligible(package: ModelPackage) -> bool:
    """Tell whether an environment may serve a version in the stage where it stands."""
    is_wanted = package.stage_status in (StageStatus.IN_PROGRESS, StageStatus.APPROVED)
    return is_wanted and package.is_approved and package.is_usable and package.entered is not None
