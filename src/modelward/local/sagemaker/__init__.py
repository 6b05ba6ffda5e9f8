"""A SageMaker registry and its endpoints as a pure state machine: an account, a region, no I/O of its own.

Whoever runs it gives it a clock, a sink for events and something that hosts containers; the fronts (`local.moto`,
`local.ministack`) add the wire. The way of a call::

    wire.py         JSON 1.1 and the runtime's HTTP <-> requests and answers with AWS's member names
    core.py         SageMaker.call: lock, endpoints catch up with the clock, faults, validation, the operation, events
    validation.py   the botocore model as the rules of the service (patterns.py: Java's regular expressions)
    groups.py  packages.py  tags.py                        the registry
    sharing.py      groups that other accounts use: whose they are, what their policies must look like
    search.py  expressions.py  properties.py               Search, on search_index.py, which may lag
    models.py  endpoint_configs.py  fleets.py              what can be served
    endpoints.py  endpoint.py                              operations on endpoints; one endpoint, as it is told
    guardrails.py  rollouts.py  deployments.py             a deployment as steps; how far it has come; what moves it on
    runtime.py  alarms.py  captures.py                     invocations, what they measure and leave, what that may end
    asynchronous.py                                        invocations that wait, and are answered in S3
    transforms.py                                          batch transform jobs
    lineage.py  lineage_records.py  lineage_graph.py       operations on lineage; what is recorded of itself; the graph
    listing.py      records in order, pages by cursor      scope.py     ARNs, time, the outbox of events, the journal
    faults.py  deliveries.py  veil.py  quotas.py           what a test may let go wrong

Four decisions carry it. *Records are values*: a change makes a new record and puts it in the place of the old one, so
that a lagging index holds what was, at the cost of a reference. *Nothing is scanned to write, nothing is sorted to
list*: a version's number comes from its group's counter, a page begins behind the last record of the page before, and
lineage is made of a journal when somebody asks for it. *Time is only read*: transitions of endpoints are due at a
moment and are performed, in order, when somebody looks; the same calls at the same times give the same state and the
same events. *A deployment is a value before it begins*: its steps, with who takes how much traffic during each, are
planned from the DeploymentConfig and the two fleets, and then walked through.

What a test may let go wrong::

    core.faults.add("UpdateEndpoint", kind=Fault.THROTTLE)        # and time-outs, refusals, unhealthy containers
    core.faults.unhealthy_configs.add("digits-v7")                # its containers never become healthy
    core.faults.quotas["ml.m5.large"] = 4                         # all endpoints together
    core.deliveries.duplicate(of("SageMaker Model Package State Change"))     # or lose, delay, swap
    core.veil.hide_next("endpoint-config", reads=2)               # not visible to the first two who look
    core.timing = Timing(search_lag_s=30)
    core.update_by_system("digits-production", 600)               # SystemUpdating

Who may call is not decided here: `look` tells those who decide (`local.gate`) what a resource is and what its group's
policy says. Each account has a core of its own; one whose `neighbours` are set hands on what names another account.

What it does not do. One container stands for all instances of a variant. OutOfService does not occur, autoscaling
neither: a scalable target (`local.scaling`) keeps its instance type, and its number of instances. Validation jobs do
not run (a package is Completed at once), images and artifacts are not looked up. Lineage entities are not updated or
deleted. What is implemented otherwise than AWS documents, or where AWS documents nothing, stands in `docs/fidelity.md`.
"""

from modelward.local.sagemaker.alarms import Alarm as Alarm
from modelward.local.sagemaker.alarms import AlarmState as AlarmState
from modelward.local.sagemaker.alarms import Datum as Datum
from modelward.local.sagemaker.alarms import MemoryWatch as MemoryWatch
from modelward.local.sagemaker.clock import ManualClock as ManualClock
from modelward.local.sagemaker.core import SageMaker as SageMaker
from modelward.local.sagemaker.deliveries import Deliveries as Deliveries
from modelward.local.sagemaker.deliveries import every as every
from modelward.local.sagemaker.deliveries import of as of
from modelward.local.sagemaker.errors import ApiError as ApiError
from modelward.local.sagemaker.errors import UnansweredError as UnansweredError
from modelward.local.sagemaker.faults import Fault as Fault
from modelward.local.sagemaker.faults import Faults as Faults
from modelward.local.sagemaker.interface import Caller as Caller
from modelward.local.sagemaker.interface import HostedVariant as HostedVariant
from modelward.local.sagemaker.interface import Hosting as Hosting
from modelward.local.sagemaker.interface import Look as Look
from modelward.local.sagemaker.interface import MemoryHosting as MemoryHosting
from modelward.local.sagemaker.interface import MemoryStore as MemoryStore
from modelward.local.sagemaker.interface import MemoryTopics as MemoryTopics
from modelward.local.sagemaker.interface import Scaling as Scaling
from modelward.local.sagemaker.interface import Store as Store
from modelward.local.sagemaker.interface import Timing as Timing
from modelward.local.sagemaker.interface import Topics as Topics
