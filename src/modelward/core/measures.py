"""What the functions tell CloudWatch of their work: the names that they and the alarms of the stacks share."""

from enum import StrEnum

NAMESPACE = "Modelward"
REGISTRY, ENVIRONMENT, SERVICE = "registry", "environment", "service"
"""Dimensions. Powertools adds the service, which is the handler that tells."""
TELLER = "reconcile"


class Measure(StrEnum):
    """A metric of the reconciler; each carries the registry and the service as dimensions."""

    SWEEPS = "Sweeps"
    """A sweep was begun: 1 each time."""
    OUT_OF_STEP = "OutOfStep"
    """For how many seconds an environment (a dimension) has not served what it should; not told while it does."""
    UNHEARD = "Unheard"
    """How many changes of versions a sweep found that no event had told of in time; not told when there are none."""
