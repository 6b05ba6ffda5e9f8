"""Batch transform: jobs that have a model answer all objects below an S3 prefix.

::

    CreateTransformJob   InProgress --all objects are answered-->                    Completed
                                    --the container or an object fails-->            Failed
    StopTransformJob     Stopping --> Stopped; what is answered by then is not written

A job starts a container of its own, as an endpoint does, when its instances would be there; it works through the
objects in a thread of whoever runs the core, and its container goes with it. An object becomes requests by `SplitType`
and `BatchStrategy`, and one object with `.out` at its end when all of them are answered.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from modelward.local.sagemaker.errors import ApiError, could_not_find, invalid
from modelward.local.sagemaker.interface import Caller, HostedVariant, Hosting, MemoryStore, Store, Timing
from modelward.local.sagemaker.listing import Shelf, is_within, page, sorted_listing
from modelward.local.sagemaker.models import Models
from modelward.local.sagemaker.scope import Scope, in_event
from modelward.local.sagemaker.tags import Tags

KIND = "transform job"
EVENT = "SageMaker Transform Job State Change"
_MB = 1024 * 1024
_PAYLOAD_MB = 6
_MOST_MB = 100
_LIMIT_S = 600  # what an invocation may take unless the job says so
_LOGS = "See job logs for more information"
_NOT_HERE = ("DataCaptureConfig", "DataProcessing", "ExperimentConfig")
_OVER = frozenset({"Completed", "Failed", "Stopped"})


@dataclass(slots=True)
class Job:
    """A transform job, and the container that works for it."""

    name: str
    arn: str
    created_at: datetime
    fields: Mapping[str, Any]
    hosted: HostedVariant
    key: str
    status: str = "InProgress"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    modified_at: datetime | None = None
    reason: str = ""
    due: datetime | None = None
    is_up: bool = field(default=False)

    def describe(self) -> dict[str, Any]:
        """Return the answer of DescribeTransformJob."""
        times = {"TransformStartTime": self.started_at, "TransformEndTime": self.ended_at}
        return {
            **self.fields,
            "TransformJobArn": self.arn,
            "TransformJobStatus": self.status,
            "CreationTime": self.created_at,
            **{name: at for name, at in times.items() if at},
            **({"FailureReason": self.reason} if self.reason else {}),
        }

    def summary(self) -> dict[str, Any]:
        """Return an entry of ListTransformJobs."""
        told = {
            "TransformJobName": self.name,
            "TransformJobArn": self.arn,
            "CreationTime": self.created_at,
            "LastModifiedTime": self.modified_at or self.created_at,
            "TransformJobStatus": self.status,
        }
        return {**told, **({"TransformEndTime": self.ended_at} if self.ended_at else {})}

    @property
    def output(self) -> Mapping[str, Any]:
        """Where its answers go."""
        output: Mapping[str, Any] = self.fields["TransformOutput"]
        return output


def _by_status(job: Job) -> tuple[str, str]:
    return job.status, job.name


def _by_name(job: Job) -> str:
    return job.name


_SORT_KEYS: Mapping[str, Callable[[Job], Any]] = {"Name": _by_name, "Status": _by_status}


class TransformJobs:
    """The transform jobs of an account and region. `store` may be replaced at any time."""

    def __init__(
        self, scope: Scope, models: Models, tags: Tags, hosting: Hosting, timing: Callable[[], Timing]
    ) -> None:
        self.store: Store = MemoryStore()
        self._scope = scope
        self._models = models
        self._tags = tags
        self._hosting = hosting
        self._timing = timing
        self._shelf: Shelf[Job] = Shelf()

    # Operations

    def create(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """CreateTransformJob."""
        name = request["TransformJobName"]
        arn = self._scope.arn("transform-job", name)
        if name.lower() in self._shelf:
            raise ApiError(
                "ResourceInUse",
                "Job name must be unique within an AWS account and region, and a job with this name already exists"
                f" ({arn})",
            )
        model = self._models.find(request["ModelName"])
        _check(request)
        environment = {**model.served.environment, **request.get("Environment", {}), "SAGEMAKER_BATCH": "true"}
        hosted = HostedVariant(
            endpoint_name=name,
            endpoint_config_name="",
            variant_name="",
            model_name=model.name,
            image=model.served.image,
            model_data_url=model.served.model_data_url,
            environment=environment,
            model_package_arn=model.served.model_package_arn,
            execution_role_arn=model.fields.get("ExecutionRoleArn", ""),
            endpoint_arn=arn,
        )
        now = self._scope.now()
        fields = {key: value for key, value in request.items() if key != "Tags"}
        due = now + timedelta(seconds=self._timing().transform_s)
        job = Job(name, arn, now, fields, hosted, f"{arn}/{uuid.uuid4()}", due=due)
        self._tags.open(arn, request.get("Tags", ()))
        self._shelf.add(name.lower(), job)
        self._hosting.start(job.key, hosted)
        self._tell(job)
        return {"TransformJobArn": arn}

    def describe(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """DescribeTransformJob."""
        return self._find(request["TransformJobName"]).describe()

    def list_page(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """ListTransformJobs."""
        found = (
            (cursor, job)
            for cursor, job in sorted_listing(self._shelf, request, "transform-jobs", _SORT_KEYS)
            if request.get("NameContains", "").lower() in job.name.lower()
            and request.get("StatusEquals", job.status) == job.status
            and is_within(job.created_at, request, "CreationTime")
            and is_within(job.modified_at or job.created_at, request, "LastModifiedTime")
        )
        return page(found, request, "TransformJobSummaries", "transform-jobs", Job.summary)

    def stop(self, request: Mapping[str, Any], _caller: Caller) -> dict[str, Any]:
        """StopTransformJob."""
        job = self._find(request["TransformJobName"])
        if job.status != "InProgress":
            raise invalid(f"The request was rejected because the transform job is in status {job.status}.")
        self._enter(job, "Stopping")
        job.due = self._scope.now() + timedelta(seconds=self._timing().delete_s)
        return {}

    def _find(self, name: str) -> Job:
        job = self._shelf.get(name.lower())
        if job is None:
            raise could_not_find(KIND, self._scope.arn("transform-job", name))
        return job

    # Time

    @property
    def next_due(self) -> datetime | None:
        """When the next job goes on."""
        return min((job.due for job in self._shelf if job.due), default=None)

    def advance(self) -> list[Job]:
        """Perform what is due, and return the jobs whose containers are up: they have objects to work through."""
        now, ready = self._scope.now(), []
        for job in [each for each in self._shelf if each.due and each.due <= now]:
            if job.status == "Stopping":
                self._end(job, "Stopped")
            elif self._is_up(job, now):
                job.started_at, job.due = now, None
                ready.append(job)
        return ready

    def _is_up(self, job: Job, now: datetime) -> bool:
        is_healthy, timing = self._hosting.healthy(job.key), self._timing()
        if is_healthy is None and now < job.created_at + timedelta(seconds=timing.health_timeout_s):
            job.due = now + timedelta(seconds=timing.health_poll_s)
            return False
        if not is_healthy:
            self._end(job, "Failed", f"AlgorithmError: the container did not come up. {_LOGS}")
        return bool(is_healthy)

    def work(self, job: Job) -> str:
        """Answer all objects, and say why that did not succeed; it takes long, and is not to hold anybody up."""
        source = job.fields["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
        try:
            uris = [uri for uri in self.store.keys(job.hosted, source) if not uri.endswith("/")]
        except OSError as error:
            return f"ClientError: the input could not be listed: {error}"
        if not uris:
            return f"ClientError: there is no object below {source}"
        failed = [uri for uri in uris if not self._transform(job, uri, source)]
        return f"ClientError: {len(failed)} of {len(uris)} objects failed, first {failed[0]}. {_LOGS}" if failed else ""

    def _transform(self, job: Job, uri: str, source: str) -> bool:
        try:
            answers = [self._ask(job, body) for body in requests_of(self.store.get(job.hosted, uri), job.fields)]
            if job.status == "InProgress":
                target = f"{job.output['S3OutputPath'].rstrip('/')}/{uri[source.rfind('/') + 1 :]}.out"
                body = assembled(answers, job.output.get("AssembleWith", "None"))
                self.store.put(job.hosted, target, body, job.output.get("KmsKeyId", ""))
        except OSError:
            return False
        return True

    def _ask(self, job: Job, body: bytes) -> bytes:
        content_type = job.fields["TransformInput"].get("ContentType", "")
        limit_s = job.fields.get("ModelClientConfig", {}).get("InvocationsTimeoutInSeconds", _LIMIT_S)
        accept = job.output.get("Accept", "")
        status, _, answer = self._hosting.invoke(job.key, body, content_type, accept, limit_s)
        if status >= 400:
            raise OSError(f"the container answered {status}")
        return answer

    def finish(self, job: Job, reason: str) -> None:
        """End a job that has been worked through, unless somebody has stopped it."""
        if job.status == "InProgress":
            self._end(job, "Failed" if reason else "Completed", reason)

    def _end(self, job: Job, status: str, reason: str = "") -> None:
        job.due, job.ended_at, job.reason = None, self._scope.now(), reason
        self._hosting.stop(job.key)
        self._enter(job, status)

    def _enter(self, job: Job, status: str) -> None:
        job.status, job.modified_at = status, self._scope.now()
        self._tell(job)

    def _tell(self, job: Job) -> None:
        detail = {**in_event(job.describe()), "Tags": self._tags.of(job.arn)}
        self._scope.publish(EVENT, job.arn, detail, self._scope.now())


def requests_of(body: bytes, fields: Mapping[str, Any]) -> Iterator[bytes]:
    """Make the requests of an object; OSError if a record, or an object that is not split, is too large."""
    most = fields.get("MaxPayloadInMB", _PAYLOAD_MB) * _MB
    is_whole = fields["TransformInput"].get("SplitType", "None") == "None"
    records = [body] if is_whole else body.splitlines(keepends=True)
    if any(len(record) > most for record in records):
        raise OSError(f"a record has more than {most} bytes")
    if fields.get("BatchStrategy", "MultiRecord") == "SingleRecord":
        yield from (record if is_whole else record.rstrip(b"\r\n") for record in records)
        return
    batch = b""
    for record in records:
        if batch and len(batch) + len(record) > most:
            yield batch
            batch = b""
        batch += record
    yield batch


def assembled(answers: Sequence[bytes], how: str) -> bytes:
    """Put answers together as `AssembleWith` says."""
    end = b"\n" if how == "Line" else b""
    return b"".join(answer + end for answer in answers)


def _check(request: Mapping[str, Any]) -> None:
    """Refuse what AWS would refuse, and what is not done here."""
    source, split = request["TransformInput"], request["TransformInput"].get("SplitType", "None")
    asked = {
        "S3DataType": source["DataSource"]["S3DataSource"]["S3DataType"],
        "CompressionType": source.get("CompressionType", "None"),
        "SplitType": split,
    }
    done = {"S3DataType": ("S3Prefix",), "CompressionType": ("None",), "SplitType": ("None", "Line")}
    lacking = [f"{name} {value}" for name, value in asked.items() if value not in done[name]]
    lacking += [member for member in _NOT_HERE if member in request]
    if lacking:
        raise invalid(f"The local SageMaker of Modelward does not implement {lacking[0]} of CreateTransformJob.")
    if request.get("BatchStrategy") and split == "None":
        raise invalid("BatchStrategy needs a SplitType other than None.")
    most = request.get("MaxPayloadInMB", _PAYLOAD_MB)
    if most * max(1, request.get("MaxConcurrentTransforms", 1)) > _MOST_MB:
        raise invalid(f"MaxPayloadInMB * MaxConcurrentTransforms must not exceed {_MOST_MB} MB.")
