"""A registry and its endpoints as plain values, with SageMaker's rules about them: what plans are tried on."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from tests.declaration import DIGITS

from modelward.config import AutoscalingSpec, EndpointSpec, parse
from modelward.core.endpoint import Endpoint, Serving
from modelward.core.ledger import Entry, EntryKind
from modelward.core.model_package import (
    BECAUSE_KEY,
    DECIDED_KEY,
    ENTERED_KEY,
    METRIC_KEY,
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
    CreateEndpoint,
    CreateEndpointConfig,
    CreateModel,
    DeleteEndpoint,
    DeregisterScaling,
    Plan,
    Record,
    RegisterScaling,
    UpdateEndpoint,
    UpdateVersion,
)
from modelward.planning.review import Case, concerned, demands, news
from modelward.planning.rollout import plan_rollout
from modelward.planning.scene import Scene, config_name
from modelward.planning.standing import decided_at, is_eligible

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
    sick: frozenset[int] = frozenset()
    """Versions whose containers never become healthy."""
    wrong: frozenset[int] = frozenset()
    """Versions whose smoke test fails, if they have one."""
    crashes: list[int] = field(default_factory=list)
    """How many changes of the next plans are made before the function stops."""
    now: datetime = NOON
    watch: Callable[["Account", Any], None] = lambda _account, _change: None
    moves: int = 0
    alarms: dict[str, datetime] = field(default_factory=dict)
    """Alarms of the team's own that are on, and when they went off."""

    # --- facts ------------------------------------------------------------------------------------------------------

    def chain(self, version: int) -> tuple[Entry, ...]:
        return self.chains.get(version, ())

    def standing(self, stage: str) -> list[ModelPackage]:
        return [each for each in self.packages.values() if each.stage == stage]

    def case(self, version: int) -> Case:
        """See a version with as much of its surroundings as the service reads."""
        case = Case(SPEC, MODEL, self.packages[version], self.chain(version))
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
        env = SPEC.environments[environment]
        scene = Scene(
            spec=SPEC,
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
        if not (scene.asks_for_serving and scene.endpoint):
            return scene
        name = scene.endpoint.config_name
        return replace(scene, serving=Serving(name, self.made[name].instance_type or ""))

    def serving(self, environment: str) -> int | None:
        endpoint = self.endpoints.get(environment)
        return version_in(endpoint.config_name) if endpoint and endpoint.status == "InService" else None

    # --- what happens -----------------------------------------------------------------------------------------------

    def apply(self, changes: Sequence[Any]) -> None:
        """Carry changes out as far as the function lives."""
        limit = self.crashes.pop(0) if changes and self.crashes else len(changes)
        self.moves += bool(changes)
        for change in changes[:limit]:
            self.watch(self, change)
            try:
                self._apply(change)
            except RefusedError:
                return

    def _apply(self, change: Any) -> None:
        self.now += timedelta(seconds=1)
        match change:
            case Record(entry):
                self._record(entry)
            case UpdateVersion():
                self._update(change)
            case CreateEndpoint(name, config):
                self._begin(name, config, "Creating")
            case CreateEndpointConfig(name, _, spec):
                self.made[name] = spec
            case UpdateEndpoint(name, config, keeps_count):
                self._resize(self._environment(name), config, keeps_count=keeps_count)
                self._begin(name, config, "Updating")
            case DeleteEndpoint(name):
                del self.endpoints[self._environment(name)]
            case RegisterScaling() | DeregisterScaling():
                self._scale(change)
            case CreateModel():
                version = int(change.package_arn.rsplit("/", 1)[1])
                if not self.packages[version].is_approved:
                    raise RefusedError

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
        if (there is None) != (status == "Creating") or (there and (there.is_busy or there.status == "Failed")):
            raise RefusedError
        self.coming[environment] = config
        old = there.config_name if there else config
        self.endpoints[environment] = Endpoint(name, status, old, self.now)

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
        is_sick = version_in(config) in self.sick
        if is_sick and there.status == "Creating":
            return replace(there, status="Failed", modified_at=self.now, failure_reason="no ping")
        serves = there.config_name if is_sick else config
        return replace(there, status="InService", modified_at=self.now, config_name=serves)

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
        self.apply(plan.changes)
        return not plan.is_empty

    def plan(self, environment: str) -> Plan:
        self.now += timedelta(seconds=1)
        return plan_rollout(self.scene(environment), now=self.now)

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
            if not self.round(order):
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
    """Find the eligible version that was decided on last, by its own stamp."""
    return max((p for p in account.standing(stage) if is_eligible(p)), key=decided_at, default=None)


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture(scope="session")
def world() -> ModuleType:
    """All that stands here, for properties: they cannot take a fixture that is made for each test."""
    return sys.modules[__name__]
