"""What people ask of AWS through SDK and command line, against the policies of their duties: no less, and no more.

Calls are recorded where they are made, with the condition keys that SageMaker would fill. They are judged by IAM's own
rules on the synthesized policies: an Allow that no call needs fails, a call that is not allowed fails, and so does a
Deny without which nothing that it is meant against would get through. The execution role is not here: none of the calls
that are made with it are ours but SageMaker's.
"""

import io
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore import handlers

from modelward.cli.main import main
from modelward.local import authorisation, deployment
from modelward.local.ministack.evaluation import Asked, Rights, everything, judge, parsed

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT, REGION = "123456789012", "eu-west-1"
BUCKET, TABLE = "arn:aws:s3:::acme-models", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/acme-ledger"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
DUTIES = ("contributor", "validator", "approver", "auditor")

# What a duty allows although the SDK was never seen to ask for it: action to reason.
MEANT = {
    "cloudwatch:GetMetricData": "`status` asks it where servers of a team's own serve; here, endpoints do.",
    "s3:AbortMultipartUpload": "boto3 gives up an upload in parts when one of them fails.",
    "s3:ListBucket": "It makes S3 say of a missing object that it is missing; it is no call of its own.",
}
# What only auditors do, with the console or the AWS CLI: our own tools show versions and history.
LOOKED_AT = {f"sagemaker:Describe{kind}" for kind in ("Endpoint", "EndpointConfig", "Model", "ModelPackageGroup")}


