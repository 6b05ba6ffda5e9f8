"""How a model stands in an environment: what it should serve there, what it serves, what is wrong and what to do."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from modelward.core.endpoint import CHALLENGER
from modelward.core.fleet import Fleet
from modelward.core.ledger import Entry, EntryKind
from modelward.core.model_package import ModelPackage, StageStatus
from modelward.core.names import is_trial, version_in
from modelward.planning.changes import Plan
from modelward.planning.drift import ALARM, alarmed
from modelward.planning.rollout import plan_rollout
from modelward.planning.scene import Scene
from modelward.planning.standing import decided_at, holder

# A server asks the registry every 15 s and reports every minute, of which the last whole one counts.
_FOLLOWED_WITHIN = timedelta(minutes=5)
_GONE = frozenset({"Creating", "Deleting", "Failed"})


class State(StrEnum):
    """Where a model in an environment is on its way."""

    SERVING = "serving"
    """It serves what it should, or nothing newer is wanted than what it serves."""
    ON_TRIAL = "on trial"
    """A version is tried beside the live one: for a copy or a share of the calls."""
    ROLLING_OUT = "rolling out"
    """SageMaker is busy with it, or the reconciler's next look begins."""
    BEHIND = "behind"
    """It does not serve what it should, and nothing is going on that would change it."""
    EMPTY = "empty"
    """Nothing is wanted there, and nothing serves."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rollout under way has come.

    Args:
        step: What SageMaker does now: Creating, ActivatingTraffic, Baking, Deleting.
        percent: How much of the new version's capacity takes traffic; None where SageMaker does not tell.
        began_at: When it began.
        left_s: How many seconds it takes still if it takes as long as the rollout before, and no less than it is
            declared to wait; 0 when it takes longer; None when nothing is known to go by.
    """

    step: str
    percent: int | None
    began_at: datetime
    left_s: int | None

    def to_json(self) -> dict[str, Any]:
        """Spell it for programs."""
        return {**asdict(self), "began_at": self.began_at.isoformat()}


