"""How much memory the functions take: each in a process of its own, at real work, from the synthesized asset.

The processes reach the local AWS, which is in this one, by HTTP. They go on from batch to batch, as warm functions do.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3

from bench.account import MODEL, Account, connected, package
from bench.door import opened
from bench.figure import Figure
from bench.post import Post
from bench.startup import GATEWAYS, function_environ, link_runtime
from modelward.local import moto as local
from modelward_infra.asset import assemble

PART = "memory"
_MOST_MB = 128
_MODELS, _CHANGING, _APPROVALS = 250, 10, 100

_HEAD = """
[registry]
name   = "acme"
stages = ["Development", "Staging", "Archived"]
[environments.staging]
stage = "Staging"
enter = "on-approval"
[notifications]
email = ["ml-platform@example.com"]
[models.digits]
owner = "vision-team"
[models.digits.gates]
accuracy = { at_least = 0.90 }
[models.digits.endpoints.staging]
instance_type = "ml.m5.large"
"""
_MODEL = """
[models.model-{number:04d}]
owner = "team"
[models.model-{number:04d}.gates]
accuracy = {{ at_least = 0.90 }}
[models.model-{number:04d}.endpoints.staging]
instance_type = "ml.m5.large"
"""
_PEAK = """
def peak_kb():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
"""
_WARM = (
    _PEAK
    + """
import json, sys
from modelward.handlers.{handler} import handler
answers, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    failed = handler(json.loads(line), None)["batchItemFailures"]
    print(json.dumps([len(failed), peak_kb()]), file=answers, flush=True)
"""
)
_BARE = (
    _PEAK
    + """
import boto3
session = boto3.Session()
clients = [session.client(service) for service in {services!r}]
print(peak_kb())
"""
)


def measure() -> Iterator[Figure]:
    """Let the functions work."""
    with TemporaryDirectory() as name, connected() as account, opened() as url:
        folder = Path(name)
        environ = _environ(folder, account) | {"AWS_ENDPOINT_URL": url}
        with _Functions(environ) as functions:
            _work(account, functions)
            peaks_mb = functions.peaks_mb
        for handler, peak_mb in peaks_mb.items():
            services = sorted(GATEWAYS[handler].values())
            bare_mb = int(_run(_BARE.format(services=services), environ)) / 1024
            yield _figure(handler, peak_mb, bare_mb)


def _figure(handler: str, peak_mb: float, bare_mb: float) -> Figure:
    told = f"{peak_mb:.0f} MB ({round(peak_mb - bare_mb)} MB over boto3 and its clients)"
    return Figure(f"peak memory of `{handler}`", f"at most {_MOST_MB} MB", told, peak_mb <= _MOST_MB, PART)


def _environ(folder: Path, account: Account) -> dict[str, str]:
    """Assemble the functions' code for a registry of many models."""
    asset, runtime, spec = folder / "asset", folder / "runtime", folder / "registry.toml"
    asset.mkdir()
    runtime.mkdir()
    spec.write_text(_HEAD + "".join(_MODEL.format(number=number) for number in range(1, _MODELS)), encoding="utf-8")
    assemble(asset, spec)
    link_runtime(runtime)
    return function_environ(asset, runtime, account.context.settings)


def _run(code: str, environ: Mapping[str, str]) -> str:
    command = [sys.executable, "-S", "-P", "-c", code]
    return subprocess.run(command, env=environ, capture_output=True, check=True, text=True).stdout


def _work(account: Account, functions: "_Functions") -> None:
    """Bring many approvals to the endpoints of a few models, then sweep all models."""
    local.clock.set(datetime.now(UTC))  # the functions have no other
    boto3.client("sns").create_topic(Name="told")
    names = [MODEL, *(f"model-{number:04d}" for number in range(1, _MODELS))]
    for name in names[1:]:
        account.call("CreateModelPackageGroup", {"ModelPackageGroupName": name})
    arns = [_register(account, names[number % _CHANGING]) for number in range(_APPROVALS)]
    functions.carry()
    for arn in arns:
        account.call("UpdateModelPackage", {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"})
    functions.carry()
    endpoints = account.call("ListEndpoints", {"StatusEquals": "InService", "MaxResults": 100})["Endpoints"]
    if len(endpoints) != _CHANGING:
        raise RuntimeError(f"{len(endpoints)} endpoints are in service")
    functions.invoke("reconcile", [{"sweep": True}])
    functions.carry()


def _register(account: Account, model: str) -> str:
    made = account.call("CreateModelPackage", {**package(1), "ModelPackageGroupName": model})
    return str(made["ModelPackageArn"])


class _Functions:
    """The functions, each a warm process, and what is brought to them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.peaks_mb: dict[str, float] = {}
        self._post = Post(environ["MODELWARD_RECONCILE_QUEUE_URL"], self.invoke)
        self._processes = {
            handler: subprocess.Popen(
                [sys.executable, "-S", "-P", "-c", _WARM.format(handler=handler)],
                env={**environ, "POWERTOOLS_LOG_LEVEL": "ERROR"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            for handler in GATEWAYS
        }

    def __enter__(self) -> "_Functions":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.communicate()

    def carry(self) -> None:
        """Bring what there is to bring, until all is at rest."""
        self._post.run()

    def invoke(self, handler: str, bodies: list[Any]) -> None:
        """Bring a batch, as Lambda does."""
        process = self._processes[handler]
        assert process.stdin is not None
        assert process.stdout is not None
        records = [_record(handler, body) for body in bodies]
        process.stdin.write(json.dumps({"Records": records}) + "\n")
        process.stdin.flush()
        failed, peak_kb = json.loads(process.stdout.readline())
        if failed:
            raise RuntimeError(f"{handler} did not handle {failed} records")
        self.peaks_mb[handler] = peak_kb / 1024


def _record(handler: str, body: Any) -> dict[str, Any]:
    if handler == "notify":
        return {"dynamodb": {"SequenceNumber": "1", "NewImage": body}}
    return {"messageId": "m", "body": json.dumps(body, default=str)}
