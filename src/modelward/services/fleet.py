"""What servers of our own run: told by them, read by `status`."""

from modelward.core.fleet import NOTHING, Fleet
from modelward.core.measures import REGISTRY
from modelward.services.context import Context


def tell_served(context: Context, model: str, stage: str, version: int | None) -> None:
    """Tell which version a server runs; one call, of use at most once a minute.

    Args:
        context: Gateways and clock.
        model: The model.
        stage: The stage that the server follows.
        version: What it runs; None while it has loaded nothing.

    Raises:
        AccessError: the server may not tell.
        AwsError: CloudWatch refuses or does not answer.
    """
    of = _dimensions(context, model, stage)
    context.reports.put_served(of, NOTHING if version is None else version, context.clock())


def fleet_of(context: Context, model: str, stage: str, wanted: int | None) -> Fleet | None:
    """Read what servers of a stage run; None when none reports.

    Raises:
        AccessError: the caller may not know.
        AwsError: CloudWatch does not answer.
    """
    return context.reports.served(_dimensions(context, model, stage), wanted, context.clock())


def _dimensions(context: Context, model: str, stage: str) -> dict[str, str]:
    return {REGISTRY: context.spec.name, "model": model, "stage": stage}
