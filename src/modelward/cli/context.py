"""What every command gets."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from modelward.cli.terminal import Terminal
from modelward.core.errors import InputError

if TYPE_CHECKING:
    from modelward.services.registry import Model, Registry


@dataclass(frozen=True, slots=True)
class Context:
    """The terminal, and the way to the registry.

    Args:
        terminal: Where results and talk go.
        registry: The `registry.toml` that was named; None to look for it.
        profile: The AWS profile that was named.
        region: The AWS region that was named.
    """

    terminal: Terminal
    registry: str | None = None
    profile: str | None = None
    region: str | None = None

    def connect(self) -> "Registry":
        """Connect; here boto3 is imported."""
        from modelward import bootstrap

        is_named = self.profile or self.region
        session = bootstrap.session(profile=self.profile, region=self.region) if is_named else None
        return bootstrap.connect(self.registry, session=session)

    def model(self, name: str) -> "Model":
        """Connect and find a model."""
        return self.connect().model(name)


def require_extra(command: str, extra: str, *packages: str) -> None:
    """Make sure that the packages of an extra are installed, before anything is started.

    Raises:
        InputError: One is not; the error names the extra that brings it.
    """
    missing = next((name for name in packages if find_spec(name) is None), None)
    if missing:
        raise InputError(
            f"modelward {command}",
            found=f"the package {missing} is not installed",
            rule=f"it comes with the extra [{extra}]",
            next_step=f"pip install 'modelward[{extra}]'",
        )
