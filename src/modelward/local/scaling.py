"""Application Auto Scaling for the variants of endpoints: what is registered, by the rules of its API.

Targets and policies are kept and told, and nothing is scaled: no alarms are made, and the number of instances stays
what it is until somebody changes it. What counts is what others make of a registered target: SageMaker refuses to
change its instance type, and forgets it with its endpoint. It knows nothing of HTTP or IAM: `scaling_front` does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from modelward.local.sagemaker import ApiError
from modelward.local.sagemaker.errors import invalid
from modelward.local.sagemaker.scope import partition_of
from modelward.local.sagemaker.validation import check

SERVICE = "application-autoscaling"
_SCALED = ("sagemaker", "sagemaker:variant:DesiredInstanceCount")
_NAMED = ("ServiceNamespace", "ResourceId", "ScalableDimension")


@dataclass(slots=True)
class Target:
    """One scalable target, and its policies by name."""

    fields: dict[str, Any]
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)


class ScalableTargets:
    """The scalable targets of an account and region: the instances of endpoint variants, and nothing else."""

    def __init__(
        self, account: str, region: str, clock: Callable[[], datetime], has_variant: Callable[[str, str], bool]
    ) -> None:
        """Begin empty; `has_variant` tells whether an endpoint has a variant."""
        self._root = f"arn:{partition_of(region)}:{{}}:{region}:{account}:"
        self._clock = clock
        self._has_variant = has_variant
        self._targets: dict[str, Target] = {}
        self._made = 0
        self._operations: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "RegisterScalableTarget": self._register,
            "DescribeScalableTargets": self._describe,
            "DeregisterScalableTarget": self._deregister,
            "PutScalingPolicy": self._put_policy,
            "DescribeScalingPolicies": self._describe_policies,
        }

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Perform an operation of the API; ApiError if it refuses."""
        perform = self._operations.get(operation)
        if perform is None:
            text = f"The local Application Auto Scaling of Modelward does not implement the operation {operation}."
            raise ApiError("UnknownOperationException", text)
        checked = check(operation, request, SERVICE)
        dimension = checked.get("ScalableDimension", _SCALED[1])
        if (checked["ServiceNamespace"], dimension) != _SCALED:
            raise invalid("The local Application Auto Scaling of Modelward scales instances of endpoint variants only.")
        return perform(checked)

    def scales(self, endpoint: str, variant: str) -> bool:
        """Tell whether a variant of an endpoint is a scalable target."""
        return _key(f"endpoint/{endpoint}/variant/{variant}") in self._targets

    def forget(self, endpoint: str) -> None:
        """Deregister the variants of an endpoint that is no more."""
        for key in [each for each in self._targets if each.startswith(_key(f"endpoint/{endpoint}/variant/"))]:
            del self._targets[key]

    def arn_of(self, resource: str) -> str:
        """Return the ARN of a target; of one that is not registered yet, any."""
        target = self._targets.get(_key(resource))
        return str(target.fields["ScalableTargetARN"]) if target else self._arn(f"scalable-target/{self._made:032x}")

    def _arn(self, rest: str, service: str = SERVICE) -> str:
        return self._root.format(service) + rest

    def _register(self, request: dict[str, Any]) -> dict[str, Any]:
        resource = request["ResourceId"]
        known = self._targets.get(_key(resource))
        before = known.fields if known else {}
        fields = {**before, **{name: value for name, value in request.items() if name != "Tags"}}
        _check_limits(fields)
        self._check_resource(resource)
        if known is None:
            fields |= {"ScalableTargetARN": self.arn_of(resource), "CreationTime": self._clock()}
            self._made += 1
        self._targets[_key(resource)] = Target(fields, known.policies if known else {})
        return {"ScalableTargetARN": fields["ScalableTargetARN"]}

    def _check_resource(self, resource: str) -> None:
        parts = resource.split("/")
        if len(parts) != 4 or parts[::2] != ["endpoint", "variant"] or not self._has_variant(parts[1], parts[3]):
            raise invalid(f"There is no endpoint variant with the resource ID {resource}.")

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = [_key(each) for each in request.get("ResourceIds", self._targets)]
        return {"ScalableTargets": [target.fields for key, target in self._targets.items() if key in wanted]}

    def _deregister(self, request: dict[str, Any]) -> dict[str, Any]:
        self._find(request)
        del self._targets[_key(request["ResourceId"])]
        return {}

    def _put_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        target, name = self._find(request), request["PolicyName"]
        before = target.policies.get(name, {"CreationTime": self._clock(), "PolicyARN": self._policy_arn(request)})
        target.policies[name] = {**before, **request, "Alarms": []}
        return {"PolicyARN": before["PolicyARN"], "Alarms": []}

    def _policy_arn(self, request: Mapping[str, Any]) -> str:
        self._made += 1
        named = f"resource/sagemaker/{request['ResourceId']}:policyName/{request['PolicyName']}"
        return self._arn(f"scalingPolicy:{self._made:032x}:{named}", "autoscaling")

    def _describe_policies(self, request: dict[str, Any]) -> dict[str, Any]:
        found = [policy for target in self._targets.values() for policy in target.policies.values()]
        resource, names = request.get("ResourceId"), request.get("PolicyNames")
        found = [each for each in found if resource is None or _key(each["ResourceId"]) == _key(resource)]
        return {"ScalingPolicies": [each for each in found if names is None or each["PolicyName"] in names]}

    def _find(self, request: Mapping[str, Any]) -> Target:
        target = self._targets.get(_key(request["ResourceId"]))
        if target is None:
            namespace, resource, dimension = (request[name] for name in _NAMED)
            text = f"No scalable target registered for service namespace: {namespace}, resource ID: {resource}"
            raise ApiError("ObjectNotFoundException", f"{text}, scalable dimension: {dimension}")
        return target


def _key(resource: str) -> str:
    return resource.lower()  # SageMaker's names differ in more than case


def _check_limits(fields: Mapping[str, Any]) -> None:
    if not {"MinCapacity", "MaxCapacity"} <= fields.keys():
        raise invalid("MinCapacity and MaxCapacity must be given to register a new scalable target.")
    if fields["MinCapacity"] > fields["MaxCapacity"]:
        raise invalid("Maximum capacity cannot be less than minimum capacity.")
    if fields["MinCapacity"] < 1:
        raise invalid("The minimum capacity of an endpoint variant must be at least 1.")
