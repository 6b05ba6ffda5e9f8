"""ARNs of what SageMaker holds, as narrow as the sizes that AWS allows.

A policy names each declared model and endpoint while the names fit; beyond that, one pattern per resource type of this
account and region takes their place, because IAM would refuse the deployment.
"""

from collections.abc import Iterable, Mapping, Sequence

from aws_cdk import Stack
from constructs import Construct

from modelward.core.place import Place

# IAM's quotas for a role: 10,240 characters of inline policies, and ten managed ones of 6,144, over which the CDK
# spreads what does not fit. The fullest role, the reconciler's, names groups and endpoints: a third stays free.
_BUDGET_CHARS = 20_000
_PREFIX_CHARS = len('"arn:aws-us-gov:sagemaker:us-gov-west-1:123456789012:",')


def sagemaker_arns(
    scope: Construct,
    names: Mapping[str, Sequence[str]],
    *,
    budget_chars: int = _BUDGET_CHARS,
    place: Place | None = None,
) -> Mapping[str, list[str]]:
    """Give the ARNs of named resources by type, or one for each type when the names are too many for one policy.

    Args:
        scope: Gives the partition, region and account.
        names: Resource type of SageMaker's ARNs, such as `endpoint-config`, to names, or patterns with `*`. SageMaker
            writes some names in lower case into its ARNs: both forms count.
        budget_chars: How many characters all names together may take.
        place: The account and region; None for those of the scope.
    """
    parts = {kind: [f"{kind}/{form}" for form in both_cases(of_kind)] for kind, of_kind in names.items()}
    if sum(len(part) + _PREFIX_CHARS for of_kind in parts.values() for part in of_kind) > budget_chars:
        parts = {kind: [f"{kind}/*"] for kind in names}
    stack = Stack.of(scope)
    return {
        kind: [
            place.arn("sagemaker", part) if place else stack.format_arn(service="sagemaker", resource=part)
            for part in of_kind
        ]
        for kind, of_kind in parts.items()
    }


def both_cases(names: Iterable[str]) -> list[str]:
    """Give names as they were declared and as SageMaker may write them, in lower case; each once, in their order."""
    return list(dict.fromkeys(form for name in names for form in sorted({name, name.lower()})))
