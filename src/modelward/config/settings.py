"""What a function, the SDK or the CLI must know of a deployment."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from modelward.core.errors import ConfigError, NotFoundError

ENV_PREFIX = "MODELWARD_"
ENVIRONMENT_VARIABLE = f"{ENV_PREFIX}ENVIRONMENT"
"""Set for functions that run in the own account of an environment, to its name."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Names and ARNs of one deployment; functions get them as environment variables, clients as SSM parameters.

    Args:
        registry: Name of the registry, as `[registry].name` says it.
        bucket: Name of the bucket that keeps artifacts and metrics.
        key_arn: KMS key of bucket, table, topic and queues.
        table: Name of the ledger table.
        table_arn: The same as an ARN.
        topic_arn: SNS topic of the notifications.
        role_arn: Execution role that endpoints run under.
        reconcile_queue_url: Queue that wakes the reconciler.
    """

    registry: str
    bucket: str
    key_arn: str
    table: str
    table_arn: str
    topic_arn: str
    role_arn: str
    reconcile_queue_url: str

    def to_env(self) -> dict[str, str]:
        """Give the environment variables from which `from_env` makes the same settings."""
        return {_variable(name): getattr(self, name) for name in _names()}

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings of a function; other variables are ignored.

        Raises:
            ConfigError: a variable is missing or empty.
        """
        return cls(**{name: _required(environ, _variable(name)) for name in _names()})

    def to_parameters(self) -> dict[str, str]:
        """Give the SSM parameters, full name to value, from which `from_parameters` makes the same settings."""
        named = self.parameter_names(self.registry)
        return {parameter: getattr(self, name) for name, parameter in named.items()}

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str], *, registry: str) -> "Settings":
        """Read the settings of the deployment of a registry from SSM parameters, full name to value.

        Raises:
            NotFoundError: a parameter is missing or empty, so the registry is not deployed here (or only in part).
        """
        named = cls.parameter_names(registry)
        missing = [parameter for parameter in named.values() if not parameters.get(parameter)]
        if missing:
            raise _not_deployed(registry, missing, is_partial=len(missing) < len(named))
        return cls(registry=registry, **{name: parameters[parameter] for name, parameter in named.items()})

    @staticmethod
    def queue_abroad(environ: Mapping[str, str]) -> str:
        """Read the one setting that a function in the own account of an environment has from its environment.

        Raises:
            ConfigError: the variable is missing or empty.
        """
        return _required(environ, _variable("reconcile_queue_url"))

    @classmethod
    def env_abroad(cls, environment: str, queue_url: str) -> dict[str, str]:
        """Give the environment variables of a function in the own account of an environment.

        It reads the rest where the registry is: no stack of one account can wait for a value of another.

        Args:
            environment: The environment.
            queue_url: The queue that wakes the reconciler there.
        """
        return {ENVIRONMENT_VARIABLE: environment, _variable("reconcile_queue_url"): queue_url}

    @staticmethod
    def parameter_path(registry: str) -> str:
        """Give the SSM path under which a deployment of the registry keeps its parameters."""
        return f"/modelward/{registry}"

    @classmethod
    def parameter_names(cls, registry: str) -> dict[str, str]:
        """Map each field to the full name of its SSM parameter: seven, so one `GetParameters` call reads them."""
        path = cls.parameter_path(registry)
        return {name: f"{path}/{name.replace('_', '-')}" for name in _names() if name != "registry"}


def _names() -> tuple[str, ...]:
    return tuple(each.name for each in fields(Settings))


def _variable(name: str) -> str:
    return ENV_PREFIX + name.upper()


def _required(environ: Mapping[str, str], variable: str) -> str:
    value = environ.get(variable, "")
    if not value:
        raise ConfigError(
            "the function's environment",
            variable,
            found="nothing" if variable not in environ else "an empty text",
            allowed="the value that the stacks of `cdk deploy` give it",
        )
    return value


def _not_deployed(registry: str, missing: list[str], *, is_partial: bool) -> NotFoundError:
    lacking = ", ".join(missing) if is_partial else f"anything under {Settings.parameter_path(registry)}/"
    return NotFoundError(
        "deployment",
        registry,
        next_step=(
            "Run `cdk deploy --all` where registry.toml lies, or choose the account and region where that was done:"
            f" Parameter Store here lacks {lacking}."
        ),
    )
