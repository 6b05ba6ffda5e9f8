"""Reading what was recorded of the run that made a version."""

import hashlib
import json
from typing import Any

from modelward.core.errors import IntegrityError, NotFoundError
from modelward.core.model_package import ModelPackage
from modelward.core.names import record_key
from modelward.services.context import Context


def record_of(context: Context, package: ModelPackage) -> dict[str, Any]:
    """Read the record of a version's run from the registry's bucket (one `GetObject`).

    Raises:
        IntegrityError: it is not what was registered.
        NotFoundError: nothing was recorded with the version, or the object is gone.
        AwsError: a refusal.
    """
    name = f"{package.group}/{package.version}"
    if not package.record:
        raise NotFoundError("record of a run", name, next_step="`modelward.track` keeps one, and so does DVC.")
    uri = f"s3://{context.settings.bucket}/{record_key(package.group, package.sha256, package.record)}"
    text = b"".join(context.storage.read(uri))
    found = hashlib.sha256(text).hexdigest()
    if found != package.record:
        raise IntegrityError(uri, expected=package.record, found=found)
    told: dict[str, Any] = json.loads(text)
    return told
