"""Constructs as somebody else's app uses them."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelward.config import load
from modelward.core.errors import InputError, NotFoundError

ROOT = Path(__file__).resolve().parents[2]
# What `cdk init` writes into new apps; with it, references between stacks are weak unless somebody says otherwise.
FLAGS = json.loads((ROOT / "cdk.json").read_text())["context"]


@pytest.fixture
def synthesized(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Let a test fill the stack "mine" of a new app; give the resources of that stack or another.

    cdk-nag finds nothing in them, unless the test leaves it out: targets of rules are the app's own affair.
    """
    from modelward_infra import App, check

    from aws_cdk import Stack  # isort: skip

    def synthesize(
        fill: Callable[[Any], Any], *, of: str = "mine", context: Any = None, is_checked: bool = True
    ) -> dict[str, Any]:
        app = App(outdir=str(tmp_path / "cdk.out"), context=context)
        fill(Stack(app, "mine"))
        if is_checked:
            check(app)
        app.synth()
        template = json.loads((tmp_path / f"cdk.out/{of}.template.json").read_text())
        found: dict[str, Any] = template["Resources"]
        return found

    return synthesize


def _group(stack: Any, **props: Any) -> Any:
    from modelward_infra import ModelPackageGroup, ModelPackageGroupProps

    return ModelPackageGroup(stack, "Group", ModelPackageGroupProps(**props))


def _registry(stack: Any, spec: Path = ROOT / "registry.toml") -> Any:
    from modelward_infra import ModelRegistry, ModelRegistryProps

    return ModelRegistry(stack, "Registry", ModelRegistryProps(spec=load(spec)))


def _role(stack: Any, name: str = "Role") -> Any:
    from aws_cdk import aws_iam as iam

    return iam.Role(stack, name, assumed_by=iam.AccountRootPrincipal())


def _of(resources: dict[str, Any], kind: str) -> list[Any]:
    return [each["Properties"] for each in resources.values() if each["Type"] == kind]


