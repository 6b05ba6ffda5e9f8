"""Writing a declaration down and reading it back changes nothing."""

import json
import math
import string
from dataclasses import fields, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from modelward import config
from modelward.config import (
    AccessSpec,
    AlarmSpec,
    AutoscalingSpec,
    CaptureSpec,
    EndpointSpec,
    Enter,
    EnvironmentSpec,
    ExistingSpec,
    Gate,
    ModelAccessSpec,
    ModelSpec,
    NotificationSpec,
    RegistrySpec,
    RolloutSpec,
    Serverless,
    Slack,
    Strategy,
    VpcSpec,
)
from modelward.core.names import ENTITY_NAME_LIMIT

STAGES = ("Development", "Staging", "Production", "Archived")
alnum = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=ENTITY_NAME_LIMIT)
registry_names = alnum.filter(lambda name: name[0] in string.ascii_lowercase)
bounds = st.none() | st.floats(-1e300, 1e300)
owners = st.text(st.characters(categories=["L", "N"]) | st.sampled_from("_.:/=+-@"), min_size=1, max_size=256)


def is_declarable(gate: Gate) -> bool:
    low, high, slack = gate.at_least, gate.at_most, gate.worse_than_live_by_at_most
    if low is None and high is None and slack is None:
        return False
    if low is not None and high is not None and low > high:
        return False
    return slack is None or gate.is_higher_better is not None


gates = st.builds(
    Gate,
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=121),
    bounds,
    bounds,
    st.none() | st.floats(0, 1e300),
    st.sampled_from([None, "higher", "lower"]),
).filter(is_declarable)
serverless = st.builds(Serverless, st.sampled_from(range(1024, 6145, 1024)), st.integers(1, 200))
limits = st.none() | st.integers(1, 1440)
alarms = st.none() | st.builds(AlarmSpec, limits, limits, limits).filter(lambda each: each != AlarmSpec())
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
vpcs = st.builds(
    VpcSpec, st.sampled_from([("subnet-0a1b2c3d",), ("subnet-0000000a", "subnet-0000000b")]), st.just(("sg-0a1b2c3d",))
)
cooldowns = st.none() | st.integers(0, 86_400)
autoscaling = st.builds(AutoscalingSpec, st.integers(1, 3), st.integers(3, 9), st.integers(1, 9), cooldowns, cooldowns)
types = st.sampled_from(["ml.m5.large", "ml.p6-b200.48xlarge"])
at_once = [None, RolloutSpec(), RolloutSpec(termination_wait_s=60, time_limit_s=600)]
gradual = [
    RolloutSpec(Strategy.CANARY, 10, 60, 60, 600),
    RolloutSpec(Strategy.LINEAR, 10, 0),
    RolloutSpec(Strategy.ROLLING, 5, 3600),
]
tried = [RolloutSpec(Strategy.SHADOW, 100, trial_s=600, slower_by_at_most_percent=0), RolloutSpec(Strategy.AB, 99)]
rollouts = st.sampled_from([*at_once, *gradual, *tried])


def is_movable(endpoint: EndpointSpec) -> bool:
    can_be_gradual = endpoint.initial_count > 1 and endpoint.is_watched
    is_fixed = endpoint.autoscaling is None
    return (can_be_gradual or endpoint.rollout not in gradual) and (is_fixed or endpoint.rollout not in tried)


ALARMS = ["odd-answers", "Answers too slow (p99)", "ä" * 255]
of_teams = st.lists(st.sampled_from(ALARMS), max_size=3, unique=True).map(tuple)
scaled = st.builds(
    EndpointSpec,
    st.just(""),
    st.none(),
    types,
    autoscaling=autoscaling,
    alarms=alarms,
    rollout=rollouts,
    roll_back_on=of_teams,
)
on_instances = st.builds(
    EndpointSpec,
    st.just(""),
    st.none(),
    types,
    st.integers(1, 99),
    st.booleans(),
    st.sampled_from([None, KEY]),
    st.none() | vpcs,
    st.none() | st.builds(CaptureSpec, st.integers(1, 100), st.sampled_from([None, "requests", "responses"])),
    alarms=alarms,
    rollout=rollouts,
    roll_back_on=of_teams,
)
serverless_ones = st.builds(
    EndpointSpec, st.just(""), serverless, alarms=alarms, rollout=st.sampled_from(at_once), roll_back_on=of_teams
)
endpoints = serverless_ones | on_instances.filter(is_movable) | scaled.filter(is_movable)
ROLE = "arn:aws:iam::123456789012:role/{}"
accesses = st.builds(
    AccessSpec,
    contributors=st.sampled_from([(), (ROLE.format("a"),)]),
    validators=st.sampled_from([(), (ROLE.format("a"), ROLE.format("b"))]),
    approvers=st.sampled_from([(), (ROLE.format("c"),)]),
    permissions_boundary=st.sampled_from([None, "Boundary"]),
    role_path=st.sampled_from(["/", "/teams/ml/"]),
)


