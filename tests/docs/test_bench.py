"""bench/README.md shows every figure that was promised, none left out because it looks bad."""

from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "bench" / "README.md"
CALLS = "`python -m bench calls`"
OVERHEAD = "`python -m bench overhead`"
STARTUP = "`python -m bench startup`"
MEMORY = "`python -m bench memory`"
SCALE = "`python -m bench scale`"
REGISTRY = "`python -m bench registry`"
PROMISED = {
    "AWS calls: register (local artifact)": CALLS,
    "AWS calls: approve": CALLS,
    "AWS calls: reject": CALLS,
    "AWS calls: promote": CALLS,
    "AWS calls: `current(stage)` of 10 and of 10,000 versions, the oldest holding it": CALLS,
    "AWS calls: `versions()` with metrics, of 100 and of 1,000": CALLS,
    "AWS calls: `compare(a, b)`": CALLS,
    "AWS calls: reconcile with nothing to do": CALLS,
    "AWS calls: of all functions, from approval to UpdateEndpoint": CALLS,
    "AWS calls: of the reconciler, from rollback to UpdateEndpoint": CALLS,
    "AWS calls: sweep of a model with nothing to do, for two environments": CALLS,
    "time over raw boto3: describe": OVERHEAD,
    "time over raw boto3: current": OVERHEAD,
    "time over raw boto3: versions, 100 of them": OVERHEAD,
    "time over raw boto3: compare": OVERHEAD,
    "time over raw boto3: approve": OVERHEAD,
    "time over raw boto3: promote": OVERHEAD,
    "time over raw boto3: register": OVERHEAD,
    "time: `import modelward` over bare Python": STARTUP,
    "time: `modelward --help`": STARTUP,
    "time: `python app.py` of the demo's registry over an empty CDK app": STARTUP,
    "time: cold start of `model_package` over boto3 and its clients": STARTUP,
    "time: cold start of `reconcile` over boto3 and its clients": STARTUP,
    "time: cold start of `notify` over boto3 and its clients": STARTUP,
    "peak memory of `model_package`": MEMORY,
    "peak memory of `notify`": MEMORY,
    "peak memory of `reconcile`": MEMORY,
    "a function's zip, Powertools inside": "`python -m bench package`",
    "synthesis of 5,000 models, each with an endpoint": SCALE,
    "synthesis of 5,000 models over 1,000": SCALE,
    "peak memory of that synthesis, 5,000 models": SCALE,
    "resources per additional model": SCALE,
    "resources in the fullest stack, 5,000 models": SCALE,
    "reading the registry.toml of 5,000 models, at each cold start": SCALE,
    "local SageMaker: CreateModelPackage at 1,000 and at 100,000 versions": REGISTRY,
    "local SageMaker: DescribeModelPackage at 100,000 versions": REGISTRY,
    "local SageMaker: ListModelPackages, a page of 100, at 100,000 versions": REGISTRY,
    "local SageMaker: memory per version": REGISTRY,
    "local SageMaker: start of `modelward local up --bare`": REGISTRY,
    "local SageMaker: from an approval to UpdateEndpoint on MiniStack, functions warm": REGISTRY,
    "`make demo` after set-up": "`python -m bench demo`",
}


@pytest.fixture(scope="module")
def rows() -> dict[str, list[str]]:
    lines = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {each[0]: each for each in cells[2:]}


def test_it_lists_what_was_promised_and_nothing_else(rows):
    assert list(rows) == list(PROMISED)


@pytest.mark.parametrize("what", PROMISED)
def test_a_row_has_goal_figure_verdict_and_command(rows, what: str):
    _, goal, measured, verdict, command = rows[what]
    assert any(char.isdigit() for char in goal)
    assert any(char.isdigit() for char in measured)
    assert verdict in {"yes", "**no**"}
    assert command == PROMISED[what]


def test_the_calls_are_within_their_goals_since_no_machine_is_too_busy_for_that(rows):
    assert {row[3] for what, row in rows.items() if what.startswith("AWS calls")} == {"yes"}
