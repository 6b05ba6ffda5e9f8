"""Who may call the SageMaker of a mock: policies as moto's IAM keeps them, judged by MiniStack's evaluator.

moto's own enforcement, where a test switches it on (`set_initial_no_auth_action_count`), knows neither resources nor
conditions; so it authenticates a request here, and no more. Without it whoever calls may do everything in their own
account, and in another account what that account's group policies allow.
"""

from typing import Any, NoReturn

from moto.iam.access_control import AssumedRoleAccessKey, IAMRequest
from moto.iam.models import ManagedPolicy
from moto.kms.models import kms_backends
from moto.sts.models import sts_backends

from modelward.local import gate
from modelward.local.authorisation import Need, is_foreign
from modelward.local.ministack.evaluation import BOUNDARY, SESSION, Denial, Rights, everything, parsed
from modelward.local.moto.models import known_core
from modelward.local.sagemaker import ApiError, Caller


class SignedRequest(IAMRequest):
    """A request that moto authenticates, in the form that its mixin wants, with SageMaker's errors."""

    @property
    def rights(self) -> Rights:
        """What the signer may do."""
        if isinstance(self._access_key, AssumedRoleAccessKey):
            return self._rights_of_session()
        user = self.backend.get_user(self._access_key._owner_user_name)  # noqa: SLF001 - moto tells it nowhere else
        holders = [user, *self.backend.get_groups_for_user(user.name)]
        keys = {"aws:username": user.name, "aws:userid": user.id, **_tags(self.backend.list_user_tags(user.name))}
        return Rights(user.arn, "User", self.account_id, _granted(*holders), keys=keys)

    def _rights_of_session(self) -> Rights:
        sessions = sts_backends[self.account_id][self._access_key.partition]
        key = self._access_key._access_key_id  # noqa: SLF001 - as above
        session = next(each for each in sessions.assumed_roles if each.access_key_id == key)
        role = next((each for each in self.backend.roles.values() if each.arn == session.role_arn), None)
        if role is None:  # moto lets anybody assume roles that do not exist
            return Rights(session.arn, "AssumedRole", self.account_id, [])
        limits = {}
        if role.permissions_boundary_arn:
            limits[BOUNDARY] = parsed([_document(self.backend.get_policy(role.permissions_boundary_arn))])
        if session.policy:
            limits[SESSION] = parsed([session.policy])
        keys = {"aws:userid": session.user_id, "aws:principalarn": role.arn, **_tags(role.tags)}
        return Rights(session.arn, "AssumedRole", self.account_id, _granted(role), limits, keys)

    def check_action_permitted(self, resource: str) -> None:
        """Leave it to `refuse`."""

    def _raise_signature_does_not_match(self) -> NoReturn:
        raise ApiError("InvalidSignatureException", "The request signature we calculated does not match.")

    def _raise_invalid_access_key(self, _reason: str) -> NoReturn:
        raise ApiError("UnrecognizedClientException", "The security token included in the request is invalid.")


def refuse(signed: SignedRequest | None, caller: Caller, needs: tuple[Need, ...], region: str) -> Denial | None:
    """Return why a call is denied; `signed` is None where moto's enforcement is off."""
    if signed is not None:
        return gate.refuse(signed.rights, needs, region, known_core, _key_policy)
    foreign = [need for need in needs if is_foreign(need, caller.account)]
    rights = Rights(caller.arn, "User", caller.account, everything())
    return gate.refuse(rights, foreign, region, known_core, _key_policy)


def _key_policy(arn: str) -> str | None:
    account, region, key = arn.split(":")[4], arn.split(":")[3], arn.rpartition("/")[2]
    found = kms_backends[account][region].keys.get(key)
    return str(found.policy) if found else None


def _granted(*holders: Any) -> Any:
    return parsed(
        document
        for holder in holders
        for document in [*holder.policies.values(), *map(_document, holder.managed_policies.values())]
    )


def _document(policy: ManagedPolicy) -> Any:
    return next(version.document for version in policy.versions if version.is_default)


def _tags(kept: list[dict[str, str]]) -> dict[str, str]:
    return {f"aws:principaltag/{tag['Key'].lower()}": tag["Value"] for tag in kept}
