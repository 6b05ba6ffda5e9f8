"""What a live run tells before it begins."""

from tests.fidelity.account import local_account
from tests.fidelity.estimate import Endpoint, announcement


def test_it_tells_where_as_whom_what_and_for_how_much() -> None:
    with local_account() as account:
        told = announcement(account, 5, [Endpoint(minutes=10), Endpoint(instances=2, minutes=30)])
        assert account.identity["Account"] in told
        assert account.identity["Arn"] in told
    assert "eu-west-1" in told
    assert "about 45 minutes" in told
    assert "2 x ml.m5.large for 30 minutes at 0.13 USD per hour: 0.13 USD" in told
    assert told.splitlines()[-1].split() == ["in", "all", "0.15", "USD"]


def test_without_endpoints_it_costs_nearly_nothing() -> None:
    with local_account() as account:
        told = announcement(account, 5, [])
    assert "--live-endpoints" in told
    assert told.splitlines()[-1].split() == ["in", "all", "0.01", "USD"]
