"""What each exit code means: one table, error class to code. Codes are a promise to scripts; new ones are appended."""

from modelward.core import errors

DONE = 0
UNEXPECTED = 1
USAGE = 2
INTERRUPTED = 130
PIPE_CLOSED = 141
BLOCKED = 13
INCOMPLETE = 15

# The first class that fits decides, so a class stands before its base.
TABLE: tuple[tuple[type[errors.ModelwardError], int, str], ...] = (
    (errors.ConfigError, 3, "registry.toml or a setting is wrong"),
    (errors.InputError, 4, "an argument is wrong; nothing was changed"),
    (errors.NotFoundError, 5, "a model, version, stage, endpoint or deployment is not there"),
    (errors.PolicyError, 6, "a rule of the registry refuses it: gates, approval, stage"),
    (errors.IntegrityError, 7, "bytes are not those that were registered"),
    (errors.AccessError, 8, "no credentials, no region, or permission denied"),
    (errors.ConflictError, 9, "somebody else was there first, or the resource is busy; try again"),
    (errors.ThrottledError, 10, "too many calls, or a fault of AWS that passes; try again"),
    (errors.AwsError, 11, "AWS refused for another reason"),
    (errors.RolloutError, 12, "a rollout failed, was rolled back, or did not end in time"),
    (errors.JobError, 14, "a batch transform failed, was stopped, or did not end in time"),
)

MEANINGS: tuple[tuple[int, str], ...] = (
    (DONE, "done"),
    (UNEXPECTED, "a fault of Modelward itself; --debug shows the traceback"),
    (USAGE, "the command line is wrong"),
    *((code, meaning) for _, code, meaning in TABLE),
    (BLOCKED, "`modelward plan` or `deploy --plan` found what is in the way"),
    (INCOMPLETE, "`modelward reproduce` cannot fetch all that a version was made of"),
    (INTERRUPTED, "interrupted by Ctrl-C"),
    (PIPE_CLOSED, "whoever read the output went away"),
)


def code_of(error: errors.ModelwardError) -> int:
    """Look an error's exit code up."""
    return next((code for kind, code, _ in TABLE if isinstance(error, kind)), UNEXPECTED)
