"""What one account may do in the other, where an environment has its own: two roles, by names that both sides know.

The registry's account keeps the first. Its resource policies could let a rollout read versions and write the ledger,
too, but not search, and not read parameters: SageMaker's Search and Parameter Store know no policies of resources. With
a role, the rollout has the same rights in the registry as it would have at home, one after the other, and CloudTrail
shows in one place what the environment did. Only what AWS itself reads with a role of the environment, the package and
its artifact, is shared by the policies of group, bucket and key.

The environment's account keeps the second, by which people see what an endpoint is about, and whether a rollout would
have what it needs; it changes nothing.
"""

from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from constructs import Construct

from modelward.config.accounts import models_role_arn, place_of, rollout_role_arn
from modelward.config.spec import RegistrySpec
from modelward.core.names import look_role, registry_role
from modelward_infra.grants import acknowledge_wildcards, allow
from modelward_infra.groups import ModelVersions
from modelward_infra.hosting import Endpoints
from modelward_infra.parameters import DeploymentParameters
from modelward_infra.registry import ModelRegistry

_QUOTAS = ("ListAWSDefaultServiceQuotas", "ListServiceQuotas")


@dataclass(frozen=True, slots=True)
class EnvironmentDoorProps:
    """The registry, how it is found, and the environment that comes in."""

    registry: ModelRegistry
    parameters: DeploymentParameters
    environment: str


class EnvironmentDoor(Construct):
    """The role in the registry's account that the rollout of an environment takes on, and nobody else."""

    def __init__(self, scope: Construct, construct_id: str, props: EnvironmentDoorProps) -> None:
        """Make the role."""
        super().__init__(scope, construct_id)
        spec = props.registry.spec
        guest = rollout_role_arn(spec, props.environment)
        trusted = iam.AccountPrincipal(place_of(spec, props.environment).account)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=trusted.with_conditions({"ArnEquals": {"aws:PrincipalArn": guest}}),
            description=f"Rollouts of {props.environment} read and record in the model registry {spec.name}",
            role_name=registry_role(spec.name, props.environment),
        )
        served = ModelVersions(self, "Served", sorted(spec.within(props.environment).models))
        served.grant_find(self.role)
        served.grant_update(self.role)
        props.registry.ledger.grant_append(self.role)
        props.registry.bucket.grant_read_smoke(self.role, sorted(spec.within(props.environment).models))
        props.parameters.grant_read(self.role)


@dataclass(frozen=True, slots=True)
class LookingProps:
    """The declaration, the environment, its endpoints, and the account whose people may look."""

    spec: RegistrySpec
    environment: str
    endpoints: Endpoints
    registry_account: str


class Looking(Construct):
    """The role in an environment's account by which people of the registry's see its endpoints, and what one needs.

    Their own account decides who of them may: it trusts the account as a whole.
    """

    def __init__(self, scope: Construct, construct_id: str, props: LookingProps) -> None:
        """Make the role."""
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.AccountPrincipal(props.registry_account),
            description=f"Endpoints of {props.environment}, to be looked at from the model registry {props.spec.name}",
            role_name=look_role(props.spec.name, props.environment),
        )
        props.endpoints.grant_read(self.role)
        self._grant_preflight(props)

    def _grant_preflight(self, props: LookingProps) -> None:
        """Allow to ask before a rollout whether its roles and quotas are as it needs them."""
        allow(self.role, ["iam:GetRole"], models_role_arn(props.spec, props.environment))
        allow(self.role, ["iam:SimulatePrincipalPolicy"], rollout_role_arn(props.spec, props.environment))
        allow(self.role, [f"servicequotas:{each}" for each in _QUOTAS], "*")
        acknowledge_wildcards(self.role, ["*"], "The actions that list quotas know no resources.")
