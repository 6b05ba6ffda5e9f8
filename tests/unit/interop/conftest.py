"""A DVC repository for each test."""

from pathlib import Path

import pytest
from tests.dvc_repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A DVC repository in a git repository, with a folder as its default remote."""
    made = Repository(tmp_path / "clone")
    made.config()
    made.git("init")
    return made
