"""What kind of failure AWS speaks of, and what a person does about it.

AWS has no codes for why an endpoint failed, only sentences (`FailureReason`), and an endpoint that went back to its old
config often has none. The sentences that are looked for stand in public reports; one that nobody has seen is told as it
is, under a name that promises nothing.
"""

import re

from modelward.core.endpoint import Endpoint
from modelward.core.ledger import Entry, Failure
from modelward.core.model_package import StageStatus

# In this order: a download that fails for want of a key speaks of the download, too.
_WORDS = (
    (r"\bKMS\b|\bkms:", Failure.KEY),
    (r"ResourceLimitExceeded|service limit|service quota", Failure.QUOTA),
    (r"InsufficientInstanceCapacity|InsufficientCapacity|compute capacity", Failure.CAPACITY),
    (r"model data", Failure.ARTIFACT),
    (r"all images included|requested image|repository of your image", Failure.IMAGE),
    (r"timed? ?out|time limit|execution timeout|too long", Failure.TIMEOUT),
    (r"ping health check|health check", Failure.UNHEALTHY),
    (r"\balarms?\b", Failure.ALARM),
)
_ONCE = {
    Failure.KEY: "once the role that runs the model may use the key",
    Failure.QUOTA: "once Service Quotas has raised the quota named above",
    Failure.CAPACITY: "later, when AWS has instances again; or declare another instance type",
    Failure.ARTIFACT: "once the artifact is there again, and the role that runs the model may read it",
    Failure.IMAGE: "once the image is there again, and the role that runs the model may pull it",
    Failure.TIMEOUT: "once it starts faster, or registry.toml gives it more time",
    Failure.UNHEALTHY: "once the log group /aws/sagemaker/Endpoints/{endpoint} told why, if the version can be helped",
    Failure.ALARM: "if the alarm was about something else; else register a better version",
    Failure.FIGURES: "if the figures were about something else; else register a better version",
    Failure.SMOKE_TEST: "if what the model calls was at fault; else register a better version",
}


def failure_of(words: str, endpoint: Endpoint | None = None) -> Failure:
    """Name a failure.

    Args:
        words: What AWS said of it.
        endpoint: As it is then, where its state tells more than the words.
    """
    plain = re.sub(r"(s3|https)://\S+", "", words)  # names of people's own
    found = next((kind for pattern, kind in _WORDS if re.search(pattern, plain, re.IGNORECASE)), None)
    if endpoint and endpoint.status == "UpdateRollbackFailed":
        return Failure.MIX
    if found:
        return found
    if endpoint is None:
        return Failure.REFUSED
    return Failure.WENT_BACK if endpoint.status == "InService" else Failure.FAILED


def remedy(entry: Entry, endpoint: str) -> str:
    """Give the next command after a failure, and behind a `#` when it makes sense.

    Args:
        entry: A `failed` or `waiting` entry.
        endpoint: The name of the endpoint.
    """
    failure = entry.facts.get("failure")
    once = _ONCE.get(Failure(failure), "") if failure in set(Failure) else ""
    when = f"  # {once.format(endpoint=endpoint)}" if once else ""
    if failure == Failure.MIX:
        return f"modelward status {entry.model}  # until {endpoint} is off the mix of both; then promote anew"
    if entry.seen.stage_status == StageStatus.APPROVED:
        return f"modelward plan  # after a change of [models.{entry.model}.endpoints.{entry.environment}]"
    return f"modelward promote {entry.model} {entry.version} {entry.stage} --reason '...'{when}"
