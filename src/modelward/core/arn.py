"""Amazon Resource Names of model package versions."""

import re
from dataclasses import dataclass

_VERSION_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):sagemaker:(?P<region>[a-z0-9-]{9,16}):(?P<account>\d{12})"
    r":model-package/(?P<group>[a-zA-Z0-9-]{1,63})/(?P<version>\d{1,9})"
)


@dataclass(frozen=True, slots=True)
class VersionArn:
    """The ARN of one version, taken apart.

    Source: `ModelPackageArn` and `VersionedArnOrName` in the SageMaker API.
    """

    partition: str
    region: str
    account: str
    group: str
    version: int

    @classmethod
    def parse(cls, text: str) -> "VersionArn | None":
        """Take an ARN apart, or return None for whatever is not the ARN of a version in a group."""
        match = _VERSION_ARN.fullmatch(text)
        if match is None:
            return None
        return cls(match["partition"], match["region"], match["account"], match["group"], int(match["version"]))

    def __str__(self) -> str:
        """Spell the ARN as SageMaker does."""
        place = f"arn:{self.partition}:sagemaker:{self.region}:{self.account}"
        return f"{place}:model-package/{self.group}/{self.version}"


def who(arn: str) -> str:
    """Shorten the ARN of a caller to what people know it by.

    `…:user/team/ana` is `ana`; `…:assumed-role/admin/ana@example.com` is the session's name, which single sign-on sets
    to the person and Lambda to the function. Anything else, such as the root user's ARN, is kept whole.
    """
    return arn.rsplit("/", 1)[-1] if arn.startswith("arn:") and "/" in arn else arn
