"""What those who run it rely on, in every stack: what stays, what is told apart on the bill, what is bounded."""

import json
from typing import Any

STACKS = ("registry", "workflow")
MOST_AT_ONCE = 5
# What keeps something that no deployment brings back. Log groups are told apart: their removal is meant.
STATEFUL = {
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SageMaker::ModelPackageGroup",
}


def _resources(assembly: Any, kind: str = "") -> dict[str, Any]:
    templates = [json.loads(path.read_text()) for path in sorted(assembly.folder.glob("*.template.json"))]
    found = {key: each for template in templates for key, each in template["Resources"].items()}
    return {key: each for key, each in found.items() if kind in ("", each["Type"])}


def test_what_is_stateful_stays_when_its_stack_goes_or_replaces_it(assembly) -> None:
    kept = {key: each for key, each in _resources(assembly).items() if each["Type"] in STATEFUL}
    assert len(kept) >= len(STATEFUL)
    for resource in kept.values():
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_every_stack_with_something_stateful_is_protected_from_termination(assembly) -> None:
    artifacts = json.loads((assembly.folder / "manifest.json").read_text())["artifacts"]
    for stack in STACKS:
        kinds = {each["Type"] for each in assembly.resources(stack).values()}
        properties = artifacts[f"{assembly.name}-{stack}"]["properties"]
        assert properties.get("terminationProtection", False) is bool(kinds & STATEFUL)


def test_every_table_can_be_restored_and_is_not_deleted_by_mistake(assembly) -> None:
    tables = _resources(assembly, "AWS::DynamoDB::Table")
    assert tables
    for table in tables.values():
        assert table["Properties"]["DeletionProtectionEnabled"] is True
        assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_every_log_ends_and_goes_with_its_stack(assembly) -> None:
    logs = _resources(assembly, "AWS::Logs::LogGroup")
    assert logs.keys() == {
        function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
        for function in _resources(assembly, "AWS::Lambda::Function").values()
    }
    for log in logs.values():
        assert log["Properties"]["RetentionInDays"] == 90
        assert (log["DeletionPolicy"], log["UpdateReplacePolicy"]) == ("Delete", "Delete")


def test_everything_that_can_carry_a_tag_tells_whose_registry_it_is(assembly) -> None:
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    kinds = {each["Type"] for each in _resources(assembly).values()}
    schemas = {kind: PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-central-1", kind).schema for kind in kinds}
    taggable = {kind for kind, schema in schemas.items() if "Tags" in schema["properties"]}
    assert len(taggable) > 10
    for key, resource in _resources(assembly).items():
        if resource["Type"] in taggable:
            assert {"modelward:registry": assembly.name}.items() <= _tags(resource).items(), key


def _tags(resource: Any) -> dict[str, str]:
    tags = resource["Properties"]["Tags"]
    return tags if isinstance(tags, dict) else {each["Key"]: each["Value"] for each in tags}


def test_every_function_runs_on_the_newest_python_on_arm_is_traced_and_logs_json(assembly) -> None:
    functions = _resources(assembly, "AWS::Lambda::Function")
    assert functions
    for function in functions.values():
        properties = function["Properties"]
        assert properties["Runtime"] == "python3.14"
        assert properties["Architectures"] == ["arm64"]
        assert properties["TracingConfig"] == {"Mode": "Active"}
        assert properties["LoggingConfig"]["LogFormat"] == "JSON"
        assert properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]


def test_powertools_is_in_the_bundle_for_logs_and_metrics(assembly) -> None:
    for name in ("logging", "metrics"):
        assert (assembly.asset / "aws_lambda_powertools" / name / "__init__.py").exists()


def test_every_function_is_bounded_at_its_source_and_takes_nothing_from_the_account_s_concurrency(assembly) -> None:
    # A reservation would be withheld from all other functions of the account, and a small account has none to give.
    bounds = {
        each["Properties"]["FunctionName"]["Ref"]: each["Properties"]
        for each in _resources(assembly, "AWS::Lambda::EventSourceMapping").values()
    }
    functions = _resources(assembly, "AWS::Lambda::Function")
    assert bounds.keys() == functions.keys()
    for key, source in bounds.items():
        assert "ReservedConcurrentExecutions" not in functions[key]["Properties"]
        is_stream = "StartingPosition" in source
        bound = source.get("ParallelizationFactor", 1) if is_stream else source["ScalingConfig"]["MaximumConcurrency"]
        assert 1 <= bound <= MOST_AT_ONCE
