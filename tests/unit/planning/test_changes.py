"""Plans as people and programs read them."""

import json
from pathlib import Path
from typing import get_args

import pytest

from modelward.config.spec import (
    AutoscalingSpec,
    CaptureSpec,
    EndpointSpec,
    RolloutSpec,
    Serverless,
    Strategy,
    VpcSpec,
)
from modelward.core.gates import Verdict
from modelward.core.ledger import Entry, EntryKind, Snapshot
from modelward.core.model_package import ApprovalStatus, Entered, LifeCycle
from modelward.core.transform import Transform
from modelward.planning.changes import (
    AskReconciler,
    Captures,
    Challenger,
    Change,
    CreateEndpoint,
    CreateEndpointConfig,
    CreateModel,
    CreateTransformJob,
    CreateVersion,
    DeleteEndpoint,
    DeleteEndpointConfig,
    DeleteModel,
    DeregisterScaling,
    Guard,
    LookAgain,
    Plan,
    PutText,
    Record,
    RegisterScaling,
    RunSmokeTest,
    ShiftCalls,
    UpdateEndpoint,
    UpdateVersion,
    UploadFile,
)


def every_change(world):
    verdict = Verdict("accuracy", "at_least", 0.9, 0.95, None, True)
    entry = Entry(
        "digits", 2, 3, world.NOON, EntryKind.STAGED, "arn:x", "released", "Production", "production",
        figures={"accuracy": 0.95}, verdicts=(verdict,), facts={"config": "c"}, seen=Snapshot(stage="Staging"),
    )  # fmt: skip
    serverless = EndpointSpec("staging", Serverless(2048, 5))
    return (
        UploadFile(Path("build/model.tar.gz"), "bucket", "key", 1234567),
        PutText("{}", "bucket", "metrics.json"),
        CreateVersion("digits", {"ModelApprovalStatus": "PendingManualApproval", "Containers": [{"Image": "x"}]}),
        UpdateVersion(
            "arn:v2", 2, ApprovalStatus.APPROVED, "good", LifeCycle("Production", "InProgress", "go"),
            Entered("Production", world.NOON),
        ),
        UpdateVersion("arn:v2", 2),
        Record(entry),
        CreateModel("m", "arn:v2", world.ROLE),
        CreateEndpointConfig("c", "m", serverless),
        CreateEndpointConfig("c", "m", EndpointSpec("production", None, "ml.m5.large", 2)),
        CreateEndpoint("e", "c"),
        UpdateEndpoint("e", "c"),
        DeleteEndpoint("e"),
        AskReconciler("digits", "production", 2),
        LookAgain("digits", "staging", delay_s=60),
        DeleteEndpointConfig("c", "e"),
        DeleteModel("m"),
        CreateModel("m", "arn:v2", world.ROLE, vpc=VpcSpec(("subnet-1",), ("sg-1",))),
        CreateEndpointConfig(
            "c", "m", EndpointSpec("production", None, "ml.m5.large", data_capture=CaptureSpec(10)),
            Captures("s3://b/capture", "arn:key"),
        ),
        UpdateEndpoint("e", "c", guard=Guard(RolloutSpec(Strategy.CANARY, 10, 60), ("e-errors",))),
        UpdateEndpoint("e", "c", guard=Guard(RolloutSpec(), ())),
        UpdateVersion("arn:v2", 2, share=30),
        ShiftCalls("e", {"AllTraffic": 70.0, "Challenger": 30.0}),
        CreateEndpointConfig(
            "c", "m", EndpointSpec("production", None, "ml.m5.large", 2), None, Challenger("m2", 50, is_shadow=True)
        ),
        UpdateEndpoint("e", "c", keeps_count=True),
        RunSmokeTest("digits-production", 2),
        RegisterScaling("e", AutoscalingSpec(1, 4, 100)),
        DeregisterScaling("e"),
        CreateTransformJob("j", "m", "digits", 2, Transform("s3://in/x"), "s3://out/y"),
        CreateEndpointConfig(
            "c", "m", EndpointSpec("production", None, "ml.m5.large", autoscaling=AutoscalingSpec(3, 4, 100))
        ),
    )  # fmt: skip


