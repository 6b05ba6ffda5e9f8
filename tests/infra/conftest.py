"""One synthesis for all tests that only look at it; the CDK is imported when the first of them runs."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT, REGION = "123456789012", "eu-central-1"
_PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::URLSuffix": "amazonaws.com"}


@dataclass(frozen=True)
class Assembly:
    folder: Path
    name: str

    def template(self, stack: str) -> Any:
        return json.loads((self.folder / f"{self.name}-{stack}.template.json").read_text())

    def resources(self, stack: str, kind: str = "") -> dict[str, Any]:
        found = self.template(stack)["Resources"]
        return {key: value for key, value in found.items() if kind in ("", value["Type"])}

    def one(self, stack: str, kind: str) -> Any:
        [resource] = self.resources(stack, kind).values()
        return resource

    @property
    def asset(self) -> Path:
        [folder] = self.folder.glob("asset.*")
        return folder

    def function(self, handler: str) -> tuple[str, Any]:
        [found] = [
            (key, value)
            for key, value in self.resources("workflow", "AWS::Lambda::Function").items()
            if value["Properties"]["Handler"] == f"modelward.handlers.{handler}.handler"
        ]
        return found

    def statements(self, handler: str) -> list[dict[str, Any]]:
        """Give what the role of a function may do, as text."""
        return [each for document in self.policies(handler) for each in spelled(document)]

    def policies(self, handler: str) -> list[Any]:
        """Give the policies of a function's role: the inline one, and those over which the CDK spreads a long one."""
        role = self.function(handler)[1]["Properties"]["Role"]["Fn::GetAtt"][0]
        return [
            render(policy["Properties"]["PolicyDocument"])
            for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
            for policy in self.resources("workflow", kind).values()
            if policy["Properties"]["Roles"] == [{"Ref": role}]
        ]

    def execution_statements(self) -> list[dict[str, Any]]:
        """Give what the role of served models may do, as text."""
        return spelled(self.one("registry", "AWS::IAM::Policy")["Properties"]["PolicyDocument"])


_SPELLED: Mapping[str, Callable[[Any], Any]] = {
    "Ref": lambda name: _PSEUDO.get(name, name),
    "Fn::GetAtt": ".".join,
    "Fn::ImportValue": lambda export: export.partition(":")[2],
    "Fn::Join": lambda argument: argument[0].join(render(argument[1])),
}


def render(value: Any) -> Any:
    """Replace CloudFormation's functions by text such as they would give."""
    if isinstance(value, list):
        return [render(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    if len(value) == 1 and (name := next(iter(value))) in _SPELLED:
        return _SPELLED[name](value[name])
    return {key: render(each) for key, each in value.items()}


def spelled(document: Any) -> list[dict[str, Any]]:
    """Give a policy's statements, with lists where it may have one text."""
    return [
        {**each, "Action": _listed(each["Action"]), "Resource": _listed(each["Resource"])}
        for each in render(document["Statement"])
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Synthesizer:
    """Synthesizes declarations in this process; cdk-nag looks on, and raises on any finding."""

    def __init__(self, make_folder: Callable[[str], Path]) -> None:
        self._make_folder = make_folder

    def __call__(self, text: str = "", *, context: Mapping[str, Any] | None = None, env: Any = None) -> Assembly:
        from modelward_infra import App, build, check

        folder = self._make_folder("synthesis")
        spec = folder / "registry.toml"
        spec.write_text(text or (ROOT / "registry.toml").read_text(), newline="\n")
        app = App(outdir=str(folder / "cdk.out"), context=dict(context or {}))
        registry = build(app, spec, env=env)
        check(app)
        app.synth()
        return Assembly(folder / "cdk.out", registry.workflow.content.settings.registry)

    @staticmethod
    def declare(*models: str, are_served: bool = True, notifications: str = "") -> str:
        """Write a declaration of models, each served in two environments or in none."""
        endpoints = (
            "[models.{0}.endpoints.production]\ninstance_type = 'ml.m5.large'\n"
            "[models.{0}.endpoints.staging]\nserverless = {{ memory_mb = 1024, max_concurrency = 1 }}\n"
        )
        return (
            '[registry]\nname = "acme"\nstages = ["Development", "Staging", "Production", "Archived"]\n'
            '[environments.staging]\nstage = "Staging"\n[environments.production]\nstage = "Production"\n'
            + "".join(
                f'[models.{name}]\nowner = "team"\n' + (endpoints.format(name) if are_served else "") for name in models
            )
            + notifications
        )


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesizer:
    return Synthesizer(tmp_path_factory.mktemp)


@pytest.fixture(scope="session")
def assembly(synthesize: Synthesizer) -> Assembly:
    """Give the stacks of the repository's own registry.toml."""
    return synthesize()


@pytest.fixture(scope="session")
def many(synthesize: Synthesizer) -> Assembly:
    """Give the stacks of a registry with more models than fit into one policy or one event pattern."""
    return synthesize(synthesize.declare(*(f"fraud-detection-with-a-long-name-{number:03d}" for number in range(100))))


@pytest.fixture(scope="session", name="render")
def _render() -> Callable[[Any], Any]:
    return render


@pytest.fixture(scope="session", name="spelled")
def _spelled() -> Callable[[Any], list[dict[str, Any]]]:
    return spelled
