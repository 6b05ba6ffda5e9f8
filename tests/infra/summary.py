"""What a template declares, in words that a review can compare: `python -m tests.infra.summary` writes the snapshots.

Left out is what says nothing of the infrastructure: tags, descriptions, metadata, and the code, which changes always.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.infra.conftest import ROOT, render, spelled

SNAPSHOTS = Path(__file__).with_name("snapshots")
# Where the snapshots of a declaration are, to the folder of its registry.toml: one account, and three.
DECLARED = {SNAPSHOTS: ROOT, SNAPSHOTS / "multi-account": ROOT / "examples" / "multi-account"}
_LEFT_OUT = {"Code", "Description", "AlarmDescription", "ModelPackageGroupDescription", "Tags"}


def summarize(template: Any) -> str:
    """Write a template's resources, sorted by type and id, with their properties and policies in short."""
    found = sorted((each["Type"], key, each) for key, each in template["Resources"].items())
    return "\n".join(line for each in found for line in _resource(*each)) + "\n"


def _resource(kind: str, key: str, resource: Any) -> Iterator[str]:
    kept = f"  kept: {resource['DeletionPolicy']}" if "DeletionPolicy" in resource else ""
    yield f"{kind} {key}{kept}"
    for name, value in sorted(resource.get("Properties", {}).items()):
        if name not in _LEFT_OUT:
            yield from (f"    {line}" for line in _property(name, value))


def _property(name: str, value: Any) -> Iterator[str]:
    shown = render(value)
    if isinstance(shown, dict) and "Statement" in shown:
        yield from (f"{name}: {_statement(each)}" for each in _statements(value))
    elif isinstance(shown, dict):
        for key, each in sorted(value.items()):
            yield from (f"{name}.{line}" for line in _property(key, each))
    else:
        yield f"{name}: {shown if isinstance(shown, str) else json.dumps(shown, sort_keys=True)}"


def _statements(document: Any) -> list[Any]:
    whole = [{"Resource": "-", **each} for each in document["Statement"]]
    return spelled({"Statement": whole})


def _statement(statement: Any) -> str:
    words = [statement["Effect"].lower(), ", ".join(statement["Action"])]
    if statement["Resource"] != ["-"]:
        words += ["on", ", ".join(map(str, statement["Resource"]))]
    for word, name in (("to", "Principal"), ("if", "Condition")):
        if name in statement:
            words += [word, json.dumps(statement[name], sort_keys=True)]
    return " ".join(words)


def write() -> None:
    """Synthesize each declaration and write the snapshots of its stacks."""
    from modelward_infra import App, build

    for snapshots, declared in DECLARED.items():
        with TemporaryDirectory() as folder:
            app = App(outdir=folder)
            build(app, declared / "registry.toml")
            app.synth()
            for path in sorted(Path(folder).glob("*.template.json")):
                text = summarize(json.loads(path.read_text()))
                (snapshots / f"{path.name.removesuffix('.template.json')}.txt").write_text(text)


if __name__ == "__main__":
    write()
