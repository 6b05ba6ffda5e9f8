"""Versions with a smoke test: no endpoint counts as verified before it has answered as expected."""

import json
from collections import Counter

import pytest

from modelward.core.errors import InputError, RolloutError
from modelward.core.names import smoke_key
from modelward.core.smoke import SmokeTest

TEST = SmokeTest("1,2", "text/csv", expected={"predictions": [7.0]}, tolerance=0.1)


def answering(world, **answers):
    """Let containers answer by the weights that they were started with; all others answer as expected."""

    def answer(config, body, content_type):
        assert (body, content_type) in ((b"1,2", "text/csv"), (b"1", "text/csv"))
        key = config.model_data_url.split("/")[-2]
        found = next((said for version, said in answers.items() if world.sha.get(version) == key), None)
        if body == b"1":
            return 200, "application/json", json.dumps({"model_data_url": config.model_data_url}).encode()
        status, said = found or (200, {"predictions": [7.05], "took_ms": 3})
        return status, "application/json", said if isinstance(said, bytes) else json.dumps(said).encode()

    world.hosting.answer = answer


@pytest.fixture
def tested(world):
    """A world in which v1 serves everywhere and v2 waits to be promoted; both have a smoke test."""
    world.sha = {}
    answering(world)
    first = world.release(0.95, smoke=TEST)
    second = world.register(0.97, smoke=TEST)
    world.finish()
    second.approve(reason="good figures")
    world.finish()
    world.sha = {"v1": first.sha256, "v2": second.sha256}
    world.mails()
    return world


def promoted(world):
    version = world.digits.version(2)
    version.promote("Production", reason="released")
    world.finish()
    return version.refresh()


def invoked(world, since=0):
    return [name for _, name in world.calls[since:]].count("InvokeEndpoint")


def test_the_test_is_kept_beside_the_artifact_and_its_digest_on_the_version(world):
    version = world.register(0.95, smoke=TEST)
    key = smoke_key("digits", version.sha256, TEST.digest)
    text = world.client("s3").get_object(Bucket="acme-models", Key=key)["Body"].read().decode()
    assert SmokeTest.parse(text) == SmokeTest("1,2", "text/csv", "", {"predictions": [7.0]}, 0.1)
    assert version.package.metadata["modelward:smoke"] == version.package.smoke == TEST.digest
    assert key.startswith(f"models/digits/{version.sha256}/smoke-")


def test_a_version_whose_artifact_is_somebody_else_s_has_its_test_in_the_registry_s_bucket(world):
    s3 = world.client("s3")
    s3.create_bucket(Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.upload_file(str(world.pack("m.tar.gz")), "elsewhere", "m.tar.gz")
    version = world.digits.register("s3://elsewhere/m.tar.gz", "image", {"accuracy": 1}, smoke=TEST).refresh()
    key = smoke_key("digits", version.sha256, TEST.digest)
    assert s3.head_object(Bucket="acme-models", Key=key)["ContentLength"] == len(TEST.to_text())


def test_another_test_makes_another_version_and_the_same_one_does_not(world):
    first, again = world.register(0.95, smoke=TEST), world.register(0.95, smoke=TEST)
    other = world.register(0.95, smoke=SmokeTest("1,3", "text/csv"))
    assert (first.version, again.version, other.version) == (1, 1, 2)


def test_a_test_that_cannot_be_kept_or_sent_is_refused_before_anything_is_changed(world):
    since = len(world.calls)
    with pytest.raises(InputError, match="smoke test payload"):
        world.register(0.95, smoke=SmokeTest(b"x" * (4 * 1024 * 1024 + 1), "text/csv"))
    assert world.changing(since) == []


def test_a_version_without_a_test_costs_no_call_more(world):
    world.release(0.95)
    assert not {"InvokeEndpoint", "GetObject"} & {name for _, name in world.calls}


def test_a_version_is_verified_once_its_test_has_held_and_the_history_says_so(tested):
    since = len(tested.calls)
    second = promoted(tested)

    assert (second.stage_status, tested.serving()) == ("Approved", 2)
    entry = tested.entries(2)[-1]
    assert entry.kind == "verified"
    assert entry.facts["smoke"] == "its smoke test was answered as expected, within 0.1"
    assert entry.why.endswith("; its smoke test was answered as expected, within 0.1")
    assert Counter(name for _, name in tested.calls[since:])["GetObject"] == 1
    assert invoked(tested, since) - 1 == 1, "one of them is the look at who serves"


def test_a_verified_version_is_not_tested_again(tested):
    promoted(tested)
    since = len(tested.calls)
    tested.sweep()
    tested.finish()
    assert invoked(tested, since) == 0


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ((200, {"predictions": [3.0]}), "the answer.predictions[0] is 3.0, expected 7.0 within 0.1"),
        ((500, b"KeyError: \x1b[31m'pixel_7'\n"), "the model answered 500: KeyError: [31m'pixel_7'"),
        ((200, b" "), "the answer is empty"),
    ],
)
def test_a_version_that_fails_its_test_gives_way_to_the_one_before_on_the_endpoint_too(tested, said, why):
    answering(tested, v2=said)
    second = promoted(tested)

    assert (second.stage, second.stage_status) == ("Production", "Rejected")
    assert second.package.life_cycle.description == f"its smoke test failed: {why}"
    assert tested.serving() == 1, "the endpoint is back on the version before"
    assert tested.endpoint()["EndpointStatus"] == "InService"
    first = tested.digits.current("Production")
    assert (first.version, first.stage_status) == (1, "Approved")
    assert tested.kinds(2)[-2:] == ["deploying", "failed"]
    assert tested.entries(2)[-1].facts["failure"] == "smoke-test"
    assert tested.kinds(1)[-2:] == ["deploying", "verified"]
    assert tested.dead == []
    told = [mail for mail in tested.mails() if "failed its smoke test" in mail["Subject"]]
    assert len(told) == 1
    assert f"its smoke test failed: {why}" in told[0]["Message"]


