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
