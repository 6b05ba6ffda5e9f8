"""What `deploy --plan` finds before anything is touched."""

import hashlib
import json
from datetime import timedelta
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
ROLLING_OUT = "arn:aws:iam::123456789012:role/acme-workflow-RolloutHandlerRole"


def answering(world, service, operation, answer):
    """Let a service answer an operation that moto does not know, and give what it was asked."""
    asked = []

    def tell(params, **_):
        asked.append(params)
        return AWSResponse("https://aws", 200, {}, None), answer

    _replace(world, service, operation, tell)
    return asked


def _replace(world, service, operation, tell):
    """Let one thing answer an operation from now on, and nothing that was to answer it before."""
    events, event = world.client(service).meta.events, f"before-call.{service}.{operation}"
    events.unregister(event, unique_id=event)
    events.register_first(event, tell, unique_id=event)


def passing(world, decision="allowed"):
    """Let the function be there that rolls out, and IAM decide whether it may pass the role."""
    answering(world, "lambda", "GetFunctionConfiguration", {"Role": ROLLING_OUT})
    return answering(world, "iam", "SimulatePrincipalPolicy", {"EvaluationResults": [{"EvalDecision": decision}]})


def product(usage, price, currency="USD"):
    """Spell a product as the price list does: a JSON text in JSON."""
    dimension = {"unit": "Hrs", "pricePerUnit": {currency: price}}
    terms = {"OnDemand": {"SKU.TERM": {"priceDimensions": {"SKU.TERM.DIMENSION": dimension}}}}
    return json.dumps({"product": {"attributes": {"usagetype": usage, "instanceName": "ml.m5.large"}}, "terms": terms})


def prices(world, *products):
    return answering(world, "pricing", "GetProducts", {"PriceList": list(products)})


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
    passing(world)
    prices(world, product("EUW1-Train:ml.m5.large", "0.5"), product("EUW1-Host:ml.m5.large", "0.1280000000"))
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
        "right": "acme-workflow-RolloutHandlerRole has it",
        "endpoint": "takes 4 ml.m5.large while traffic moves, 2 of them afterwards",
        "time": "as long as instances take to start",
        "quota": "is 20, and the rollout takes 4; what other endpoints use counts, too",
        "price": "is 0.128 USD an hour on demand: 0.51 an hour while traffic moves, 0.26 afterwards",
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


def in_parts(world, of="3q2+7w==-9", **more):
    """Let S3 tell of artifacts what it tells of objects that came in several parts."""

    def tell(parsed, **_):
        parsed.update(ContentLength=1_234_567_890, ChecksumSHA256=of, **more)

    world.client("s3").meta.events.register("after-call.s3.HeadObject", tell)


@pytest.mark.parametrize("kept", [{}, {"of": "3q2+7w==", "ChecksumType": "COMPOSITE"}])
def test_an_artifact_of_which_s3_keeps_no_digest_is_there_and_not_compared(planned, kept):
    none_told(planned)
    in_parts(planned, **kept, LastModified=planned.digits.version(2).created_at)
    finding = looked(planned)["artifact"]
    assert finding.text == (
        "is there, 1,234.6 MB, and not compared: S3 keeps no digest of the whole of it;"
        " modelward download digits 2 compares every byte"
    )
    assert not finding.is_blocking


def test_a_large_artifact_that_was_written_after_its_registration_is_pointed_out(planned):
    none_told(planned)
    in_parts(planned, LastModified=planned.digits.version(2).created_at + timedelta(days=1))
    finding = looked(planned)["artifact"]
    assert "UTC, after the version was registered" in finding.text
    assert finding.next_step == "Unless that is known: modelward download digits 2 compares every byte."
    assert not finding.is_blocking, "it may be the same, put back"


def test_an_image_that_is_gone_is_in_the_way(planned):
    none_told(planned)
    planned.client("ecr").batch_delete_image(repositoryName="serving/sklearn", imageIds=[{"imageTag": "1.4"}])
    assert looked(planned)["image"].is_blocking
    planned.client("ecr").delete_repository(repositoryName="serving/sklearn", force=True)
    assert looked(planned)["image"].is_blocking


def test_what_may_not_be_looked_at_is_unknown_and_blocks_nothing(planned):
    def deny(**_):
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Any")

    for service, operation in (
        ("ecr", "DescribeImages"),
        ("iam", "GetRole"),
        ("iam", "SimulatePrincipalPolicy"),
        ("service-quotas", "ListServiceQuotas"),
        ("pricing", "GetProducts"),
    ):
        _replace(planned, service, operation, deny)
    found = looked(planned)
    for name in ("image", "role", "right", "quota", "price"):
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


@pytest.mark.parametrize("decision", ["implicitDeny", "explicitDeny"])
def test_a_role_that_the_rollout_may_not_pass_is_in_the_way(planned, decision):
    none_told(planned)
    passing(planned, decision)
    finding = looked(planned)["right"]
    assert finding.text == f"{ROLLING_OUT} may not pass it to sagemaker.amazonaws.com"
    assert finding.is_blocking
    assert "Deploy the stacks again" in finding.next_step


