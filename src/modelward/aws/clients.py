"""Making boto3 clients."""

from typing import TYPE_CHECKING, Any

from modelward.aws.errors import translated

if TYPE_CHECKING:
    import boto3


def usual_session(*, profile: str | None = None, region: str | None = None) -> "boto3.Session":
    """Make a session from the usual AWS configuration: environment, files, roles.

    Args:
        profile: A named profile, if not the usual one.
        region: A region, if not the usual one.

    Raises:
        AccessError: there is no such profile.
    """
    import boto3

    with translated("session"):
        return boto3.Session(profile_name=profile, region_name=region)


def client_of(service: str, session: "boto3.Session") -> Any:
    """Make a client that retries throttling and passing faults: five tries, exponential backoff with jitter.

    Args:
        service: A service as boto3 names it, such as `sagemaker`.
        session: Whose credentials and region.

    Raises:
        AccessError: no region is configured.
    """
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "max_attempts": 5}, user_agent_extra="modelward")
    with translated(f"client of {service}"):
        return session.client(service, config=config)  # type: ignore[call-overload]
