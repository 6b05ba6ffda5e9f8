"""Known failure modes of the field that no other test is about; docs/reliability.md names the test of each."""

import json
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.declaration import DIGITS
from tests.reliability.failure_modes import ROWS
from tests.reliability.invariants import assert_nothing_is_left, begun
from tests.reliability.table import DOCUMENT, document, told

from modelward.config import parse
from modelward.core.errors import ConfigError
from modelward.core.names import rollout_prefix

ROOT = Path(__file__).resolve().parents[2]


def test_04_a_config_in_use_that_somebody_deletes_is_made_anew_and_the_update_goes_on(world):
    world.release(0.95)
    world.sagemaker.delete_endpoint_config(EndpointConfigName=world.endpoint()["EndpointConfigName"])
    version = world.release(0.97)
    assert (world.serving(), version.stage_status) == (2, "Approved")
    assert world.kinds(2)[-1] == "verified"
    assert_nothing_is_left(world)


def test_04_a_config_in_use_that_nobody_can_make_anew_fails_the_rollout_in_words(world):
    world.release(0.95)
    world.sagemaker.delete_endpoint_config(EndpointConfigName=world.endpoint()["EndpointConfigName"])
    world.use(world.declaration.replace("instance_count = 2", "instance_count = 3"))
    version = world.release(0.97)
    assert (world.serving(), version.stage_status) == (1, "Rejected")
    assert world.kinds(2)[-1] == "failed"
    assert "digits-production" in version.package.life_cycle.description
    assert world.dead == []


def test_05_a_model_and_a_config_that_are_there_already_are_used(world):
    world.release(0.95)
    config = world.endpoint()["EndpointConfigName"]
    world.sagemaker.delete_endpoint(EndpointName="digits-production")
    world.finish()
    assert world.serving() == 1
    assert world.endpoint()["EndpointConfigName"] == config
    assert_nothing_is_left(world)


def test_06_an_endpoint_that_is_there_already_is_taken_over(world):
    first = world.register(0.95)
    world.finish()
    first.approve(reason="good")
    world.finish()
    config = world.endpoint("staging")["EndpointConfigName"]
    world.sagemaker.create_endpoint(EndpointName="digits-production", EndpointConfigName=config)
    world.finish()
    first.promote("Production", reason="released")
    world.finish()
    assert world.serving() == 1
    assert world.kinds(1)[-2:] == ["deploying", "verified"]
    assert_nothing_is_left(world)


def test_11_a_version_that_waits_for_its_approval_moves_no_endpoint(world):
    world.release(0.95)
    before = len(begun(world))
    world.register(0.97)
    world.finish()
    assert len(begun(world)) == before


def unheard(capsys):
    """Give how many changes sweeps told CloudWatch of that no event had told of, one by one."""
    lines = [line for line in capsys.readouterr().out.splitlines() if '"Unheard"' in line]
    return [int(count) for line in lines for count in json.loads(line)["Unheard"]]


def test_13_what_a_rule_without_a_target_drops_is_found_by_the_sweep_which_tells_that_nobody_told(world, capsys):
    world.is_deaf = True
    world.register(0.95).approve(reason="good figures")
    world.pause(600)
    world.sweep()
    world.settle()
    assert world.kinds(1)[:3] == ["registered", "approved", "staged"]
    assert unheard(capsys) == [1]
    for _ in range(3):
        world.finish()
        world.pause(600)
        world.sweep()
    world.finish()
    assert world.serving("staging") == 1
    unheard(capsys)
    world.sweep()
    world.finish()
    assert unheard(capsys) == [], "all of it was told by then"


def test_13_what_events_told_in_time_is_not_said_to_be_unheard(world, capsys):
    world.release(0.95)
    world.pause(600)
    world.sweep()
    world.is_deaf = True
    world.register(0.97)
    world.sweep()
    world.finish()
    assert unheard(capsys) == [], "its event may still be on its way"


def test_13_what_was_there_when_a_group_was_adopted_is_not_said_to_be_unheard(world, capsys):
    world.use(world.declaration.replace('owner = "vision-team"', 'owner = "vision-team"\nexisting = true'))
    world.is_deaf = True
    version = world.register(0.95)
    world.sagemaker.update_model_package(ModelPackageArn=version.arn, ModelApprovalStatus="Approved")
    world.pause(600)
    world.sweep()
    world.finish()
    assert world.kinds(1) == ["found"]
    assert unheard(capsys) == []


