"""The runtime: which variant answers a request, and how its answer is told."""

from collections.abc import Mapping
from typing import Any

from modelward.local.sagemaker.endpoints import Endpoints
from modelward.local.sagemaker.errors import ApiError
from modelward.local.sagemaker.fleets import Fleet, Variant
from modelward.local.sagemaker.interface import Hosting
from modelward.local.sagemaker.scope import Scope

LARGEST_BODY = 6_291_456


class Runtime:
    """InvokeEndpoint for the endpoints of an account and region.

    Traffic is split by weight without chance: each request goes to the variant that is furthest behind its share.
    """

    def __init__(self, scope: Scope, endpoints: Endpoints, hosting: Hosting) -> None:
        self._scope = scope
        self._endpoints = endpoints
        self._hosting = hosting
        self._credit: dict[str, dict[str, float]] = {}

    def choose(self, request: Mapping[str, Any], body: bytes) -> Variant:
        """Decide which variant answers."""
        if len(body) > LARGEST_BODY:
            raise _refused(
                "1 validation error detected: Value at 'body' failed to satisfy constraint: "
                f"Member must have length less than or equal to {LARGEST_BODY}"
            )
        name = request["EndpointName"]
        fleet = self._endpoints.serving(name)
        if fleet is None:
            raise _refused(f"Endpoint {name} of account {self._scope.account} not found.")
        target = request.get("TargetVariant")
        return self._targeted(fleet, target, name) if target else self._by_weight(name, fleet)

    def answer(self, variant: Variant, request: Mapping[str, Any], body: bytes) -> tuple[dict[str, str], bytes]:
        """Have a variant's container answer; a status that is not a success is a ModelError."""
        status, content_type, answer = self._hosting.invoke(
            variant.key, body, request.get("ContentType", ""), request.get("Accept", "")
        )
        if status >= 400:
            raise self._model_error(request["EndpointName"], status, answer.decode(errors="replace"))
        return {"ContentType": content_type, "InvokedProductionVariant": variant.name}, answer

    def _targeted(self, fleet: Fleet, target: str, name: str) -> Variant:
        variant = fleet.find(target)
        if variant is None or variant.is_shadow:
            raise _refused(f"Variant {target} not found for Endpoint {name} of account {self._scope.account}.")
        return variant

    def _by_weight(self, name: str, fleet: Fleet) -> Variant:
        variants = fleet.production
        total = sum(variant.weight for variant in variants)
        before = self._credit.get(name, {})
        credit = {
            variant.key: before.get(variant.key, 0.0) + (variant.weight / total if total else 1 / len(variants))
            for variant in variants
        }
        chosen = max(variants, key=lambda variant: credit[variant.key])
        credit[chosen.key] -= 1.0
        self._credit[name] = credit
        return chosen

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


def _refused(message: str) -> ApiError:
    return ApiError("ValidationError", message)