@dataclass(frozen=True, slots=True)
class Status:
    """How a model stands in an environment.

    Args:
        model: The model.
        environment: The environment.
        state: Where it is on its way.
        wanted: The version that the latest standing decision wants there.
        live: The version that serves, also while another is on its way; None when nothing does.
        share: How many calls of a hundred the wanted version takes, or gets a copy of; None where it is not on trial.
        verified_at: When the live version was last verified there.
        since: Since when it has not served what it should.
        problem: What is wrong, in one sentence; empty when nothing is.
        next_step: What to do about it; empty where nothing must be done.
        progress: How far a rollout has come that is under way at this moment.
        fleet: What servers of our own run, where they serve the stage; None where an endpoint does, or none reports.
    """

    model: str
    environment: str
    state: State
    wanted: int | None = None
    live: int | None = None
    verified_at: datetime | None = None
    since: datetime | None = None
    problem: str = ""
    next_step: str = ""
    fleet: Fleet | None = None
    progress: Progress | None = None
    share: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Spell it for programs; times in ISO 8601."""
        times = {"verified_at": self.verified_at, "since": self.since}
        spelled = {name: at.isoformat() if at else None for name, at in times.items()}
        parts = {
            "fleet": self.fleet and _fleet_to_json(self.fleet),
            "progress": self.progress and self.progress.to_json(),
        }
        return {**asdict(self), **spelled, **parts}


def _fleet_to_json(fleet: Fleet) -> dict[str, Any]:
    return {"at": fleet.at.isoformat(), "servers": {str(version): n for version, n in fleet.servers.items()}}


def live_version(scene: Scene) -> int | None:
    """Tell which version serves; without an endpoint of ours, it is the holder of the stage."""
    if scene.endpoint_spec is None:
        found = holder(scene.standing, scene.environment.stage)
        return found.version if found else None
    endpoint = scene.endpoint
    return version_in(endpoint.config_name) if endpoint and endpoint.status not in _GONE else None


def fleet_status_of(scene: Scene, live_chain: Sequence[Entry], fleet: Fleet | None, *, now: datetime) -> Status:
    """Judge a stage that servers of our own may serve, by what they report.

    They follow a decision within seconds, so one that runs something else minutes later cannot load it, or does not
    hear of it.

    Args:
        scene: The model in the environment, which has no endpoint.
        live_chain: The ledger's entries of the version that holds the stage, oldest first.
        fleet: What they run; None when none reports.
        now: The time.
    """
    told, wanted = status_of(scene, live_chain, now=now), scene.wanted
    if wanted is None or (fleet is None and told.problem):
        return replace(told, fleet=fleet)
    if fleet is None:
        step = f"modelward serve {scene.model} --stage {scene.environment.stage}, where such a server should run"
        return replace(told, problem="no server reports what it runs", next_step=step)
    told = replace(told, fleet=fleet, live=fleet.most_run)
    if not fleet.others_than(wanted.version):
        return told
    since = wanted.entered.at if wanted.entered else wanted.modified_at
    if now - since < _FOLLOWED_WITHIN:
        return replace(told, state=State.ROLLING_OUT, since=since)
    problem = f"{fleet.others_than(wanted.version)} of {fleet.count} servers do not run v{wanted.version}"
    step = "ask each of them why: GET /version"
    return replace(told, state=State.BEHIND, since=since, problem=problem, next_step=step)


def status_of(scene: Scene, live_chain: Sequence[Entry], *, now: datetime) -> Status:
    """Judge what was observed.

    Args:
        scene: The model in the environment.
        live_chain: The ledger's entries of the live version, oldest first; empty when nothing serves.
        now: The time.
    """
    plan, wanted = plan_rollout(scene, now=now), scene.wanted
    state = _state(scene, plan)
    problem, next_step = _problem(scene, plan, state)
    return Status(
        scene.model,
        scene.environment.name,
        state,
        wanted.version if wanted else None,
        live_version(scene),
        _verified_at(scene, live_chain),
        plan.behind_since,
        problem,
        next_step,
        progress=_progress(scene, live_chain, now),
        share=_share(scene) if state is State.ON_TRIAL else None,
    )


def _progress(scene: Scene, live_chain: Sequence[Entry], now: datetime) -> Progress | None:
    endpoint, name = scene.endpoint, scene.environment.name
    if endpoint is None or not endpoint.is_busy:
        return None
    update, last_s = endpoint.update, _last_rollout_s(live_chain, name)
    if update:
        percent = None if update.share is None else round(100 * min(1, update.share))
        expected_s = max(last_s or 0, update.waits_s)
        return Progress(update.step, percent, update.began_at, _left_s(expected_s, update.began_at, now))
    begun = next((each for each in reversed(scene.chain) if _is_begun(each, name)), None)
    if endpoint.status != "Creating" or begun is None:
        return None
    return Progress(endpoint.status, 0, begun.at, _left_s(last_s, begun.at, now))


def _is_begun(entry: Entry, environment: str) -> bool:
    return entry.kind is EntryKind.DEPLOYING and entry.environment == environment


def _left_s(expected_s: float | None, began_at: datetime, now: datetime) -> int | None:
    return max(0, round(expected_s - (now - began_at).total_seconds())) if expected_s else None


def _last_rollout_s(chain: Sequence[Entry], environment: str) -> float | None:
    """Tell how long the rollout took that brought what serves now."""
    here = [each for each in chain if each.environment == environment]
    ends = [number for number, each in enumerate(here) if each.kind is EntryKind.VERIFIED]
    if not ends or ends[-1] == 0 or here[ends[-1] - 1].kind is not EntryKind.DEPLOYING:
        return None
    return (here[ends[-1]].at - here[ends[-1] - 1].at).total_seconds()


def _share(scene: Scene) -> int | None:
    """Read the share of the calls from the endpoint; that of a shadow, which has none there, from the declaration."""
    weights = scene.endpoint.weights if scene.endpoint else {}
    if CHALLENGER in weights:
        return round(100 * weights[CHALLENGER] / (sum(weights.values()) or 1))
    return scene.rollout.percent if scene.rollout else None


def _is_on_trial(scene: Scene, plan: Plan) -> bool:
    """Tell whether a trial runs, and nothing is due about it."""
    return plan.is_empty and bool(scene.endpoint and is_trial(scene.endpoint.config_name))


def _state(scene: Scene, plan: Plan) -> State:
    wanted, endpoint = scene.wanted, scene.endpoint
    if wanted is None:
        return State.SERVING if live_version(scene) else State.EMPTY
    # The plan knows since when an endpoint is behind; without one, the version itself tells how far it is.
    is_served = plan.behind_since is None if scene.endpoint_spec else wanted.stage_status == StageStatus.APPROVED
    if is_served:
        return State.ON_TRIAL if _is_on_trial(scene, plan) else State.SERVING
    is_failed = endpoint is not None and endpoint.status == "Failed"
    is_moving = plan.changes or (endpoint is not None and endpoint.is_busy)
    return State.ROLLING_OUT if is_moving and not is_failed else State.BEHIND


def _problem(scene: Scene, plan: Plan, state: State) -> tuple[str, str]:
    """Say what is wrong and what to do: a rollout that failed comes before what its failure leaves behind."""
    failed, endpoint = _failed(scene), scene.endpoint
    if failed:
        why = failed.life_cycle.description if failed.life_cycle else ""
        step = f"mend the cause and promote it again; what happened: modelward history {scene.model}"
        return f"v{failed.version} failed here: {why}", step
    last = scene.chain[-1] if scene.chain else None
    if last and last.kind is EntryKind.WAITING:
        return last.why, "ask for the quota in Service Quotas; the next sweep goes on by itself"
    if state is not State.BEHIND:
        return _alarm(scene)
    reason = f": {endpoint.failure_reason}" if endpoint and endpoint.failure_reason else ""
    is_failed = endpoint is not None and endpoint.status == "Failed"
    text = f"endpoint {endpoint.name} is Failed{reason}" if endpoint and is_failed else plan.why
    return text, f"modelward deploy {scene.model} {scene.environment.name}"


def _alarm(scene: Scene) -> tuple[str, str]:
    """Say what an alarm of the team's own did here, until the next decision."""
    wanted = scene.wanted
    why = wanted.life_cycle.description if wanted and wanted.life_cycle else ""
    if why.startswith(ALARM):
        step = f"mend the cause and promote another version; what happened: modelward history {scene.model}"
        return f"this version came back: {why.removeprefix(ALARM)}", step
    told = alarmed(scene.chain, wanted, scene.environment.name) if wanted else None
    if told is None:
        return "", ""
    return told.why, f"modelward promote {scene.model} VERSION {scene.environment.stage} --reason '...'"


def _failed(scene: Scene) -> ModelPackage | None:
    """Give the version of the latest decision about the stage, if its rollout failed."""
    here = [package for package in scene.standing if package.stage == scene.environment.stage and package.entered]
    last = max(here, key=decided_at, default=None)
    return last if last and last.stage_status == StageStatus.REJECTED and last.is_approved else None


def _verified_at(scene: Scene, chain: Sequence[Entry]) -> datetime | None:
    name = scene.environment.name
    verified = (entry for entry in reversed(chain) if entry.kind is EntryKind.VERIFIED and entry.environment == name)
    return next((entry.at for entry in verified), None)
