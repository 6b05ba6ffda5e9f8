"""Settings travel as environment variables and as SSM parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelward.config import Settings
from modelward.core.errors import ConfigError, NotFoundError

SETTINGS = Settings(
    registry="acme",
    bucket="acme-artifacts",
    key_arn="arn:aws:kms:eu-west-1:123456789012:key/1",
    table="acme-ledger",
    table_arn="arn:aws:dynamodb:eu-west-1:123456789012:table/acme-ledger",
    topic_arn="arn:aws:sns:eu-west-1:123456789012:acme",
    role_arn="arn:aws:iam::123456789012:role/acme-models",
    reconcile_queue_url="https://sqs.eu-west-1.amazonaws.com/123456789012/acme-reconcile",
)
texts = st.text(min_size=1)
settings = st.builds(Settings, *[texts] * 8)


@given(settings)
def test_settings_survive_the_environment(each: Settings):
    assert Settings.from_env({"PATH": "/bin", **each.to_env()}) == each


@given(settings)
def test_settings_survive_parameters(each: Settings):
    found = {"/modelward/other/bucket": "not-ours", **each.to_parameters()}
    assert Settings.from_parameters(found, registry=each.registry) == each


def test_the_names_are_those_that_a_deployment_keeps():
    assert list(SETTINGS.to_env()) == [
        "MODELWARD_REGISTRY",
        "MODELWARD_BUCKET",
        "MODELWARD_KEY_ARN",
        "MODELWARD_TABLE",
        "MODELWARD_TABLE_ARN",
        "MODELWARD_TOPIC_ARN",
        "MODELWARD_ROLE_ARN",
        "MODELWARD_RECONCILE_QUEUE_URL",
    ]
    assert list(SETTINGS.to_parameters()) == [
        "/modelward/acme/bucket",
        "/modelward/acme/key-arn",
        "/modelward/acme/table",
        "/modelward/acme/table-arn",
        "/modelward/acme/topic-arn",
        "/modelward/acme/role-arn",
        "/modelward/acme/reconcile-queue-url",
    ]


def test_one_get_parameters_call_reads_a_deployment():
    assert len(Settings.parameter_names("acme")) <= 10
    assert set(Settings.parameter_names("acme").values()) == set(SETTINGS.to_parameters())


@pytest.mark.parametrize("variable", list(SETTINGS.to_env()))
@pytest.mark.parametrize("is_there", [True, False])
def test_a_missing_or_empty_variable_is_named(variable: str, is_there: bool):
    environ = SETTINGS.to_env()
    environ[variable] = ""
    if not is_there:
        del environ[variable]
    with pytest.raises(ConfigError, match="cdk deploy") as caught:
        Settings.from_env(environ)
    assert caught.value.key == variable


@pytest.mark.parametrize("parameter", list(SETTINGS.to_parameters()))
def test_a_missing_parameter_is_named_with_the_way_to_deploy_it(parameter: str):
    parameters = SETTINGS.to_parameters()
    del parameters[parameter]
    with pytest.raises(NotFoundError, match="deployment 'acme'") as caught:
        Settings.from_parameters(parameters, registry="acme")
    assert parameter in str(caught.value)
    assert "`cdk deploy" in caught.value.next_step


def test_no_parameter_at_all_means_no_deployment():
    with pytest.raises(NotFoundError, match="deployment 'acme' does not exist") as caught:
        Settings.from_parameters({}, registry="acme")
    assert "lacks anything under /modelward/acme/" in caught.value.next_step
    assert "account and region" in caught.value.next_step


def test_a_function_abroad_knows_its_environment_and_its_queue_and_nothing_else():
    variables = Settings.env_abroad("production", "https://queue")
    assert variables == {"MODELWARD_ENVIRONMENT": "production", "MODELWARD_RECONCILE_QUEUE_URL": "https://queue"}
    assert Settings.queue_abroad(variables) == "https://queue"
    with pytest.raises(ConfigError, match="MODELWARD_RECONCILE_QUEUE_URL"):
        Settings.queue_abroad({"MODELWARD_ENVIRONMENT": "production"})
