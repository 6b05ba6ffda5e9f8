"""Deploy a cloud assembly as the CDK's own CLI does, without it: no Node, no bootstrap stack, no network.

`synthesize` runs the app; `Deployment` creates or updates the stacks of its assembly in the order of their
dependencies, each in the account and region that the assembly names for it, through the ordinary APIs of S3 and
CloudFormation. A stack's assets go to the bootstrap bucket of its own account.
"""

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from botocore.exceptions import ClientError

from modelward.core.errors import AwsError, InputError
from modelward.local.surroundings import inherited

_BOOTSTRAP_VERSION = "30"
_LIMIT_S = 300.0
_POLL_S = 0.05
_SETTLED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_STACK = "aws:cloudformation:stack"
_ANYWHERE = "aws://unknown-account/unknown-region"
_GROUP = "AWS::SageMaker::ModelPackageGroup"


@dataclass(frozen=True, slots=True)
class Place:
    """The account and region of a stack."""

    account: str
    region: str


# Gives the client for a service of whoever deploys in a place.
Clients = Callable[[str, Place], Any]


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as it was deployed."""

    name: str
    place: Place
    outputs: Mapping[str, str] = field(default_factory=dict)
    resources: Sequence[tuple[str, str]] = ()  # type and physical id


def synthesize(folder: Path, target: Path, *, account: str, region: str) -> Path:
    """Run the ``app.py`` of a folder; return the cloud assembly that it wrote to `target`.

    Raises InputError if there is no app, or if it fails; its own words are in the message.
    """
    app = find_app(folder)
    scratch = target.parent / "tmp"
    scratch.mkdir(exist_ok=True)
    environment = {
        **inherited(),
        "TMPDIR": str(scratch),
        "CDK_OUTDIR": str(target),
        "CDK_DEFAULT_ACCOUNT": account,
        "CDK_DEFAULT_REGION": region,
        "CDK_CONTEXT_JSON": json.dumps(_context(folder)),
    }
    done = subprocess.run(  # noqa: S603 - the user's own app, as `cdk synth` runs it
        [sys.executable, app.name], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise InputError(
            str(app),
            found=f"it ended with code {done.returncode}:\n{done.stderr.strip()}",
            rule="it must synthesize",
            next_step=f"Correct what it complains of; `python {app.name}` in {folder} tries it alone.",
        )
    return target


def find_app(folder: Path) -> Path:
    """Return the ``app.py`` of a folder; InputError if there is none."""
    app = folder / "app.py"
    if not app.is_file():
        raise InputError(
            "folder",
            found=f"{folder} has no app.py",
            rule="the stacks to deploy come from it",
            next_step="Run it where your app.py is, or start without stacks: `modelward local up --bare`.",
        )
    return app


def _context(folder: Path) -> dict[str, Any]:
    """Read the context of ``cdk.json``, which the CDK's CLI hands to the app."""
    settings = folder / "cdk.json"
    if not settings.is_file():
        return {}
    context: dict[str, Any] = json.loads(settings.read_text(encoding="utf-8")).get("context", {})
    return context


def home(assembly: Path, default: Place) -> Place:
    """Return where an assembly's registry is: the place of the first stack that makes Model Package Groups.

    It is the first stack's place if none makes any, and `default` where the app leaves it open.
    """
    stacks = [artifact for _, artifact in _stacks(assembly)]
    registries = (each for each in stacks if _GROUP in _template_of(assembly, each))
    first = next(registries, next(iter(stacks), None))
    return default if first is None else _place(first, default)


