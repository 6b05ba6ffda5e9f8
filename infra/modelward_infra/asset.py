"""The code of the functions: one folder, the same bytes wherever and whenever it is assembled.

All functions share it. It holds the part of `modelward` that handlers use, the part of Powertools that they import (a
bundle instead of a layer: no layer ARN per region that goes stale), and `registry.toml`. Boto3 and what comes with it
(jmespath, dateutil, urllib3) is the runtime's. Only source files are copied, so no build tool, platform wheel or
container is needed, and the code runs on each Python and processor that Lambda offers.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from modelward.core.errors import NotFoundError

SPEC_NAME = "registry.toml"
_MODELWARD = ("__init__.py", "bootstrap.py", "core", "config", "planning", "aws", "services", "handlers")
# The handlers import its Logger. Event handlers, parsers, data classes and the like are nine tenths of Powertools.
_POWERTOOLS = (
    "__init__.py",
    "exceptions",
    "logging",
    "metrics",
    "middleware_factory",
    "package_logger.py",
    "shared",
    "tracing",
    "utilities/__init__.py",
    "utilities/jmespath_utils",
    "utilities/typing",
    "warnings",
)


def assemble(folder: Path, spec_path: Path) -> None:
    """Write the functions' code into an empty folder.

    Args:
        folder: An existing, empty folder.
        spec_path: The registry's declaration; it lies as `registry.toml` at the root of the code.

    Raises:
        NotFoundError: a package of the code is not installed.
    """
    for name, parts in (("modelward", _MODELWARD), ("aws_lambda_powertools", _POWERTOOLS)):
        package = _installed(name)
        for source in _sources(package, parts):
            _copy(source, folder / name / source.relative_to(package))
    module = _installed("typing_extensions")
    _copy(module, folder / module.name)
    _copy(spec_path, folder / SPEC_NAME)


def _sources(package: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    for part in parts:
        yield from sorted(package.glob(part) if part.endswith(".py") else package.glob(f"{part}/**/*.py"))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    # Lambda runs the code as another user, so the builder's umask must not show.
    target.chmod(0o644)


def _installed(name: str) -> Path:
    """Find a package's folder, or a module's file, without importing it."""
    found = find_spec(name)
    if found is None or found.origin is None:
        raise NotFoundError(
            "package",
            name,
            next_step="It goes into the functions' code: run `pip install 'modelward[infra]'`, then synthesize again.",
        )
    origin = Path(found.origin)
    return origin.parent if found.submodule_search_locations else origin
