"""The local SageMaker, in-process beside moto's own, and behind MiniStack.

The two in-process sides are processes of their own, `bench.side`, which make the same calls by boto3 inside `mock_aws`.
"""

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter, sleep
from typing import Any

import modelward
from bench.account import IMAGE, METRICS, MODEL, ROOT
from bench.figure import Figure
from modelward.core.names import version_in
from modelward.local.up import LocalAws

PART = "registry"
MANY = 100_000
_REACTION_S, _START_S, _KB = 1.0, 2.0, 6.0
_ROUNDS = 5
_TURNS = 3
_PATIENCE_S = 60
_MODEL = "def model_fn(folder): return None\ndef predict_fn(data, model): return [{number}]\n"


def measure() -> Iterator[Figure]:
    """Measure both sides, then the server."""
    rounds = [(_side("moto", 1_000), _side("ours", MANY)) for _ in range(_TURNS)]
    moto, ours = (_best([each[side] for each in rounds]) for side in (0, 1))
    yield from _compared(moto, ours)
    kb = ours["kb_per_version"]
    yield _figure("memory per version", f"at most {_KB:.0f} KB", f"{kb:.1f} KB, of {MANY:,}", is_held=kb <= _KB)
    yield _start()
    yield _reaction()


def _best(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: max(each[name] for each in found) for name in found[0]}


def _compared(moto: Mapping[str, float], ours: Mapping[str, float]) -> Iterator[Figure]:
    peer = moto["create_at_100"]  # its best: it gets slower
    few, many = ours["create_at_1000"], ours[f"create_at_{MANY}"]
    told = f"{few:.0f}/s and {many:.0f}/s; moto at its best {peer:.0f}/s"
    is_held = min(few, many) >= peer and many >= 0.9 * few
    goal = "at least moto's best, and the second at least 0.9 x the first"
    yield _figure(f"CreateModelPackage at 1,000 and at {MANY:,} versions", goal, told, is_held=is_held)
    for call, what in (("describe", "DescribeModelPackage"), ("list", "ListModelPackages, a page of 100,")):
        peer = moto[f"{call}_at_1000"]
        few, many = ours[f"{call}_at_100"], ours[f"{call}_at_{MANY}"]
        told = f"{many / peer:.1f} x ({many:.0f}/s over {peer:.0f}/s); {many / few:.2f} x its speed at 100"
        goal = "at least 1.5 x moto at 1,000, and no slower (0.9 x) than at 100"
        yield _figure(f"{what} at {MANY:,} versions", goal, told, is_held=many >= 1.5 * peer and many >= 0.9 * few)


def _side(name: str, versions: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.side", name, str(versions)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command} failed: {done.stderr}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _start() -> Figure:
    """Start `modelward local up --bare` as a user does, until it has printed its variables."""
    command = [Path(sys.executable).with_name("modelward"), "local", "up", "--bare"]
    took = []
    for _ in range(_ROUNDS):
        began = perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            process.stdout.readline()
            took.append(perf_counter() - began)
            process.terminate()
    told, goal = f"{median(took):.2f} s (median of {_ROUNDS})", f"at most {_START_S:.0f} s"
    return _figure("start of `modelward local up --bare`", goal, told, is_held=median(took) <= _START_S)


def _reaction() -> Figure:
    """Approve versions of a deployed registry, and see when UpdateEndpoint was called."""
    with TemporaryDirectory() as folder, LocalAws() as aws:
        aws.client("admin", "secretsmanager").create_secret(Name="modelward/slack", SecretString="http://localhost:9")
        aws.deploy(ROOT, io.StringIO())
        release = _Release(aws, Path(folder) / "model.tar.gz")
        release.approve()  # the first one makes the endpoint, and warms the functions
        took = [release.approve() for _ in range(_ROUNDS)]
    told = f"{median(took):.2f} s (median of {_ROUNDS}, {min(took):.2f} to {max(took):.2f})"
    goal = f"at most {_REACTION_S:.0f} s"
    what = "from an approval to UpdateEndpoint on MiniStack, functions warm"
    return _figure(what, goal, told, is_held=median(took) <= _REACTION_S)


class _Release:
    """Brings versions of the declared model to staging, which takes what is approved."""

    def __init__(self, aws: LocalAws, artifact: Path) -> None:
        self._aws = aws
        self._artifact = artifact
        self._sagemaker = aws.client("approver", "sagemaker")
        self._model = modelward.connect(ROOT / "registry.toml", session=aws.session("admin")).model(MODEL)
        self._endpoint = f"{MODEL}-staging"

    def approve(self) -> float:
        """Approve a new version; return the seconds until its endpoint is told to serve it."""
        number = self._register()
        self._aws.wait_idle()
        began = monotonic()
        self._sagemaker.update_model_package(
            ModelPackageArn=self._model.version(number).arn, ModelApprovalStatus="Approved", ApprovalDescription="bench"
        )
        while not self._is_told(number):
            if monotonic() - began > _PATIENCE_S:
                raise TimeoutError(f"{self._endpoint} was not told to serve v{number}")
            sleep(0.005)
        took = monotonic() - began
        self._aws.wait_idle(_PATIENCE_S)
        return took

    def _register(self) -> int:
        code = _MODEL.format(number=perf_counter()).encode()
        with tarfile.open(self._artifact, "w:gz") as archive:
            member = tarfile.TarInfo("code/inference.py")
            member.size = len(code)
            archive.addfile(member, io.BytesIO(code))
        return self._model.register(artifact=self._artifact, image=IMAGE, metrics=METRICS, notes=str(code)).version

    def _is_told(self, number: int) -> bool:
        listed = self._sagemaker.list_endpoints(NameContains=self._endpoint)["Endpoints"]
        if not listed:
            return False
        endpoint: dict[str, Any] = self._sagemaker.describe_endpoint(EndpointName=self._endpoint)
        pending = endpoint.get("PendingDeploymentSummary", endpoint)
        return version_in(pending["EndpointConfigName"]) == number


def _figure(what: str, goal: str, measured: str, *, is_held: bool) -> Figure:
    return Figure(f"local SageMaker: {what}", goal, measured, is_held, PART)
