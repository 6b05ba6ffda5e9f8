"""Running the smoke test of a version on an endpoint that serves it."""

import hashlib

from modelward.core.errors import AwsError, InputError, NotFoundError
from modelward.core.model_package import ModelPackage
from modelward.core.names import endpoint_name, smoke_key
from modelward.core.smoke import SmokeTest, SmokeVerdict, judge_smoke, smoke_failed
from modelward.services.context import Context


def run_smoke(context: Context, package: ModelPackage, model: str, environment: str) -> SmokeVerdict:
    """Call the endpoint as the version's smoke test says, and judge the answer.

    A test that is gone, or is not the registered one, does not hold: nobody knows any more what it would have shown.

    Raises:
        NotFoundError: the endpoint is gone.
        ThrottledError: SageMaker or S3 asks to come back later.
        AwsError: AWS refused to show the test, or refused the call for want of rights.
    """
    test = _registered(context, package, model)
    if isinstance(test, SmokeVerdict):
        return test
    try:
        answer = context.runtime.invoke_endpoint(endpoint_name(model, environment), test)
    except AwsError as error:
        if type(error) is not AwsError:
            raise
        return smoke_failed(error.problem)  # for good: such as a payload that this kind of endpoint does not take
    return judge_smoke(test, answer)


def _registered(context: Context, package: ModelPackage, model: str) -> SmokeTest | SmokeVerdict:
    uri = f"s3://{context.settings.bucket}/{smoke_key(model, package.sha256, package.smoke)}"
    try:
        text = b"".join(context.storage.read(uri))
        if hashlib.sha256(text).hexdigest() != package.smoke:
            return smoke_failed(f"{uri} is not what was registered")
        return SmokeTest.parse(text.decode(), uri)
    except NotFoundError:
        return smoke_failed(f"{uri} is gone")
    except (InputError, UnicodeDecodeError) as error:
        return smoke_failed(f"{uri} cannot be read: {error}")
