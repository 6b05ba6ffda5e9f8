"""Deploy a cloud assembly as the CDK's own CLI does, without it: no Node, no bootstrap stack, no network.

`synthesize` runs the app; `Deployment` uploads the file assets to the bootstrap bucket that the assembly names and
creates or updates its stacks in the order of their dependencies, through the ordinary APIs of S3 and
CloudFormation.
"""

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as it was deployed."""

    name: str
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


class Deployment:
    """Brings the stacks of an assembly into an account."""

    def __init__(self, clients: Mapping[str, Any], account: str, region: str, talk: TextIO) -> None:
        """Work with clients for ``cloudformation``, ``s3`` and ``ssm``; tell people on `talk` what happens."""
        self._cloudformation = clients["cloudformation"]
        self._s3 = clients["s3"]
        self._ssm = clients["ssm"]
        self._pseudo = {"${AWS::AccountId}": account, "${AWS::Region}": region, "${AWS::Partition}": "aws"}
        self._talk = talk

    def run(self, assembly: Path) -> list[Stack]:
        """Deploy all stacks; AwsError names the resource that failed, and why."""
        artifacts = _manifest(assembly)["artifacts"]
        self._bootstrap()
        for artifact in artifacts.values():
            if artifact["type"] == "cdk:asset-manifest":
                self._upload(assembly, artifact["properties"]["file"])
        return [self._deploy(name, artifacts[name], assembly) for name in _in_order(artifacts)]

    def _bootstrap(self) -> None:
        """Say that this environment is bootstrapped: the default synthesizer's templates check it."""
        self._ssm.put_parameter(
            Name="/cdk-bootstrap/hnb659fds/version", Value=_BOOTSTRAP_VERSION, Type="String", Overwrite=True
        )

    def _upload(self, assembly: Path, manifest: str) -> None:
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
            self._s3.create_bucket(Bucket=name)

    def _fill(self, text: str) -> str:
        for name, value in self._pseudo.items():
            text = text.replace(name, value)
        return text

    def _deploy(self, artifact_id: str, artifact: Mapping[str, Any], assembly: Path) -> Stack:
        properties = artifact["properties"]
        name = properties.get("stackName", artifact_id)
        started = time.monotonic()
        request = {
            "StackName": name,
            **self._template(properties, assembly),
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in _parameters(properties)],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            "Tags": [{"Key": key, "Value": value} for key, value in (properties.get("tags") or {}).items()],
        }
        described = self._settled(name, self._begin(name, request))
        stack = Stack(name, _outputs(described), tuple(self._resources(name)))
        self._talk.write(f"{name}: {len(stack.resources)} resources in {time.monotonic() - started:.1f} s\n")
        return stack

    def _template(self, properties: Mapping[str, Any], assembly: Path) -> dict[str, str]:
        """Give the template's place among the uploaded assets: a request itself holds 51,200 bytes at most."""
        uploaded = self._fill(properties.get("stackTemplateAssetObjectUrl", ""))
        if uploaded:
            return {"TemplateURL": f"https://s3.amazonaws.com/{uploaded.removeprefix('s3://')}"}
        return {"TemplateBody": (assembly / properties["templateFile"]).read_text(encoding="utf-8")}

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


def _manifest(assembly: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def _in_order(artifacts: Mapping[str, Any]) -> list[str]:
    """List the stacks, each after those that it depends on."""
    ordered: list[str] = []

    def visit(name: str) -> None:
        for dependency in artifacts[name].get("dependencies", ()):
            visit(dependency)
        if artifacts[name]["type"] == "aws:cloudformation:stack" and name not in ordered:
            ordered.append(name)

    for name in artifacts:
        visit(name)
    return ordered


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
