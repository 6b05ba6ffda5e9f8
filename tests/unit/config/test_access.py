"""Who may do what, as registry.toml says it."""

import pytest

from modelward import config
from modelward.config import AccessSpec, ModelAccessSpec
from modelward.config.checks import MOST_OWN_APPROVERS
from modelward.core.errors import ConfigError
from modelward.core.model_package import StageStatus

HEAD = '[registry]\nname = "acme"\nstages = ["Development", "Staging", "Production", "Archived"]\n'
ANN, BOB = "arn:aws:iam::123456789012:user/ann", "arn:aws-cn:iam::210987654321:role/teams/Approvers"


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        config.parse(HEAD + text)
    return caught.value


def test_principals_boundary_and_path_are_read():
    spec = config.parse(
        HEAD
        + f"""[access]
contributors = ["{ANN}"]
approvers = ["{BOB}"]
permissions_boundary = "TeamBoundary"
role_path = "/teams/ml/"
[models.digits]
owner = "team"
[models.digits.access]
approvers = ["{BOB}"]
"""
    )
    assert spec.access == AccessSpec(
        contributors=(ANN,), approvers=(BOB,), permissions_boundary="TeamBoundary", role_path="/teams/ml/"
    )
    assert spec.models["digits"].access == ModelAccessSpec((BOB,))


def test_nobody_is_named_unasked():
    assert config.parse(HEAD).access == AccessSpec()


@pytest.mark.parametrize(
    ("text", "key", "found", "allowed"),
    [
        ('approvers = ["*"]', "access.approvers[0]", "'*'", "the ARN of one IAM role or user"),
        ('auditors = ["arn:aws:iam::123456789012:root"]', "access.auditors[0]", ":root'", "the ARN of one IAM role"),
        ('auditors = ["arn:aws:iam::1:role/a"]', "access.auditors[0]", "::1:", "the ARN of one IAM role"),
        ('auditors = ["arn:aws:iam::123456789012:role/*"]', "access.auditors[0]", "role/*", "the ARN of one IAM role"),
        ('role_path = "teams"', "access.role_path", "'teams'", "an IAM path"),
        ('permissions_boundary = "a boundary"', "access.permissions_boundary", "'a boundary'", "the name or the ARN"),
        ("approver = []", "access.approver", "did you mean 'approvers'?", "contributors, validators"),
    ],
)
def test_what_names_no_principal_policy_or_path_is_refused(text: str, key: str, found: str, allowed: str):
    error = refusal(f"[access]\n{text}\n")
    assert error.key == key
    assert found in str(error)
    assert allowed in str(error)


def test_who_registers_is_not_named_as_an_approver():
    error = refusal(f'[access]\ncontributors = ["{ANN}"]\napprovers = ["{BOB}", "{ANN}"]\n')
    assert error.key == "access.approvers[1]"
    assert "which access.contributors has too" in str(error)


def test_who_registers_is_not_named_as_the_approver_of_one_model_either():
    model = f'[models.digits]\nowner = "team"\n[models.digits.access]\napprovers = ["{ANN}"]\n'
    assert refusal(f'[access]\ncontributors = ["{ANN}"]\n{model}').key == "models.digits.access.approvers[0]"


def test_a_model_with_approvers_of_its_own_has_at_least_one():
    error = refusal('[models.digits]\nowner = "team"\n[models.digits.access]\napprovers = []\n')
    assert error.key == "models.digits.access.approvers"


def test_more_roles_than_an_account_has_room_for_are_refused():
    models = "".join(
        f'[models.m{number}]\nowner = "team"\n[models.m{number}.access]\napprovers = ["{BOB}"]\n'
        for number in range(MOST_OWN_APPROVERS + 1)
    )
    assert "201 models with approvers of their own" in str(refusal(models))


def test_validators_need_a_stage_between_the_first_and_the_release():
    short = '[registry]\nname = "acme"\nstages = ["Development", "Production", "Archived"]\n'
    with pytest.raises(ConfigError, match="no stage between the first and the last two"):
        config.parse(f'{short}[access]\nvalidators = ["{ANN}"]\n')


def test_stages_are_divided_among_duties():
    spec = config.parse(HEAD + '[environments.production]\nstage = "Production"\n')
    assert (spec.first_stage, spec.trial_stages, spec.release_stage) == ("Development", ("Staging",), "Production")
    statuses = [spec.status_on_entry(stage) for stage in spec.stages]
    assert statuses == [StageStatus.APPROVED, StageStatus.APPROVED, StageStatus.IN_PROGRESS, StageStatus.RETIRED]
