"""What the tests of whole processes share."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from modelward.local.identities import AccessKey
from modelward.local.up import ACCOUNT, LocalAws


def processes_of(folder: Path) -> list[str]:
    """Give the command lines that name a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


def nothing_is_left(folder: Path, *, limit_s: float = 10.0) -> None:
    """Wait until a folder for temporary files is empty and no process works with it."""
    deadline = time.monotonic() + limit_s
    while (left := processes_of(folder)) or (files := list(folder.iterdir())):
        assert time.monotonic() < deadline, f"left: {left or files}"
        time.sleep(0.05)


@pytest.fixture(name="processes_of")
def _processes_of() -> Callable[[Path], list[str]]:
    return processes_of


@pytest.fixture(name="nothing_is_left")
def _nothing_is_left() -> Callable[..., None]:
    return nothing_is_left


@dataclass
class People:
    """Makes IAM users and roles, in any account of a local AWS, and the clients of whoever works as them."""

    aws: LocalAws

    def user(self, name: str, *statements: dict[str, Any], account: str = ACCOUNT, **more: Any) -> AccessKey:
        """Make a user who may do what the statements say; return the key."""
        iam = self.aws.root_client("iam", account=account)
        iam.create_user(UserName=name, **more)
        self.grant(name, *statements, account=account)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return AccessKey(key["AccessKeyId"], key["SecretAccessKey"])

    def grant(self, name: str, *statements: dict[str, Any], account: str = ACCOUNT) -> None:
        """Let a user do what the statements say, and nothing else."""
        policy = document(*statements or ({"Effect": "Allow", "Action": "x:Nothing", "Resource": "*"},))
        self.aws.root_client("iam", account=account).put_user_policy(
            UserName=name, PolicyName="p", PolicyDocument=policy
        )

    def role(self, name: str, trusted: Any, *statements: dict[str, Any], account: str = ACCOUNT, **more: Any) -> str:
        """Make a role that somebody trusted may assume; return its ARN."""
        iam = self.aws.root_client("iam", account=account)
        actions = ["sts:AssumeRole", "sts:SetSourceIdentity"]
        trust = document({"Effect": "Allow", "Principal": trusted, "Action": actions})
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **more)["Role"]["Arn"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
        return arn

    def client(self, key: Any, service: str = "sagemaker") -> Any:
        """Return a client of a user (AccessKey) or of a session (STS's Credentials)."""
        if isinstance(key, AccessKey):
            return self.aws._client(key, service, self.aws.region)
        session = boto3.Session(
            key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"], region_name=self.aws.region
        )
        make: Any = session.client
        client = make(service, endpoint_url=self.aws.endpoint_url)
        self.aws._clients[AccessKey(key["AccessKeyId"], ""), service, ""] = client  # to be closed with the others
        return client


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture(name="document", scope="session")
def _document() -> Callable[..., str]:
    return document


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    """Give a bare local AWS that the tests of a module share."""
    with LocalAws() as started:
        yield started


@pytest.fixture(scope="module")
def people(aws: LocalAws) -> People:
    return People(aws)
