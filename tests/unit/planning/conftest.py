"""A registry and its endpoints as plain values, with SageMaker's rules about them: what plans are tried on."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from tests.declaration import DIGITS

from modelward.config import AutoscalingSpec, EndpointSpec, parse
from modelward.config.spec import RegistrySpec, RolloutSpec
from modelward.core.endpoint import CHALLENGER, VARIANT, Endpoint, Figures, Serving
from modelward.core.ledger import Entry, EntryKind
from modelward.core.model_package import (
    BECAUSE_KEY,
    DECIDED_KEY,
    ENTERED_KEY,
    METRIC_KEY,
    SHARE_KEY,
    SMOKE_KEY,
    ApprovalStatus,
    Caller,
    Entered,
    LifeCycle,
    ModelPackage,
    packed,
)
from modelward.core.names import endpoint_name, version_in
from modelward.core.smoke import SmokeVerdict
from modelward.planning.changes import (
    Challenger,
    CreateEndpoint,
    CreateEndpointConfig,
    CreateModel,
    DeleteEndpoint,
    DeregisterScaling,
    Plan,
    Record,
    RegisterScaling,
    ShiftCalls,
    UpdateEndpoint,
    UpdateVersion,
)
from modelward.planning.review import Case, concerned, demands, news
from modelward.planning.rollout import plan_rollout
from modelward.planning.scene import COME_LATE, Refusal, Scene, config_name

SPEC = parse(DIGITS, "registry.toml")
MODEL = SPEC.models["digits"]
ROLE = "arn:aws:iam::123456789012:role/model-execution"
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def package(version: int = 1, **fields: Any) -> ModelPackage:
    """Make a version with good figures that waits for its approval."""
    metrics = fields.pop("metrics", {"accuracy": 0.95, "log_loss": 0.2})
    stamp, smoke = fields.pop("entered", None), fields.pop("smoke", "")
    metadata = {METRIC_KEY + name: repr(value) for name, value in metrics.items()}
    if stamp:
        metadata[ENTERED_KEY] = str(stamp)
    if smoke:
        metadata[SMOKE_KEY] = smoke
    made = NOON - timedelta(days=1) + timedelta(minutes=version)
    given = {
        "arn": f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/digits/{version}",
        "group": "digits",
        "version": version,
        "status": "Completed",
        "approval_status": ApprovalStatus.PENDING,
        "created_at": made,
        "modified_at": made,
        "metadata": metadata,
        "created_by": Caller("arn:aws:iam::123456789012:user/ana"),
        "modified_by": Caller("arn:aws:iam::123456789012:user/ben"),
    }
    return ModelPackage(**(given | fields))


class RefusedError(Exception):
    """SageMaker or DynamoDB would refuse this: whoever carries the plan out stops here."""


class BusyError(RefusedError):
    """SageMaker would refuse to update the endpoint now: something else changes it."""


@dataclass
class Account:
    """SageMaker's versions and endpoints and the ledger of one model, on a clock that ticks with every change."""

    packages: dict[int, ModelPackage] = field(default_factory=dict)
    chains: dict[int, tuple[Entry, ...]] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    specs: dict[str, EndpointSpec] = field(default_factory=lambda: dict(MODEL.endpoints))
    """By environment, what is declared now."""
    made: dict[str, EndpointSpec] = field(default_factory=dict)
    """Endpoint configs by name."""
    counts: dict[str, int] = field(default_factory=dict)
    """By environment, how many instances there are."""
    scaled: dict[str, AutoscalingSpec] = field(default_factory=dict)
    """By environment, how they are scaled: AWS keeps that beside SageMaker."""
    coming: dict[str, str] = field(default_factory=dict)
    """By environment, the config that a rollout under way goes to."""
    models: dict[str, str] = field(default_factory=dict)
    """By endpoint config, the name of its model."""
    tried: dict[str, Challenger] = field(default_factory=dict)
    """By endpoint config of a trial, what is tried."""
    meddlers: dict[str, list[str | None]] = field(default_factory=dict)
    """By environment, what somebody does between a look and the update that follows from it: resize, or move."""
    sick: frozenset[int] = frozenset()
    """Versions whose containers never become healthy."""
    wrong: frozenset[int] = frozenset()
    """Versions whose smoke test fails, if they have one."""
    poor: frozenset[int] = frozenset()
    """Versions that do worse than the live one when they get copies of its calls."""
    crashes: list[int] = field(default_factory=list)
    """How many changes of the next plans are made before the function stops."""
    now: datetime = NOON
    watch: Callable[["Account", Any], None] = lambda _account, _change: None
    moves: int = 0
    alarms: dict[str, datetime] = field(default_factory=dict)
    """Alarms of the team's own that are on, and when they went off."""
    spec: RegistrySpec = SPEC

    # --- facts ------------------------------------------------------------------------------------------------------

    def chain(self, version: int) -> tuple[Entry, ...]:
        return self.chains.get(version, ())

    def standing(self, stage: str) -> list[ModelPackage]:
        return [each for each in self.packages.values() if each.stage == stage]

    def case(self, version: int) -> Case:
        """See a version with as much of its surroundings as the service reads."""
        case = Case(self.spec, MODEL, self.packages[version], self.chain(version))
        standing = [package for stage in concerned(case) for package in self.standing(stage)]
        heir = self.heir(case.environment.name, version) if case.environment else None
        return replace(case, standing=standing, heir=heir)

    def heir(self, environment: str, leaving: int) -> ModelPackage | None:
        entries = [e for chain in self.chains.values() for e in chain]
        verified = [e for e in entries if e.kind is EntryKind.VERIFIED and e.environment == environment]
        for entry in sorted(verified, key=lambda e: e.at, reverse=True):
            found = self.packages[entry.version]
            if entry.version != leaving and found.is_approved and found.is_usable:
                return found
        return None

    def scene(self, environment: str) -> Scene:
        env = self.spec.environments[environment]
        scene = Scene(
            spec=self.spec,
            model="digits",
            environment=env,
            endpoint_spec=self.specs[environment],
            role_arn=ROLE,
            standing=self.standing(env.stage),
            endpoint=self.endpoints.get(environment),
            chain=(),
        )
        scene = replace(scene, chain=self.chain(scene.wanted.version)) if scene.wanted else scene
        if scene.asks_for_smoke and scene.wanted:
            is_held = scene.wanted.version not in self.wrong
            scene = replace(scene, smoke=SmokeVerdict(is_held, "its smoke test held" if is_held else "it is wrong"))
        scene = replace(scene, alarms=dict(self.alarms)) if scene.asks_for_alarms else scene
        if scene.wanted and scene.asks_for_heirs:
            heir = self.heir(environment, scene.wanted.version)
            scene = replace(scene, heirs=(heir,) if heir else ())
        counted = scene.asks_for_figures
        if counted and counted[1] + COME_LATE <= self.now and scene.wanted:
            worse = Figures(calls=50, errors=int(scene.wanted.version in self.poor))
            scene = replace(scene, figures={VARIANT: Figures(calls=50), CHALLENGER: worse})
        if not (scene.asks_for_serving and scene.endpoint):
            return scene
        name = scene.endpoint.config_name
        made = self.made.get(name, self.specs[environment])
        return replace(scene, serving=Serving(self.models.get(name, name), made.instance_type or ""))

    def serving(self, environment: str) -> int | None:
        endpoint = self.endpoints.get(environment)
        return version_in(endpoint.config_name) if endpoint and endpoint.status == "InService" else None

    def version(self, config: str) -> int | None:
        """Tell which version an endpoint config brings in: in a trial the one that is tried."""
        return version_in(self.tried[config].model_name if config in self.tried else config)

    # --- what happens -----------------------------------------------------------------------------------------------

    def apply(self, changes: Sequence[Any]) -> Refusal | None:
        """Carry changes out as far as the function lives; tell if SageMaker refused because the endpoint was busy."""
        limit = self.crashes.pop(0) if changes and self.crashes else len(changes)
        self.moves += bool(changes)
        for change in changes[:limit]:
            self.watch(self, change)
            try:
                self._apply(change)
            except BusyError:
                return Refusal.BUSY
            except RefusedError:
                return None
        return None

    def _apply(self, change: Any) -> None:
        self.now += timedelta(seconds=1)
        match change:
            case Record(entry):
                self._record(entry)
            case UpdateVersion():
                self._update(change)
            case CreateEndpoint(name, config):
                self._begin(name, config, "Creating")
            case CreateEndpointConfig():
                self._make(change)
            case ShiftCalls(name, weights):
                self._shift(self._environment(name), weights)
            case UpdateEndpoint():
                self._move(change)
            case DeleteEndpoint(name):
                del self.endpoints[self._environment(name)]
            case RegisterScaling() | DeregisterScaling():
                self._scale(change)
            case CreateModel() if not self.packages[int(change.package_arn.rsplit("/", 1)[1])].is_approved:
                raise RefusedError

    def _make(self, change: CreateEndpointConfig) -> None:
        self.made[change.name], self.models[change.name] = change.endpoint, change.model_name
        if change.challenger:
            self.tried.setdefault(change.name, change.challenger)

    def _move(self, change: UpdateEndpoint) -> None:
        environment, config = self._environment(change.name), change.config_name
        there = self.endpoints[environment]
        # Guardrails want the same variants before and after; and no endpoint is moved to where it is, but from a mix.
        is_renamed = change.guard is not None and (there.config_name in self.tried) != (config in self.tried)
        if is_renamed or (there.config_name == config and there.status == "InService"):
            raise RefusedError
        self._resize(environment, config, keeps_count=change.keeps_count)
        self._begin(change.name, config, "Updating")

    def _shift(self, environment: str, weights: Mapping[str, float]) -> None:
        there = self.endpoints[environment]
        if there.status != "InService":
            raise RefusedError
        self.endpoints[environment] = replace(
            there, status="Updating", weights=weights, sizes=repr(weights), modified_at=self.now
        )

    def meddle(self, environment: str) -> None:
        """Let somebody resize an endpoint that is at rest, or move it to a config of theirs, if it is their turn."""
        queue, there = self.meddlers.get(environment, []), self.endpoints.get(environment)
        what = queue.pop(0) if queue else None
        if what is None or there is None or there.status != "InService":
            return
        self.now += timedelta(seconds=1)
        pending = "by-hand" if what == "move" else ""
        self.coming[environment] = pending or there.config_name
        self.endpoints[environment] = replace(
            there, status="Updating", pending_config=pending, sizes=f"resized at {self.now}", modified_at=self.now
        )

    def _scale(self, change: RegisterScaling | DeregisterScaling) -> None:
        environment = self._environment(change.endpoint)
        self.scaled.pop(environment, None)
        if isinstance(change, RegisterScaling):
            self.scaled[environment] = change.scaling

    def _record(self, entry: Entry) -> None:
        chain = self.chain(entry.version)
        if entry.seq != len(chain) + 1:
            raise RefusedError
        self.chains[entry.version] = (*chain, entry)

    def _update(self, change: UpdateVersion) -> None:
        before = self.packages[change.version]
        stamp = {ENTERED_KEY: str(change.entered)} if change.entered else {}
        if change.is_decision and change.entered and change.life_cycle:
            stamp |= {DECIDED_KEY: str(change.entered), BECAUSE_KEY: packed(change.life_cycle.description)}
        after = replace(
            before,
            life_cycle=change.life_cycle or before.life_cycle,
            metadata={**before.metadata, **stamp},
            modified_at=self.now,
            modified_by=Caller("arn:aws:sts::123456789012:assumed-role/functions/review"),
        )
        if change.approval:
            after = replace(after, approval_status=change.approval, approval_description=change.reason)
        self.packages[change.version] = after

    def _begin(self, name: str, config: str, status: str) -> None:
        environment = self._environment(name)
        there = self.endpoints.get(environment)
        if there and status == "Updating" and there.is_busy:
            raise BusyError
        if (there is None) != (status == "Creating") or (there and there.status == "Failed"):
            raise RefusedError
        self.coming[environment] = config
        first = Endpoint(name, status, config, self.now)
        self.endpoints[environment] = (
            replace(there, status=status, modified_at=self.now, failure_reason="", pending_config=config)
            if there
            else first
        )

    def _resize(self, environment: str, config: str, *, keeps_count: bool) -> None:
        old, new = self.made.get(self.endpoints[environment].config_name), self.made[config]
        if environment in self.scaled and (old is None or old.instance_type != new.instance_type):
            raise RefusedError
        if not keeps_count:
            self.counts[environment] = new.initial_count

    @staticmethod
    def _environment(name: str) -> str:
        return next(env for env in SPEC.environments if endpoint_name("digits", env) == name)

    def finish(self) -> None:
        """Let rollouts that are under way end, well or badly."""
        for environment, there in self.endpoints.items():
            if there.is_busy:
                self.now += timedelta(seconds=1)
                self.endpoints[environment] = self._finished(there, self.coming.pop(environment, there.config_name))

    def _finished(self, there: Endpoint, config: str) -> Endpoint:
        is_sick, there = self.version(config) in self.sick, replace(there, modified_at=self.now, pending_config="")
        if is_sick and there.status == "Creating":
            return replace(there, status="Failed", failure_reason="no ping")
        is_new, there = there.status == "Creating", replace(there, status="InService")
        if is_sick or (config == there.config_name and not is_new):
            return there
        tried = self.tried.get(config)
        shares = {VARIANT: 100.0 - tried.percent, CHALLENGER: float(tried.percent)} if tried else {VARIANT: 1.0}
        return replace(there, config_name=config, weights=shares, sizes=repr(shares))

    # --- Modelward ----------------------------------------------------------------------------------------------------

    def review(self, version: int) -> bool:
        """Bring the ledger up to date with a version and meet what the rules demand; tell whether anything was new."""
        case = self.case(version)
        entries = news(case)
        self.apply([Record(entry) for entry in entries])
        if self.chain(version) != (*case.chain, *entries):
            return True  # it stopped in between; the event comes again
        updates = demands(replace(case, chain=self.chain(version)), now=self.now)[1]
        self.apply(updates)
        return bool(entries or updates)

    def reconcile(self, environment: str) -> bool:
        plan = self.plan(environment)
        if any(isinstance(change, UpdateEndpoint) for change in plan.changes):
            self.meddle(environment)
        refusal = self.apply(plan.changes)
        if refusal:
            self.apply(self.plan(environment, refusal).changes)
        return not plan.is_empty

    def plan(self, environment: str, refusal: Refusal | None = None) -> Plan:
        self.now += timedelta(seconds=1)
        return plan_rollout(replace(self.scene(environment), refusal=refusal), now=self.now)

    def has_waited(self) -> bool:
        """Let the time of trials pass; tell whether any was running."""
        counted = [self.scene(environment).asks_for_figures for environment in self.spec.environments]
        ends = [each[1] + COME_LATE for each in counted if each and each[1] + COME_LATE > self.now]
        self.now = max([self.now, *ends])
        return bool(ends)

    def round(self, order: Sequence[Any]) -> bool:
        """Look at each version and environment once, in an order; tell whether anything was to be done."""
        looked = [self.review(each) if isinstance(each, int) else self.reconcile(each) for each in order]
        is_busy = any(endpoint.is_busy for endpoint in self.endpoints.values())
        self.finish()
        return any(looked) or is_busy

    def converge(self, order: Sequence[Any] = (), most: int = 60) -> "Account":
        """Go on until nothing is to be done; fail when that does not end."""
        order = order or [*self.packages, *SPEC.environments]
        for _ in range(most):
            if not self.round(order) and not self.has_waited():
                return self
        raise AssertionError(f"it does not end: {[p.life_cycle for p in self.packages.values()]} {self.endpoints}")

    # --- people -------------------------------------------------------------------------------------------------------

    def add(self, version: int, **fields: Any) -> None:
        self.packages[version] = package(version, **fields)

    def edit(self, version: int, **fields: Any) -> None:
        """Do what a person does in the console: change fields of a version, which has a time."""
        self.now += timedelta(seconds=1)
        by = Caller("arn:aws:iam::123456789012:user/ben")
        self.packages[version] = replace(self.packages[version], modified_at=self.now, modified_by=by, **fields)

    def approve(self, version: int, reason: str = "good") -> None:
        self.edit(version, approval_status=ApprovalStatus.APPROVED, approval_description=reason)

    def reject(self, version: int, reason: str = "bad") -> None:
        self.edit(version, approval_status=ApprovalStatus.REJECTED, approval_description=reason)

    def promote(self, version: int, stage: str = "Production", *, is_stamped: bool = True) -> None:
        metadata = dict(self.packages[version].metadata)
        if is_stamped:
            stamp = str(Entered(stage, self.now + timedelta(seconds=1)))
            metadata |= {ENTERED_KEY: stamp, DECIDED_KEY: stamp, BECAUSE_KEY: packed("released")}
        self.edit(version, life_cycle=LifeCycle(stage, "InProgress", "released"), metadata=metadata)

    def share(self, version: int, percent: int) -> None:
        """Say how many calls of a hundred a version on trial takes; with all of them its trial is finished."""
        package = self.packages[version]
        self.edit(version, metadata={**package.metadata, SHARE_KEY: f"{percent} {package.entered}"})

    def declare(self, rollout: RolloutSpec | None) -> None:
        """Declare how production moves to another version."""
        production = replace(self.spec.environments["production"], rollout=rollout)
        self.spec = replace(self.spec, environments={**self.spec.environments, "production": production})

    def live(self, version: int, **fields: Any) -> None:
        self.add(version, **fields)
        self.converge()
        self.approve(version)
        self.converge()
        self.promote(version)
        self.converge()

    def config(self, version: int, environment: str) -> str:
        return config_name(self.packages[version], self.specs[environment], ROLE)

    def end(self) -> dict[str, Any]:
        """What people see when all is done, times aside."""
        return {
            "serving": {env: self.serving(env) for env in SPEC.environments},
            "versions": {n: (p.approval_status, p.stage, p.stage_status) for n, p in self.packages.items()},
        }


def newest(account: Account, stage: str) -> ModelPackage | None:
    """Find the version that may be served in a stage and was decided on last, by its own stamp."""
    there = [p for p in account.standing(stage) if p.stage_status in ("InProgress", "Approved") and p.entered]
    there = [p for p in there if (p.approval_status, p.status) == ("Approved", "Completed")]
    return max(there, key=lambda p: (p.entered.at if p.entered else NOON, p.version), default=None)


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture(scope="session")
def world() -> ModuleType:
    """All that stands here, for properties: they cannot take a fixture that is made for each test."""
    return sys.modules[__name__]
