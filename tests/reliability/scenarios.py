"""What people do to a registry, and how each ends when nothing goes wrong.

To add a scenario is to add one entry to `SCENARIOS`: what was there before, what is done, which version answers in each
environment afterwards, what the ledger tells of each version, and how many rollouts it takes. `test_faults` then runs
it under each fault, and docs/reliability.md gets a column for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.declaration import ENDPOINTS, MODEL, PLACES
from tests.reliability.faults import DELIVERIES, KINDS
from tests.service import test_smoke, test_strategies, test_trials

World = Any
BORN = "registered approved staged deploying verified"
LIVE = f"{BORN} staged deploying verified"


@dataclass(frozen=True)
class Scenario:
    """Something that people do.

    Args:
        title: What it is, as the document calls it.
        prepare: Make what was there before, undisturbed.
        act: Do it.
        live: By environment, the version that answers in the end.
        chains: By version, the kinds of its entries in the end, in order.
        rollouts: How many rollouts endpoints begin for it: each decision is rolled out once.
        kinds: The faults under which it is tried.
        deliveries: The ways of events in which it is tried.
    """

    title: str
    prepare: Callable[[World], object]
    act: Callable[[World], object]
    live: Mapping[str, int]
    chains: Mapping[int, str]
    rollouts: int
    kinds: Sequence[str] = tuple(KINDS)
    deliveries: Sequence[str] = tuple(DELIVERIES)


def _nothing(world: World) -> None:
    pass


def _one(world: World) -> None:
    world.release(0.95)


def _two(world: World) -> None:
    world.release(0.95)
    world.release(0.97)


def _update(world: World) -> None:
    world.release(0.97)


def _fails_in_serving(world: World) -> None:
    """Promote a version whose container never becomes healthy on instances."""
    version = world.register(0.97)
    world.finish()
    version.approve(reason="good figures")
    world.finish()
    sick = version.artifact_uri
    world.hosting.health = lambda config: config.model_data_url != sick
    version.promote("Production", reason="released")
    world.finish()


def _reject_in_console(world: World) -> None:
    arn = world.digits.version(2).arn
    world.sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Rejected", ApprovalDescription="it is biased"
    )
    world.finish()


def _roll_back(world: World) -> None:
    world.digits.roll_back("production", reason="it answers slowly")
    world.finish()


def _approve_a_bad_one(world: World) -> None:
    bad = world.register(0.61)
    world.finish()
    world.sagemaker.update_model_package(ModelPackageArn=bad.arn, ModelApprovalStatus="Approved")
    world.finish()


def _promote_a_worse_one(world: World) -> None:
    """Move a version that nobody approved to production, by hand."""
    version = world.register(0.97)
    world.finish()
    cycle = {"Stage": "Production", "StageStatus": "Approved", "StageDescription": "in a hurry"}
    world.sagemaker.update_model_package(ModelPackageArn=version.arn, ModelLifeCycle=cycle)
    world.finish()


def _configure_anew(world: World) -> None:
    world.use(world.declaration.replace("instance_count = 2", "instance_count = 3"))
    world.sweep()
    world.finish()


def _elsewhere(world: World) -> None:
    """Register a version as others do, and only then adopt the group."""
    world.is_deaf = True
    for name in ("spring", "autumn"):
        container = {"Image": _IMAGE, "ModelDataUrl": f"s3://their-bucket/churn/{name}.tar.gz"}
        specification = {
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        }
        world.sagemaker.create_model_package(
            ModelPackageGroupName="digits", InferenceSpecification=specification, ModelApprovalStatus="Approved"
        )
    world.settle()
    world.is_deaf = False
    world.pause()
    world.use(PLACES + MODEL + "existing = true\n" + ENDPOINTS)
    world.sweep()


_IMAGE = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/xgboost-inference:1.7-1"


def _adopt(world: World) -> None:
    version = world.digits.version(1)
    version.approve(reason="known for a year")
    world.finish()
    version.promote("Production", reason="released")
    world.finish()


def _guarded(world: World) -> None:
    test_strategies.declared(world, test_strategies.CANARY)
    world.release(0.95)


def _alarmed(world: World) -> None:
    """Let an alarm go off while a canary is watched."""
    test_strategies.promoted(world)
    world.run_for(30)
    test_strategies.alarm(world, "ALARM")
    world.finish()


def _forestalled(world: World) -> None:
    """Let something else resize the endpoint just before its update."""
    client = world.sagemaker

    def meddle(params: Any, **_: Any) -> None:
        if params["EndpointName"] == "digits-production":
            client.meta.events.unregister("before-parameter-build.sagemaker.UpdateEndpoint", meddle)
            test_strategies.resized(world)

    client.meta.events.register("before-parameter-build.sagemaker.UpdateEndpoint", meddle)
    test_strategies.promoted(world)
    world.finish()


def _shadowed(world: World) -> None:
    test_trials.declared(world, test_trials.SHADOW)


def _good_shadow(world: World) -> None:
    test_trials.promoted(world)
    test_trials.call(world)
    test_trials.wait(world, 2 * test_trials.HOURS)


def _bad_shadow(world: World) -> None:
    plain = world.hosting.answer
    test_trials.sick_in_use(world, test_trials.promoted(world))
    test_trials.call(world)
    test_trials.wait(world, 2 * test_trials.HOURS)
    world.hosting.answer = plain


def _tried(world: World) -> None:
    test_trials.declared(world, test_trials.AB)


def _share_and_finish(world: World) -> None:
    test_trials.promoted(world)
    world.digits.share("production", 50, reason="no complaints")
    world.finish()
    world.digits.finish("production", 2, reason="more of its answers are taken")
    world.finish()


def _tested(world: World) -> None:
    world.sha = {}
    test_smoke.answering(world)
    world.release(0.95, smoke=test_smoke.TEST)


def _fails_smoke(world: World) -> None:
    """Promote a version that answers well in staging, and badly in production."""
    version = world.register(0.97, smoke=test_smoke.TEST)
    world.finish()
    version.approve(reason="good figures")
    world.finish()
    world.sha = {"v2": version.sha256}
    test_smoke.answering(world, v2=(200, {"predictions": [3.0]}))
    version.promote("Production", reason="released")
    world.finish()


SCENARIOS: Mapping[str, Scenario] = {
    "first": Scenario("first rollout", _nothing, _one, {"staging": 1, "production": 1}, {1: LIVE}, 2),
    "update": Scenario(
        "new version", _one, _update, {"staging": 2, "production": 2}, {1: f"{LIVE} archived", 2: LIVE}, 2
    ),
    "fails": Scenario(
        "version fails in serving",
        _one,
        _fails_in_serving,
        {"staging": 2, "production": 1},
        {1: LIVE, 2: f"{BORN} staged deploying failed"},
        2,
    ),
    "rejected": Scenario(
        "live version rejected in the console",
        _two,
        _reject_in_console,
        {"staging": 2, "production": 1},
        {1: f"{LIVE} archived rolled-back deploying verified", 2: f"{LIVE} rejected archived"},
        1,
    ),
    "rollback": Scenario(
        "rollback",
        _two,
        _roll_back,
        {"staging": 2, "production": 1},
        {1: f"{LIVE} archived rolled-back deploying verified", 2: f"{LIVE} archived"},
        1,
    ),
    "refused": Scenario(
        "approval against the gates",
        _one,
        _approve_a_bad_one,
        {"staging": 1, "production": 1},
        {1: LIVE, 2: "registered approved refused"},
        0,
    ),
    "put_back": Scenario(
        "promotion without approval",
        _one,
        _promote_a_worse_one,
        {"staging": 1, "production": 1},
        {1: LIVE, 2: "registered staged refused"},
        0,
    ),
    "configured": Scenario(
        "other configuration",
        _one,
        _configure_anew,
        {"staging": 1, "production": 1},
        {1: f"{LIVE} deploying verified"},
        1,
    ),
    "adopted": Scenario(
        "adopted group",
        _elsewhere,
        _adopt,
        {"staging": 1, "production": 1},
        {1: "found approved staged deploying verified staged deploying verified"},
        2,
    ),
    "alarmed": Scenario(
        "canary that an alarm ends",
        _guarded,
        _alarmed,
        {"staging": 2, "production": 1},
        {1: LIVE, 2: f"{BORN} staged deploying failed"},
        2,
    ),
    "forestalled": Scenario(
        "update that something else forestalls",
        _guarded,
        _forestalled,
        {"staging": 2, "production": 2},
        {1: f"{LIVE} archived", 2: f"{BORN} staged deploying postponed deploying verified"},
        3,
    ),
    "shadow": Scenario(
        "shadow that passes",
        _shadowed,
        _good_shadow,
        {"staging": 2, "production": 2},
        {1: f"{LIVE} archived", 2: f"{BORN} staged trying deploying verified"},
        3,
        # Within a day its time is up, and nobody has called it: then it fails, as it should.
        deliveries=tuple(how for how in DELIVERIES if how != "day_late"),
    ),
    "bad_shadow": Scenario(
        "shadow that fails",
        _shadowed,
        _bad_shadow,
        {"staging": 2, "production": 1},
        {1: f"{LIVE} deploying verified", 2: f"{BORN} staged trying failed"},
        3,
    ),
    "ab": Scenario(
        "ab trial, its share, its end",
        _tried,
        _share_and_finish,
        {"staging": 2, "production": 2},
        {1: f"{LIVE} archived", 2: f"{BORN} staged trying trying deploying verified"},
        4,
    ),
    "smoke": Scenario(
        "smoke test that fails",
        _tested,
        _fails_smoke,
        {"staging": 2, "production": 1},
        {1: f"{LIVE} deploying verified", 2: f"{BORN} staged deploying failed"},
        3,
    ),
}
