"""Bringing an environment to serve what its stage wants, one move at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from modelward.config.spec import EnvironmentSpec
from modelward.core.endpoint import CHALLENGER, VARIANT, Endpoint, Serving
from modelward.core.errors import AwsError, ConflictError, NotFoundError, QuotaError
from modelward.core.ledger import EntryKind
from modelward.core.model_package import ModelPackage, StageStatus
from modelward.core.names import CAPTURES, asynchronous_prefix, endpoint_name, version_in
from modelward.planning.changes import Answers, Captures, CreateEndpoint, CreateEndpointConfig, Plan, UpdateEndpoint
from modelward.planning.review import is_admitted
from modelward.planning.rollout import plan_refused, plan_rollout, plan_waiting
from modelward.planning.scene import COME_LATE, Refusal, Scene
from modelward.planning.standing import desired, is_eligible
from modelward.services import reading
from modelward.services.context import Context
from modelward.services.decisions import heirs
from modelward.services.execution import apply
from modelward.services.review import review, review_seen
from modelward.services.smoke import run_smoke

_MOVES = 4
_CLOSED = (StageStatus.REJECTED, StageStatus.RETIRED)


def reconcile(
    context: Context, model: str, environment_name: str, hint: int | None = None, *, looks_at_alarms: bool = False
) -> list[Plan]:
    """Make every move that can be made now, and return the plans.

    It may be called at any time and any number of times; a converged environment costs three reads. A rollout goes on
    by itself: the endpoint's next event calls again.

    Args:
        context: Gateways.
        model: A declared model.
        environment_name: A declared environment.
        hint: A version that is said to have changed; it is looked at even if the search index lags.
        looks_at_alarms: Whether to ask CloudWatch for the alarms that bring a version back, where any are declared.

    Returns:
        The plans that were carried out, in their order; the last one may be empty and then says why nothing is left to
        do. There is one at least, and the last one knows whether the environment is behind.

    Raises:
        NotFoundError: the model or environment is not declared.
        ConflictError: others kept being faster; try again later.
        AwsError: AWS refused a call; the next call continues where this one stopped.
    """
    done: list[Plan] = []
    refusal: Refusal | None = None
    for move in range(_MOVES):
        plan = plan_reconcile(context, model, environment_name, hint, refusal=refusal, looks_at_alarms=looks_at_alarms)
        if plan.is_empty:
            done.append(plan)
            break
        try:
            apply(context, plan)
        except (ConflictError, NotFoundError) as error:
            # Another one was faster, or something was deleted. A look at what is there usually finds what to do; the
            # queue, where the message would wait otherwise, brings it back only after minutes.
            if move == _MOVES - 1:
                raise
            if not (refusal is Refusal.GONE and isinstance(error, NotFoundError)):
                refusal = _refusal(error)
                continue
            plan = _refused(context, model, environment_name, plan, error)
            apply(context, plan)
        except AwsError as error:
            plan = _refused(context, model, environment_name, plan, error)
            apply(context, plan)
        done.append(plan)
        if not _is_followed(plan):
            break
    return done


def _refusal(error: ConflictError | NotFoundError) -> Refusal | None:
    """Tell what an update of the endpoint met; None for a conflict over anything else."""
    if isinstance(error, NotFoundError):
        return Refusal.GONE
    return Refusal.BUSY if error.operation == "UpdateEndpoint" else None


def _refused(context: Context, model: str, environment_name: str, plan: Plan, error: AwsError | NotFoundError) -> Plan:
    """Plan what follows when AWS refuses a rollout for good: a person must know now, and not when the queue gives up.

    Raises:
        NotFoundError: it was no rollout.
        AwsError: it was none, or AWS may accept it later.
    """
    moves = CreateEndpointConfig | CreateEndpoint | UpdateEndpoint
    is_rollout = any(isinstance(change, moves) for change in plan.changes)
    is_quota = isinstance(error, QuotaError)
    if not is_rollout or not (is_quota or type(error) in (AwsError, NotFoundError)):
        raise error
    environment = reading.environment(context, environment_name)
    standing = reading.standing(context, model, environment.stage)
    scene = scene_of(context, model, environment, standing, endpoint_of(context, model, environment))
    plan_after = plan_waiting if is_quota else plan_refused
    return plan_after(scene, error.problem, now=context.clock())


def _is_followed(plan: Plan) -> bool:
    """Tell whether another move may follow at once: after a failure, the stage wants another version."""
    return any(getattr(getattr(change, "entry", None), "kind", None) is EntryKind.FAILED for change in plan.changes)


def plan_reconcile(
    context: Context,
    model: str,
    environment_name: str,
    hint: int | None = None,
    *,
    refusal: Refusal | None = None,
    is_review_allowed: bool = True,
    looks_at_alarms: bool = False,
) -> Plan:
    """Plan the next move; versions that nobody has reviewed yet are reviewed on the way, where that is allowed.

    A smoke test on which the move depends is run then, too. Where nothing is allowed, the plan names it.

    The index only nominates. Before anything is changed, each version that counts is read itself, the one that the
    endpoint serves now included: a decision that the index has not seen must not be undone by one that it has.
    """
    environment = reading.environment(context, environment_name)
    endpoint = endpoint_of(context, model, environment)
    standing = reading.standing(context, model, environment.stage)
    # Nothing is done with an endpoint that is busy, whatever the index does not know yet: its own event calls again.
    is_busy = endpoint is not None and endpoint.is_busy
    if refusal is None and (hint is None or is_busy):
        scene = scene_of(context, model, environment, standing, endpoint)
        scene = _with_alarms(context, scene) if looks_at_alarms else scene
        plan = plan_rollout(scene, now=context.clock())
        if plan.is_empty and not _unreviewed(scene):
            return plan
    serving = version_in(endpoint.config_name) if endpoint else None
    numbers = {package.version for package in standing} | {n for n in (hint, serving) if n}
    scene = scene_of(context, model, environment, _described(context, model, numbers), endpoint)
    # Abroad it waits: the registry's account reviews what its events and its sweep tell of, and asks for the rollout.
    unreviewed = _unreviewed(scene) if is_review_allowed and not context.here else []
    if unreviewed:
        reviewed = _reviewed(context, scene, unreviewed)
        scene = reviewed or scene_of(context, model, environment, _described(context, model, numbers), endpoint)
    scene = _with_alarms(context, scene) if looks_at_alarms else scene
    scene = replace(_with_more(context, scene), refusal=refusal)
    if is_review_allowed and scene.asks_for_smoke and scene.wanted:
        scene = replace(scene, smoke=run_smoke(context, scene.wanted, model, environment_name))
    return plan_rollout(scene, now=context.clock())


def _with_alarms(context: Context, scene: Scene) -> Scene:
    """Add which of the declared alarms are on; it costs a call only where they could change anything."""
    if scene.endpoint_spec is None or not scene.asks_for_alarms:
        return scene
    return replace(scene, alarms=context.alarms.on(scene.endpoint_spec.roll_back_on))


def _free(context: Context, scene: Scene) -> tuple[ModelPackage, ...]:
    """Find the version that may come back after an alarm, if any.

    One that stands in the stage of another environment stays there: a version has one stage, and for the sake of an
    alarm in staging, production must not lose what it serves.
    """
    serving = scene.wanted.version if scene.wanted else None
    for package in heirs(context, scene.model, scene.environment.name, but=serving):
        elsewhere = context.spec.environment_of(package.stage) if package.stage else None
        if elsewhere in (None, scene.environment) or not is_eligible(package):
            return (package,)
    return ()


def _with_more(context: Context, scene: Scene) -> Scene:
    """Add what few plans depend on: what the config in use says, a trial's figures, who may come back."""
    endpoint, counted = scene.endpoint, scene.asks_for_figures
    if endpoint and counted and counted[1] + COME_LATE <= context.clock():
        figures = context.metrics.figures(endpoint.name, (VARIANT, CHALLENGER), *counted)
        scene = replace(scene, figures=figures)
    if scene.asks_for_heirs:
        scene = replace(scene, heirs=_free(context, scene))
    if not (endpoint and scene.asks_for_serving):
        return scene
    endpoints = context.endpoints(scene.model, scene.environment.name)
    try:
        return replace(scene, serving=endpoints.serving(endpoint.config_name))
    except NotFoundError:
        # Somebody deleted what is in use. The type counts as another one then; a model has the name of its config.
        return replace(scene, serving=Serving(endpoint.config_name))


