"""Which models and endpoint configs nobody needs any more.

Each rollout of a version, and each change of a declaration, leaves a model and an endpoint config behind. Needed are
those of the version that serves, of a rollout under way, and of the versions that were verified last: a rollback then
has to make nothing, and works when the version's artifact cannot be reached. All others go, the config before its
model, so that what is interrupted never leaves a config whose model is gone.

What is deleted by mistake takes an endpoint down at its next update, so whatever is in doubt stays: names that do not
tell whose they are, what is younger than a day, and everything of an endpoint that is not at rest.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from modelward.config.spec import EnvironmentSpec, RegistrySpec
from modelward.core.endpoint import Endpoint
from modelward.core.ledger import Entry, EntryKind
from modelward.core.model_package import ModelPackage
from modelward.core.names import endpoint_name, is_prefix_whole, rollout_parts, rollout_prefix, version_in
from modelward.planning.changes import Change, DeleteEndpointConfig, DeleteModel, Plan
from modelward.planning.standing import is_eligible

LEAST_AGE = timedelta(days=1)
"""A rollout, or a transform job, may be about to use what was made a moment ago."""
_AT_ONCE = 20
_OVER = frozenset({EntryKind.VERIFIED, EntryKind.FAILED})
# An endpoint that serves a mix of two configs (UpdateRollbackFailed) needs both.
_AT_REST = frozenset({"InService", "Failed"})


@dataclass(frozen=True, slots=True)
class Made:
    """The names of endpoint configs and models that are old enough to go."""

    configs: frozenset[str]
    models: frozenset[str]

    def of(self, model: str, environment: str) -> "Made":
        """Give those that rollouts of a model to an environment have made, or others whose names were cut alike."""
        prefix = rollout_prefix(model, environment)
        return Made(frozenset(_with(prefix, self.configs)), frozenset(_with(prefix, self.models)))


@dataclass(frozen=True, slots=True)
class House:
    """What there is of one model in one environment.

    Args:
        model: The model.
        environment: The environment.
        endpoint: The endpoint as it is; None when there is none.
        made: What is old enough to go.
        entries: The ledger's entries of the model, in any order.
    """

    model: str
    environment: EnvironmentSpec
    endpoint: Endpoint | None
    made: Made
    entries: Sequence[Entry]

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is under way that might need what nobody needs now."""
        return self.endpoint is None or self.endpoint.status in _AT_REST


def crowded(spec: RegistrySpec, made: Made) -> list[str]:
    """Give the models of which there is more than an environment may keep, those with the most first.

    Names alone tell it, without a call. An environment with no more than it may keep is left as it is.
    """
    counts = [Counter(rollout_parts(name)[0] for name in names) for names in (made.configs, made.models)]
    excess = {model: max(_excess(spec, model, each) for each in counts) for model in spec.models}
    return sorted((model for model in excess if excess[model] > 0), key=lambda model: (-excess[model], model))


def _excess(spec: RegistrySpec, model: str, count: Mapping[str, int]) -> int:
    places = spec.models[model].endpoints
    return max((count[rollout_prefix(model, each)] - _kept(spec.environments[each]) for each in places), default=0)


def _kept(environment: EnvironmentSpec) -> int:
    """Give how many versions keep what they were served from: the one that serves, and those before it."""
    return 1 + environment.kept_for_rollback


def needed_configs(house: House) -> frozenset[str]:
    """Give the configs that the endpoint, a rollout under way or a rollback needs; some of them may not be there.

    Of each version that a rollback may bring back, that is the config in which it was verified last.
    """
    endpoint = house.endpoint
    in_use = {endpoint.config_name, endpoint.pending_config} if endpoint else set()
    here = [entry for entry in house.entries if entry.environment == house.environment.name and "config" in entry.facts]
    newest = sorted(here, key=lambda entry: (entry.at, entry.key), reverse=True)
    verified: dict[int, str] = {}
    for entry in newest:
        if entry.kind is EntryKind.VERIFIED:
            verified.setdefault(entry.version, entry.facts["config"])
    begun = next((entry.facts for entry in newest[:1] if entry.kind not in _OVER), {})
    under_way = {begun.get("config", ""), begun.get("target", "")}
    return frozenset(in_use | under_way | {*list(verified.values())[: _kept(house.environment)]}) - {""}


def doubtful_versions(house: House) -> frozenset[int]:
    """Give the versions that have something that would go, so that it is worth to look where they stand."""
    live = version_in(house.endpoint.config_name) if house.endpoint else None
    numbers = {version_in(name) for name in _candidates(house)}
    return frozenset(number for number in numbers if number is not None and number != live)


def plan_tidying(house: House, looked_at: Iterable[ModelPackage], models_in_use: Iterable[str], now: datetime) -> Plan:
    """Plan to delete what nobody needs, twenty configs at most; the next look goes on.

    Args:
        house: As observed.
        looked_at: The versions of `doubtful_versions`, as far as there are any; what the environment may be about to
            serve keeps what it has.
        models_in_use: The models that needed configs name, whatever these are called.
        now: The time.
    """
    if not house.is_at_rest:
        return Plan(f"{_where(house)}: the endpoint is being changed; nothing is deleted meanwhile.")
    stage = house.environment.stage
    awaited = {each.version for each in looked_at if each.stage == stage and is_eligible(each)}
    lately = {
        entry.facts.get("config", "")
        for entry in house.entries
        if entry.kind not in _OVER and entry.at > now - LEAST_AGE
    }
    kept = lately | {*models_in_use}
    names = [name for name in _candidates(house) if version_in(name) not in awaited and name not in kept]
    if not names:
        return Plan(f"{_where(house)}: there is nothing that nobody needs.")
    changes = tuple(change for name in names[:_AT_ONCE] for change in _deletions(house, name))
    return Plan(f"{_where(house)}: {len(names)} configurations are needed by nobody.", changes)


def _candidates(house: House) -> list[str]:
    """Give the names of what is ours and not needed, oldest version first.

    A model has the name of its config. Where names had to be cut, another model's may begin alike: then only those are
    ours that the ledger tells of.
    """
    known = {entry.facts.get("config") for entry in house.entries if entry.environment == house.environment.name}
    is_telling = is_prefix_whole(house.model, house.environment.name)
    names = (house.made.configs | house.made.models) - needed_configs(house)
    return sorted((name for name in names if is_telling or name in known), key=lambda name: (version_in(name), name))


def _deletions(house: House, name: str) -> Iterator[Change]:
    if name in house.made.configs:
        yield DeleteEndpointConfig(name, endpoint_name(house.model, house.environment.name))
    if name in house.made.models:
        yield DeleteModel(name)


def _where(house: House) -> str:
    return f"{house.model} in {house.environment.name}"


def _with(prefix: str, names: Iterable[str]) -> Iterator[str]:
    return (name for name in names if rollout_parts(name)[0] == prefix)
