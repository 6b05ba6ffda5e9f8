"""The one translation of AWS's refusals into our errors.

SageMaker declares few errors: a missing endpoint, a busy one and a bad name all arrive as ValidationException and
differ in their text. The rules below are tried in order, on (code, text); `Could not find endpoint configuration`
begins with `Could not find endpoint`, so order matters. What no rule knows stays an AwsError: nobody retries it or
takes it for success.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)

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


@dataclass(frozen=True, slots=True)
class _Rule:
    codes: str
    text: str
    error: type[AwsError] | None
    """None: the thing that was asked for does not exist."""
    next_step: str = ""


_RULES = (
    _Rule(r"ValidationException", r"Cannot update in-progress endpoint", ConflictError, "Wait until it is InService."),
    _Rule(
        r"ValidationException",
        r"Cannot create already existing|already exists",
        AlreadyExistsError,
        "It is there already: use it, or choose another name.",
    ),
    # What a model is made of is missing, not what was asked for: no later look would find it.
    _Rule(
        r"ValidationException",
        r"(?i)model data|requested image|repository of your image",
        AwsError,
        "Bring the artifact or the image back, and let the role that runs the model read it.",
    ),
    _Rule(r"ValidationException", r"Could not find|does not exist|not found", None),
    _Rule(r"ValidationError", r"^Stack .*does not exist", None),  # CloudFormation's
    _Rule(
        r"(Resource|Object|Image|Repository)NotFound(Exception)?|NoSuchEntity|NoSuchKey|NoSuchBucket|ParameterNotFound|404|NotFound",
        r"",
        None,
    ),
    _Rule(r"AWS\.SimpleQueueService\.NonExistentQueue|QueueDoesNotExist", r"", None),
    _Rule(
        r"TransactionCanceledException",
        r"ConditionalCheckFailed|TransactionConflict",
        ConflictError,
        "Read it again and retry.",
    ),
    _Rule(r"TransactionCanceledException", r"Throttl|ThroughputExceeded", ThrottledError, "Try again in a minute."),
    _Rule(
        r"TransactionConflictException|ConflictException|ConcurrentUpdateException|ResourceInUse|ConditionalCheckFailedException",
        r"",
        ConflictError,
        "Read it again and retry.",
    ),
    _Rule(
        r"ResourceLimitExceeded|LimitExceededException", r"", QuotaError, "Ask for a higher quota in Service Quotas."
    ),
    _Rule(
        r"AccessDenied(Exception)?|UnauthorizedOperation|403|AuthorizationError(Exception)?|KMS\.AccessDeniedException",
        r"",
        AccessError,
        "Use a role that may do this, or ask the platform team for the permission named above.",
    ),
    _Rule(
        r"ExpiredToken(Exception)?|InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId|SignatureDoesNotMatch"
        r"|InvalidSignatureException",
        r"",
        AccessError,
        "Sign in again; the credentials are expired or not those of this account.",
    ),
    _Rule(
        r"Throttling(Exception)?|ThrottledException|TooManyRequestsException|RequestLimitExceeded|SlowDown"
        r"|ProvisionedThroughputExceededException|ServiceUnavailable|ModelNotReadyException|InternalDependencyException|InternalFailure|InternalServerError|InternalError|InternalServiceException|5\d\d",
        r"",
        ThrottledError,
        "Try again in a minute.",
    ),
)


# What the stacks make. When it is missing, nothing was looked for in vain: the deployment is broken.
_INFRASTRUCTURE = frozenset({"table", "queue", "topic", "event bus"})


@contextmanager
def translated(operation: str, *, kind: str = "resource", name: str = "") -> Iterator[None]:
    """Translate what a call inside the block raises.

    Args:
        operation: The API operation, as errors shall name it.
        kind: What is looked for, for the case that it does not exist.
        name: Which one.

    Raises:
        NotFoundError: it does not exist.
        AwsError: or one of its subclasses: any other refusal.
    """
    try:
        yield
    except ClientError as error:
        raise _refused(operation, error, kind, name) from error
    except BotoCoreError as error:
        raise _unreachable(operation, error) from error


def _refused(operation: str, error: ClientError, kind: str, name: str) -> ModelwardError:
    code = str(error.response.get("Error", {}).get("Code", "Unknown"))
    text = str(error.response.get("Error", {}).get("Message", ""))
    for rule in _RULES:
        if re.fullmatch(rule.codes, code) and re.search(rule.text, text):
            if rule.error is None and kind in _INFRASTRUCTURE:
                return AwsError(operation, code, text, f"The {kind} {name} is part of the deployment: deploy it again.")
            if rule.error is None:
                return NotFoundError(kind, name)
            return rule.error(operation, code, text, rule.next_step)
    return AwsError(operation, code, text)


_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)


def _unreachable(operation: str, error: BotoCoreError) -> AwsError:
    code, text = type(error).__name__, str(error)
    if isinstance(error, NoRegionError):
        return AccessError(operation, code, text, "Set AWS_REGION, choose --region, or set one in the AWS profile.")
    if isinstance(error, _NO_CREDENTIALS):
        return AccessError(operation, code, text, "Sign in with the AWS CLI, set AWS_PROFILE, or export credentials.")
    if isinstance(error, (BotoConnectionError, HTTPClientError)):
        return ThrottledError(operation, code, text, "Check the network and AWS_ENDPOINT_URL, then try again.")
    return AwsError(operation, code, text)
