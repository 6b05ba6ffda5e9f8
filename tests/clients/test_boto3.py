"""boto3's paginators and waiters: each one whose operation the local SageMaker answers, as botocore lists them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import WaiterError
from botocore.loaders import Loader

from modelward.local.sagemaker import MemoryHosting, SageMaker
from modelward.local.up import LocalAws

pytestmark = pytest.mark.client

IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
SPECIFICATION = {"Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://models/model.tar.gz"}]}
NAMES = [f"digits-{number}" for number in (4, 1, 7, 2, 6, 3, 5)]
PAGE = 3
ACCOUNTS = count(1)
HASTY = {"Delay": 0.2, "MaxAttempts": 150}

Create = Callable[[Any, str], Any]


@dataclass(frozen=True)
class Listing:
    """A paginator's test: how one thing is made, how it is told apart in pages, what is asked for."""

    create: Create
    member: str
    request: Mapping[str, Any] = field(default_factory=dict)
    is_newest_first: bool = True  # what the API's text says about the default of SortOrder
    prepare: Callable[[Any], Any] = lambda _client: None
    found: Callable[[Any], str] = lambda item: item


def make_group(client: Any, name: str = "digits") -> None:
    client.create_model_package_group(ModelPackageGroupName=name)


def make_version(client: Any, name: str) -> None:
    client.create_model_package(
        ModelPackageGroupName="digits", ModelPackageDescription=name, InferenceSpecification=SPECIFICATION
    )


def make_model(client: Any, name: str = "digits") -> None:
    client.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE})