@st.composite
def specs(draw: st.DrawFn) -> RegistrySpec:
    served = draw(st.dictionaries(alnum, st.sampled_from(STAGES[:-1]), max_size=3))
    served = {name: stage for stage, name in {stage: name for name, stage in served.items()}.items()}
    environments = {
        name: EnvironmentSpec(name, stage, draw(st.sampled_from(Enter)), rollout=draw(st.sampled_from(at_once)))
        for name, stage in served.items()
    }
    names = draw(st.sets(alnum, max_size=3))
    models = {name: draw(models_named(name, sorted(environments))) for name in sorted(names)}
    told = draw(st.builds(NotificationSpec, st.sampled_from([(), ("a@b.io",)]), st.sampled_from([None, Slack("x/y")])))
    theirs = draw(st.builds(ExistingSpec, st.sampled_from([None, "ml-artifacts"]), st.none(), st.none()))
    name, stacks, access = draw(registry_names), draw(st.integers(1, 100)), draw(accesses)
    return RegistrySpec(name, STAGES, environments, models, told, existing=theirs, access=access, group_stacks=stacks)


@st.composite
def models_named(draw: st.DrawFn, name: str, environments: list[str]) -> ModelSpec:
    mine = {gate.metric: gate for gate in draw(st.lists(gates, max_size=3))}
    served = draw(st.sets(st.sampled_from(environments))) if environments else set()
    made = {env: draw(endpoints) for env in sorted(served)}
    placed = {env: replace(e, environment=env) for env, e in made.items()}
    access = draw(st.sampled_from([None, ModelAccessSpec((ROLE.format("d"),))]))
    return ModelSpec(name, draw(owners), mine, placed, existing=draw(st.booleans()), access=access)


def toml(value: Any) -> str:
    """Write inline TOML, None left out."""
    if isinstance(value, dict):
        kept = [f"{quoted(key)} = {toml(each)}" for key, each in value.items() if each is not None]
        return "{" + ", ".join(kept) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if isinstance(value, str) else repr(value)


def quoted(text: str) -> str:
    return json.dumps(str(text), ensure_ascii=False)


def without(value: Any, *names: str) -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in fields(value) if each.name not in names}


def endpoint_table(endpoint: EndpointSpec) -> dict[str, Any]:
    alarms = {"alarms": endpoint.alarms and without(endpoint.alarms), **rollout_table(endpoint)}
    alarms["roll_back_on"] = endpoint.roll_back_on
    if endpoint.serverless is not None:
        return {"serverless": without(endpoint.serverless), **alarms}
    tables = {
        "vpc": endpoint.vpc and without(endpoint.vpc),
        "data_capture": endpoint.data_capture and without(endpoint.data_capture),
        "autoscaling": endpoint.autoscaling and without(endpoint.autoscaling),
    }
    unsaid = ("environment", "serverless", *(["instance_count"] if endpoint.autoscaling else []))
    return {**without(endpoint, *unsaid), **tables, **alarms}


def rollout_table(declared: EndpointSpec | EnvironmentSpec) -> dict[str, Any]:
    return {"rollout": declared.rollout and without(declared.rollout)}


def model_table(model: ModelSpec) -> dict[str, Any]:
    gates = {name: without(gate, "metric") for name, gate in model.gates.items()}
    return {
        "owner": model.owner,
        "existing": model.existing,
        "gates": gates,
        "endpoints": {name: endpoint_table(each) for name, each in model.endpoints.items()},
        "access": None if model.access is None else without(model.access),
    }


def written(spec: RegistrySpec) -> str:
    slack = spec.notifications.slack
    told = {"email": spec.notifications.email, "slack": None if slack is None else without(slack)}
    tables = {
        "registry": {"name": spec.name, "stages": spec.stages, "group_stacks": spec.group_stacks},
        "environments": {
            name: {**without(each, "name"), **rollout_table(each)} for name, each in spec.environments.items()
        },
        "models": {name: model_table(each) for name, each in spec.models.items()},
        "notifications": told,
        "access": without(spec.access),
        "existing": without(spec.existing),
    }
    return "".join(f"{name} = {toml(table)}\n" for name, table in tables.items())


@given(specs())
def test_a_declaration_that_is_written_and_read_is_the_same(spec: RegistrySpec):
    assert config.parse(written(spec)) == spec


@given(specs())
def test_what_was_read_keeps_the_promises_of_the_layer_above(spec: RegistrySpec):
    read = config.parse(written(spec))
    served = [each.stage for each in read.environments.values()]
    assert len(served) == len(set(served))
    assert read.archive_stage not in served
    for model in read.models.values():
        assert model.endpoints.keys() <= read.environments.keys()
        assert all((each.serverless is None) != (each.instance_type is None) for each in model.endpoints.values())
        limits = [limit for g in model.gates.values() for limit in (g.at_least, g.at_most) if limit is not None]
        assert all(map(math.isfinite, limits))