def test_a_version_that_failed_its_test_is_tried_again_only_when_somebody_decides_so(tested):
    answering(tested, v2=(500, b"no"))
    second, before = promoted(tested), tested.core.faults.calls["UpdateEndpoint"]
    since = len(tested.calls)
    tested.sweep()
    tested.finish()
    assert tested.core.faults.calls["UpdateEndpoint"] == before
    assert invoked(tested, since) == 0

    answering(tested)
    second.promote("Production", reason="the feature store is back")
    tested.finish()
    assert tested.serving() == 2
    assert tested.kinds(2)[-3:] == ["staged", "deploying", "verified"]


def test_waiting_for_a_version_that_fails_its_test_tells_why(tested):
    answering(tested, v2=(500, b"no"))
    tested.digits.version(2).promote("Production", reason="released")
    with pytest.raises(RolloutError, match="its smoke test failed: the model answered 500: no"):
        tested.digits.deploy("production")


def test_a_first_version_that_fails_its_test_stays_where_nothing_is_to_go_back_to(world):
    world.sha = {}
    first = world.register(0.95, smoke=TEST)
    world.sha = {"v1": first.sha256}
    answering(world, v1=(500, b"no"))
    world.finish()
    first.approve(reason="good")
    world.finish()
    assert first.refresh().stage_status == "Rejected"
    assert world.kinds(1)[-1] == "failed"
    assert world.endpoint("staging")["EndpointStatus"] == "InService"
    assert world.dead == []


def test_a_reconfiguration_whose_test_fails_goes_back_to_the_config_before_once(tested):
    before = tested.endpoint()["EndpointConfigName"]
    answering(tested, v1=(500, b"no"))
    tested.use(tested.declaration.replace("instance_count = 2", "instance_count = 3"))
    updates = tested.core.faults.calls["UpdateEndpoint"]
    for _ in range(3):
        tested.sweep()
        tested.finish()

    assert tested.endpoint()["EndpointConfigName"] == before
    assert tested.core.faults.calls["UpdateEndpoint"] == updates + 2, "there and back"
    assert tested.kinds(1).count("failed") == 1
    first = tested.digits.current("Production")
    assert (first.version, first.stage_status) == (1, "Approved")
    assert tested.dead == []


def test_a_test_that_is_gone_or_altered_does_not_hold(tested):
    key = smoke_key("digits", tested.digits.version(2).sha256, TEST.digest)
    tested.client("s3").put_object(Bucket="acme-models", Key=key, Body=b"{}")
    second = promoted(tested)
    assert f"its smoke test failed: s3://acme-models/{key} is not what was registered" in (
        second.package.life_cycle.description
    )
    tested.client("s3").delete_object(Bucket="acme-models", Key=key)
    second = promoted(tested)
    assert f"its smoke test failed: s3://acme-models/{key} is gone" in second.package.life_cycle.description
    assert tested.serving() == 1


def test_the_way_back_takes_no_test_that_was_passed_there_before(tested):
    promoted(tested)
    tested.client("s3").delete_objects(
        Bucket="acme-models",
        Delete={
            "Objects": [
                {"Key": each["Key"]}
                for each in tested.client("s3").list_objects_v2(Bucket="acme-models")["Contents"]
                if "smoke" in each["Key"]
            ]
        },
    )
    tested.digits.roll_back("production", reason="users complain")
    tested.finish()
    assert tested.serving() == 1
    assert tested.kinds(1)[-1] == "verified"


@pytest.mark.parametrize("kind", ["throttled", "timeout_before", "timeout_after", "crash_before", "crash_after"])
def test_a_test_that_fails_and_what_follows_survive_a_fault_at_every_call(tested, marching_fault, kind):
    answering(tested, v2=(500, b"no"))
    tested.fault = marching_fault(kind)
    updates = tested.core.faults.calls["UpdateEndpoint"]

    second = promoted(tested)

    assert "InvokeEndpoint" in tested.fault.struck
    assert tested.dead == []
    assert tested.serving() == 1
    assert second.stage_status == "Rejected"
    assert tested.kinds(2)[-2:] == ["deploying", "failed"]
    assert tested.kinds(1)[-2:] == ["deploying", "verified"]
    assert tested.core.faults.calls["UpdateEndpoint"] == updates + 2


def test_a_plan_tells_of_the_test_and_makes_no_call_of_the_model(tested):
    tested.digits.version(2).promote("Production", reason="released")
    tested.settle()
    tested.is_deaf = True
    tested.finish()
    since = len(tested.calls)
    assert tested.digits.plan_deploy("production").lines() == [
        "InvokeEndpoint      digits-production: the smoke test of v2"
    ]
    assert invoked(tested, since) == 0
