"""Looking at a whole account: what it holds, and what a deployment would meet there."""

from collections.abc import Collection, Sequence

from modelward.config.spec import RegistrySpec
from modelward.core.account import Group, Held
from modelward.core.errors import NotFoundError
from modelward.core.names import endpoint_name, registry_stack
from modelward.planning.deployment import Finding, Observed, findings
from modelward.services.context import Context

_GROUP_TYPE = "AWS::SageMaker::ModelPackageGroup"


def held(context: Context, names: Collection[str] = ()) -> list[Held]:
    """Tell what groups the account holds, by name: how many versions, the newest, the endpoints that serve them.

    It costs one call for each hundred groups and one for each group that is shown; besides, one for each hundred
    endpoints and three for each endpoint, because only its model tells which version it serves.

    Args:
        context: Gateways.
        names: The groups to look at; all when empty.

    Raises:
        NotFoundError: there is no group of a name.
        AwsError: AWS refused a call.
    """
    groups = _chosen(list(context.inventory.list_groups()), names)
    serving = _serving(context) if groups else {}
    return [_held(context, group, serving) for group in groups]


def _chosen(groups: Sequence[Group], names: Collection[str]) -> Sequence[Group]:
    by_name = {group.name.lower(): group for group in groups}
    for name in names:
        if name.lower() not in by_name:
            raise NotFoundError("model package group", name, next_step="List those that exist: `modelward adopt`.")
    return [by_name[name.lower()] for name in dict.fromkeys(names)] if names else groups


def _held(context: Context, group: Group, serving: dict[str, list[str]]) -> Held:
    versions, last = context.inventory.newest(group.name)
    endpoints = tuple(sorted(serving.get(group.name.lower(), ())))
    return Held(group, versions, last, endpoints, context.declared(group.name) is not None)


def _serving(context: Context) -> dict[str, list[str]]:
    """Map groups, in lower case, to the endpoints that serve versions of them."""
    found: dict[str, list[str]] = {}
    for name in context.inventory.list_endpoints():
        endpoint = context.sagemaker.describe_endpoint(name)
        for group in context.inventory.served_groups(endpoint.config_name) if endpoint and endpoint.config_name else ():
            found.setdefault(group, []).append(name)
    return found


def deployment_findings(context: Context) -> tuple[Finding, ...]:
    """Tell what a deployment of the declaration would meet in the account; nothing is changed.

    It costs one call for each hundred groups, stack resources and endpoints, one for each declared endpoint that
    exists, one search, and one for a table that is there already.

    Raises:
        AwsError: AWS refused a call.
    """
    return findings(context.spec, _observed(context))


def _observed(context: Context) -> Observed:
    spec = context.spec
    there = {name.lower() for name in context.inventory.list_endpoints()}
    endpoints = (
        context.sagemaker.describe_endpoint(name) for name in _declared_endpoints(spec) if name.lower() in there
    )
    of_stacks = [
        context.stacks.list_resources(name, _GROUP_TYPE) for name in {registry_stack(spec.name), *spec.owned()}
    ]
    owned = [name for names in of_stacks for name in names or ()]
    table_arn = spec.existing.table_arn
    return Observed(
        groups=list(context.inventory.list_groups()),
        owned=frozenset(owned),
        endpoints=[endpoint for endpoint in endpoints if endpoint],
        strays=list(context.inventory.search_other_stages(spec.stages)),
        table=context.tables.describe(table_arn.rpartition("/")[2]) if table_arn else None,
    )


def _declared_endpoints(spec: RegistrySpec) -> list[str]:
    return [endpoint_name(model.name, place) for model in spec.models.values() for place in model.endpoints]
