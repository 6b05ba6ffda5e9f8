"""The policies of people: what they say, for one model and for thousands, and what bounds all roles."""

import json
import re
from typing import Any

import pytest

from modelward.core.errors import InputError

INSTANCES = "instance_type = 'ml.m5.large'\n"
SCALED = "autoscaling = { min = 1, max = 4, invocations_per_instance = 100 }\n"
LIMIT = 6_144  # characters of a managed policy, white space aside
ROLE = "arn:aws:iam::123456789012:role/{}"
DUTIES = ("Contributor", "Validator", "Approver", "Auditor")


def policies(assembly: Any) -> dict[str, Any]:
    """Give the documents by duty, as the resources spell them."""
    found = assembly.resources("access", "AWS::IAM::ManagedPolicy")
    return {_duty(key): each["Properties"]["PolicyDocument"] for key, each in found.items()}


def _duty(logical_id: str) -> str:
    return logical_id.removeprefix("Duties")[:-8]


def size(document: Any) -> int:
    """Measure a policy as IAM does, in the partition and region with the longest names."""
    text = json.dumps(document, separators=(",", ":"))
    text = re.sub(r'\{"Fn::ImportValue":"[^"]*"\}', json.dumps("arn:aws-us-gov:dynamodb:" + "x" * 120), text)
    for name, value in (("Partition", "aws-us-gov"), ("Region", "ap-southeast-7"), ("AccountId", "123456789012")):
        text = text.replace(f'{{"Ref":"AWS::{name}"}}', f'"{value}"')
    joined = re.compile(r'\{"Fn::Join":\["",\[((?:"[^"]*",?)*)\]\]\}')
    return len(joined.sub(lambda match: '"' + match[1].replace('","', "").strip('"') + '"', text))


def allowed(document: Any, action: str) -> str:
    """Give the resources on which an action is allowed, as text."""
    granting = [each for each in document["Statement"] if each["Effect"] == "Allow"]
    spelled = [each["Resource"] for each in granting if f'"{action}"' in json.dumps(each["Action"])]
    return json.dumps(spelled).replace('", {"Ref": "AWS::AccountId"}, "', "")


def denials(document: Any) -> list[Any]:
    return [each for each in document["Statement"] if each["Effect"] == "Deny"]


@pytest.fixture(scope="module")
def thousands(synthesize: Any) -> dict[str, Any]:
    """Give the policies of a registry with 5,000 models, each with two endpoints."""
    from modelward.config import parse
    from modelward_infra import App
    from modelward_infra import storage as parts
    from modelward_infra.roles import Duties, DutiesProps
    from aws_cdk import Stack, assertions  # isort: skip

    stack = Stack(App(), "one")
    key = parts.RegistryKey(stack, "Key", parts.RegistryKeyProps(registry="acme"))
    bucket = parts.ArtifactBucket(stack, "Bucket", parts.ArtifactBucketProps(key))
    ledger = parts.Ledger(stack, "Ledger", parts.LedgerProps(key))
    spec = parse(synthesize.declare(*(f"fraud-detection-{number:04d}" for number in range(5_000))))
    Duties(stack, "Duties", DutiesProps(spec, bucket, key, ledger))
    found = assertions.Template.from_stack(stack).find_resources("AWS::IAM::ManagedPolicy")
    return {_duty(key): each["Properties"]["PolicyDocument"] for key, each in found.items()}


def test_there_is_a_policy_for_each_duty_and_no_role_unasked(assembly) -> None:
    assert set(policies(assembly)) == set(DUTIES)
    assert assembly.resources("access", "AWS::IAM::Role") == {}


def test_parameters_name_the_policies(assembly) -> None:
    parameters = assembly.resources("access", "AWS::SSM::Parameter").values()
    names = {each["Properties"]["Name"] for each in parameters}
    assert names == {f"/modelward/acme/access/{duty.lower()}-policy" for duty in DUTIES}


def test_policies_name_the_models_as_long_as_they_fit(assembly) -> None:
    for document in policies(assembly).values():
        assert ":model-package/digits/*" in allowed(document, "sagemaker:DescribeModelPackage")
        assert ":model-package/*" not in allowed(document, "sagemaker:DescribeModelPackage")


@pytest.mark.parametrize("setting", ["", SCALED])
@pytest.mark.parametrize("models", [1, 5, 10, 20, 40])
def test_a_policy_fits_iam_s_limit_whatever_the_number_of_models(synthesize, models: int, setting: str) -> None:
    name = "{:03d}-a-model-whose-name-has-as-many-characters-as-sagemaker-takes"
    names = (name.format(number)[:63] for number in range(models))
    made = synthesize(synthesize.declare(*names).replace(INSTANCES, INSTANCES + setting))
    assert max(map(size, policies(made).values())) <= LIMIT


def test_who_asks_for_rollouts_may_see_the_type_that_serves_where_its_plan_depends_on_it(synthesize, assembly) -> None:
    plain = policies(assembly)
    scaled = policies(synthesize(synthesize.declare("digits").replace(INSTANCES, INSTANCES + SCALED)))
    for duty in ("Validator", "Approver"):
        assert allowed(plain[duty], "sagemaker:DescribeEndpointConfig") == "[]"
        assert ":endpoint-config/digits-production-v*" in allowed(scaled[duty], "sagemaker:DescribeEndpointConfig")


