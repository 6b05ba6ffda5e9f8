"""Which of the versions that stand in a stage holds it, and which one should."""

from collections.abc import Iterable
from datetime import UTC, datetime

from modelward.core.model_package import ModelPackage, StageStatus

_NEVER = datetime.min.replace(tzinfo=UTC)


def decided_at(package: ModelPackage) -> tuple[datetime, int]:
    """Order versions of a stage by the decision that put them there; the version number settles a tie."""
    return (package.entered.at if package.entered else _NEVER, package.version)


def holder(packages: Iterable[ModelPackage], stage: str) -> ModelPackage | None:
    """Find the version that was last verified in a stage, or entered one that has nothing to verify."""
    verified = [p for p in packages if p.stage == stage and p.stage_status == StageStatus.APPROVED]
    return max(verified, key=decided_at, default=None)


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
