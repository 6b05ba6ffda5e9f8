"""AWS's refusals in our words: every text that is known, and what becomes of those that are not."""

import socket

import pytest
from botocore import exceptions as boto
from botocore.config import Config
from botocore.exceptions import ClientError

from modelward.aws.clients import client_of, usual_session
from modelward.aws.errors import translated
from modelward.core.errors import (
    AccessError,
    AlreadyExistsError,
    AwsError,
    ConflictError,
    ModelwardError,
    NotFoundError,
    QuotaError,
    ThrottledError,
)

ENDPOINT = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/digits-production"
CONFIG = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint-config/digits-production-v2-0a1b2c3d"
INVALID = "ValidationException"
# aws-facts 3.6 and the failure modes 1, 4, 5, 6, 7, 9, 21, 24 and 31: what AWS says, and what we make of it.
KNOWN = [
    (INVALID, f'Could not find endpoint "{ENDPOINT}".', NotFoundError),
    (INVALID, f'Could not find endpoint configuration "{CONFIG}".', NotFoundError),
    (INVALID, f'Cannot update in-progress endpoint "{ENDPOINT}".', ConflictError),
    (INVALID, f'Cannot create already existing endpoint "{ENDPOINT}".', AlreadyExistsError),
    (INVALID, f'Cannot create already existing endpoint configuration "{CONFIG}".', AlreadyExistsError),
    (
        INVALID,
        'Cannot create already existing model "arn:aws:sagemaker:eu-west-1:123456789012:model/m".',
        AlreadyExistsError,
    ),
    (
        INVALID,
        "Model Package already exists: arn:aws:sagemaker:eu-west-1:123456789012:model-package/x",
        AlreadyExistsError,
    ),
    (INVALID, "ModelPackageGroup digits does not exist.", NotFoundError),
    (INVALID, "ModelPackage arn:aws:sagemaker:eu-west-1:1:model-package/digits/9 does not exist.", NotFoundError),
    (INVALID, 'Could not find model "digits-v1".', NotFoundError),
    ("ResourceNotFound", "no such thing", NotFoundError),
    ("ResourceNotFoundException", "Requested resource not found", NotFoundError),
    ("NoSuchKey", "The specified key does not exist.", NotFoundError),
    ("NoSuchBucket", "The specified bucket does not exist", NotFoundError),
    ("404", "Not Found", NotFoundError),
    ("NotFound", "Topic does not exist", NotFoundError),
    ("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.", NotFoundError),
    ("QueueDoesNotExist", "The specified queue does not exist.", NotFoundError),
    ("ConflictException", "There was a conflict when you attempted to modify the resource.", ConflictError),
    ("ResourceInUse", "it is in use", ConflictError),
    ("ConditionalCheckFailedException", "The conditional request failed", ConflictError),
    ("ResourceLimitExceeded", "The account-level service limit 'ml.m5.large for endpoint usage' is 0", QuotaError),
    ("LimitExceededException", "Subscriber limit exceeded", QuotaError),
    ("AccessDeniedException", "User: x is not authorized to perform: sagemaker:UpdateModelPackage", AccessError),
    ("AccessDenied", "Access Denied", AccessError),
    ("403", "Forbidden", AccessError),
    ("AuthorizationError", "not authorized to perform: SNS:Publish", AccessError),
    ("KMS.AccessDeniedException", "The ciphertext refers to a key that is not accessible", AccessError),
    ("ExpiredToken", "The security token included in the request is expired", AccessError),
    ("ExpiredTokenException", "The security token included in the request is expired", AccessError),
    ("InvalidClientTokenId", "The security token included in the request is invalid.", AccessError),
    ("UnrecognizedClientException", "The security token included in the request is invalid.", AccessError),
    ("InvalidSignatureException", "The request signature we calculated does not match", AccessError),
    ("SignatureDoesNotMatch", "The request signature we calculated does not match", AccessError),
    ("ThrottlingException", "Rate exceeded", ThrottledError),
    ("Throttling", "Rate exceeded", ThrottledError),
    ("TooManyRequestsException", "Rate exceeded", ThrottledError),
    ("SlowDown", "Please reduce your request rate.", ThrottledError),
    ("ProvisionedThroughputExceededException", "too much", ThrottledError),
    ("ServiceUnavailable", "try again", ThrottledError),
    ("InternalFailure", "The request failed because of an unknown error.", ThrottledError),
    ("InternalServerError", "internal", ThrottledError),
    ("503", "Service Unavailable", ThrottledError),
]
KNOWN.append(("ValidationError", "Stack with id acme-registry does not exist", NotFoundError))  # CloudFormation's
UNKNOWN = [
    (INVALID, "Could not access model data at s3://acme-models/model.tar.gz."),
    (INVALID, 'The execution role ARN "arn:aws:iam::123456789012:role/x" is invalid.'),
    (INVALID, "Specify one of either Image and Model Data URL or ModelPackageName in container definition."),
    (INVALID, "Unsupported manifest media type application/vnd.oci.image.manifest.v1+json"),
    (INVALID, "1 validation error detected: Value 'a_b' failed to satisfy constraint: Member must satisfy regular"),
    (INVALID, "Environment variable map cannot be specified when using non-versioned ModelPackages"),
    (INVALID, f'Cannot update endpoint "{ENDPOINT}" with the endpoint configuration that it already has.'),
    (INVALID, ""),
    ("SomethingNew", "that nobody has seen"),
    ("Unknown", ""),
]


