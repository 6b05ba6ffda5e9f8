"""How models stand in their environments, at one look."""

from collections.abc import Iterator, Sequence

from modelward.core.errors import AccessError
from modelward.core.ledger import Entry
from modelward.planning.scene import Scene
from modelward.planning.status import Status, fleet_status_of, live_version, status_of
from modelward.services import reading
from modelward.services.context import Context
from modelward.services.fleet import fleet_of
from modelward.services.reconcile import endpoint_of, scene_of


def status(context: Context, model: str) -> Iterator[Status]:
    """Tell how a model stands in each environment that serves it or holds a version of it.

    It costs one search for the model, and for each environment a look at its endpoint and one or two at the ledger;
    where it has none, one or two at what servers report.
    The index may lag behind by moments: nothing is done on the strength of this.

    Raises:
        NotFoundError: the model is not declared, or the registry is not deployed here.
        AwsError: AWS refused a call.
    """
    spec, places = context.model(model), context.spec.environments.values()
    standing = reading.standing(context, model, *(each.stage for each in places)) if places else []
    for environment in places:
        here = [package for package in standing if package.stage == environment.stage]
        if here or environment.name in spec.endpoints:
            scene = scene_of(context, model, environment, here, endpoint_of(context, model, environment))
            yield _status(context, scene)


def _status(context: Context, scene: Scene) -> Status:
    chain, wanted = _live_chain(context, scene), scene.wanted
    if scene.endpoint_spec is not None:
        return status_of(scene, chain, now=context.clock())
    try:
        fleet = fleet_of(context, scene.model, scene.environment.stage, wanted.version if wanted else None)
    except AccessError:  # roles of an older deployment may read all but metrics
        return status_of(scene, chain, now=context.clock())
    return fleet_status_of(scene, chain, fleet, now=context.clock())


def _live_chain(context: Context, scene: Scene) -> Sequence[Entry]:
    live, wanted = live_version(scene), scene.wanted
    if live is None or (wanted and wanted.version == live):
        return scene.chain if live else ()
    return context.ledger.chain(scene.model, live)
