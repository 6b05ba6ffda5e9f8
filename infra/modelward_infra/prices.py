"""Unit prices of what our stacks consist of and do: the one table that `cost.py` multiplies with.

Approximate list prices in US dollars for us-east-1, November 2026. `page` is the title of the service's pricing page.
Other regions cost up to half as much again. What could be held against a copy of that page is marked as
verified; the others come from descriptions of it, and are to be looked up before somebody signs for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

DATE, REGION = "November 2026", "us-east-1"


@dataclass(frozen=True, slots=True)
class Price:
    """What one kind of use costs.

    Args:
        what: The row's name.
        usd: US dollars for `amount` of the unit.
        unit: What is counted.
        page: Title of the pricing page.
        amount: How many of the unit the price is for.
        free: How many of the unit each account has free in each month, for ever.
        is_verified: Whether the figure was read on a copy of the page itself.
    """

    what: str
    usd: float
    unit: str
    page: str
    amount: float = 1
    free: float = 0
    is_verified: bool = False

    def of(self, quantity: float) -> float:
        """Give the list price of a quantity, in US dollars."""
        return quantity * self.usd / self.amount

    def beyond_free(self, quantity: float) -> float:
        """Give what is left of it in an account that does nothing else."""
        return self.of(max(0.0, quantity - self.free))


_CLOUDWATCH, _KMS = "Amazon CloudWatch pricing", "AWS Key Management Service pricing"
_LAMBDA, _SQS = "AWS Lambda pricing", "Amazon SQS pricing"

PRICES: Mapping[str, Price] = {
    "kms-key": Price("KMS keys", 1.00, "month", _KMS, is_verified=True),
    # One more dollar for each of the first two yearly rotations, none for later ones.
    "kms-rotation": Price("KMS key material of past rotations", 1.00, "month", _KMS),
    "kms-request": Price("KMS requests", 0.03, "requests", _KMS, amount=10_000, free=20_000),
    "alarm": Price("alarm metrics", 0.10, "month", _CLOUDWATCH, free=10),
    "alarm-fast": Price("alarm metrics of less than a minute", 0.30, "month", _CLOUDWATCH),
    "alarm-composite": Price("composite alarms", 0.50, "month", _CLOUDWATCH),
    "dashboard": Price("dashboards", 3.00, "month", _CLOUDWATCH, free=3),
    "log-gb": Price("logs taken in", 0.50, "GB", _CLOUDWATCH, free=5),
    "trace": Price("traces recorded", 5.00, "traces", "AWS X-Ray pricing", amount=1e6, free=100_000),
    "sqs-request": Price("queue requests", 0.40, "requests", _SQS, amount=1e6, free=1e6),
    "invocation": Price("function invocations", 0.20, "invocations", _LAMBDA, amount=1e6, free=1e6),
    "arm-gb-s": Price("function time (arm64)", 0.0000133334, "GB-seconds", _LAMBDA, free=400_000),
    "read-unit": Price("ledger reads", 0.125, "read units", "Amazon DynamoDB pricing (on-demand)", amount=1e6),
}
