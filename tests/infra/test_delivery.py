"""Who may deploy from GitHub: one repository's jobs, by their exact subject, and only through the bootstrap's roles."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.infra.conftest import render

from modelward.core.errors import InputError

ISSUER = "token.actions.githubusercontent.com"
HERE = "123456789012-eu-central-1"


def _template(folder: Path, **props: Any) -> Any:
    from aws_cdk import Environment

    from modelward_infra import App, DeployRoleStack, DeployRoleStackProps, GitHubRolesProps, check

    app = App(outdir=str(folder / "cdk.out"))
    roles = GitHubRolesProps(**{"repository": "acme/models", "environment": "production", **props})
    env = Environment(account="123456789012", region="eu-central-1")
    DeployRoleStack(app, "acme-delivery", DeployRoleStackProps(roles, env=env))
    check(app)
    app.synth()
    return json.loads((folder / "cdk.out/acme-delivery.template.json").read_text())


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return _template(tmp_path_factory.mktemp("delivery"))


def _trusts(template: Any) -> dict[str, Any]:
    """Give the trust of each role, by the end of its subject."""
    documents = [
        each["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for each in template["Resources"].values()
        if each["Type"] == "AWS::IAM::Role"
    ]
    return {each[0]["Condition"]["StringEquals"][f"{ISSUER}:sub"]: each for each in documents}


def _taken_on(template: Any, role: str) -> list[str]:
    """Give which roles one of ours may take on."""
    [policy] = [
        each["Properties"]["PolicyDocument"]["Statement"]
        for key, each in template["Resources"].items()
        if each["Type"] == "AWS::IAM::Policy" and key.startswith(f"GitHub{role}")
    ]
    [statement] = render(policy)
    assert statement["Action"] == "sts:AssumeRole"
    assert "Condition" not in statement
    resources = statement["Resource"]
    return resources if isinstance(resources, list) else [resources]


def test_the_subject_and_the_audience_of_a_token_must_be_equal(template: Any) -> None:
    trusts = _trusts(template)
    assert set(trusts) == {"repo:acme/models:environment:production", "repo:acme/models:pull_request"}
    for subject, statements in trusts.items():
        [statement] = statements
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert statement["Condition"] == {
            "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": subject}
        }


def test_jobs_of_the_environment_take_on_the_roles_of_the_bootstrap_each_by_name(template: Any) -> None:
    assert _taken_on(template, "Deploy") == [
        f"arn:aws:iam::123456789012:role/cdk-hnb659fds-{name}-role-{HERE}"
        for name in ("deploy", "file-publishing", "lookup")
    ]


def test_jobs_of_pull_requests_can_only_look(template: Any) -> None:
    assert _taken_on(template, "Diff") == [f"arn:aws:iam::123456789012:role/cdk-hnb659fds-lookup-role-{HERE}"]


def test_the_trust_in_github_stays_and_the_stack_is_protected(template: Any, tmp_path: Path) -> None:
    [provider] = [each for each in template["Resources"].values() if each["Type"] == "AWS::IAM::OIDCProvider"]
    assert provider["Properties"]["Url"] == f"https://{ISSUER}"
    assert provider["Properties"]["ClientIdList"] == ["sts.amazonaws.com"]
    assert provider["DeletionPolicy"] == "Retain"
    assert set(template["Outputs"]) == {"DeployRole", "DiffRole"}
    _template(tmp_path)
    manifest = json.loads((tmp_path / "cdk.out/manifest.json").read_text())["artifacts"]
    assert manifest["acme-delivery"]["properties"]["terminationProtection"] is True


def test_an_account_that_trusts_github_already_is_taken_as_it_is(tmp_path: Path) -> None:
    template = _template(tmp_path, is_provider_there=True)
    assert not [each for each in template["Resources"].values() if each["Type"] == "AWS::IAM::OIDCProvider"]
    for statements in _trusts(template).values():
        federated = render(statements[0]["Principal"]["Federated"])
        assert federated == f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"


def test_other_accounts_are_reached_through_their_own_bootstrap(tmp_path: Path) -> None:
    from aws_cdk import Environment

    template = _template(tmp_path, targets=[Environment(account="210987654321", region="eu-west-1")])
    there = "arn:aws:iam::210987654321:role/cdk-hnb659fds-lookup-role-210987654321-eu-west-1"
    assert _taken_on(template, "Diff")[1:] == [there]


def test_a_repository_with_numbers_as_new_ones_have_it_is_trusted_as_such(tmp_path: Path) -> None:
    template = _template(tmp_path, repository="acme@123456/models@456789")
    assert "repo:acme@123456/models@456789:environment:production" in _trusts(template)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("repository", "models"),
        ("repository", "acme/*"),
        ("repository", "https://github.com/acme/models"),
        ("environment", ""),
        ("environment", "*"),
        ("environment", "a:b"),
    ],
)
def test_what_no_token_can_say_is_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(InputError, match=f"^{name}: "):
        _template(tmp_path, **{name: value})


def test_cfn_lint_finds_nothing_in_it(template: Any, tmp_path: Path) -> None:
    from cfnlint.api import lint_file

    path = tmp_path / "delivery.template.json"
    path.write_text(json.dumps(template))
    assert [str(finding) for finding in lint_file(path)] == []
