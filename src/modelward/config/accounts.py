"""Where the parts of a registry are that has environments in accounts of their own, by names alone.

Stacks and programs of one account must name what is in another one, and may neither look there nor wait for each other:
so these names follow from the declaration.
"""

from modelward.config.spec import RegistrySpec
from modelward.core.names import bus_name, look_role, models_role, registry_role, rollout_role
from modelward.core.place import Place


def home_of(spec: RegistrySpec) -> Place:
    """Give the registry's own account and region; `checks` sees to it that they are declared where this is asked."""
    return Place(str(spec.account), str(spec.region))


def place_of(spec: RegistrySpec, environment: str) -> Place:
    """Give the account and region of an environment that has its own."""
    return Place(str(spec.environments[environment].account), str(spec.region))


def bus_arn(spec: RegistrySpec, environment: str, home: Place) -> str:
    """Give the bus on which rollouts are asked for: that of a foreign environment, or the registry's own (no name)."""
    place = place_of(spec, environment) if environment else home
    return place.arn("events", f"event-bus/{bus_name(spec.name, environment)}")


def buses_abroad(spec: RegistrySpec) -> list[str]:
    """Give the buses of all environments that have their own account."""
    return [bus_arn(spec, each.name, home_of(spec)) for each in spec.foreign]


def registry_role_arn(spec: RegistrySpec, environment: str) -> str:
    """Give the role that the rollout of an environment takes on to read and record."""
    return home_of(spec).role_arn(spec.access.role_path, registry_role(spec.name, environment))


def look_role_arn(spec: RegistrySpec, environment: str) -> str:
    """Give the role that people of the registry's account take on to see an environment's endpoints."""
    return place_of(spec, environment).role_arn(spec.access.role_path, look_role(spec.name, environment))


def models_role_arn(spec: RegistrySpec, environment: str) -> str:
    """Give the role that the models of a foreign environment run as."""
    return place_of(spec, environment).role_arn(spec.access.role_path, models_role(spec.name, environment))


def rollout_role_arn(spec: RegistrySpec, environment: str) -> str:
    """Give the role of the function that rolls out in a foreign environment."""
    return place_of(spec, environment).role_arn(spec.access.role_path, rollout_role(spec.name, environment))
