"""What the settings of endpoints ask of the roles that run and make them; what nobody declares, no role may do."""

from collections.abc import Mapping, Sequence
from typing import cast

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from modelward.config import EndpointSpec
from modelward_infra.grants import accept_wildcards, acknowledge_wildcards, allow

_FOR_AWS = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
_BY_AWS = {"Bool": {"aws:ViaAWSService": "true"}}
_INSTANCES = {
    "StringEquals": {
        "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
        "application-autoscaling:service-namespace": "sagemaker",
    }
}
_SCALING = "sagemaker.application-autoscaling.amazonaws.com"
_SCALING_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
_ANY_TARGET = "Application Auto Scaling numbers its targets when it makes them; only instances of endpoints are meant."
_ANY_ALARM = "Application Auto Scaling tries these as its caller, and names its alarms itself."
_EACH_ALARM = "It reads states only, and a policy has no room for the names of thousands of alarms."
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


def allow_scaling(grantee: iam.IGrantable, scaled: Mapping[str, Sequence[str]]) -> None:
    """Allow to let the instances of endpoints be scaled, and what Application Auto Scaling tries as its caller then.

    Source: "Auto scaling prerequisites" of the SageMaker developer guide, narrowed to the endpoints; "Permissions
    validation for Application Auto Scaling API calls on target resources" of the Application Auto Scaling user guide.

    Args:
        grantee: Who makes endpoints.
        scaled: The ARNs of the endpoints that declare it, and of their configs, by type of resource; there may be none.
    """
    if not scaled["endpoint"]:
        return
    stack = Stack.of(cast("IConstruct", grantee.grant_principal))
    targets, alarms = _targets(stack), _alarms(stack)
    operations = ("PutScalingPolicy", "RegisterScalableTarget")
    allow(grantee, [f"application-autoscaling:{each}" for each in operations], targets, conditions=_INSTANCES)
    allow(grantee, ["sagemaker:UpdateEndpointWeightsAndCapacities"], *scaled["endpoint"], conditions=_BY_AWS)
    alarming = ("DeleteAlarms", "DescribeAlarms", "PutMetricAlarm")
    allow(grantee, [f"cloudwatch:{each}" for each in alarming], alarms, conditions=_BY_AWS)
    role = f"aws-service-role/{_SCALING}/{_SCALING_ROLE}"
    linked = stack.format_arn(service="iam", region="", resource="role", resource_name=role)
    named = {"StringEquals": {"iam:AWSServiceName": _SCALING}}
    allow(grantee, ["iam:CreateServiceLinkedRole"], linked, conditions=named)
    accept_wildcards(grantee, [alarms], _ANY_ALARM)


def allow_letting_be(grantee: iam.IGrantable, endpoints: Sequence[EndpointSpec]) -> None:
    """Allow to stop the scaling of endpoints on instances; SageMaker asks it of whoever deletes a scaled one, too.

    Source: "Delete endpoints configured for auto scaling" of the SageMaker developer guide.
    """
    if not any(each.instance_type for each in endpoints):
        return
    targets = _targets(Stack.of(cast("IConstruct", grantee.grant_principal)))
    allow(grantee, ["application-autoscaling:DeregisterScalableTarget"], targets, conditions=_INSTANCES)
    accept_wildcards(grantee, [targets], _ANY_TARGET)


def allow_watching(grantee: iam.IGrantable) -> None:
    """Allow to see alarms, which SageMaker asks of whoever lets them end a rollout.

    Source: "Auto-Rollback Configuration and Monitoring" of the SageMaker developer guide, which speaks of the
    execution role; who updates the endpoint gets it as well, since AWS does not say as whom it looks.
    """
    alarms = _alarms(Stack.of(cast("IConstruct", grantee.grant_principal)))
    allow(grantee, ["cloudwatch:DescribeAlarms"], alarms)
    accept_wildcards(grantee, [alarms], _EACH_ALARM)


def allow_reading_alarms(grantee: iam.IGrantable) -> None:
    """Allow to see which alarms are on.

    CloudWatch tells of composite alarms to those only who may see all (API reference, `DescribeAlarms`).
    """
    allow(grantee, ["cloudwatch:DescribeAlarms"], "*")
    accept_wildcards(grantee, ["*"], "CloudWatch's DescribeAlarms tells of composite alarms only without a resource.")


def allow_comparing(grantee: iam.IGrantable, tried: Sequence[str]) -> None:
    """Allow to shift calls between the two versions of a trial, and to read the figures of both.

    Args:
        grantee: Who makes endpoints, and sees which versions their configs serve.
        tried: The ARNs of the endpoints whose versions are tried; there may be none.
    """
    allow(grantee, ["sagemaker:UpdateEndpointWeightsAndCapacities"], *tried)
    if tried:
        allow(grantee, ["cloudwatch:GetMetricData"], "*")
        accept_wildcards(grantee, ["*"], "CloudWatch's GetMetricData knows no resources.")


def _targets(stack: Stack) -> str:
    return stack.format_arn(service="application-autoscaling", resource="scalable-target", resource_name="*")


def _alarms(stack: Stack) -> str:
    return stack.format_arn(
        service="cloudwatch", resource="alarm", resource_name="*", arn_format=ArnFormat.COLON_RESOURCE_NAME
    )


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
