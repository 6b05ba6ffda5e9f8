"""What a deployment of registry.toml would meet in an account: findings, before anything is changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from modelward.config.spec import EndpointSpec, ExistingSpec, ModelSpec, RegistrySpec
from modelward.core.account import Group, Table
from modelward.core.endpoint import Endpoint
from modelward.core.ledger import BY_TIME
from modelward.core.model_package import ModelPackage
from modelward.core.names import GROUP_DESCRIPTION, endpoint_name


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a deployment would meet.

    Args:
        subject: What it is about, such as `group churn`.
        text: What there is.
        next_step: What to do; empty where nothing must be done.
        is_blocking: Whether a deployment would fail, or not do what registry.toml says.
        figures: The numbers in the text, for programs.
    """

    subject: str
    text: str
    next_step: str = ""
    is_blocking: bool = False
    figures: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Spell it for programs."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Observed:
    """An account, as far as a deployment is concerned.

    Args:
        groups: All groups.
        owned: Names of the groups that stacks of this registry own.
        endpoints: Those declared endpoints that exist.
        strays: Versions that stand in stages which registry.toml does not have.
        table: The table that shall keep the history, where one is named; None when there is none of its name.
    """

    groups: Sequence[Group]
    owned: frozenset[str]
    endpoints: Sequence[Endpoint]
    strays: Sequence[ModelPackage]
    table: Table | None = None


def findings(spec: RegistrySpec, observed: Observed) -> tuple[Finding, ...]:
    """Compare a declaration with an account: what blocks a deployment comes first."""
    found = [
        *_of_groups(spec, observed),
        *_undeclared(spec, observed),
        *_of_endpoints(spec, observed),
        *_of_stages(spec, observed),
        *_of_table(spec.existing, observed.table),
        *_of_policies(spec),
    ]
    return tuple(sorted(found, key=lambda finding: not finding.is_blocking))


def _of_groups(spec: RegistrySpec, observed: Observed) -> Iterator[Finding]:
    there = {group.name.lower(): group for group in observed.groups}
    owned = {name.lower() for name in observed.owned}
    for model in spec.models.values():
        group = there.get(model.name.lower())
        finding = _of_group(model, group, is_owned=model.name.lower() in owned)
        if finding:
            yield finding


def _of_group(model: ModelSpec, group: Group | None, *, is_owned: bool) -> Finding | None:
    subject = f"group {model.name}"
    if group is None:
        return _of_no_group(model, subject, is_owned=is_owned)
    if model.existing:
        text = "the stack owns it and lets it go; the group and its versions stay"
        return Finding(subject, text) if is_owned else None
    if not is_owned:
        step = f"Set existing = true in [models.{model.name}]: it is then used as it is."
        text = "is there and no stack of this registry owns it: the deployment fails"
        return Finding(subject, text, step, is_blocking=True)
    if group.description != GROUP_DESCRIPTION:
        step = (
            f"Set existing = true in [models.{model.name}], so that CloudFormation lets it go and does not replace it."
        )
        text = f"has the description {group.description!r}, which is not ours"
        return Finding(subject, text, step, is_blocking=True)
    return None


def _of_no_group(model: ModelSpec, subject: str, *, is_owned: bool) -> Finding:
    if model.existing:
        step = f"Remove existing = true from [models.{model.name}], correct the name, or have its owner make it."
        return Finding(subject, "is declared as existing and is not there", step, is_blocking=True)
    if is_owned:
        step = "It was deleted behind the stack's back. Rename the model, or make a group of that name by hand."
        text = "belongs to the stack and is gone; a deployment does not bring it back"
        return Finding(subject, text, step, is_blocking=True)
    return Finding(subject, "will be made")


def _undeclared(spec: RegistrySpec, observed: Observed) -> Iterator[Finding]:
    declared = {name.lower() for name in spec.models}
    owned = {name.lower() for name in observed.owned}
    for group in observed.groups:
        if group.name.lower() in declared:
            continue
        if group.name.lower() in owned:
            yield Finding(f"group {group.name}", "is declared no more: the stack lets it go, it and its versions stay")
        else:
            yield Finding(f"group {group.name}", "is not declared", f"`modelward adopt {group.name}`, if it should be.")


