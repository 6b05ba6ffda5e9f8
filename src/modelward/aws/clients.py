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


def assumed_session(role_arn: str, name: str, session: "boto3.Session") -> "boto3.Session":
    """Make a session of a role (`AssumeRole`), which is taken on at the first call and again whenever it runs out.

    Args:
        role_arn: The role.
        name: What the session is called; AWS tells it as who did what.
        session: Whose credentials may take it on.
    """
    import boto3
    import botocore.session
    from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials

    def assume() -> dict[str, str]:
        answer = client_of("sts", session).assume_role(RoleArn=role_arn, RoleSessionName=name)["Credentials"]
        return {
            "access_key": answer["AccessKeyId"],
            "secret_key": answer["SecretAccessKey"],
            "token": answer["SessionToken"],
            "expiry_time": answer["Expiration"].isoformat(),
        }

    class Assumed(CredentialProvider):
        METHOD = "modelward"

        def load(self) -> DeferredRefreshableCredentials:
            return DeferredRefreshableCredentials(assume, self.METHOD)

    # A profile tells more than credentials: endpoints, proxies, certificates. boto3 shows its own session to nobody.
    given = session._session  # noqa: SLF001
    core = botocore.session.Session(profile=given.profile)
    for variable in ("config_file", "credentials_file"):
        core.set_config_variable(variable, given.get_config_variable(variable))
    core.register_component("credential_provider", CredentialResolver([Assumed()]))
    return boto3.Session(botocore_session=core, region_name=session.region_name)


_USUAL: dict[str, Any] = {"retries": {"mode": "standard", "max_attempts": 5}}
# The Price List is asked in one region for all of them (AWS Billing user guide, "AWS Price List Query API"). Nobody has
# to have the figure that it is asked for, so nobody waits long for it where it cannot be reached.
_PRICES = {"region_name": "us-east-1", "connect_timeout": 3, "read_timeout": 15, "retries": {"total_max_attempts": 2}}
# SageMaker itself ends a call of a model after 60 seconds, and says so; who waits a moment longer hears it. To try
# again is left to the caller, who may have no time for that.
_UNUSUAL: dict[str, dict[str, Any]] = {
    "pricing": _PRICES,
    "sagemaker-runtime": {"retries": {"total_max_attempts": 1}, "read_timeout": 65},
}


def client_of(service: str, session: "boto3.Session") -> Any:
    """Make a client that retries throttling and passing faults: five tries, exponential backoff with jitter.

    One that calls models does not, and one that asks for prices does once.

    Args:
        service: A service as boto3 names it, such as `sagemaker`.
        session: Whose credentials and region.

    Raises:
        AccessError: no region is configured.
    """
    from botocore.config import Config

    config = Config(**{**_USUAL, **_UNUSUAL.get(service, {})}, user_agent_extra="modelward")
    with translated(f"client of {service}"):
        return session.client(service, config=config)  # type: ignore[call-overload]