def captures(context: Context) -> Captures:
    """Tell where endpoints write what they capture."""
    settings = context.settings
    return Captures(f"s3://{settings.bucket}/{CAPTURES}", settings.key_arn)


def answers(context: Context, model: str, environment: str) -> Answers:
    """Tell where the endpoint of a model in an environment writes its answers, if it is asynchronous."""
    settings = context.settings
    prefix = asynchronous_prefix(endpoint_name(model, environment))
    return Answers(f"s3://{settings.bucket}/{prefix}", settings.key_arn)


def endpoint_of(context: Context, model: str, environment: EnvironmentSpec) -> Endpoint | None:
    """Look at a model's endpoint in an environment; None where it has none, or where there is none yet."""
    if environment.name not in context.model(model).endpoints:
        return None
    return context.endpoints(model, environment.name).describe_endpoint(endpoint_name(model, environment.name))


def scene_of(
    context: Context,
    model: str,
    environment: EnvironmentSpec,
    standing: Sequence[ModelPackage],
    endpoint: Endpoint | None,
) -> Scene:
    """Put together what was observed, with what the ledger knows of the version that is wanted."""
    wanted = desired(standing, environment.stage)
    return Scene(
        spec=context.spec,
        model=model,
        environment=environment,
        endpoint_spec=context.model(model).endpoints.get(environment.name),
        role_arn=context.execution_role_arn(model, environment.name),
        standing=standing,
        endpoint=endpoint,
        chain=context.ledger.chain(model, wanted.version) if wanted else (),
        captures=captures(context),
        answers=answers(context, model, environment.name),
    )


def _described(context: Context, model: str, numbers: Iterable[int]) -> list[ModelPackage]:
    found = []
    for number in sorted(numbers):
        try:
            found.append(reading.describe(context, model, number))
        except NotFoundError:
            continue  # deleted since
    return found


def _reviewed(context: Context, scene: Scene, packages: list[ModelPackage]) -> Scene | None:
    """Review versions on the way; None when all must be read again.

    A way back is reviewed with what is known already: whoever takes one is in a hurry.
    """
    if packages == [scene.wanted]:
        entries = review_seen(context, packages[0], tuple(scene.chain))
        if entries is not None:
            return replace(scene, chain=(*scene.chain, *entries))
    for package in packages:
        review(context, scene.model, package.version, is_asking=False)
    return None


def _unreviewed(scene: Scene) -> list[ModelPackage]:
    """Give the versions in the stage whose entry nobody has reviewed: moved without a stamp, or not recorded yet."""
    here = [p for p in scene.standing if p.stage == scene.environment.stage and p.stage_status not in _CLOSED]
    unstamped = [package for package in here if package.entered is None]
    wanted = scene.wanted
    return [*unstamped, wanted] if wanted and not is_admitted(wanted, scene.chain) else unstamped
