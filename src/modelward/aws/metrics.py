"""What CloudWatch keeps of the calls of endpoints."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from modelward.aws.errors import translated
from modelward.aws.sagemaker import pages
from modelward.core.endpoint import Figures

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

# Sums of hours can be added up, and CloudWatch keeps them for 15 months; those of minutes for 15 days.
_HOUR_S = 3600
_SUMS = {"calls": "Invocations", "errors": "Invocation5XXErrors", "latency": "ModelLatency"}
_US_PER_MS = 1000


class Metrics:
    """Figures of endpoints, by variant (namespace `AWS/SageMaker`)."""

    def __init__(self, client: "CloudWatchClient") -> None:
        """Take a boto3 client of the endpoints' account and region."""
        self._client = client

    def figures(self, endpoint: str, variants: Sequence[str], since: datetime, until: datetime) -> dict[str, Figures]:
        """Read what callers had from each variant of an endpoint over a time (`GetMetricData`).

        CloudWatch counts by the hour here, so calls of the hours in which the time begins and ends may count as well.

        Args:
            endpoint: Its name.
            variants: Names of its variants; a shadow is one.
            since: Beginning.
            until: End.

        Returns:
            By variant; one that nobody has called has no calls.

        Raises:
            AwsError: a refusal.
        """
        queries = [query for variant in variants for query in _queries(endpoint, variant, variants.index(variant))]
        request: Any = {"MetricDataQueries": queries, "StartTime": since, "EndTime": until}
        sums: dict[str, float] = {}
        with translated("GetMetricData", kind="metrics of endpoint", name=endpoint):
            for page in pages(lambda token: self._client.get_metric_data(**request, **token)):
                for result in page["MetricDataResults"]:
                    sums[result["Id"]] = sums.get(result["Id"], 0.0) + sum(result["Values"])
        return {variant: _figures(sums, number) for number, variant in enumerate(variants)}


def _queries(endpoint: str, variant: str, number: int) -> Iterator[Mapping[str, Any]]:
    where = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    for key, name in _SUMS.items():
        metric = {"Namespace": "AWS/SageMaker", "MetricName": name, "Dimensions": where}
        yield {"Id": f"{key}{number}", "MetricStat": {"Metric": metric, "Period": _HOUR_S, "Stat": "Sum"}}


def _figures(sums: Mapping[str, float], number: int) -> Figures:
    calls, errors, latency_us = (sums.get(f"{key}{number}", 0.0) for key in _SUMS)
    return Figures(int(calls), int(errors), latency_us / calls / _US_PER_MS if calls else 0.0)
