import json
from collections import Counter

import pytest

from modelward.local.sagemaker import ApiError, Fault, UnansweredError

SIZE = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


def invoke(api, name="digits-production", body=b"[1, 2]", **more):
    request = {"EndpointName": name, "ContentType": "application/json", "Accept": "text/csv", **more}
    return api.core.invoke_endpoint(request, body, api.caller)


def artifact(api) -> str:
    return json.loads(invoke(api)[1])["model_data_url"]


def test_an_endpoint_answers_with_the_version_that_it_serves(api) -> None:
    api.endpoint()
    api.config("v2")
    told, body = invoke(api)
    assert told == {"ContentType": "application/json", "InvokedProductionVariant": "live"}
    assert json.loads(body)["body"] == "[1, 2]"
    assert artifact(api) == "s3://bucket/v1.tar.gz"
    api.update("v2")
    assert artifact(api) == "s3://bucket/v1.tar.gz"
    api.clock.advance(200)
    assert artifact(api) == "s3://bucket/v2.tar.gz"


def test_an_endpoint_that_does_not_serve_is_not_found(api) -> None:
    api.config("v1")
    api("CreateEndpoint", EndpointName="digits-production", EndpointConfigName="v1")
    for name in ("digits-production", "absent"):
        with pytest.raises(ApiError, match=f"Endpoint {name} of account 123456789012 not found.") as caught:
            invoke(api, name)
        assert caught.value.code == "ValidationError"
    api.pass_s(300)
    invoke(api)
    api("DeleteEndpoint", EndpointName="digits-production")
    with pytest.raises(ApiError, match="not found"):
        invoke(api)


@pytest.mark.parametrize(("status", "side"), [(500, "server"), (422, "client")])
def test_a_container_that_fails_is_a_model_error(api, status, side) -> None:
    api.endpoint()
    api.hosting.answer = lambda config, body, content_type: (status, "text/plain", b"no such column")
    with pytest.raises(ApiError) as caught:
        invoke(api)
    error = caught.value
    assert (error.code, error.status) == ("ModelError", 424)
    assert error.message.startswith(f'Received {side} error ({status}) from primary with message "no such column"')
    assert error.members["OriginalStatusCode"] == status


@pytest.mark.fidelity("traffic-in-turn")
def test_traffic_is_split_by_weight_without_chance(api) -> None:
    api.config("a")
    variants = [
        {"VariantName": "most", "ModelName": "a", "InitialVariantWeight": 3.0, **SIZE},
        {"VariantName": "few", "ModelName": "a", "InitialVariantWeight": 1.0, **SIZE},
    ]
    api.config("v1", variants=variants)
    api("CreateEndpoint", EndpointName="digits-production", EndpointConfigName="v1")
    api.pass_s(300)
    seen = [invoke(api)[0]["InvokedProductionVariant"] for _ in range(8)]
    assert Counter(seen) == {"most": 6, "few": 2}
    assert Counter(seen[:4]) == {"most": 3, "few": 1}
    assert invoke(api, TargetVariant="few")[0]["InvokedProductionVariant"] == "few"
    with pytest.raises(ApiError, match="Variant none not found"):
        invoke(api, TargetVariant="none")


@pytest.mark.fidelity("shadow-gets-copies")
@pytest.mark.parametrize(("weight", "copies"), [(2.0, 8), (1.0, 4), (4.0, 8)])
def test_a_shadow_gets_copies_by_its_weight_and_nobody_hears_its_answers(api, weight, copies) -> None:
    api.config("a")
    api.config("b")
    live = {"VariantName": "live", "ModelName": "a", "InitialVariantWeight": 2.0, **SIZE}
    shadow = {"VariantName": "shadow", "ModelName": "b", "InitialVariantWeight": weight, **SIZE}
    api.config("v1", variants=[live], ShadowProductionVariants=[shadow])
    api("CreateEndpoint", EndpointName="digits-production", EndpointConfigName="v1")
    api.pass_s(300)
    plain = api.hosting.answer
    api.hosting.answer = lambda config, *rest: (
        (500, "text/plain", b"no") if config.variant_name == "shadow" else plain(config, *rest)
    )
    assert {invoke(api)[0]["InvokedProductionVariant"] for _ in range(8)} == {"live"}
    where = {"EndpointName": "digits-production", "VariantName": "shadow"}
    assert api.watch.values("Invocation5XXErrors", **where) == [1] * copies


def test_variants_of_no_weight_share_alike(api) -> None:
    api.config("a")
    variants = [{"VariantName": name, "ModelName": "a", "InitialVariantWeight": 0.0, **SIZE} for name in ("x", "y")]
    api.config("v1", variants=variants)
    api("CreateEndpoint", EndpointName="digits-production", EndpointConfigName="v1")
    api.pass_s(300)
    assert {invoke(api)[0]["InvokedProductionVariant"] for _ in range(2)} == {"x", "y"}


