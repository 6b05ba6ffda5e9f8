"""The command that starts a registry: init."""

from pathlib import Path

from modelward.cli.context import Context
from modelward.config import schema_text, starter
from modelward.core.errors import InputError

APP = '''\
"""The CDK app of this registry: `cdk diff` shows what a change of registry.toml does, `cdk deploy --all` does it."""

from pathlib import Path

from modelward_infra import App, build, check

app = App()
build(app, Path(__file__).with_name("registry.toml"))
check(app)
app.synth()
'''
CDK = '{ "app": "python3 app.py" }\n'


def init(context: Context, *, folder: str, plan: bool, json: bool) -> None:
    """Write the files of a new registry."""
    here = Path(folder)
    texts = {"registry.toml": starter(), "registry.schema.json": schema_text(), "app.py": APP, "cdk.json": CDK}
    files = {here / name: text for name, text in texts.items()}
    _check_free(here, files)
    if not plan:
        _write(here, files)
    if json:
        context.terminal.json([str(path) for path in files])
        return
    for path in files:
        context.terminal.line(f"write {path}" if plan else str(path))
    if not plan:
        context.terminal.say(
            "  next: edit registry.toml, then `npx aws-cdk@2.1148.1 deploy --all`; or `modelward local up` here"
        )


def _check_free(folder: Path, files: dict[Path, str]) -> None:
    there = [path.name for path in files if path.exists()]
    if there or (folder.exists() and not folder.is_dir()):
        raise InputError(
            str(folder),
            found=f"{', '.join(there)} is there already" if there else "it is a file",
            rule="init writes into a new or empty place and never overwrites",
            next_step="Name another folder, or move the file away.",
        )


def _write(folder: Path, files: dict[Path, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        found = error.strerror or "it cannot be written"
        raise InputError(str(folder), found=found, rule="init must be able to write there") from error
