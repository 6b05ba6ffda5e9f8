"""modelward init."""

import json
from pathlib import Path

import pytest

from modelward import config
from modelward.cli.main import main

ROOT = Path(__file__).parents[3]
WRITTEN = ["registry.toml", "registry.schema.json", "app.py", "cdk.json"]
FILES = sorted(WRITTEN)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_folder_gets_the_three_files_and_the_declaration_is_valid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path / "a" / "b"
    assert main(["init", str(here)]) == 0
    assert names(here) == FILES
    assert capsys.readouterr().out.split() == [str(here / name) for name in WRITTEN]
    from modelward.config.load import load

    assert isinstance(load(here / "registry.toml"), config.RegistrySpec)
    assert json.loads((here / "cdk.json").read_text())["app"] == "python3 app.py"
    compile((here / "app.py").read_text(), "app.py", "exec")


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_there_is_never_overwritten_and_then_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / name).write_text("mine")
    assert main(["init", str(tmp_path)]) == 4
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "mine"
    assert f"{name} is there already" in capsys.readouterr().err


def test_the_plan_lists_the_files_and_writes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path), "--plan"]) == 0
    assert names(tmp_path) == []
    assert capsys.readouterr().out.splitlines() == [f"write {tmp_path / name}" for name in WRITTEN]


def test_the_plan_of_a_folder_that_is_taken_is_the_refusal_itself(tmp_path: Path) -> None:
    (tmp_path / "app.py").touch()
    assert main(["init", str(tmp_path), "--plan"]) == 4


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "here").touch()
    assert main(["init", str(tmp_path / "here")]) == 4
    assert "it is a file" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "here").touch()
    assert main(["init", str(tmp_path / "here" / "below")]) == 4
    assert capsys.readouterr().err.startswith("error: ")


def test_json_lists_what_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path), "--json"]) == 0
    assert [Path(path).name for path in json.loads(capsys.readouterr().out)] == WRITTEN


def test_the_app_is_the_one_of_this_repository() -> None:
    from modelward.cli.starting import APP

    assert (ROOT / "app.py").read_text(encoding="utf-8") == APP
