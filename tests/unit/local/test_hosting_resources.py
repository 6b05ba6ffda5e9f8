"""Models and endpoint configs."""

import pytest

ROLE = "arn:aws:iam::123456789012:role/execution"
SIZE = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
SERVERLESS = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}


@pytest.fixture
def approved(api):
    """A version that may be deployed; the test gets the API and its ARN."""
    api.group()
    container = {"Image": "i", "ModelDataUrl": "s3://b/v1.tar.gz", "Environment": {"A": "1", "B": "2"}}
    arn = api.version(ModelApprovalStatus="Approved", InferenceSpecification={"Containers": [container]})
    return api, arn


def deploy(api, name: str = "m"):
    api(
        "CreateEndpointConfig",
        EndpointConfigName=name,
        ProductionVariants=[{"VariantName": "v", "ModelName": name, **SIZE}],
    )
    api("CreateEndpoint", EndpointName=name, EndpointConfigName=name)
    (hosted,) = api.hosting.running.values()
    return hosted


def test_a_model_of_a_version_runs_what_the_version_says(approved) -> None:
    api, arn = approved
    container = {"ModelPackageName": arn, "Environment": {"B": "3"}}
    api("CreateModel", ModelName="m", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    found = api("DescribeModel", ModelName="m")
    assert (found["PrimaryContainer"], found["EnableNetworkIsolation"]) == (container, False)
    hosted = deploy(api)
    assert (hosted.image, hosted.model_data_url, hosted.model_package_arn) == ("i", "s3://b/v1.tar.gz", arn)
    assert (dict(hosted.environment), hosted.execution_role_arn) == ({"A": "1", "B": "3"}, ROLE)


def test_a_model_stays_as_it_was_made_when_its_version_is_repointed_or_deleted(approved) -> None:
    api, arn = approved
    api("CreateModel", ModelName="m", PrimaryContainer={"ModelPackageName": arn}, ExecutionRoleArn=ROLE)
    other = {"Containers": [{"Image": "other", "ModelDataUrl": "s3://b/other.tar.gz"}]}
    api("UpdateModelPackage", ModelPackageArn=arn, InferenceSpecification=other)
    api("DeleteModelPackage", ModelPackageName=arn)
    assert deploy(api).model_data_url == "s3://b/v1.tar.gz"


def test_a_model_may_take_one_of_the_additional_specifications(approved) -> None:
    api, arn = approved
    added = [{"Name": "fast", "Containers": [{"Image": "fast", "ModelDataUrl": "s3://b/fast.tar.gz"}]}]
    api("UpdateModelPackage", ModelPackageArn=arn, AdditionalInferenceSpecificationsToAdd=added)
    container = {"ModelPackageName": arn, "InferenceSpecificationName": "fast"}
    api("CreateModel", ModelName="m", PrimaryContainer=container)
    assert deploy(api).image == "fast"
    container["InferenceSpecificationName"] = "slow"
    assert "slow does not exist" in api.refusal("CreateModel", ModelName="n", PrimaryContainer=container).message


@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
def test_only_an_approved_version_becomes_a_model(approved, status) -> None:
    api, arn = approved
    api("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus=status)
    refusal = api.refusal("CreateModel", ModelName="m", PrimaryContainer={"ModelPackageName": arn})
    assert status in refusal.message


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({}, "Exactly one of PrimaryContainer and Containers"),
        ({"PrimaryContainer": {"Image": "i"}, "Containers": [{"Image": "i"}]}, "Exactly one of"),
        ({"PrimaryContainer": {"ModelDataUrl": "s3://b/k"}}, "must have an Image or a ModelPackageName"),
        ({"PrimaryContainer": {"ModelPackageName": "digits/1", "Image": "i"}}, "Specify one of either Image"),
        ({"PrimaryContainer": {"ModelPackageName": "digits/7"}}, "does not exist"),
    ],
)
def test_a_model_that_cannot_run_is_refused(approved, request_, text) -> None:
    api, _ = approved
    refusal = api.refusal("CreateModel", ModelName="m", **request_)
    assert refusal.code == "ValidationException"
    assert text in refusal.message


