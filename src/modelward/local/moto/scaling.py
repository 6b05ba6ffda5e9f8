"""What SageMaker asks of Application Auto Scaling, which moto keeps.

moto's takes most of a second to import, so nobody is asked where nobody has used it: then nothing is registered.
"""

import sys
from typing import Any

_MODULE = "moto.applicationautoscaling.models"
_DIMENSION = "sagemaker:variant:DesiredInstanceCount"


class MotoScaling:
    """The scalable targets of an account and region."""

    def __init__(self, account: str, region: str) -> None:
        self._account = account
        self._region = region

    def scales(self, endpoint: str, variant: str) -> bool:
        """Tell whether a variant of an endpoint is a scalable target."""
        return f"endpoint/{endpoint}/variant/{variant}".lower() in map(str.lower, self._targets)

    def forget(self, endpoint: str) -> None:
        """Deregister the variants of an endpoint that is no more."""
        prefix = f"endpoint/{endpoint}/".lower()
        for resource in [each for each in self._targets if each.lower().startswith(prefix)]:
            self._backend.deregister_scalable_target("sagemaker", resource, _DIMENSION)

    @property
    def _backend(self) -> Any:
        return sys.modules[_MODULE].applicationautoscaling_backends[self._account][self._region]

    @property
    def _targets(self) -> dict[str, Any]:
        return self._backend.targets.get(_DIMENSION, {}) if _MODULE in sys.modules else {}