def _of_endpoints(spec: RegistrySpec, observed: Observed) -> Iterator[Finding]:
    there: Mapping[str, Endpoint] = {endpoint.name.lower(): endpoint for endpoint in observed.endpoints}
    for model in spec.models.values():
        for place, declared in model.endpoints.items():
            endpoint = there.get(endpoint_name(model.name, place).lower())
            if endpoint is None:
                continue
            step = f"Rename the environment {place}, or delete the endpoint when it may be away for a while."
            for text in _misfits(declared, endpoint):
                yield Finding(f"endpoint {endpoint.name}", text, step, is_blocking=True)


def _misfits(declared: EndpointSpec, endpoint: Endpoint) -> Iterator[str]:
    if declared.serverless and not endpoint.is_serverless:
        yield "runs on instances, and SageMaker does not turn such an endpoint into a serverless one"
    if declared.asynchronous and not endpoint.is_asynchronous:
        yield "answers its callers, and no update turns such an endpoint into an asynchronous one"
    if endpoint.is_asynchronous and not declared.asynchronous:
        yield "is asynchronous, and SageMaker takes that from no endpoint"


def _of_stages(spec: RegistrySpec, observed: Observed) -> Iterator[Finding]:
    declared = {name.lower() for name in spec.models}
    strays: dict[tuple[str, str], list[int]] = {}
    for package in observed.strays:
        if package.group.lower() in declared and package.stage and package.stage not in spec.stages:
            strays.setdefault((package.group, package.stage), []).append(package.version)
    for (group, stage), versions in sorted(strays.items()):
        numbers = ", ".join(f"v{version}" for version in sorted(versions)[:10])
        more = f" and {len(versions) - 10} more" if len(versions) > 10 else ""
        step = f"Promote them to a stage that is declared, or add {stage!r} to registry.stages."
        yield Finding(f"stage {stage}", f"is not declared, and {numbers}{more} of {group} stand in it", step)


def _of_table(existing: ExistingSpec, table: Table | None) -> Iterator[Finding]:
    stream = existing.table_stream_arn
    if not stream:
        return
    subject = f"table {stream.split('/')[1]}"
    if table is None:
        step = "Correct existing.table_stream_arn, or have its owner make it (docs/adopting.md)."
        yield Finding(subject, "is declared as existing and is not there", step, is_blocking=True)
        return
    for text, step in (*_of_keys(table), *_of_stream(table, stream)):
        yield Finding(subject, text, step, is_blocking=True)
    if not table.is_protected:
        step = "Have its owner switch deletion protection on: it would take the history with it."
        yield Finding(subject, "may be deleted by one call", step)
    if table.key_arn and table.key_arn != existing.key_arn:
        step = "Unless it is AWS's own (alias/aws/dynamodb), name it as existing.key_arn: roles may use no other key."
        yield Finding(subject, f"is encrypted with {table.key_arn}", step)


def _of_keys(table: Table) -> Iterator[tuple[str, str]]:
    if table.key != ("model", "entry"):
        step = "Keys stay what they are: name another table, whose keys are the texts model and entry."
        yield f"has the key {' and '.join(table.key)}", step
    if table.indexes.get(BY_TIME) != ("model", "at"):
        step = f"Have its owner add a global index {BY_TIME} on the texts model and at that projects all attributes."
        yield f"has no index {BY_TIME} such as the history is read by", step


def _of_stream(table: Table, declared: str) -> Iterator[tuple[str, str]]:
    if table.stream_view not in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
        step = "Have its owner switch it on with NEW_IMAGE, and name the new stream as existing.table_stream_arn."
        yield f"has a stream of {table.stream_view}" if table.stream_view else "has no stream", step
    elif table.stream_arn != declared:
        yield "has another stream than the declared one", f'Write existing.table_stream_arn = "{table.stream_arn}".'


def _of_policies(spec: RegistrySpec) -> Iterator[Finding]:
    """Say what the stacks would set on resources of their own, and may not on somebody else's."""
    existing = spec.existing
    for name, wanted in (
        (existing.bucket, "versioning, TLS only, no public access, and the registry's key or S3's own as encryption"),
        (existing.key_arn, "a key policy that leaves grants to IAM and lets cloudwatch.amazonaws.com use the key"),
        (existing.topic_arn, "a topic policy that lets cloudwatch.amazonaws.com publish"),
        (existing.table_arn, "a resource policy by which nobody rewrites entries, PITR, and no time to live"),
    ):
        if name:
            yield Finding(name, "is there already and stays its owner's", f"See to it that it has {wanted}.")
