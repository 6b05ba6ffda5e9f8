"""May a caller make a call? What it needs, against the caller's rights and the policies of the groups that it names."""

from collections.abc import Callable, Iterable, Iterator

from modelward.local.authorisation import Need, resource_keys
from modelward.local.ministack.evaluation import Asked, Denial, Rights, judge
from modelward.local.sagemaker import Look, SageMaker

_DEREGISTER = "application-autoscaling:DeregisterScalableTarget"
_SCALED = (
    "An Application AutoScaling scalable target exists for a variant being deleted, and the IAM identity used to invoke"
    f" DeleteEndpoint does not have {_DEREGISTER} permission to deregister the scalable target."
)
_INSTANCES = {
    "application-autoscaling:service-namespace": "sagemaker",
    "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
}
_STARTING = {"sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"}

Find = Callable[[str, str], SageMaker | None]
FindPolicy = Callable[[str], str | None]


def refuse(rights: Rights, needs: Iterable[Need], region: str, find: Find, key_policy: FindPolicy) -> Denial | None:
    """Return why a call is denied, None if it is not.

    Args:
        rights: the caller's.
        needs: what the call needs leave for.
        region: where it is made.
        find: gives the core of an account and region, None if nobody has used it yet.
        key_policy: gives the policy of a KMS key by its ARN, None if there is no such key.
    """
    wanted = [*needs]
    for need in [*wanted, *_grants(wanted, find), *_targets(wanted, find)]:
        denials = [
            _judged(rights, need, resource, region, _look(resource, find, key_policy)) for resource in need.resources
        ]
        refused = [denial for denial in denials if denial is not None]
        explicit = [denial for denial in refused if denial.is_explicit]
        if explicit or len(refused) == len(denials):
            denial = (explicit or refused)[0]
            is_scaled = need.action == _DEREGISTER
            return Denial("ValidationException", _SCALED, denial.is_explicit) if is_scaled else denial
    return None


def _grants(needs: Iterable[Need], find: Find) -> Iterator[Need]:
    """Who starts instances lets SageMaker use the key of their volumes: AWS asks the caller for the grant."""
    for need in needs:
        if need.action in _STARTING:
            keys = [_found(resource, find).volume_key for resource in need.resources]
            yield from (Need("kms:CreateGrant", (key,), {"kms:GrantIsForAWSResource": "true"}) for key in keys if key)


def _targets(needs: Iterable[Need], find: Find) -> Iterator[Need]:
    """Who deletes an endpoint that is scaled deregisters its targets."""
    for need in needs:
        if need.action == "sagemaker:DeleteEndpoint" and any(_found(each, find).is_scaled for each in need.resources):
            _, partition, _, region, account, _ = need.resources[0].split(":", 5)
            target = f"arn:{partition}:application-autoscaling:{region}:{account}:scalable-target/any"
            yield Need(_DEREGISTER, (target,), _INSTANCES)


def _judged(rights: Rights, need: Need, resource: str, region: str, look: Look) -> Denial | None:
    context = {**need.context, **resource_keys(look)}
    return judge(rights, Asked(need.action, resource, region, context), look.policy)


def _look(arn: str, find: Find, key_policy: FindPolicy) -> Look:
    return Look(policy=key_policy(arn)) if arn.split(":")[2:3] == ["kms"] else _found(arn, find)


def _found(arn: str, find: Find) -> Look:
    parts = arn.split(":", 5)
    core = find(parts[4], parts[3]) if len(parts) == 6 and parts[2] == "sagemaker" else None
    return core.look(arn) if core else Look()
