"""Application Auto Scaling behind MiniStack's port, which has none: HTTP and IAM around `scaling`.

Who registers a target or puts a policy needs leave for what Application Auto Scaling does on his behalf, too: it tries
SageMaker's and CloudWatch's operations as the caller (Docs: Permissions validation for Application Auto Scaling API
calls on target resources), and whoever registers the first target of an account makes its service-linked role.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

from modelward.local import ministack
from modelward.local.authorisation import Need
from modelward.local.ministack import access
from modelward.local.ministack.evaluation import Denial
from modelward.local.sagemaker import ApiError, wire
from modelward.local.sagemaker.errors import invalid
from modelward.local.sagemaker.scope import partition_of
from modelward.local.scaling import SERVICE, ScalableTargets

_TARGET = "AnyScaleFrontendService."
_PRINCIPAL = "sagemaker.application-autoscaling.amazonaws.com"
_ROLE = f"role/aws-service-role/{_PRINCIPAL}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
_ON_BEHALF = {"aws:ViaAWSService": "true"}
_LOOKED_AT = ("DescribeEndpoint", "DescribeEndpointConfig", "UpdateEndpointWeightsAndCapacities")
_ALARMS = ("DeleteAlarms", "DescribeAlarms", "PutMetricAlarm")

Find = Callable[[str, str], ScalableTargets]
ConfigOf = Callable[[str, str, str], str]


class ScalingFront:
    """Answers the requests of all accounts and regions."""

    def __init__(self, find: Find, config_of: ConfigOf) -> None:
        """Take who gives the targets of an account and region, and who names the config of an endpoint there."""
        self._find = find
        self._config_of = config_of
        self._has_role: set[str] = set()

    async def handle(
        self, _method: str, _path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> ministack.Response:
        """Answer one request."""
        operation, request = headers.get("x-amz-target", "").removeprefix(_TARGET), wire.members(body)
        targets = self._find(*ministack.scope())
        try:
            self._authorise(headers, query, operation, request, targets)
            answer = targets.call(operation, request)
        except ApiError as error:
            return wire.error_reply(error)
        if operation == "RegisterScalableTarget":
            self._has_role.add(ministack.scope()[0])
        return 200, {"Content-Type": wire.JSON, "x-amzn-RequestId": str(uuid4())}, wire.written(answer)

    def _authorise(
        self,
        headers: Mapping[str, str],
        query: Mapping[str, list[str]],
        operation: str,
        request: Mapping[str, Any],
        targets: ScalableTargets,
    ) -> None:
        def denied(need: Need) -> Denial | None:
            return access.authorise(headers, query, need.action, need.resources[0], need.context)

        own = denied(own_need(operation, request, targets))
        if own is not None:
            raise ApiError(own.code, own.message)
        missing = [need.action for need in self._needs(operation, request) if denied(need) is not None]
        if missing:
            raise invalid(f"User is missing the following permissions: {', '.join(missing)}")

    def _needs(self, operation: str, request: Mapping[str, Any]) -> Iterator[Need]:
        account, region = ministack.scope()
        endpoint = str(request.get("ResourceId")).split("/")[1:2]
        config = self._config_of(account, region, endpoint[0]) if endpoint else ""
        yield from behalf_needs(operation, f"arn:{partition_of(region)}:{{}}:{region}:{account}:", endpoint, config)
        if operation == "RegisterScalableTarget" and account not in self._has_role:
            yield role_need(f"arn:{partition_of(region)}:iam::{account}:")


def own_need(operation: str, request: Mapping[str, Any], targets: ScalableTargets) -> Need:
    """Say what a call itself needs; the operations that look know no resources."""
    arn = targets.arn_of(str(request.get("ResourceId"))) if not operation.startswith("Describe") else "*"
    return Need(f"{SERVICE}:{operation}", (arn,), keys_of(request))


def keys_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """Give the condition keys of a call."""
    members = {"service-namespace": "ServiceNamespace", "scalable-dimension": "ScalableDimension"}
    return {f"{SERVICE}:{key}": request[member] for key, member in members.items() if member in request}


def role_need(root: str) -> Need:
    """Say what whoever registers the first target of an account needs; `root` is what ARNs of IAM's begin with."""
    return Need("iam:CreateServiceLinkedRole", (root + _ROLE,), {"iam:AWSServiceName": _PRINCIPAL})


def behalf_needs(operation: str, root: str, endpoint: list[str], config: str) -> Iterator[Need]:
    """Say what Application Auto Scaling does as the caller.

    Args:
        operation: Of Application Auto Scaling.
        root: What ARNs begin with, with a place for the service.
        endpoint: The endpoint's name, if one is given.
        config: Its config's name, empty if there is none.
    """
    if operation == "RegisterScalableTarget" and endpoint:
        for name in _LOOKED_AT:
            kind, named = ("endpoint-config", config) if name.endswith("Config") else ("endpoint", endpoint[0])
            resource = f"{root.format('sagemaker')}{kind}/{named.lower()}"
            yield Need(f"sagemaker:{name}", (resource,), _ON_BEHALF)
    if operation == "PutScalingPolicy":
        alarm = f"{root.format('cloudwatch')}alarm:TargetTracking-{'/'.join(['endpoint', *endpoint])}"
        yield from (Need(f"cloudwatch:{name}", (alarm,), _ON_BEHALF) for name in _ALARMS)
