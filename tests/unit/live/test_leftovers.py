"""What the live tests make can be found and deleted, and nothing else is."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.fidelity import leftovers
from tests.fidelity.account import Account, Ground, local_account


@pytest.fixture
def account() -> Iterator[Account]:
    with local_account() as account:
        yield account


def make_one_of_each(account: Account, lasts: timedelta) -> Ground:
    account.run = dataclasses.replace(account.run, expires=datetime.now(UTC) + lasts)
    ground = Ground(account, 1)
    ground.listen()
    ground.version(ground.group())
    ground.endpoint(ground.config())
    account.client("cloudwatch").put_metric_alarm(
        AlarmName=ground.name("alarm"),
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
        ComparisonOperator="GreaterThanThreshold",
        Threshold=1,
        Period=60,
        EvaluationPeriods=1,
        Tags=ground.tags,
    )
    return ground


def kinds(account: Account) -> set[str]:
    return {leftover.kind for leftover in leftovers.find(account)}


def test_a_sweep_deletes_all_that_has_expired(account) -> None:
    make_one_of_each(account, timedelta(seconds=-1))
    everything = {"endpoint", "endpoint config", "model", "model package group", "rule", "queue", "alarm", "bucket"}
    assert kinds(account) == {*everything, "role"}
    swept = leftovers.sweep(account, leftovers.PREFIX, leftovers.Leftover.is_expired)
    assert {name.rpartition(" ")[0] for name in swept} == {*everything, "role"}
    assert kinds(account) == set()


def test_a_run_that_goes_on_is_left_alone(account) -> None:
    make_one_of_each(account, timedelta(minutes=1))
    before = kinds(account)
    assert leftovers.sweep(account, leftovers.PREFIX, leftovers.Leftover.is_expired) == []
    assert kinds(account) == before


def test_what_only_looks_like_a_leftover_is_left_alone(account) -> None:
    name = f"{leftovers.PREFIX}of-somebody"
    account.client("sagemaker").create_model_package_group(ModelPackageGroupName=name)
    account.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": account.region})
    assert leftovers.sweep(account, leftovers.PREFIX, leftovers.Leftover.is_expired) == []
    assert leftovers.sweep(account, name, lambda leftover: leftover.is_of(account.run.id)) == []
    assert kinds(account) == {"model package group", "bucket"}


def test_an_endpoint_is_deleted_after_what_is_going_on_with_it(account) -> None:
    ground = make_one_of_each(account, timedelta(minutes=1))
    assert ground.state(ground.name("endpoint"))["EndpointStatus"] == "Creating"
    ground.close()
    assert "endpoint" not in kinds(account)
