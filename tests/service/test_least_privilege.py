"""What handlers ask of AWS over the whole life of a model, against what their roles allow: no less, and no more.

The calls are recorded where they are made; the policies are those of the synthesized stacks of the same declaration.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from modelward.cli.demo.inbox import Slack
from modelward.core.smoke import SmokeTest
from modelward.local import authorisation, deployment, scaling_front
from modelward.local.ministack.evaluation import Asked, Rights, judge, parsed
from modelward.local.moto import autoscaling
from modelward.local.sagemaker import Fault, Timing

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT, REGION = "123456789012", "eu-west-1"
HANDLERS = ("model_package", "reconcile", "notify")
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SETTINGS = f"""
volume_key_arn = "{KEY}"
vpc = {{ subnets = ["subnet-0a1b2c3d"], security_groups = ["sg-0a1b2c3d"] }}
data_capture = {{ percent = 10 }}
autoscaling = {{ min = 2, max = 4, invocations_per_instance = 100 }}
alarms = {{ errors_5xx_at_most = 0 }}
rollout = {{ strategy = "canary", percent = 50, wait_s = 1 }}
roll_back_on = ["odd-answers"]
"""
SLACK = 'slack = { webhook_secret = "modelward/slack" }\n'

# What a role may do although its handler was never seen to ask for it. Patterns of: handler, action, resource.
MEANT = {
    ("*", "kms:*", "*"): "DynamoDB, its stream and SNS use the key on behalf of whoever calls them.",
    ("*", "logs:*", "*"): "Lambda writes the log as the function.",
    ("*", "xray:*", "*"): "Lambda writes the trace as the function.",
    ("model_package", "sqs:*", "ReviewsQueue*"): "Lambda takes the messages from the queue as the function.",
    ("reconcile", "sqs:*", "RolloutsQueue*"): "Lambda takes the messages from the queue as the function.",
    ("notify", "dynamodb:*", "*StreamArn*"): "Lambda reads the stream as the function.",
    ("notify", "sqs:*", "UntoldQueue*"): "Lambda sends the place of entries that nobody could be told of.",
    ("reconcile", "s3:ListBucket", "*ArtifactsBucket*"): "S3 tells only who may list that an object is missing.",
    ("reconcile", "sagemaker:CreateModel", "*:model-package/*"): (
        "AWS's example for a model from a version allows it on the version, its reference names the model alone."
    ),
    ("*", "sagemaker:ListModelPackages", "*:model-package-group/*"): (
        "AWS's reference names the versions that are listed; the request names their group."
    ),
}


class Need(NamedTuple):
    """A permission that a call takes: the action, which resource of a policy covers it, the condition keys."""

    action: str
    is_met_by: Callable[[str], bool]
    context: Mapping[str, Any]


class Grant(NamedTuple):
    """An action on a resource, and the condition on it, spelled as JSON."""

    action: str
    resource: str
    condition: str = "{}"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Give the template of the functions, for the declaration that the world plays."""
    folder = tmp_path_factory.mktemp("app")
    shutil.copy(ROOT / "app.py", folder)
    (folder / "registry.toml").write_text(_settled((ROOT / "registry.toml").read_text()))
    assembly = deployment.synthesize(folder, folder / "cdk.out", account=ACCOUNT, region=REGION)
    return json.loads((assembly / "acme-workflow.template.json").read_text())["Resources"]


@pytest.fixture
def needs(world: Any) -> dict[str, list[Need]]:
    """Play the whole life of a model, and more, and give what each handler asked for."""
    autoscaling.use()
    with Slack() as slack:
        world.use(_settled(world.declaration) + SLACK)
        _alarms(world)
        world.client("secretsmanager").create_secret(Name="modelward/slack", SecretString=slack.url)
        _a_first_rollout_that_fails(world)
        first = world.live(0.95)
        world.sweep()
        world.run_for(5)
        second = world.live(0.97, smoke=SmokeTest("1", "text/csv"))
        world.digits.roll_back("production", reason="users complain")
        world.run_for(10)
        first.reject(reason="it is biased")
        world.run_for(10)
        _another_instance_type(world)
        _a_rejection_that_nobody_hears(world, second)
        bad = world.register(0.61)
        world.sagemaker.update_model_package(ModelPackageArn=bad.arn, ModelApprovalStatus="Approved")
        world.run_for(10)
        _an_index_that_lags(world, _leftovers_of_rollouts(world))
    assert world.dead == []
    return {
        name: [need for call in world.asked if call[0].endswith(f".{name}") for need in _needs(*call[1:])]
        for name in HANDLERS
    }