def test_for_many_models_the_denials_are_the_same_and_the_rest_fits(assembly, thousands) -> None:
    few, many = policies(assembly), thousands
    for duty in DUTIES:
        assert size(many[duty]) <= LIMIT
        assert len(denials(many[duty])) == len(denials(few[duty]))
        assert ":model-package/*" in allowed(many[duty], "sagemaker:DescribeModelPackage")
    assert denials(many["Contributor"]) == denials(few["Contributor"])


def test_the_stages_are_those_of_the_registry(synthesize) -> None:
    text = (
        '[registry]\nname = "acme"\nstages = ["Lab", "Trial", "Shadow", "Live", "Gone"]\n'
        '[environments.live]\nstage = "Live"\n[models.m]\nowner = "t"\n'
    )
    made = policies(synthesize(text))
    said = {duty: json.dumps(denials(made[duty])) for duty in DUTIES}
    assert '"sagemaker:ModelLifeCycle:Stage": ["Lab"]' in said["Contributor"]
    assert '"sagemaker:ModelLifeCycle:Stage": ["Trial", "Shadow"]' in said["Validator"]
    assert '"sagemaker:CurrentModelLifeCycleStage": "Live"' in said["Validator"]
    assert '"sagemaker:ModelLifeCycle:Stage": ["Live", "Gone"]' in said["Approver"]
    assert "Production" not in json.dumps(made)


def test_without_a_stage_in_between_there_is_no_validator(synthesize) -> None:
    text = '[registry]\nname = "acme"\nstages = ["Lab", "Live", "Gone"]\n[models.m]\nowner = "t"\n'
    assert set(policies(synthesize(text))) == {"Contributor", "Approver", "Auditor"}


def test_named_principals_and_no_others_are_trusted(synthesize) -> None:
    text = synthesize.declare("digits", "letters", are_served=False)
    text += f'[models.letters.access]\napprovers = ["{ROLE.format("Risk")}"]\n'
    text += f'[access]\napprovers = ["{ROLE.format("A")}", "{ROLE.format("B")}"]\n'
    made = synthesize(text)
    trusted = {}
    for key, role in made.resources("access", "AWS::IAM::Role").items():
        [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert sorted(statement["Action"]) == ["sts:AssumeRole", "sts:SetSourceIdentity"]
        trusted[key[:-8]] = statement["Principal"]["AWS"]
    assert trusted == {
        "DutiesApproverRole": [ROLE.format("A"), ROLE.format("B")],
        "DutiesApproverlettersRole": ROLE.format("Risk"),
    }
    [other] = [each for each in denials(policies(made)["Approver"]) if each["Resource"] != "*"]
    assert ":model-package/letters/*" in json.dumps(other["Resource"])
    own = policies(made)["Approverletters"]
    assert "digits" not in json.dumps(own)
    assert ":model-package/letters/*" in allowed(own, "sagemaker:UpdateModelPackage")


def test_more_models_with_approvers_of_their_own_than_a_policy_can_name_are_refused(synthesize) -> None:
    names = [f"fraud-detection-with-a-long-name-{number:03d}" for number in range(60)]
    text = synthesize.declare(*names, are_served=False)
    text += "".join(f'[models.{name}.access]\napprovers = ["{ROLE.format("A")}"]\n' for name in names)
    with pytest.raises(InputError, match="60 models with approvers of their own"):
        synthesize(text)


@pytest.mark.parametrize(
    ("boundary", "arn"),
    [
        ("Bounds", "arn:aws:iam::123456789012:policy/Bounds"),
        ("arn:aws:iam::123456789012:policy/team/Bounds", "arn:aws:iam::123456789012:policy/team/Bounds"),
    ],
)
def test_boundary_and_path_are_those_of_every_role(synthesize, render, boundary: str, arn: str) -> None:
    text = synthesize.declare("digits")
    text += f'[access]\nauditors = ["{ROLE.format("A")}"]\npermissions_boundary = "{boundary}"\nrole_path = "/ml/"\n'
    made = synthesize(text)
    roles = [
        role
        for stack in ("registry", "workflow", "access")
        for role in made.resources(stack, "AWS::IAM::Role").values()
    ]
    assert len(roles) == 5
    for role in roles:
        assert role["Properties"]["Path"] == "/ml/"
        assert render(role["Properties"]["PermissionsBoundary"]) == arn


def test_without_them_roles_have_neither_boundary_nor_path(assembly) -> None:
    for stack in ("registry", "workflow"):
        for role in assembly.resources(stack, "AWS::IAM::Role").values():
            assert not {"Path", "PermissionsBoundary"} & role["Properties"].keys()


def test_the_access_stack_waits_for_the_registry_and_not_for_the_workflow(assembly) -> None:
    manifest = json.loads((assembly.folder / "manifest.json").read_text())
    needed = manifest["artifacts"]["acme-access"]["dependencies"]
    assert "acme-registry" in needed
    assert "acme-workflow" not in needed
    assert "acme-workflow" not in json.dumps(assembly.template("access"))


def test_people_ask_on_the_bus_that_wakes_the_reconciler_and_send_to_no_queue(assembly) -> None:
    bus = assembly.one("workflow", "AWS::Events::EventBus")["Properties"]["Name"]
    made = policies(assembly)
    asking = {duty for duty in DUTIES if f':event-bus/{bus}"' in allowed(made[duty], "events:PutEvents")}
    assert asking == {"Approver", "Validator"}
    assert "sqs:" not in json.dumps(made)
