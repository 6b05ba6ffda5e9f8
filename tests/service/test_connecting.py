"""From a registry.toml to a deployment: found, not found, or out of reach."""

import pytest

import modelward
from modelward.bootstrap import context_of, for_function
from modelward.core.errors import AccessError, ConfigError, InputError, NotFoundError

IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"


@pytest.fixture
def file(world):
    path = world.folder / "registry.toml"
    path.write_text(world.declaration)
    return path


def deploy(world, *, without=()):
    for name, value in world.settings.to_parameters().items():
        if not name.endswith(without or "nothing"):
            world.client("ssm").put_parameter(Name=name, Value=value, Type="String")


def test_a_deployment_is_found_by_its_parameters_once(world, file):
    deploy(world)
    registry = modelward.connect(file)
    assert [model.name for model in registry.models()] == ["digits"]
    assert registry.spec.name == "acme"
    digits = registry.model("digits")
    assert digits.versions() == []
    version = digits.register(world.pack("model.tar.gz"), IMAGE, {"accuracy": 0.95})
    assert (version.version, digits.version(1).approval_status) == (1, "PendingManualApproval")
    assert digits.history() == []


def test_a_registry_is_found_upwards_from_the_working_folder(world, file, monkeypatch):
    deep = world.folder / "training" / "jobs"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert modelward.connect().spec.name == "acme"


def test_no_deployment_is_told_with_the_command_that_makes_one(world, file):
    digits = modelward.connect(file).model("digits")
    for ask in (lambda: digits.version(1), digits.history, lambda: digits.register(world.pack("m.tar.gz"), IMAGE, {})):
        with pytest.raises(NotFoundError, match="deployment 'acme' does not exist") as refused:
            ask()
        assert "cdk deploy" in refused.value.next_step
        assert "/modelward/acme/" in refused.value.next_step


def test_half_a_deployment_names_what_it_lacks(world, file):
    deploy(world, without=("topic-arn",))
    with pytest.raises(NotFoundError, match="/modelward/acme/topic-arn"):
        modelward.connect(file).model("digits").history()


def test_without_a_declaration_there_is_nothing_to_connect_to(world, monkeypatch):
    monkeypatch.chdir(world.folder)
    with pytest.raises(NotFoundError, match=r"registry\.toml"):
        modelward.connect()


def test_a_wrong_declaration_is_told_by_file_and_key(world, file):
    file.write_text(world.declaration.replace("owner", "ownr"))
    with pytest.raises(ConfigError, match=r"registry\.toml: models\.digits\.ownr"):
        modelward.connect(file)


def test_without_credentials_or_a_region_the_error_says_what_to_set(file, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(file.with_name("none")))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(AccessError, match="AWS_REGION"):
        modelward.connect(file).model("digits").versions()

    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with pytest.raises(AccessError, match="Sign in"):
        modelward.connect(file).model("digits").versions()


def test_a_function_whose_environment_is_incomplete_names_the_variable(world):
    environ = world.settings.to_env()
    del environ["MODELWARD_TABLE"]
    with pytest.raises(ConfigError, match="MODELWARD_TABLE"):
        for_function(environ)


def test_an_arn_of_something_else_is_no_version(world):
    from modelward.services.registry import Version

    with pytest.raises(InputError, match="ends in :model-package/GROUP/NUMBER"):
        Version(world.context, "arn:aws:sagemaker:eu-west-1:123456789012:model-package/digits")


def test_a_client_of_a_service_is_made_once_however_often_it_is_asked_for(world, file):
    context = context_of(file)
    assert context.client("events") is context.client("events")
    assert context.client("events") is not context.client("sqs")
