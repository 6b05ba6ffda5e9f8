"""What all tests share.

Properties are tried on the same examples in every run, so that a red build stays red. A client that `make clients`
would have installed fails its tests if it is not there: one that is not asked has not agreed.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("modelward", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("modelward")

CLIENTS = Path(__file__).resolve().parents[1] / ".clients"


@pytest.fixture
def installed() -> Callable[[str], str]:
    """Find a program or a file of a real client."""

    def find(path: str) -> str:
        found = CLIENTS / path
        if not found.exists():
            pytest.fail(f"{found} is not there: `make clients` installs the clients")
        return str(found)

    return find


@pytest.hookimpl(tryfirst=True)  # before -k selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let -k find tests by the rows of docs/fidelity.md that they carry."""
    for item in items:
        item.extra_keyword_matches.update(row for mark in item.iter_markers("fidelity") for row in mark.args)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `tests/fidelity` run in a real account; the options must be known wherever pytest begins."""
    live = parser.getgroup("live", "tests/fidelity in a real AWS account")
    live.addoption("--live", action="store_true", help="run them in the account that boto3 finds, after an estimate")
    live.addoption("--live-endpoints", action="store_true", help="also those that make endpoints, which take hours")
    live.addoption("--yes", action="store_true", help="do not ask whether to begin")
    live.addoption("--sweep", action="store_true", help="with --live: only delete what earlier runs left behind")
    live.addoption(
        "--expire-after", type=int, default=360, metavar="MINUTES", help="from when a sweep may delete what is left"
    )
