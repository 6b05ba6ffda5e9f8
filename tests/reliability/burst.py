"""Very many approvals at once, brought to the functions in batches as their event sources do."""

import json
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from tests.declaration import PLACES
from tests.reliability.invariants import assert_nothing_is_left

from modelward.core.model_package import METRIC_KEY
from modelward.core.names import version_in
from modelward.handlers import model_package, notify, reconcile

World = Any
OF_A_QUEUE, OF_THE_STREAM = 10, 100
"""The most messages that Lambda brings in one invocation: what it does where the stacks do not say otherwise."""
BURST_APPROVALS, BURST_MODELS, BURST_ON_ONE = 200, 50, 40
MOST = {
    "invocations of functions": 4 * BURST_APPROVALS,
    "CreateEndpoint and UpdateEndpoint": 2 * BURST_MODELS,
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
    if model != "digits":
        world.sagemaker.create_model_package_group(ModelPackageGroupName=model)
    made = (world.sagemaker.create_model_package(ModelPackageGroupName=model, **_VERSION) for _ in range(count))
    return [each["ModelPackageArn"] for each in made]


class Post:
    """The queues and the stream in front of the functions."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.waiting: dict[Any, deque[Any]] = {each: deque() for each in (model_package, reconcile, notify)}
        self.invocations: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()

    def run(self) -> None:
        """Bring all that comes, until all is at rest."""
        while self._is_collected() or self.world._is_advanced():
            for function in self.waiting:
                while self.waiting[function]:
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
    arns = {model: register(world, model, count) for model, count in counts.items()}
    Post(world).run()
    since = len(world.asked)
    for turn in range(BURST_ON_ONE):
        for each in (versions[turn] for versions in arns.values() if turn < len(versions)):
            world.sagemaker.update_model_package(ModelPackageArn=each, ModelApprovalStatus="Approved")
    post = Post(world)
    post.run()
    for model, count in counts.items():
        endpoint = world.sagemaker.describe_endpoint(EndpointName=f"{model}-staging")
        assert (endpoint["EndpointStatus"], version_in(endpoint["EndpointConfigName"])) == ("InService", count)
        _assert_chains_are_whole(world, model, count)
    moves = [params for _, _, name, params in world.asked[since:] if name in ("CreateEndpoint", "UpdateEndpoint")]
    configs = [params["EndpointConfigName"] for params in moves]
    assert len(configs) == len(set(configs)), "no version is rolled out twice"
    assert_nothing_is_left(world)
    return dict(zip(MOST, (post.invocations.total(), len(moves)), strict=True))


def _assert_chains_are_whole(world: World, model: str, count: int) -> None:
    """Each version was registered, approved and staged; the last one was rolled out, and the others have left."""
    for version in range(1, count + 1):
        chain = world.context.ledger.chain(model, version)
        kinds = [entry.kind.value for entry in chain]
        assert [entry.seq for entry in chain] == list(range(1, len(chain) + 1))
        assert kinds[:3] == ["registered", "approved", "staged"]
        assert kinds[-1] == ("verified" if version == count else "archived")
        assert kinds.count("deploying") <= 1
