"""Models, configs and endpoints as far as nothing has to run, and nothing is billed."""

import pytest
from botocore.exceptions import ClientError
from tests.fidelity.account import Ground

fidelity = pytest.mark.fidelity


@fidelity("missing-could-not-be-found")
def test_what_is_missing_in_hosting_could_not_be_found(ground: Ground) -> None:
    sagemaker, name = ground.sagemaker, ground.name("none")
    for kind, ask in (
        ("model", lambda: sagemaker.describe_model(ModelName=name)),
        ("endpoint configuration", lambda: sagemaker.describe_endpoint_config(EndpointConfigName=name)),
        ("endpoint", lambda: sagemaker.describe_endpoint(EndpointName=name)),
        ("endpoint", lambda: sagemaker.delete_endpoint(EndpointName=name)),
        ("endpoint configuration", lambda: sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)),
    ):
        with pytest.raises(ClientError) as caught:
            ask()
        assert caught.value.response["Error"]["Code"] == "ValidationException"
        assert caught.value.response["Error"]["Message"].startswith(f'Could not find {kind} "')


@fidelity("names-are-taken")
def test_a_second_model_or_config_of_a_name_is_refused(ground: Ground) -> None:
    config = ground.config()
    request = ground.sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    with pytest.raises(ClientError, match="Cannot create already existing model"):
        ground.model("good")
    with pytest.raises(ClientError, match="Cannot create already existing endpoint configuration"):
        ground.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=request)


@fidelity("model-needs-approval")
def test_a_version_that_is_not_approved_becomes_no_model(ground: Ground) -> None:
    ground.model()  # by now the role can be assumed
    arn = ground.version(ground.group())
    for status in ("PendingManualApproval", "Rejected"):
        ground.update(arn, ModelApprovalStatus=status)
        with pytest.raises(ClientError) as caught:
            ground.model(status, {"ModelPackageName": arn})
        assert caught.value.response["Error"]["Code"] == "ValidationException"
    ground.update(arn, ModelApprovalStatus="Approved")
    assert ground.model("approved", {"ModelPackageName": arn})


@fidelity("version-or-image")
def test_a_model_is_made_of_a_version_or_of_an_image(ground: Ground) -> None:
    arn = ground.version(ground.group(), ModelApprovalStatus="Approved")
    with pytest.raises(ClientError, match="Specify one of either Image and Model Data URL or ModelPackageName"):
        ground.model("both", {"ModelPackageName": arn, "Image": ground.account.image})


@fidelity("serverless-exclusions")
def test_a_model_without_a_network_is_not_served_without_instances(ground: Ground) -> None:
    ground.model()  # by now the role can be assumed
    model = ground.name("isolated")
    request = {"PrimaryContainer": ground.container(), "ExecutionRoleArn": ground.account.role_arn}
    ground.sagemaker.create_model(ModelName=model, **request, EnableNetworkIsolation=True, Tags=ground.tags)
    size = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    variant = {"VariantName": "live", "ModelName": model, "ServerlessConfig": size}
    with pytest.raises(ClientError) as caught:
        ground.sagemaker.create_endpoint_config(
            EndpointConfigName=ground.name("isolated"), ProductionVariants=[variant], Tags=ground.tags
        )
    assert caught.value.response["Error"]["Code"] == "ValidationException"


@fidelity("seen-at-once")
def test_a_model_and_a_config_are_seen_by_the_next_call(ground: Ground) -> None:
    model = ground.model()
    assert ground.sagemaker.describe_model(ModelName=model)["ModelName"] == model
    config = ground.config("good-too")
    assert ground.sagemaker.describe_endpoint_config(EndpointConfigName=config)["EndpointConfigName"] == config


@fidelity("invoke-missing")
def test_an_endpoint_that_does_not_serve_is_not_found_by_the_runtime(ground: Ground) -> None:
    name = ground.name("none")
    with pytest.raises(ClientError) as caught:
        ground.ask(name)
    told = caught.value.response["Error"]
    account = ground.account.identity["Account"]
    assert (told["Code"], told["Message"]) == ("ValidationError", f"Endpoint {name} of account {account} not found.")