def test_every_kind_of_change_has_an_example_here(world):
    assert {type(change) for change in every_change(world)} == set(get_args(Change))


def test_a_plan_of_every_kind_of_change_is_plain_json(world):
    plan = Plan("for a test", every_change(world))
    told = json.loads(json.dumps(plan.to_json(), allow_nan=False))
    assert [each["change"] for each in told["changes"]] == [type(change).__name__ for change in plan.changes]
    assert told["why"] == "for a test"


def test_a_plan_tells_programs_all_that_it_will_do(world):
    told = Plan("", every_change(world)).to_json()["changes"]
    update = told[3]
    assert update["approval"] == "Approved"
    assert update["life_cycle"] == {"stage": "Production", "status": "InProgress", "description": "go"}
    assert update["entered"] == "Production@2026-01-05T12:00:00.000000+00:00"
    assert told[5]["entry"]["entry"] == "000000002#000003"
    assert told[7]["endpoint"]["serverless"] == {"memory_mb": 2048, "max_concurrency": 5}
    assert told[12] == {"change": "AskReconciler", "model": "digits", "environment": "production", "version": 2}
    assert told[13] == {"change": "LookAgain", "model": "digits", "environment": "staging", "delay_s": 60}


def test_a_plan_tells_people_one_line_for_each_change_that_begins_with_the_api_operation(world):
    plan = Plan("", every_change(world))
    lines = plan.lines()
    assert len(lines) == len(plan.changes)
    assert all("\n" not in line and line.split()[0].isalpha() for line in lines)
    assert lines[0] == "PutObject           s3://bucket/key  (1,234,567 bytes from build/model.tar.gz)"
    assert lines[3] == "UpdateModelPackage  v2: Approved (good) stage Production/InProgress (go)"
    assert lines[7].endswith("(serverless 2048 MB)")
    assert lines[8].endswith("(2 x ml.m5.large)")
    assert lines[12] == "PutEvents           reconcile digits in production"
    assert lines[13].startswith("SendMessage")
    assert lines[13].endswith("reconcile digits in staging in 60 s")
    assert lines[-11:] == [
        "UpdateEndpoint      e -> c  (canary 10 %, 60 s each, back on e-errors)",
        "UpdateEndpoint      e -> c  (all-at-once)",
        "UpdateModelPackage  v2: 30 % of the calls",
        "UpdateEndpointWeightsAndCapacities e  (70 % to AllTraffic, 30 % to Challenger)",
        "CreateEndpointConfig c  (2 x 2 x ml.m5.large, a copy of 50 % to m2)",
        "UpdateEndpoint      e -> c  (with as many instances as now)",
        "InvokeEndpoint      digits-production: the smoke test of v2",
        "PutScalingPolicy    e  (1 to 4 instances, 100 calls a minute each)",
        "DeregisterScalableTarget e",
        "CreateTransformJob  j  (1 x ml.m5.large: s3://in/x -> s3://out/y)",
        "CreateEndpointConfig c  (3 x ml.m5.large)",
    ]


def test_a_model_tells_what_network_its_containers_have(world):
    vpc = VpcSpec(("subnet-1", "subnet-2"), ("sg-1",))
    lines = [
        CreateModel("m", "arn", world.ROLE, *network).line() for network in ((), (True,), (False, vpc), (True, vpc))
    ]
    assert [line.partition("m")[2] for line in lines] == [
        "",
        "  (isolated from the network)",
        "  (in subnet-1, subnet-2)",
        "  (isolated from the network; in subnet-1, subnet-2)",
    ]


def test_a_plan_without_changes_is_empty_and_still_says_why():
    plan = Plan("All is as it should be.")
    assert plan.is_empty
    assert plan.lines() == []
    assert plan.to_json() == {"why": "All is as it should be.", "changes": []}


def test_plans_are_values_that_nobody_can_change(world):
    plan = Plan("x", every_change(world))
    assert plan == Plan("x", every_change(world))
    with pytest.raises(AttributeError):
        plan.why = "y"
