"""An account and a region, and the ARNs of what is in them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """An account in a region."""

    account: str
    region: str

    @classmethod
    def of(cls, arn: str) -> "Place":
        """Take the place out of the ARN of something that is there."""
        _, _, _, region, account, *_ = arn.split(":")
        return cls(account, region)

    @property
    def partition(self) -> str:
        """The part of AWS that the region belongs to, by its name (AWS Organizations, "ARN partitions")."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    def arn(self, service: str, resource: str) -> str:
        """Spell the ARN of something in a region, such as `events` and `event-bus/acme`."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def role_arn(self, path: str, name: str) -> str:
        """Spell the ARN of a role; `path` is `/` or `/parts/between/slashes/`."""
        return f"arn:{self.partition}:iam::{self.account}:role{path}{name}"
