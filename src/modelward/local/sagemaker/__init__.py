"""A SageMaker registry and its endpoints as a pure state machine: one account, one region, no I/O of its own.

Whoever runs it gives it a clock, a sink for events and something that hosts containers; the fronts (`local.moto`,
`local.ministack`) add the wire. The way of a call::

    wire.py         JSON 1.1 and the runtime's HTTP <-> requests and answers with AWS's member names
    core.py         SageMaker.call: lock, endpoints catch up with the clock, faults, validation, the operation, events
    validation.py   the botocore model as the rules of the service (patterns.py: Java's regular expressions)
    groups.py  packages.py  tags.py                        the registry
    search.py  expressions.py  properties.py               Search, on search_index.py, which may lag
    models.py  endpoint_configs.py  endpoints.py  fleets.py  runtime.py      hosting
    listing.py      records in order, pages by cursor      scope.py     ARNs, time, the outbox of events

Three decisions carry it. *Records are values*: a change makes a new record and puts it in the place of the old one, so
that a lagging index holds what was, at the cost of a reference. *Nothing is scanned to write, nothing is sorted to
list*: a version's number comes from its group's counter, a page begins behind the last record of the page before. *Time
is only read*: transitions of endpoints are due at a moment and are performed, in order, when somebody looks; the same
calls at the same times give the same state and the same events.

What it does not do yet. A DeploymentConfig is checked against the API model, kept and shown as LastDeploymentConfig,
but every update shifts all traffic at once when the new containers are healthy: no canary, linear or rolling steps, no
alarms, no bake or termination wait, no "Endpoint Deployment State Change" events. SystemUpdating, RollingBack and
UpdateRollbackFailed do not occur. A group's resource policy is kept but grants nothing: another account's ARN does not
exist here. Validation jobs do not run (a package is Completed at once), images and artifacts are not looked up, no
lineage is recorded. What is implemented otherwise than AWS documents, or where AWS documents nothing, stands in
`docs/fidelity.md`.
"""

from modelward.local.sagemaker.clock import ManualClock as ManualClock
from modelward.local.sagemaker.core import SageMaker as SageMaker
from modelward.local.sagemaker.errors import ApiError as ApiError
from modelward.local.sagemaker.errors import UnansweredError as UnansweredError
from modelward.local.sagemaker.faults import Fault as Fault
from modelward.local.sagemaker.faults import Faults as Faults
from modelward.local.sagemaker.interface import Caller as Caller
from modelward.local.sagemaker.interface import HostedVariant as HostedVariant
from modelward.local.sagemaker.interface import Hosting as Hosting
from modelward.local.sagemaker.interface import MemoryHosting as MemoryHosting
from modelward.local.sagemaker.interface import Timing as Timing