@pytest.mark.fidelity("largest-bodies")
def test_a_body_that_is_too_large_is_refused(api) -> None:
    api.endpoint()
    with pytest.raises(ApiError, match="6291456"):
        invoke(api, body=b"x" * 6_291_457)


@pytest.mark.fidelity("largest-bodies")
def test_a_serverless_endpoint_takes_smaller_bodies(api) -> None:
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    api.config("small", variants=[{"VariantName": "live", "ModelName": "small", "ServerlessConfig": serverless}])
    api("CreateEndpoint", EndpointName="small", EndpointConfigName="small")
    api.pass_s(300)
    four = 4 * 1024 * 1024
    assert api.core.invoke_endpoint({"EndpointName": "small"}, b"x" * four, api.caller)
    with pytest.raises(ApiError, match=f"less than or equal to {four}"):
        api.core.invoke_endpoint({"EndpointName": "small"}, b"x" * (four + 1), api.caller)


def test_faults_strike_invocations_too(api) -> None:
    api.endpoint()
    api.core.faults.add("InvokeEndpoint", kind=Fault.THROTTLE)
    api.core.faults.add("InvokeEndpoint", call=2, kind=Fault.TIMEOUT_AFTER)
    with pytest.raises(ApiError, match="Rate exceeded"):
        invoke(api)
    with pytest.raises(UnansweredError):
        invoke(api)
    invoke(api)


CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://bucket/capture/",
    "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
}


def captured(api, **more) -> list[dict]:
    """Call an endpoint that captures, four times, and give what it wrote."""
    api.config("v1", DataCaptureConfig={**CAPTURE, **more})
    api("CreateEndpoint", EndpointName="digits-production", EndpointConfigName="v1")
    api.pass_s(300)
    for number in range(4):
        invoke(api, body=b"[%d]" % number)
    return [json.loads(line) for body in api.store.objects.values() for line in body.splitlines()]


@pytest.mark.fidelity("captured-at-once")
def test_each_call_that_is_captured_is_a_file_by_endpoint_variant_and_hour(api) -> None:
    records = captured(api, CaptureContentTypeHeader={"JsonContentTypes": ["application/json"]})
    assert len(api.store.objects) == len(records) == 4
    place = "s3://bucket/capture/digits-production/live/2026/01/05/09/"
    assert all(uri.startswith(place) and uri.endswith(".jsonl") for uri in api.store.objects)
    first = records[0]
    assert first["eventVersion"] == "0"
    assert first["eventMetadata"]["inferenceTime"] == "2026-01-05T09:05:00Z"
    assert first["captureData"]["endpointInput"] == {
        "observedContentType": "application/json",
        "mode": "INPUT",
        "data": "[0]",
        "encoding": "JSON",
    }
    assert json.loads(first["captureData"]["endpointOutput"]["data"])["body"] == "[0]"
    assert len({record["eventMetadata"]["eventId"] for record in records}) == 4


def test_what_no_header_names_is_captured_in_base64(api) -> None:
    first = captured(api, CaptureOptions=[{"CaptureMode": "Input"}])[0]["captureData"]
    assert first.keys() == {"endpointInput"}
    assert (first["endpointInput"]["data"], first["endpointInput"]["encoding"]) == ("WzBd", "BASE64")


@pytest.mark.fidelity("captured-evenly")
@pytest.mark.parametrize(("percent", "count"), [(0, 0), (25, 1), (50, 2), (75, 3)])
def test_as_many_calls_of_a_hundred_are_captured_as_the_config_says(api, percent, count) -> None:
    assert len(captured(api, InitialSamplingPercentage=percent)) == count


def test_a_capture_that_is_switched_off_captures_nothing(api) -> None:
    assert captured(api, EnableCapture=False) == []


@pytest.mark.fidelity("failures-uncaptured")
def test_calls_that_fail_are_not_captured(api) -> None:
    api.hosting.answer = lambda config, body, content_type: (500, "text/plain", b"no")
    with pytest.raises(ApiError):
        captured(api)
    assert api.store.objects == {}


@pytest.mark.fidelity("components-without-images")
def test_variants_have_a_model_and_tell_its_image_once_they_serve(api) -> None:
    api.endpoint()
    [variant] = api("DescribeEndpoint", EndpointName="digits-production")["ProductionVariants"]
    assert variant["DeployedImages"]
    without = {"VariantName": "live", **SIZE}
    error = api.refusal("CreateEndpointConfig", EndpointConfigName="v2", ProductionVariants=[without])
    assert "ModelName must be specified" in error.message
