"""Looking before a leap: what would make a rollout fail, and what it costs, asked before anything is touched.

It is asked by `modelward deploy --plan`, on behalf of a person: it takes a handful of calls, and rights that functions
need not have. What may not be looked at is told as unknown, and blocks nothing. The reconciler does without: SageMaker
refuses what is missing while the old version serves, and what it says then is recorded and told.

Names are not looked at: `core.names` makes all of them fit, and what could meet is refused with the declaration.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from modelward.config.accounts import rollout_role_arn
from modelward.core.errors import AwsError, ModelwardError, NotFoundError
from modelward.core.model_package import ModelPackage
from modelward.core.names import endpoint_name, rollout_function
from modelward.core.place import Place
from modelward.planning.changes import CreateEndpointConfig, CreateModel, Plan
from modelward.planning.deployment import Finding
from modelward.planning.footprint import Footprint, footprint, is_rollout
from modelward.services.context import Context

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.(amazonaws\.com(\.cn)?|on\.aws)"
    r"/(?P<repository>[^:@]+)(:(?P<tag>[^@]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_SAGEMAKER = "sagemaker.amazonaws.com"
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is known of something; a step that must be taken first blocks, one that may be taken does not."""

    text: str
    step: str = ""
    is_blocking: bool = False
    figures: Mapping[str, float] = field(default_factory=dict)


def preflight(context: Context, model: str, environment: str, plan: Plan) -> tuple[Finding, ...]:
    """Look at all that a planned rollout needs.

    Args:
        context: Gateways.
        model: A declared model.
        environment: A declared environment.
        plan: What the reconciler would do there now.

    Returns:
        What was found, what blocks first; nothing for a plan that rolls nothing out. What could not be looked at is
        said to be unknown.
    """
    if not is_rollout(plan):
        return ()
    made = next((change for change in plan.changes if isinstance(change, CreateModel)), None)
    found = [
        *(_of_model(context, made, environment if context.spec.is_abroad(model, environment) else "") if made else ()),
        *_of_instances(context, model, environment, plan),
    ]
    return tuple(sorted(found, key=lambda finding: not finding.is_blocking))


def _asked(subject: str, ask: Callable[[], _Answer]) -> Iterator[Finding]:
    """Turn an answer into a finding."""
    try:
        told = ask()
    except NotFoundError as error:
        yield Finding(subject, "is not there", error.next_step, is_blocking=True)
    except ModelwardError as error:
        yield Finding(subject, f"unknown: {error.problem}")
    else:
        yield Finding(subject, told.text, told.step, told.is_blocking, told.figures)


def _of_model(context: Context, made: CreateModel, account: str) -> Iterator[Finding]:
    """Look at what a model is made of; one that is there already was made of it."""
    package = context.sagemaker.describe_model_package(made.package_arn)
    yield from _asked(f"artifact {package.artifact_uri}", lambda: _artifact(context, package))
    yield from _asked(f"image {package.image}", lambda: _image(context, package.image))
    yield from _asked(f"role {made.role_arn}", lambda: _role(context, made.role_arn, account))
    yield from _asked("right to pass that role", lambda: _passing(context, made.role_arn, account))


def _artifact(context: Context, package: ModelPackage) -> _Answer:
    """Compare the artifact in S3 with the digest that was registered.

    S3 keeps the SHA-256 of an object that came in one part, which is what registration asks of up to 64 MiB. Of a
    larger one it keeps a digest of the digests of its parts, which says nothing about the whole, and for SHA-256 it
    offers no other ("Checking object integrity", Amazon S3 user guide). To read all of it would take minutes. But it
    was there when the version was registered: one that was written later is another one, or the same put back.
    """
    found = context.storage.look(package.artifact_uri)
    if not package.sha256:
        return _Answer("is there; no digest was registered")
    if found.sha256 == package.sha256:
        return _Answer("is the registered one")
    if found.sha256:
        step = "Find out who replaced it; restore that version of the object, or register the new one as a version."
        text = f"has SHA-256 {found.sha256}, but {package.sha256} was registered"
        return _Answer(text, step, is_blocking=True)
    text = f"is there, {found.size / _MB:,.1f} MB, and not compared: S3 keeps no digest of the whole of it"
    download = f"modelward download {package.group} {package.version} compares every byte"
    if found.modified_at > package.created_at:
        written = f"{found.modified_at:%Y-%m-%d %H:%M} UTC, after the version was registered"
        return _Answer(f"{text}; it was written {written}", f"Unless that is known: {download}.")
    return _Answer(f"{text}; {download}")


def _image(context: Context, image: str) -> _Answer:
    match = _ECR.fullmatch(image)
    here = Place.of(context.settings.table_arn).region
    if match is None or match["region"] != here:
        return _Answer(f"unknown: it is in no ECR registry of {here}")
    named = {"imageDigest": match["digest"]} if match["digest"] else {"imageTag": match["tag"] or "latest"}
    context.images.describe(match["account"], match["repository"], named)
    return _Answer("is there")


