"""Answers in moto's form: what the core knows goes to the core, the rest to moto."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ReadTimeoutError
from moto.core.responses import BaseResponse
from moto.core.utils import camelcase_to_underscores, method_names_from_class
from moto.sagemaker.responses import SageMakerResponse as MotoSageMakerResponse
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse as MotoRuntimeResponse
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from modelward.local.authorisation import is_foreign, needs
from modelward.local.moto.models import core
from modelward.local.sagemaker import ApiError, Caller, SageMaker, UnansweredError
from modelward.local.sagemaker.errors import unsupported
from modelward.local.sagemaker.search import SEARCHABLE
from modelward.local.sagemaker.tags import TAGGABLE
from modelward.local.sagemaker.wire import (
    Reply,
    error_reply,
    handle_async_invocation,
    handle_http,
    handle_invocation,
    invoked,
    members,
    runtime_error_reply,
)

# Operations that also serve resources which only moto keeps: told apart by what the request names.
_INVOCATIONS = {"InvokeEndpoint": handle_invocation, "InvokeEndpointAsync": handle_async_invocation}
_TAGGING = {"AddTags", "ListTags", "DeleteTags"}


class _LocalResponse(BaseResponse):
    """What both services need to know of a request, from what moto has parsed."""

    current_account: str
    region: str
    access_key: str
    uri: str
    response_headers: dict[str, Any]

    @property
    def _core(self) -> SageMaker:
        return core(self.current_account, self.region)

    @property
    def _caller(self) -> Caller:
        sts = sts_backends[self.current_account][get_partition(self.region)]
        principal_id, arn, account = sts.get_caller_identity(self.access_key, self.region)
        return Caller(arn, principal_id, account)

    def _refusal(self, operation: str, request: Mapping[str, Any]) -> ApiError | None:
        """Return why a call is denied; moto's switch decides whether identities are asked."""
        signed: list[Any] = []

        def sign(**known: Any) -> Any:
            from modelward.local.moto.access import SignedRequest  # only where it is asked for: it takes a moment

            signed.append(SignedRequest(**known))
            return signed[0]

        try:
            make: Any = sign  # moto wants a class, and calls it
            self._authenticate_and_authorize_action(make)
        except ApiError as error:
            return error
        root = f"arn:{get_partition(self.region)}:sagemaker:{self.region}:{self.current_account}:"
        wanted = needs(operation, request, root)
        if not signed and not any(is_foreign(need, self.current_account) for need in wanted):
            return None
        from modelward.local.moto.access import refuse

        denial = refuse(signed[0] if signed else None, self._caller, wanted, self.region)
        return ApiError(denial.code, denial.message) if denial else None

    def _sent(self, reply: Reply) -> tuple[int, dict[str, Any], bytes]:
        status, headers, body = reply
        return status, {**self.response_headers, **headers}, body

    def _lost(self) -> ReadTimeoutError:
        return ReadTimeoutError(endpoint_url=self.uri)


class SageMakerResponse(_LocalResponse, MotoSageMakerResponse):
    """The SageMaker API."""

    def __init__(self) -> None:
        super().__init__()
        self.automated_parameter_parsing = False  # only what goes to moto needs it

    def call_action(self) -> Any:
        """Answer a request."""
        operation = self._get_action()
        if self._is_ours(operation):
            return self._sent(self._local(operation))
        if camelcase_to_underscores(operation) not in method_names_from_class(MotoSageMakerResponse):
            return self._sent(error_reply(unsupported(operation)))
        self.automated_parameter_parsing = True
        self.parse_parameters(self.normalized_request)
        return super().call_action()

    def _is_ours(self, operation: str) -> bool:
        if operation not in self._core.operations:
            return False
        if operation in _TAGGING:
            return _kind(json.loads(self.body).get("ResourceArn")) in TAGGABLE
        return operation != "Search" or json.loads(self.body).get("Resource") in SEARCHABLE

    def _local(self, operation: str) -> Reply:
        refusal = self._refusal(operation, members(self.raw_body))
        if refusal is not None:
            return error_reply(refusal)
        try:
            return handle_http(self._core, operation, self.raw_body, self._caller)
        except UnansweredError:
            raise self._lost() from None


def _kind(arn: Any) -> str:
    return str(arn).rpartition(":")[2].partition("/")[0]


class SageMakerRuntimeResponse(_LocalResponse, MotoRuntimeResponse):
    """The SageMaker runtime."""

    use_raw_body = True

    def call_action(self) -> Any:
        """Answer a request: have the endpoint's container do it, or leave it to moto."""
        operation = self._get_action()
        if camelcase_to_underscores(operation) not in method_names_from_class(MotoRuntimeResponse):
            return self._sent(error_reply(unsupported(operation)))
        answer = _INVOCATIONS.get(operation)
        if answer is None:
            return super().call_action()
        headers: Mapping[str, str] = self.headers
        name = self.path.split("/")[2]
        refusal = self._refusal(operation, invoked(name, headers))
        if refusal is not None:
            return self._sent(runtime_error_reply(ApiError(refusal.code, refusal.message, status=403)))
        try:
            return self._sent(answer(self._core, name, headers, self.raw_body, self._caller))
        except UnansweredError:
            raise self._lost() from None
