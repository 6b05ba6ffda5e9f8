"""moto's Application Auto Scaling, put right where AWS answers otherwise: for whoever lets the reconciler use it."""

from typing import Any

from moto.applicationautoscaling import urls
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend, applicationautoscaling_backends
from moto.core.exceptions import JsonRESTError


class ScalingBackend(ApplicationAutoscalingBackend):
    """A target takes its policies along; one that is not there is not found."""

    @property
    def _url_module(self) -> Any:
        return urls  # moto looks for them beside the module of the class

    def deregister_scalable_target(self, namespace: str, r_id: str, dimension: str) -> None:
        """Deregister a target with its policies."""
        self._find(namespace, r_id, dimension)
        super().deregister_scalable_target(namespace, r_id, dimension)
        self.policies = {key: policy for key, policy in self.policies.items() if policy.resource_id != r_id}

    def put_scaling_policy(
        self,
        policy_name: str,
        service_namespace: str,
        resource_id: str,
        scalable_dimension: str,
        policy_body: dict[str, Any],
        policy_type: str | None,
    ) -> Any:
        """Put a policy on a target that is there."""
        self._find(service_namespace, resource_id, scalable_dimension)
        named = (policy_name, service_namespace, resource_id, scalable_dimension)
        return super().put_scaling_policy(*named, policy_body, policy_type)

    def _find(self, namespace: str, resource: str, dimension: str) -> None:
        if not self._scalable_target_exists(resource, dimension):
            text = f"No scalable target registered for service namespace: {namespace}, resource ID: {resource}"
            raise JsonRESTError("ObjectNotFoundException", f"{text}, scalable dimension: {dimension}")


def use() -> None:
    """Let moto make its backends from ours, for every mock of this process."""
    if applicationautoscaling_backends.backend is not ScalingBackend:
        applicationautoscaling_backends.backend = ScalingBackend
        applicationautoscaling_backends.clear()
