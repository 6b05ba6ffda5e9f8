"""What a live run makes and costs, told before it begins."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.fidelity.account import INSTANCE, Account

# USD, us-east-1, rounded up. Other regions differ, some by half.
PRICES_OF = "November 2026"
INSTANCE_HOUR = 0.13
SERVERLESS_ENDPOINT = 0.01  # nothing while nobody asks; a few requests of a second each
EVERYTHING_ELSE = 0.01  # requests to S3, SQS and CloudWatch, an alarm for an hour


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that a test makes: how many instances it runs at most, and how long, about."""

    instances: int = 0
    minutes: int = 10

    @property
    def cost(self) -> float:
        """USD."""
        return self.instances * self.minutes / 60 * INSTANCE_HOUR or SERVERLESS_ENDPOINT


def announcement(account: Account, test_count: int, endpoints: Iterable[Endpoint]) -> str:
    """Say where, as whom, what will be made, and what it costs."""
    made = list(endpoints)
    total = sum(endpoint.cost for endpoint in made) + EVERYTHING_ELSE
    where: Mapping[str, Any] = {
        "account": account.identity["Account"],
        "region": account.region,
        "as": account.identity["Arn"],
        "at": account.client("sagemaker").meta.endpoint_url,
        "tests": f"{test_count}, which take {_minutes(made)}",
        "names": f"{account.run.prefix}-...",
        "tags": ", ".join(f"{key}={value}" for key, value in account.run.tags.items()),
    }
    lines = [f"  {name:<8} {value}" for name, value in where.items()]
    costs = [f"  {count:<24} {what}" for count, what in _rows(made)]
    return "\n".join(
        [
            "These tests make real resources in an AWS account, and delete them again.",
            *lines,
            f"What they make, and what it costs about (prices of us-east-1, {PRICES_OF}):",
            *costs,
            f"  {'in all':<24} {_usd(total)}",
            "",
        ]
    )


def _rows(made: list[Endpoint]) -> Iterator[tuple[str, str]]:
    yield "some of each", "model package groups, versions, models, endpoint configs: free"
    yield "one of each at most", f"bucket, role, queue, rule, alarms: below {_usd(EVERYTHING_ELSE)}"
    serverless = [each for each in made if not each.instances]
    if serverless:
        cost = _usd(sum(each.cost for each in serverless))
        yield f"{len(serverless)} serverless", f"endpoints, which cost while they answer: below {cost}"
    for each in made:
        if each.instances:
            hours = f"{each.instances} x {INSTANCE} for {each.minutes} minutes at {_usd(INSTANCE_HOUR)} per hour"
            yield "1 endpoint", f"{hours}: {_usd(each.cost)}"
    if any(each.instances for each in made):
        yield "an endpoint that hangs", "costs on until it can be deleted, which may take an hour"
    if not made:
        yield "0 endpoints", "unless asked for by --live-endpoints"


def _usd(amount: float) -> str:
    return f"{amount:.2f} USD"


def _minutes(made: list[Endpoint]) -> str:
    total = 5 + sum(endpoint.minutes for endpoint in made)
    return f"about {total} minutes" if total < 90 else f"about {total / 60:.0f} hours"