class Deployment:
    """Brings the stacks of an assembly into their accounts."""

    def __init__(self, clients: Clients, default: Place, talk: TextIO) -> None:
        """Work with clients for ``cloudformation``, ``s3`` and ``ssm``; tell people on `talk` what happens.

        `default` is the place of stacks for which the app names none.
        """
        self._clients = clients
        self._default = default
        self._talk = talk

    def run(self, assembly: Path) -> list[Stack]:
        """Deploy all stacks; AwsError names the resource that failed, and why."""
        manifests = _asset_manifests(assembly)
        return [self._bring(name, artifact, assembly, manifests) for name, artifact in _stacks(assembly)]

    def _bring(self, name: str, artifact: Mapping[str, Any], assembly: Path, manifests: Mapping[str, str]) -> Stack:
        place = _place(artifact, self._default)
        environment = _Environment(self._clients, place)
        environment.bootstrap()
        for dependency in artifact.get("dependencies", ()):
            if dependency in manifests:
                environment.upload(assembly, manifests[dependency])
        started = time.monotonic()
        stack = environment.deploy(name, artifact, assembly)
        where = "" if place == self._default else f" of {place.account} in {place.region}"
        self._talk.write(
            f"{stack.name}: {len(stack.resources)} resources{where} in {time.monotonic() - started:.1f} s\n"
        )
        return stack


class _Environment:
    """One account and region, with its bootstrap bucket and its stacks."""

    def __init__(self, clients: Clients, place: Place) -> None:
        self._cloudformation = clients("cloudformation", place)
        self._s3 = clients("s3", place)
        self._ssm = clients("ssm", place)
        self._place = place

    def bootstrap(self) -> None:
        """Say that this environment is bootstrapped: the default synthesizer's templates check it."""
        self._ssm.put_parameter(
            Name="/cdk-bootstrap/hnb659fds/version", Value=_BOOTSTRAP_VERSION, Type="String", Overwrite=True
        )

    def upload(self, assembly: Path, manifest: str) -> None:
        """Put the files of an asset manifest where it wants them."""
        for asset in json.loads((assembly / manifest).read_text(encoding="utf-8")).get("files", {}).values():
            content = _content(assembly, asset["source"])
            for destination in asset["destinations"].values():
                bucket = self._fill(destination["bucketName"])
                self._make_bucket(bucket)
                self._s3.put_object(Bucket=bucket, Key=self._fill(destination["objectKey"]), Body=content)

    def _make_bucket(self, name: str) -> None:
        try:
            self._s3.head_bucket(Bucket=name)
        except ClientError:
            region = self._place.region
            elsewhere = {} if region == "us-east-1" else {"LocationConstraint": region}
            self._s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": elsewhere} if elsewhere else {}))

    def _fill(self, text: str) -> str:
        pseudo = {"AccountId": self._place.account, "Region": self._place.region, "Partition": "aws"}
        for name, value in pseudo.items():
            text = text.replace(f"${{AWS::{name}}}", value)
        return text

    def deploy(self, artifact_id: str, artifact: Mapping[str, Any], assembly: Path) -> Stack:
        """Create or update a stack; return it once it has settled."""
        properties = artifact["properties"]
        name = properties.get("stackName", artifact_id)
        request = {
            "StackName": name,
            **self._template(artifact, assembly),
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in _parameters(properties)],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            "Tags": [{"Key": key, "Value": value} for key, value in (properties.get("tags") or {}).items()],
        }
        described = self._settled(name, self._begin(name, request))
        return Stack(name, self._place, _outputs(described), tuple(self._resources(name)))

    def _template(self, artifact: Mapping[str, Any], assembly: Path) -> dict[str, str]:
        """Give the template's place among the uploaded assets: a request itself holds 51,200 bytes at most."""
        uploaded = self._fill(artifact["properties"].get("stackTemplateAssetObjectUrl", ""))
        if uploaded:
            return {"TemplateURL": f"https://s3.amazonaws.com/{uploaded.removeprefix('s3://')}"}
        return {"TemplateBody": _template_of(assembly, artifact)}

    def _begin(self, name: str, request: Mapping[str, Any]) -> str:
        """Create the stack, or update it if it is there; return the operation's name."""
        if self._exists(name):
            try:
                self._cloudformation.update_stack(**request)
            except ClientError as error:
                if "No updates are to be performed" not in str(error):
                    raise _failure("UpdateStack", name, error) from error
            return "UpdateStack"
        try:
            self._cloudformation.create_stack(**request)
        except ClientError as error:
            raise _failure("CreateStack", name, error) from error
        return "CreateStack"

    def _exists(self, name: str) -> bool:
        try:
            self._cloudformation.describe_stacks(StackName=name)
        except ClientError:
            return False
        return True

    def _settled(self, name: str, operation: str) -> Mapping[str, Any]:
        deadline = time.monotonic() + _LIMIT_S
        while True:
            described: Mapping[str, Any] = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            status = described["StackStatus"]
            if status in _SETTLED:
                return described
            if not status.endswith("_IN_PROGRESS") or time.monotonic() > deadline:
                reasons = "; ".join(self._reasons(name)) or described.get("StackStatusReason", "no reason was given")
                raise AwsError(f"{operation} {name}", status, reasons, _FIX)
            time.sleep(_POLL_S)

    def _reasons(self, name: str) -> Iterator[str]:
        events = self._cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        for event in reversed(events):
            if event["ResourceStatus"].endswith("_FAILED"):
                why = event.get("ResourceStatusReason", "")
                yield f"{event['LogicalResourceId']} ({event['ResourceType']}): {why}"

    def _resources(self, name: str) -> Iterator[tuple[str, str]]:
        for page in self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name):
            for resource in page["StackResourceSummaries"]:
                yield resource["ResourceType"], resource.get("PhysicalResourceId", "")


