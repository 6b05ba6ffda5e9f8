"""Who deploys: roles that workflows of one GitHub repository take on, without any key that could leak.

GitHub signs a token for each job, and the token says of which repository and environment the job is. The roles trust
that and nothing else, by equality. They may do one thing: take on the roles that `cdk bootstrap` has made, which are
named one by one. Once this stack is deployed, by hand, everything else can be deployed by it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import CfnOutput, Environment, RemovalPolicy, Stack, Tags
from aws_cdk import aws_iam as iam
from constructs import Construct

from modelward.core.errors import InputError
from modelward_infra.flags import pin_flags
from modelward_infra.grants import allow

_ISSUER = "token.actions.githubusercontent.com"
_AUDIENCE = "sts.amazonaws.com"
# OWNER/NAME; since July 2026 GitHub adds numbers that are never used again: OWNER@123/NAME@456.
_REPOSITORY = re.compile(r"[\w.-]+(@\d+)?/[\w.-]+(@\d+)?", re.ASCII)
_ENVIRONMENT = re.compile(r"[\w./ -]+", re.ASCII)
_DEPLOYING = ("deploy", "file-publishing", "lookup")
_LOOKING = ("lookup",)


@dataclass(frozen=True, slots=True)
class GitHubRolesProps:
    """Which jobs are trusted, and where they deploy to.

    Args:
        repository: `OWNER/NAME`, or `OWNER@ID/NAME@ID`, as the `sub` of the repository's tokens has it.
        environment: The GitHub environment whose jobs deploy.
        targets: Other accounts and regions, bootstrapped with `--trust` of this account; none: this one only.
        is_provider_there: Whether the account knows GitHub's issuer already, of which it can have only one.
        qualifier: That of `cdk bootstrap`.
    """

    repository: str
    environment: str
    targets: Sequence[Environment] = ()
    is_provider_there: bool = False
    qualifier: str = "hnb659fds"


class GitHubRoles(Construct):
    """Two roles: `deploy` for the jobs of an environment, `diff` for those of pull requests, which can only look.

    A pull request runs code that nobody has reviewed, so its role reaches the bootstrap's lookup role alone: that one
    reads, and may not decrypt.
    """

    def __init__(self, scope: Construct, construct_id: str, props: GitHubRolesProps) -> None:
        """Make the roles, and the account's trust in GitHub where it is missing.

        Raises:
            InputError: repository or environment is not a name, so that no token could ever have it.
        """
        super().__init__(scope, construct_id)
        _check("repository", props.repository, _REPOSITORY, "it reads OWNER/NAME or OWNER@ID/NAME@ID")
        _check("environment", props.environment, _ENVIRONMENT, "it is the name of one GitHub environment")
        self._props = props
        self._provider_arn = self._find_provider()
        self.deploy = self._role("Deploy", f"environment:{props.environment}", _DEPLOYING)
        self.diff = self._role("Diff", "pull_request", _LOOKING)

    def _find_provider(self) -> str:
        if self._props.is_provider_there:
            return Stack.of(self).format_arn(service="iam", region="", resource="oidc-provider", resource_name=_ISSUER)
        provider = iam.OidcProviderNative(self, "GitHub", url=f"https://{_ISSUER}", client_ids=[_AUDIENCE])
        # Other stacks of the account come to trust it too.
        provider.apply_removal_policy(RemovalPolicy.RETAIN)
        return provider.oidc_provider_arn

    def _role(self, name: str, subject: str, bootstrap_roles: Sequence[str]) -> iam.Role:
        equals = {f"{_ISSUER}:aud": _AUDIENCE, f"{_ISSUER}:sub": f"repo:{self._props.repository}:{subject}"}
        role = iam.Role(
            self,
            name,
            description=f"Jobs of {self._props.repository}, {subject}",
            assumed_by=iam.WebIdentityPrincipal(self._provider_arn, conditions={"StringEquals": equals}),
        )
        allow(role, ["sts:AssumeRole"], *self._arns(bootstrap_roles))
        return role

    def _arns(self, bootstrap_roles: Sequence[str]) -> list[str]:
        here = Stack.of(self)
        places = [(here.account, here.region), *((str(each.account), str(each.region)) for each in self._props.targets)]
        return [
            here.format_arn(
                service="iam",
                region="",
                account=account,
                resource="role",
                resource_name=f"cdk-{self._props.qualifier}-{name}-role-{account}-{region}",
            )
            for account, region in places
            for name in bootstrap_roles
        ]


def _check(name: str, value: str, pattern: re.Pattern[str], rule: str) -> None:
    if not pattern.fullmatch(value):
        raise InputError(name, found=repr(value), rule=rule)


@dataclass(frozen=True, slots=True)
class DeployRoleStackProps:
    """Which jobs are trusted, and where the stack goes (None: where the deployer's credentials point)."""

    roles: GitHubRolesProps
    env: Environment | None = None


class DeployRoleStack(Stack):
    """The roles of `GitHubRoles` in a stack of their own; its outputs go into the repository's variables."""

    def __init__(self, scope: Construct, construct_id: str, props: DeployRoleStackProps) -> None:
        """Make the stack, protected from termination: without it, nobody deploys."""
        super().__init__(
            scope,
            construct_id,
            analytics_reporting=False,
            description=f"Who deploys: workflows of {props.roles.repository}",
            env=props.env,
            termination_protection=True,
        )
        pin_flags(self)
        Tags.of(self).add("modelward:repository", props.roles.repository)
        self.roles = GitHubRoles(self, "GitHub", props.roles)
        CfnOutput(self, "DeployRole", value=self.roles.deploy.role_arn, description="AWS_DEPLOY_ROLE")
        CfnOutput(self, "DiffRole", value=self.roles.diff.role_arn, description="AWS_DIFF_ROLE")
