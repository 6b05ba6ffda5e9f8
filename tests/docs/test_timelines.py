"""The pictures in docs/rollouts.md are what really happens."""

import re
from xml.etree import ElementTree as ET

import pytest
from tests.docs import timelines
from tests.docs.timelines import COPY, FAILED, FOLDER, LIVE, NEW, RUNS

# How many calls of a hundred the newcomer took, in the order in which that changed.
STEPS = {
    "all-at-once": [0, 100],
    "canary": [0, 25, 100],
    "linear": [0, 25, 50, 75, 100],
    "rolling": [0, 25, 50, 75, 100],
    "alarm": [0, 25, 0],
    "shadow": [0, 100],
    "ab": [0, 20, 50, 100],
}


@pytest.mark.parametrize("name", RUNS)
def test_a_picture_is_what_a_run_draws(name: str) -> None:
    """To renew them: python -m tests.docs.timelines."""
    timeline = timelines.play(name)
    assert (FOLDER / f"{name}.svg").read_text(encoding="utf-8") == timelines.draw(timeline)

    taken = [round(shares.get(NEW, 0) + shares.get(FAILED, 0)) for _, shares in timeline.samples]
    assert [share for share, before in zip(taken, [None, *taken], strict=False) if share != before] == STEPS[name]
    for at, shares in timeline.samples:
        assert sum(shares.get(who, 0) for who in (LIVE, NEW, FAILED)) == 100, f"somebody got no answer after {at} s"
    assert any(COPY in shares for _, shares in timeline.samples) == (name == "shadow")
    assert timeline.marks[-1].text == ("v2 failed" if name == "alarm" else "v2 verified")


@pytest.mark.parametrize("name", RUNS)
def test_a_picture_stays_on_its_paper_and_says_what_it_shows(name: str) -> None:
    picture = ET.parse(FOLDER / f"{name}.svg").getroot()
    _, _, width, height = map(float, picture.attrib["viewBox"].split())
    for shape in picture.iter():
        for x, y in re.findall(r"([\d.]+),([\d.]+)", shape.attrib.get("points", "")):
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height
    said = {text.text for text in picture.iter() if text.text}
    assert {"calls", "minutes", "0 %", "100 %", "promoted", "v1"} <= said
    assert picture.attrib["aria-label"].startswith("Who answers the calls: ")


def test_every_picture_is_of_a_run() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(RUNS)
