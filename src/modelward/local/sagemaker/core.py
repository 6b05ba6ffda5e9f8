"""The local SageMaker of one account and region: one door for every operation."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from threading import RLock
from typing import Any

from modelward.local.sagemaker.alarms import Unwatched, Watch
from modelward.local.sagemaker.asynchronous import OPERATION as ASYNCHRONOUS
from modelward.local.sagemaker.asynchronous import Call, Queue, checked_call
from modelward.local.sagemaker.captures import Captures
from modelward.local.sagemaker.deliveries import Deliveries
from modelward.local.sagemaker.deployments import Deployments
from modelward.local.sagemaker.endpoint import Herald
from modelward.local.sagemaker.endpoint_configs import EndpointConfigs
from modelward.local.sagemaker.endpoints import Endpoints, Neighbours
from modelward.local.sagemaker.errors import ApiError, UnansweredError, does_not_exist, unsupported
from modelward.local.sagemaker.faults import Fault, Faults
from modelward.local.sagemaker.groups import Groups
from modelward.local.sagemaker.interface import Caller, Hosting, Look, Scaling, Timing, Unscaled
from modelward.local.sagemaker.lineage import Lineage
from modelward.local.sagemaker.models import Models
from modelward.local.sagemaker.packages import KIND, Elsewhere, Package, Packages
from modelward.local.sagemaker.runtime import Runtime
from modelward.local.sagemaker.scope import Event, Scope, copied
from modelward.local.sagemaker.search import Search
from modelward.local.sagemaker.search_index import SearchIndex
from modelward.local.sagemaker.sharing import owner_named, owner_of
from modelward.local.sagemaker.tags import Tags
from modelward.local.sagemaker.transforms import Job, TransformJobs
from modelward.local.sagemaker.validation import check
from modelward.local.sagemaker.veil import Veil

Operation = Callable[[Mapping[str, Any], Caller], dict[str, Any]]


def _at_once(work: Callable[[], None]) -> None:
    work()


class SageMaker:
    """A registry and its endpoints.

    `timing`, `captures.store`, `queue.store`, `queue.topics`, `transforms.store` and `spawn`, which does what no call
    waits for, may be replaced, and `faults`, `deliveries` and `veil` be told to misbehave, at any time. Calls may come
    from several threads. It knows of no other account unless `neighbours` is set: that gives the cores of all accounts
    in its region, whose groups calls may name by ARN. Whether the caller may is for whoever runs the cores to decide.
    """

    def __init__(
        self,
        account: str,
        region: str,
        *,
        clock: Callable[[], datetime],
        emit: Callable[[Event], None],
        hosting: Hosting,
        timing: Timing | None = None,
        watch: Watch | None = None,
    ) -> None:
        """Begin empty.

        Args:
            account: The 12 digits that own what is made here.
            region: The region in its ARNs.
            clock: Tells the time, with a time zone.
            emit: Takes each event once its call is over, in EventBridge's envelope.
            hosting: Runs the containers of endpoints.
            timing: How long transitions take.
            watch: Takes the metrics of each invocation, and tells the state of alarms, which may end a deployment.
        """
        self.account = account
        self.region = region
        self.timing = timing or Timing()
        self.faults = Faults()
        self.hosting = hosting
        self.deliveries = Deliveries()
        self._emit = emit
        self._watch = watch or Unwatched()
        self.neighbours: Callable[[], Iterable[SageMaker]] = tuple
        self._lock = RLock()
        self._scope = Scope(account, region, clock)
        self._index = SearchIndex(clock, lambda: self.timing.search_lag_s)
        self.tags = Tags()
        self.groups = Groups(self._scope, self.tags, self._index, self._foreign_groups)
        elsewhere = Elsewhere(self._borrow, self._specification_of)
        self.packages = Packages(self._scope, self.groups, self.tags, self._index, elsewhere)
        self._search = Search(self._index, self.tags)
        self._models = Models(self._scope, self.packages, self.tags)
        self._configs = EndpointConfigs(self._scope, self._models, self.tags)
        self._lineage = Lineage(self._scope, self.tags)
        self._endpoints = self._make_endpoints(hosting)
        self.captures = Captures()
        self._work: list[Callable[[], None]] = []
        self.scaling: Scaling = Unscaled()
        self._runtime = Runtime(self._scope, self._endpoints, hosting, self._watch, self.captures)
        self.queue = Queue(self._scope, lambda: self.timing)
        self.transforms = TransformJobs(self._scope, self._models, self.tags, hosting, lambda: self.timing)
        self.spawn: Callable[[Callable[[], None]], None] = _at_once
        self._operations = (
            self._registry_operations()
            | self._hosting_operations()
            | self._transform_operations()
            | self._lineage_operations()
        )

    def _make_endpoints(self, hosting: Hosting) -> Endpoints:
        herald = Herald(self._scope, self.tags)
        near = Neighbours(
            self._configs, self._models, self.tags, self.faults, lambda: self.timing, lambda: self.scaling
        )
        deployments = Deployments(herald, hosting, self._watch, self.faults, near.timing)
        return Endpoints(self._scope, near, herald, deployments)

    def _specification_of(self, model_arn: str) -> dict[str, Any]:
        return self._models.specification(model_arn)

    def _registry_operations(self) -> dict[str, Operation]:
        groups, packages, tags = self.groups, self.packages, self.tags
        return {
            "CreateModelPackageGroup": groups.create,
            "DescribeModelPackageGroup": groups.describe,
            "ListModelPackageGroups": groups.list_page,
            "DeleteModelPackageGroup": groups.delete,
            "PutModelPackageGroupPolicy": groups.put_policy,
            "GetModelPackageGroupPolicy": groups.get_policy,
            "DeleteModelPackageGroupPolicy": groups.delete_policy,
            "CreateModelPackage": packages.create,
            "DescribeModelPackage": packages.describe,
            "BatchDescribeModelPackage": packages.batch_describe,
            "ListModelPackages": packages.list_page,
            "UpdateModelPackage": packages.update,
            "DeleteModelPackage": packages.delete,
            "Search": self._search.search,
            "AddTags": tags.add,
            "ListTags": tags.list_page,
            "DeleteTags": tags.delete,
        }

    def _hosting_operations(self) -> dict[str, Operation]:
        models, configs, endpoints = self._models, self._configs, self._endpoints
        return {
            "CreateModel": models.create,
            "DescribeModel": models.describe,
            "ListModels": models.list_page,
            "DeleteModel": models.delete,
            "CreateEndpointConfig": configs.create,
            "DescribeEndpointConfig": configs.describe,
            "ListEndpointConfigs": configs.list_page,
            "DeleteEndpointConfig": configs.delete,
            "CreateEndpoint": self._announced(endpoints.create),
            "UpdateEndpoint": self._announced(endpoints.update),
            "UpdateEndpointWeightsAndCapacities": self._announced(endpoints.update_weights_and_capacities),
            "DescribeEndpoint": endpoints.describe,
            "ListEndpoints": endpoints.list_page,
            "DeleteEndpoint": endpoints.delete,
        }

    def _transform_operations(self) -> dict[str, Operation]:
        jobs = self.transforms
        return {
            "CreateTransformJob": jobs.create,
            "DescribeTransformJob": jobs.describe,
            "ListTransformJobs": jobs.list_page,
            "StopTransformJob": jobs.stop,
        }

    def _announced(self, change: Operation) -> Operation:
        """Have what changes an endpoint try the topics of its new variants."""

        def changed(request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
            answer = change(request, caller)
            arriving = self._endpoints.arriving(request["EndpointName"])
            if any(variant.asynchronous for variant in arriving):
                self._work.append(lambda: self.queue.announce(arriving))
            return answer

        return changed

    def _lineage_operations(self) -> dict[str, Operation]:
        lineage = self._lineage
        return {
            "CreateAction": lineage.create_action,
            "CreateArtifact": lineage.create_artifact,
            "CreateContext": lineage.create_context,
            "DescribeAction": lineage.describe_action,
            "DescribeArtifact": lineage.describe_artifact,
            "DescribeContext": lineage.describe_context,
            "ListActions": lineage.list_actions,
            "ListArtifacts": lineage.list_artifacts,
            "ListContexts": lineage.list_contexts,
            "AddAssociation": lineage.add_association,
            "DeleteAssociation": lineage.delete_association,
            "ListAssociations": lineage.list_associations,
            "QueryLineage": lineage.query,
        }

    @property
    def veil(self) -> Veil:
        """What hides resources that were just made, for a test."""
        return self._scope.veil

    @property
    def operations(self) -> frozenset[str]:
        """The operations that `call` answers."""
        return frozenset(self._operations)

    def call(self, operation: str, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Perform an operation of the API and return its answer, wire-shaped, with datetimes for timestamps.

        What names a group or package of another account by ARN is answered by that account's core.

        Raises ApiError as AWS would answer, or UnansweredError when a fault lets the answer get lost.
        """
        owner = self._neighbour(owner_named(request))
        if owner is not None:
            return owner.call(operation, request, caller)
        perform = self._operations.get(operation)
        if perform is None:
            raise unsupported(operation)
        try:
            with self._lock:
                self._endpoints.advance()
                try:
                    return self._perform(operation, perform, request, caller)
                finally:
                    self._endpoints.advance()  # a transition that takes no time is over before the call is
        finally:
            self._send()

    def look(self, arn: str) -> Look:
        """Tell what IAM asks of a resource, as it is now. It is no call: faults, veils and counts do not notice.

        It takes no lock, as `_borrow` takes none of the other core: packages and groups are values, and two cores that
        wait for each other's locks would wait for ever.
        """
        kind, _, name = arn.rpartition(":")[2].partition("/")
        path = name.split("/")
        is_in_group = kind == "model-package-group" or (kind == "model-package" and len(path) > 1)
        group = self.groups.peek(path[0]) if is_in_group else None
        package = self.packages.peek(arn)
        tags = self.tags.of(group.arn if group else arn)
        key = self._configs.volume_key(arn) if kind == "endpoint-config" else ""
        is_scaled = kind == "endpoint" and self._is_scaled(name)
        return Look(tags, package.fields if package else {}, group.policy if group else None, key, is_scaled)

    def _is_scaled(self, endpoint: str) -> bool:
        config = self._endpoints.config_of(endpoint)
        return config is not None and any(self.scaling.scales(endpoint, v["VariantName"]) for v in config.variants)

    def config_of(self, endpoint: str) -> str:
        """Name the config of an endpoint, empty if there is none; it is no call, as with `look`."""
        config = self._endpoints.config_of(endpoint)
        return config.name if config else ""

    def has_variant(self, endpoint: str, variant: str) -> bool:
        """Tell whether an endpoint has a variant; it is no call, as with `look`."""
        config = self._endpoints.config_of(endpoint)
        return config is not None and any(each["VariantName"] == variant for each in config.variants)

    def _borrow(self, arn: str) -> Package:
        owner = self._neighbour(owner_of(arn))
        if owner is None:
            raise does_not_exist(KIND, arn)
        return owner.packages.find(arn)

    def _foreign_groups(self) -> list[Groups]:
        return [core.groups for core in self.neighbours() if core is not self]

    def _neighbour(self, account: str | None) -> "SageMaker | None":
        if account in {None, self.account}:
            return None
        return next((core for core in self.neighbours() if core.account == account), None)

    @property
    def next_due(self) -> datetime | None:
        """When the next endpoint transition, or event that is held back, is due; None if all is at rest."""
        with self._lock:
            due = (
                self._endpoints.next_due,
                self.deliveries.next_due,
                self.queue.next_due,
                self.transforms.next_due,
            )
            return min((moment for moment in due if moment is not None), default=None)

    def advance(self) -> None:
        """Let endpoints get to where the clock says they are, and emit what that causes."""
        try:
            with self._lock:
                self._endpoints.advance()
        finally:
            self._send()

    def update_by_system(self, endpoint_name: str, takes_s: float) -> None:
        """Let AWS maintain an endpoint, as it may at any time: SystemUpdating for a while, then InService.

        Raises ApiError if the endpoint is missing, in progress or Failed.
        """
        try:
            with self._lock:
                self._endpoints.advance()
                self._endpoints.update_by_system(endpoint_name, takes_s)
        finally:
            self._send()

    def invoke_endpoint(self, request: Mapping[str, Any], body: bytes, caller: Caller) -> tuple[dict[str, str], bytes]:
        """Perform InvokeEndpoint of the runtime.

        Args:
            request: EndpointName, and those of ContentType, Accept, TargetVariant that were given.
            body: What the container gets.
            caller: Who asks.

        Returns:
            ContentType and InvokedProductionVariant, and the container's answer.

        Raises:
            ApiError: ValidationError for an endpoint that does not serve, ModelError for a container that fails.
            UnansweredError: A fault lets the answer get lost.
        """
        arrived_at = self._scope.now()
        self.advance()
        with self._lock:
            fault = self.faults.strike("InvokeEndpoint", caller.arn)
            variant = self._runtime.choose(request, body)
            shadows = self._runtime.shadows(request)
        try:
            answer = self._runtime.answer(variant, request, body, arrived_at)
        finally:
            for shadow in shadows:
                self._runtime.copy(shadow, request, body)
        if fault is Fault.TIMEOUT_AFTER:
            raise UnansweredError("InvokeEndpoint got no answer, but took effect.")
        return answer

    def invoke_endpoint_async(self, request: Mapping[str, Any], body: bytes, caller: Caller) -> dict[str, str]:
        """Perform InvokeEndpointAsync of the runtime: the call waits, and its answer comes to S3.

        Args:
            request: Members as the API has them, without Body.
            body: Body; empty where InputLocation is given.
            caller: Who asks.

        Returns:
            InferenceId, OutputLocation and, where there is a place for failures, FailureLocation.

        Raises:
            ApiError: ValidationError for a call or an endpoint that cannot be.
            UnansweredError: A fault lets the answer get lost.
        """
        self.advance()
        with self._lock:
            fault = self.faults.strike(ASYNCHRONOUS, caller.arn)
            checked = checked_call(request)
            answer = self.queue.accept(self._runtime.choose_later(request["EndpointName"]), checked, body)
        self.advance()
        if fault is Fault.TIMEOUT_AFTER:
            raise UnansweredError(f"{ASYNCHRONOUS} got no answer, but took effect.")
        return answer

    def _answer(self, call: Call) -> None:
        try:
            with self._lock:
                variant = self._runtime.choose_later(call.request["EndpointName"])
        except ApiError:
            return  # the endpoint is gone, and its queue with it
        self._runtime.answer_later(variant, call, self.queue)

    def _transform(self, job: Job) -> None:
        reason = self.transforms.work(job)
        with self._lock:
            self.transforms.finish(job, reason)
        self._send()

    def _perform(
        self, operation: str, perform: Operation, request: Mapping[str, Any], caller: Caller
    ) -> dict[str, Any]:
        fault = self.faults.strike(operation, caller.arn)
        checked = check(operation, request)
        self._endpoints.next_fault = fault
        answer: dict[str, Any] = copied(perform(checked, caller))
        if fault is Fault.TIMEOUT_AFTER:
            raise UnansweredError(f"{operation} got no answer, but took effect.")
        return answer

    def _send(self) -> None:
        with self._lock:
            work, self._work = self._work, []
            work += [partial(self._answer, call) for call in self.queue.take_due()]
            work += [partial(self._transform, job) for job in self.transforms.advance()]
        for each in work:
            self.spawn(each)
        while (event := self._next_event()) is not None:
            self._emit(event)

    def _next_event(self) -> Event | None:
        with self._lock:
            now = self._scope.now()
            while self._scope.outbox:
                self.deliveries.accept(self._scope.outbox.pop(0), now)
            return self.deliveries.take(now)
