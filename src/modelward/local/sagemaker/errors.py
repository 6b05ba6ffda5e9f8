"""What the API answers when it refuses, in AWS's codes and words.

These are answers on the wire, not errors of Modelward: a client sees them as `botocore.exceptions.ClientError`.
The texts are those of public reports where there are any; `docs/fidelity.md` lists the rest as a guess.
"""

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """An error answer of the SageMaker API."""

    def __init__(self, code: str, message: str, status: int = 400, members: Mapping[str, Any] | None = None) -> None:
        """Take AWS's error code, its words, the HTTP status and further members of the error's shape."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})


class UnansweredError(Exception):
    """A call that gets no answer: the front must break the connection off, as a network does.

    Raised by injected faults only, before or after the call took effect.
    """


def invalid(message: str) -> ApiError:
    """Answer ValidationException, which SageMaker uses for nearly every refusal."""
    return ApiError("ValidationException", message)


def conflict(message: str) -> ApiError:
    """Answer ConflictException, which only the model package operations declare."""
    return ApiError("ConflictException", message)


def does_not_exist(kind: str, arn: str) -> ApiError:
    """Answer that a group or a model package is missing, in the registry's words."""
    return invalid(f"{kind} {arn} does not exist.")


def could_not_find(kind: str, arn: str) -> ApiError:
    """Answer that a model, config or endpoint is missing, in the words of hosting."""
    return invalid(f'Could not find {kind} "{arn}".')


def already_existing(kind: str, arn: str) -> ApiError:
    """Answer that the name of a model, config or endpoint is taken."""
    return invalid(f'Cannot create already existing {kind} "{arn}".')


def unsupported(operation: str) -> ApiError:
    """Answer at once that the local SageMaker has no such operation; a 4xx, so that no client tries again."""
    return ApiError(
        "UnknownOperationException",
        f"The local SageMaker of Modelward does not implement the operation {operation}.",
        status=400,
    )
