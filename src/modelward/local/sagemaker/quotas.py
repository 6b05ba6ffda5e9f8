"""Instance quotas: how many instances of a type all endpoints together may have."""

from collections import Counter
from collections.abc import Iterable, Mapping

from modelward.local.sagemaker.endpoint import Endpoint
from modelward.local.sagemaker.errors import ApiError
from modelward.local.sagemaker.fleets import Fleet


def check(quotas: Mapping[str, int], endpoints: Iterable[Endpoint], new: Fleet, old: Fleet | None = None) -> None:
    """Answer ResourceLimitExceeded if a fleet is too large, beside all that runs; `old` is what it grows from.

    A blue/green update needs room for both fleets, as on AWS. Types without a quota have none.
    """
    if not quotas:
        return
    used = sum((_instances(fleet) for endpoint in endpoints for fleet in endpoint.fleets), Counter[str]())
    delta = _instances(new) - (_instances(old) if old else Counter())
    for kind, count in delta.items():
        if kind in quotas and used[kind] + count > quotas[kind]:
            raise _exceeded(kind, quotas[kind], used[kind], count)


def _instances(fleet: Fleet) -> Counter[str]:
    counts: Counter[str] = Counter()
    for variant in fleet:
        if variant.instance_type and variant.count:
            counts[variant.instance_type] += variant.count
    return counts


def _exceeded(kind: str, quota: int, used: int, delta: int) -> ApiError:
    return ApiError(
        "ResourceLimitExceeded",
        f"The account-level service limit '{kind} for endpoint usage' is {quota} Instances, with current utilization "
        f"of {used} Instances and a request delta of {delta} Instances. Please use AWS Service Quotas to request an "
        "increase for this quota. If AWS Service Quotas is not available, contact AWS support to request an increase "
        "for this quota.",
    )
