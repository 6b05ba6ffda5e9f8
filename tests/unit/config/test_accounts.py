"""Environments in accounts of their own, as registry.toml says it, and the names that follow from it."""

import pytest

from modelward import config
from modelward.config import accounts
from modelward.core.errors import ConfigError
from modelward.core.place import Place

HOME, AWAY = "111111111111", "222222222222"
STAGES = 'stages = ["Development", "Staging", "Production", "Archived"]'
PLACE = f'account = "{HOME}"\nregion = "eu-west-1"'


def declared(*, registry: str = PLACE, production: str = f'account = "{AWAY}"', more: str = "") -> str:
    return f"""
[registry]
name = "acme"
{STAGES}
{registry}
[environments.staging]
stage = "Staging"
[environments.production]
stage = "Production"
{production}
[models.digits]
owner = "team"
[models.digits.endpoints.staging]
instance_type = "ml.m5.large"
[models.digits.endpoints.production]
instance_type = "ml.m5.large"
[models.letters]
owner = "team"
[models.letters.endpoints.staging]
instance_type = "ml.m5.large"
{more}
"""


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        config.parse(text)
    return caught.value


def test_an_environment_with_another_account_is_foreign_and_one_without_is_not():
    spec = config.parse(declared())
    assert (spec.account, spec.region) == (HOME, "eu-west-1")
    assert [each.name for each in spec.foreign] == ["production"]


@pytest.mark.parametrize("production", ["", f'account = "{HOME}"', f'account = "{HOME}"\nregion = "eu-west-1"'])
def test_the_registry_s_own_account_is_not_foreign_whether_it_is_named_or_not(production: str):
    assert config.parse(declared(production=production)).foreign == ()


def test_a_model_is_abroad_where_its_endpoint_is_in_another_account():
    spec = config.parse(declared())
    assert spec.is_abroad("digits", "production")
    assert not spec.is_abroad("digits", "staging")
    assert not spec.is_abroad("letters", "production"), "it has no endpoint there that anybody would have to reach"
    assert not spec.is_abroad("digits", "nowhere")
    assert not spec.is_abroad("nothing", "production")


def test_each_account_has_its_part_of_the_declaration_and_all_parts_together_are_the_whole():
    spec = config.parse(declared())
    home, away = spec.within(""), spec.within("production")
    assert {name: set(model.endpoints) for name, model in home.models.items()} == {
        "digits": {"staging"},
        "letters": {"staging"},
    }
    assert {name: set(model.endpoints) for name, model in away.models.items()} == {"digits": {"production"}}
    assert (list(home.environments), list(away.environments)) == (["staging"], ["production"])


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        (declared(registry=""), "environments.production.account", "[registry] account and region too"),
        (declared(registry=f'account = "{HOME}"'), "registry.region", "together, or neither"),
        (declared(registry='region = "eu-west-1"'), "registry.account", "together, or neither"),
        (declared(registry=PLACE.replace(HOME, "1111")), "registry.account", "12 digits"),
        (declared(production='account = "AWAY"'), "environments.production.account", "12 digits"),
        (declared(production="account = 222222222222"), "environments.production.account", "12 digits, in quotes"),
        (declared(registry=PLACE.replace("eu-west-1", "Ireland")), "registry.region", "a region of AWS"),
        (
            declared(production=f'account = "{AWAY}"\nregion = "us-east-1"'),
            "environments.production.region",
            "'eu-west-1', the registry's",
        ),
        (declared(registry="", production='region = "us-east-1"'), "environments.production.region", "[registry]"),
        (
            declared(more='[access]\npermissions_boundary = "arn:aws:iam::111111111111:policy/Bound"'),
            "access.permissions_boundary",
            "the name of a policy that each account has",
        ),
    ],
)
def test_places_that_could_not_work_together_are_refused(text: str, key: str, allowed: str):
    error = refusal(text)
    assert error.key == key
    assert allowed in str(error)


@pytest.mark.parametrize("boundary", ["Bound", "arn:aws:iam::aws:policy/PowerUserAccess"])
def test_a_boundary_that_every_account_has_may_be_given(boundary: str):
    assert config.parse(declared(more=f'[access]\npermissions_boundary = "{boundary}"')).foreign


@pytest.mark.parametrize("name", ["registry", "workflow", "access", "groups-07"])
def test_a_foreign_environment_cannot_have_the_name_of_a_stack_that_there_is_already(name: str):
    text = (
        declared().replace("[environments.production]", f"[environments.{name}]").replace("s.production]", f"s.{name}]")
    )
    assert refusal(text).key == f"environments.{name}"
    assert config.parse(text.replace(f'account = "{AWAY}"', "")).environments[name].stage == "Production"


def test_both_sides_derive_the_same_names():
    spec = config.parse(declared(more='[access]\nrole_path = "/ml/"'))
    home = Place(HOME, "eu-west-1")
    assert accounts.home_of(spec) == home
    assert accounts.bus_arn(spec, "", home) == f"arn:aws:events:eu-west-1:{HOME}:event-bus/acme-rollouts"
    assert accounts.buses_abroad(spec) == [f"arn:aws:events:eu-west-1:{AWAY}:event-bus/acme-production-rollouts"]
    assert accounts.registry_role_arn(spec, "production") == f"arn:aws:iam::{HOME}:role/ml/acme-production-registry"
    assert accounts.rollout_role_arn(spec, "production") == f"arn:aws:iam::{AWAY}:role/ml/acme-production-rollout"
    assert accounts.models_role_arn(spec, "production") == f"arn:aws:iam::{AWAY}:role/ml/acme-production-models"
    assert accounts.look_role_arn(spec, "production") == f"arn:aws:iam::{AWAY}:role/ml/acme-production-look"


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("us-east-1", "aws")],
)
def test_the_partition_follows_from_the_region(region: str, partition: str):
    spec = config.parse(declared(registry=PLACE.replace("eu-west-1", region)))
    assert accounts.rollout_role_arn(spec, "production").startswith(f"arn:{partition}:iam::{AWAY}:role/")


def test_a_place_is_read_from_an_arn():
    assert Place.of(f"arn:aws:dynamodb:eu-west-1:{HOME}:table/ledger") == Place(HOME, "eu-west-1")


def test_repositories_of_images_are_read():
    spec = config.parse(declared(registry=f'{PLACE}\nimages = ["acme/sklearn", "a.b-c_d__e/f"]'))
    assert spec.images == ("acme/sklearn", "a.b-c_d__e/f")


@pytest.mark.parametrize("name", ["a", "Acme", "acme/", "/acme", "acme//x", "acme.-x", "a" * 257, "acme:latest"])
def test_what_is_no_name_of_a_repository_is_refused(name: str):
    error = refusal(declared(registry=f'{PLACE}\nimages = ["{name}"]'))
    assert error.key == "registry.images[0]"
    assert "ECR repository" in str(error)
