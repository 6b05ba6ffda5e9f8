"""Decisions, their plans, and what is read to make them."""

from dataclasses import replace

import pytest

from modelward.core.errors import InputError, IntegrityError, ModelwardError, NotFoundError, PolicyError
from modelward.planning.changes import AskReconciler, UpdateVersion


def staged(world, accuracy, **more):
    version = world.register(accuracy, **more)
    world.finish()
    version.approve(reason="good figures")
    world.finish()
    return version


@pytest.fixture
def two(world):
    """A world in which v2 serves and v1 is archived."""
    world.release(0.95)
    world.release(0.97)
    return world


@pytest.mark.parametrize("reason", ["", "  ", "\n", "\t ", "one\ntwo", "bell\x07", "x" * 1025, "Refused: no"])
def test_a_decision_without_a_proper_reason_is_refused_before_anything_is_changed(world, reason):
    version = world.register()
    world.finish()
    since = len(world.calls)
    for decide in (
        lambda: version.approve(reason=reason),
        lambda: version.reject(reason=reason),
        lambda: version.promote("Development", reason=reason),
        lambda: world.digits.roll_back("production", reason=reason),
        lambda: version.plan_approve(reason=reason),
    ):
        with pytest.raises(InputError, match="reason: "):
            decide()
    assert world.calls[since:] == []


def test_what_does_not_exist_is_named_with_what_does(world):
    version = world.register()
    world.finish()
    since = len(world.calls)
    for ask, named in (
        (lambda: world.registry.model("digit"), "model 'digit' does not exist. There are: digits"),
        (lambda: world.digits.version(7), "version 'digits/7' does not exist"),
        (lambda: world.digits.compare(1, 7), "version 'digits/7' does not exist"),
        (lambda: world.digits.current("production"), "stage 'production' does not exist. There are: Development, "),
        (lambda: version.promote("Prod", reason="x"), "stage 'Prod' does not exist. There are: Development, "),
        (lambda: world.digits.deploy("prod"), "environment 'prod' does not exist. There are: staging, production"),
        (lambda: world.digits.deploy("production"), "approved version of digits in stage 'Production'"),
        (lambda: world.digits.roll_back("prod", reason="x"), "environment 'prod' does not exist"),
        (lambda: world.digits.roll_back("production", reason="x"), "approved version that production served before"),
        (lambda: world.digits.best("f1"), "metric 'f1' does not exist"),
    ):
        with pytest.raises(NotFoundError) as refused:
            ask()
        assert named in refused.value.problem
        assert refused.value.next_step
    assert world.changing(since) == []


@pytest.mark.parametrize("number", [0, -1, 1_000_000_000])
def test_a_number_that_sagemaker_never_gives_is_no_version(world, number):
    with pytest.raises(InputError, match="versions are numbered from 1"):
        world.digits.version(number)


def test_a_promotion_against_the_rules_is_refused_with_each_figure_and_changes_nothing(world):
    world.release(0.99)
    pending, worse = world.register(0.985), world.register(0.93, content="w", log_loss=0.9)
    world.finish()
    since = len(world.calls)

    with pytest.raises(PolicyError, match="must be Approved; it is PendingManualApproval") as refused:
        pending.promote("Production", reason="now")
    assert refused.value.next_step == "`modelward approve digits 2 --reason …` first."
    with pytest.raises(PolicyError) as refused:
        worse.approve(reason="please")
    assert [line.rpartition(": ")[2] for line in refused.value.details] == ["holds", "refused", "refused"]
    assert world.changing(since) == []


def test_a_version_that_sagemaker_has_not_finished_cannot_be_approved(world):
    version = world.register()
    core = world.core.packages
    package = core.find(version.arn)
    core._shelf.replace(package.arn, replace(package, status="InProgress"))
    with pytest.raises(PolicyError, match="is InProgress, and only a Completed version"):
        version.approve(reason="good")


def test_every_plan_changes_nothing_and_is_what_the_verb_then_does(two):
    third = two.register(0.98)
    two.finish()
    verbs = [
        (third.plan_approve, third.approve, ()),
        (third.plan_promote, third.promote, ("Production",)),
        (two.digits.plan_roll_back, two.digits.roll_back, ("production",)),
        (third.plan_reject, third.reject, ()),
    ]
    for plan, do, arguments in verbs:
        since = len(two.calls)
        planned = plan(*arguments, reason="because")
        assert two.changing(since) == []
        change, *asked = planned.changes
        assert isinstance(change, UpdateVersion)
        assert all(isinstance(each, AskReconciler) for each in asked)

        done = do(*arguments, reason="because")
        assert two.changing(since) == ["UpdateModelPackage", *(["PutEvents"] if asked else [])]
        found = two.sagemaker.describe_model_package(ModelPackageName=change.arn)
        if change.approval:
            assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == (change.approval, change.reason)
        if change.life_cycle:
            assert found["ModelLifeCycle"] == change.life_cycle.to_api()
        assert done.approval_status == found["ModelApprovalStatus"]
        assert done.stage == found.get("ModelLifeCycle", {}).get("Stage")
        two.finish()


def test_what_is_so_already_is_an_empty_plan_and_no_call(two):
    second = two.digits.version(2)
    since = len(two.calls)
    assert second.plan_approve(reason="good figures").is_empty
    assert second.plan_promote("Production", reason="again").is_empty
    assert two.digits.plan_roll_back("production", reason="x", to=2).is_empty
    assert two.digits.plan_deploy("production").is_empty
    second.approve(reason="good figures")
    second.promote("Production", reason="again")
    assert two.changing(since) == []


