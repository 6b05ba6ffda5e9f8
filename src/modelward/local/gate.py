"""May a caller make a call? What it needs, against the caller's rights and the policies of the groups that it names."""

from collections.abc import Callable, Iterable

from modelward.local.authorisation import Need, resource_keys
from modelward.local.ministack.evaluation import Asked, Denial, Rights, judge
from modelward.local.sagemaker import Look, SageMaker

Find = Callable[[str, str], SageMaker | None]


def refuse(rights: Rights, needs: Iterable[Need], region: str, find: Find) -> Denial | None:
    """Return why a call is denied, None if it is not.

    Args:
        rights: the caller's.
        needs: what the call needs leave for.
        region: where it is made.
        find: gives the core of an account and region, None if nobody has used it yet.
    """
    for need in needs:
        denials = [_judged(rights, need, resource, region, find) for resource in need.resources]
        refused = [denial for denial in denials if denial is not None]
        explicit = [denial for denial in refused if denial.is_explicit]
        if explicit or len(refused) == len(denials):
            return (explicit or refused)[0]
    return None


def _judged(rights: Rights, need: Need, resource: str, region: str, find: Find) -> Denial | None:
    look = _look(resource, find)
    context = {**need.context, **resource_keys(look)}
    return judge(rights, Asked(need.action, resource, region, context), look.policy)


def _look(arn: str, find: Find) -> Look:
    parts = arn.split(":", 5)
    core = find(parts[4], parts[3]) if len(parts) == 6 and parts[2] == "sagemaker" else None
    return core.look(arn) if core else Look()
