"""Permissions, and the findings about them that are meant."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from aws_cdk import Acknowledgment, CfnResource, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from modelward.core.place import Place

# The CDK spreads a long policy over several, statement by statement, so no statement may be longer than one policy.
_RESOURCES_PER_STATEMENT = 12


def allow(
    grantee: iam.IGrantable, actions: Sequence[str], *resources: str, conditions: Mapping[str, Any] | None = None
) -> None:
    """Allow actions on resources; on no resources it allows nothing."""
    for some in _statements(resources):
        iam.Grant.add_to_principal(
            grantee=grantee, actions=list(actions), resource_arns=some, conditions=conditions and dict(conditions)
        )


def deny(
    grantee: iam.IGrantable, actions: Sequence[str], *resources: str, conditions: Mapping[str, Any] | None = None
) -> None:
    """Deny actions on resources, whatever else allows them; on no resources it denies nothing."""
    for some in _statements(resources):
        statement = iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=list(actions),
            resources=some,
            conditions=conditions and dict(conditions),
        )
        grantee.grant_principal.add_to_principal_policy(statement)


def from_abroad(role_arn: str, actions: Sequence[str], *resources: str) -> iam.PolicyStatement:
    """Make a statement of a resource policy that lets in one role of another account.

    Its account is the principal and the role a condition: a policy that names a role is refused while there is none,
    and turns into a dead number when the role is made anew (IAM, "Principal").
    """
    return iam.PolicyStatement(
        principals=[iam.AccountPrincipal(Place.of(role_arn).account)],
        actions=list(actions),
        resources=list(resources),
        conditions={"ArnEquals": {"aws:PrincipalArn": role_arn}},
    )


def _statements(resources: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(resources), _RESOURCES_PER_STATEMENT):
        yield list(resources[start : start + _RESOURCES_PER_STATEMENT])


def acknowledge(scope: IConstruct, rule: str, reason: str) -> None:
    """Accept a rule's finding of cdk-nag on a construct and those below it."""
    Validations.of(scope).acknowledge(Acknowledgment(id=rule, reason=reason))


def acknowledge_lint(resource: IConstruct, *rules: str) -> None:
    """Accept findings of cfn-lint on the resource of a construct; the reason is told beside the call."""
    cast("CfnResource", resource.node.default_child).add_metadata("cfn-lint", {"config": {"ignore_checks": [*rules]}})


def acknowledge_checkov(resource: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accept findings of checkov on the resource of a construct, in the template, where whoever runs it sees why."""
    skipped = [{"id": rule, "comment": reason} for rule, reason in reasons.items()]
    cast("CfnResource", resource.node.default_child).add_metadata("checkov", {"skip": skipped})


def acknowledge_wildcards(role: IConstruct, resources: Iterable[str], reason: str) -> None:
    """Accept that a role's own policies name these resources with a wildcard; any other is still found."""
    for resource in resources:
        if "*" in resource:
            text = _as_reported(Stack.of(role).resolve(resource))
            acknowledge(role, f"AwsSolutions-IAM5[Resource::{text}]", reason)


def accept_wildcards(grantee: iam.IGrantable, resources: Iterable[str], reason: str) -> None:
    """Accept the wildcards of what is granted: cdk-nag would find them, and they are meant.

    Of a principal that is no construct, such as a service, there is nothing to accept.
    """
    principal = cast("IConstruct", grantee.grant_principal)
    if hasattr(principal, "node"):
        acknowledge_wildcards(principal, resources, reason)


def across(scope: IConstruct, value: str, owner: IConstruct) -> str:
    """Write a value of one stack as a construct of another one sees it: as an import, once it is synthesized."""
    home = Stack.of(owner)
    return value if Stack.of(scope) is home else str(home.export_value(value))


def _as_reported(value: Any) -> str:
    """Write an intrinsic the way cdk-nag writes it in the id of a finding."""
    if isinstance(value, str):
        return value
    [(function, argument)] = value.items()
    if function == "Fn::Join":
        separator, parts = argument
        return str(separator).join(_as_reported(part) for part in parts)
    if function == "Fn::ImportValue":
        return str(argument)
    named = ".".join(argument) if isinstance(argument, list) else str(argument)
    return f"<{named}>"