def test_another_reason_for_the_same_verdict_is_recorded(two):
    second = two.digits.version(2)
    second.approve(reason="looked at it again")
    two.finish()
    assert two.entries(2)[-1].why == "looked at it again"
    assert two.serving() == 2


def test_a_plan_to_deploy_is_what_the_reconciler_then_does(world):
    version = staged(world, 0.95)
    version.promote("Production", reason="released")
    first = world.events[-1]
    world.is_deaf = True
    world.settle()
    world.is_deaf = False
    since = len(world.calls)
    before_review = world.digits.plan_deploy("production")
    assert before_review.is_empty
    assert "not reviewed yet" in before_review.why
    assert world.changing(since) == []

    from modelward.handlers import model_package

    world.deliver(model_package.handler, first)
    plan = world.digits.plan_deploy("production")
    assert [line.split()[0] for line in plan.lines()] == [
        "CreateModel", "CreateEndpointConfig", "PutItem", "CreateEndpoint",
    ]  # fmt: skip
    assert len(plan.lines()) == 4


def test_the_live_version_cannot_just_leave_production(two):
    since = len(two.calls)
    with pytest.raises(PolicyError, match="serves production and cannot just leave its stage") as refused:
        two.digits.version(2).promote("Development", reason="tidy up")
    assert "modelward rollback digits production" in refused.value.next_step
    assert two.changing(since) == []


def test_a_roll_back_goes_to_the_version_verified_before_or_to_the_one_named(two):
    two.release(0.98)
    assert two.digits.plan_roll_back("production", reason="x").changes[0].version == 2
    assert two.digits.plan_roll_back("production", reason="x", to=1).changes[0].version == 1


def test_a_roll_back_passes_over_versions_that_were_rejected_or_deleted_since(two):
    two.release(0.98)
    two.digits.version(2).reject(reason="biased")
    two.finish()
    assert two.digits.plan_roll_back("production", reason="x").changes[0].version == 1
    two.sagemaker.delete_model_package(ModelPackageName=two.digits.version(1).arn)
    with pytest.raises(NotFoundError, match="approved version that production served before"):
        two.digits.plan_roll_back("production", reason="x")


def test_a_roll_back_to_a_version_never_verified_there_is_refused(two):
    staged(two, 0.98)
    since = len(two.calls)
    with pytest.raises(PolicyError, match="production was never seen to serve it"):
        two.digits.roll_back("production", reason="x", to=3)
    assert two.changing(since) == []


def test_a_roll_back_to_a_version_that_was_rejected_since_is_refused(two):
    two.digits.version(1).reject(reason="biased")
    two.finish()
    with pytest.raises(PolicyError, match="it is Rejected"):
        two.digits.roll_back("production", reason="x", to=1)


def test_a_roll_back_is_waited_for_like_any_rollout_and_says_why(two):
    two.digits.roll_back("production", reason="users complain")
    assert two.digits.deploy("production").version == 1
    assert two.serving() == 1
    entry = next(entry for entry in two.digits.history() if entry.kind == "rolled-back")
    assert (entry.version, entry.why, entry.environment) == (1, "users complain", "production")


def test_history_is_told_newest_first_and_as_far_as_asked(two):
    history = two.digits.history()
    assert [(entry.at, entry.version, entry.seq) for entry in history] == sorted(
        ((entry.at, entry.version, entry.seq) for entry in history), reverse=True
    )
    assert len(history) == len(two.entries(1)) + len(two.entries(2))
    assert two.digits.history(limit=3) == history[:3]
    assert {entry.why for entry in history} >= {"good figures", "released"}
    assert all(entry.who for entry in history)


def test_a_comparison_recommends_against_the_live_version_and_best_follows_the_gates(two):
    two.register(0.98, log_loss=0.4)
    found = two.digits.compare(1, 3)
    assert (found.winner, found.live.version) == (3, 2)
    assert "v1: accuracy 0.95, live 0.97, worse by at most 0.01: refused" in found.why
    assert two.digits.best("accuracy").version == 3
    assert two.digits.best("log_loss").version == 2, "the lowest, and of equals the newest"


def test_a_download_is_the_registered_bytes(world, tmp_path):
    version = world.register(content="weights")
    found = version.download(tmp_path / "deep" / "folder")
    assert found.name == "model.tar.gz"
    assert found.read_bytes() == (world.folder / "model.tar.gz").read_bytes()


def test_a_download_of_bytes_that_somebody_replaced_leaves_no_file(world, tmp_path):
    version = world.register(content="weights")
    kept = version.download(tmp_path).read_bytes()
    key = version.refresh().artifact_uri.removeprefix("s3://acme-models/")
    world.client("s3").put_object(Bucket="acme-models", Key=key, Body=b"evil")

    with pytest.raises(IntegrityError, match=version.sha256) as refused:
        version.download(tmp_path / "new")
    assert "Do not use it" in refused.value.next_step
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(IntegrityError):
        version.download(tmp_path)
    assert (tmp_path / "model.tar.gz").read_bytes() == kept, "what was there before stays"


def test_a_download_of_what_is_gone_leaves_no_file(world, tmp_path):
    version = world.register()
    key = version.refresh().artifact_uri.removeprefix("s3://acme-models/")
    world.client("s3").delete_object(Bucket="acme-models", Key=key)
    with pytest.raises(NotFoundError, match="object 's3://acme-models/"):
        version.download(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_no_error_of_a_decision_is_anything_but_ours(world):
    version = world.register()
    world.sagemaker.delete_model_package(ModelPackageName=version.arn)
    for ask in (lambda: version.approve(reason="x"), version.refresh, lambda: version.promote("Staging", reason="x")):
        with pytest.raises(ModelwardError, match="digits/1"):
            ask()
