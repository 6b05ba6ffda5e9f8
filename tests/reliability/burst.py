"""Very many approvals at once, brought to the functions in batches as their event sources do."""

import json
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any

from tests.declaration import PLACES
from tests.reliability.invariants import assert_nothing_is_left

from modelward.core.model_package import METRIC_KEY
from modelward.core.names import version_in
from modelward.handlers import model_package, notify, reconcile

World = Any
OF_A_QUEUE, OF_THE_STREAM = 10, 100
"""The most messages that Lambda brings in one invocation: what it does where the stacks do not say otherwise."""
BURST_APPROVALS, BURST_MODELS, BURST_ON_ONE = 1000, 50, 200
EARLIER = 2
"""How many versions every other model has already, the busy one among them: one verified, one that is rolling out."""
MOVES = ("CreateEndpoint", "UpdateEndpoint")
MOST = {
    "invocations of functions": 4 * BURST_APPROVALS,
    "messages and records in them": 8 * BURST_APPROVALS,
    "CreateEndpoint": BURST_MODELS // 2,
    "UpdateEndpoint": BURST_MODELS,
}
_CONTAINER = {"Image": "1.dkr.ecr.eu-west-1.amazonaws.com/i:1", "ModelDataUrl": "s3://acme-models/m.tar.gz"}
_VERSION = {
    "InferenceSpecification": {
        "Containers": [_CONTAINER],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
    "ModelApprovalStatus": "PendingManualApproval",
    "CustomerMetadataProperties": {METRIC_KEY + "accuracy": "0.95"},
}


def names(models: int) -> list[str]:
    """Name models; the first one is `digits`."""
    return ["digits", *(f"model-{number:02d}" for number in range(1, models))]


def declaration(models: int) -> str:
    """Declare models with a gate and a serverless endpoint each."""
    return PLACES + "".join(
        f'[models.{name}]\nowner = "vision-team"\n[models.{name}.gates]\naccuracy = {{ at_least = 0.90 }}\n'
        f"[models.{name}.endpoints.staging]\nserverless = {{ memory_mb = 2048, max_concurrency = 5 }}\n"
        for name in names(models)
    )


def shares(approvals: int, models: int, on_one: int) -> Mapping[str, int]:
    """Say how many versions of each model are approved: many of the first, all others alike."""
    first, *others = names(models)
    least, more = divmod(approvals - on_one, len(others))
    return {first: on_one, **{name: least + (place < more) for place, name in enumerate(others)}}


def register(world: World, model: str, count: int) -> list[str]:
    """Register versions by the API, and give their ARNs."""
    made = (world.sagemaker.create_model_package(ModelPackageGroupName=model, **_VERSION) for _ in range(count))
    return [each["ModelPackageArn"] for each in made]


class Post:
    """The queues and the stream in front of the functions. Time stands still while they hold anything."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.waiting: dict[Any, deque[Any]] = {each: deque() for each in (model_package, reconcile, notify)}
        self.invocations: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        self.order = Random(1)

    def run(self, *, is_moving: bool = True) -> None:
        """Bring all that comes, to one function after the other, until all is at rest; or no more without the clock."""
        while self._is_collected() or (is_moving and self.world._is_advanced()):
            for function in self.waiting:
                if self.waiting[function]:
                    self._invoke(function)

    def _is_collected(self) -> bool:
        world = self.world
        fresh, world.carried = world.events[world.carried :], len(world.events)
        for event in fresh:
            if event["detail-type"] == "SageMaker Model Package State Change":
                self._post(model_package, event)
            elif event["detail-type"] == "SageMaker Endpoint State Change":
                self._post(reconcile, event)
        self._collect_messages()
        entries, world.written = world.written, []
        records = ({"dynamodb": {"SequenceNumber": str(place), "NewImage": item}} for place, item in enumerate(entries))
        self.waiting[notify].extend(records)
        return any(self.waiting.values())

    def _collect_messages(self) -> None:
        sqs, url = self.world.client("sqs"), self.world.settings.reconcile_queue_url
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                self._post(reconcile, json.loads(message["Body"]))

    def _post(self, function: Any, body: Any) -> None:
        body.pop("held for", None)  # whoever looks sooner finds no less
        self.waiting[function].append({"messageId": "m", "body": json.dumps(body, default=str)})

    def _invoke(self, function: Any) -> None:
        waiting, most = self.waiting[function], OF_THE_STREAM if function is notify else OF_A_QUEUE
        if function is not notify:
            self.order.shuffle(waiting)  # queues keep none; the stream does
        batch = [waiting.popleft() for _ in range(min(most, len(waiting)))]
        name = function.__name__.rpartition(".")[2]
        self.invocations[name] += 1
        self.messages[name] += len(batch)
        self.world.is_handling, self.world.handler = True, function.__name__
        failed = function.handler({"Records": batch}, None)["batchItemFailures"]
        self.world.is_handling = False
        assert failed == [], "nothing comes again, and so nothing gets to the dead letters"


def run_burst(world: World) -> Mapping[str, int]:
    """Approve all versions at once, hold what must hold, and tell how often each of `MOST` was done."""
    world.use(declaration(BURST_MODELS))
    counts = shares(BURST_APPROVALS, BURST_MODELS, BURST_ON_ONE)
    for model in list(counts)[1:]:
        world.sagemaker.create_model_package_group(ModelPackageGroupName=model)
    earlier = {model: register(world, model, EARLIER) for model in list(counts)[::2]}
    arns = {model: register(world, model, count) for model, count in counts.items()}
    Post(world).run()
    _let_roll_out(world, earlier.values())
    since = len(world.asked)
    for turn in range(BURST_ON_ONE):
        approve(world, [versions[turn] for versions in arns.values() if turn < len(versions)])
    post = Post(world)
    post.run()
    for model, versions in arns.items():
        _assert_ends_on(world, model, len(earlier.get(model, ())) + len(versions))
    moves = [(name, params["EndpointConfigName"]) for _, _, name, params in world.asked[since:] if name in MOVES]
    assert len(moves) == len({config for _, config in moves}), "no version is rolled out twice"
    assert_nothing_is_left(world)
    found = Counter(name for name, _ in moves)
    counted = post.invocations.total(), post.messages.total(), *(found[name] for name in MOVES)
    return dict(zip(MOST, counted, strict=True))


def approve(world: World, arns: Iterable[str]) -> None:
    """Approve versions, as the console does."""
    for each in arns:
        world.sagemaker.update_model_package(ModelPackageArn=each, ModelApprovalStatus="Approved")


def _let_roll_out(world: World, earlier: Iterable[Sequence[str]]) -> None:
    """Verify the first version of each model, and leave the rollout of the second under way."""
    first, second = zip(*earlier, strict=True)
    approve(world, first)
    Post(world).run()
    approve(world, second)
    Post(world).run(is_moving=False)
    updating = world.sagemaker.list_endpoints(StatusEquals="Updating", MaxResults=100)["Endpoints"]
    assert len(updating) == len(second)


def _assert_ends_on(world: World, model: str, last: int) -> None:
    """The last version answers; each one was registered, approved and staged, and all others have left."""
    endpoint = world.sagemaker.describe_endpoint(EndpointName=f"{model}-staging")
    assert (endpoint["EndpointStatus"], version_in(endpoint["EndpointConfigName"])) == ("InService", last)
    entries = list(world.context.ledger.entries(model))
    for version in range(1, last + 1):
        chain = [entry for entry in entries if entry.version == version]
        kinds = [entry.kind.value for entry in chain]
        assert [entry.seq for entry in chain] == list(range(1, len(chain) + 1))
        assert kinds[:3] == ["registered", "approved", "staged"]
        assert kinds[-1] == ("verified" if version == last else "archived")
        assert kinds.count("deploying") <= 1