def test_models_are_unique_listed_newest_first_and_deleted(api) -> None:
    for name in ("a", "b"):
        api("CreateModel", ModelName=name, Containers=[{"Image": "i"}])
    refusal = api.refusal("CreateModel", ModelName="A", PrimaryContainer={"Image": "i"})
    arn = "arn:aws:sagemaker:eu-west-1:123456789012:model/a"
    assert refusal.message == f'Cannot create already existing model "{arn}".'
    assert [model["ModelName"] for model in api("ListModels")["Models"]] == ["b", "a"]
    api("DeleteModel", ModelName="a")
    for operation in ("DescribeModel", "DeleteModel"):
        assert api.refusal(operation, ModelName="a").message == f'Could not find model "{arn}".'
    assert [model["ModelName"] for model in api("ListModels")["Models"]] == ["b"]


def test_an_artifact_may_be_given_as_a_data_source(api) -> None:
    source = {"S3DataSource": {"S3Uri": "s3://b/model/", "S3DataType": "S3Prefix", "CompressionType": "None"}}
    api("CreateModel", ModelName="m", PrimaryContainer={"Image": "i", "ModelDataSource": source})
    assert deploy(api).model_data_url == "s3://b/model/"


def test_a_config_shows_what_it_was_given_and_a_weight_of_one(api) -> None:
    api("CreateModel", ModelName="m", PrimaryContainer={"Image": "i"})
    variant = {"VariantName": "live", "ModelName": "m", **SIZE}
    api("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant], KmsKeyId="key")
    found = api("DescribeEndpointConfig", EndpointConfigName="c")
    assert found["ProductionVariants"] == [{**variant, "InitialVariantWeight": 1.0}]
    assert (found["KmsKeyId"], found["CreationTime"]) == ("key", api.clock())
    assert [each["EndpointConfigName"] for each in api("ListEndpointConfigs")["EndpointConfigs"]] == ["c"]
    refusal = api.refusal("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant])
    assert refusal.message.startswith("Cannot create already existing endpoint configuration")
    api("DeleteEndpointConfig", EndpointConfigName="c")
    for operation in ("DescribeEndpointConfig", "DeleteEndpointConfig"):
        refusal = api.refusal(operation, EndpointConfigName="c")
        assert refusal.message.startswith("Could not find endpoint configuration")


@pytest.mark.parametrize(
    ("variants", "text"),
    [
        ([{"ModelName": "absent", **SIZE}], "Could not find model"),
        ([SIZE], "ModelName must be specified"),
        ([{"ModelName": "m"}], "Specify either ServerlessConfig or InstanceType"),
        (
            [{"ModelName": "m", **SIZE, "ServerlessConfig": SERVERLESS}],
            "Specify either ServerlessConfig or InstanceType",
        ),
        ([{"ModelName": "m", "InstanceType": "ml.m5.large"}], "InitialInstanceCount must be specified"),
        ([{"ModelName": "m", "ServerlessConfig": {**SERVERLESS, "MemorySizeInMB": 2000}}], "must be one of 1024"),
        ([{"ModelName": "m", "ServerlessConfig": {**SERVERLESS, "ProvisionedConcurrency": 6}}], "must not exceed"),
        ([{"ModelName": "m", "ServerlessConfig": SERVERLESS, "InitialInstanceCount": 1}], "not supported"),
        ([{"ModelName": "m", **SIZE}, {"ModelName": "m", **SIZE}], "unique names"),
        ([{"ModelName": "m", "InstanceType": "ml.huge", "InitialInstanceCount": 1}], "enum value set"),
    ],
)
def test_a_variant_that_cannot_run_is_refused(api, variants, text) -> None:
    api("CreateModel", ModelName="m", PrimaryContainer={"Image": "i"})
    named = [{"VariantName": "live", **variant} for variant in variants]
    refusal = api.refusal("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=named)
    assert refusal.code == "ValidationException"
    assert text in refusal.message


def test_serverless_excludes_other_variants_and_data_capture(api) -> None:
    api("CreateModel", ModelName="m", PrimaryContainer={"Image": "i"})
    variants = [{"VariantName": name, "ModelName": "m", "ServerlessConfig": SERVERLESS} for name in ("a", "b")]
    request = {"EndpointConfigName": "c", "ProductionVariants": variants}
    assert "Multiple production variants" in api.refusal("CreateEndpointConfig", **request).message
    capture = {
        "InitialSamplingPercentage": 10,
        "DestinationS3Uri": "s3://bucket/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    request = {"EndpointConfigName": "c", "ProductionVariants": variants[:1], "DataCaptureConfig": capture}
    assert "Data capture" in api.refusal("CreateEndpointConfig", **request).message


@pytest.mark.fidelity("nothing-to-serve")
def test_a_version_without_an_image_becomes_no_model(api) -> None:
    api.group()
    made = {"ModelPackageGroupName": "digits", "ModelApprovalStatus": "Approved", "SourceUri": "s3://bucket/weights"}
    container = {"ModelPackageName": api("CreateModelPackage", **made)["ModelPackageArn"]}
    assert "it names no image" in api.refusal("CreateModel", ModelName="m", PrimaryContainer=container).message


@pytest.mark.fidelity("serverless-exclusions")
@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"PrimaryContainer": {"Image": "i"}, "EnableNetworkIsolation": True}, "network isolation"),
        (
            {"PrimaryContainer": {"Image": "i"}, "VpcConfig": {"SecurityGroupIds": ["sg"], "Subnets": ["net"]}},
            "a VPC configuration",
        ),
        ({"Containers": [{"Image": "i"}, {"Image": "j"}]}, "several containers"),
        (
            {
                "PrimaryContainer": {
                    "Image": "i",
                    "ModelDataSource": {
                        "S3DataSource": {"S3Uri": "s3://b/m/", "S3DataType": "S3Prefix", "CompressionType": "None"}
                    },
                }
            },
            "a ModelDataSource",
        ),
    ],
)
def test_what_needs_instances_is_not_served_without(api, more, what) -> None:
    api("CreateModel", ModelName="m", **more)
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    variant = {"VariantName": "live", "ModelName": "m", "ServerlessConfig": serverless}
    refusal = api.refusal("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant])
    assert f"Model m has {what}, which serverless does not support" in refusal.message


def test_data_capture_and_a_shadow_show_on_the_endpoint(api) -> None:
    api("CreateModel", ModelName="m", PrimaryContainer={"Image": "i"})
    live, shadow = ({"VariantName": name, "ModelName": "m", **SIZE} for name in ("live", "shadow"))
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 10,
        "DestinationS3Uri": "s3://bucket/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    more = {"ShadowProductionVariants": [shadow], "DataCaptureConfig": capture}
    api("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[live], **more)
    api("CreateEndpoint", EndpointName="e", EndpointConfigName="c")
    api.pass_s(300)
    found = api("DescribeEndpoint", EndpointName="e")
    assert [each["VariantName"] for each in found["ProductionVariants"]] == ["live"]
    assert [each["VariantName"] for each in found["ShadowProductionVariants"]] == ["shadow"]
    assert found["DataCaptureConfig"] == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 10,
        "DestinationS3Uri": "s3://bucket/capture",
        "KmsKeyId": "",
    }
    two = {"EndpointConfigName": "d", "ProductionVariants": [live, {**live, "VariantName": "b"}], **more}
    assert "exactly one production and one shadow" in api.refusal("CreateEndpointConfig", **two).message


def test_models_and_configs_tell_when_they_are_made_and_when_they_are_gone(api) -> None:
    tags = [{"Key": "team", "Value": "vision"}]
    api("CreateModel", ModelName="m", PrimaryContainer={"Image": "i"}, ExecutionRoleArn=ROLE, Tags=tags)
    variants = [{"VariantName": "v", "ModelName": "m", **SIZE}]
    api("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=variants, Tags=tags)
    api("DeleteEndpointConfig", EndpointConfigName="c")
    api("DeleteModel", ModelName="m")
    told = [(event["detail-type"], event["resources"], event["detail"]["Tags"]) for event in api.events]
    model, config = (
        ["arn:aws:sagemaker:eu-west-1:123456789012:model/m"],
        ["arn:aws:sagemaker:eu-west-1:123456789012:endpoint-config/c"],
    )
    assert told == [
        ("SageMaker Model State Change", model, {"team": "vision"}),
        ("SageMaker Endpoint Config State Change", config, {"team": "vision"}),
        ("SageMaker Endpoint Config State Change", config, {}),
        ("SageMaker Model State Change", model, {}),
    ]
    detail = api.events[0]["detail"]
    assert (detail["ModelName"], detail["ExecutionRoleArn"], detail["ModelArn"]) == ("m", ROLE, model[0])
    assert detail["CreationTime"] == 1767603600000
    assert api.events[1]["detail"]["ProductionVariants"] == [{"InitialVariantWeight": 1.0, **variants[0]}]