_S3 = (
    "Could not access model data at s3://theirs/model.tar.gz. Please ensure that the role may read it"
    " and that the object is located in eu-west-1."
)
_ECR = "The repository of your image 210987654321.dkr.ecr.eu-west-1.amazonaws.com/x does not grant ecr:BatchGetImage."
_KMS = "User is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:210987654321:key/1"


@pytest.mark.parametrize(("words", "failure"), [(_S3, "artifact"), (_ECR, "image"), (_KMS, "key")])
def test_18_what_another_account_or_region_denies_is_named_and_the_live_version_serves_on(world, words, failure):
    world.release(0.95)

    def deny(**_):
        raise ClientError({"Error": {"Code": "ValidationException", "Message": words}}, "CreateModel")

    version = world.register(0.97)
    world.finish()
    version.approve(reason="good figures")
    world.finish()
    world.sagemaker.meta.events.register("before-call.sagemaker.CreateModel", deny)
    version.promote("Production", reason="released")
    world.finish()
    entry = world.entries(2)[-1]
    assert (entry.kind, entry.facts["failure"]) == ("failed", failure)
    assert words.split(".")[0] in entry.why
    assert (world.serving(), version.refresh().stage_status) == (1, "Rejected")
    assert world.dead == []


def test_18_an_environment_in_another_region_than_the_artifacts_is_refused_when_the_file_is_read():
    text = DIGITS.replace("[environments.production]", '[environments.production]\nregion = "us-east-1"')
    with pytest.raises(ConfigError, match="region"):
        parse(text)


def test_20_a_version_carries_in_its_metadata_what_it_would_in_tags(world):
    asked = []
    event = "provide-client-params.sagemaker.CreateModelPackage"
    world.sagemaker.meta.events.register(event, lambda params, **_: asked.append(params))
    version = world.register(0.95)
    [request] = asked
    assert "Tags" not in request
    assert version.refresh().package.metadata.items() >= request["CustomerMetadataProperties"].items()
    assert version.metrics["accuracy"] == 0.95


def test_21_a_model_of_a_version_with_variables_names_the_version_and_nothing_else(world):
    version = world.register(0.95)
    specification = world.sagemaker.describe_model_package(ModelPackageName=version.arn)["InferenceSpecification"]
    specification["Containers"][0]["Environment"] = {"LOG_LEVEL": "debug"}
    world.sagemaker.update_model_package(ModelPackageArn=version.arn, InferenceSpecification=specification)
    version.approve(reason="good figures")
    world.finish()
    [made] = [params for _, _, name, params in world.asked if name == "CreateModel"]
    assert made["PrimaryContainer"] == {"ModelPackageName": version.arn}
    assert "Containers" not in made
    assert world.serving("staging") == 1


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ('instance_type = "ml.m5.large"\ninstance_count = 1\nalarms = { errors_5xx_at_most = 0 }', "one instance"),
        ('instance_type = "ml.inf1.xlarge"\ninstance_count = 2\nalarms = { errors_5xx_at_most = 0 }', "all at once"),
        ('instance_type = "ml.m5.large"\ninstance_count = 2', "no alarms"),
        ("serverless = { memory_mb = 2048, max_concurrency = 5 }", "serverless"),
    ],
)
@pytest.mark.parametrize("strategy", ["canary", "linear", "rolling"])
def test_27_what_sagemaker_would_silently_do_all_at_once_is_refused_when_the_file_is_read(settings, why, strategy):
    head, _, _ = DIGITS.partition("[models.digits.endpoints.production]")
    rollout = f'rollout = {{ strategy = "{strategy}", percent = 50, wait_s = 60 }}'
    with pytest.raises(ConfigError, match=why):
        parse(f"{head}[models.digits.endpoints.production]\n{settings}\n{rollout}\n")


def test_30_an_endpoint_keeps_its_name_and_arn_whatever_is_rolled_out(world):
    world.release(0.95)
    before = world.endpoint()["EndpointArn"]
    world.release(0.97)
    world.digits.roll_back("production", reason="users complain")
    world.finish()
    world.sagemaker.delete_endpoint(EndpointName="digits-production")
    world.finish()
    world.sweep()
    world.finish()
    now = world.endpoint()
    assert world.serving() == 1
    assert now["EndpointArn"] == before
    assert fnmatchcase(now["EndpointConfigName"], f"{rollout_prefix('digits', 'production')}-v*"), "as policies say"


@pytest.mark.parametrize("number", ROWS)
def test_the_test_of_each_failure_mode_is_there(number):
    _, path, test = ROWS[number]
    assert f"def {test}(" in (ROOT / path).read_text()


def test_the_document_is_what_the_tests_say():
    assert document(told) == DOCUMENT.read_text()
