"""The one place that makes clients and contexts: for people and programs, and for functions."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelward.aws.errors import translated
from modelward.aws.parameters import Parameters
from modelward.config import find, load
from modelward.config.settings import Settings
from modelward.services.context import Context

if TYPE_CHECKING:
    import boto3

    from modelward.services.registry import Registry

_SPEC = "registry.toml"


def connect(path: str | Path | None = None, *, session: "boto3.Session | None" = None) -> "Registry":
    """Connect to the registry that a `registry.toml` declares, with the usual AWS configuration.

    No call is made yet; what needs the deployment looks it up when it is first used (one `GetParameters`).

    Args:
        path: The file; found upwards from the working folder when None.
        session: A boto3 session for other credentials, profile or region than the usual ones.

    Returns:
        The registry.

    Raises:
        ConfigError: the file is wrong.
        NotFoundError: there is no registry.toml here or above.
    """
    from modelward.services.registry import Registry

    return Registry(context_of(path, session=session))


def context_of(path: str | Path | None = None, *, session: "boto3.Session | None" = None) -> Context:
    """Make the context that `connect` works with, for callers that use services directly."""
    spec = load(Path(path) if path else find(Path.cwd()))
    client = _clients(session)
    return Context(
        spec=spec,
        client=client,
        find_settings=lambda: _find_settings(client, spec.name),
        clock=lambda: datetime.now(UTC),
        sleep=time.sleep,
        folder=Path.cwd(),
    )


def for_function(environ: Mapping[str, str]) -> Context:
    """Make the context of a Lambda function: its settings from the environment, the declaration from its asset.

    Raises:
        ConfigError: a setting is missing, or the declaration is wrong.
    """
    settings = Settings.from_env(environ)
    root = Path(__file__).resolve().parent.parent
    return Context(
        spec=load(root / _SPEC),
        client=_clients(None),
        find_settings=lambda: settings,
        clock=lambda: datetime.now(UTC),
        sleep=time.sleep,
        folder=root,
    )


def _clients(session: "boto3.Session | None") -> Callable[[str], Any]:
    """Make clients from one session, which is made when the first client is: each session reads files of its own."""
    sessions = [session] if session else []

    def client(service: str) -> Any:
        from modelward.aws.clients import client_of, usual_session

        if not sessions:
            sessions.append(usual_session())
        return client_of(service, sessions[0])

    return client


def _find_settings(client: Callable[[str], Any], registry: str) -> Settings:
    names = Settings.parameter_names(registry).values()
    with translated("GetParameters"):
        gateway = Parameters(client("ssm"))
    return Settings.from_parameters(gateway.get(names), registry=registry)


def session(*, profile: str | None = None, region: str | None = None) -> "boto3.Session":
    """Make a session of a named profile or region, for `connect`.

    Raises:
        AccessError: there is no such profile.
    """
    from modelward.aws.clients import usual_session

    return usual_session(profile=profile, region=region)
