"""The one place that makes clients and contexts: for people and programs, and for functions."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelward.aws.errors import translated
from modelward.aws.parameters import Parameters
from modelward.config import RegistrySpec, find, load
from modelward.config.accounts import look_role_arn, registry_role_arn
from modelward.config.settings import ENVIRONMENT_VARIABLE, Settings
from modelward.services.context import Clients, Context

if TYPE_CHECKING:
    import boto3

    from modelward.services.registry import Registry
    from modelward.tracking.run import Run

_SPEC = "registry.toml"
_NAME = "modelward"


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


@contextmanager
def track(model: str, path: str | Path | None = None, *, session: "boto3.Session | None" = None) -> "Iterator[Run]":
    """Record a training run and let it register what it trained.

        with modelward.track("digits") as run:
            run.log_metrics(accuracy=0.97)
            run.register(classifier, sample=images[:5])

    Args:
        model: A declared model.
        path: The registry.toml; looked for in the working directory and above it when left out.
        session: With which to call AWS; boto3's default when left out.

    Raises:
        ConfigError: the file is wrong.
        NotFoundError: there is no registry.toml here or above, or it does not declare the model.
    """
    from modelward.tracking.run import Run

    yield Run(connect(path, session=session).model(model), os.environ, lambda: datetime.now(UTC))


def context_of(path: str | Path | None = None, *, session: "boto3.Session | None" = None) -> Context:
    """Make the context that `connect` works with, for callers that use services directly."""
    from modelward.interop.data import Data

    spec = load(Path(path) if path else find(Path.cwd()))
    client = _clients(spec, session)
    return Context(
        spec=spec,
        client=client,
        find_settings=lambda: _find_settings(client, spec.name),
        clock=lambda: datetime.now(UTC),
        sleep=time.sleep,
        folder=Path.cwd(),
        data=Data(Path.cwd()),
    )


def for_function(environ: Mapping[str, str]) -> Context:
    """Make the context of a Lambda function: its settings from the environment, the declaration from its asset.

    A function in the own account of an environment reads its settings from the registry's account.

    Raises:
        ConfigError: a setting is missing, or the declaration is wrong.
    """
    here = environ.get(ENVIRONMENT_VARIABLE, "")
    settings = None if here else Settings.from_env(environ)
    queue_url = Settings.queue_abroad(environ) if here else ""
    root = Path(__file__).resolve().parent.parent
    spec = load(root / _SPEC)
    client = _clients(spec, None, here, name=environ.get("AWS_LAMBDA_FUNCTION_NAME", _NAME))
    return Context(
        spec=spec,
        client=client,
        find_settings=lambda: settings or replace(_find_settings(client, spec.name), reconcile_queue_url=queue_url),
        clock=lambda: datetime.now(UTC),
        sleep=time.sleep,
        folder=root,
        here=here,
    )


def _clients(spec: RegistrySpec, session: "boto3.Session | None", here: str = "", *, name: str = _NAME) -> Clients:
    """Make clients, each once, from one session for each account, made when its first client is: it reads files.

    Args:
        spec: Tells which role opens which account.
        session: The session of the account in which this runs; None for the usual one.
        here: The environment in whose account this runs; empty in the registry's.
        name: What sessions of roles are called.
    """
    sessions = {here: session} if session else {}

    def session_of(environment: str) -> "boto3.Session":
        from modelward.aws.clients import assumed_session, usual_session

        if here not in sessions:
            sessions[here] = usual_session()
        if environment not in sessions:
            role = look_role_arn(spec, environment) if environment else registry_role_arn(spec, here)
            sessions[environment] = assumed_session(role, name, sessions[here])
        return sessions[environment]

    @cache  # a client takes longer to make than a call to answer
    def client(service: str, environment: str = "") -> Any:
        from modelward.aws.clients import client_of

        return client_of(service, session_of(environment))

    return client


def _find_settings(client: Clients, registry: str) -> Settings:
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
