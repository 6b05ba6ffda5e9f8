"""What the ledger is told of a rollout."""

from dataclasses import replace
from datetime import datetime

from modelward.core.ledger import SYSTEM, Entry, EntryKind, Snapshot
from modelward.core.model_package import ModelPackage, StageStatus
from modelward.core.names import version_in
from modelward.planning.drift import ALARM, facts_of, reason
from modelward.planning.scene import Scene, modified_token, target_of
from modelward.planning.trial import Trial


def deploying(scene: Scene, package: ModelPackage, target: str, now: datetime) -> Entry:
    """Tell that a rollout begins: to which config, from which, and when the endpoint was modified last."""
    why = f"v{package.version} is wanted in {scene.environment.name}"
    return replace(entry_of(scene, package, EntryKind.DEPLOYING, why, now), facts=_attempt(scene, target))


def _attempt(scene: Scene, config: str) -> dict[str, str]:
    """Give what tells later whether an attempt was made, and what came of it: where to, and how the endpoint was."""
    before = scene.endpoint
    facts = {"config": config, "from_config": before.config_name if before else ""}
    facts["endpoint_modified"] = modified_token(before)
    return {**facts, "sizes": before.sizes} if before and before.sizes else facts


def verified(scene: Scene, package: ModelPackage, now: datetime) -> Entry:
    """Tell that an environment serves a version, and what its smoke test said."""
    endpoint = scene.endpoint
    why = f"{endpoint.name} is InService on {endpoint.config_name}" if endpoint else "no endpoint is declared here"
    entry = entry_of(scene, package, EntryKind.VERIFIED, why, now)
    facts = {"config": endpoint.config_name} if endpoint else {}
    if scene.smoke:
        entry, facts = replace(entry, why=f"{why}; {scene.smoke.text}"), {**facts, "smoke": scene.smoke.text}
    return replace(entry, facts=facts, seen=replace(entry.seen, stage_status=StageStatus.APPROVED.value))


def trying(scene: Scene, package: ModelPackage, trial: Trial, now: datetime) -> Entry:
    """Tell that a trial begins, or that its share was changed, and who wanted that."""
    live, spec = version_in(trial.config), scene.endpoint_spec
    what = f"a copy of {trial.share} % of the calls of v{live}" if trial.is_shadow else f"{trial.share} % of the calls"
    said = f": {package.life_cycle.description}" if package.life_cycle and package.share is not None else ""
    entry = entry_of(scene, package, EntryKind.TRYING, f"v{package.version} gets {what}{said}", now)
    who = package.modified_by.arn if package.share is not None else entry.who
    told = (e for e in scene.chain if e.kind is EntryKind.TRYING and e.token == entry.token)
    facts = {
        **({"again": "yes"} if any(each.facts.get("share") == str(trial.share) for each in told) else {}),
        **_attempt(scene, trial.config),
        "live_model": trial.live_model,
        "target": target_of(scene, package, spec) if spec else "",
        "share": str(trial.share),
    }
    return replace(entry, facts=facts, who=who)


def alarmed_entry(scene: Scene, package: ModelPackage, heir: ModelPackage | None, now: datetime) -> Entry:
    """Tell which of the team's alarms takes the version back, and who follows."""
    if scene.tripped is None:
        raise AssertionError("only an alarm that went off is recorded")
    facts = facts_of(*scene.tripped, heir)
    follows = f"v{heir.version}, verified here before, comes back" if heir else "no other version may come back here"
    why = f"{reason(facts, package.version).removeprefix(ALARM)}; {follows}"
    return replace(entry_of(scene, package, EntryKind.ALARMED, why, now), facts=facts)


def entry_of(scene: Scene, package: ModelPackage, kind: EntryKind, why: str, now: datetime) -> Entry:
    """Make the next entry of the chain of the wanted version."""
    last = scene.chain[-1] if scene.chain else None
    return Entry(
        model=scene.model,
        version=package.version,
        seq=last.seq + 1 if last else 1,
        at=now,
        kind=kind,
        who=SYSTEM,
        why=why,
        stage=scene.environment.stage,
        environment=scene.environment.name,
        token=str(package.entered),
        figures=package.metrics,
        seen=replace(last.seen, entered=str(package.entered)) if last else Snapshot.of(package),
    )
