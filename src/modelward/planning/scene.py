"""One model in one environment as observed, and what follows from it without a decision."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from enum import Enum

from modelward.config.spec import EndpointSpec, EnvironmentSpec, RegistrySpec, RolloutSpec
from modelward.core.endpoint import Endpoint, Figures, Serving
from modelward.core.ledger import Entry, EntryKind, Failure
from modelward.core.model_package import ModelPackage, StageStatus
from modelward.core.names import is_scaled, rollout_name, version_in
from modelward.core.smoke import SmokeVerdict
from modelward.planning.changes import (
    Answers,
    Captures,
)
from modelward.planning.drift import alarmed, is_heir_due, tripped
from modelward.planning.review import is_admitted
from modelward.planning.standing import desired
from modelward.planning.trial import Trial, trial_config

COME_LATE = timedelta(minutes=5)
"""How long CloudWatch may take to show the last figures of a trial (docs/fidelity.md, metrics-come-late)."""
BEGUN = frozenset({EntryKind.TRYING, EntryKind.DEPLOYING})


ROLLOUT_KINDS = BEGUN | {EntryKind.POSTPONED, EntryKind.WAITING, EntryKind.VERIFIED, EntryKind.FAILED}


class Refusal(Enum):
    """Why SageMaker has just refused to update the endpoint."""

    BUSY = "busy"
    """Something else is changing it."""
    GONE = "gone"
    """The config of old, to which it should go back, was deleted."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One model in one environment, as observed.

    Args:
        model: The name of the model.
        environment: The environment.
        endpoint_spec: How the environment serves the model; None when it has no endpoint (it may be self-hosted).
        role_arn: The role that SageMaker assumes to run the model.
        standing: The versions that stand in the environment's stage.
        endpoint: The endpoint as it is; None when there is none.
        chain: The entries of the desired version, oldest first.
        captures: Where endpoints that capture calls write them.
        answers: Where the endpoint writes its answers, if it is asynchronous.
        serving: What the config in use says, where `asks_for_serving` says that it counts.
        figures: What callers had from both versions of a trial, where `asks_for_figures` says that its time is up.
        alarms: Declared alarms that are on and when each went off, where `asks_for_alarms` says that it counts.
        heirs: Versions that may come back, the best one first, where `asks_for_heirs` says that it counts; None when
            nobody has looked.
        refusal: Why the update that was planned a moment ago was refused; None when none was.
        smoke: What came of the smoke test, where `asks_for_smoke` says that it counts; None while nobody has run it.
    """

    spec: RegistrySpec
    model: str
    environment: EnvironmentSpec
    endpoint_spec: EndpointSpec | None
    role_arn: str
    standing: Sequence[ModelPackage]
    endpoint: Endpoint | None
    chain: Sequence[Entry]
    captures: Captures | None = None
    answers: Answers | None = None
    serving: Serving = field(default_factory=Serving)
    figures: Mapping[str, Figures] | None = None
    alarms: Mapping[str, datetime] = field(default_factory=dict)
    heirs: Sequence[ModelPackage] | None = None
    refusal: Refusal | None = None
    smoke: SmokeVerdict | None = None

    @property
    def wanted(self) -> ModelPackage | None:
        """The version that the environment should serve."""
        return desired(self.standing, self.environment.stage)

    @property
    def rollout(self) -> RolloutSpec | None:
        """What is declared of how the endpoint moves."""
        return self.spec.rollout(self.model, self.environment.name)

    @property
    def asks_for_serving(self) -> bool:
        """Whether the next move depends on what serves: one scaled config follows another, or a trial begins."""
        package, spec, endpoint = self.wanted, self.endpoint_spec, self.endpoint
        if package is None or spec is None or endpoint is None or endpoint.is_busy:
            return False
        target = target_of(self, package, spec)
        if endpoint.config_name == target:
            return False
        is_rescaled = bool(spec.autoscaling) and is_scaled(endpoint.config_name)
        return is_rescaled or (_is_to_be_tried(self, package, target) and _open_trial(self, package, target) is None)

    @property
    def asks_for_figures(self) -> tuple[datetime, datetime] | None:
        """From when to when figures count, which decide `COME_LATE` after that; None when they decide nothing."""
        package, spec, endpoint = self.wanted, self.endpoint_spec, self.endpoint
        if package is None or spec is None or endpoint is None or endpoint.status != "InService":
            return None
        attempt = _open_trial(self, package, target_of(self, package, spec))
        rollout = self.rollout
        if attempt is None or rollout is None or not rollout.trial_s or endpoint.config_name != attempt.facts["config"]:
            return None
        return attempt.at, attempt.at + timedelta(seconds=rollout.trial_s)

    @property
    def asks_for_alarms(self) -> bool:
        """Whether an alarm that is on may take the decision back: it is verified, and is no way back itself."""
        package, spec = self.wanted, self.endpoint_spec
        if package is None or spec is None or not spec.roll_back_on or is_way_back(self, package):
            return False
        return _is_settled(self, package, spec) and alarmed(self.chain, package, self.environment.name) is None

    @property
    def asks_for_heirs(self) -> bool:
        """Whether another version is to come back: an alarm has just gone off, or did, and it was announced."""
        package, spec = self.wanted, self.endpoint_spec
        if package is None or spec is None or not _is_settled(self, package, spec):
            return False
        told = alarmed(self.chain, package, self.environment.name)
        return is_heir_due(told, package, self.standing) if told else self.tripped is not None

    @property
    def tripped(self) -> tuple[str, datetime] | None:
        """The alarm that takes the decision back, and when it went off; None when none does."""
        package = self.wanted
        verified = rollout_entry(self, package) if package and self.asks_for_alarms else None
        return tripped(self.alarms, verified.at) if verified else None

    @property
    def asks_for_smoke(self) -> bool:
        """Whether the next move depends on a smoke test: the endpoint serves what it should, and it is not verified.

        A config that has answered it here before need not do so again: the way back shall depend on nothing else.
        """
        package, spec, endpoint = self.wanted, self.endpoint_spec, self.endpoint
        if not (package and package.smoke and spec and endpoint and is_admitted(package, self.chain)):
            return False
        is_up = endpoint.status == "InService" and endpoint.config_name == target_of(self, package, spec)
        is_up = is_up and spec.asynchronous is None  # it answers into a bucket, whenever it comes to it
        attempt = rollout_entry(self, package)
        is_open = attempt is None or attempt.kind is not EntryKind.VERIFIED
        is_known = has_failed_smoke(attempt, endpoint.config_name) or has_passed_smoke(self, endpoint.config_name)
        return is_up and is_open and not is_known


def config_name(
    package: ModelPackage,
    spec: EndpointSpec,
    role_arn: str,
    captures: Captures | None = None,
    answers: Answers | None = None,
) -> str:
    """Name the endpoint config, and the model, that serve a version as declared.

    The digest covers all that goes into them, so equal names mean equal contents, and creating one twice is harmless.
    The creation time stands in for the version's identity: numbers may be given again after a deletion.
    """
    made_of = [package.arn, package.created_at.astimezone(UTC).isoformat(), _contents(spec), role_arn]
    if spec.data_capture:
        made_of.append(repr(captures))
    if spec.asynchronous:
        made_of.append(repr(answers))
    digest = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:8]
    digest = f"{digest[:7]}s" if spec.autoscaling else digest
    return rollout_name(package.group, spec.environment, package.version, digest)


_BESIDE = frozenset({"alarms", "rollout", "roll_back_on"})


def _contents(spec: EndpointSpec) -> str:
    """Spell what is declared and goes into an endpoint config; alarms, and how it is reached, are beside it.

    Defaults are left out: a release of ours that learns a new setting must not roll every endpoint out again.
    """
    declared = ((each.name, getattr(spec, each.name), each.default) for each in fields(spec))
    return repr([(name, value) for name, value, default in declared if name not in _BESIDE and value != default])


def target_of(scene: Scene, package: ModelPackage, spec: EndpointSpec) -> str:
    """Name the config with which the environment would serve a version as declared."""
    return config_name(package, spec, scene.role_arn, scene.captures, scene.answers)


def rollout_entry(scene: Scene, package: ModelPackage, but: EntryKind | None = None) -> Entry | None:
    """Give the last word of the chain, of one kind aside, about the rollout of this decision to this environment."""
    token, name, kinds = str(package.entered), scene.environment.name, ROLLOUT_KINDS - {but}
    told = (e for e in reversed(scene.chain) if e.kind in kinds and e.environment == name and e.token == token)
    return next(told, None)


def modified_token(endpoint: Endpoint | None) -> str:
    """Spell when an endpoint was last modified; empty when there is none."""
    return endpoint.modified_at.astimezone(UTC).isoformat() if endpoint else ""


def _verifications(scene: Scene) -> list[Entry]:
    name = scene.environment.name
    return [entry for entry in scene.chain if entry.kind is EntryKind.VERIFIED and entry.environment == name]


def verified_last(scene: Scene, *, but: str) -> str | None:
    """Find the config with which the version was last verified here, other than the one that failed."""
    configs = [entry.facts.get("config") for entry in _verifications(scene)]
    return next((config for config in reversed(configs) if config and config != but), None)


def has_failed_smoke(attempt: Entry | None, config: str) -> bool:
    """Tell whether what is known last of a config is that its smoke test failed."""
    if attempt is None or attempt.kind is not EntryKind.FAILED or attempt.facts.get("config") != config:
        return False
    return attempt.facts.get("failure") == Failure.SMOKE_TEST


def has_passed_smoke(scene: Scene, config: str) -> bool:
    """Tell whether a config has answered its smoke test here before."""
    return any("smoke" in entry.facts and entry.facts.get("config") == config for entry in _verifications(scene))


def _is_settled(scene: Scene, package: ModelPackage, spec: EndpointSpec) -> bool:
    """Tell whether the environment serves a version as declared, and that is recorded."""
    endpoint, attempt = scene.endpoint, rollout_entry(scene, package)
    if endpoint is None or endpoint.status != "InService" or endpoint.config_name != target_of(scene, package, spec):
        return False
    is_verified = attempt is not None and attempt.kind is EntryKind.VERIFIED
    return is_verified and package.stage_status == StageStatus.APPROVED and is_admitted(package, scene.chain)


def is_overtaken(attempt: Entry | None, endpoint: Endpoint | None) -> bool:
    """Tell whether another rollout had the endpoint first: it rests on a config that this one neither left nor wanted.

    UpdateEndpoint was refused then, so this rollout has not failed; it has not begun.
    """
    if attempt is None or endpoint is None or endpoint.status != "InService":
        return False
    return endpoint.config_name not in (attempt.facts.get("from_config"), attempt.facts.get("config"))


def is_resized(attempt: Entry, endpoint: Endpoint | None) -> bool:
    """Tell whether somebody has altered instances or weights of an endpoint since an attempt to move it.

    That modifies the endpoint just as an update that was taken back, though the attempt may never have been made. A way
    back leaves them as they were; where SageMaker gives a reason, there was one. Entries of old do not know.
    """
    if endpoint is None or endpoint.status != "InService" or endpoint.failure_reason:
        return False
    return attempt.facts.get("sizes", endpoint.sizes) != endpoint.sizes


def was_resized(scene: Scene, attempt: Entry) -> bool:
    """Tell whether a decision's rollout to a config was postponed before because the endpoint was resized."""
    told = (e for e in scene.chain if e.facts.get("resized") and e.token == attempt.token)
    return any(e.facts.get("config") == attempt.facts["config"] for e in told)