def test_a_group_is_kept_and_says_whose_it_is(synthesized: Any) -> None:
    [group] = synthesized(lambda stack: _group(stack, name="churn", owner="risk-team")).values()
    assert (group["DeletionPolicy"], group["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert group["Properties"]["Tags"] == [{"Key": "modelward:owner", "Value": "risk-team"}]


def test_a_group_that_exists_is_no_resource_and_is_granted_all_the_same(synthesized: Any) -> None:
    def fill(stack: Any) -> None:
        group = _group(stack, name="churn", existing=True)
        group.grant_read(_role(stack))
        group.on_registered("New")

    resources = synthesized(fill, is_checked=False)
    kinds = {each["Type"] for each in resources.values()}
    assert kinds == {"AWS::IAM::Role", "AWS::IAM::Policy", "AWS::Events::Rule"}
    assert "model-package/churn/*" in json.dumps(_of(resources, "AWS::IAM::Policy"))


@pytest.mark.parametrize("grant", ["grant_find", "grant_read", "grant_register", "grant_approve", "grant_deploy"])
def test_a_grant_alone_leaves_cdk_nag_nothing_to_find(synthesized: Any, grant: str) -> None:
    resources = synthesized(lambda stack: getattr(_group(stack, name="Churn"), grant)(_role(stack)))
    assert len(_of(resources, "AWS::IAM::Policy")) == 1


def test_a_service_can_be_granted_although_there_is_nothing_to_acknowledge(synthesized: Any) -> None:
    from aws_cdk import aws_iam as iam

    resources = synthesized(lambda stack: _group(stack, name="churn").grant_read(iam.AnyPrincipal()))
    assert _of(resources, "AWS::IAM::Policy") == []


@pytest.mark.parametrize("name", ["", "no_underscore", "-first", "a" * 64, "two words", "*"])
def test_names_that_sagemaker_refuses_are_refused_at_synthesis(synthesized: Any, name: str) -> None:
    with pytest.raises(InputError, match=r"name: .*1 to 63 letters"):
        synthesized(lambda stack: _group(stack, name=name))
    with pytest.raises(InputError, match=r"stage: .*1 to 63 letters"):
        synthesized(lambda stack: _group(stack, name="churn").grant_approve(_role(stack), name))
    for key in ("stage", "stage_status"):
        with pytest.raises(InputError, match=f"{key}: .*1 to 63 letters"):
            synthesized(lambda stack, key=key: _group(stack, name="churn").on_stage_changed("R", **{key: name}))


def test_a_rule_goes_where_its_target_is_and_refers_to_nothing_of_the_registry(synthesized: Any) -> None:
    from aws_cdk import Stack
    from aws_cdk import aws_events_targets as targets
    from aws_cdk import aws_sqs as sqs

    def fill(stack: Any) -> None:
        other = Stack(stack.node.root, "other")
        lost = sqs.Queue(other, "Lost", enforce_ssl=True)
        again = sqs.DeadLetterQueue(queue=lost, max_receive_count=5)
        queue = sqs.Queue(other, "Queue", enforce_ssl=True, dead_letter_queue=again)
        _group(stack, name="churn").on_approved("Approved", target=targets.SqsQueue(queue), scope=other)

    resources = synthesized(fill, of="other", is_checked=False)
    [rule] = _of(resources, "AWS::Events::Rule")
    assert rule["Targets"][0]["Arn"]["Fn::GetAtt"][0].startswith("Queue")
    assert "ImportValue" not in json.dumps(resources)


def test_a_rule_of_a_registry_is_for_all_its_models_and_for_nobody_if_it_has_none(
    synthesized: Any, synthesize: Any, tmp_path: Path
) -> None:
    spec = tmp_path / "registry.toml"

    def names(*models: str) -> Any:
        spec.write_text(synthesize.declare(*models))
        resources = synthesized(lambda stack: _registry(stack, spec).on_approved("Approved"), is_checked=False)
        [rule] = _of(resources, "AWS::Events::Rule")
        assert len(json.dumps(rule["EventPattern"])) <= 2048
        return rule["EventPattern"]["detail"].get("ModelPackageGroupName")

    assert names("Churn", "digits") == ["Churn", "churn", "digits"]
    assert names() == [""]
    assert names(*(f"a-model-with-a-rather-long-name-{number}" for number in range(80))) is None


def test_a_registry_grants_its_stages_only(synthesized: Any) -> None:
    with pytest.raises(NotFoundError, match="stage 'Prod' does not exist"):
        synthesized(lambda stack: _registry(stack).grant_approve(_role(stack), "Prod"))
    resources = synthesized(lambda stack: _registry(stack).grant_approve(_role(stack), "Production"))
    policies = [json.dumps(each) for each in _of(resources, "AWS::IAM::Policy")]
    [policy] = [text for text in policies if "UpdateModelPackage" in text]
    assert '{"StringEquals": {"sagemaker:ModelLifeCycle:Stage": "Production"}}' in policy


def test_what_a_registry_holds_cannot_be_taken_from_under_another_stack(synthesized: Any) -> None:
    # With weak references CloudFormation would let the bucket go, and cdk-nag would see another resource.
    from aws_cdk import Stack

    def fill(stack: Any) -> None:
        _registry(stack).grant_register(_role(Stack(stack.node.root, "team")))

    assert "Fn::ImportValue" in json.dumps(synthesized(fill, of="team", context=FLAGS))


@pytest.mark.parametrize("context", [None, FLAGS], ids=["no flags", "all flags"])
def test_registry_and_workflow_share_one_stack_if_somebody_wants_it(synthesized: Any, context: Any) -> None:
    from modelward_infra import ApprovalWorkflow, ApprovalWorkflowProps

    def fill(stack: Any) -> None:
        props = ApprovalWorkflowProps(registry=_registry(stack), spec_path=ROOT / "registry.toml")
        ApprovalWorkflow(stack, "Workflow", props)

    resources = synthesized(fill, context=context)
    assert len(_of(resources, "AWS::Lambda::Function")) == 3
    tagged = _of(resources, "AWS::SQS::Queue") + _of(resources, "AWS::S3::Bucket")
    assert all({"Key": "modelward:registry", "Value": "acme"} in each["Tags"] for each in tagged)


def test_a_stack_holds_a_construct_for_others_and_nothing_else(assembly: Any) -> None:
    for stack in ("registry", "workflow"):
        paths = {resource["Metadata"]["aws:cdk:path"].split("/")[1] for resource in assembly.resources(stack).values()}
        assert paths == {"Default"}


def test_metrics_are_of_the_functions_and_queues_that_they_tell_of(synthesized: Any) -> None:
    from modelward_infra import ApprovalWorkflow, ApprovalWorkflowProps

    seen = []

    def fill(stack: Any) -> None:
        props = ApprovalWorkflowProps(registry=_registry(stack), spec_path=ROOT / "registry.toml")
        workflow = ApprovalWorkflow(stack, "Workflow", props)
        metrics = [
            *(each.metric_function_errors() for each in (workflow.review, workflow.rollout, workflow.notify)),
            *(each.metric_dead_letters() for each in (workflow.review, workflow.rollout, workflow.notify)),
            *(each.metric_oldest_message_age() for each in (workflow.review, workflow.rollout)),
            workflow.notify.metric_iterator_age(),
        ]
        seen.extend((each.metric_name, each.statistic, json.dumps(stack.resolve(each.dimensions))) for each in metrics)

    synthesized(fill)
    told = [(name, statistic) for name, statistic, _dimensions in seen]
    assert told == [("Errors", "Sum")] * 3 + [("ApproximateNumberOfMessagesVisible", "Maximum")] * 3 + [
        ("ApproximateAgeOfOldestMessage", "Maximum")
    ] * 2 + [("IteratorAge", "Maximum")]
    parts = (
        "Review",
        "Rollout",
        "Notify",
        "ReviewsFailed",
        "RolloutsFailed",
        "Untold",
        "ReviewsQ",
        "RolloutsQ",
        "Notif",
    )
    for part, (_name, _statistic, dimensions) in zip(parts, seen, strict=True):
        assert f"Workflow{part}" in dimensions


def test_props_are_frozen_and_slotted() -> None:
    import modelward_infra

    props = [getattr(modelward_infra, name) for name in modelward_infra.__all__ if name.endswith("Props")]
    assert len(props) >= 3
    for each in props:
        assert dataclasses.is_dataclass(each)
        assert each.__dataclass_params__.frozen
        assert "__slots__" in vars(each)
