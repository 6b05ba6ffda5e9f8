"""What deployed stacks cost in a month in which nothing happens: `python -m modelward_infra.cost cdk.out`.

Reads a cloud assembly: its templates, and the `registry.toml` in the functions' code. It counts two things. Some
resources cost by being there (`RESOURCES` says of each type that our templates have what it costs, or why nothing). And
two things go on without traffic: Lambda looks into each queue all day, and the sweep visits each model.

Not in it, because no template has it: endpoints, which cost by the hour and only once a version is deployed; what the
artifacts and the ledger take up; the webhook's secret.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelward.config import load
from modelward.core.errors import InputError, ModelwardError, NotFoundError
from modelward_infra.asset import SPEC_NAME
from modelward_infra.prices import DATE, PRICES, REGION

Usage = Mapping[str, float]
Properties = Mapping[str, Any]

_HOURS = 730
# "Using Lambda with Amazon SQS": five pollers at least, each asking for up to 20 seconds when the queue is empty.
_POLLS = 5 * _HOURS * 3600 / 20
_MINUTES = {"minute": 1, "hour": 60, "day": 1440}
_ROTATIONS_CHARGED = 2
_STANDARD_S = 60  # an alarm with a shorter period is a high-resolution one


@dataclass(frozen=True, slots=True)
class Visit:
    """What the sweep of one model takes, with nothing to do: estimates, meant to be rather too high.

    Args:
        requests: Send, receive and delete of its message, as if no two came in one batch.
        seconds: How long the function works, `gb` its memory.
        log_gb: Lambda's own lines of one invocation.
        traced: Which share of invocations X-Ray samples.
        kms_requests: By which DynamoDB opens the ledger; it keeps the table's key for minutes.
    """

    requests: int = 3
    seconds: float = 0.3
    gb: float = 0.5
    log_gb: float = 1.2e-6
    traced: float = 0.05
    kms_requests: float = 0.05

    def usage(self, environments: int) -> Usage:
        """Give the use of one visit, which reads the ledger once for the model and once for each environment."""
        return {
            "sqs-request": self.requests,
            "invocation": 1,
            "arm-gb-s": self.seconds * self.gb,
            "log-gb": self.log_gb,
            "trace": self.traced,
            "read-unit": 1 + environments,
            "kms-request": self.kms_requests,
        }


def _key(properties: Properties) -> Usage:
    rotations = _ROTATIONS_CHARGED if properties.get("EnableKeyRotation") else 0
    return {"kms-key": 1, "kms-rotation": rotations}


def _alarm(properties: Properties) -> Usage:
    metrics = [each for each in properties.get("Metrics", ()) if "MetricStat" in each]
    periods = [each["MetricStat"]["Period"] for each in metrics] or [properties.get("Period", _STANDARD_S)]
    return {"alarm-fast" if min(periods) < _STANDARD_S else "alarm": len(periods)}


def _mapping(properties: Properties) -> Usage:
    # Lambda does not pay for reading a stream of DynamoDB, and does for reading a queue.
    is_stream = "StartingPosition" in properties
    return {} if is_stream else {"sqs-request": _POLLS}


def _one(item: str) -> Callable[[Properties], Usage]:
    return lambda _: {item: 1}


_BY_USE = "costs by use"
_NO_CHARGE = "AWS charges nothing for it"
RESOURCES: Mapping[str, str | Callable[[Properties], Usage]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": _NO_CHARGE,
    "AWS::ApplicationAutoScaling::ScalingPolicy": "AWS charges for the alarms that a policy makes, once there is load",
    "AWS::CDK::Metadata": _NO_CHARGE,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::CompositeAlarm": _one("alarm-composite"),
    "AWS::CloudWatch::Dashboard": _one("dashboard"),
    "AWS::DynamoDB::Table": "costs by use and by what is in it: on-demand",
    "AWS::Events::EventBus": "costs by events sent to it",
    "AWS::Events::EventBusPolicy": _NO_CHARGE,
    "AWS::Events::Rule": "events of AWS and schedules are free; what the sweep does is counted with the models",
    "AWS::IAM::ManagedPolicy": _NO_CHARGE,
    "AWS::IAM::OIDCProvider": _NO_CHARGE,
    "AWS::IAM::Policy": _NO_CHARGE,
    "AWS::IAM::Role": _NO_CHARGE,
    "AWS::KMS::Alias": _NO_CHARGE,
    "AWS::KMS::Key": _key,
    "AWS::Lambda::EventSourceMapping": _mapping,
    "AWS::Lambda::Function": _BY_USE,
    "AWS::Lambda::Permission": _NO_CHARGE,
    "AWS::Logs::LogGroup": "costs by what is written into it",
    "AWS::S3::Bucket": "costs by what is in it",
    "AWS::S3::BucketPolicy": _NO_CHARGE,
    "AWS::SNS::Subscription": _BY_USE,
    "AWS::SNS::Topic": _BY_USE,
    "AWS::SNS::TopicPolicy": _NO_CHARGE,
    "AWS::SQS::Queue": _BY_USE,
    "AWS::SQS::QueuePolicy": _NO_CHARGE,
    "AWS::SSM::Parameter": "standard parameters are free",
    "AWS::SageMaker::ModelPackageGroup": _NO_CHARGE,
}


def usage(assembly: Path) -> Usage:
    """Count what the stacks of a cloud assembly use in a month without traffic, by item of `PRICES`.

    Raises:
        NotFoundError: there are no templates.
        InputError: a resource of a type whose price is not known.
    """
    used = list(_uses(assembly))
    total = {item: sum(each.get(item, 0) for each in used) for item in PRICES}
    return {item: quantity for item, quantity in total.items() if quantity}


def _uses(assembly: Path) -> Iterator[Usage]:
    declared = list(_declared(assembly))
    for name, resource in _resources(assembly):
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind not in RESOURCES:
            raise InputError(
                name, found=f"is of type {kind}", rule="its price is not known", next_step=f"Add {kind} to RESOURCES."
            )
        count = RESOURCES[kind]
        if callable(count):
            yield count(properties)
        if _is_sweep(properties):
            yield from _sweeping(_runs(properties["ScheduleExpression"]), declared)


def _resources(assembly: Path) -> Iterator[tuple[str, Any]]:
    templates = sorted(assembly.glob("**/*.template.json"))
    if not templates:
        raise NotFoundError(
            "cloud assembly", str(assembly), next_step="Write one with `cdk synth`, and name its folder."
        )
    for path in templates:
        yield from json.loads(path.read_text(encoding="utf-8"))["Resources"].items()


def _is_sweep(properties: Properties) -> bool:
    return any("sweep" in str(target.get("Input", "")) for target in properties.get("Targets", ()))


def _sweeping(runs: float, declared: Sequence[tuple[int, int]]) -> Iterator[Usage]:
    yield {"sqs-request": 2 * runs, "invocation": runs, "arm-gb-s": runs * Visit().seconds * Visit().gb}
    for models, environments in declared:
        yield {item: runs * models * each for item, each in Visit().usage(environments).items()}


def _runs(schedule: str) -> float:
    number, unit = schedule.removeprefix("rate(").removesuffix(")").split()
    return _HOURS * 60 / (int(number) * _MINUTES[unit.removesuffix("s")])


def _declared(assembly: Path) -> Iterator[tuple[int, int]]:
    """Give how many models and environments each registry of the assembly declares."""
    for path in sorted(assembly.glob(f"**/asset.*/{SPEC_NAME}")):
        spec = load(path)
        yield len(spec.models), len(spec.environments)


def usd(used: Usage, *, is_free_tier_left: bool = False, years: int = 0) -> float:
    """Add up what is used.

    Args:
        used: Quantities by item.
        is_free_tier_left: Whether the account has its free quantities left over for this.
        years: How often the key has been rotated, once a year.
    """
    grown = {**used, "kms-rotation": min(years, used.get("kms-rotation", 0))}
    price = {item: PRICES[item].beyond_free if is_free_tier_left else PRICES[item].of for item in grown}
    return sum(price[item](quantity) for item, quantity in grown.items())


def table(columns: Mapping[str, Usage]) -> str:
    """Spell quantities and prices as a Markdown table, one column for each assembly."""
    items = [item for item in PRICES if any(item in used for used in columns.values()) and item != "kms-rotation"]
    rows = [[PRICES[item].what, *(_quantity(item, used.get(item, 0)) for used in columns.values())] for item in items]
    totals: Mapping[str, Callable[[Usage], float]] = {
        "list prices, first year": usd,
        "list prices, from the third year on, with two key rotations": lambda used: usd(used, years=2),
        "first year, where the account's free tier is left for it": lambda used: usd(used, is_free_tier_left=True),
    }
    for name, total in totals.items():
        rows.append([f"**{name}**", *(f"**{total(used):.2f}**" for used in columns.values())])
    head = ["a month without traffic", *columns]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] + ["---:"] * len(columns), *rows])


def _quantity(item: str, quantity: float) -> str:
    count = f"{quantity:,.0f}" if quantity >= 1 or not quantity else f"{quantity:.4f}"
    return f"{PRICES[item].of(quantity):.2f} ({count})"


def price_table() -> str:
    """Spell the unit prices as a Markdown table."""
    rows = [["what", "US dollars", "for", "free in each month", "pricing page", "read on it"], ["---"] * 6]
    for price in PRICES.values():
        amount = price.unit if price.amount == 1 else f"{price.amount:,.0f} {price.unit}"
        free = f"{price.free:,.0f}" if price.free else ""
        sure = "yes" if price.is_verified else "no"
        rows.append([price.what, f"{price.usd:.10f}".rstrip("0").ljust(4, "0"), amount, free, price.page, sure])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main(arguments: Sequence[str]) -> int:
    """Print the cost of a cloud assembly, `cdk.out` unless another folder is named."""
    try:
        used = usage(Path(arguments[0] if arguments else "cdk.out"))
    except ModelwardError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{table({f'US dollars (units), {REGION}, {DATE}': used})}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
