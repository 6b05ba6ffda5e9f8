"""What `deploy --plan` finds before anything is touched."""

import hashlib
import json
from itertools import cycle

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from modelward.services.preflight import preflight
from modelward.services.review import review

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/serving/sklearn"
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}}]}
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
QUOTA = "ml.m5.large for endpoint usage"


def quotas(world, **of):
    """Let Service Quotas tell of values, in two pages each; moto knows none of SageMaker's."""
    for operation, found in of.items():
        pages = cycle([{"Quotas": [{"QuotaName": "Notebooks", "Value": 1.0}], "NextToken": "more"}, {"Quotas": found}])

        def answer(pages=pages, **_):
            return AWSResponse("https://aws", 200, {}, None), next(pages)

        world.client("service-quotas").meta.events.register(f"before-call.service-quotas.{operation}", answer)


def none_told(world):
    quotas(world, ListServiceQuotas=[], ListAWSDefaultServiceQuotas=[])


@pytest.fixture
def planned(world):
    """A world in which v1 serves, v2 is wanted in production, nobody is told, and all that v2 needs is there."""
    world.client("iam").create_role(RoleName="model-execution", AssumeRolePolicyDocument=json.dumps(TRUST))
    ecr = world.client("ecr")
    ecr.create_repository(repositoryName="serving/sklearn")
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": MANIFEST, "config": {"digest": "sha256:" + "0" * 64}, "layers": []}
    )
    ecr.put_image(repositoryName="serving/sklearn", imageManifest=manifest, imageTag="1.4")
    world.release(0.95)
    second = world.digits.register(
        world.pack("m.tar.gz", "better"), f"{IMAGE}:1.4", {"accuracy": 0.97, "log_loss": 0.2}
    )
    world.finish()
    second.approve(reason="good figures")
    world.finish()
    second.promote("Production", reason="released")

    review(world.context, "digits", 2)
    return world


def looked(world):
    """Give what is found, by its first word, and whether anything was changed."""
    plan, since = world.digits.plan_deploy("production"), len(world.calls)
    found = world.digits.preflight("production", plan)
    assert world.changing(since) == []
    return {finding.subject.split()[0]: finding for finding in found}


def test_a_rollout_that_has_all_it_needs_has_nothing_in_its_way(planned):
    quotas(planned, ListServiceQuotas=[{"QuotaName": QUOTA, "Value": 20.0}])
    found = looked(planned)
    assert {name: finding.text for name, finding in found.items()} == {
        "artifact": "is the registered one",
        "image": "is there",
        "role": "is there, and SageMaker may take it on",
        "endpoint": "takes 2 x 2 ml.m5.large while traffic moves, half of them afterwards",
        "quota": "is 20, and the rollout takes 4; what other endpoints use counts, too",
    }
    assert not [finding for finding in found.values() if finding.is_blocking]


def test_an_artifact_that_is_gone_or_replaced_is_in_the_way(planned):
    none_told(planned)
    version = planned.digits.version(2)
    key = version.artifact_uri.removeprefix("s3://acme-models/")
    s3 = planned.client("s3")
    s3.put_object(Bucket="acme-models", Key=key, Body=b"other", ChecksumAlgorithm="SHA256")
    finding = looked(planned)["artifact"]
    assert finding.is_blocking
    assert finding.text == f"has SHA-256 {hashlib.sha256(b'other').hexdigest()}, but {version.sha256} was registered"
    s3.delete_object(Bucket="acme-models", Key=key)
    finding = looked(planned)["artifact"]
    assert (finding.text, finding.is_blocking) == ("is not there", True)
    assert finding.next_step


def test_an_artifact_of_which_s3_keeps_no_digest_is_there_at_least(planned):
    none_told(planned)
    key = planned.digits.version(2).artifact_uri.removeprefix("s3://acme-models/")
    s3 = planned.client("s3")

    def in_parts(parsed, **_):
        parsed["ChecksumSHA256"] = "3q2+7w==-9"

    s3.put_object(Bucket="acme-models", Key=key, Body=b"other")
    assert looked(planned)["artifact"].text == "is there; S3 keeps no digest of the whole of it to compare"
    s3.meta.events.register("after-call.s3.HeadObject", in_parts)
    assert looked(planned)["artifact"].text == "is there; S3 keeps no digest of the whole of it to compare"


def test_an_image_that_is_gone_is_in_the_way(planned):
    none_told(planned)
    planned.client("ecr").batch_delete_image(repositoryName="serving/sklearn", imageIds=[{"imageTag": "1.4"}])
    assert looked(planned)["image"].is_blocking
    planned.client("ecr").delete_repository(repositoryName="serving/sklearn", force=True)
    assert looked(planned)["image"].is_blocking


def test_what_may_not_be_looked_at_is_unknown_and_blocks_nothing(planned):
    def deny(**_):
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Any")

    for service, operation in (("ecr", "DescribeImages"), ("iam", "GetRole"), ("service-quotas", "ListServiceQuotas")):
        planned.client(service).meta.events.register(f"before-call.{service}.{operation}", deny)
    found = looked(planned)
    for name in ("image", "role", "quota"):
        assert found[name].text.startswith("unknown: ")
        assert not found[name].is_blocking


def test_an_image_that_no_registry_of_this_region_holds_is_unknown(planned):
    none_told(planned)
    planned.digits.version(2).reject(reason="another one")
    third = planned.register(0.98)
    third.approve(reason="good")
    third.promote("Production", reason="released")
    planned.is_deaf = False
    plan = planned.digits.plan_deploy("production")

    review(planned.context, "digits", 3)
    plan = planned.digits.plan_deploy("production")
    found = {each.subject.split()[0]: each for each in preflight(planned.context, "digits", "production", plan)}
    assert found["image"].text == "unknown: it is in no ECR registry of eu-west-1"


def test_a_role_that_is_gone_or_does_not_trust_sagemaker_is_in_the_way(planned):
    none_told(planned)
    iam = planned.client("iam")
    other = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    iam.update_assume_role_policy(RoleName="model-execution", PolicyDocument=json.dumps(other))
    assert looked(planned)["role"].text == "does not trust sagemaker.amazonaws.com"
    iam.delete_role(RoleName="model-execution")
    assert looked(planned)["role"].is_blocking


def test_a_quota_that_has_no_room_for_both_fleets_is_in_the_way(planned):
    quotas(planned, ListServiceQuotas=[{"QuotaName": QUOTA, "Value": 3.0}])
    finding = looked(planned)["quota"]
    assert (finding.text, finding.is_blocking) == ("is 3, and the rollout takes 4", True)
    assert finding.next_step == f"Ask for 4 in Service Quotas: '{QUOTA}' of Amazon SageMaker."


def test_a_quota_of_which_the_account_has_no_value_of_its_own_is_aws_s_default(planned):
    default = [{"QuotaName": QUOTA, "Value": 4.0}]
    quotas(planned, ListServiceQuotas=[], ListAWSDefaultServiceQuotas=default)
    assert looked(planned)["quota"].text.startswith("is 4, and")


def test_a_plan_that_rolls_nothing_out_needs_nothing(world):
    world.release(0.95)
    assert world.digits.preflight("production", world.digits.plan_deploy("production")) == ()
