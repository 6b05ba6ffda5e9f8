"""Names made to fit: always what SageMaker takes, never the same for two things."""

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from modelward.core.arn import VersionArn, who
from modelward.core.names import (
    ENTITY_NAME_LIMIT,
    endpoint_name,
    fit_name,
    is_entity_name,
    is_scaled,
    rollout_name,
    rollout_prefix,
    transform_name,
    version_in,
)

NAMES = st.from_regex(re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", re.ASCII), fullmatch=True).filter(
    lambda text: len(text) <= ENTITY_NAME_LIMIT
)
VERSIONS = st.integers(1, 999_999_999)
DIGESTS = st.text("0123456789abcdef", min_size=8, max_size=8)


@given(parts=st.lists(NAMES, min_size=1, max_size=4))
def test_a_name_made_of_valid_names_is_valid(parts):
    assert is_entity_name(fit_name(*parts))


@given(one=st.lists(NAMES, min_size=1, max_size=4), other=st.lists(NAMES, min_size=1, max_size=4))
def test_names_that_differ_when_joined_still_differ_when_cut(one, other):
    assert (fit_name(*one) == fit_name(*other)) == ("-".join(one) == "-".join(other))


@given(model=NAMES, version=VERSIONS)
def test_a_transform_job_is_named_by_model_version_and_time(model, version):
    name = transform_name(model, version, datetime(2026, 1, 5, 9, 5, 0, 123_456, UTC))
    assert is_entity_name(name)
    assert name.endswith(f"-v{version}-20260105-090500-123")
    assert name.startswith(model[:31].rstrip("-"))


def test_two_long_names_that_begin_alike_never_meet():
    names = {fit_name("model-" + "a" * 60, f"environment-{number}") for number in range(500)}
    assert len(names) == 500
    assert max(map(len, names)) <= ENTITY_NAME_LIMIT


@given(model=NAMES, environment=NAMES, version=VERSIONS, digest=DIGESTS)
def test_the_name_of_a_rollout_is_valid_and_tells_its_version(model, environment, version, digest):
    name = rollout_name(model, environment, version, digest)
    assert is_entity_name(name)
    assert version_in(name) == version
    assert name.startswith(rollout_prefix(model, environment))


@given(model=NAMES, environment=NAMES, version=VERSIONS, other=VERSIONS, digest=DIGESTS)
def test_two_versions_have_two_names(model, environment, version, other, digest):
    names = {rollout_name(model, environment, each, digest) for each in (version, other)}
    assert len(names) == len({version, other})


@given(name=NAMES)
def test_a_name_that_is_not_ours_tells_no_version_or_ends_as_ours_do(name):
    assert version_in(name) is None or re.search(r"-v\d{1,9}-[0-9a-f]{7}[0-9a-fs]$", name)


@given(model=NAMES, environment=NAMES, version=VERSIONS, digest=DIGESTS)
def test_the_name_of_a_rollout_tells_whether_its_instances_are_scaled(model, environment, version, digest):
    scaled = rollout_name(model, environment, version, f"{digest[:7]}s")
    assert is_scaled(scaled)
    assert is_entity_name(scaled)
    assert version_in(scaled) == version
    assert not is_scaled(rollout_name(model, environment, version, digest))


def test_names_of_others_tell_no_version():
    for name in ("digits-production", "digits-v2", "digits-v2-xyz", "", "v2-00000000", "digits-v1234567890-00000000"):
        assert version_in(name) is None


def test_what_sagemaker_refuses_is_no_name():
    for text in ("", "-a", "a-", "a_b", "a.b", "a b", "é", "a" * 64, "a\n"):
        assert not is_entity_name(text)


def test_an_endpoint_is_named_after_model_and_environment():
    assert endpoint_name("digits", "production") == "digits-production"


REGIONS = st.sampled_from(["us-east-1", "eu-central-1", "ap-southeast-1", "us-gov-west-1", "cn-north-1"])
ARNS = st.builds(
    VersionArn,
    partition=st.sampled_from(["aws", "aws-cn", "aws-us-gov"]),
    region=REGIONS,
    account=st.text("0123456789", min_size=12, max_size=12),
    group=NAMES,
    version=VERSIONS,
)


@given(arn=ARNS)
def test_the_arn_of_a_version_survives_being_spelled_and_read(arn):
    assert VersionArn.parse(str(arn)) == arn


@given(text=st.text())
def test_any_other_text_is_no_arn_and_raises_nothing(text):
    assert VersionArn.parse(text) is None


def test_arns_of_other_things_are_no_arns_of_versions():
    place = "arn:aws:sagemaker:eu-west-1:123456789012"
    for rest in (
        "model-package/digits", "model-package-group/digits", "model-package/digits/0x1", "endpoint/digits/1",
        "model-package/digits/1/2", "model-package/digits/1234567890", "model-package/digits/1 ",
    ):  # fmt: skip
        assert VersionArn.parse(f"{place}:{rest}") is None


def test_who_did_it_is_told_in_the_words_that_people_know():
    assert who("arn:aws:iam::123456789012:user/team/ana") == "ana"
    assert who("arn:aws:sts::123456789012:assumed-role/admin/ana@example.com") == "ana@example.com"
    assert who("arn:aws:iam::123456789012:root") == "arn:aws:iam::123456789012:root"
    assert who("modelward") == "modelward"
    assert who("") == ""
