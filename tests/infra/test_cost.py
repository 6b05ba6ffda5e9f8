"""What the stacks cost when nothing happens: each resource counts, and docs/cost.md tells what the templates say."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bench import cost as document

from modelward.core.errors import InputError, NotFoundError
from modelward_infra.cost import RESOURCES, main, usage, usd
from modelward_infra.prices import PRICES

KEY = {"Type": "AWS::KMS::Key", "Properties": {"EnableKeyRotation": True}}


@pytest.fixture(scope="module")
def sizes(synthesize) -> dict[int, Any]:
    """Give what registries use, counted for two small ones, and by that for the large ones: it grows evenly."""
    few = {models: usage(synthesize(document.declaration(models)).folder) for models in (1, 3)}
    grown = {item: (few[3].get(item, 0) - few[1].get(item, 0)) / 2 for item in few[3]}
    return {
        models: {item: few[1].get(item, 0) + (models - 1) * grown[item] for item in grown} for models in document.SIZES
    }


def _write(folder: Path, **resources: Any) -> Path:
    (folder / "some.template.json").write_text(json.dumps({"Resources": resources}))
    return folder


def test_each_type_of_our_templates_has_a_price_or_a_reason_for_none(assembly) -> None:
    kinds = {each["Type"] for path in assembly.folder.glob("*.template.json") for each in _resources(path)}
    assert kinds - RESOURCES.keys() == set()


def _resources(path: Path) -> Any:
    return json.loads(path.read_text())["Resources"].values()


def test_a_type_without_a_price_is_refused_by_name(tmp_path: Path) -> None:
    _write(tmp_path, Gateway={"Type": "AWS::EC2::NatGateway"})
    with pytest.raises(InputError, match=r"Gateway: is of type AWS::EC2::NatGateway; its price is not known"):
        usage(tmp_path)


def test_a_folder_without_templates_is_told_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NotFoundError, match="cdk synth"):
        usage(tmp_path)
    assert main([str(tmp_path)]) == 2
    assert "cloud assembly" in capsys.readouterr().err


def test_a_hundred_models_in_one_account_cost_less_than_five_dollars_a_month(sizes: dict[int, Any]) -> None:
    # Alarms and the dashboard are free in an account that has no others; by the list they alone are 4.50.
    assert usd(sizes[100], is_free_tier_left=True) < 5
    assert usd(sizes[100], years=2, is_free_tier_left=True) < 5
    assert usd(sizes[100]) < 8


def test_the_document_is_what_the_templates_and_prices_give(sizes: dict[int, Any]) -> None:
    assert document.PATH.read_text(encoding="utf-8") == document.render(sizes)


def test_a_key_costs_more_after_its_first_two_rotations_only(tmp_path: Path) -> None:
    used = usage(_write(tmp_path, Key=KEY))
    assert [usd(used, years=years) for years in (0, 1, 2, 9)] == [1, 2, 3, 3]
    assert usd(usage(_write(tmp_path, Key={"Type": "AWS::KMS::Key"})), years=9) == 1


def test_an_alarm_costs_by_its_metrics_and_more_when_it_looks_more_often(tmp_path: Path) -> None:
    metric = {"MetricStat": {"Period": 60}}
    alarms = {
        "one": {"Period": 60},
        "two": {"Metrics": [{"Expression": "a / b"}, metric, metric]},
        "fast": {"Period": 10},
    }
    used = usage(
        _write(tmp_path, **{key: {"Type": "AWS::CloudWatch::Alarm", "Properties": alarms[key]} for key in alarms})
    )
    assert used == {"alarm": 3, "alarm-fast": 1}


def test_a_queue_that_a_function_reads_costs_though_nothing_is_in_it_and_a_stream_does_not(tmp_path: Path) -> None:
    kind = "AWS::Lambda::EventSourceMapping"
    used = usage(
        _write(
            tmp_path,
            Queue={"Type": kind, "Properties": {}},
            Stream={"Type": kind, "Properties": {"StartingPosition": "TRIM_HORIZON"}},
        )
    )
    assert used == {"sqs-request": 657_000}


def test_what_is_free_in_each_account_is_taken_off_once() -> None:
    assert PRICES["alarm"].beyond_free(10) == 0
    assert PRICES["alarm"].beyond_free(13) == pytest.approx(0.30)


def test_the_command_tells_the_cost_of_an_assembly(assembly) -> None:
    words = [sys.executable, "-m", "modelward_infra.cost", str(assembly.folder)]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "| KMS keys | 1.00 (1) |" in told
    assert "list prices, first year" in told