class Wish(NamedTuple):
    """An action on a resource, with the condition keys of the request."""

    action: str
    resource: str
    context: Mapping[str, Any]


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give the policy of each duty, for the declaration that the world plays."""
    folder = tmp_path_factory.mktemp("app")
    for name in ("app.py", "registry.toml"):
        shutil.copy(ROOT / name, folder)
    assembly = deployment.synthesize(folder, folder / "cdk.out", account=ACCOUNT, region=REGION)
    resources = json.loads((assembly / "acme-access.template.json").read_text())["Resources"]
    return {
        key.removeprefix("Duties")[:-8].lower(): _spelled(each["Properties"]["PolicyDocument"])
        for key, each in resources.items()
        if each["Type"] == "AWS::IAM::ManagedPolicy"
    }


def _spelled(value: Any) -> Any:
    match value:
        case {"Ref": name}:
            return {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}[name]
        case {"Fn::ImportValue": export}:
            return next(arn for part, arn in (("Bucket", BUCKET), ("Table", TABLE), ("Key", KEY)) if part in export)
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(_spelled, parts))
        case dict():
            return {key: _spelled(each) for key, each in value.items()}
        case list():
            return [_spelled(each) for each in value]
    return value


@pytest.fixture
def wishes(world: Any) -> dict[str, set[str]]:
    """Let people of each duty do all that it is for, and give what they asked for, spelled as JSON."""
    _use_the_sdk(world)
    _use_the_command_line(world)
    found: dict[str, set[str]] = {duty: set() for duty in DUTIES}
    for duty, *call in world.wanted:
        found[duty] |= {json.dumps(wish) for wish in _wishes(*call)}
    return found


def _use_the_sdk(world: Any) -> None:
    with world.acting("contributor"):
        first = world.register(0.95)
        world.register(0.95)
        world.digits.register(first.artifact_uri, "image:2", {"accuracy": 0.96, "log_loss": 0.2})
        third = world.register(0.97)
    world.run_for(5)
    with world.acting("contributor"):
        _look(world, first)
    with world.acting("approver"):
        _look(world, first)
        first.approve(reason="good figures")
    world.run_for(10)
    with world.acting("validator"):
        _look(world, first)
    _release(world, first, third)
    with world.acting("auditor"):
        _look(world, first)


def _release(world: Any, first: Any, third: Any) -> None:
    with world.acting("approver"):
        first.promote("Production", reason="released")
        world.digits.deploy("production")
        third.approve(reason="better")
    world.run_for(10)
    with world.acting("validator"):
        world.digits.deploy("staging")
        second = world.digits.version(2)
    with world.acting("approver"):
        second.approve(reason="fine too")
    world.run_for(10)
    with world.acting("validator"):
        world.digits.version(3).promote("Staging", reason="once more")
    world.run_for(10)
    with world.acting("approver"):
        world.digits.version(3).promote("Production", reason="released")
        world.run_for(10)
        world.digits.roll_back("production", reason="users complain")
        world.run_for(10)
        world.digits.version(3).reject(reason="biased")
        world.run_for(10)
        world.digits.version(2).promote("Archived", reason="no longer needed")


def _look(world: Any, version: Any) -> None:
    """Use everything of the SDK that changes nothing."""
    world.digits.versions()
    world.digits.best("accuracy")
    world.digits.compare(1, 2)
    world.digits.history()
    world.digits.current("Production")
    version.refresh()
    version.download(world.folder / f"for-{world.duty}")


def _use_the_command_line(world: Any) -> None:
    """Do once more what each duty is for, by commands, each of which finds the deployment and makes its own clients."""
    for name, value in world.settings.to_parameters().items():
        world.client("ssm").put_parameter(Name=name, Value=value, Type="String")
    run = partial(_run, world)
    figures = ("--metric", "accuracy=0.98", "--metric", "log_loss=0.2")
    artifact = str(world.pack("by-command.tar.gz", "by command"))
    run("contributor", "register", "digits", "--artifact", artifact, "--image", "image:4", *figures)
    world.run_for(5)
    last = str(world.digits.versions()[0].version)
    for duty in DUTIES:
        run(duty, "versions", "digits")
        run(duty, "show", "digits", last)
        run(duty, "compare", "digits", "1", last)
        run(duty, "current", "digits", "Production")
        run(duty, "history", "digits")
        run(duty, "download", "digits", last, "--to", str(world.folder / f"by-command-for-{duty}"))
    run("approver", "approve", "digits", last, "--reason", "good figures")
    world.run_for(10)
    run("validator", "promote", "digits", last, "Staging", "--reason", "once more")
    world.run_for(10)
    run("validator", "deploy", "digits", "staging", "--no-wait")
    run("approver", "promote", "digits", last, "Production", "--reason", "released")
    world.run_for(10)
    run("approver", "deploy", "digits", "production", "--no-wait")
    run("approver", "rollback", "digits", "production", "--reason", "users complain")
    world.run_for(10)
    run("approver", "reject", "digits", last, "--reason", "biased")
    world.run_for(10)


def _run(world: Any, duty: str, *words: str) -> None:
    """Run a command as somebody with a duty; `world` hears its clients."""
    path = world.folder / "registry.toml"
    path.write_text(world.declaration)
    heard = ("before-parameter-build", world._asking)
    handlers.BUILTIN_HANDLERS.append(heard)  # botocore's list, of which each new session takes a copy
    try:
        with world.acting(duty), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as said:
            code = main(["--registry", str(path), *words])
    finally:
        handlers.BUILTIN_HANDLERS.remove(heard)
    assert code == 0, (words, said.getvalue())


def _wishes(service: str, operation: str, params: dict[str, Any], now: Mapping[str, Any]) -> Iterator[Wish]:
    if service == "sagemaker":
        for need in authorisation.needs(operation, params, SAGEMAKER):
            for resource in need.resources:
                yield Wish(need.action, resource, {**need.context, **now})
        return
    keys = {"cloudwatch:namespace": params["Namespace"]} if "Namespace" in params else {}
    yield from (Wish(action, resource, keys) for action, resource in _OTHERS[service, operation](params))


def _object(params: Mapping[str, Any]) -> str:
    return f"{BUCKET}/{params['Key']}"


_OTHERS: Mapping[tuple[str, str], Callable[[dict[str, Any]], list[tuple[str, str]]]] = {
    ("s3", "GetObject"): lambda params: [("s3:GetObject", _object(params)), ("kms:Decrypt", KEY)],
    ("s3", "HeadObject"): lambda params: [("s3:GetObject", _object(params)), ("kms:Decrypt", KEY)],
    ("s3", "PutObject"): lambda params: [("s3:PutObject", _object(params)), ("kms:GenerateDataKey", KEY)],
    ("cloudwatch", "PutMetricData"): lambda _params: [("cloudwatch:PutMetricData", "*")],
    ("events", "PutEvents"): lambda params: [
        ("events:PutEvents", entry["EventBusName"]) for entry in params["Entries"]
    ],
    ("ssm", "GetParameters"): lambda params: [
        ("ssm:GetParameters", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}") for name in params["Names"]
    ],
    ("dynamodb", "Query"): lambda params: [
        ("dynamodb:Query", TABLE + (f"/index/{params['IndexName']}" if "IndexName" in params else ""))
    ],
}


# The key's own policy leaves grants to IAM.
_KEY_OWNER = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
_KEY_POLICY = json.dumps(
    {"Statement": {"Effect": "Allow", "Principal": _KEY_OWNER, "Action": "kms:*", "Resource": "*"}}
)


def _is_denied(document: Any, wish: Wish, *, more: bool = False) -> bool:
    """Judge a wish by a policy; `more` adds every right that a policy can give."""
    granted = parsed([document]) + (everything() if more else [])
    rights = Rights(f"arn:aws:iam::{ACCOUNT}:user/somebody", "User", ACCOUNT, granted)
    policy = _KEY_POLICY if wish.action.startswith("kms:") else None
    return judge(rights, Asked(wish.action, wish.resource, REGION, wish.context), policy) is not None


def test_a_duty_allows_what_the_sdk_asks_for_and_nothing_else(wishes, policies) -> None:
    assert set(policies) == set(DUTIES)
    for duty, document in policies.items():
        wanted = [Wish(*json.loads(each)) for each in sorted(wishes[duty])]
        assert [wish for wish in wanted if _is_denied(document, wish) and not _has_other_way(document, wish)] == []
        assert _idle(document, wanted, duty) == []


def _has_other_way(document: Any, wish: Wish) -> bool:
    """Tell whether the other type of resource, of which AWS's reference lets a policy choose one, is allowed."""
    twin = wish.resource.replace(":model-package/", ":model-package-group/").removesuffix("/*")
    return not _is_denied(document, wish._replace(resource=twin))