def is_proven(scene: Scene, config: str) -> bool:
    """Tell whether the environment was seen to serve a config before."""
    return any(entry.facts.get("config") == config for entry in _verifications(scene))


def is_way_back(scene: Scene, package: ModelPackage) -> bool:
    """Tell whether the decision for a version brings back one that was verified before."""
    return any(brings_back(entry, package) for entry in scene.chain)


def brings_back(entry: Entry, package: ModelPackage) -> bool:
    """Tell whether an entry tells of the decision that brings the version back."""
    return entry.kind is EntryKind.ROLLED_BACK and entry.token == str(package.entered)


def is_waiting(scene: Scene, package: ModelPackage, config: str) -> bool:
    """Tell whether the last that is known of a rollout is that a quota left no room for it."""
    last = rollout_entry(scene, package)
    return last is not None and last.kind is EntryKind.WAITING and last.facts.get("config") == config


def _is_to_be_tried(scene: Scene, package: ModelPackage, target: str) -> bool:
    """Tell whether a version is tried beside the live one before it takes over.

    Not where nothing serves that it could be compared with, nor on a way back; and the live version itself, in another
    configuration, is no newcomer. A trial that was passed, or finished, is over.
    """
    rollout, endpoint = scene.rollout, scene.endpoint
    if rollout is None or not rollout.strategy.is_trial or endpoint is None or endpoint.status != "InService":
        return False
    if version_in(endpoint.config_name) in (None, package.version) or package.share == 100:
        return False
    is_over = any(e.token == str(package.entered) and e.facts.get("config") == target for e in scene.chain)
    return not (is_over or is_proven(scene, target) or is_way_back(scene, package))


def _open_trial(scene: Scene, package: ModelPackage, target: str) -> Entry | None:
    """Give the entry of the trial that is under way, or was asked for; for a shadow it tells when that was."""
    if not _is_to_be_tried(scene, package, target):
        return None
    entry = rollout_entry(scene, package, but=EntryKind.POSTPONED)
    if entry is None or entry.kind is not EntryKind.TRYING or entry.facts.get("target") != target:
        return None
    return None if is_overtaken(entry, scene.endpoint) else entry


def trial_of(scene: Scene, package: ModelPackage, target: str) -> Trial | None:
    """Give the trial that a version is on, or goes on next; None when there is none."""
    rollout, endpoint = scene.rollout, scene.endpoint
    if rollout is None or endpoint is None or not _is_to_be_tried(scene, package, target):
        return None
    begun = _open_trial(scene, package, target)
    model = begun.facts["live_model"] if begun else scene.serving.model
    made_of = (target, model, rollout)
    config = trial_config(scene.model, scene.environment.name, version_in(endpoint.config_name) or 0, made_of)
    return Trial(config, model, rollout, (rollout.percent or 0) if package.share is None else package.share)