def refused(code, text, **named):
    """Give what becomes of a refusal."""
    answer = {"Error": {"Code": code, "Message": text}}
    with pytest.raises(ModelwardError) as caught, translated("UpdateEndpoint", **named):
        raise ClientError(answer, "UpdateEndpoint")
    return caught.value


@pytest.mark.parametrize(("code", "text", "kind"), KNOWN)
def test_a_refusal_that_is_known_becomes_its_own_error(code, text, kind):
    error = refused(code, text, kind="endpoint", name="digits-production")
    assert type(error) is kind
    if kind is NotFoundError:
        assert error.problem == "endpoint 'digits-production' does not exist."
    else:
        assert error.problem == f"UpdateEndpoint: {code}: {text}"


@pytest.mark.parametrize(("code", "text"), UNKNOWN)
def test_a_refusal_that_nobody_knows_stays_an_error_of_aws(code, text):
    error = refused(code, text)
    assert type(error) is AwsError
    assert text in error.problem


def test_a_refusal_without_code_or_text_is_still_told():
    with pytest.raises(AwsError) as caught, translated("UpdateEndpoint"):
        raise ClientError({}, "UpdateEndpoint")
    assert caught.value.code == "Unknown"


@pytest.mark.parametrize(
    ("error", "kind", "step"),
    [
        (boto.NoRegionError(), AccessError, "AWS_REGION"),
        (boto.NoCredentialsError(), AccessError, "Sign in"),
        (boto.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), AccessError, "Sign in"),
        (boto.ProfileNotFound(profile="prod"), AccessError, "Sign in"),
        (boto.TokenRetrievalError(provider="sso", error_msg="expired"), AccessError, "Sign in"),
        (boto.SSOTokenLoadError(profile_name="prod", error_msg="expired"), AccessError, "Sign in"),
        (boto.UnauthorizedSSOTokenError(), AccessError, "Sign in"),
        (boto.CredentialRetrievalError(provider="process", error_msg="exit 1"), AccessError, "Sign in"),
        (boto.EndpointConnectionError(endpoint_url="https://aws"), ThrottledError, "network"),
        (boto.ConnectTimeoutError(endpoint_url="https://aws"), ThrottledError, "network"),
        (boto.ReadTimeoutError(endpoint_url="https://aws"), ThrottledError, "network"),
        (boto.ConnectionClosedError(endpoint_url="https://aws"), ThrottledError, "network"),
        (boto.SSLError(endpoint_url="https://aws", error="bad"), ThrottledError, "network"),
        (boto.ParamValidationError(report="no such member"), AwsError, ""),
        (boto.UnknownServiceError(service_name="x", known_service_names="y"), AwsError, ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_never_reached_aws_says_what_to_look_at(error, kind, step):
    with pytest.raises(AwsError) as caught, translated("DescribeEndpoint"):
        raise error
    assert type(caught.value) is kind
    assert step in caught.value.next_step
    assert caught.value.code == type(error).__name__


def test_errors_that_are_not_of_aws_pass_as_they_are():
    with pytest.raises(KeyError), translated("DescribeEndpoint"):
        raise KeyError("x")


@pytest.fixture
def no_aws(tmp_path, monkeypatch):
    """A laptop on which nobody has configured AWS."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION",
                 "AWS_DEFAULT_REGION", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_ENDPOINT_URL"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    return monkeypatch


def test_without_a_region_there_is_no_client_and_the_error_says_how_to_set_one(no_aws):
    with pytest.raises(AccessError, match="AWS_REGION"):
        client_of("sagemaker", usual_session())


def test_a_profile_that_does_not_exist_is_told_by_its_name(no_aws):
    with pytest.raises(AccessError, match="nobody"):
        client_of("sagemaker", usual_session(profile="nobody"))
    no_aws.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(AccessError, match="nobody"):
        client_of("sagemaker", usual_session())


def test_without_credentials_a_call_says_to_sign_in(no_aws):
    client = client_of("sagemaker", usual_session(region="eu-west-1"))
    with pytest.raises(AccessError, match="Sign in"), translated("DescribeEndpoint"):
        client.describe_endpoint(EndpointName="x")


def test_a_server_that_does_not_answer_is_named_as_the_network(no_aws):
    no_aws.setenv("AWS_ACCESS_KEY_ID", "x")
    no_aws.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        no_aws.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
        once = Config(retries={"total_max_attempts": 1})
        client = usual_session(region="eu-west-1").client("sagemaker", config=once)
        with pytest.raises(ThrottledError, match="network"), translated("DescribeEndpoint"):
            client.describe_endpoint(EndpointName="x")
