"""Every error that Modelward raises on purpose.

::

    ModelwardError
    ├── ConfigError            registry.toml, a setting or an environment variable is wrong
    ├── InputError             an argument is wrong; nothing was changed
    │   ├── ArtifactError      the model archive is missing, broken or unsafe
    │   └── UnusualError       something of DVC's that only DVC itself understands
    ├── NotFoundError          a model, version, stage, endpoint or deployment that is not there
    ├── PolicyError            a rule of the registry refuses it: gates, approval, stage
    ├── RolloutError           a rollout failed, was rolled back, or did not end in time
    ├── JobError               a batch transform failed, was stopped, or did not end in time
    ├── IntegrityError         bytes are not those that were registered
    └── AwsError               AWS refused or did not answer
        ├── AccessError        no credentials, no region, or permission denied
        ├── ConflictError      somebody else was there first, or the resource is busy
        │   └── AlreadyExistsError   a resource of that name is there
        ├── ThrottledError     too many calls, or a fault on the side of AWS that passes
        └── QuotaError         a limit of the account is reached

Each message says what is wrong, which rule says so and what to do next; classes build it from typed arguments, so that
the same mistake always reads the same. Two tables use the tree: error to exit code (`cli/exits.py`) and error to
handler outcome (`handlers/shell.py`).
"""

from collections.abc import Iterable, Sequence


class ModelwardError(Exception):
    """Base of all errors that Modelward raises on purpose."""

    def __init__(self, problem: str, next_step: str) -> None:
        """Say what is wrong and what to do next, one sentence each."""
        super().__init__(f"{problem}\n  Next: {next_step}")
        self.problem = problem
        self.next_step = next_step

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the class and the text when an error crosses a process."""
        return (_rebuild, (type(self), self.problem, self.next_step))


def _rebuild(kind: type[ModelwardError], problem: str, next_step: str) -> ModelwardError:
    error = kind.__new__(kind)
    ModelwardError.__init__(error, problem, next_step)
    return error


class ConfigError(ModelwardError):
    """A declaration or setting is wrong."""

    def __init__(self, file: str, key: str, *, found: str, allowed: str) -> None:
        """Name the file, the dotted key, what was found there and what is allowed."""
        where = f"{file}: {key}" if key else file
        super().__init__(f"{where}: found {found}; allowed: {allowed}.", f"Correct {key or 'it'} in {file}.")
        self.file = file
        self.key = key


class InputError(ModelwardError):
    """An argument is wrong; nothing was changed."""

    def __init__(self, argument: str, *, found: str, rule: str, next_step: str = "") -> None:
        """Name the argument, what was found and the rule that it breaks."""
        super().__init__(f"{argument}: {found}; {rule}.", next_step or f"Call again with another value for {argument}.")


class ArtifactError(InputError):
    """A model archive is missing, broken or unsafe."""

    def __init__(self, path: str, *, found: str, rule: str) -> None:
        """Name the archive, what was found in it and the rule that it breaks."""
        super().__init__(
            f"artifact {path}",
            found=found,
            rule=rule,
            next_step="Pack the model again: `tar -czf model.tar.gz -C FOLDER .`.",
        )


class UnusualError(InputError):
    """Something in a DVC repository that only DVC itself understands."""

    def __init__(self, where: str, *, found: str) -> None:
        """Name the file or path, and what is unusual there."""
        super().__init__(
            where,
            found=found,
            rule="Modelward reads the usual cases of DVC by itself, and this is none",
            next_step="pip install 'modelward[dvc]', and DVC itself is asked.",
        )


class NotFoundError(ModelwardError):
    """Something that was named is not there."""

    def __init__(self, kind: str, name: str, *, known: Iterable[str] = (), next_step: str = "") -> None:
        """Name the kind of thing, the thing, and those that do exist."""
        there = ", ".join(known)
        listed = f" There are: {there}." if there else ""
        super().__init__(f"{kind} {name!r} does not exist.{listed}", next_step or f"Check the name of the {kind}.")


class PolicyError(ModelwardError):
    """A rule of the registry refuses the change."""

    def __init__(self, subject: str, *, rule: str, details: Sequence[str] = (), next_step: str) -> None:
        """Name what was refused, by which rule, and each figure that counted."""
        listed = "".join(f"\n  - {line}" for line in details)
        super().__init__(f"{subject}: {rule}{listed}", next_step)
        self.details = tuple(details)


class IntegrityError(ModelwardError):
    """Bytes are not those that were registered."""

    def __init__(self, subject: str, *, expected: str, found: str, algorithm: str = "SHA-256") -> None:
        """Name the object and both digests."""
        super().__init__(
            f"{subject} has {algorithm} {found}, but {expected} was registered.",
            "Do not use it. Find out who replaced the object; register it anew if the change was meant.",
        )


class RolloutError(ModelwardError):
    """A rollout failed, was rolled back, or did not end in time."""

    def __init__(self, endpoint: str, *, what: str, next_step: str) -> None:
        """Name the endpoint and what became of it."""
        super().__init__(f"endpoint {endpoint}: {what}.", next_step)


class JobError(ModelwardError):
    """A batch transform failed, was stopped, or did not end in time."""

    def __init__(self, job: str, *, what: str, next_step: str) -> None:
        """Name the job and what became of it."""
        super().__init__(f"transform job {job}: {what}.", next_step)


class AwsError(ModelwardError):
    """AWS refused a call or did not answer; also any answer that Modelward does not know."""

    def __init__(self, operation: str, code: str, message: str, next_step: str = "") -> None:
        """Name the API operation, AWS's error code and AWS's own words."""
        super().__init__(
            f"{operation}: {code}: {message}",
            next_step or "Look the message up in the AWS documentation of this operation.",
        )
        self.operation = operation
        self.code = code


class AccessError(AwsError):
    """No credentials, no region, or permission denied."""


class ConflictError(AwsError):
    """Somebody else was there first, or the resource is busy."""


class AlreadyExistsError(ConflictError):
    """A resource of that name is there already."""


class ThrottledError(AwsError):
    """Too many calls, or a fault on the side of AWS that passes."""


class QuotaError(AwsError):
    """A limit of the account is reached."""
