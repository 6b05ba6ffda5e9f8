"""What the settings of endpoints ask of the roles that run and make them; what nobody declares, no role may do."""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from modelward.config import EndpointSpec
from modelward_infra.grants import acknowledge_wildcards, allow

_FOR_AWS = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
_LOOKS = ("DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")
_ANY_INTERFACE = "EC2 names an interface when it makes it; its subnet and security groups are the declared ones."


def allow_running(role: iam.Role, endpoints: Sequence[EndpointSpec]) -> None:
    """Allow the role of running models to encrypt their volumes and to join their VPCs, as declared.

    Source: "How to use SageMaker AI execution roles" of the SageMaker developer guide; that a role needs grants on
    volume keys is in the API reference (`CreateEndpointConfig`, `RecommendationJobInputConfig`).
    """
    allow(role, ["kms:CreateGrant"], *_volume_keys(endpoints), conditions=_FOR_AWS)
    if any(each.vpc for each in endpoints):
        _allow_interfaces(role, endpoints)


def allow_making(grantee: iam.IGrantable, endpoints: Sequence[EndpointSpec]) -> None:
    """Allow who makes endpoints what `CreateEndpoint` demands of the caller, where an endpoint has a volume key.

    Source: "Actions, permissions, and resources reference" of the SageMaker developer guide.
    """
    allow(grantee, ["kms:CreateGrant"], *_volume_keys(endpoints), conditions=_FOR_AWS)


def _volume_keys(endpoints: Sequence[EndpointSpec]) -> list[str]:
    return sorted({each.volume_key_arn for each in endpoints if each.volume_key_arn})


def _allow_interfaces(role: iam.Role, endpoints: Sequence[EndpointSpec]) -> None:
    vpcs = [each.vpc for each in endpoints if each.vpc]
    subnets = _arns(role, "subnet", {each for vpc in vpcs for each in vpc.subnets})
    groups = _arns(role, "security-group", {each for vpc in vpcs for each in vpc.security_groups})
    interfaces = _arns(role, "network-interface", {"*"})
    inside = {"ArnEquals": {"ec2:Subnet": subnets}}
    allow(role, ["ec2:CreateNetworkInterface"], *interfaces, *groups, *subnets)
    allow(role, ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface"], *interfaces, conditions=inside)
    allow(role, ["ec2:DeleteNetworkInterfacePermission"], *interfaces)
    allow(role, [f"ec2:Describe{each}" for each in _LOOKS], "*")
    acknowledge_wildcards(role, interfaces, _ANY_INTERFACE)


def _arns(role: iam.Role, kind: str, names: set[str]) -> list[str]:
    return [Stack.of(role).format_arn(service="ec2", resource=kind, resource_name=name) for name in sorted(names)]