def _role(context: Context, arn: str, environment: str) -> _Answer:
    if context.roles(environment).trusts(arn.rpartition("/")[2], _SAGEMAKER):
        return _Answer("is there, and SageMaker may take it on")
    return _Answer(f"does not trust {_SAGEMAKER}", "Deploy the stacks again: the role is theirs.", is_blocking=True)


def _passing(context: Context, arn: str, environment: str) -> _Answer:
    """Have IAM try whether the function that rolls out may hand the role to SageMaker; who asks need not be able to."""
    spec = context.spec
    name = rollout_function(spec.name)
    rolling_out = rollout_role_arn(spec, environment) if environment else context.functions.role_arn(name)
    if context.roles(environment).may_pass(rolling_out, arn, _SAGEMAKER):
        return _Answer(f"{rolling_out.rpartition('/')[2]} has it")
    step = (
        "Deploy the stacks again: both roles are theirs. If that changes nothing, a permissions boundary or a service"
        " control policy takes the right away."
    )
    return _Answer(f"{rolling_out} may not pass it to {_SAGEMAKER}", step, is_blocking=True)


def _of_instances(context: Context, model: str, environment: str, plan: Plan) -> Iterator[Finding]:
    """Tell what the rollout takes of instances, time and money."""
    config = next((change for change in plan.changes if isinstance(change, CreateEndpointConfig)), None)
    spec = config.endpoint if config else context.spec.models[model].endpoints[environment]
    name = endpoint_name(model, environment)
    takes = footprint(plan, spec, context.endpoints(model, environment).describe_endpoint(name))
    if takes is None:
        yield Finding(f"endpoint {name}", "is serverless: a rollout takes no instances")
        return
    account = environment if context.spec.is_abroad(model, environment) else ""
    yield _fleet(name, takes)
    yield _time(takes)
    yield from _asked(f"quota of {takes.kind}", lambda: _quota(context, takes, account))
    yield from _asked(f"price of {takes.kind}", lambda: _price(context, takes))


def _fleet(endpoint: str, takes: Footprint) -> Finding:
    """Tell how many instances a rollout takes: AWS runs the old fleet beside the new one while it moves traffic."""
    at_most = "up to " if takes.is_scaled else ""
    trial = ", for as long as both versions are tried" if takes.is_tried else ""
    text = f"takes {at_most}{takes.after} {takes.kind}{trial}"
    if takes.is_update:
        text = f"takes {at_most}{takes.most} {takes.kind} while traffic moves, {takes.after} of them afterwards{trial}"
    figures = {"instances": takes.most, "instances_after": takes.after}
    return Finding(f"endpoint {endpoint}", text, figures=figures)


def _time(takes: Footprint) -> Finding:
    start = "as long as instances take to start"
    waits = f"{_minutes(takes.waits_s)} of waits ({takes.strategy}), and {start}" if takes.waits_s else start
    return Finding("time", waits, figures={"waits_s": takes.waits_s})


def _minutes(seconds: int) -> str:
    return f"{seconds / 60:g} min" if seconds % 6 == 0 else f"{seconds} s"


def _quota(context: Context, takes: Footprint, account: str) -> _Answer:
    """Hold the fleet against the quota; what other endpoints use of it would take calls for each of them."""
    kind, needed = takes.kind, takes.most
    quota = context.quotas(account).of_endpoints(kind)
    if quota is None:
        raise AwsError("ListServiceQuotas", "NotTold", f"Service Quotas tells none for {kind} in endpoints")
    figures = {"quota": quota}
    if quota < needed:
        step = f"Ask for {needed} in Service Quotas: '{kind} for endpoint usage' of Amazon SageMaker."
        return _Answer(f"is {quota:g}, and the rollout takes {needed}", step, is_blocking=True, figures=figures)
    text = f"is {quota:g}, and the rollout takes {needed}; what other endpoints use counts, too"
    return _Answer(text, figures=figures)


def _price(context: Context, takes: Footprint) -> _Answer:
    """Tell what the instances cost, by AWS's own price list of the day.

    A table of our own would be wrong within months, for every region but the one that somebody had in mind; and a wrong
    price is worse than none. What the account saves by plans and discounts is not in the list. It is the price for the
    time that the strategy waits, during which all of them run: what instances take to start nobody knows before.
    """
    region = Place.of(context.settings.table_arn).region
    hourly = context.prices.of_endpoints(takes.kind, region)
    if hourly is None:
        text = f"AWS's price list tells none for {takes.kind} of endpoints in {region}"
        raise AwsError("GetProducts", "NotTold", text)
    most, after = takes.most * hourly, takes.after * hourly
    moving = f"{most:,.2f} an hour while traffic moves, {after:,.2f} afterwards"
    text = f"is {hourly:g} USD an hour on demand: {moving if takes.is_update else f'{after:,.2f} an hour in all'}"
    figures = {"usd_per_hour": hourly, "usd_per_hour_while_moving": most, "usd_per_hour_after": after}
    if takes.waits_s:
        text += f"; at least {takes.usd(hourly):,.2f} for the {_minutes(takes.waits_s)} that it waits"
        figures["usd_at_least"] = takes.usd(hourly)
    return _Answer(text, figures=figures)
