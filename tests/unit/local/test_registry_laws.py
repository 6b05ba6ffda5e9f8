"""The registry against a small model of its rules, driven at random."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from modelward.local.sagemaker import ApiError, Caller, ManualClock, MemoryHosting, SageMaker

CALLER = Caller("arn:aws:iam::123456789012:user/ann", "AIDAANN", "123456789012")
SPECIFICATION = {"Containers": [{"Image": "i"}]}
STATUSES = st.sampled_from(["Approved", "Rejected", "PendingManualApproval"])
KEYS = st.sampled_from(["a", "b", "c", "d"])
METADATA = st.dictionaries(KEYS, st.sampled_from(["1", "2", "3"]), min_size=1)
UPDATES = st.fixed_dictionaries(
    {},
    optional={
        "ModelApprovalStatus": STATUSES,
        "ApprovalDescription": st.sampled_from(["good", "bad"]),
        "CustomerMetadataProperties": METADATA,
        "CustomerMetadataPropertiesToRemove": st.lists(KEYS, max_size=2),
        "ModelLifeCycle": st.sampled_from([{"Stage": s, "StageStatus": "Approved"} for s in ("Staging", "Production")]),
    },
)
PLAIN = ("ModelApprovalStatus", "ApprovalDescription", "ModelLifeCycle")


class Registry(RuleBasedStateMachine):
    """`expected` is the model: what each version must say, by number, in the order of creation."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.core = SageMaker(
            "123456789012", "eu-west-1", clock=self.clock, emit=lambda event: None, hosting=MemoryHosting()
        )
        self.expected: dict[int, dict[str, Any]] = {}
        self.tokens: dict[str, int] = {}
        self.last = 0
        self.call("CreateModelPackageGroup", ModelPackageGroupName="g")

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.core.call(operation, request, CALLER)

    @rule(status=STATUSES, metadata=METADATA, passes=st.booleans())
    def register(self, status: str, metadata: dict[str, str], passes: bool) -> None:
        self.clock.advance(1 if passes else 0)
        given = {"ModelApprovalStatus": status, "CustomerMetadataProperties": metadata}
        arn = self.call("CreateModelPackage", ModelPackageGroupName="g", InferenceSpecification=SPECIFICATION, **given)
        self.last += 1
        assert arn["ModelPackageArn"].endswith(f"/g/{self.last}")
        self.expected[self.last] = given

    @rule(token=st.sampled_from(["x", "y"]))
    def register_with_a_token(self, token: str) -> None:
        request = {"ModelPackageGroupName": "g", "InferenceSpecification": SPECIFICATION, "ClientToken": token}
        arn = self.call("CreateModelPackage", **request)["ModelPackageArn"]
        if token not in self.tokens:
            self.last += 1
            self.tokens[token] = self.last
            self.expected[self.last] = {"ModelApprovalStatus": "PendingManualApproval"}
        assert arn.endswith(f"/g/{self.tokens[token]}")

    @precondition(lambda self: self.expected)
    @rule(data=st.data(), change=UPDATES)
    def update(self, data: st.DataObject, change: dict[str, Any]) -> None:
        number = data.draw(st.sampled_from(sorted(self.expected)))
        arn = f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/g/{number}"
        self.call("UpdateModelPackage", ModelPackageArn=arn, **change)
        wanted = dict(self.expected[number])
        wanted.update((member, change[member]) for member in PLAIN if member in change)
        removed = change.get("CustomerMetadataPropertiesToRemove", ())
        kept = {key: value for key, value in wanted.pop("CustomerMetadataProperties", {}).items() if key not in removed}
        metadata = kept | change.get("CustomerMetadataProperties", {})
        self.expected[number] = wanted | ({"CustomerMetadataProperties": metadata} if metadata else {})

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.expected)))
        self.call("DeleteModelPackage", ModelPackageName=f"g/{number}")
        del self.expected[number]

    @precondition(lambda self: self.expected)
    @rule()
    def deleting_the_group_is_refused_while_it_holds_versions(self) -> None:
        with pytest.raises(ApiError, match="ConflictException"):
            self.call("DeleteModelPackageGroup", ModelPackageGroupName="g")

    @rule(size=st.integers(1, 4), descending=st.booleans(), status=st.none() | STATUSES)
    def pages_join_to_what_is_there(self, size: int, descending: bool, status: str | None) -> None:
        request: dict[str, Any] = {"ModelPackageGroupName": "g", "MaxResults": size}
        request |= {"SortOrder": "Descending"} if descending else {}
        request |= {"ModelApprovalStatus": status} if status else {}
        found: list[int] = []
        while True:
            answer = self.call("ListModelPackages", **request)
            found += [each["ModelPackageVersion"] for each in answer["ModelPackageSummaryList"]]
            assert len(answer["ModelPackageSummaryList"]) <= size
            if "NextToken" not in answer:
                break
            request["NextToken"] = answer["NextToken"]
        wanted = [n for n, each in self.expected.items() if status in {None, each["ModelApprovalStatus"]}]
        assert found == (wanted[::-1] if descending else wanted)

    @rule(key=KEYS)
    def search_finds_a_metadata_key_where_it_is(self, key: str) -> None:
        test = {"Name": f"CustomerMetadataProperties.{key}", "Operator": "Exists"}
        answer = self.call("Search", Resource="ModelPackage", SearchExpression={"Filters": [test]})
        found = {each["ModelPackage"]["ModelPackageVersion"] for each in answer["Results"]}
        assert found == {n for n, each in self.expected.items() if key in each.get("CustomerMetadataProperties", {})}

    @invariant()
    def every_version_says_what_it_must(self) -> None:
        for number, wanted in self.expected.items():
            found = self.call("DescribeModelPackage", ModelPackageName=f"g/{number}")
            members = (*PLAIN, "CustomerMetadataProperties")
            assert {member: found[member] for member in members if member in found} == wanted


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(max_examples=40, stateful_step_count=25, deadline=None, derandomize=True)
