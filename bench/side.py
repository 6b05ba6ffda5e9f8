"""`python -m bench.side moto|ours VERSIONS`: one side of the comparison with moto, as JSON on stdout.

The same boto3 calls inside `mock_aws`, on moto's own SageMaker or on ours. Figures are calls in a second, the best of
several runs, at 100 and 1,000 versions of a group and at as many as are asked for; those are made
without boto3.
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import boto3
from moto import mock_aws

from bench.account import ACCOUNT, ENVIRON, MODEL, REGION, package

_RUNS = 5
_CALLS = {"create": 100, "describe": 200, "list": 20}
_AT = (100, 1_000)


def main(side: str, versions: int) -> dict[str, float]:
    """Measure one side."""
    os.environ.update(ENVIRON)
    if side == "ours":
        from modelward.local.moto import install

        install()
    with mock_aws():
        registry = _Registry()
        found = {}
        for count in (*_AT, *([versions] if versions not in _AT else [])):
            if count > _AT[-1]:
                found["kb_per_version"] = registry.fill_to(count)
            registry.grow_to(count)
            found |= {f"{name}_at_{count}": rate for name, rate in registry.rates().items()}
    return found


class _Registry:
    """A group of versions, by boto3."""

    def __init__(self) -> None:
        self._client: Any = boto3.client("sagemaker", region_name=REGION)
        self._client.create_model_package_group(ModelPackageGroupName=MODEL)
        self._count = 0
        self._arn = self._create()

    def grow_to(self, count: int) -> None:
        while self._count < count:
            self._create()

    def fill_to(self, count: int) -> float:
        """Make versions without boto3; return how many KB each takes."""
        from modelward.local.moto import core
        from modelward.local.sagemaker import Caller

        somebody = Caller(f"arn:aws:iam::{ACCOUNT}:user/ana", "AIDABENCH", ACCOUNT)
        call, before, first = core(ACCOUNT, REGION).call, _memory_kb(), self._count
        while self._count < count:
            call("CreateModelPackage", package(self._count), somebody)
            self._count += 1
        return (_memory_kb() - before) / (count - first)

    def rates(self) -> dict[str, float]:
        calls: dict[str, Callable[[], Any]] = {
            "describe": lambda: self._client.describe_model_package(ModelPackageName=self._arn),
            "list": lambda: self._client.list_model_packages(ModelPackageGroupName=MODEL, MaxResults=100),
            "create": self._create,
        }
        return {name: max(_rate(call, _CALLS[name]) for _ in range(_RUNS)) for name, call in calls.items()}

    def _create(self) -> str:
        made: str = self._client.create_model_package(**package(self._count))["ModelPackageArn"]
        self._count += 1
        return made


def _rate(call: Callable[[], Any], times: int) -> float:
    began = perf_counter()
    for _ in range(times):
        call()
    return times / (perf_counter() - began)


def _memory_kb() -> float:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1024 if sys.platform == "darwin" else float(most)


if __name__ == "__main__":
    json.dump(main(sys.argv[1], int(sys.argv[2])), sys.stdout)
