"""Looking before a leap: what would make a rollout fail, asked before anything is touched.

It is asked by `modelward deploy --plan`, on behalf of a person: it takes a handful of calls, and rights that functions
need not have. What may not be looked at is told as unknown, and blocks nothing. The reconciler does without: SageMaker
refuses what is missing while the old version serves, and what it says then is recorded and told.
"""

import re
from collections.abc import Callable, Iterator

from modelward.config.spec import EndpointSpec
from modelward.core.errors import AwsError, ModelwardError, NotFoundError
from modelward.core.model_package import ModelPackage
from modelward.core.names import endpoint_name
from modelward.core.place import Place
from modelward.planning.changes import CreateEndpointConfig, CreateModel, Plan, UpdateEndpoint
from modelward.planning.deployment import Finding
from modelward.services.context import Context

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.(amazonaws\.com(\.cn)?|on\.aws)"
    r"/(?P<repository>[^:@]+)(:(?P<tag>[^@]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)


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
    made = next((change for change in plan.changes if isinstance(change, CreateModel)), None)
    config = next((change for change in plan.changes if isinstance(change, CreateEndpointConfig)), None)
    if made is None or config is None:
        return ()
    package = context.sagemaker.describe_model_package(made.package_arn)
    account = environment if context.spec.is_abroad(model, environment) else ""
    is_update = any(isinstance(change, UpdateEndpoint) for change in plan.changes)
    found = [
        *_asked(f"artifact {package.artifact_uri}", lambda: _artifact(context, package)),
        *_asked(f"image {package.image}", lambda: _image(context, package.image)),
        *_asked(f"role {made.role_arn}", lambda: _role(context, made.role_arn, account)),
        *_fleet(endpoint_name(model, environment), config.endpoint, is_update=is_update),
        *_capacity(context, config.endpoint, account, is_update=is_update),
    ]
    return tuple(sorted(found, key=lambda finding: not finding.is_blocking))


def _asked(subject: str, ask: Callable[[], tuple[str, str]]) -> Iterator[Finding]:
    """Turn an answer into a finding: what it is, and what to do where it blocks."""
    try:
        text, step = ask()
    except NotFoundError as error:
        yield Finding(subject, "is not there", error.next_step, is_blocking=True)
    except ModelwardError as error:
        yield Finding(subject, f"unknown: {error.problem}")
    else:
        yield Finding(subject, text, step, is_blocking=bool(step))


def _artifact(context: Context, package: ModelPackage) -> tuple[str, str]:
    """Compare the artifact in S3 with the digest that was registered.

    S3 keeps the SHA-256 of an object that came in one part, which is what registration asks of up to 64 MiB. Of a
    larger one it keeps a digest of the digests of its parts, which says nothing about the whole, and for SHA-256 it
    offers no other ("Checking object integrity", Amazon S3 user guide). To read all of it would take minutes: then its
    being there has to do, and `modelward download` compares every byte.
    """
    found = context.storage.sha256(package.artifact_uri)
    if not package.sha256:
        return "is there; no digest was registered", ""
    if not found:
        return "is there; S3 keeps no digest of the whole of it to compare", ""
    if found == package.sha256:
        return "is the registered one", ""
    step = "Find out who replaced it; restore that version of the object, or register the new one as a version."
    return f"has SHA-256 {found}, but {package.sha256} was registered", step


def _image(context: Context, image: str) -> tuple[str, str]:
    match = _ECR.fullmatch(image)
    here = Place.of(context.settings.table_arn).region
    if match is None or match["region"] != here:
        return f"unknown: it is in no ECR registry of {here}", ""
    named = {"imageDigest": match["digest"]} if match["digest"] else {"imageTag": match["tag"] or "latest"}
    context.images.describe(match["account"], match["repository"], named)
    return "is there", ""


def _role(context: Context, arn: str, environment: str) -> tuple[str, str]:
    if context.roles(environment).trusts(arn.rpartition("/")[2], "sagemaker.amazonaws.com"):
        return "is there, and SageMaker may take it on", ""
    return "does not trust sagemaker.amazonaws.com", "Deploy the stacks again: the role is theirs."


def _fleet(endpoint: str, spec: EndpointSpec, *, is_update: bool) -> Iterator[Finding]:
    """Tell how many instances a rollout takes: AWS runs the old fleet beside the new one while it moves traffic."""
    if spec.instance_type is None:
        yield Finding(f"endpoint {endpoint}", "is serverless: a rollout takes no instances")
        return
    at_most, count = ("up to " if spec.autoscaling else ""), _count(spec)
    doubled = f"{at_most}2 x {count} {spec.instance_type} while traffic moves, half of them afterwards"
    yield Finding(f"endpoint {endpoint}", f"takes {doubled if is_update else f'{at_most}{count} {spec.instance_type}'}")


def _count(spec: EndpointSpec) -> int:
    return spec.autoscaling.max if spec.autoscaling else spec.instance_count


def _capacity(context: Context, spec: EndpointSpec, account: str, *, is_update: bool) -> Iterator[Finding]:
    kind, needed = spec.instance_type, _count(spec) * (2 if is_update else 1)
    if kind:
        yield from _asked(f"quota of {kind}", lambda: _quota(context, kind, needed, account))


def _quota(context: Context, kind: str, needed: int, account: str) -> tuple[str, str]:
    """Hold the fleet against the quota; what other endpoints use of it would take calls for each of them."""
    quota = context.quotas(account).of_endpoints(kind)
    if quota is None:
        raise AwsError("ListServiceQuotas", "NotTold", f"Service Quotas tells none for {kind} in endpoints")
    if quota < needed:
        step = f"Ask for {needed} in Service Quotas: '{kind} for endpoint usage' of Amazon SageMaker."
        return f"is {quota:g}, and the rollout takes {needed}", step
    return f"is {quota:g}, and the rollout takes {needed}; what other endpoints use counts, too", ""
