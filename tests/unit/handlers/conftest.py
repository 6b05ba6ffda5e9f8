"""Handlers on a context that only remembers: what they hand over is looked at here, what becomes of it in services."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from modelward.config import parse
from modelward.config.settings import Settings
from modelward.handlers import shell
from modelward.services.context import Context

DECLARATION = """
[registry]
name   = "acme"
stages = ["Development", "Staging", "Production", "Archived"]
[environments.staging]
stage = "Staging"
[environments.production]
stage = "Production"
[models.Digits-EU]
owner = "vision-team"
[models.Digits-EU.endpoints.production]
instance_type = "ml.m5.large"
[models.fraud]
owner = "risk"
[notifications]
email = ["ml-platform@example.com"]
"""
_HOME = '"acme"\naccount = "123456789012"\nregion = "eu-west-1"'
ABROAD = DECLARATION.replace('"acme"', _HOME).replace(
    'stage = "Production"', 'stage = "Production"\naccount = "333333333333"'
)
"""The same, with an account of its own for production, where one model has its endpoint."""


class Asked(Exception):  # noqa: N818  # it is no error: it ends a handler at the first thing that it asks of AWS
    """A handler asked AWS for something."""


@dataclass
class Client:
    """A boto3 client that answers with what it was told, and remembers what it was asked."""

    answers: dict[str, Any]
    asked: list[tuple[str, dict[str, Any]]]

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> Any:
            self.asked.append((operation, request))
            answer = self.answers.get(operation, Asked(operation))
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


@dataclass
class Lambda:
    """One function: its context, and what it asked of AWS; `here` is the environment whose own account it runs in."""

    declaration: str = DECLARATION
    here: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        client = Client(self.answers, self.asked)
        names = ("registry", "bucket", "key_arn", "table", "topic_arn", "role_arn", "reconcile_queue_url")
        table = "arn:aws:dynamodb:eu-west-1:123456789012:table/ledger"
        settings = Settings(table_arn=table, **{name: name for name in names})
        self.context = Context(
            spec=parse(self.declaration, "registry.toml"),
            client=lambda service, environment="": client,
            find_settings=lambda: settings,
            clock=lambda: datetime(2026, 1, 5, tzinfo=UTC),
            sleep=lambda _seconds: None,
            folder=Path(),
            here=self.here,
        )

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _ in self.asked]


@pytest.fixture
def function(request):
    """Give the function; with a parameter, where production has its own account, that which runs in this one's."""
    made = Lambda(ABROAD, request.param) if hasattr(request, "param") else Lambda()
    shell._contexts["made"] = made.context
    yield made
    shell._contexts.clear()


@pytest.fixture
def asked():
    return Asked
