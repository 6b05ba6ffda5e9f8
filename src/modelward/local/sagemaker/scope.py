"""The account and region that a core stands for: its ARNs, its clock, its way to tell the world."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any

from modelward.local.sagemaker.veil import Veil

Event = dict[str, Any]


class Happening(Enum):
    """What lineage is made of."""

    GROUP = auto()
    VERSION = auto()
    APPROVAL = auto()
    LIFE_CYCLE = auto()
    DEPLOYMENT = auto()


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened to a resource. `facts` are what the record said then; nobody changes them."""

    what: Happening
    arn: str
    at: datetime
    by: Mapping[str, Any]
    facts: Mapping[str, Any]


def partition_of(region: str) -> str:
    """Return the ARN partition of a region."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


@dataclass(slots=True)
class Scope:
    """One account in one region.

    Events wait in `outbox` until the call that caused them is over, so that whoever receives one may call back.
    `journal` is what lineage will be made of, when somebody asks. `veil` hides what was just made, if a test wants it.
    """

    account: str
    region: str
    clock: Callable[[], datetime]
    outbox: list[Event] = field(default_factory=list)
    journal: list[Note] = field(default_factory=list)
    veil: Veil = field(default_factory=Veil)

    def now(self) -> datetime:
        """Read the injected clock."""
        return self.clock()

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of a resource. SageMaker writes names in lower case there."""
        return f"{self._prefix}:{kind}/{name.lower()}"

    @property
    def _prefix(self) -> str:
        return f"arn:{partition_of(self.region)}:sagemaker:{self.region}:{self.account}"

    def note(self, what: Happening, arn: str, by: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        """Write down what happened just now."""
        self.journal.append(Note(what, arn, self.now(), by, facts))

    def publish(self, detail_type: str, arn: str, detail: dict[str, Any], at: datetime) -> None:
        """Put an event into the outbox, in EventBridge's envelope."""
        self.outbox.append(
            {
                "source": "aws.sagemaker",
                "detail-type": detail_type,
                "time": at,
                "account": self.account,
                "region": self.region,
                "resources": [arn],
                "detail": copied(detail),
            }
        )


def copied(value: Any) -> Any:
    """Copy what leaves the core, so that who receives it cannot reach into its records."""
    if isinstance(value, Mapping):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copied(item) for item in value]
    return value


def in_event(value: Any) -> Any:
    """Write a described resource as events do, with times in milliseconds."""
    if isinstance(value, datetime):
        return epoch_ms(value)
    if isinstance(value, Mapping):
        return {key: in_event(each) for key, each in value.items()}
    return [in_event(each) for each in value] if isinstance(value, list) else value


def epoch_ms(moment: datetime) -> int:
    """Write a time as SageMaker's events do: in milliseconds since 1970."""
    return round(moment.timestamp() * 1000)
