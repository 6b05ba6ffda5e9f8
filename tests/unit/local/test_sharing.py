"""Cores of several accounts: whose core answers, and what one account may see of another's groups."""

import json
from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest

from modelward.local.sagemaker import ApiError, Caller, Fault, Look, ManualClock, MemoryHosting, SageMaker

A, B, REGION = "123456789012", "210987654321", "eu-west-1"
SPECIFICATION = {"Containers": [{"Image": "i", "ModelDataUrl": "s3://b/m.tar.gz"}]}
GROUP = f"arn:aws:sagemaker:{REGION}:{A}:model-package-group/digits"
VERSION = f"arn:aws:sagemaker:{REGION}:{A}:model-package/digits/1"


class World:
    """Two accounts in a region; whoever calls is somebody of B."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.events: list[dict[str, Any]] = []
        self.a, self.b = self._core(A), self._core(B)
        for core in (self.a, self.b):
            core.neighbours = lambda: (self.a, self.b)

    def _core(self, account: str) -> SageMaker:
        return SageMaker(account, REGION, clock=self.clock, emit=self.events.append, hosting=MemoryHosting())

    def call(self, core: SageMaker, operation: str, **request: Any) -> dict[str, Any]:
        return core.call(operation, request, Caller(f"arn:aws:iam::{B}:user/bob", "AIDABOB", B))

    def share(self, group: str = "digits") -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": B},
            "Action": "sagemaker:DescribeModelPackageGroup",
            "Resource": "*",
        }
        policy = json.dumps({"Statement": statement})
        self.call(self.a, "PutModelPackageGroupPolicy", ModelPackageGroupName=group, ResourcePolicy=policy)


@pytest.fixture
def world() -> World:
    made = World()
    made.call(made.a, "CreateModelPackageGroup", ModelPackageGroupName="digits", Tags=[{"Key": "team", "Value": "x"}])
    made.call(
        made.a,
        "CreateModelPackage",
        ModelPackageGroupName="digits",
        InferenceSpecification=SPECIFICATION,
        ModelApprovalStatus="Approved",
    )
    made.events.clear()
    return made


def test_the_owner_answers_for_its_groups_and_tells_of_it_on_its_own_bus(world: World) -> None:
    world.call(world.b, "UpdateModelPackage", ModelPackageArn=VERSION, ApprovalDescription="by bob")
    found = world.call(world.a, "DescribeModelPackage", ModelPackageName=VERSION)
    assert found["LastModifiedBy"]["IamIdentity"]["Arn"] == f"arn:aws:iam::{B}:user/bob"
    assert [event["account"] for event in world.events] == [A]


def test_the_faults_of_the_owner_strike(world: World) -> None:
    world.a.faults.add("DescribeModelPackage", kind=Fault.THROTTLE)
    with pytest.raises(ApiError, match="Rate exceeded"):
        world.call(world.b, "DescribeModelPackage", ModelPackageName=VERSION)
    assert world.b.faults.calls["DescribeModelPackage"] == 0


def test_what_an_account_names_without_an_arn_is_its_own(world: World) -> None:
    with pytest.raises(ApiError, match="does not exist"):
        world.call(world.b, "DescribeModelPackageGroup", ModelPackageGroupName="digits")


@pytest.mark.parametrize("arn", [VERSION.replace(A, "333333333333"), VERSION.replace("/1", "/2")])
def test_a_version_that_nobody_has_does_not_exist(world: World, arn: str) -> None:
    for operation, request in (
        ("DescribeModelPackage", {"ModelPackageName": arn}),
        ("CreateModel", {"ModelName": "m", "PrimaryContainer": {"ModelPackageName": arn}}),
    ):
        with pytest.raises(ApiError, match=f"ModelPackage {arn} does not exist"):
            world.call(world.b, operation, **request)


def test_a_batch_may_mix_accounts(world: World) -> None:
    world.call(world.b, "CreateModelPackageGroup", ModelPackageGroupName="own")
    own = world.call(world.b, "CreateModelPackage", ModelPackageGroupName="own", InferenceSpecification=SPECIFICATION)[
        "ModelPackageArn"
    ]
    nobodys = VERSION.replace(A, "333333333333")
    found = world.call(world.b, "BatchDescribeModelPackage", ModelPackageArnList=[own, VERSION, nobodys])
    assert found["ModelPackageSummaries"].keys() == {own, VERSION}
    assert found["BatchDescribeModelPackageErrorMap"].keys() == {nobodys}


def test_two_accounts_that_deploy_from_each_other_do_not_wait_for_each_other(world: World) -> None:
    world.call(world.b, "CreateModelPackageGroup", ModelPackageGroupName="digits")
    world.call(
        world.b,
        "CreateModelPackage",
        ModelPackageGroupName="digits",
        InferenceSpecification=SPECIFICATION,
        ModelApprovalStatus="Approved",
    )
    container = {"ModelPackageName": VERSION.replace(A, B)}

    def deploy(core: SageMaker, container: dict[str, str]) -> Callable[[], None]:
        def make() -> None:
            for number in range(200):
                world.call(core, "CreateModel", ModelName=f"m{number}", PrimaryContainer=container)

        return make

    threads = [
        Thread(target=deploy(world.a, container), daemon=True),
        Thread(target=deploy(world.b, {"ModelPackageName": VERSION}), daemon=True),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)


def test_shared_groups_come_in_pages(world: World) -> None:
    for name in ("letters", "sounds"):
        world.clock.advance(1)
        world.call(world.a, "CreateModelPackageGroup", ModelPackageGroupName=name)
        world.share(name)
    world.share()
    asked = {"CrossAccountFilterOption": "CrossAccount", "MaxResults": 2}
    first = world.call(world.b, "ListModelPackageGroups", **asked)
    second = world.call(world.b, "ListModelPackageGroups", **asked, NextToken=first["NextToken"])
    pages = [
        [each["ModelPackageGroupName"] for each in page["ModelPackageGroupSummaryList"]] for page in (first, second)
    ]
    assert pages == [["digits", "letters"], ["sounds"]]
    assert "NextToken" not in second


def test_a_look_is_no_call(world: World) -> None:
    world.a.veil.hide_next("model-package", reads=1)
    arn = world.call(
        world.a,
        "CreateModelPackage",
        ModelPackageGroupName="digits",
        InferenceSpecification=SPECIFICATION,
        CustomerMetadataProperties={"owner": "ann"},
    )["ModelPackageArn"]
    world.a.faults.add("DescribeModelPackage", kind=Fault.THROTTLE)
    before = dict(world.a.faults.calls)
    look = world.a.look(arn)
    assert look.tags == {"team": "x"}
    assert look.version["CustomerMetadataProperties"] == {"owner": "ann"}
    assert world.a.faults.calls == before
    assert world.a.faults.pending == 1
    found = world.call(world.a, "BatchDescribeModelPackage", ModelPackageArnList=[arn])
    assert arn in found["BatchDescribeModelPackageErrorMap"], "the veil still has its one read"


def test_a_look_finds_the_policy_of_the_group(world: World) -> None:
    world.share()
    for arn in (GROUP, VERSION, VERSION.replace("/1", "/*")):
        assert "DescribeModelPackageGroup" in str(world.a.look(arn).policy)
    for arn in ("*", "arn:aws:sagemaker", GROUP.replace("digits", "letters"), VERSION.replace("digits/1", "alone")):
        assert world.a.look(arn) == Look()