def _settled(declaration: str) -> str:
    """Let production declare all that an endpoint on instances can."""
    counted = re.sub(
        r"instance_count *= \d+\n|\[models\.digits\.endpoints\.production\.alarms\][^\[]*", "", declaration
    )
    return counted.replace('"ml.m5.large"', f'"ml.m5.large"{SETTINGS}')


def _alarms(world: Any) -> None:
    """Make those to which rollouts refer: one as the stack does, and one of the team's own."""
    for name in ("digits-production-errors", "odd-answers"):
        world.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/SageMaker",
            MetricName="Invocation5XXErrors",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )


def _a_first_rollout_that_fails(world: Any) -> None:
    """Leave a Failed endpoint behind, which the next rollout has to delete."""
    world.core.faults.add("CreateEndpoint", kind=Fault.UNHEALTHY)
    broken = world.register(0.93)
    world.run_for(5)
    broken.approve(reason="good figures")
    world.run_for(10)


def _another_instance_type(world: Any) -> None:
    """Let AWS not refuse it, although the endpoint is scaled."""
    world.use(_settled(world.declaration).replace("ml.m5.large", "ml.c5.large") + SLACK)
    world.sweep()
    world.run_for(10)


def _a_rejection_that_nobody_hears(world: Any, version: Any) -> None:
    """Let the sweep find out."""
    world.is_deaf = True
    version.reject(reason="it is biased")
    world.run_for(2)
    world.is_deaf = False
    world.sweep()
    world.run_for(10)


def _leftovers_of_rollouts(world: Any) -> Any:
    """Let a day go by over more of them than are kept; give the version that serves."""
    serving = [world.live(0.98 + number / 1000) for number in range(4)][-1]
    world.pause(90_000)
    world.sweep()
    world.run_for(5)
    return serving


def _an_index_that_lags(world: Any, serving: Any) -> None:
    """Let people be told of something while the index still finds a version where it no longer is."""
    world.core.timing = Timing(search_lag_s=600)
    world.sagemaker.update_model_package(
        ModelPackageArn=serving.arn, ModelLifeCycle={"Stage": "Archived", "StageStatus": "Retired"}
    )
    world.register(0.96)
    world.run_for(5)


def _needs(service: str, operation: str, params: dict[str, Any]) -> Iterator[Need]:
    if service == "sagemaker":
        root = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
        for need in authorisation.needs(operation, params, root):
            yield Need(need.action, _covering(need), need.context)
        if "KmsKeyId" in params:  # asked of whoever makes or updates an endpoint of such a configuration
            granted = {"kms:GrantIsForAWSResource": "true"}
            yield Need("kms:CreateGrant", _matching(re.escape(params["KmsKeyId"])), granted)
        return
    if service == "sagemaker-runtime":
        root = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
        for need in authorisation.needs(operation, params, root):
            yield Need(need.action, _covering(need), need.context)
        return
    if operation == "TransactWriteItems":  # IAM asks for what each of its items does
        for item in params["TransactItems"]:
            yield from _needs(service, "PutItem", item["Put"])
        return
    action = f"{service}:{operation}".removesuffix("Batch")  # sqs:SendMessage allows SendMessageBatch too
    keys = scaling_front.keys_of(params) if service == "application-autoscaling" else {}
    yield Need(action, _matching(_RESOURCES[service](params)), keys)
    if service == "application-autoscaling":
        yield from _on_behalf(operation, params)


def _on_behalf(operation: str, params: dict[str, Any]) -> Iterator[Need]:
    """Give what Application Auto Scaling does as its caller."""
    endpoint = params["ResourceId"].split("/")[1]
    root = f"arn:aws:{{}}:{REGION}:{ACCOUNT}:"
    needs = [*scaling_front.behalf_needs(operation, root, [endpoint], f"{endpoint}-v1-0123456s")]
    if operation == "RegisterScalableTarget":
        needs.append(scaling_front.role_need(f"arn:aws:iam::{ACCOUNT}:"))
    yield from (Need(need.action, _covering(need), need.context) for need in needs)


def _covering(need: authorisation.Need) -> Callable[[str], bool]:
    if need.action == "iam:PassRole":
        return _matching(r".*ModelExecutionRole\w*")
    return lambda pattern: any(fnmatchcase(resource, pattern) for resource in need.resources)


def _matching(expression: str) -> Callable[[str], bool]:
    return lambda resource: re.fullmatch(expression, resource) is not None


_RESOURCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "cloudwatch": lambda _params: r"\*",
    "dynamodb": lambda params: r".*LedgerTable\w*" + (f"/index/{params['IndexName']}" if "IndexName" in params else ""),
    "events": lambda _params: r"AskedBus\w*\.Arn",
    "application-autoscaling": lambda _params: r"arn:aws:application-autoscaling:.*:scalable-target/\*",
    "s3": lambda params: r".*ArtifactsBucket\w*/models/\*/\*/smoke-\*\.json",
    "sqs": lambda _params: r"RolloutsQueue\w*\.Arn",
    "sns": lambda _params: r"NotificationsTopic\w*",
    "secretsmanager": lambda params: rf"arn:.*:secret:{params['SecretId']}-\?{{6}}",
}


def granted(template: Any, handler: str) -> list[Grant]:
    """Give each action of a handler's role with each resource, references to resources by their logical ids."""
    [role] = [
        resource["Properties"]["Role"]["Fn::GetAtt"][0]
        for resource in template.values()
        if resource["Properties"].get("Handler") == f"modelward.handlers.{handler}.handler"
    ]
    statements = [
        statement
        for resource in template.values()
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        and resource["Properties"]["Roles"] == [{"Ref": role}]
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
    ]
    return [
        Grant(action, _spelled(resource), json.dumps(statement.get("Condition", {})))
        for statement in statements
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}


def _spelled(value: Any) -> str:
    match value:
        case {"Ref": name}:
            return _PSEUDO.get(name, name)
        case {"Fn::GetAtt": path}:
            return ".".join(path)
        case {"Fn::ImportValue": export}:
            return str(export)
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(_spelled, parts))
    return str(value)


def test_a_role_allows_the_calls_that_its_handler_makes_and_no_others(needs, template) -> None:
    allowed = {handler: granted(template, handler) for handler in HANDLERS}
    denied = {(name, need.action) for name in HANDLERS for need in needs[name] if not _is_granted(need, allowed[name])}
    idle = {
        (name, *grant)
        for name in HANDLERS
        for grant in allowed[name]
        if not _is_meant(name, grant) and not _is_used(grant, allowed[name], needs[name])
    }
    assert denied == set()
    assert idle == set()


def test_each_value_of_a_condition_lets_a_call_of_the_handler_through_which_it_would_stop_otherwise(
    needs, template
) -> None:
    found = {(name, grant, one) for name in HANDLERS for grant in granted(template, name) for one in _values(grant)}
    assert found != set()
    for name, grant, one in found:
        asked = [need for need in needs[name] if need.action == grant.action]
        assert [need for need in asked if _holds(one, need.context)], (name, grant.action, one)
        assert not _holds(one, {}), "it holds without the key, so it stops nothing"


def _values(grant: Grant) -> list[str]:
    """Take a condition apart: one condition for each value that it lets through."""
    return [
        json.dumps({operator: {key: value}})
        for operator, keys in json.loads(grant.condition).items()
        for key, values in keys.items()
        for value in _listed(values)
    ]


def _holds(condition: str, context: Mapping[str, Any]) -> bool:
    """Tell by IAM's own rules whether a request with some condition keys is let through."""
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": json.loads(condition)}
    rights = Rights(f"arn:aws:iam::{ACCOUNT}:role/handler", "AssumedRole", ACCOUNT, parsed([{"Statement": statement}]))
    return judge(rights, Asked("sagemaker:Any", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:any", REGION, context)) is None


def _is_used(grant: Grant, allowed: list[Grant], needs: list[Need]) -> bool:
    """Tell whether a call took this action on a resource of this type."""
    alike = [
        other for other in allowed if (other.action, _type(other.resource)) == (grant.action, _type(grant.resource))
    ]
    return any(_meets(need, other) for need in needs for other in alike)


def _is_granted(need: Need, allowed: list[Grant]) -> bool:
    return any(_meets(need, grant) for grant in allowed)


def _meets(need: Need, grant: Grant) -> bool:
    if need.action != grant.action or not need.is_met_by(grant.resource):
        return False
    return grant.condition == "{}" or _holds(grant.condition, need.context)


def _type(resource: str) -> str:
    """Give the type of a SageMaker resource; any other resource is one of its kind."""
    kind = re.match(r"(arn:\w+:sagemaker:.*):([a-z-]+)/", resource)
    return kind[2] if kind else resource


def _is_meant(handler: str, grant: Grant) -> bool:
    return any(_fits(pattern, (handler, grant.action, grant.resource)) for pattern in MEANT)


def _fits(pattern: tuple[str, ...], grant: tuple[str, ...]) -> bool:
    return all(fnmatchcase(text, glob) for text, glob in zip(grant, pattern, strict=True))


def test_what_is_meant_is_still_granted(template) -> None:
    grants = [(handler, *grant[:2]) for handler in HANDLERS for grant in granted(template, handler)]
    assert [pattern for pattern in MEANT if not any(_fits(pattern, grant) for grant in grants)] == []
