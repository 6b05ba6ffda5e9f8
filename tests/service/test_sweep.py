"""No event of SageMaker ever arrives: the sweep alone reaches the same end."""

import json

import pytest

TOLD = ["registered", "approved", "staged", "deploying", "verified"]


@pytest.fixture
def deaf(world):
    world.is_deaf = True
    return world


def swept(world, times=6):
    """Let the schedule strike, with time for rollouts in between."""
    for _ in range(times):
        world.sweep()
        world.finish()


def test_an_approval_reaches_staging(deaf):
    version = deaf.register()
    version.approve(reason="good")
    swept(deaf, 4)

    assert deaf.serving("staging") == 1
    assert deaf.kinds(1) == TOLD
    assert version.refresh().stage_status == "Approved"


def test_a_promotion_reaches_production_and_archives_the_version_before(deaf):
    deaf.is_deaf = False
    first = deaf.release(0.95)
    second = deaf.register(0.97)
    deaf.finish()
    second.approve(reason="good")
    deaf.finish()
    deaf.is_deaf = True
    second.promote("Production", reason="released")
    swept(deaf, 4)

    assert deaf.serving() == 2
    assert deaf.kinds(2)[-3:] == ["staged", "deploying", "verified"]
    assert first.refresh().stage == "Archived"
    assert deaf.kinds(1)[-1] == "archived"


def test_an_approval_against_the_gates_is_taken_back(deaf):
    version = deaf.register(0.61)
    deaf.sagemaker.update_model_package(ModelPackageArn=version.arn, ModelApprovalStatus="Approved")
    swept(deaf, 3)

    assert version.refresh().approval_status == "Rejected"
    assert deaf.kinds(1) == ["registered", "approved", "refused"]


def test_the_rejection_of_the_live_version_brings_the_one_before_back(deaf):
    deaf.is_deaf = False
    deaf.release(0.95)
    second = deaf.release(0.97)
    deaf.is_deaf = True
    second.reject(reason="it is biased")
    swept(deaf)

    assert deaf.serving() == 1
    assert deaf.digits.current("Production").version == 1
    assert deaf.kinds(2)[-2:] == ["rejected", "archived"]


def test_a_rollout_that_sagemaker_takes_back_is_noticed_and_not_tried_again(deaf):
    deaf.is_deaf = False
    deaf.release(0.95)
    second = deaf.register(0.97)
    deaf.finish()
    second.approve(reason="good")
    deaf.finish()
    deaf.is_deaf = True
    deaf.hosting.health = lambda _config: False
    second.promote("Production", reason="released")
    swept(deaf, 3)
    begun = deaf.core.faults.calls["UpdateEndpoint"]
    swept(deaf, 3)

    assert deaf.serving() == 1
    assert second.refresh().stage_status == "Rejected"
    assert deaf.kinds(2)[-1] == "failed"
    assert deaf.core.faults.calls["UpdateEndpoint"] == begun
    assert deaf.digits.current("Production").version == 1


def test_a_group_that_was_there_before_is_taken_over_with_the_version_approved_last(deaf):
    for accuracy in (0.95, 0.96, 0.97):
        version = deaf.register(accuracy)
        deaf.sagemaker.update_model_package(ModelPackageArn=version.arn, ModelApprovalStatus="Approved")
        deaf.pause()
    swept(deaf)

    assert deaf.serving("staging") == 3
    assert [deaf.digits.version(number).stage for number in (1, 2, 3)] == ["Archived", "Archived", "Staging"]


def out_of_step(capsys):
    """Give for how many seconds environments were told to be out of step, oldest first."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"OutOfStep"' in line]
    return [(line["environment"], *line["OutOfStep"]) for line in lines]


def test_a_sweep_tells_for_how_long_an_environment_has_been_out_of_step_and_ends_when_it_serves(deaf, capsys):
    deaf.is_deaf = False
    deaf.release(0.95)
    deaf.is_deaf = True
    second = deaf.register(0.97)
    second.approve(reason="good")
    deaf.sweep()
    deaf.settle()
    begun = out_of_step(capsys)
    deaf.pause(1)
    deaf.sweep()
    deaf.settle()
    later = out_of_step(capsys)
    swept(deaf, 4)
    out_of_step(capsys)
    swept(deaf, 1)

    assert [environment for environment, _ in [*begun, *later]] == ["staging"] * 2
    assert 0 <= begun[0][1] < 1 <= later[0][1] < 3
    assert out_of_step(capsys) == []


def test_a_sweep_of_a_settled_model_changes_nothing(deaf):
    deaf.is_deaf = False
    deaf.release(0.95)
    deaf.is_deaf = True
    since = len(deaf.calls)
    swept(deaf, 1)

    changes = deaf.changing(since)
    assert changes == ["SendMessageBatch"], "one message that asks for the model's own sweep"


def test_a_sweep_of_25_models_asks_for_each_once_in_three_calls(deaf):
    names = [f"model-{number:02d}" for number in range(24)]
    deaf.use(deaf.declaration + "".join(f"[models.{name}]\nowner = 'team'\n" for name in names))
    since = len(deaf.calls)
    deaf.sweep()

    assert deaf.calls[since:] == [("sqs", "SendMessageBatch")] * 3
    asked, inbox = [], {"QueueUrl": deaf.settings.reconcile_queue_url, "MaxNumberOfMessages": 10}
    while messages := deaf.client("sqs").receive_message(**inbox).get("Messages", []):
        asked += [json.loads(message["Body"]) for message in messages]
    assert sorted(message["model"] for message in asked if "model" in message) == ["digits", *names]
    assert [message for message in asked if tuple(message) != ("model",)] == [{"tidy": True}]


def test_a_model_whose_sweep_fails_does_not_hold_up_the_others(deaf):
    deaf.use(deaf.declaration + "\n[models.broken]\nowner = 'nobody'\n")
    version = deaf.register()
    version.approve(reason="good")
    swept(deaf, 3)

    assert deaf.serving("staging") == 1
