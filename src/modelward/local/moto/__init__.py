"""The local SageMaker inside moto: `install()` once, and `with mock_aws():` gets it in-process.

It is laid out as moto lays out a service: `models.py` holds the backends, `responses.py` answers, `urls.py` routes,
`resources.py` the CloudFormation type. The backends subclass moto's own, so that pipelines, training jobs and all
else that the core does not know stay moto's; an operation that neither knows is refused at once, by name.

moto makes a backend per account and region and throws it away when a mock starts or ends; a core lives in each, so
state is isolated and reset exactly as moto's is. What a test may want to touch::

    from modelward.local.moto import advance, clock, core, events, hosting, install, watch

    install()
    with mock_aws():
        ...                                     # boto3 as usual
        core("123456789012", "eu-west-1").timing = Timing(create_s=300)
        advance(300)                            # move the clock; endpoints get on, events come
        events("123456789012", "eu-west-1")     # all events since the mock began, in EventBridge's envelope
        core("123456789012", "eu-west-1").deliveries.duplicate()      # or lose, delay, swap
        watch("123456789012", "eu-west-1").force("errors", AlarmState.ALARM)

The clock stands still at 2026-01-05 09:00 UTC until it is moved, and transitions take no time unless `timing` says so:
a client that polls must not wait for a clock that nobody moves. Events also reach rules on moto's default event bus,
with the targets that moto can serve (queues, log groups, buses); a target that it cannot serve is left out, and the
others still get theirs. Invocations are measured in moto's CloudWatch, and alarms that were put there are judged.
Targets in moto's Application Auto Scaling are heeded; `autoscaling.use()` lets it answer as AWS does.
Where moto's IAM enforcement is switched on, identities are asked as AWS asks them (`access.py`). A group of another
account is denied in any case unless its policy shares it.
"""

from modelward.local.ministack.evaluation import know_sessions_by_their_roles
from modelward.local.moto.models import SageMakerBackend, SageMakerRuntimeBackend, use
from modelward.local.moto.models import advance as advance
from modelward.local.moto.models import clock as clock
from modelward.local.moto.models import core as core
from modelward.local.moto.models import events as events
from modelward.local.moto.models import hosting as hosting
from modelward.local.moto.models import watch as watch
from modelward.local.moto.resources import make_known


def install() -> None:
    """Put the local SageMaker in the place of moto's, for every mock of this process. Calling it again does nothing."""
    know_sessions_by_their_roles()
    use(SageMakerBackend, SageMakerRuntimeBackend)
    make_known()
