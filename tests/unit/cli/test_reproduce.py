"""The command reproduce tells each part in a line, and by its exit code whether all is there."""

from typing import Any

Shell = Any  # the fixtures' class; a conftest cannot be imported by name


def test_it_tells_each_part_and_that_something_is_missing(history: Shell) -> None:
    said = history("reproduce", "digits", "2", "--to", "again")
    assert said.code == 15
    assert said.out.splitlines() == [
        "missing  code: no commit was recorded",
        "missing  data: no dataset was recorded",
        "missing  packages: nothing was recorded of the run; `modelward.track` does",
    ]
    assert said.err == "3 missing\n"
    assert (history.folder / "again").is_dir()


def test_a_plan_writes_nothing(history: Shell) -> None:
    said = history("reproduce", "digits", "v2", "--plan", "--json")
    assert said.json[0] == {"subject": "code", "text": "no commit was recorded", "is_missing": True}
    assert not (history.folder / "digits-v2").exists()
