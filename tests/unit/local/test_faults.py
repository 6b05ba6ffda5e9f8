import pytest

from modelward.local.sagemaker import ApiError, Fault, SageMaker, UnansweredError


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        (Fault.THROTTLE, "ThrottlingException", 400),
        (Fault.INTERNAL_FAILURE, "InternalFailure", 500),
        (Fault.UNAVAILABLE, "ServiceUnavailable", 503),
        (Fault.CONFLICT, "ConflictException", 400),
        (Fault.DENIED, "AccessDeniedException", 400),
        (Fault.QUOTA, "ResourceLimitExceeded", 400),
    ],
)
def test_a_refusing_fault_strikes_once_and_changes_nothing(api, kind, code, status) -> None:
    api.core.faults.add("CreateModelPackageGroup", kind=kind)
    refusal = api.refusal("CreateModelPackageGroup", ModelPackageGroupName="digits")
    assert (refusal.code, refusal.status) == (code, status)
    assert api.core.faults.pending == 0
    api.group()


def test_a_denial_names_who_and_what(api) -> None:
    api.core.faults.add("ListModels", kind=Fault.DENIED)
    assert api.refusal("ListModels").message == (
        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: sagemaker:ListModels "
        "on resource: * because no identity-based policy allows the sagemaker:ListModels action"
    )


def test_a_fault_waits_for_its_call_from_now_on(api) -> None:
    api("ListModels")
    api.core.faults.add("ListModels", call=2, kind=Fault.THROTTLE)
    api("ListModels")
    with pytest.raises(ApiError):
        api("ListModels")
    api("ListModels")
    assert api.core.faults.calls["ListModels"] == 4


def test_a_time_out_before_leaves_no_trace(api) -> None:
    api.group()
    api.core.faults.add("CreateModelPackage", kind=Fault.TIMEOUT_BEFORE)
    with pytest.raises(UnansweredError):
        api.version()
    assert api.events == []
    assert api.version().endswith("/1")


def test_a_time_out_after_took_effect_and_a_token_finds_it(api) -> None:
    api.group()
    api.core.faults.add("CreateModelPackage", kind=Fault.TIMEOUT_AFTER)
    with pytest.raises(UnansweredError):
        api.version(ClientToken="run-1")
    assert len(api.events) == 1
    assert api.version(ClientToken="run-1").endswith("/1")
    assert api.version(ClientToken="run-2").endswith("/2")


@pytest.mark.fidelity("unknown-operation")
def test_an_operation_that_is_not_there_is_refused_by_name(api) -> None:
    refusal = api.refusal("CreateTrainingJob")
    assert (refusal.code, refusal.status) == ("UnknownOperationException", 400)
    assert "CreateTrainingJob" in refusal.message


def test_a_receiver_of_an_event_may_call_back(api) -> None:
    """Events leave when the call is over, so what they tell of can be read."""
    seen: list[str] = []

    def read_back(event) -> None:
        version = core.call("DescribeModelPackage", {"ModelPackageName": event["resources"][0]}, api.caller)
        seen.append(version["ModelApprovalStatus"])

    core = SageMaker("123456789012", "eu-west-1", clock=api.clock, emit=read_back, hosting=api.hosting)
    api.core = core
    api.group()
    arn = api.version()
    api("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Approved")
    assert seen == ["PendingManualApproval", "Approved"]
