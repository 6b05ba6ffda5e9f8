"""The runtime: which variant answers a request, and how its answer is told."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from modelward.local.sagemaker.alarms import Datum, Watch
from modelward.local.sagemaker.asynchronous import Call, Queue, model_failure
from modelward.local.sagemaker.captures import Captures, Payload
from modelward.local.sagemaker.endpoints import Endpoints
from modelward.local.sagemaker.errors import ApiError
from modelward.local.sagemaker.fleets import Variant
from modelward.local.sagemaker.interface import Hosting
from modelward.local.sagemaker.rollouts import Share
from modelward.local.sagemaker.scope import Scope

LARGEST_BODY = 6 * 1024 * 1024
LARGEST_SERVERLESS_BODY = 4 * 1024 * 1024

_MICROSECOND = timedelta(microseconds=1)


class Runtime:
    """InvokeEndpoint for the endpoints of an account and region.

    Traffic is split by weight without chance: each request goes to the variant that is furthest behind its share. Each
    request that reaches a container is measured, by variant and by variant and config.
    """

    def __init__(self, scope: Scope, endpoints: Endpoints, hosting: Hosting, watch: Watch, captures: Captures) -> None:
        self._scope = scope
        self._endpoints = endpoints
        self._hosting = hosting
        self._watch = watch
        self._captures = captures
        self._credit: dict[str, dict[str, float]] = {}
        self._copied: dict[str, float] = {}

    def choose(self, request: Mapping[str, Any], body: bytes) -> Variant:
        """Decide which variant answers."""
        _check_size(body, LARGEST_BODY)
        name = request["EndpointName"]
        shares = self._endpoints.serving(name)
        if not shares:
            raise _refused(f"Endpoint {name} of account {self._scope.account} not found.")
        _check_kind(shares, name)
        if any(variant.serverless for variant, _ in shares):
            _check_size(body, LARGEST_SERVERLESS_BODY)
        target = request.get("TargetVariant")
        return self._by_weight(name, self._targeted(shares, target, name) if target else shares)

    def shadows(self, request: Mapping[str, Any]) -> list[Variant]:
        """Decide which shadows get a copy of a request: as large a part as their weight is of the others' weights."""
        name = request["EndpointName"]
        total = sum(weight for _, weight in self._endpoints.serving(name))
        return [each for each in self._endpoints.shadows(name) if self._is_copied(each, each.weight / (total or 1))]

    def _is_copied(self, shadow: Variant, part: float) -> bool:
        credit = self._copied.get(shadow.key, 0.0) + min(1.0, part)
        self._copied[shadow.key] = credit % 1 if credit < 2 else 0.0
        return credit >= 1

    def copy(self, shadow: Variant, request: Mapping[str, Any], body: bytes) -> None:
        """Have a shadow's container answer, too: it is measured, and nobody hears."""
        asked_at = self._scope.now()
        status, _, _ = self._hosting.invoke(shadow.key, body, request.get("ContentType", ""), request.get("Accept", ""))
        answered_at = self._scope.now()
        self._measure(shadow, status, answered_at - asked_at, timedelta(0), answered_at)

    def choose_later(self, name: str) -> Variant:
        """Decide which variant answers a call that waits, and where its answer goes."""
        shares = self._endpoints.serving(name)
        if not shares:
            raise _refused(f"Endpoint {name} of account {self._scope.account} not found.")
        _check_kind(shares, name, is_asynchronous=True)
        return self._by_weight(name, shares)

    def answer_later(self, variant: Variant, call: Call, queue: Queue) -> None:
        """Have a variant's container answer a call that has waited; nobody waits for it any more."""
        try:
            body = queue.read(call, variant)
        except OSError as error:
            queue.failed(call, variant, f"ClientError: the input could not be read: {error}")
            return
        asked_at, request = self._scope.now(), call.request
        status, content_type, answer = self._hosting.invoke(
            variant.key, body, request.get("ContentType", ""), request.get("Accept", ""), call.limit_s
        )
        self._measure(variant, status, self._scope.now() - asked_at, timedelta(), self._scope.now())
        if status >= 400:
            queue.failed(call, variant, model_failure(status), answer)
        else:
            queue.answered(call, variant, content_type, answer)

    def answer(
        self, variant: Variant, request: Mapping[str, Any], body: bytes, arrived_at: datetime
    ) -> tuple[dict[str, str], bytes]:
        """Have a variant's container answer; a status that is not a success is a ModelError."""
        asked_at = self._scope.now()
        status, content_type, answer = self._hosting.invoke(
            variant.key, body, request.get("ContentType", ""), request.get("Accept", "")
        )
        answered_at = self._scope.now()
        self._measure(variant, status, answered_at - asked_at, asked_at - arrived_at, answered_at)
        if status >= 400:
            raise self._model_error(request["EndpointName"], status, answer.decode(errors="replace"))
        asked = Payload(request.get("ContentType", ""), body)
        self._captures.take(variant, asked, Payload(content_type, answer), answered_at)
        return {"ContentType": content_type, "InvokedProductionVariant": variant.name}, answer

    def _targeted(self, shares: list[Share], target: str, name: str) -> list[Share]:
        found = [(variant, weight) for variant, weight in shares if variant.name == target]
        if not found:
            raise _refused(f"Variant {target} not found for Endpoint {name} of account {self._scope.account}.")
        return found

    def _by_weight(self, name: str, shares: list[Share]) -> Variant:
        total = sum(weight for _, weight in shares)
        before = self._credit.setdefault(name, {})
        credit = {
            variant.key: before.get(variant.key, 0.0) + (weight / total if total else 1 / len(shares))
            for variant, weight in shares
        }
        chosen = max((variant for variant, _ in shares), key=lambda variant: credit[variant.key])
        credit[chosen.key] -= 1.0
        self._credit[name] = credit
        return chosen

    def _measure(self, variant: Variant, status: int, in_model: timedelta, before: timedelta, at: datetime) -> None:
        by_variant = {"EndpointName": variant.hosted.endpoint_name, "VariantName": variant.name}
        by_config = {**by_variant, "EndpointConfigName": variant.hosted.endpoint_config_name}
        for name, value, unit in _measured(variant, status, in_model, before):
            for dimensions in (by_variant, by_config):
                self._watch.put(Datum(name, value, unit, dimensions, at))

    def _model_error(self, endpoint_name: str, status: int, message: str) -> ApiError:
        side = "server" if status >= 500 else "client"
        region, account = self._scope.region, self._scope.account
        log_group = f"/aws/sagemaker/Endpoints/{endpoint_name}"
        return ApiError(
            "ModelError",
            f'Received {side} error ({status}) from primary with message "{message}". See '
            f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={log_group} "
            f"in account {account} for more information.",
            424,
            {
                "OriginalStatusCode": status,
                "OriginalMessage": message,
                "LogStreamArn": f"arn:aws:logs:{region}:{account}:log-group:{log_group}",
            },
        )


def _measured(
    variant: Variant, status: int, in_model: timedelta, before: timedelta
) -> Iterator[tuple[str, float, str]]:
    if not variant.asynchronous:
        yield "Invocations", 1, "None"
        yield "InvocationsPerInstance", 1 / (variant.count or 1), "None"
        yield "OverheadLatency", before / _MICROSECOND, "Microseconds"
    yield "Invocation4XXErrors", float(400 <= status < 500), "None"
    yield "Invocation5XXErrors", float(status >= 500), "None"
    yield "ModelLatency", in_model / _MICROSECOND, "Microseconds"


def _check_kind(shares: list[Share], name: str, *, is_asynchronous: bool = False) -> None:
    if any(bool(variant.asynchronous) != is_asynchronous for variant, _ in shares):
        only = "real-time" if is_asynchronous else "asynchronous"
        raise _refused(f"Endpoint {name} only supports {only} invocations.")


def _check_size(body: bytes, largest: int) -> None:
    if len(body) > largest:
        raise _refused(
            "1 validation error detected: Value at 'body' failed to satisfy constraint: "
            f"Member must have length less than or equal to {largest}"
        )


def _refused(message: str) -> ApiError:
    return ApiError("ValidationError", message)