def make_config(client: Any, name: str = "digits", model: str = "digits") -> None:
    variant = {"VariantName": "all", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def make_model_and_config(client: Any) -> None:
    make_model(client)
    make_config(client)


def make_endpoint(client: Any, name: str) -> None:
    client.create_endpoint(EndpointName=name, EndpointConfigName="digits")


def make_transform_job(client: Any, name: str, model: str = "digits", bucket: str = "models") -> None:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/calls/"}}
    client.create_transform_job(
        TransformJobName=name,
        ModelName=model,
        TransformInput={"DataSource": source, "ContentType": "text/csv"},
        TransformOutput={"S3OutputPath": f"s3://{bucket}/answers/"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )


def make_action(client: Any, name: str) -> None:
    client.create_action(ActionName=name, ActionType="Test", Source={"SourceUri": "s3://models"})


def make_context(client: Any, name: str = "digits") -> str:
    source = {"SourceUri": "s3://models"}
    arn: str = client.create_context(ContextName=name, ContextType="Test", Source=source)["ContextArn"]
    return arn


def make_artifact(client: Any, name: str) -> str:
    source = {"SourceUri": f"s3://models/{name}"}
    arn: str = client.create_artifact(ArtifactName=name, ArtifactType="Test", Source=source)["ArtifactArn"]
    return arn


def make_association(client: Any, name: str) -> None:
    destination = client.describe_context(ContextName="digits")["ContextArn"]
    client.add_association(SourceArn=make_artifact(client, name), DestinationArn=destination)


LISTINGS = {
    "ListActions": Listing(make_action, "ActionName", {"ActionType": "Test"}),
    "ListArtifacts": Listing(make_artifact, "ArtifactName", {"ArtifactType": "Test"}),
    "ListAssociations": Listing(make_association, "SourceName", {"SourceType": "Test"}, prepare=make_context),
    "ListContexts": Listing(make_context, "ContextName", {"ContextType": "Test"}),
    "ListEndpointConfigs": Listing(make_config, "EndpointConfigName", prepare=make_model),
    "ListEndpoints": Listing(make_endpoint, "EndpointName", prepare=make_model_and_config),
    "ListModelPackageGroups": Listing(make_group, "ModelPackageGroupName", is_newest_first=False),
    "ListModelPackages": Listing(
        make_version,
        "ModelPackageDescription",
        {"ModelPackageGroupName": "digits"},
        is_newest_first=False,
        prepare=make_group,
    ),
    "ListModels": Listing(make_model, "ModelName"),
    "ListTransformJobs": Listing(make_transform_job, "TransformJobName", prepare=make_model),
    "Search": Listing(
        make_version,
        "ModelPackage",
        {"Resource": "ModelPackage"},
        prepare=make_group,
        found=lambda item: item["ModelPackageDescription"],
    ),
}


def answered() -> frozenset[str]:
    core = SageMaker("123456789012", "us-east-1", clock=lambda: datetime.now(UTC), emit=print, hosting=MemoryHosting())
    return core.operations


def paged() -> list[str]:
    """Name the operations that botocore has a paginator for and the local SageMaker an answer."""
    return sorted(Loader().load_service_model("sagemaker", "paginators-1")["pagination"].keys() & answered())


def waiters() -> list[str]:
    """Name botocore's waiters that ask what the local SageMaker answers."""
    found = Loader().load_service_model("sagemaker", "waiters-2")["waiters"]
    return sorted(name for name, waiter in found.items() if waiter["operation"] in answered())


@pytest.fixture
def client(aws: LocalAws) -> Any:
    """A client in an account of its test's own, so that there is nothing to list but what the test makes."""
    return aws.root_client("sagemaker", account=f"{next(ACCOUNTS):012}")


@pytest.fixture(params=[operation for operation in paged() if operation != "ListTags"])
def listing(request: pytest.FixtureRequest, client: Any) -> tuple[Any, Listing]:
    """A paginator and its test, in an account where seven things were made, one after the other."""
    case = LISTINGS[request.param]
    case.prepare(client)
    for name in NAMES:
        case.create(client, name)
    return client.get_paginator(xform_name(request.param)), case


def names(pages: Sequence[Any], case: Listing) -> list[str]:
    items = (item for page in pages for value in page.values() if isinstance(value, list) for item in value)
    return [name for item in items if (name := case.found(item[case.member])) in NAMES]


def test_pages_are_complete_and_in_the_documented_order(listing: tuple[Any, Listing]) -> None:
    paginator, case = listing
    pages = list(paginator.paginate(**case.request, PaginationConfig={"PageSize": PAGE}))
    assert names(pages, case) == (NAMES[::-1] if case.is_newest_first else NAMES)
    assert len(pages) == 3
    for order, expected in (("Ascending", NAMES), ("Descending", NAMES[::-1])):
        pages = list(paginator.paginate(**case.request, SortOrder=order, PaginationConfig={"PageSize": PAGE}))
        assert names(pages, case) == expected


def test_a_listing_is_taken_up_where_it_was_left(listing: tuple[Any, Listing]) -> None:
    paginator, case = listing
    found, token = [], None
    while True:
        limits = {"PageSize": PAGE, "MaxItems": 4, "StartingToken": token}
        part = paginator.paginate(**case.request, PaginationConfig=limits).build_full_result()
        found += names([part], case)
        token = part.get("NextToken")
        if token is None:
            break
    assert found == (NAMES[::-1] if case.is_newest_first else NAMES)


def test_all_tags_are_listed(client: Any) -> None:
    # A page holds 50 or more and a resource 50 at most: AWS never needs a second one.
    tags = [{"Key": f"tag-{number}", "Value": str(number)} for number in range(50)]
    arn = client.create_model_package_group(ModelPackageGroupName="digits", Tags=tags)["ModelPackageGroupArn"]
    for size in (None, 50):
        pages = client.get_paginator("list_tags").paginate(ResourceArn=arn, PaginationConfig={"PageSize": size})
        assert pages.build_full_result()["Tags"] == tags


def test_every_paginator_that_applies_has_its_test() -> None:
    assert paged() == sorted([*LISTINGS, "ListTags"])


def test_every_waiter_that_applies_has_its_test() -> None:
    assert waiters() == ["EndpointDeleted", "EndpointInService", "TransformJobCompletedOrStopped"]


def test_waiters_see_an_endpoint_come_change_and_go(aws: LocalAws, role: str, model_url: Callable[[str], str]) -> None:
    client = aws.client("admin", "sagemaker")
    for name in ("waited-1", "waited-2"):
        container = {"Image": IMAGE, "ModelDataUrl": model_url(name)}
        client.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
        make_config(client, name, name)
    client.create_endpoint(EndpointName="waited", EndpointConfigName="waited-1")
    wait(client, "endpoint_in_service", "waited")
    assert client.describe_endpoint(EndpointName="waited")["EndpointStatus"] == "InService"
    client.update_endpoint(EndpointName="waited", EndpointConfigName="waited-2")
    wait(client, "endpoint_in_service", "waited")
    assert client.describe_endpoint(EndpointName="waited")["EndpointConfigName"] == "waited-2"
    client.delete_endpoint(EndpointName="waited")
    wait(client, "endpoint_deleted", "waited")
    assert client.list_endpoints(NameContains="waited")["Endpoints"] == []


def test_a_waiter_gives_up_on_an_endpoint_that_fails(aws: LocalAws, role: str) -> None:
    client = aws.client("admin", "sagemaker")
    container = {"Image": IMAGE, "ModelDataUrl": "s3://models/none"}
    client.create_model(ModelName="hopeless", PrimaryContainer=container, ExecutionRoleArn=role)
    make_config(client, "hopeless", "hopeless")
    client.create_endpoint(EndpointName="hopeless", EndpointConfigName="hopeless")
    with pytest.raises(WaiterError, match="terminal failure state") as failed:
        wait(client, "endpoint_in_service", "hopeless")
    assert failed.value.last_response["EndpointStatus"] == "Failed"


def test_a_waiter_sees_a_transform_job_end_or_fail(aws: LocalAws, role: str, model_url: Callable[[str], str]) -> None:
    client, objects = aws.client("admin", "sagemaker"), aws.client("admin", "s3")
    container = {"Image": IMAGE, "ModelDataUrl": model_url("batch")}
    bucket = container["ModelDataUrl"].split("/")[2]
    objects.put_object(Bucket=bucket, Key="calls/1.csv", Body=b"1,2\n")
    client.create_model(ModelName="batch", PrimaryContainer=container, ExecutionRoleArn=role)
    make_transform_job(client, "ends", "batch", bucket)
    waiter = client.get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName="ends", WaiterConfig=HASTY)
    assert client.describe_transform_job(TransformJobName="ends")["TransformJobStatus"] == "Completed"
    container = {"Image": IMAGE, "ModelDataUrl": "s3://models/none"}
    client.create_model(ModelName="batch-of-nothing", PrimaryContainer=container, ExecutionRoleArn=role)
    make_transform_job(client, "fails", "batch-of-nothing", bucket)
    with pytest.raises(WaiterError, match="terminal failure state"):
        waiter.wait(TransformJobName="fails", WaiterConfig=HASTY)


def wait(client: Any, waiter: str, endpoint: str) -> None:
    client.get_waiter(waiter).wait(EndpointName=endpoint, WaiterConfig=HASTY)
