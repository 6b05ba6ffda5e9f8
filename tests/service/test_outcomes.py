"""Rollouts that fail by what AWS does: each has a name, AWS's words in the history, and the command that fits it."""

import pytest
from botocore.exceptions import ClientError

from modelward.core.errors import RolloutError
from modelward.local.sagemaker import Fault


def staged(world, accuracy):
    version = world.register(accuracy)
    world.finish()
    version.approve(reason="good figures")
    world.finish()
    return version


@pytest.fixture
def ready(world):
    """A world in which v1 serves production and v2 waits to be promoted there."""
    world.release(0.95)
    staged(world, 0.97)
    world.mails()
    return world


def promoted(world):
    version = world.digits.version(2)
    version.promote("Production", reason="released")
    world.finish()
    return version.refresh()


def refusing(world, operation, message, code="ValidationException"):
    """Let SageMaker refuse an operation in some words."""

    def refuse(**_):
        raise ClientError({"Error": {"Code": code, "Message": message}}, operation)

    world.sagemaker.meta.events.register(f"before-call.sagemaker.{operation}", refuse)


def told(world, words):
    """Give the one mail that has some words in its subject."""
    [mail] = [mail for mail in world.mails() if words in mail["Subject"]]
    return mail["Message"]


def assert_failed(world, failure, words, step):
    entry = world.entries(2)[-1]
    assert (entry.kind, entry.facts["failure"]) == ("failed", failure)
    assert words in entry.why
    message = told(world, "failed to deploy")
    assert words in message
    assert step in message
    assert world.digits.version(2).stage_status == "Rejected"
    assert world.digits.current("Production").version == world.serving() == 1
    assert world.dead == []


GONE = "Could not find model data at s3://acme-models/x."
IMAGE = "Requested image 1.dkr.ecr.eu-west-1.amazonaws.com/i:1 not found."
KEY = "User is not authorized to perform kms:CreateGrant on the key"


@pytest.mark.parametrize(
    ("operation", "words", "failure", "step"),
    [
        ("CreateModel", GONE, "artifact", "# once the artifact is there again"),
        ("CreateModel", IMAGE, "image", "# once the image is there again"),
        ("CreateEndpointConfig", KEY, "key", "# once the role that runs the model may use the key"),
        ("UpdateEndpoint", "It does not fit.", "refused", "modelward promote digits 2 Production --reason '...'"),
    ],
)
def test_what_sagemaker_refuses_is_told_by_its_cause(ready, operation, words, failure, step):
    refusing(ready, operation, words)
    promoted(ready)
    assert_failed(ready, failure, words, step)


@pytest.mark.parametrize(
    ("words", "failure", "step"),
    [
        (
            "The primary container did not pass the ping health check.",
            "unhealthy",
            "/aws/sagemaker/Endpoints/digits-pro",
        ),
        ("Failed to download model data for container c.", "artifact", "# once the artifact is there again"),
        ("Please make sure all images included in the model exist.", "image", "# once the image is there again"),
        ("The KMS key may not be used.", "key", "# once the role that runs the model may use the key"),
        ("The update timed out.", "timeout", "# once it starts faster"),
        ("Unable to provision requested ML compute capacity.", "capacity", "# later, when AWS has instances again"),
        ("", "went-back", "modelward promote digits 2 Production --reason '...'"),
    ],
)
def test_what_an_endpoint_went_back_for_is_told_by_its_cause(ready, words, failure, step):
    def tell(parsed, **_):
        if parsed.get("FailureReason") or parsed.get("EndpointStatus") == "InService":
            parsed["FailureReason"] = words

    ready.sagemaker.meta.events.register("after-call.sagemaker.DescribeEndpoint", tell)
    ready.core.faults.add("UpdateEndpoint", kind=Fault.UNHEALTHY)
    promoted(ready)
    assert_failed(ready, failure, words or "and gave no reason", step)


def test_a_quota_is_told_once_and_the_rollout_goes_on_by_itself_when_it_is_raised(ready):
    ready.core.faults.quotas["ml.m5.large"] = 3
    second = promoted(ready)
    for _ in range(2):
        ready.sweep()
        ready.finish()

    assert ready.dead == []
    assert (second.stage_status, ready.serving()) == ("InProgress", 1)
    entry = ready.entries(2)[-1]
    assert (entry.kind, entry.facts["failure"]) == ("waiting", "quota")
    assert ready.kinds(2)[-2:] == ["deploying", "waiting"], "each sweep tries, and writes nothing"
    message = told(ready, "waits for a quota")
    assert "'ml.m5.large for endpoint usage' is 3 Instances" in message
    assert "modelward status digits  # the next sweep goes on" in message
    status = next(each for each in ready.registry.status() if each.environment == "production")
    assert "for endpoint usage" in status.problem
    with pytest.raises(RolloutError, match="v2 waits for a quota"):
        ready.digits.deploy("production")

    ready.core.faults.quotas.clear()
    ready.sweep()
    ready.finish()
    assert ready.serving() == 2
    assert ready.kinds(2)[-3:] == ["waiting", "deploying", "verified"]


def test_an_endpoint_that_aws_maintains_is_gone_on_with_afterwards(ready):
    status = {"now": "SystemUpdating"}

    def maintain(parsed, **_):
        if status["now"] and parsed.get("EndpointName") == "digits-production":
            parsed["EndpointStatus"] = status["now"]

    ready.sagemaker.meta.events.register("after-call.sagemaker.DescribeEndpoint", maintain)
    promoted(ready)
    assert "deploying" not in ready.kinds(2)[-1:]
    status["now"] = ""
    ready.sweep()
    ready.finish()
    assert ready.serving() == 2
    assert ready.dead == []


def test_a_mix_of_both_configs_is_told_and_moved_back_to_the_version_before(ready):
    status = {"now": ""}

    def mix(parsed, **_):
        if status["now"] and parsed.get("EndpointName") == "digits-production":
            parsed["EndpointStatus"], parsed["FailureReason"] = status["now"], "The rolling deployment failed."

    def moved(params, **_):
        status["now"] = "" if "-v1-" in params["EndpointConfigName"] else "UpdateRollbackFailed"

    events = ready.sagemaker.meta.events
    events.register("after-call.sagemaker.DescribeEndpoint", mix)
    events.register("provide-client-params.sagemaker.UpdateEndpoint", moved)
    ready.core.faults.add("UpdateEndpoint", kind=Fault.UNHEALTHY)
    promoted(ready)
    entry = next(each for each in ready.entries(2) if each.kind == "failed")
    assert (entry.facts["failure"], entry.why) == (
        "mix",
        "the endpoint is UpdateRollbackFailed: The rolling deployment failed.",
    )
    message = told(ready, "the endpoint serves a mix")
    assert "modelward status digits  # until digits-production is off the mix of both; then promote anew" in message
    ready.sweep()
    ready.finish()
    assert ready.digits.version(2).stage_status == "Rejected"
    assert ready.digits.current("Production").version == ready.serving() == 1
    assert ready.dead == []