def _idle(document: Any, wanted: list[Wish], duty: str) -> list[tuple[str, Any]]:
    """List what is allowed and was not asked for: each action, and each resource of a statement."""
    meant = MEANT.keys() | (LOOKED_AT if duty == "auditor" else set())
    found = []
    for each in document["Statement"]:
        actions = [each["Action"]] if isinstance(each["Action"], str) else each["Action"]
        for action in actions if each["Effect"] == "Allow" else []:
            alone = {"Statement": [{**each, "Action": action}]}
            if action not in meant and all(_is_denied(alone, wish) for wish in wanted):
                found.append((action, each["Resource"]))
    return found


# --- servers of a team's own ------------------------------------------------------------------------------------------


def test_the_policy_that_the_documentation_gives_a_server_is_what_it_needs_and_no_more(world: Any) -> None:
    text = (ROOT / "docs" / "serving.md").read_text()
    document = json.loads(text.rpartition("```text\n")[2].partition("```")[0])
    world.live(0.95)
    with world.acting("server"):
        world.digits.current("Production").download(world.folder / "served")
        world.digits.report_served("Production", 1)
    wanted = [wish for duty, *call in world.wanted if duty == "server" for wish in _wishes(*call)]
    assert [wish for wish in wanted if _is_denied(document, wish)] == []
    assert _idle(document, wanted, "server") == []


# --- what each Deny is against --------------------------------------------------------------------------------------


def _update(now: str = "", **keys: str) -> Wish:
    return _on_version("UpdateModelPackage", now, keys)


def _create(**keys: str) -> Wish:
    return _on_version("CreateModelPackage", "", keys)


def _on_version(operation: str, now: str, keys: Mapping[str, str]) -> Wish:
    names = {
        "status": "sagemaker:ModelApprovalStatus",
        "stage": "sagemaker:ModelLifeCycle:Stage",
        "stage_status": "sagemaker:ModelLifeCycle:StageStatus",
    }
    context = {names[key]: value for key, value in keys.items()}
    current = {"sagemaker:CurrentModelLifeCycleStage": now} if now else {}
    return Wish(f"sagemaker:{operation}", f"{SAGEMAKER}model-package/digits/1", {**context, **current})


PENDING = "PendingManualApproval"
_ENDPOINT = Wish(
    "sagemaker:UpdateEndpoint", f"{SAGEMAKER}endpoint/digits-production", {"aws:ResourceTag/modelward:managed": "true"}
)
AGAINST: Mapping[str, tuple[Wish, ...]] = {
    "contributor": (
        _create(status="Approved"),
        _create(),
        _create(status=PENDING, stage="Production", stage_status="Approved"),
        _create(status=PENDING, stage="Development", stage_status="InProgress"),
        _update(status="Approved"),
        _update(stage="Production", stage_status="InProgress"),
        _update(),
        _ENDPOINT,
    ),
    "validator": (
        _update(status="Approved", stage="Staging", stage_status="InProgress"),
        _update(stage="Production", stage_status="InProgress"),
        _update(stage="Staging", stage_status="Approved"),
        _update(now="Production", stage="Staging", stage_status="InProgress"),
        _update(),
        _ENDPOINT,
    ),
    "approver": (
        _create(status=PENDING),
        _update(),
        _update(stage="Staging", stage_status="InProgress"),
        _update(status=PENDING, stage="Production", stage_status="InProgress"),
        _update(status="Approved", stage="Development", stage_status="InProgress"),
        _update(stage="Production", stage_status="Approved"),
        _ENDPOINT,
    ),
}


@pytest.mark.parametrize("duty", AGAINST)
def test_each_denial_stops_something_that_every_right_would_allow(policies, duty: str) -> None:
    document = policies[duty]
    assert [wish for wish in AGAINST[duty] if not _is_denied(document, wish, more=True)] == []
    for denial in [each for each in document["Statement"] if each["Effect"] == "Deny"]:
        rest = {"Statement": [each for each in document["Statement"] if each is not denial]}
        assert any(not _is_denied(rest, wish, more=True) for wish in AGAINST[duty]), denial


def test_auditors_are_denied_nothing_and_allowed_only_to_look(policies) -> None:
    said = json.dumps(policies["auditor"])
    assert '"Deny"' not in said
    for each in policies["auditor"]["Statement"]:
        actions = [each["Action"]] if isinstance(each["Action"], str) else each["Action"]
        names = [action.partition(":")[2] for action in actions]
        assert all(name.startswith(("Describe", "List", "Get", "Query", "Search", "Decrypt")) for name in names)
