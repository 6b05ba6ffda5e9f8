"""Git tags that name versions and stages, and promotions that they ask for."""

from dataclasses import replace

import pytest
from tests.dvc_repository import Repository
from tests.service.conftest import IMAGE

from modelward.core.errors import InputError, NotFoundError
from modelward.interop.tags import Wish, plan_tags, promotion, tags_of, write
from modelward.services.registry import Registry

FIGURES = {"accuracy": 0.95, "log_loss": 0.2}


@pytest.fixture
def clone(tmp_path):
    made = Repository(tmp_path / "clone")
    made.write("train.py", "fit()")
    made.git("init")
    made.git("config", "user.name", "Ana")
    made.git("config", "user.email", "ana@example.com")
    made.commit()
    return made


@pytest.fixture
def registry(world, clone):
    return Registry(replace(world.context, folder=clone.root))


@pytest.fixture
def register(world, registry):
    def call(content):
        return registry.model("digits").register(world.pack("model.tar.gz", content), IMAGE, FIGURES)

    return call


@pytest.fixture
def tag(registry, clone):
    def call(number, stage="", **more):
        planned = plan_tags(registry, clone.root, "digits", number, Wish(stage, **more))
        write(clone.root, planned)
        return [each.name for each in planned]

    return call


def test_a_version_is_tagged_once_and_each_stage_with_the_next_number(clone, register, tag):
    register("one")
    commit = clone.git("rev-parse", "HEAD")
    clone.commit()
    assert tag(1) == ["digits@v1.0.0"]
    assert tag(1, "Production", message="a week in staging") == ["digits#production#1"]
    assert tag(1, "staging") == ["digits#staging#2"]
    assert tag(1) == []
    listed = tags_of(clone.root, "digits")
    assert {each.name for each in listed} == {"digits@v1.0.0", "digits#production#1", "digits#staging#2"}
    assert {each.commit for each in listed} == {commit}
    assert tags_of(clone.root, "fraud") == []


def test_tags_take_back_a_stage_a_version_and_a_model(register, tag):
    register("one")
    assert tag(1, "Production", is_cancelled=True) == ["digits#production!#1"]
    assert tag(1, is_cancelled=True) == ["digits@v1.0.0!"]
    assert tag(0, is_cancelled=True) == ["digits@deprecated"]
    with pytest.raises(InputError, match="for a version"):
        tag(0, "Production")


def test_a_tag_of_a_stage_promotes_the_version_of_its_commit_with_its_message_as_reason(
    world, clone, registry, register, tag
):
    register("one")
    clone.commit()
    second = register("two")
    world.run_for(10)
    second.approve(reason="good figures")
    tag(2, "Production", message="a week in staging")
    clone.commit()
    meant = promotion(registry, clone.root, "refs/tags/digits#production#1")
    assert (meant.version.version, meant.stage) == (2, "Production")
    assert meant.reason == "git tag digits#production#1: a week in staging"
    assert meant.version.promote(meant.stage, reason=meant.reason).stage == "Production"


def test_of_two_versions_of_one_commit_the_version_tag_tells_which_is_meant(clone, registry, register, tag):
    register("one")
    register("two")
    clone.git("tag", "-a", "-m", "x", "digits#production")
    with pytest.raises(InputError, match="v2, v1 were registered from commit"):
        promotion(registry, clone.root, "digits#production")
    tag(1)
    assert promotion(registry, clone.root, "digits#production").version.version == 1
    tag(2)
    with pytest.raises(InputError, match="v2, v1"):
        promotion(registry, clone.root, "digits#production")
    tag(2, is_cancelled=True)
    assert promotion(registry, clone.root, "digits#production").version.version == 1


def test_a_tag_at_a_commit_without_a_version_or_of_an_unknown_stage_is_told_so(clone, registry, register):
    register("one")
    clone.commit()
    clone.git("tag", "digits#production")
    clone.git("tag", "digits#attic")
    with pytest.raises(NotFoundError, match="registered from commit"):
        promotion(registry, clone.root, "digits#production")
    with pytest.raises(NotFoundError, match="stage 'attic'"):
        promotion(registry, clone.root, "digits#attic")
    with pytest.raises(NotFoundError, match="git fetch --tags"):
        promotion(registry, clone.root, "digits#staging#8")


@pytest.mark.parametrize(
    "text", ["digits@v1.0.0", "digits#production!#2", "digits@deprecated", "v1", "refs/heads/main"]
)
def test_a_tag_that_assigns_no_stage_promotes_nothing(registry, clone, text):
    with pytest.raises(InputError, match="assigns a stage"):
        promotion(registry, clone.root, text)


def test_a_version_tag_at_another_commit_is_not_overlooked(clone, register, tag):
    clone.git("tag", "-a", "-m", "x", "digits@v1.0.0")
    clone.commit()
    register("one")
    with pytest.raises(InputError, match="it is there, at commit"):
        tag(1)


def test_a_version_without_commit_and_a_place_without_git_have_no_tags(world, clone, registry, tmp_path):
    world.register()
    with pytest.raises(InputError, match="no commit was recorded"):
        plan_tags(registry, clone.root, "digits", 1, Wish())
    with pytest.raises(InputError, match="no git repository"):
        plan_tags(registry, tmp_path, "digits", 1, Wish())


def test_what_git_refuses_is_told(clone, register, registry):
    register("one")
    planned = plan_tags(registry, clone.root, "digits", 1, Wish())
    write(clone.root, planned)
    with pytest.raises(InputError, match="git refuses it"):
        write(clone.root, planned)
