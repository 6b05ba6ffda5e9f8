"""Application Auto Scaling, as far as endpoints on instances need it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelward.aws.errors import translated
from modelward.core.endpoint import VARIANT

if TYPE_CHECKING:
    from types_boto3_application_autoscaling import ApplicationAutoScalingClient

_POLICY = "SageMakerEndpointInvocationScalingPolicy"  # the one that SageMaker's console shows
_KIND = "scalable target"


class AutoScaling:
    """How many instances serve an endpoint's one variant."""

    def __init__(self, client: "ApplicationAutoScalingClient") -> None:
        """Take a boto3 client of the endpoints' account and region."""
        self._client = client

    def register(self, endpoint: str, *, least: int, most: int, tracking: Mapping[str, Any]) -> None:
        """Let the number of instances follow a metric (`RegisterScalableTarget`, `PutScalingPolicy`).

        Called again it puts the new limits and policy in the place of the old ones.

        Args:
            endpoint: Its name.
            least: Never fewer instances.
            most: Never more.
            tracking: The API's `TargetTrackingScalingPolicyConfiguration`.

        Raises:
            ConflictError: somebody else is changing it.
            AwsError: any other refusal.
        """
        target = _target(endpoint)
        policy: Any = {"TargetTrackingScalingPolicyConfiguration": tracking}
        with translated("RegisterScalableTarget", kind=_KIND, name=endpoint):
            self._client.register_scalable_target(**target, MinCapacity=least, MaxCapacity=most)
        with translated("PutScalingPolicy", kind=_KIND, name=endpoint):
            self._client.put_scaling_policy(**target, PolicyName=_POLICY, PolicyType="TargetTrackingScaling", **policy)

    def deregister(self, endpoint: str) -> None:
        """Let the number of instances be (`DeregisterScalableTarget`); policies and scheduled actions go with it.

        Raises:
            NotFoundError: it is not scaled.
            ConflictError: somebody else is changing it.
            AwsError: any other refusal.
        """
        with translated("DeregisterScalableTarget", kind=_KIND, name=endpoint):
            self._client.deregister_scalable_target(**_target(endpoint))


def _target(endpoint: str) -> Any:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
