"""What DescribeEndpoint says, in our values."""

from datetime import UTC, datetime
from typing import Any

import pytest

from modelward.aws.sagemaker import SageMaker

IMAGES = {"DeployedImages": [{"SpecifiedImage": "image"}]}


class Client:
    """A client that knows one endpoint."""

    def __init__(self, **members: Any) -> None:
        self._answer = {"EndpointName": "e", "LastModifiedTime": datetime(2026, 1, 5, tzinfo=UTC), **members}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803 - the API's member
        return self._answer


@pytest.mark.parametrize(
    ("status", "variants", "is_so"),
    [
        ("InService", [{"VariantName": "AllTraffic", **IMAGES}], False),
        ("InService", [{"VariantName": "AllTraffic"}], True),
        ("InService", [{"VariantName": "a", **IMAGES}, {"VariantName": "b"}], True),
        ("Creating", [{"VariantName": "AllTraffic"}], False),
    ],
)
def test_a_variant_in_service_that_tells_no_images_has_inference_components(status, variants, is_so) -> None:
    client: Any = Client(EndpointStatus=status, ProductionVariants=variants)
    endpoint = SageMaker(client).describe_endpoint("e")
    assert endpoint is not None
    assert endpoint.has_components is is_so


def test_an_endpoint_tells_whether_it_is_asynchronous() -> None:
    for more, is_so in (({}, False), ({"AsyncInferenceConfig": {}}, True)):
        client: Any = Client(EndpointStatus="InService", ProductionVariants=[], **more)
        endpoint = SageMaker(client).describe_endpoint("e")
        assert endpoint is not None
        assert endpoint.is_asynchronous is is_so


SERVERLESS = {"DesiredServerlessConfig": {"MaxConcurrency": 20, "ProvisionedConcurrency": 5, "MemorySizeInMB": 2048}}


@pytest.mark.parametrize(
    ("kind", "spelled"),
    [
        ({"DesiredInstanceCount": 3, "CurrentInstanceCount": 2}, "AllTraffic 3 x 1.0"),
        ({"DesiredInstanceCount": 0}, "AllTraffic 0 x 1.0"),
        (SERVERLESS, "AllTraffic 20/5 x 1.0"),
    ],
)
def test_an_endpoint_tells_the_sizes_that_are_wanted(kind, spelled) -> None:
    variant = {"VariantName": "AllTraffic", "DesiredWeight": 1.0, "CurrentWeight": 0.5, **IMAGES, **kind}
    shadow = {"VariantName": "Challenger", "DesiredWeight": 0.2, "DesiredInstanceCount": 1}
    client: Any = Client(EndpointStatus="InService", ProductionVariants=[variant], ShadowProductionVariants=[shadow])
    endpoint = SageMaker(client).describe_endpoint("e")
    assert endpoint is not None
    assert endpoint.sizes == f"{spelled}, Challenger 1 x 0.2"
