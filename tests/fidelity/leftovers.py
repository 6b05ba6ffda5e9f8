"""Find and delete what a run of the live tests has made: by its prefix, and only what carries its tag."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from botocore.exceptions import ClientError

PREFIX = "modelward-live-"
ROLE_PATH = "/modelward-live/"
RUN_TAG = "modelward:test-live"
EXPIRES_TAG = "modelward:expires"
_LONGEST_PAUSE_S = 15.0
_LIMIT_S = 3600.0

Tags = Mapping[str, str]


class Place(Protocol):
    """Where to look: an account and how time passes there."""

    pace: Any

    def client(self, service: str) -> Any:
        """Return a client."""

    def close(self) -> None:
        """Close the clients."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that a run has made. `delete` waits until it is gone, if that takes time."""

    kind: str
    name: str
    tags: Tags
    delete: Callable[[], None]

    def is_of(self, run: str) -> bool:
        """Tell whether that run has made it."""
        return self.tags.get(RUN_TAG) == run

    def is_expired(self) -> bool:
        """Tell whether whoever made it should long have deleted it."""
        if RUN_TAG not in self.tags or EXPIRES_TAG not in self.tags:
            return False
        return datetime.fromisoformat(self.tags[EXPIRES_TAG]) <= datetime.now(UTC)


def find(place: Place, prefix: str = PREFIX) -> Iterator[Leftover]:
    """Yield what begins with a prefix, in the order in which it must be deleted."""
    for look in (_endpoints, _configs, _models, _groups, _rules, _queues, _alarms, _buckets, _roles):
        yield from look(place, prefix)


def sweep(place: Place, prefix: str, is_due: Callable[[Leftover], bool]) -> list[str]:
    """Delete what is due; return what it was."""
    swept = []
    for leftover in list(find(place, prefix)):
        if is_due(leftover):
            leftover.delete()
            swept.append(f"{leftover.kind} {leftover.name}")
    return swept


def delete_endpoint(place: Place, name: str) -> None:
    """Delete an endpoint, after whatever is going on with it, and wait until it is gone."""
    sagemaker, began = place.client("sagemaker"), place.pace.now()
    while True:
        waited_s = place.pace.now() - began
        try:
            sagemaker.delete_endpoint(EndpointName=name)
        except ClientError as error:
            if "Could not find" in str(error):
                return
            if "in-progress" not in str(error) or waited_s > _LIMIT_S:
                raise
        place.pace.pause(patience(waited_s))


def patience(waited_s: float) -> float:
    """Return how long to wait before asking again, in seconds: a tenth of what has been waited so far."""
    return min(max(0.1, waited_s / 10), _LONGEST_PAUSE_S)


def _tagged(tags: list[Mapping[str, str]]) -> Tags:
    return {tag["Key"]: tag["Value"] for tag in tags}


def _sagemaker(place: Place, prefix: str, kind: str, operation: str, member: str) -> Iterator[tuple[str, Tags]]:
    sagemaker = place.client("sagemaker")
    for page in sagemaker.get_paginator(operation).paginate(NameContains=prefix):
        for each in page[member]:
            if each[f"{kind}Name"].startswith(prefix):
                yield each[f"{kind}Name"], _tagged(sagemaker.list_tags(ResourceArn=each[f"{kind}Arn"])["Tags"])


def _endpoints(place: Place, prefix: str) -> Iterator[Leftover]:
    for name, tags in _sagemaker(place, prefix, "Endpoint", "list_endpoints", "Endpoints"):
        yield Leftover("endpoint", name, tags, lambda name=name: delete_endpoint(place, name))


def _configs(place: Place, prefix: str) -> Iterator[Leftover]:
    delete = place.client("sagemaker").delete_endpoint_config
    for name, tags in _sagemaker(place, prefix, "EndpointConfig", "list_endpoint_configs", "EndpointConfigs"):
        yield Leftover("endpoint config", name, tags, lambda name=name: delete(EndpointConfigName=name))


def _models(place: Place, prefix: str) -> Iterator[Leftover]:
    delete = place.client("sagemaker").delete_model
    for name, tags in _sagemaker(place, prefix, "Model", "list_models", "Models"):
        yield Leftover("model", name, tags, lambda name=name: delete(ModelName=name))


def _groups(place: Place, prefix: str) -> Iterator[Leftover]:
    found = _sagemaker(place, prefix, "ModelPackageGroup", "list_model_package_groups", "ModelPackageGroupSummaryList")
    for name, tags in found:
        yield Leftover("model package group", name, tags, lambda name=name: _delete_group(place, name))


def _delete_group(place: Place, name: str) -> None:
    sagemaker = place.client("sagemaker")
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=name)
    for arn in [each["ModelPackageArn"] for page in pages for each in page["ModelPackageSummaryList"]]:
        sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=name)


def _rules(place: Place, prefix: str) -> Iterator[Leftover]:
    events = place.client("events")
    for rule in events.list_rules(NamePrefix=prefix)["Rules"]:
        tags = _tagged(events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"])
        yield Leftover("rule", rule["Name"], tags, lambda name=rule["Name"]: _delete_rule(place, name))


def _delete_rule(place: Place, name: str) -> None:
    events = place.client("events")
    targets = [target["Id"] for target in events.list_targets_by_rule(Rule=name)["Targets"]]
    if targets:
        events.remove_targets(Rule=name, Ids=targets)
    events.delete_rule(Name=name)


def _queues(place: Place, prefix: str) -> Iterator[Leftover]:
    sqs = place.client("sqs")
    for url in sqs.list_queues(QueueNamePrefix=prefix).get("QueueUrls", ()):
        tags = sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
        yield Leftover("queue", url.rpartition("/")[2], tags, lambda url=url: sqs.delete_queue(QueueUrl=url))


def _alarms(place: Place, prefix: str) -> Iterator[Leftover]:
    cloudwatch = place.client("cloudwatch")
    for alarm in cloudwatch.describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]:
        tags = _tagged(cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"])
        name = alarm["AlarmName"]
        yield Leftover("alarm", name, tags, lambda name=name: cloudwatch.delete_alarms(AlarmNames=[name]))


def _buckets(place: Place, prefix: str) -> Iterator[Leftover]:
    s3 = place.client("s3")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].startswith(prefix)]
    for name in names:
        try:
            tags = _tagged(s3.get_bucket_tagging(Bucket=name)["TagSet"])
        except ClientError:
            tags = {}  # it has none: NoSuchTagSet
        yield Leftover("bucket", name, tags, lambda name=name: _delete_bucket(place, name))


def _delete_bucket(place: Place, name: str) -> None:
    s3 = place.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for each in page.get("Contents", ()):
            s3.delete_object(Bucket=name, Key=each["Key"])
    s3.delete_bucket(Bucket=name)


def _roles(place: Place, prefix: str) -> Iterator[Leftover]:
    iam = place.client("iam")
    for page in iam.get_paginator("list_roles").paginate(PathPrefix=ROLE_PATH):
        for role in page["Roles"]:
            name = role["RoleName"]
            if name.startswith(prefix):
                tags = _tagged(iam.list_role_tags(RoleName=name)["Tags"])
                yield Leftover("role", name, tags, lambda name=name: _delete_role(place, name))


def _delete_role(place: Place, name: str) -> None:
    iam = place.client("iam")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)
