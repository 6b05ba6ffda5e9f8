import pytest

from modelward.cli.main import main


@pytest.mark.parametrize("url", ["", "https://sagemaker.eu-west-1.amazonaws.com", "http://localhost"])
def test_a_switch_is_thrown_in_a_local_aws_and_nowhere_else(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    assert main(["local", "switch", "advance", "seconds=5"]) == 4
    told = capsys.readouterr().err
    assert "AWS_ENDPOINT_URL" in told
    assert "source local.env" in told


def test_without_a_name_the_switches_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["local", "switch"]) == 0
    assert "advance seconds=…\n    Move the time" in capsys.readouterr().out