_FIX = "Correct the resource in the app, then deploy again."


def _failure(operation: str, name: str, error: ClientError) -> AwsError:
    told = error.response.get("Error", {})
    return AwsError(f"{operation} {name}", told.get("Code", "Unknown"), told.get("Message", str(error)), _FIX)


def _artifacts(assembly: Path) -> dict[str, Any]:
    artifacts: dict[str, Any] = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    return artifacts


def _asset_manifests(assembly: Path) -> dict[str, str]:
    """Return the names of the asset manifests' files by artifact."""
    found = _artifacts(assembly).items()
    return {name: each["properties"]["file"] for name, each in found if each["type"] == "cdk:asset-manifest"}


def _stacks(assembly: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """List the stacks, each after those that it depends on."""
    artifacts = _artifacts(assembly)
    ordered: dict[str, Mapping[str, Any]] = {}

    def visit(name: str) -> None:
        for dependency in artifacts[name].get("dependencies", ()):
            visit(dependency)
        if artifacts[name]["type"] == _STACK:
            ordered.setdefault(name, artifacts[name])

    for name in artifacts:
        visit(name)
    return list(ordered.items())


def _template_of(assembly: Path, artifact: Mapping[str, Any]) -> str:
    path = assembly / str(artifact["properties"]["templateFile"])
    return path.read_text(encoding="utf-8")


def _place(artifact: Mapping[str, Any], default: Place) -> Place:
    """Read ``aws://ACCOUNT/REGION``, where either may be unknown."""
    account, _, region = artifact.get("environment", _ANYWHERE).removeprefix("aws://").partition("/")
    return Place(
        default.account if account == "unknown-account" else account,
        default.region if region == "unknown-region" else region,
    )


def _parameters(properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    return sorted((properties.get("parameters") or {}).items())


def _outputs(described: Mapping[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", ())}


def _content(assembly: Path, source: Mapping[str, str]) -> bytes:
    path = assembly / source["path"]
    return _zipped(path) if source["packaging"] == "zip" else path.read_bytes()


def _zipped(folder: Path) -> bytes:
    """Zip a folder into the same bytes whenever its files are the same."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o755 if os.access(path, os.X_OK) else 0o644) << 16
            archive.writestr(info, path.read_bytes())
    return buffer.getvalue()
