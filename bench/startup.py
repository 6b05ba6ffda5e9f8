"""What it takes to start: the import, the command line, the CDK app, the functions.

Everything is the least time of whole processes, in turns with a process that does only the bare minimum.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

from bench.account import ENVIRON, REGION, ROOT
from bench.clock import Program, least_s
from bench.figure import Figure
from modelward.config.settings import Settings
from modelward_infra.asset import assemble

PART = "startup"
_IMPORT_MS, _HELP_MS, _HANDLER_MS = 30, 150, 60
# A round takes eight seconds.
_APP_TIMES, _APP_ROUNDS = 3, 4
_EMPTY_APP = "from aws_cdk import App; App().synth()"

# Lambda's runtime brings these along.
_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six")
# What each function uses for every event: the gateway, as it is called on its context, and the name of the service.
GATEWAYS = {
    "model_package": {"sagemaker": "sagemaker", "ledger": "dynamodb", "bus('digits', 'staging')": "events"},
    "reconcile": {"sagemaker": "sagemaker", "ledger": "dynamodb", "queue": "sqs"},
    "notify": {"sagemaker": "sagemaker", "ledger": "dynamodb", "topic": "sns", "webhook": "secretsmanager"},
}
_BARE = """
import boto3
from botocore.config import Config
session, config = boto3.Session(), Config(retries={{"mode": "standard", "max_attempts": 5}})
clients = [session.client(service, config=config) for service in {services!r}]
"""
_COLD = """
from modelward.handlers import shell, {handler}
context = shell.context()
gateways = [{gateways}]
"""


def measure() -> Iterator[Figure]:
    """Take the times."""
    yield from _shell()
    with TemporaryDirectory() as folder:
        yield _app(Path(folder))
    with TemporaryDirectory() as folder:
        yield from _functions(Path(folder))


def _shell() -> Iterator[Figure]:
    environ = _environ()
    script = str(Path(sys.executable).with_name("modelward"))
    programs = {"bare": ["-c", "pass"], "import": ["-c", "import modelward"], "help": [script, "--help"]}
    least = least_s({name: Program([sys.executable, *args], environ, ROOT) for name, args in programs.items()})
    bare, imported, helped = (1000 * least[name] for name in ("bare", "import", "help"))
    yield _figure("`import modelward` over bare Python", imported - bare, _IMPORT_MS, f"{bare:.0f} ms bare")
    yield _figure("`modelward --help`", helped, _HELP_MS, "from start to end")


def _app(folder: Path) -> Figure:
    # The same Node for both, which importing modelward_infra has found.
    environ = _environ() | {name: os.environ[name] for name in ("JSII_NODE",) if name in os.environ}
    commands = {"empty": ["-c", _EMPTY_APP], "ours": [str(ROOT / "app.py")]}
    least = least_s(
        {
            name: Program([sys.executable, *arguments], environ | {"CDK_OUTDIR": str(folder / name)}, folder)
            for name, arguments in commands.items()
        },
        _APP_ROUNDS,
    )
    times = least["ours"] / least["empty"]
    return Figure(
        "time: `python app.py` of the demo's registry over an empty CDK app",
        f"at most {_APP_TIMES} x",
        f"{times:.1f} x ({least['ours']:.1f} s over {least['empty']:.1f} s)",
        times <= _APP_TIMES,
        PART,
    )


def _functions(folder: Path) -> Iterator[Figure]:
    asset, runtime = folder / "asset", folder / "runtime"
    for each in (asset, runtime):
        each.mkdir()
    assemble(asset, ROOT / "registry.toml")
    link_runtime(runtime)
    for handler in GATEWAYS:
        yield _cold_start(handler, asset, runtime)


def _cold_start(handler: str, asset: Path, runtime: Path) -> Figure:
    gateways = GATEWAYS[handler]
    bare = _BARE.format(services=sorted(gateways.values()))
    cold = _COLD.format(handler=handler, gateways=", ".join(f"context.{each}" for each in gateways))
    arn = f"arn:aws:service:{REGION}:123456789012:thing"
    settings = Settings("acme", "bucket", arn, "table", arn, arn, arn, f"https://sqs.{REGION}.amazonaws.com/1/queue")
    environ = function_environ(asset, runtime, settings)
    programs = {"bare": _isolated(bare, environ), "cold": _isolated(cold, environ)}
    compiled = least_s(programs)
    _drop_bytecode(asset)
    programs["cold"] = _isolated(cold, environ | {"PYTHONDONTWRITEBYTECODE": "1"})
    source = least_s(programs)
    over, over_source = (1000 * (each["cold"] - each["bare"]) for each in (compiled, source))
    note = f"over {1000 * compiled['bare']:.0f} ms; {over_source:.0f} ms when our code has no bytecode yet"
    return _figure(f"cold start of `{handler}` over boto3 and its clients", over, _HANDLER_MS, note)


def _drop_bytecode(folder: Path) -> None:
    for cache in list(folder.rglob("__pycache__")):
        rmtree(cache)


def _isolated(code: str, environ: Mapping[str, str]) -> Program:
    return Program([sys.executable, "-S", "-P", "-c", code], environ)


def _environ() -> dict[str, str]:
    """Give the environment of a process that may write and use bytecode."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, **ENVIRON}


def function_environ(asset: Path, runtime: Path, settings: Settings) -> dict[str, str]:
    """Give what the stacks give a function, with the synthesized asset and Lambda's own packages on its path."""
    return {
        **_environ(),
        "PYTHONPATH": os.pathsep.join((str(asset), str(runtime))),
        "POWERTOOLS_SERVICE_NAME": "bench",
        **settings.to_env(),
    }


def link_runtime(folder: Path) -> None:
    """Link the packages of Lambda's runtime into a folder."""
    for name in _RUNTIME:
        found = find_spec(name)
        if found is None or found.origin is None:
            raise RuntimeError(f"{name} is not installed")
        origin = Path(found.origin)
        source = origin.parent if found.submodule_search_locations else origin
        (folder / source.name).symlink_to(source)


def _figure(what: str, found_ms: float, goal_ms: int, note: str) -> Figure:
    measured = f"{found_ms:.0f} ms ({note})"
    return Figure(f"time: {what}", f"at most {goal_ms} ms", measured, found_ms <= goal_ms, PART)