def test_it_is_tried_for_the_role_that_rolls_out_and_to_sagemaker_alone(planned):
    none_told(planned)
    asked = passing(planned)
    looked(planned)
    body = asked[0]["body"]
    assert body["PolicySourceArn"] == ROLLING_OUT
    assert body["ActionNames.member.1"] == "iam:PassRole"
    assert body["ResourceArns.member.1"] == planned.settings.role_arn
    assert body["ContextEntries.member.1.ContextKeyName"] == "iam:PassedToService"
    assert body["ContextEntries.member.1.ContextKeyValues.member.1"] == "sagemaker.amazonaws.com"


CANARY = 'rollout = { strategy = "canary", percent = 50, wait_s = 600, termination_wait_s = 300 }'
ROLLING = 'rollout = { strategy = "rolling", percent = 25, wait_s = 600 }'
SHADOW = 'rollout = { strategy = "shadow", percent = 20, trial_s = 3600 }'


def moving(world, settings):
    """Let production move in another way, and give what is found then."""
    none_told(world)
    alarms = "alarms = { errors_5xx_at_most = 0 }"
    world.use(world.declaration.replace("instance_count = 2", f"instance_count = 4\n{alarms}\n{settings}"))
    return looked(world)


def test_a_rollout_that_waits_costs_at_least_what_all_instances_cost_for_that_time(planned):
    found = moving(planned, CANARY)
    assert found["time"].text == "15 min of waits (canary), and as long as instances take to start"
    assert found["price"].text.endswith(
        "1.02 an hour while traffic moves, 0.51 afterwards; at least 0.26 for the 15 min that it waits"
    )
    told = {"usd_per_hour": 0.128, "usd_per_hour_while_moving": 1.024, "usd_per_hour_after": 0.512}
    assert found["price"].figures == pytest.approx({**told, "usd_at_least": 0.256})
    assert found["endpoint"].figures == {"instances": 8, "instances_after": 4}
    assert json.loads(json.dumps(found["time"].to_json()))["figures"] == {"waits_s": 900}


def test_a_rolling_update_takes_a_batch_more_and_no_second_fleet(planned):
    found = moving(planned, ROLLING)
    assert found["endpoint"].text == "takes 5 ml.m5.large while traffic moves, 4 of them afterwards"
    assert found["time"].figures == {"waits_s": 2400}


def test_a_trial_runs_both_versions_beside_the_fleet_that_it_replaces(planned):
    found = moving(planned, SHADOW)
    assert found["endpoint"].text == (
        "takes 12 ml.m5.large while traffic moves, 8 of them afterwards, for as long as both versions are tried"
    )


def test_a_way_back_that_needs_no_new_model_takes_instances_and_nothing_else(world):
    none_told(world)
    prices(world, product("Host:ml.m5.large", "0.1"))
    world.release(0.95)
    world.release(0.97)
    world.is_deaf = True
    world.digits.roll_back("production", reason="users complain")
    review(world.context, "digits", 1)
    found = looked(world)
    assert found.keys() == {"endpoint", "time", "quota", "price"}
    assert found["endpoint"].text == "takes 4 ml.m5.large while traffic moves, 2 of them afterwards"


@pytest.mark.fidelity("price-of-endpoints")
def test_the_price_is_that_of_endpoints_in_the_region_of_the_registry(planned):
    none_told(planned)
    asked = prices(planned, product("EUW1-Host:ml.m5.large", "0.2"), product("EUW1-Train:ml.m5.large", "0.5"))
    assert looked(planned)["price"].text.startswith("is 0.2 USD an hour on demand")
    body = json.loads(asked[0]["body"])
    assert body["ServiceCode"] == "AmazonSageMaker"
    assert {each["Field"]: each["Value"] for each in body["Filters"]} == {
        "regionCode": "eu-west-1",
        "instanceName": "ml.m5.large",
    }


@pytest.mark.parametrize(
    "listed",
    [
        [],
        [product("EUW1-Train:ml.m5.large", "0.5"), product("EUW1-AsyncHost:ml.m5.large", "0.5")],
        [product("CNN1-Host:ml.m5.large", "0.9", currency="CNY")],
    ],
)
def test_a_price_that_the_list_does_not_tell_is_unknown_and_blocks_nothing(planned, listed):
    none_told(planned)
    prices(planned, *listed)
    finding = looked(planned)["price"]
    assert finding.text.startswith("unknown: ")
    assert not finding.is_blocking


def test_a_serverless_endpoint_takes_no_instances(world):
    passing(world)
    version = world.register(0.95)
    world.is_deaf = True
    version.approve(reason="good")
    review(world.context, "digits", 1)
    review(world.context, "digits", 1)
    found = world.digits.preflight("staging", world.digits.plan_deploy("staging"))
    told = {each.subject.split()[0]: each.text for each in found}
    assert told["endpoint"] == "is serverless: a rollout takes no instances"
    assert not told.keys() & {"quota", "price", "time"}
