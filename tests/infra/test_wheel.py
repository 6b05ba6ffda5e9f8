"""What `pip install modelward` brings."""

import subprocess
import sys
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as `uv build` and `pip install` do, without their isolated environment."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("modelward-*-py3-none-any.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    return set(ZipFile(wheel).namelist())


def test_it_holds_every_module_of_both_packages(names: set[str]) -> None:
    sources = {
        str(path.relative_to(ROOT / home))
        for home, package in (("src", "modelward"), ("infra", "modelward_infra"))
        for path in (ROOT / home / package).rglob("*.py")
    }
    assert sources <= names
    assert len(sources) > 100


@pytest.mark.parametrize(
    "name",
    [
        "modelward/py.typed",
        "modelward_infra/py.typed",
        "modelward/config/starter.toml",
        "modelward/cli/demo/digits/train.py",
        "modelward/cli/demo/digits/code/inference.py",
        "modelward/cli/demo/digits/hasty/inference.py",
    ],
)
def test_it_holds_what_is_no_module_and_needed_all_the_same(names: set[str], name: str) -> None:
    assert name in names


def test_it_holds_nothing_else(names: set[str]) -> None:
    others = {name for name in names if not name.endswith(".py") and ".dist-info/" not in name}
    assert others == {"modelward/py.typed", "modelward_infra/py.typed", "modelward/config/starter.toml"}
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"modelward", "modelward_infra"}


def test_it_asks_for_little_and_names_extras_for_the_rest(wheel: Path) -> None:
    with ZipFile(wheel) as packed:
        [name] = [name for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = HeaderParser().parsestr(packed.read(name).decode())
    needed = metadata.get_all("Requires-Dist", [])
    assert sorted(each.partition(">")[0] for each in needed if "extra ==" not in each) == ["boto3", "rich"]
    assert {"infra", "local", "serving", "pipelines"} <= set(metadata.get_all("Provides-Extra", []))
